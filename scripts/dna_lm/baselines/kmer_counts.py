"""How often each k-mer occurs in a sequence, on both strands: a k-mer and its reverse complement count as one."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.sparse import csr_matrix, hstack, vstack

from ..data.packing import Packed, kmers
from ..data.sequences import BASES, reverse_complement

_DIGITS = str.maketrans(BASES, "0123")


def canonical_kmers(k: int) -> list[str]:
    """Return the k-mers that are not after their reverse complement in the alphabet, in alphabetical order."""
    words = map("".join, product(BASES, repeat=k))
    return [word for word in words if word <= reverse_complement(word)]


def count_kmers(packed: Packed, lengths: Sequence[int]) -> csr_matrix:
    """Return (sequences, k-mers) float64 counts; columns are those of canonical_kmers for each k in turn.

    lengths: the k, each small, since there are about 4^k / 2 columns. k-mers with a letter other than A, C, G, T are
    left out.
    """
    columns = {k: columns_of(k) for k in lengths}
    parts = [
        hstack([_count(part, k, column) for k, column in columns.items()], format="csr") for _, part in packed.chunks()
    ]
    return vstack(parts, format="csr") if parts else csr_matrix((0, sum(map(_width, columns.values()))))


def total_kmers(packed: Packed, k: int, groups: np.ndarray) -> np.ndarray:
    """Return (groups, k-mers) int64: the counts of canonical_kmers(k) in all sequences of each group together.

    groups: (groups, sequences) bool, which are in each.
    """
    column = columns_of(k)
    width = _width(column)
    total = np.zeros((len(groups), width))  # of floats, which are multiplied faster, and exact below 2^53
    for first, part in packed.chunks():
        numbers, positions = kmers(part.codes, k)
        row = np.repeat(np.arange(len(part)), np.diff(np.searchsorted(positions, part.starts)))
        counts = np.bincount(row * width + column[numbers], minlength=len(part) * width).reshape(len(part), width)
        total += groups[:, first : first + len(part)].astype(np.float64) @ counts
    return total.astype(np.int64)


def columns_of(k: int) -> np.ndarray:
    """Return (4^k,) int32: the column of each k-mer, by its number, which is that of its reverse complement too."""
    result = np.zeros(4**k, dtype=np.int32)
    for column, word in enumerate(canonical_kmers(k)):
        for strand in (word, reverse_complement(word)):
            result[int(strand.translate(_DIGITS), base=4)] = column
    return result


def _width(columns: np.ndarray) -> int:
    return int(columns.max()) + 1


def _count(packed: Packed, k: int, columns: np.ndarray) -> csr_matrix:
    numbers, positions = kmers(packed.codes, k)
    # Positions rise, so that the k-mers of one sequence stand together: rows as this format wants them.
    bounds = np.searchsorted(positions, packed.starts)
    counts = csr_matrix((np.ones(len(numbers)), columns[numbers], bounds), shape=(len(packed), _width(columns)))
    counts.sum_duplicates()
    return counts
