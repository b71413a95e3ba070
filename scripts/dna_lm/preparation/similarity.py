"""Which sequences are similar, so that a split keeps them together."""

import math

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..data.packing import LONGEST_K, Packed, kmers, pack
from .homology import BAND, BothStrands, parts_of_kmers, seeds
from .records import Records

# The best of random symmetric patterns, by their weight (how many letters have to match). Light ones find more and meet
# more by chance: each weight is for so many letters in all, MOST_LETTERS, that a seed meets hardly more than one other
# by chance in random sequences. Together those of weight 11 find 99.97% of stretches of 36 letters with 5 mismatches,
# those of weight 13 98.7%. Those of weight 15 find 99.9% of stretches of 100 letters with 15 mismatches and 96% of
# those of 60 letters with 9.
PATTERNS = {
    11: ("1111011101111", "1110101001001010111", "101001110010011100101"),
    13: ("111010110010011010111", "11110110101101111", "11110100010101000101111", "11101110000100001110111"),
    15: ("1101110101001001010111011", "1111011101011101111"),
}
MOST_LETTERS = {11: 2 * 10**6, 13: 10**7}
# Heavy seeds miss more of short sequences: where half of the sequences are shorter than SHORT, light ones are used for
# so many times as many letters, at the cost of time.
SHORT, MORE_LETTERS = 60, 4
# With 1 for a match and -1 for a mismatch: what a stretch has to score, as 40 letters with 100% identity do, 50 with
# 90% or 58 with 85%, and in sequences that are too short for that, for each letter of the shorter one: as the whole of
# it does with 75% identity.
MINIMUM_SCORE, SCORE_PER_LETTER = 40, 0.5
# How many others of the dataset a sequence may be linked to by chance, on average. The links of random sequences then
# leave nearly all alone; from 1 on they would join most into one cluster (Erdos & Renyi 1960).
CHANCE = 0.02
# How far a stretch is looked at, in letters on either side of the seed.
REACH = 100
# Most pairs share a seed by chance. A first look near the seed sorts out more than 9 of 10 of them, and less than one
# in 1000 seeds of pairs with 85% identity, even where a sequence ends with the seed. Its score is at most this, and at
# most so much of the one that is required.
FIRST_LOOK, FIRST_SCORE, FIRST_SHARE = 16, 18, 0.45
# With how many of the next ones in a list of positions with the same seed each is compared. Repeats are in thousands of
# positions and all their pairs would be millions; a chain of similar ones joins them as well. Comparing with 32 leaves
# 70,672 groups of 100,000 windows of human DNA, with 8 it is 70,731.
NEIGHBORS = 8
# Letters whose seeds are held at a time: they need about 1.5 GB.
LETTERS = 2**25


# Shares of planted pairs with 85% identity over their whole length that end in one group, without gaps and with one for
# each 34 letters, among random sequences of so many letters, by the weight of the seeds:
# dev/bench/similarity.py --lengths --weight.
FOUND = {
    11: {
        **{20: (0.0, 0.0), 25: (0.08, 0.002), 30: (0.99, 0.38), 36: (1.0, 0.87), 50: (1.0, 0.986)},
        **{75: (1.0, 1.0), 101: (1.0, 0.998), 150: (1.0, 1.0), 200: (1.0, 1.0)},
    },
    13: {
        **{20: (0.0, 0.0), 25: (0.28, 0.0), 30: (0.98, 0.264), 36: (0.988, 0.664), 50: (0.984, 0.884)},
        **{75: (1.0, 0.992), 101: (1.0, 0.996), 150: (1.0, 1.0), 200: (1.0, 1.0)},
    },
    15: {
        **{20: (0.0, 0.0), 25: (0.072, 0.0), 30: (0.58, 0.136), 36: (0.736, 0.304), 50: (0.788, 0.532)},
        **{75: (0.988, 0.848), 101: (1.0, 0.96), 150: (1.0, 0.992), 200: (1.0, 1.0)},
    },
}
# The share that has to be found, without gaps, for the split to be called reliable.
RELIABLE = 0.95


def _found(lengths: np.ndarray) -> dict[int, tuple[float, float]]:
    return FOUND[patterns_for(lengths)[0].count("1")]


def measured(lengths: np.ndarray) -> str:
    """Return a sentence on how surely similar sequences of such lengths, (n,), are found."""
    median = int(np.median(lengths)) if len(lengths) else 0
    known = [length for length in _found(lengths) if length <= median]
    if not known:
        return (
            f"Half of the sequences have {median:,} nucleotides or fewer: similar sequences of that length are not "
            "looked for, other than equal ones."
        )
    plain, gaps = _found(lengths)[max(known)]
    return (
        f"Similar sequences are found by rule, not for certain: in measurements with random sequences of {max(known)} "
        f"nucleotides (half of the sequences here have {median:,} or more), of pairs with 85% identity over their "
        f"whole length {plain:.1%} were found, and {gaps:.1%} of those with short gaps. Homologs that are less alike "
        "are not looked for."
    )


def reliability_warnings(lengths: np.ndarray) -> list[str]:
    """Return a sentence if some sequences are too short for what resembles them to be found; lengths: (n,)."""
    least = min(length for length, (plain, _) in _found(lengths).items() if plain >= RELIABLE)
    short = int((lengths < least).sum())
    if not short:
        return []
    return [
        f"{short:,} of {len(lengths):,} sequences have fewer than {least} nucleotides, too few for similar ones to be "
        "found reliably in a dataset of this size: some may be in another split; split by chromosome, or by a column "
        "of groups, if there is one"
    ]


def similar_groups(records: Records) -> np.ndarray:
    """Put sequences that share a homologous stretch into one group, also those that others link in a chain.

    records: with sequences of any lengths. Letters other than A, C, G, T match nothing.
    Guaranteed to be in one group: sequences that are equal, or share 32 consecutive letters (LONGEST_K), on either
    strand. Found besides, with the recall that dev/bench/similarity.py measures: those that share, on either strand, a
    stretch with the score that `required_scores` demands, in which gaps may stand (see homology.BAND). It is seen where
    letters match as in one of the PATTERNS: the longer and the more alike it is, the surer.
    The order and the strand of the sequences change nothing but the numbers.
    Returns (sequences,) int64: the number of the group, counted from 0 by first member.
    """
    rows, distinct = pd.factorize(records.canonical, sort=True)
    packed = pack(distinct)
    groups = _link_by_kmers(packed, np.arange(len(packed)))
    patterns = patterns_for(packed.lengths)
    reach = min(REACH, int(packed.lengths.max(initial=0)))
    both = BothStrands(packed, margin=reach + max(map(len, patterns)) + FIRST_LOOK + BAND)
    required = required_scores(packed)
    for pattern in patterns:
        groups = _link_by_stretches(packed, both, groups, pattern, required, reach)
    return pd.factorize(groups[rows])[0].astype(np.int64)


def patterns_for(lengths: np.ndarray) -> tuple[str, ...]:
    """Return the patterns of the seeds in sequences of such lengths, (n,)."""
    letters = int(lengths.sum())
    if len(lengths) and np.median(lengths) < SHORT:
        letters //= MORE_LETTERS
    return next((PATTERNS[weight] for weight, most in MOST_LETTERS.items() if letters <= most), PATTERNS[max(PATTERNS)])


def required_scores(packed: Packed) -> np.ndarray:
    """Return what a stretch has to score for each sequence, (n,) int64; for two, that of the shorter one counts.

    It is MINIMUM_SCORE or, if that is less, SCORE_PER_LETTER for each letter; but never so little that the sequence
    would have more than CHANCE such stretches in common with random sequences of as many letters, on both strands,
    and of the same bases. Random sequences of m and n letters reach a score S in about m n K exp(-lambda S) positions;
    letters that are alike with probability p give lambda = ln((1 - p) / p) and K = (1 - 2 p)**2 / (1 - p) (Karlin &
    Altschul 1990, doi:10.1073/pnas.87.6.2264), for equal bases ln 3 and 1/3.
    """
    counts = np.array([packed.count(code).sum() for code in range(4)], dtype=np.float64)
    counts += counts[::-1]  # on both strands
    letters = packed.lengths
    total = 2 * int(letters.sum())
    if not counts.sum():
        return np.full(len(letters), MINIMUM_SCORE)
    # Sequences of hardly more than two letters of the alphabet have no such limit; then the longest stretches count.
    alike = min(float(np.square(counts / counts.sum()).sum()), 0.45)
    odds = math.log((1 - alike) / alike)
    by_chance = np.log(np.maximum(letters, 1) * total * (1 - 2 * alike) ** 2 / (1 - alike) / CHANCE) / odds
    wanted = np.minimum(MINIMUM_SCORE, SCORE_PER_LETTER * letters)
    return np.ceil(np.maximum(wanted, by_chance)).astype(np.int64)


def _parts(packed: Packed) -> int:
    return -(-len(packed.codes) // LETTERS)


def _link_by_kmers(packed: Packed, groups: np.ndarray) -> np.ndarray:
    """Join the groups of sequences that share a k-mer of LONGEST_K letters."""
    parts = _parts(packed)
    for part in range(parts):
        numbers, rows = [], []
        for first, chunk in packed.chunks():
            found, positions = kmers(chunk.codes, LONGEST_K)
            chosen = np.flatnonzero(parts_of_kmers(found, parts) == part)
            numbers.append(found[chosen])
            rows.append((chunk.row_of(positions[chosen]) + first).astype(np.int32))
        all_numbers, all_rows = np.concatenate(numbers), np.concatenate(rows)
        order = np.argsort(all_numbers)
        all_numbers, all_rows = all_numbers[order], all_rows[order]
        same = np.flatnonzero(all_numbers[1:] == all_numbers[:-1])
        groups = _join(groups, all_rows[same], all_rows[same + 1])
    return groups


def _link_by_stretches(
    packed: Packed, both: BothStrands, groups: np.ndarray, pattern: str, required: np.ndarray, reach: int
) -> np.ndarray:
    """Join the groups of sequences that share a good stretch around a seed of this pattern.

    required: (n,) what it has to score, by sequence; reach: how far it is looked at.
    """
    span, parts = len(pattern), _parts(packed)
    lengths = packed.lengths
    for part in range(parts):
        numbers, positions = seeds(packed, pattern, part, parts)
        rows = both.rows(positions)
        for distance in range(1, NEIGHBORS + 1):
            same = np.flatnonzero(numbers[distance:] == numbers[:-distance])
            if not len(same):
                break
            same = same[groups[rows[same]] != groups[rows[same + distance]]]
            pair = rows[same], rows[same + distance]
            shorter = np.where(lengths[pair[0]] <= lengths[pair[1]], *pair)
            wanted = required[shorter]
            first = np.minimum(FIRST_SCORE, FIRST_SHARE * wanted)
            near = both.best_scores(positions[same], positions[same + distance], span, FIRST_LOOK) >= first
            same, wanted = same[near], wanted[near]
            found = both.best_scores(positions[same], positions[same + distance], span, reach) >= wanted
            missing = np.flatnonzero(~found)
            missing = missing[_first_of_each_diagonal(packed, both, positions, same[missing], distance)]
            with_gaps = same[missing]
            scores = both.best_gapped_scores(positions[with_gaps], positions[with_gaps + distance], span, reach)
            found[missing] = scores >= wanted[missing]
            same = same[found]
            groups = _join(groups, rows[same], rows[same + distance])
    return groups


def _first_of_each_diagonal(
    packed: Packed, both: BothStrands, positions: np.ndarray, chosen: np.ndarray, distance: int
) -> np.ndarray:
    """Return which of some pairs of positions are not, as others before them, in the same sequences at the same shift.

    Of these an alignment with gaps is looked for around the first one in each REACH letters.
    """
    first, second = positions[chosen], positions[chosen + distance]
    if not len(chosen):
        return chosen
    rows = [both.packed.row_of(each).astype(np.int64) for each in (first, second)]
    key = np.stack([*rows, (second - first) // BAND, (first - both.packed.starts[rows[0]]) // REACH])
    return np.unique(key, axis=1, return_index=True)[1]


def _join(groups: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the numbers of the groups after those of each row in `first` and in `second` have become one."""
    if not len(first):
        return groups
    size = int(groups.max()) + 1
    links = coo_array((np.ones(len(first), dtype=np.int8), (groups[first], groups[second])), shape=(size, size))
    return connected_components(links, directed=False)[1].astype(np.int64)[groups]
