"""How sequences come to the training: as token numbers of one or both strands, a random draw for each step."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

# Sequences of a batch, and, where the training split is too small for so many steps in an epoch, at least: a model
# learns little from a few large steps (docs/measurements/training.md has the figures).
BATCH, LEAST_BATCH, STEPS = 64, 8, 16


def batch_size_for(sequences: int) -> int:
    """Return how many sequences of a training split make a batch: BATCH, or half of it as often as STEPS needs it."""
    batch = BATCH
    while batch > LEAST_BATCH and sequences < batch * STEPS:
        batch //= 2
    return batch


class Tokens:
    """The token numbers of many sequences, one after the other in one array of four bytes each.

    As lists they take five times the memory or more, and Python writes to each that it reads, so that each of several
    forked processes would come to have a copy.
    """

    def __init__(self, sequences: Iterable[Sequence[int]] = ()):
        self._numbers = array("i")
        self._ends = array("q", [0])
        self.extend(sequences)

    def extend(self, sequences: Iterable[Sequence[int]]) -> None:
        for numbers in sequences:
            self._numbers.extend(numbers)
            self._ends.append(len(self._numbers))

    def __getitem__(self, number: int) -> list[int]:
        return self._numbers[self._ends[number] : self._ends[number + 1]].tolist()

    def lengths(self) -> np.ndarray:
        """Return the number of tokens of each sequence, (n,)."""
        return np.diff(self._ends)


class Sequences:
    """Token numbers and what is to be learned.

    strands: for each strand, the token numbers of each sequence.
    wanted: what Target.for_training gives, one row a sequence.
    """

    def __init__(self, strands: list[Tokens], wanted: np.ndarray):
        self.strands = strands
        self.wanted = wanted

    def __len__(self) -> int:
        return len(self.wanted)

    def tokens(self, numbers: Iterable[int], strands: Iterable[int]) -> list[list[int]]:
        """Return the token numbers of some sequences, each on its strand, 0 or 1."""
        return [self.strands[strand][number] for number, strand in zip(numbers, strands, strict=True)]

    def lengths(self) -> np.ndarray:
        """Return the lengths in tokens, (n, strands)."""
        return np.stack([strand.lengths() for strand in self.strands], axis=1)


class Steps:
    """The steps of each epoch: every sequence once, on a strand drawn anew, in an order drawn anew.

    A step's sequences are a random draw, whatever their lengths: sequences of like length would bring steps of one
    label wherever the label has to do with the length. The last step has what is left.
    """

    def __init__(self, lengths: np.ndarray, size: int, seed: int, first: int = 0):
        """lengths: in tokens, (n, strands); size: sequences of a step, in all processes and accumulated batches.

        first: added to the number of each epoch; what is drawn depends on the seed and that sum alone.
        """
        self.lengths, self.size, self.seed, self.first = lengths, size, seed, first

    def __len__(self) -> int:
        """Return how many steps an epoch has."""
        return -(-len(self.lengths) // self.size)

    def of(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the numbers and the strands of each step's sequences, both (size,) int64.

        epoch: from 0.
        """
        random = np.random.default_rng((self.seed, self.first + epoch))
        strands = random.integers(self.lengths.shape[1], size=len(self.lengths))
        order = random.permutation(len(self.lengths))
        for start in range(0, len(order), self.size):
            numbers = order[start : start + self.size]
            yield numbers, strands[numbers]


class Scored:
    """Every sequence on every strand, the longest first.

    numbers, strands: of each item, (items,) int64; lengths: in tokens, (items,); count: of the sequences.
    """

    def __init__(self, sequences: Sequences):
        lengths = sequences.lengths()
        order = np.argsort(-lengths, axis=None, kind="stable")
        self.numbers, self.strands = np.unravel_index(order, lengths.shape)
        self.lengths = lengths.reshape(-1)[order]
        self.count = len(sequences)

    def mean_over_strands(self, outputs: np.ndarray) -> np.ndarray:
        """Return the outputs of the sequences, (count, outputs), from those of all items."""
        total = np.zeros((self.count, outputs.shape[1]))
        np.add.at(total, self.numbers, outputs)
        return total / (len(self.numbers) // self.count)
