"""Stretches that two sequences have in common on either strand: where to look for one, and how good it is."""

import numpy as np

from ..data.packing import OTHER, SPREAD, Packed, kmers

# A seed's hash and its position share 64 bits, so that one sort of plain numbers brings like seeds together.
_HASH_BITS = 30
_POSITION_BITS = np.uint64(64 - _HASH_BITS)
# Pairs scored at a time: their letters stay in the processor's cache.
_BLOCK = 2**12
# Letters that gaps may shift two sequences against each other, either way, and what each letter of a gap costs. With 1
# for a match and -1 for a mismatch that is dear enough for the scores of unrelated sequences to grow hardly faster than
# without gaps: lambda is 1.03 instead of 1.10 (NCBI BLAST's table for gap existence 0 and extension 2).
BAND, GAP = 8, 2


class BothStrands:
    """Sequences followed by their reverse complements in reverse order: any two stretches can be laid side by side.

    packed: of n sequences, number i is here on the other strand as number 2 n - 1 - i.
    margin: the most letters beyond the first and the last that `best_scores` will look at.
    """

    def __init__(self, packed: Packed, margin: int):
        inner = 2 * len(packed.codes)
        # Not joined from parts: a million sequences have hundreds of millions of letters.
        self._padded = np.full(margin + inner + margin, OTHER, dtype=np.uint8)
        self._margin = margin
        codes = self._padded[margin : margin + inner]
        codes[: inner // 2] = packed.codes
        codes[inner // 2 : inner - 1] = _reverse_complement(packed.codes[:-1])
        behind = np.cumsum(packed.lengths[::-1] + 1)
        self.packed = Packed(codes, np.concatenate([packed.starts, packed.starts[-1] + behind]))

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """Return the number, from 0 to n - 1, of the sequence that has these positions on one of its strands."""
        rows = self.packed.row_of(positions)
        return np.minimum(rows, len(self.packed) - 1 - rows)

    def best_scores(self, first: np.ndarray, second: np.ndarray, span: int, reach: int) -> np.ndarray:
        """Score pairs of positions by their best stretch without gaps: 1 for a match, -1 for a mismatch.

        first, second: (pairs,) positions in the codes of `packed`, laid upon each other.
        span: letters to compare from there on; reach: further letters on either side, inside the two sequences. Their
            sum is at most the margin.
        Letters other than A, C, G, T match nothing.
        Returns (pairs,) int16: the highest sum of consecutive letters.
        """
        if span + reach > self._margin:
            raise ValueError(f"span and reach are {span} and {reach}, more than the margin of {self._margin}")
        before = self._margin - reach
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, reach + span + reach)[before:]
        offsets = np.arange(-reach, span + reach, dtype=np.int32)
        result = np.zeros(len(first), dtype=np.int16)
        for start in range(0, len(first), _BLOCK):
            block = slice(start, start + _BLOCK)
            left, right = self._room(first[block], second[block])
            one = windows[first[block]]
            match = (one == windows[second[block]]) & (one != OTHER)
            match &= (offsets >= -left[:, None]) & (offsets < right[:, None])
            sums = np.cumsum(match.view(np.int8) * np.int8(2) - np.int8(1), axis=1, dtype=np.int16)
            lowest = np.minimum.accumulate(np.minimum(sums, 0), axis=1)
            result[block] = (sums - lowest).max(axis=1)
        return result

    def best_gapped_scores(self, first: np.ndarray, second: np.ndarray, span: int, reach: int) -> np.ndarray:
        """Score pairs of positions as best_scores does, by their best local alignment, in which gaps may stand.

        The alignment (Smith & Waterman 1981, doi:10.1016/0022-2836(81)90087-5) stays within BAND letters of the
        diagonal of the two positions; each letter of a gap costs GAP. The margin must have room for the band too.
        Returns (pairs,) int16.
        """
        if span + reach + BAND > self._margin:
            raise ValueError(f"span, reach and band are {span}, {reach} and {BAND}, more than {self._margin}")
        ones = np.lib.stride_tricks.sliding_window_view(self._padded, reach + span + reach)
        others = np.lib.stride_tricks.sliding_window_view(self._padded, reach + span + reach + 2 * BAND)
        ones, others = ones[self._margin - reach :], others[self._margin - reach - BAND :]
        result = np.zeros(len(first), dtype=np.int16)
        for start in range(0, len(first), _BLOCK):
            block = slice(start, start + _BLOCK)
            # Letters on the way, so that a step reads a row; what is outside the two sequences is no letter.
            one, other = ones[first[block]].T.copy(), others[second[block]].T.copy()
            for letters, positions, before in ((one, first[block], reach), (other, second[block], reach + BAND)):
                left, right = self._room(positions)
                offsets = np.arange(len(letters), dtype=np.int32)[:, None] - before
                letters[(offsets < -left) | (offsets >= right)] = OTHER
            # A letter outside is like no other, nor is one that is none of A, C, G, T.
            other[other == OTHER] = OTHER + 1
            scores = np.zeros((2 * BAND + 1, one.shape[1]), dtype=np.int16)
            best = np.zeros(one.shape[1], dtype=np.int16)
            for row in range(len(one)):
                match = one[row] == other[row : row + len(scores)]
                # From here on, a gap in the second sequence; then, along the diagonals, gaps in the first.
                gapped = scores[1:] - np.int16(GAP)
                scores = scores + (match.view(np.int8) * np.int8(2) - np.int8(1))
                np.maximum(scores[:-1], gapped, out=scores[:-1])
                np.maximum(scores, 0, out=scores)
                for step in range(1, len(scores)):
                    np.maximum(scores[step], scores[step - 1] - np.int16(GAP), out=scores[step])
                np.maximum(best, scores.max(axis=0), out=best)
            result[block] = best
        return result

    def _room(self, *pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how many letters the sequences all have before their positions, and from there on."""
        starts = self.packed.starts
        rows = [self.packed.row_of(positions) for positions in pair]
        left = [positions - starts[row] for positions, row in zip(pair, rows, strict=True)]
        right = [starts[row + 1] - 1 - positions for positions, row in zip(pair, rows, strict=True)]
        return np.minimum.reduce(left).astype(np.int32), np.minimum.reduce(right).astype(np.int32)


def parts_of_kmers(kmers: np.ndarray, parts: int) -> np.ndarray:
    """Return for each k-mer (uint64) to which of `parts` (at most 2**16) parts of about equal size it belongs."""
    return ((kmers * SPREAD) >> np.uint64(48)) * np.uint64(parts) >> np.uint64(16)


def seeds(packed: Packed, pattern: str, part: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the positions that have the same letters where the pattern has a 1.

    pattern: of 0 and 1, at most 32, the same backwards, odd in length and with 1 in the middle, so that it fits both
    strands and no seed is its own reverse complement (spaced seeds: Ma, Tromp & Li 2002,
    doi:10.1093/bioinformatics/18.3.440).
    part, parts: look at one part of the seeds only, the first is 0; it bounds the memory.
    Returns numbers of the seeds and their positions in `BothStrands(packed).packed`, both int64 and ordered by number,
    then position; seeds that occur once are left out. A position is on the strand where the seed reads forward: two
    positions of one seed are on strands that can be aligned. One in about 10**9 pairs of different seeds has the same
    number. Windows with a letter other than A, C, G, T have no seed.
    """
    span, letters = len(pattern), 2 * len(packed.codes)
    mask = np.uint64(int("".join("3" if letter == "1" else "0" for letter in pattern), base=4))
    found = [np.zeros(0, dtype=np.uint64)]
    for first, chunk in packed.chunks():
        forward, positions = kmers(chunk.codes, span, both_strands=False)
        backward = kmers(_reverse_complement(chunk.codes), span, both_strands=False)[0][::-1]
        forward, backward = forward & mask, backward & mask
        hashes = np.minimum(forward, backward) * SPREAD >> _POSITION_BITS
        chosen = np.flatnonzero(hashes * np.uint64(parts) >> np.uint64(_HASH_BITS) == part)
        positions = positions[chosen] + packed.starts[first]
        positions = np.where(forward[chosen] < backward[chosen], positions, letters - 1 - span - positions)
        found.append(hashes[chosen] << _POSITION_BITS | positions.astype(np.uint64))
    ordered = np.concatenate(found)
    ordered.sort()
    numbers = ordered >> _POSITION_BITS
    again = np.zeros(len(numbers), dtype=bool)
    again[1:] = numbers[1:] == numbers[:-1]
    again[:-1] |= again[1:]
    positions = ordered[again] & np.uint64(2 ** int(_POSITION_BITS) - 1)
    return numbers[again].astype(np.int64), positions.astype(np.int64)


def _reverse_complement(codes: np.ndarray) -> np.ndarray:
    return np.where(codes == OTHER, np.uint8(OTHER), 3 - codes)[::-1]
