"""What a user should know of a dataset before training on it: its numbers, and whether trivial models do the task."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.packing import OTHER, Packed, pack
from ..data.sampling import draw
from ..data.sequences import BASES
from ..data.targets import Target
from ..options import CLASSES
from ..scores.metrics import score
from .kmer_baseline import LENGTHS, kmer_classifier, probabilities
from .kmer_counts import canonical_kmers, total_kmers
from .linear_model import answers_from_number

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
# Ten to one: always giving the commonest of two labels has an accuracy above 0.9.
IMBALANCE_WARNING = 10
# How many standard deviations a ROC-AUC has to be from 0.5, that of chance, before a warning is based on it.
BEYOND_CHANCE = 2
# Letters that are packed at a time, which bounds the memory that a large split takes.
_BLOCK = 2**24

COMMONEST, GC, LENGTH = "the commonest label for all", "GC content alone", "length alone"
KMERS = f"k-mers of {min(LENGTHS)} to {max(LENGTHS)} letters"


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

    labels: in the order of the classifier's outputs.
    groups: by split and label; a label that a split lacks has empty arrays.
    baselines: a row for each trivial model, columns `model`, `accuracy`, `mcc`, `roc_auc` (of the second of two labels,
    or the mean over more, each against the rest; NaN where not defined): trained on train, scored on dev. Without rows
    if dev is empty; with the first one alone if train has a single label.
    trained, scored: how many sequences of train and of dev that was.
    warnings: sentences.
    """

    labels: list[str]
    groups: dict[tuple[str, str], Group]
    baselines: pd.DataFrame
    trained: int
    scored: int
    warnings: list[str]

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


def look(splits: dict[str, pd.DataFrame], labels: list[str], seed: int) -> Look:
    """Look at a dataset: counts on all sequences, trivial models on a part of them.

    splits: `train`, `dev` and any others, with columns `sequence` (normalised) and `label`; only those two are used to
    train and score, so that test stays unseen.
    labels: all that occur, in order; seed: draws the part.
    """
    groups = {
        (split, label): _group(records["sequence"][(records["label"] == label).to_numpy()])
        for split, records in splits.items()
        for label in labels
    }
    parts = {}
    for split, most in (("train", MOST_TRAINED), ("dev", MOST_SCORED)):
        records = splits[split]
        parts[split] = records.iloc[draw(records["sequence"].tolist(), most, seed, records["label"])]
    baselines = _baselines(parts["train"], parts["dev"], labels)
    return Look(
        labels,
        groups,
        baselines,
        len(parts["train"]),
        len(parts["dev"]),
        _warnings(
            baselines,
            {label: len(groups["train", label].lengths) for label in labels},
            parts["dev"]["label"].value_counts().tolist(),
        ),
    )


def gc_content(packed: Packed) -> np.ndarray:
    """Return (sequences,) float64: the share of G and C among A, C, G and T; NaN for a sequence without those."""
    known = packed.lengths - packed.count(OTHER)
    with np.errstate(invalid="ignore"):
        return packed.count((BASES.index("C"), BASES.index("G"))) / known


def _group(sequences: pd.Series) -> Group:
    lengths, gc, other, kmers = [np.zeros(0, np.int64)], [np.zeros(0)], 0, np.zeros(len(KMER_NAMES), np.int64)
    for block in _blocks(sequences.tolist()):
        packed = pack(block)
        lengths.append(packed.lengths)
        gc += [gc_content(part) for _, part in packed.chunks()]
        other += int(np.count_nonzero(packed.codes == OTHER)) - len(packed)
        kmers += total_kmers(packed, K)
    return Group(np.concatenate(lengths), np.concatenate(gc), other, kmers)


def _blocks(sequences: list[str]) -> Iterator[list[str]]:
    block, letters = [], 0
    for sequence in sequences:
        block.append(sequence)
        letters += len(sequence)
        if letters >= _BLOCK:
            yield block
            block, letters = [], 0
    if block:
        yield block


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


def _baselines(train: pd.DataFrame, dev: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    rows = []
    if len(train) and len(dev):
        target = Target(CLASSES, labels)
        numbers = {label: number for number, label in enumerate(labels)}
        learnt, truth = (part["label"].map(numbers).to_numpy() for part in (train, dev))
        shares = np.bincount(learnt, minlength=len(labels)) / len(learnt)
        answers = {COMMONEST: np.tile(shares, (len(truth), 1))}
        if np.count_nonzero(shares) > 1:
            packed_train, packed_dev = pack(train["sequence"].tolist()), pack(dev["sequence"].tolist())
            answers[GC] = answers_from_number(target, gc_content(packed_train), learnt, gc_content(packed_dev))
            lengths = packed_train.lengths, packed_dev.lengths
            if len(np.unique(np.concatenate(lengths))) > 1:
                # The logarithm, since lengths differ by factors.
                answers[LENGTH] = answers_from_number(target, np.log(lengths[0]), learnt, np.log(lengths[1]))
            kmers = kmer_classifier().fit(train["sequence"].tolist(), learnt)
            answers[KMERS] = probabilities(kmers, dev["sequence"].tolist(), range(len(labels)))
        for model, values in answers.items():
            scores = score(target, truth, values)
            rows.append({"model": model, **{name: scores[name] for name in ("accuracy", "mcc", "roc_auc")}})
    return pd.DataFrame(rows, columns=["model", "accuracy", "mcc", "roc_auc"])


def _chance_deviation(counts: list[int]) -> float:
    """Return the standard deviation of the ROC-AUC of guesses, with so many scored sequences of each label.

    That of the rarest label against the rest (Mann & Whitney 1947, doi:10.1214/aoms/1177730491).
    """
    rare, rest = min(counts), sum(counts) - min(counts)
    return math.sqrt((rare + rest + 1) / (12 * rare * rest)) if rest else math.inf


def _warnings(baselines: pd.DataFrame, counts: dict[str, int], scored: list[int]) -> list[str]:
    """counts: of each label in train; scored: of each label that is among the sequences scored."""
    areas = {}
    if scored:
        least = 0.5 + BEYOND_CHANCE * _chance_deviation(scored)
        values = zip(baselines["model"], baselines["roc_auc"], strict=True)
        areas = {model: area for model, area in values if area >= least}
    result = []
    if areas.get(KMERS, 0) >= KMER_WARNING:
        result.append(
            f"the task is nearly trivial: a logistic regression on {KMERS} reaches a ROC-AUC of {areas[KMERS]:.3f} on "
            "dev, so that a language model has little to add; ask whether the labels differ in more than they should"
        )
    for model, advice in (
        (GC, "choose sequences of like GC content for each label, such as negatives matched for GC"),
        (LENGTH, "cut the sequences of all labels to one length"),
    ):
        if areas.get(model, 0) >= COMPOSITION_WARNING:
            result.append(
                f"{model} separates the labels with a ROC-AUC of {areas[model]:.3f} on dev: a model can score without "
                f"learning a motif; {advice}"
            )
    most, least = max(counts, key=counts.get), min(counts, key=counts.get)
    if counts[most] >= IMBALANCE_WARNING * counts[least]:
        result.append(
            f"train has {counts[most]:,} sequences of {most!r} and {counts[least]:,} of {least!r}: a model may score "
            "well by giving the commonest label; read MCC rather than accuracy, or balance the labels"
        )
    folded: dict[str, str] = {}
    for label in counts:
        other = folded.setdefault(label.casefold(), label)
        if other != label:
            result.append(
                f"the labels {other!r} and {label!r} differ in upper and lower case only and count as two; write them "
                "alike if they mean the same"
            )
    return result
