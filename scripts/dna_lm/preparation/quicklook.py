"""What a user should know of a dataset before training on it: its numbers, and whether trivial models do the task."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..baselines import names as baseline_names
from ..baselines.kmer_baseline import STRENGTH, kmer_features
from ..baselines.kmer_counts import canonical_kmers, total_kmers
from ..baselines.linear_model import fitted, predictions_from_number
from ..baselines.names import COMMONEST, TITLES, title
from ..data.packing import OTHER, Packed, gc_content, pack
from ..data.sampling import draw
from ..data.targets import Target
from ..scores.metrics import score
from ..scores.truth import present
from ..words import CLASSES, NUMBER
from .records import Records

# Short enough to be compared by eye, and rich in what classes differ by: CpG, poly-A, codons.
K = 3
# What the trivial models learn from and are scored on, at most. All 32,378 rows of GUE tf/0's train, instead of these,
# raise the k-mers' ROC-AUC by 0.005.
MOST_TRAINED, MOST_SCORED = 20_000, 5_000
# ROC-AUC is the chance that a sequence of one label gets a higher value than one of the other. At 0.8 one number, with
# no motif in it, ranks four pairs of five, and it is no longer seen whether a model found more than that.
COMPOSITION_WARNING = 0.8
# At 0.95 counting words leaves one pair of twenty to win.
KMER_WARNING = 0.95
# The same for numbers, as Spearman correlations: where two normal distributions have a ROC-AUC of 0.8 or 0.95, a value
# and the number of its class have correlations of about 0.5 and 0.8; of numbers on a scale more is asked.
COMPOSITION_CORRELATION, KMER_CORRELATION = 0.6, 0.9
# Parts of about equal size into which numbers are divided to be shown like labels.
PARTS = 3
# Ten to one: always giving the commonest of two labels has an accuracy above 0.9.
IMBALANCE_WARNING = 10
# How many standard deviations a ROC-AUC has to be from 0.5, that of chance, before a warning is based on it.
BEYOND_CHANCE = 2

# The scores of the trivial models. Not registry.SHOWN, which for several labels has other scores than for classes: here
# classes and several labels have the same columns.
SCORES, NUMBER_SCORES = ("accuracy", "mcc", "roc_auc"), ("spearman", "r2", "mae")
# What tables and warnings call these models.
GC, LENGTH, KMERS = (TITLES[name] for name in (baseline_names.GC, baseline_names.LENGTH, baseline_names.KMERS))


@dataclass(frozen=True)
class Group:
    """The sequences of one label in one split.

    lengths: (n,) int64, in letters.
    gc: (n,) float64, the share of G and C among A, C, G and T, 0 to 1; NaN for a sequence without those.
    other: how many letters are none of A, C, G, T.
    kmers: (32,) int64, how often each of KMER_NAMES occurs on both strands.
    """

    lengths: np.ndarray
    gc: np.ndarray
    other: int
    kmers: np.ndarray


KMER_NAMES = tuple(canonical_kmers(K))


@dataclass(frozen=True)
class Look:
    """What there is to see.

    labels: in the order of the classifier's outputs; of numbers the ranges that their PARTS span in train.
    groups: by split and label; a label that a split lacks has empty arrays. A sequence with several labels is in
    several groups.
    baselines: a row for each trivial model, columns `model`, `accuracy`, `mcc`, `roc_auc` (of the second of two labels,
    or the mean over more, each against the rest; NaN where not defined), of numbers NUMBER_SCORES: trained on train,
    scored on dev. Without rows if dev is empty; with the first one alone if train has a single label.
    trained, scored: how many sequences of train and of dev that was.
    warnings: sentences.
    kind: words.CLASSES, MULTI_LABEL or NUMBER.
    numbers: the mean, the least and the greatest of all numbers, or None for labels.
    """

    labels: list[str]
    groups: dict[tuple[str, str], Group]
    baselines: pd.DataFrame
    trained: int
    scored: int
    warnings: list[str]
    kind: str = CLASSES
    numbers: tuple[float, float, float] | None = None

    @property
    def splits(self) -> list[str]:
        return list(dict.fromkeys(split for split, _ in self.groups))

    @property
    def one_length(self) -> int | None:
        """The length of all sequences, or None if it varies."""
        lengths = {length for group in self.groups.values() for length in np.unique(group.lengths).tolist()}
        return lengths.pop() if len(lengths) == 1 else None

    def table(self) -> pd.DataFrame:
        """Return a row for each split and label; lengths in letters, GC and other letters as shares, 0 to 1."""
        return pd.DataFrame([_row(split, label, group) for (split, label), group in self.groups.items()])


def look(splits: dict[str, Records], labels: list[str], seed: int, kind: str = CLASSES) -> Look:
    """Look at a dataset: counts on all sequences, trivial models on a part of them.

    splits: `train`, `dev` and any others, with columns `sequence` (normalized) and `label`; only those two are used to
    train and score, so that test stays unseen.
    labels: all that occur, in order, none of numbers; seed: draws the part.
    kind: what labels are: words.CLASSES, MULTI_LABEL or NUMBER.
    """
    target = Target(kind, labels)
    truths = {split: target.read(records["label"], split) for split, records in splits.items()}
    having = _ranges(truths) if kind == NUMBER else _having(target, truths)
    shown = list(dict.fromkeys(label for _, label in having))
    groups = {}
    for split, records in splits.items():
        groups |= _groups(records.packed, {key: chosen for key, chosen in having.items() if key[0] == split})
    parts, drawn = {}, {}
    for split, most in (("train", MOST_TRAINED), ("dev", MOST_SCORED)):
        records = splits[split]
        by = records["label"] if kind == CLASSES else None
        chosen = draw(records["sequence"].tolist(), most, seed, by)
        parts[split] = pack(records["sequence"].iloc[chosen].tolist())
        drawn[split] = truths[split][chosen]
    baselines = _baselines(target, parts["train"], drawn["train"], parts["dev"], drawn["dev"])
    if kind == NUMBER:
        warned = _number_warnings(baselines, len(parts["dev"]))
    else:
        counts = {label: len(groups["train", label].lengths) for label in labels}
        scored = [int(present(target, drawn["dev"], number).sum()) for number in range(len(labels))]
        rest = [len(parts["dev"]) - count for count in scored]
        warned = _warnings(
            baselines,
            counts,
            [count for count in scored if count] if kind == CLASSES else [min(scored), max(rest)],
            several=kind != CLASSES,
        )
    numbers = None
    if kind == NUMBER:
        together = np.concatenate(list(truths.values()))
        numbers = float(together.mean()), float(together.min()), float(together.max())
    return Look(shown, groups, baselines, len(parts["train"]), len(parts["dev"]), warned, kind, numbers)


def _having(target: Target, truths: dict[str, np.ndarray]) -> dict[tuple[str, str], np.ndarray]:
    """Return which records of each split have each label, (n,) bool."""
    return {
        (split, label): present(target, truth, number)
        for split, truth in truths.items()
        for number, label in enumerate(target.labels)
    }


def _ranges(truths: dict[str, np.ndarray]) -> dict[tuple[str, str], np.ndarray]:
    """Return which numbers of each split are in each of PARTS ranges, which hold about as many of train, (n,) bool."""
    train = truths["train"]
    edges = np.unique(np.quantile(train, np.arange(1, PARTS) / PARTS)) if len(train) else np.zeros(0)
    names = [f"up to {edge:.4g}" for edge in edges[:1]]
    names += [f"{low:.4g} to {high:.4g}" for low, high in zip(edges, edges[1:], strict=False)]
    names += [f"above {edge:.4g}" for edge in edges[-1:]]
    if len(edges) == 0 or len(set(names)) < len(names):
        names, edges = ["all"], np.zeros(0)
    ranges = {split: np.searchsorted(edges, truth) for split, truth in truths.items()}
    return {
        (split, name): range_of == number for split, range_of in ranges.items() for number, name in enumerate(names)
    }


def _groups(packed: Packed, having: dict[tuple[str, str], np.ndarray]) -> dict[tuple[str, str], Group]:
    """Return the group of each key; having: which sequences are in it, (n,) bool."""
    lengths, gc, other = packed.lengths, gc_content(packed), packed.count(OTHER)
    kmers = total_kmers(packed, K, np.array(list(having.values())))
    return {
        key: Group(lengths[chosen], gc[chosen], int(other[chosen].sum()), total)
        for (key, chosen), total in zip(having.items(), kmers, strict=True)
    }


def _row(split: str, label: str, group: Group) -> dict:
    lengths = group.lengths if len(group.lengths) else np.full(1, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns of means of nothing, which are NaN
        mean, deviation = np.nanmean(group.gc), np.nanstd(group.gc)
    return {
        "split": split,
        "label": label,
        "sequences": len(group.lengths),
        "shortest": lengths.min(),
        "median length": np.median(lengths),
        "longest": lengths.max(),
        "GC mean": mean,
        "GC standard deviation": deviation,
        "other letters": group.other / max(1, group.lengths.sum()),
    }


def _baselines(target: Target, train: Packed, learned: np.ndarray, dev: Packed, truth: np.ndarray) -> pd.DataFrame:
    """learned, truth: of the sequences of train and dev, as Target.read gives them."""
    rows = []
    scores = NUMBER_SCORES if target.kind == NUMBER else SCORES
    if len(train) and len(dev):
        if target.kind == CLASSES:
            always = np.bincount(learned, minlength=len(target.labels)) / len(learned)
        else:
            always = np.atleast_1d(learned.mean(axis=0))
        predictions = {title(COMMONEST, target.kind): np.tile(always, (len(truth), 1))}
        if len(np.unique(learned, axis=0)) > 1:
            predictions[GC] = predictions_from_number(target, gc_content(train), learned, gc_content(dev))
            lengths = train.lengths, dev.lengths
            if len(np.unique(np.concatenate(lengths))) > 1:
                # The logarithm, since lengths differ by factors.
                predictions[LENGTH] = predictions_from_number(target, np.log(lengths[0]), learned, np.log(lengths[1]))
            predictions[KMERS] = fitted(target, kmer_features(train), learned, STRENGTH)(kmer_features(dev))
        for model, values in predictions.items():
            found = score(target, truth, values)
            rows.append({"model": model, **{name: found[name] for name in scores}})
    return pd.DataFrame(rows, columns=["model", *scores])


def _chance_deviation(counts: list[int]) -> float:
    """Return the standard deviation of the ROC-AUC of guesses; counts: scored sequences of each label.

    That of the rarest label against the rest (Mann & Whitney 1947, doi:10.1214/aoms/1177730491).
    """
    rare, rest = min(counts), sum(counts) - min(counts)
    return math.sqrt((rare + rest + 1) / (12 * rare * rest)) if rest else math.inf


def _number_warnings(baselines: pd.DataFrame, scored: int) -> list[str]:
    """scored: how many sequences."""
    # The standard deviation of a rank correlation of unrelated numbers is 1 / sqrt(n - 1).
    chance = BEYOND_CHANCE / math.sqrt(scored - 1) if scored > 1 else math.inf
    found = dict(zip(baselines["model"], baselines["spearman"], strict=True)) if len(baselines) else {}
    result = []
    if found.get(KMERS, 0) >= max(KMER_CORRELATION, chance):
        result.append(
            f"the task is almost trivial: a ridge regression on {KMERS} reaches a Spearman correlation of "
            f"{found[KMERS]:.3f} on the development set, so that a language model has little to add"
        )
    for model, advice in (
        (GC, "check whether GC content is what you want to predict"),
        (LENGTH, "cut all to one length"),
    ):
        if found.get(model, 0) >= max(COMPOSITION_CORRELATION, chance):
            result.append(
                f"{model} alone predicts the numbers with a Spearman correlation of {found[model]:.3f} on the "
                f"development set: a model can score without learning a motif; {advice}"
            )
    return result


def _warnings(baselines: pd.DataFrame, counts: dict[str, int], scored: list[int], several: bool = False) -> list[str]:
    """counts: of each label in train; scored: of each label that is among the sequences scored.

    several: whether a sequence may have several labels, none of which is then the commonest answer.
    """
    areas = {}
    if scored and min(scored):
        least = 0.5 + BEYOND_CHANCE * _chance_deviation(scored)
        values = zip(baselines["model"], baselines["roc_auc"], strict=True)
        areas = {model: area for model, area in values if area >= least}
    result = []
    if areas.get(KMERS, 0) >= KMER_WARNING:
        result.append(
            f"the task is almost trivial: a logistic regression on {KMERS} reaches a ROC-AUC of {areas[KMERS]:.3f} on "
            "the development set, so that a language model has little to add; check whether the labels differ in more "
            "than they should"
        )
    for model, advice in (
        (GC, "choose sequences with similar GC content for each label, such as GC-matched negatives"),
        (LENGTH, "cut the sequences of all labels to one length"),
    ):
        if areas.get(model, 0) >= COMPOSITION_WARNING:
            result.append(
                f"{model} alone separates the labels with a ROC-AUC of {areas[model]:.3f} on the development set: a "
                f"model can score without learning a motif; {advice}"
            )
    most, least = max(counts, key=counts.get), min(counts, key=counts.get)
    if not several and counts[most] >= IMBALANCE_WARNING * counts[least]:
        result.append(
            f"the training set has {counts[most]:,} sequences of {most!r} and {counts[least]:,} of {least!r}: a model "
            "may score well by always predicting the most frequent label; judge by MCC rather than accuracy, or "
            "balance the labels"
        )
    folded: dict[str, str] = {}
    for label in counts:
        other = folded.setdefault(label.casefold(), label)
        if other != label:
            result.append(
                f"the labels {other!r} and {label!r} differ in case only and count as two labels; spell them alike if "
                "they mean the same"
            )
    return result
