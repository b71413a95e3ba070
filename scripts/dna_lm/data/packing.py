"""Many sequences as one array of small numbers, and the k-mers in it: for what has to be fast on a million rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .sequences import BASES

# What stands for every other letter, and for the gap behind each sequence, so that no k-mer spans two of them.
OTHER = len(BASES)
# What fills up the shorter sequences of a batch.
PAD = OTHER + 1
_CODES = bytes(BASES.index(chr(byte)) if chr(byte) in BASES else OTHER for byte in range(256))
# A k-mer of 32 letters fills 64 bits.
LONGEST_K = 32
# A number times this, of which the highest bits are taken, is its hash: Fibonacci hashing, 2**64 divided by the golden
# ratio, odd (Knuth, The Art of Computer Programming 3, section 6.4).
SPREAD = np.uint64(0x9E3779B97F4A7C15)


def too_ambiguous(unknown: np.ndarray, lengths: np.ndarray | int, most: float) -> np.ndarray:
    """Return in which sequences more than the share `most`, 0 to 1, of the letters is unknown; lengths are above 0."""
    # Divided, not multiplied: 29 of 100 letters are not more than 0.29, but 0.29 * 100 is less than 29.
    return unknown / lengths > most


@dataclass(frozen=True)
class Packed:
    """Sequences one behind the other, with a gap behind each.

    codes: (letters + sequences,) uint8: A, C, G, T are 0 to 3, all else is OTHER.
    starts: (sequences + 1,) int64: where each sequence begins, and where the next one would.
    """

    codes: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(sequences,) int64, in letters."""
        return np.diff(self.starts) - 1

    def row_of(self, positions: np.ndarray) -> np.ndarray:
        """Return the number of the sequence at each position in `codes`."""
        return np.searchsorted(self.starts, positions, side="right") - 1

    def count(self, code: int | tuple[int, ...]) -> np.ndarray:
        """Return (sequences,) int64: how many letters of each sequence have this code, or one of these."""
        wanted = np.isin(np.arange(OTHER + 1, dtype=np.uint8), code)
        result = np.zeros(len(self), dtype=np.int64)
        for first, part in self.chunks():
            sums = np.add.reduceat(wanted[part.codes], part.starts[:-1], dtype=np.int64)
            # The gap behind a sequence counts as OTHER.
            result[first : first + len(part)] = sums - int(wanted[OTHER])
        return result

    def select(self, chosen: np.ndarray) -> "Packed":
        """Return the sequences that are chosen, (sequences,) bool: four times as fast as packing them anew."""
        sizes = np.diff(self.starts)
        starts = np.concatenate([[0], np.cumsum(sizes[chosen])])
        return Packed(self.codes[np.repeat(chosen, sizes)], starts)

    @staticmethod
    def concat(parts: Sequence["Packed"]) -> "Packed":
        """Return the sequences of all parts, in order."""
        sizes = np.concatenate([np.diff(part.starts) for part in parts])
        return Packed(np.concatenate([part.codes for part in parts]), np.concatenate([[0], np.cumsum(sizes)]))

    def chunks(self, letters: int = 2**18) -> Iterator[tuple[int, "Packed"]]:
        """Yield the sequences in chunks of at most `letters` letters (or one sequence), with their first one's number.

        The default keeps the arrays of `kmers` in the processor's cache, which is six times as fast.
        """
        first = 0
        while first < len(self):
            behind = int(np.searchsorted(self.starts, self.starts[first] + letters, side="right")) - 1
            behind = min(max(behind, first + 1), len(self))
            starts = self.starts[first : behind + 1]
            yield first, Packed(self.codes[starts[0] : starts[-1]], starts - starts[0])
            first = behind


def codes_of(sequence: str) -> bytes:
    """Return the code of each letter of a normalized sequence."""
    return sequence.encode("ascii").translate(_CODES)


def pack(sequences: Sequence[str]) -> Packed:
    """Pack normalized sequences (ASCII letters in upper case)."""
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    starts = np.concatenate([[0], np.cumsum(lengths + 1)])
    text = "\n".join([*sequences, ""]).encode("ascii").translate(_CODES)
    return Packed(np.frombuffer(text, dtype=np.uint8), starts)


def kmers(codes: np.ndarray, k: int, both_strands: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each k-mer and where it starts; those with a letter other than A, C, G, T are left out.

    codes: as in Packed; k: 1 to 32.
    both_strands: number a k-mer and its reverse complement alike, by the lower of their two numbers.
    Returns uint64 numbers, two bits a letter with the first one highest, and int64 positions in `codes`.
    """
    if not 1 <= k <= LONGEST_K:
        raise ValueError(f"k is {k}, not 1 to {LONGEST_K}")
    if len(codes) < k:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    letters = (codes & 3).astype(np.uint64)
    forward = _words(letters, k, reverse=False)
    if both_strands:
        np.minimum(forward, _words(3 - letters, k, reverse=True), out=forward)
    unknown = np.concatenate([[0], np.cumsum(codes == OTHER, dtype=np.int64)])
    positions = np.flatnonzero(unknown[k:] == unknown[:-k])
    return forward[positions], positions


def _words(letters: np.ndarray, k: int, reverse: bool) -> np.ndarray:
    """Join each k letters to a number, in about log2(k) steps: words of n letters give those of 2n.

    reverse: the first letter is the lowest instead of the highest.
    """
    result, joined = None, 0  # words of the first `joined` letters
    word, size = letters, 1
    while True:
        if k & size:
            result = word if result is None else _join(result, word, joined, size, reverse)
            joined += size
        if joined == k:
            return result[: len(letters) - k + 1]
        word = _join(word, word, size, size, reverse)
        size *= 2


def _join(first: np.ndarray, second: np.ndarray, letters_first: int, letters_second: int, reverse: bool) -> np.ndarray:
    """Join words to those that begin behind them."""
    second = second[letters_first:]
    first = first[: len(second)]
    if reverse:
        return first | (second << np.uint64(2 * letters_first))
    return (first << np.uint64(2 * letters_second)) | second


def gc_content(packed: Packed) -> np.ndarray:
    """Return (sequences,) float64: the share of G and C among A, C, G and T; NaN for a sequence without those."""
    known = packed.lengths - packed.count(OTHER)
    with np.errstate(invalid="ignore"):
        return packed.count((BASES.index("C"), BASES.index("G"))) / known
