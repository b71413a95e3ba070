"""The ways to split records, each with the sentences that say what was done and what to beware of."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .. import words
from ..data.columns import BY, CLUSTER, POSITION, SPLIT, has_positions
from ..data.labels import ordered_labels
from ..data.targets import NO_LABEL, SEPARATOR
from ..errors import UserError
from .splitting import SPLITS, split_by_chromosome, split_by_column, split_by_group, split_random
from .strata import REST, strata

# What the column of groups is called by which dev is drawn from a train that came with its splits.
GROUP_COLUMN = "group"
# A cluster with more than this share of the sequences is worth a word: nearly all of it is in one split.
LARGE_CLUSTER = 0.1


@dataclass(frozen=True)
class Request:
    """How to split.

    split: one of words.RANDOM, SIMILARITY and so on; target: words.CLASSES, MULTI_LABEL or NUMBER.
    fractions: the shares of train, dev and test. The others are the command line's options.
    """

    split: str
    target: str
    fractions: tuple[float, float, float]
    tolerance: float
    dev_chromosomes: str
    test_chromosomes: str
    seed: int


@dataclass(frozen=True)
class Division:
    """How records were split.

    split: (n,) the name of each record's split. how: a sentence.
    clusters: (n,) text, what records are independent of each other by, or None if that is not known.
    warnings: sentences.
    """

    split: np.ndarray
    how: str
    clusters: np.ndarray | None = None
    warnings: list[str] = field(default_factory=list)


def divide(records: pd.DataFrame, request: Request, leaked: int) -> Division:
    """Split records (columns `sequence`, `label`, and `_by` or `_split` where the way to split needs them).

    leaked: how many records were removed from the splits of the input as copies in another one.
    Raises UserError when they cannot be split so.
    """
    ways = {
        words.RANDOM: _at_random,
        words.CHROMOSOME: _by_chromosome,
        words.GROUP: _by_group,
        words.SIMILARITY: _by_similarity,
    }
    if request.split == words.COLUMN:
        result = _by_column(records, request, leaked)
    else:
        result = ways[request.split](records, request)
    if request.target == words.MULTI_LABEL:
        result.warnings.extend(_label_warnings(records["label"], result.split))
    return result


def _stratified(records: pd.DataFrame, request: Request) -> pd.DataFrame:
    """Return the records with the stratum, of which each split is to have its share, as the label."""
    return records.assign(label=strata(records["label"], request.target, request.fractions))


def _as_one(records: pd.DataFrame, request: Request) -> pd.DataFrame:
    """Return the records with labels, of which each split needs one; all the same where labels are no classes."""
    return records if request.target == words.CLASSES else records.assign(label=REST)


def _strata_said(request: Request) -> str:
    """Return what each split has a like share of."""
    return {
        words.CLASSES: "label by label",
        words.MULTI_LABEL: "by the set of labels, or the rarest label of rare sets",
        words.NUMBER: "by the quantiles of the numbers",
    }[request.target]


def _shares(fractions: tuple[float, float, float]) -> str:
    return ", ".join(f"{share:.4g} {name}" for name, share in zip(SPLITS, fractions, strict=True))


def _at_random(records: pd.DataFrame, request: Request) -> Division:
    how = (
        f"the splits were drawn at random, {_strata_said(request)} ({_shares(request.fractions)}, seed {request.seed})"
    )
    split = split_random(_stratified(records, request), request.fractions, request.seed)
    return Division(split, how, warnings=_overlap_warnings(records))


def _overlap_warnings(records: pd.DataFrame) -> list[str]:
    """Return a sentence if windows of the genome overlap, whose parts a random split puts on both sides."""
    if not has_positions(records):
        return []
    ordered = records.sort_values([POSITION[0], *POSITION[1:]], kind="stable")
    # The furthest end so far on the same chromosome.
    furthest = ordered.groupby(POSITION[0])[POSITION[2]].cummax()
    same = (ordered[POSITION[0]] == ordered[POSITION[0]].shift()).to_numpy()
    behind = same & (ordered[POSITION[1]].to_numpy() < furthest.shift().to_numpy())
    overlapping = behind.copy()
    overlapping[:-1] |= behind[1:]
    count = int(overlapping.sum())
    if not count:
        return []
    return [
        f"{count:,} of {len(records):,} windows overlap another one, and a random split puts parts of the same DNA "
        "into train and test; choose the split by similarity or by chromosome"
    ]


def _by_chromosome(records: pd.DataFrame, request: Request) -> Division:
    dev, test = request.dev_chromosomes, request.test_chromosomes
    how = f"test is {test}, dev is {dev}, and train all other chromosomes"
    split = split_by_chromosome(_as_one(records, request), BY, dev, test)
    return Division(split, how, records[BY].astype(str).str.strip().to_numpy(dtype=object))


def _by_group(records: pd.DataFrame, request: Request) -> Division:
    groups, names = pd.factorize(records[BY])
    split, within = _whole_groups(records, groups, request, "group", list(names))
    how = f"none of the {len(names):,} groups is in two splits, and {within}"
    return Division(split, how, records[BY].to_numpy(dtype=object))


def _by_similarity(records: pd.DataFrame, request: Request) -> Division:
    from .similarity import reliability_warnings, similar_groups  # scipy is imported for those who need it

    groups = similar_groups(records["sequence"].tolist())
    split, within = _whole_groups(records, groups, request, "cluster", None)
    sizes = np.bincount(groups)
    largest = int(sizes.argmax())
    share = sizes[largest] / len(groups)
    where = split[groups == largest][0]
    how = f"no sequence was found to resemble another one; {within}"
    if sizes[largest] > 1:
        how = (
            f"sequences that resemble each other are in the same split: there are {len(sizes):,} clusters, the largest "
            f"of {sizes[largest]:,} sequences ({share:.1%} of all; it is in {where}), and {(sizes == 1).sum():,} "
            f"sequences resemble no other; {within}"
        )
    warnings = reliability_warnings(records["sequence"].str.len().to_numpy())
    if sizes[largest] > 1 and share > LARGE_CLUSTER:
        warnings.append(
            f"{share:.1%} of the sequences are linked to one cluster, mostly by repeats, and all of it is in {where}: "
            "the other splits have none of these sequences, so that scores say little about them"
        )
    return Division(split, how, np.array([f"c{group}" for group in groups], dtype=object), warnings)


def _whole_groups(
    records: pd.DataFrame, groups: np.ndarray, request: Request, kind: str, names: list[str] | None
) -> tuple[np.ndarray, str]:
    """Split by groups; return the splits, and what the shares in them are within."""

    def split(stratified: pd.DataFrame) -> np.ndarray:
        return split_by_group(stratified, groups, request.fractions, request.tolerance, request.seed, kind, names)

    within = f"is within {request.tolerance:.4g} of the fractions {_shares(request.fractions)}"
    if request.target == words.CLASSES:
        return split(records), f"each label {within}"
    what = "quantile bin of the numbers" if request.target == words.NUMBER else "set of labels"
    try:
        return split(_stratified(records, request)), f"each {what} {within}"
    except UserError:
        # Fractions of all sequences are all that such groups allow.
        return split(_as_one(records, request)), f"each split {within}, though not each {what}"


def _by_column(records: pd.DataFrame, request: Request, leaked: int) -> Division:
    how = "the splits are those of the input"
    if leaked:
        how += (
            f", less {leaked:,} sequence{'s' * (leaked > 1)} that had a copy in another split; of copies the one "
            "in test is kept, or else the one in dev"
        )
    groups, by = _groups_for_dev(records)
    if not (records[SPLIT] == "dev").any():
        how += f"; dev was drawn from train, {by} ({_strata_said(request)}, seed {request.seed})"
    drawn_by = strata(records["label"], request.target, request.fractions)
    split = split_by_column(
        _as_one(records, request), records[SPLIT], request.fractions, request.seed, groups, drawn_by
    )
    return Division(split, how)


def _groups_for_dev(records: pd.DataFrame) -> tuple[Callable[[pd.DataFrame], np.ndarray], str]:
    """Return what gives the groups that stay whole when dev is drawn from train, and the words for it."""
    for name in (CLUSTER, GROUP_COLUMN):
        if name in records:
            return lambda some, name=name: pd.factorize(some[name])[0], f"in whole groups of the column {name!r}"

    def similar(some: pd.DataFrame) -> np.ndarray:
        from .similarity import similar_groups

        return similar_groups(some["sequence"].tolist())

    return similar, "with similar sequences kept together"


def _label_warnings(labels: pd.Series, split: np.ndarray) -> list[str]:
    """Return a sentence for each of several labels that no sequence of dev or of test has.

    Raises UserError when a label occurs in no sequence of train: a model could not know it.
    """
    found = {name: {one for text in labels[split == name].unique() for one in text.split(SEPARATOR)} for name in SPLITS}
    each = ordered_labels(set.union(*found.values()) - {NO_LABEL})
    for label in each:
        if label not in found["train"]:
            raise UserError(
                f"train has no sequence with label {label!r}, which occurs in dev or test; add sequences with this "
                "label, or split in another way"
            )
    return [
        f"{name} has no sequence with label {label!r}, so that it has no score for it"
        for name in SPLITS[1:]
        for label in each
        if label not in found[name]
    ]
