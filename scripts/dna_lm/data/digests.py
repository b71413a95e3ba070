"""Sets of sequences as short digests, small enough to stand in the record of an adapter.

A digest is the first 6 bytes of BLAKE2b (RFC 7693) of a normalized sequence or of its reverse complement, whichever is
first in the alphabet: it is the same for both strands, and the order of a file, its other columns and its compression
do not matter. With MOST_KEPT digests in a set, one new sequence in 2.8 billion looks like one of it.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from .sequences import canonical

# Bytes of a digest.
SIZE = 6
# Digests of a set that are kept at most: 800 kB of text. Of more sequences, those with the lowest digests, which are a
# random sample, are kept (bottom-k sketch: Cohen and Kaplan 2007, doi:10.1145/1281100.1281133).
MOST_KEPT = 100_000


def digests_of(sequences: Iterable[str]) -> np.ndarray:
    """Return the digest of each of some normalized sequences as a number below 2^48, (n,) uint64."""
    found = (int.from_bytes(blake2b(canonical(text).encode(), digest_size=SIZE).digest(), "big") for text in sequences)
    return np.fromiter(found, dtype=np.uint64)


@dataclass(frozen=True)
class Digests:
    """A set of sequences.

    numbers: distinct digests, (n,) uint64, in ascending order.
    below: the digests below this number are all there, higher ones are not kept; None: all are there.
    """

    numbers: np.ndarray
    below: int | None = None

    @staticmethod
    def of(numbers: np.ndarray, below: int | None = None) -> "Digests":
        """Make a set of digests, of which the lowest MOST_KEPT are kept."""
        distinct = np.unique(numbers)
        if below is not None:
            distinct = distinct[distinct < below]
        if len(distinct) > MOST_KEPT:
            below = int(distinct[MOST_KEPT])
            distinct = distinct[:MOST_KEPT]
        return Digests(distinct, below)

    def __or__(self, other: "Digests") -> "Digests":
        """Return the sequences of both sets."""
        limits = [one.below for one in (self, other) if one.below is not None]
        return Digests.of(np.concatenate([self.numbers, other.numbers]), min(limits, default=None))

    def known(self, numbers: np.ndarray) -> np.ndarray:
        """Return of which digests the set can tell whether they are in it, (n,) bool."""
        if self.below is None:
            return np.ones(len(numbers), dtype=bool)
        return numbers < np.uint64(self.below)

    def has(self, numbers: np.ndarray) -> np.ndarray:
        """Return which digests are in the set, (n,) bool."""
        return np.isin(numbers, self.numbers)

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold; equal sets give equal records."""
        content = self.numbers.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - SIZE :].tobytes()
        return {"digests": base64.b64encode(content).decode("ascii"), "below": self.below}

    @staticmethod
    def from_record(record: Any) -> "Digests | None":
        """Return the set that record() wrote; None for anything else."""
        if not isinstance(record, dict):
            return None
        text, below = record.get("digests"), record.get("below")
        if not isinstance(text, str) or not (below is None or type(below) is int and 0 < below < 2 ** (8 * SIZE)):
            return None
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(content) % SIZE:
            return None
        padded = np.zeros((len(content) // SIZE, 8), dtype=np.uint8)
        padded[:, 8 - SIZE :] = np.frombuffer(content, dtype=np.uint8).reshape(-1, SIZE)
        return Digests.of(padded.view(">u8").ravel().astype(np.uint64), below)
