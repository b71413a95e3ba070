"""Making records comparable, and removing those that would make a score meaningless.

Each step takes records (columns `sequence`, normalized but for `fold`, `label`, `_source` and any others; index `line`)
and enters into a Ledger what it took out or changed.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..data.columns import SOURCE, SPLIT, has_positions
from ..data.packing import OTHER, pack, too_ambiguous
from ..data.sequences import canonical, mask_ambiguous, normalize_column
from ..data.targets import same_label
from ..errors import UserError
from ..words import KEEP, SAME_STRAND

REMOVED, CHANGED, ADDED = "removed: ", "changed: ", "added: "
LEAKED = "copies in another split"


@dataclass
class Ledger:
    """The steps of the preparation with the records that each one read, removed, changed, added or kept.

    Records that were read and added, less those removed, are those that are kept: the tests hold it to that.
    """

    steps: list[tuple[str, pd.DataFrame]] = field(default_factory=list)

    def enter(self, step: str, records: pd.DataFrame) -> None:
        """Enter a step with its records, also when there are none."""
        self.steps.append((step, records[["sequence", "label"]]))

    def count(self, step: str) -> int:
        """Return how many records the steps have whose names begin like this."""
        return sum(len(records) for name, records in self.steps if name.startswith(step))

    def remove(self, why: str, records: pd.DataFrame, leaving: np.ndarray) -> pd.DataFrame:
        """Enter the records that leave, (n,) bool, and return the others."""
        self.enter(REMOVED + why, records[leaving])
        return records[~leaving]


def fold(records: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Write sequences in upper case with T for U.

    Raises UserError at the first empty sequence or foreign letter.
    """
    stripped = records["sequence"].str.strip()
    lower = np.fromiter((not text.isupper() for text in stripped), dtype=bool, count=len(stripped))
    rna = np.fromiter(("U" in text or "u" in text for text in stripped), dtype=bool, count=len(stripped))
    sequences = np.empty(len(records), dtype=object)
    for source in records[SOURCE].unique():
        of_source = (records[SOURCE] == source).to_numpy()
        sequences[of_source] = normalize_column(stripped[of_source], source)
    folded = records.assign(sequence=sequences)
    ledger.enter(CHANGED + "lower case written in upper case", folded[lower])
    ledger.enter(CHANGED + "U of RNA written as T", folded[rna])
    return folded


def limit_ambiguous(records: pd.DataFrame, most: float, policy: str, ledger: Ledger) -> pd.DataFrame:
    """Remove sequences with a share of letters other than A, C, G, T above `most`, 0 to 1.

    policy: `keep` leaves such letters in the other sequences, `mask` writes each as N.
    """
    packed = pack(records["sequence"].tolist())
    many = too_ambiguous(packed.count(OTHER), packed.lengths, most)
    records = ledger.remove(f"more than {100 * most:.4g}% of the letters are not A, C, G or T", records, many)
    if policy == "mask":
        masked = records["sequence"].map(mask_ambiguous)
        changed = (masked != records["sequence"]).to_numpy()
        records = records.assign(sequence=masked)
        ledger.enter(CHANGED + "letters other than A, C, G, T written as N", records[changed])
    return records


def limit_length(records: pd.DataFrame, length: int, longer: str, shorter: str, ledger: Ledger) -> pd.DataFrame:
    """Bring sequences nearer to one length, in nucleotides; 0 leaves all as they are.

    longer: `keep`, `crop` to the middle (an odd excess loses one letter more at the end), or `drop`.
    shorter: `keep`, `pad` (see pad: done when all else is) or `drop`.
    """
    if not length:
        return records
    lengths = records["sequence"].str.len().to_numpy()
    if longer == "drop":
        records = ledger.remove(f"longer than {length} nt", records, lengths > length)
    elif longer == "crop":
        long = lengths > length
        records = _rewritten(records, _middle(records["sequence"], length))
        if has_positions(records):
            records = _crop_positions(records, lengths, length)
        ledger.enter(CHANGED + f"cut to the middle {length} nt", records[long])
    if shorter == "drop":
        short = records["sequence"].str.len().to_numpy() < length
        records = ledger.remove(f"shorter than {length} nt", records, short)
    return records


def _rewritten(records: pd.DataFrame, sequences: list[str]) -> pd.DataFrame:
    # An empty list would become a column of numbers.
    return records.assign(sequence=np.array(sequences, dtype=object))


def _middle(sequences: pd.Series, length: int) -> list[str]:
    """Cut each longer sequence to its middle; an odd excess takes one letter more from the end."""
    cut = []
    for text in sequences:
        start = max(0, len(text) - length) // 2
        cut.append(text[start : start + length])
    return cut


def _crop_positions(records: pd.DataFrame, lengths: np.ndarray, length: int) -> pd.DataFrame:
    """Move `start` and `end` to what is left of sequences that were `lengths` long and lost what exceeds `length`."""
    excess = np.maximum(lengths - length, 0)
    # A sequence of the - strand begins at the end of its interval.
    before = np.where(records["strand"] == "-", excess - excess // 2, excess // 2)
    start = records["start"] + before
    return records.assign(start=start, end=records["end"] - (excess - before))


def pad(records: pd.DataFrame, length: int, ledger: Ledger) -> pd.DataFrame:
    """Write N on both sides of shorter sequences (one more at the end of an odd lack), up to `length` nucleotides."""
    short = records["sequence"].str.len().to_numpy() < length
    # str.center puts the odd one at either side, depending on the length.
    padded = ["N" * ((length - len(text)) // 2) + text for text in records["sequence"]]
    records = _rewritten(records, [text.ljust(length, "N") for text in padded])
    ledger.enter(CHANGED + f"filled up with N to {length} nt", records[short])
    return records


def remove_copies(records: pd.DataFrame, duplicates: str, contradictory: str, ledger: Ledger) -> pd.DataFrame:
    """Keep one of equal sequences: the first, or if they came with their splits, the one in test, in dev, or in train.

    If they came with their splits, copies of what is kept in another split are counted apart: they had leaked.
    duplicates: `both-strands` (a sequence equals its reverse complement), `same-strand`, or `keep` for all copies.
    contradictory: what to do with sequences that come with more than one label: `refuse`, or `drop` all their copies.
    `1` is the same label as `1.0`, and `a;b` as `b;a`.
    Raises UserError at the first contradictory sequence when they are refused.
    """
    sequences = records["sequence"] if duplicates == SAME_STRAND else records["sequence"].map(canonical)
    numbers, _ = pd.factorize(sequences)
    del sequences
    conflicting = _several_labels(numbers, _meanings(records["label"]))
    strands = "on the same strand" if duplicates == SAME_STRAND else "on either strand"
    if conflicting.any() and contradictory == "refuse":
        raise UserError(_contradiction(records, numbers, conflicting, strands))
    numbers = numbers[~conflicting]
    records = ledger.remove(f"contradictory labels, {strands}", records, conflicting)
    if duplicates == KEEP:
        return records
    # A stable sort: copies in the order in which they are preferred.
    rank = _rank(records)
    preferred = np.argsort(-rank, kind="stable")
    copies = np.empty(len(records), dtype=bool)
    copies[preferred] = pd.Series(numbers[preferred]).duplicated().to_numpy()
    if SPLIT not in records:
        return ledger.remove(f"copies, {strands}", records, copies)
    kept_rank = np.zeros(numbers.max(initial=0) + 1, dtype=np.int8)
    kept_rank[numbers[~copies]] = rank[~copies]
    leaked = copies & (kept_rank[numbers] != rank)
    records = ledger.remove(f"{LEAKED}, {strands}", records, leaked)
    return ledger.remove(f"copies in the same split, {strands}", records, copies[~leaked])


def _meanings(labels: pd.Series) -> pd.Series:
    """Return labels so that those that mean the same are the same."""
    return labels.map({label: same_label(label) for label in labels.unique()})


def _rank(records: pd.DataFrame) -> np.ndarray:
    """Splits that came with the input: the copy in test stays, so that scores compare with others' on the same test."""
    if SPLIT not in records:
        return np.zeros(len(records), dtype=np.int8)
    return records[SPLIT].map({"train": 0, "dev": 1, "test": 2}).to_numpy(dtype=np.int8)


def _several_labels(numbers: np.ndarray, labels: pd.Series) -> np.ndarray:
    """Say for each record, (n,) bool, whether its sequence (given by number) comes with more than one label."""
    label_numbers, names = pd.factorize(labels)
    pairs = np.unique(numbers * np.int64(max(1, len(names))) + label_numbers)
    labels_of = np.bincount(pairs // max(1, len(names)), minlength=1)
    return labels_of[numbers] > 1 if len(numbers) else np.zeros(0, dtype=bool)


def _contradiction(records: pd.DataFrame, numbers: np.ndarray, conflicting: np.ndarray, strands: str) -> str:
    copies = records[numbers == numbers[conflicting.argmax()]]
    first = copies.iloc[0]
    other = copies[(_meanings(copies["label"]) != same_label(first["label"])).to_numpy()].iloc[0]
    return (
        f"{first[SOURCE]}, line {copies.index[0]}, and {other[SOURCE]}, line {other.name}: the same sequence "
        f"({strands}) is labeled {first['label']!r} and {other['label']!r}, one of "
        f"{len(np.unique(numbers[conflicting]))} such sequences; correct the labels, or choose to drop these sequences"
    )


def downsample(
    records: pd.DataFrame, split: np.ndarray, splits: tuple[str, ...], seed: int, ledger: Ledger
) -> tuple[pd.DataFrame, np.ndarray]:
    """Leave at random as many records of every label in a split as the rarest one has there.

    split: (n,) the split of each record; splits: those that lose records. Returns the records and their splits.
    """
    random = np.random.default_rng(seed)
    labels = records["label"].to_numpy()
    leaving = np.zeros(len(records), dtype=bool)
    for name in splits:
        inside = split == name
        present, counts = np.unique(labels[inside].astype(str), return_counts=True)
        for label in present:
            positions = np.flatnonzero(inside & (labels == label))
            leaving[random.permutation(positions)[counts.min() :]] = True
    return ledger.remove("to balance the labels", records, leaving), split[~leaving]
