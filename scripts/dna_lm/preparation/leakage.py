"""What of one split stands in another: copies, reverse complements and shared 32-mers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.columns import SOURCE
from ..data.packing import SPREAD, Packed, kmers
from ..data.sequences import reverse_complement
from ..words import CLASSES
from .records import Records
from .strata import has_label

# As long as fits one machine word. Two unrelated sequences of 200 nt share a 32-mer by chance once in 10^15 pairs.
K = 32
# The split that is looked through, and the one in which its sequences must not be.
PAIRS = (("dev", "train"), ("test", "train"), ("test", "dev"))
COPY, REVERSE, SHARED = "copy", "reverse complement", f"shared {K}-mer"
COLUMNS = ("split", "record", "label", "also in", "kind", "other record", "other label", f"first shared {K}-mer")
# Offenders shown of each label, split and kind.
MOST_SHOWN = 5
ALL = "(all)"


@dataclass(frozen=True)
class Leakage:
    """What was found.

    counts: a row for each pair of splits and label (and `(all)`), with the columns `split`, `also in`, `label`,
        `sequences`, `copies`, `reverse complements`, `sharing a 32-mer` (as copies of 32 letters or more do),
        `share`, the part of the sequences that have a copy or a 32-mer there, 0 to 1, and `similar`, how many are in
        one cluster of similar sequences with one there; the last is empty if clusters were not looked for.
    offenders: the first of each label and kind, with the columns COLUMNS; the 32-mer is empty for shorter copies.
    """

    counts: pd.DataFrame
    offenders: pd.DataFrame

    def rows(self, split: str, other: str) -> list[dict]:
        """Return the counts of a pair of splits, a row for each label."""
        chosen = self.counts[(self.counts["split"] == split) & (self.counts["also in"] == other)]
        return chosen.to_dict("records")[:-1]

    def row(self, split: str, other: str) -> dict:
        """Return the counts of a pair of splits over all labels."""
        chosen = self.counts[(self.counts["split"] == split) & (self.counts["also in"] == other)]
        return chosen.to_dict("records")[-1]


def check_leakage(
    splits: dict[str, Records],
    labels: list[str],
    kind: str = CLASSES,
    clusters: dict[str, np.ndarray] | None = None,
) -> Leakage:
    """Look through dev and test for what also stands in train, and through test for what stands in dev.

    splits: records by split, with the columns `sequence`, `label`, `_source` and perhaps `id`, and the index `line`.
    labels: in the order of the rows of the counts; none where labels are numbers.
    kind: words.CLASSES, MULTI_LABEL or NUMBER.
    clusters: by split, (n,) the cluster of similar sequences that each record is in.
    """
    packed = {name: part.packed for name, part in splits.items()}
    sharing = {}
    sharing["dev", "train"], sharing["test", "train"] = _sharing([packed["dev"], packed["test"]], packed["train"])
    (sharing["test", "dev"],) = _sharing([packed["test"]], packed["dev"])
    counts, offenders = [], []
    for split, other in PAIRS:
        records, others = splits[split], splits[other]
        kinds = _kinds(records, others, sharing[split, other])
        counts += [
            {"split": split, "also in": other, **row}
            for row in _count(
                {label: has_label(records["label"], label, kind) for label in labels},
                kinds,
                sharing[split, other],
                np.isin(clusters[split], clusters[other]) if clusters else None,
            )
        ]
        # Of numbers, each is a label of its own.
        shown = _first_of_each(records["label"].to_numpy() if labels else np.full(len(records), ""), kinds)
        partners, stretches = _partners(
            packed[split], records["sequence"], packed[other], others["sequence"], kinds, shown
        )
        for row, partner, stretch in zip(shown, partners, stretches, strict=True):
            offenders.append(
                (split, _named(records, row), records["label"].iloc[row], other, kinds[row])
                + (_named(others, partner), others["label"].iloc[partner], stretch)
            )
    return Leakage(pd.DataFrame(counts), pd.DataFrame(offenders, columns=COLUMNS))


class _KmerSet:
    """A set of k-mers that is asked for many others at once which of them it contains.

    Most are not, and a table of the hashes that occur tells so with one look; the rest are searched for.
    """

    def __init__(self, numbers: np.ndarray):
        """numbers: uint64, in any order and with repeats."""
        # Not np.unique, which puts whole numbers into a hash table: five times as slow for millions of them.
        ordered = np.sort(numbers)
        self.sorted = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)]]
        # About eight entries for each k-mer, so that one in eight others is searched for; at most 256 MB.
        bits = min(28, max(3, int(8 * len(self.sorted)).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._seen = np.zeros(2**bits, dtype=bool)
        self._seen[self._hash(self.sorted)] = True

    def __len__(self) -> int:
        return len(self.sorted)

    def _hash(self, numbers: np.ndarray) -> np.ndarray:
        return ((numbers * SPREAD) >> self._shift).astype(np.int64)

    def find(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the numbers that are in the set, and the index of each of these in `sorted`."""
        asked = np.flatnonzero(self._seen[self._hash(numbers)])
        if not len(self):
            return asked, asked
        asked = asked[np.argsort(numbers[asked])]  # neighbors are searched for in the same part of memory
        indices = np.minimum(np.searchsorted(self.sorted, numbers[asked]), len(self) - 1)
        known = self.sorted[indices] == numbers[asked]
        return asked[known], indices[known]


def _sharing(parts: list[Packed], whole: Packed) -> list[np.ndarray]:
    """Return for each sequence of each part, (n,) bool, whether one of its 32-mers is in `whole`, on either strand."""
    wanted = _kmer_set([kmers(chunk.codes, K)[0] for part in parts for _, chunk in part.chunks()])
    present = np.zeros(len(wanted), dtype=bool)
    for _, chunk in whole.chunks():
        present[wanted.find(kmers(chunk.codes, K)[0])[1]] = True
    wanted = _KmerSet(wanted.sorted[present])
    result = []
    for part in parts:
        having = np.zeros(len(part), dtype=bool)
        for rows, _ in _hits(part, wanted):
            having[rows] = True
        result.append(having)
    return result


def _kmer_set(parts: list[np.ndarray]) -> _KmerSet:
    return _KmerSet(np.concatenate([np.zeros(0, dtype=np.uint64), *parts]))


def _hits(packed: Packed, wanted: _KmerSet) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, chunk by chunk, the 32-mers that are in a set: the number of the sequence, and the index in the set."""
    for first, chunk in packed.chunks():
        numbers, positions = kmers(chunk.codes, K)
        found, indices = wanted.find(numbers)
        yield first + chunk.row_of(positions[found]), indices


def _kinds(records: Records, others: Records, sharing: np.ndarray) -> np.ndarray:
    """Return the worst that is wrong with each sequence, (n,) text: COPY, REVERSE, SHARED or nothing."""
    kinds = np.where(sharing, SHARED, "").astype(object)
    kinds[pd.Series(records.canonical).isin(others.canonical).to_numpy()] = REVERSE
    kinds[records["sequence"].isin(others["sequence"]).to_numpy()] = COPY
    return kinds


def _count(
    having: dict[str, np.ndarray], kinds: np.ndarray, sharing: np.ndarray, similar: np.ndarray | None
) -> Iterator[dict]:
    """having: (n,) bool by label; similar: (n,) bool, or None if it is not known."""
    everyone = np.ones(len(kinds), dtype=bool)
    for label, chosen in [*having.items(), (ALL, everyone)]:
        leaking = int((kinds[chosen] != "").sum())
        yield {
            "label": label,
            "sequences": int(chosen.sum()),
            "copies": int((kinds[chosen] == COPY).sum()),
            "reverse complements": int((kinds[chosen] == REVERSE).sum()),
            f"sharing a {K}-mer": int(sharing[chosen].sum()),
            "share": leaking / max(1, int(chosen.sum())),
            "similar": "" if similar is None else int(similar[chosen].sum()),
        }


def _first_of_each(labels: np.ndarray, kinds: np.ndarray) -> list[int]:
    """Return the rows of the first MOST_SHOWN sequences of each label and kind, in their order."""
    seen: dict[tuple[str, str], int] = {}
    result = []
    for row in np.flatnonzero(kinds != ""):
        key = (labels[row], kinds[row])
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= MOST_SHOWN:
            result.append(int(row))
    return result


def _partners(
    packed: Packed, sequences: pd.Series, other: Packed, others: pd.Series, kinds: np.ndarray, shown: list[int]
) -> tuple[list[int], list[str]]:
    """Find for each sequence to be shown the first one in the other split that it leaks into.

    Returns their rows there, and the first 32-mer in common, empty for copies too short to have one.
    """
    if not shown:
        return [], []
    texts = {sequences.iloc[row] for row in shown}
    texts |= {reverse_complement(text) for text in texts}
    first_with: dict[str, int] = {}
    for row, text in enumerate(others):
        if text in texts:
            first_with.setdefault(text, row)
    own = [kmers(packed.codes[packed.starts[row] : packed.starts[row + 1]], K) for row in shown]
    wanted = _kmer_set([numbers for numbers, _ in own])
    first_row = np.full(len(wanted), len(other))
    for rows, indices in _hits(other, wanted):
        np.minimum.at(first_row, indices, rows)
    partners, stretches = [], []
    for row, (numbers, letters) in zip(shown, own, strict=True):
        text = sequences.iloc[row]
        rows = first_row[np.searchsorted(wanted.sorted, numbers)]
        if kinds[row] == SHARED:
            partner = int(rows.min())
        else:
            partner = first_with[text if kinds[row] == COPY else reverse_complement(text)]
        common = letters[rows < len(other)]
        if kinds[row] == SHARED:
            common = letters[rows == partner]
        stretches.append(text[common[0] : common[0] + K] if len(common) else "")
        partners.append(partner)
    return partners, stretches


def _named(records: Records, row: int) -> str:
    """Return what a user knows a record by: its id, or else its line in its file."""
    if "id" in records and records["id"].iloc[row]:
        return str(records["id"].iloc[row])
    return f"{records[SOURCE].iloc[row]}, line {records.table.index[row]}"
