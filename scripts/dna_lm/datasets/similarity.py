"""Which sequences are similar, so that a split keeps them together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..data.packing import LONGEST_K, Packed, kmers, pack
from ..data.sequences import canonical
from .homology import BothStrands, parts_of_kmers, seeds

# The best two of random symmetric patterns of weight 15. Together they find 99.9% of stretches of 100 letters with 15
# mismatches and 96% of those of 60 letters with 9. Of weight 15: in a million random sequences of 200 letters a seed
# meets less than one other by chance.
PATTERNS = ("1101110101001001010111011", "1111011101011101111")
# With 1 for a match and -1 for a mismatch, random sequences of m and n letters reach a score S in m n 3**-S / 3 places
# (Karlin & Altschul 1990, doi:10.1073/pnas.87.6.2264: lambda = ln 3, K = 1/3 for equal bases): all pairs of a million
# sequences of 200 letters in 0.001 places, which leaves room for the uneven bases of real DNA.
MINIMUM_SCORE = 40
# How far a stretch is looked at, in letters on either side of the seed.
REACH = 100
# Most pairs share a seed by chance. A first look near the seed sorts out more than 9 of 10 of them, and less than one
# in 1000 seeds of pairs with 85% identity, even where a sequence ends with the seed.
FIRST_LOOK, FIRST_SCORE = 16, 18
# With how many of the next ones in a list of places with the same seed each is compared. Repeats are in thousands of
# places and all their pairs would be millions; a chain of similar ones joins them as well. Comparing with 32 leaves
# 70,672 groups of 100,000 windows of human DNA, with 8 it is 70,731.
NEIGHBOURS = 8
# Letters whose seeds are held at a time: they need about 1.5 GB.
LETTERS = 2**25


def similar_groups(sequences: Sequence[str]) -> np.ndarray:
    """Put sequences that share a homologous stretch into one group, also those that others link in a chain.

    sequences: normalised, of any lengths. Letters other than A, C, G, T match nothing.
    Guaranteed to be in one group: sequences that are equal, or share 32 consecutive letters (LONGEST_K), on either
    strand. Found besides, with the recall that dev/bench/similarity.py measures: those that share, on either strand, a
    stretch without gaps whose matches are at least MINIMUM_SCORE more than its mismatches, as 40 letters with 100%
    identity have, 50 with 90%, or 58 with 85%. It is seen where 15 letters match as in one of the PATTERNS: the longer
    and the more alike it is, the surer. Gaps cut a stretch into parts of which one has to be good enough.
    The order and the strand of the sequences change nothing but the numbers.
    Returns (sequences,) int64: the number of the group, counted from 0 by first member.
    """
    rows, distinct = pd.factorize(np.array([canonical(sequence) for sequence in sequences], dtype=object), sort=True)
    packed = pack(distinct)
    groups = _link_by_kmers(packed, np.arange(len(packed)))
    both = BothStrands(packed, margin=REACH + max(map(len, PATTERNS)))
    for pattern in PATTERNS:
        groups = _link_by_stretches(packed, both, groups, pattern)
    return pd.factorize(groups[rows])[0].astype(np.int64)


def _parts(packed: Packed) -> int:
    return -(-len(packed.codes) // LETTERS)


def _link_by_kmers(packed: Packed, groups: np.ndarray) -> np.ndarray:
    """Join the groups of sequences that share a k-mer of LONGEST_K letters."""
    parts = _parts(packed)
    for part in range(parts):
        numbers, rows = [], []
        for first, chunk in packed.chunks():
            found, places = kmers(chunk.codes, LONGEST_K)
            chosen = np.flatnonzero(parts_of_kmers(found, parts) == part)
            numbers.append(found[chosen])
            rows.append((chunk.row_of(places[chosen]) + first).astype(np.int32))
        all_numbers, all_rows = np.concatenate(numbers), np.concatenate(rows)
        order = np.argsort(all_numbers)
        all_numbers, all_rows = all_numbers[order], all_rows[order]
        same = np.flatnonzero(all_numbers[1:] == all_numbers[:-1])
        groups = _join(groups, all_rows[same], all_rows[same + 1])
    return groups


def _link_by_stretches(packed: Packed, both: BothStrands, groups: np.ndarray, pattern: str) -> np.ndarray:
    """Join the groups of sequences that share a good stretch around a seed of this pattern."""
    span, parts = len(pattern), _parts(packed)
    for part in range(parts):
        numbers, places = seeds(packed, pattern, part, parts)
        rows = both.rows(places)
        for distance in range(1, NEIGHBOURS + 1):
            same = np.flatnonzero(numbers[distance:] == numbers[:-distance])
            if not len(same):
                break
            same = same[groups[rows[same]] != groups[rows[same + distance]]]
            for reach, score in (FIRST_LOOK, FIRST_SCORE), (REACH, MINIMUM_SCORE):
                same = same[both.best_scores(places[same], places[same + distance], span, reach) >= score]
            groups = _join(groups, rows[same], rows[same + distance])
    return groups


def _join(groups: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the numbers of the groups after those of each row in `first` and in `second` have become one."""
    if not len(first):
        return groups
    size = int(groups.max()) + 1
    links = coo_array((np.ones(len(first), dtype=np.int8), (groups[first], groups[second])), shape=(size, size))
    return connected_components(links, directed=False)[1].astype(np.int64)[groups]
