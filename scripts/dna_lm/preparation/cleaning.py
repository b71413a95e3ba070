"""Making records comparable, and removing those that would make a score meaningless.

Each step takes records (columns `sequence`, `label`, `_source` and any others; index `line`) and enters into a Ledger
what it took out or changed.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..data.columns import SOURCE, SPLIT, has_positions
from ..data.packing import OTHER, too_ambiguous
from ..data.sequences import mask_ambiguous, normalize_column
from ..errors import UserError
from ..words import KEEP, SAME_STRAND
from .ledger import CHANGED, LEAKED, Ledger
from .options import CleaningOptions
from .records import Records


def clean(table: pd.DataFrame, options: CleaningOptions, ledger: Ledger) -> Records:
    """Do all steps but `pad`, which comes when nothing else is to be removed. Raises UserError as the steps do."""
    records = fold(table, ledger)
    records = limit_ambiguous(records, options.max_ambiguous, options.ambiguous, ledger)
    records = limit_length(records, options.length, options.longer, options.shorter, ledger)
    return remove_copies(records, options.duplicates, options.contradictory, ledger)


def fold(table: pd.DataFrame, ledger: Ledger) -> Records:
    """Write sequences in upper case with T for U.

    Raises UserError at the first empty sequence or foreign letter.
    """
    stripped = table["sequence"].str.strip()
    lower = np.fromiter((not text.isupper() for text in stripped), dtype=bool, count=len(stripped))
    rna = np.fromiter(("U" in text or "u" in text for text in stripped), dtype=bool, count=len(stripped))
    sequences = np.empty(len(table), dtype=object)
    for source in table[SOURCE].unique():
        of_source = (table[SOURCE] == source).to_numpy()
        sequences[of_source] = normalize_column(stripped[of_source], source)
    folded = table.assign(sequence=sequences)
    ledger.enter(CHANGED + "lower case written in upper case", folded[lower])
    ledger.enter(CHANGED + "U of RNA written as T", folded[rna])
    return Records(folded)


def limit_ambiguous(records: Records, most: float, policy: str, ledger: Ledger) -> Records:
    """Remove sequences with a share of letters other than A, C, G, T above `most`, 0 to 1.

    policy: `keep` leaves such letters in the other sequences, `mask` writes each as N.
    """
    many = too_ambiguous(records.packed.count(OTHER), records.packed.lengths, most)
    records = ledger.remove(f"more than {100 * most:.4g}% ambiguous nucleotides", records, many)
    if policy == "mask":
        masked = records["sequence"].map(mask_ambiguous)
        changed = (masked != records["sequence"]).to_numpy()
        records = _changed(records, masked, changed, "ambiguous nucleotides written as N", ledger)
    return records


def limit_length(records: Records, length: int, longer: str, shorter: str, ledger: Ledger) -> Records:
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
        cut = _middle(records["sequence"], length)
        records = _changed(records, cut, lengths > length, f"cut to the middle {length} nt", ledger)
        if has_positions(records.table):
            records = _crop_positions(records, lengths, length)
    if shorter == "drop":
        short = records["sequence"].str.len().to_numpy() < length
        records = ledger.remove(f"shorter than {length} nt", records, short)
    return records


def _changed(records: Records, sequences: Iterable[str], changed: np.ndarray, how: str, ledger: Ledger) -> Records:
    """Enter the records that a step has changed, (n,) bool, and return all, with these sequences."""
    if changed.any():
        records = records.rewritten(sequences)
    ledger.enter(CHANGED + how, records.table[changed])
    return records


def _middle(sequences: pd.Series, length: int) -> list[str]:
    """Cut each longer sequence to its middle; an odd excess takes one letter more from the end."""
    cut = []
    for text in sequences:
        start = max(0, len(text) - length) // 2
        cut.append(text[start : start + length])
    return cut


def _crop_positions(records: Records, lengths: np.ndarray, length: int) -> Records:
    """Move `start` and `end` to what is left of sequences that were `lengths` long and lost what exceeds `length`."""
    excess = np.maximum(lengths - length, 0)
    # A sequence of the - strand begins at the end of its interval.
    before = np.where(records["strand"] == "-", excess - excess // 2, excess // 2)
    start = records["start"] + before
    return records.assign(start=start, end=records["end"] - (excess - before))


def pad(records: Records, length: int, ledger: Ledger) -> Records:
    """Write N on both sides of shorter sequences (one more at the end of an odd lack), up to `length` nucleotides."""
    short = records["sequence"].str.len().to_numpy() < length
    # str.center puts the odd one at either side, depending on the length.
    padded = ("N" * ((length - len(text)) // 2) + text for text in records["sequence"])
    filled = [text.ljust(length, "N") for text in padded]
    return _changed(records, filled, short, f"filled up with N to {length} nt", ledger)


def remove_copies(records: Records, duplicates: str, contradictory: str, ledger: Ledger) -> Records:
    """Keep one of equal sequences: the first, or if they came with their splits, the one in test, in dev, or in train.

    If they came with their splits, copies of what is kept in another split are counted apart: they had leaked.
    duplicates: `both-strands` (a sequence equals its reverse complement), `same-strand`, or `keep` for all copies.
    contradictory: what to do with sequences that come with more than one label: `refuse`, or `drop` all their copies.
    Labels that are not the same text are not the same: inputs.py and strata.py have given each one spelling.
    Raises UserError at the first contradictory sequence when they are refused.
    """
    numbers, _ = pd.factorize(records["sequence"] if duplicates == SAME_STRAND else records.canonical)
    conflicting = _several_labels(numbers, records["label"])
    strands = "on the same strand" if duplicates == SAME_STRAND else "on either strand"
    if conflicting.any() and contradictory == "refuse":
        raise UserError(_contradiction(records.table, numbers, conflicting, strands))
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


def _rank(records: Records) -> np.ndarray:
    """Splits that came with the input: the copy in test stays, so that scores compare with others' on the same test."""
    if SPLIT not in records:
        return np.zeros(len(records), dtype=np.int8)
    return records[SPLIT].map({"train": 0, "dev": 1, "test": 2}).to_numpy(dtype=np.int8)


def _several_labels(numbers: np.ndarray, labels: pd.Series) -> np.ndarray:
    """Return for each record, (n,) bool, whether its sequence (given by number) comes with more than one label."""
    label_numbers, names = pd.factorize(labels)
    pairs = np.unique(numbers * np.int64(max(1, len(names))) + label_numbers)
    labels_of = np.bincount(pairs // max(1, len(names)), minlength=1)
    return labels_of[numbers] > 1 if len(numbers) else np.zeros(0, dtype=bool)


def _contradiction(records: pd.DataFrame, numbers: np.ndarray, conflicting: np.ndarray, strands: str) -> str:
    copies = records[numbers == numbers[conflicting.argmax()]]
    first = copies.iloc[0]
    other = copies[(copies["label"] != first["label"]).to_numpy()].iloc[0]
    return (
        f"{first[SOURCE]}, line {copies.index[0]}, and {other[SOURCE]}, line {other.name}: the same sequence "
        f"({strands}) is labeled {first['label']!r} and {other['label']!r}, one of "
        f"{len(np.unique(numbers[conflicting]))} such sequences; correct the labels, or choose to drop these sequences"
    )
