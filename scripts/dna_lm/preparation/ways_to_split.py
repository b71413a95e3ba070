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
from .options import SplittingOptions
from .records import Records
from .splitting import SPLITS, split_by_chromosome, split_by_column, split_by_group, split_random
from .strata import REST, strata

# What the column of groups is called by which dev is drawn from a train that came with its splits.
GROUP_COLUMN = "group"
# A cluster with more than this share of the sequences is worth a word: nearly all of it is in one split.
LARGE_CLUSTER = 0.1


@dataclass(frozen=True)
class _Request:
    """What is to be split and how.

    fractions: the shares of train, dev and test. leaked: as for `divide`.
    """

    records: Records
    options: SplittingOptions
    fractions: tuple[float, float, float]
    leaked: int

    @property
    def strata(self) -> np.ndarray:
        """(n,) the stratum of each record, of which each split is to have its share."""
        return strata(self.records["label"], self.options.target, self.fractions)

    @property
    def stratified(self) -> pd.DataFrame:
        """The records with the stratum as the label."""
        return self.records.table.assign(label=self.strata)

    @property
    def as_one(self) -> pd.DataFrame:
        """The records with labels, of which each split needs one; all the same where labels are no classes."""
        table = self.records.table
        return table if self.options.target == words.CLASSES else table.assign(label=REST)

    @property
    def by_what(self) -> str:
        """What each split has a like share of."""
        return {
            words.CLASSES: "label by label",
            words.MULTI_LABEL: "by the set of labels, or the rarest label of rare sets",
            words.NUMBER: "by the quantiles of the numbers",
        }[self.options.target]

    @property
    def shares(self) -> str:
        return ", ".join(
            f"{share:.4g} {words.SPLIT_NAMES[name]}" for name, share in zip(SPLITS, self.fractions, strict=True)
        )


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


def divide(records: Records, options: SplittingOptions, fractions: tuple[float, float, float], leaked: int) -> Division:
    """Split records (columns `sequence`, `label`, and `_by` or `_split` where the way to split needs them).

    options.split: one of words.RANDOM, SIMILARITY and so on, not None. fractions: the shares of train, dev and test.
    leaked: how many records were removed from the splits of the input as copies in another one.
    Raises UserError when they cannot be split so.
    """
    ways = {
        words.RANDOM: _at_random,
        words.CHROMOSOME: _by_chromosome,
        words.GROUP: _by_group,
        words.SIMILARITY: _by_similarity,
        words.COLUMN: _by_column,
    }
    result = ways[options.split](_Request(records, options, fractions, leaked))
    if options.target == words.MULTI_LABEL:
        result.warnings.extend(_label_warnings(records["label"], result.split))
    return result


def _at_random(request: _Request) -> Division:
    seed = request.options.seed
    how = f"the splits were drawn at random, {request.by_what} ({request.shares}, seed {seed})"
    split = split_random(request.stratified, request.fractions, seed)
    return Division(split, how, warnings=_overlap_warnings(request.records.table))


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
        "into the training and test sets; choose the split by similarity or by chromosome"
    ]


def _by_chromosome(request: _Request) -> Division:
    dev, test = request.options.dev_chromosomes, request.options.test_chromosomes
    how = f"the test set is {test}, the development set is {dev}, and the training set all other chromosomes"
    split = split_by_chromosome(request.as_one, BY, dev, test)
    return Division(split, how, request.records[BY].astype(str).str.strip().to_numpy(dtype=object))


def _by_group(request: _Request) -> Division:
    by = request.records[BY]
    groups, names = pd.factorize(by)
    split, within = _whole_groups(request, groups, "group", list(names))
    how = f"none of the {len(names):,} groups is in two splits, and {within}"
    return Division(split, how, by.to_numpy(dtype=object))


def _by_similarity(request: _Request) -> Division:
    from .similarity import reliability_warnings, similar_groups  # scipy is imported for those who need it

    groups = similar_groups(request.records)
    split, within = _whole_groups(request, groups, "cluster", None)
    sizes = np.bincount(groups)
    largest = int(sizes.argmax())
    share = sizes[largest] / len(groups)
    where = f"the {words.SPLIT_NAMES[split[groups == largest][0]]} set"
    how = f"no two similar sequences were found; {within}"
    if sizes[largest] > 1:
        how = (
            f"similar sequences are in the same split: there are {len(sizes):,} clusters, the largest of "
            f"{sizes[largest]:,} sequences ({share:.1%} of all; it is in {where}), and {(sizes == 1).sum():,} "
            f"sequences are similar to no other; {within}"
        )
    warnings = reliability_warnings(request.records["sequence"].str.len().to_numpy())
    if sizes[largest] > 1 and share > LARGE_CLUSTER:
        warnings.append(
            f"{share:.1%} of the sequences are linked to one cluster, mostly by repeats, and all of it is in {where}: "
            "the other splits have none of these sequences, so that scores say little about them"
        )
    return Division(split, how, np.array([f"c{group}" for group in groups], dtype=object), warnings)


def _whole_groups(request: _Request, groups: np.ndarray, kind: str, names: list[str] | None) -> tuple[np.ndarray, str]:
    """Split by groups; return the splits, and what the shares in them are within."""
    options = request.options

    def split(table: pd.DataFrame) -> np.ndarray:
        return split_by_group(table, groups, request.fractions, options.tolerance, options.seed, kind, names)

    within = f"is within {options.tolerance:.4g} of the fractions {request.shares}"
    if options.target == words.CLASSES:
        return split(request.records.table), f"each label {within}"
    what = "quantile bin of the numbers" if options.target == words.NUMBER else "set of labels"
    try:
        return split(request.stratified), f"each {what} {within}"
    except UserError:
        # Fractions of all sequences are all that such groups allow.
        return split(request.as_one), f"each split {within}, though not each {what}"


def _by_column(request: _Request) -> Division:
    how, leaked = "the splits are those of the input", request.leaked
    if leaked:
        how += (
            f", less {leaked:,} sequence{'s' * (leaked > 1)} that had a copy in another split; of copies the one "
            "in the test set is kept, or else the one in the development set"
        )
    given, seed = request.records[SPLIT], request.options.seed
    groups, by = _groups_for_dev(request.records)
    if not (given == "dev").any():
        how += f"; the development set was drawn from the training set, {by} ({request.by_what}, seed {seed})"
    split = split_by_column(request.as_one, given, request.fractions, seed, groups, request.strata)
    return Division(split, how)


def _groups_for_dev(records: Records) -> tuple[Callable[[np.ndarray], np.ndarray], str]:
    """Return what gives the groups that stay whole when dev is drawn from train, and the words for it.

    The former takes which records are those of train, (n,) bool, and returns the number of the group of each of them.
    """
    for name in (CLUSTER, GROUP_COLUMN):
        if name in records:
            return lambda train, name=name: pd.factorize(records[name][train])[0], (
                f"in whole groups of the column {name!r}"
            )

    def similar(train: np.ndarray) -> np.ndarray:
        from .similarity import similar_groups

        return similar_groups(records.select(train))

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
                f"the training set has no sequence with label {label!r}, which occurs in the development or test set; "
                "add sequences with this label, or split in another way"
            )
    return [
        f"the {words.SPLIT_NAMES[name]} set has no sequence with label {label!r}, so that it has no score for it"
        for name in SPLITS[1:]
        for label in each
        if label not in found[name]
    ]
