"""How sequences come to the training: as token numbers of one or both strands, those of like length in one batch."""

from array import array
from collections.abc import Iterable, Iterator

import numpy as np
from torch.utils.data import Dataset, Sampler

# Batches among which sequences of like length are sought: enough for hardly any padding, few enough that the batches
# of an epoch are not the same ones in the next.
POOL = 50
# Sequences of a batch, and, where the training split is too small for so many steps in an epoch, at least: a model
# learns little from a few large steps (docs/training.md has the figures).
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

    def __init__(self, sequences: Iterable[list[int]] = ()):
        self._numbers = array("i")
        self._ends = array("q", [0])
        self.extend(sequences)

    def extend(self, sequences: Iterable[list[int]]) -> None:
        for numbers in sequences:
            self._numbers.extend(numbers)
            self._ends.append(len(self._numbers))

    def __getitem__(self, number: int) -> list[int]:
        return self._numbers[self._ends[number] : self._ends[number + 1]].tolist()

    def lengths(self) -> np.ndarray:
        """Return the number of tokens of each sequence, (n,)."""
        return np.diff(self._ends)


class Sequences(Dataset):
    """Token numbers and what is to be learnt.

    strands: for each strand, the token numbers of each sequence.
    wanted: what Target.for_training gives, one row a sequence.
    An item is asked for by its number and its strand, 0 or 1.
    """

    def __init__(self, strands: list[Tokens], wanted: np.ndarray):
        self.strands = strands
        self.wanted = wanted

    def __len__(self) -> int:
        return len(self.wanted)

    def __getitem__(self, key: tuple[int, int]) -> dict:
        number, strand = key
        return {"input_ids": self.strands[strand][number], "labels": self.wanted[number]}

    def lengths(self) -> np.ndarray:
        """Return the lengths in tokens, (n, strands)."""
        return np.stack([strand.lengths() for strand in self.strands], axis=1)


class Shuffled(Sampler):
    """The order of an epoch: each sequence once, on a strand drawn anew, batches in random order.

    lengths: in tokens, (n, strands); batch: sequences that are computed together, in all processes; first: added to
    the number of each epoch; the order depends on the seed and that sum alone.
    """

    def __init__(self, lengths: np.ndarray, batch: int, seed: int, first: int = 0):
        self.lengths = lengths
        self.batch = batch
        self.seed = seed
        self.first = first
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        numbers = np.random.default_rng((self.seed, self.first + self.epoch))
        strand = numbers.integers(self.lengths.shape[1], size=len(self))
        length = self.lengths[np.arange(len(self)), strand]
        order = numbers.permutation(len(self))
        batches = []
        for start in range(0, len(order), POOL * self.batch):
            pool = order[start : start + POOL * self.batch]
            pool = pool[np.argsort(length[pool], kind="stable")]
            batches += [pool[first : first + self.batch] for first in range(0, len(pool), self.batch)]
        # An incomplete batch stays the last: the sampler is cut into batches again by counting.
        complete = [position for position, chosen in enumerate(batches) if len(chosen) == self.batch]
        rest = [position for position, chosen in enumerate(batches) if len(chosen) < self.batch]
        for position in [*numbers.permutation(complete), *rest]:
            for number in batches[position]:
                yield int(number), int(strand[number])


class Scored(Dataset):
    """Every sequence on every strand, those of like length side by side.

    `order` holds the number and the strand of each item, `count` the number of sequences.
    """

    def __init__(self, sequences: Sequences):
        lengths = sequences.lengths()
        number, strand = np.unravel_index(np.argsort(-lengths, axis=None, kind="stable"), lengths.shape)
        self.sequences = sequences
        self.count = len(sequences)
        self.order = list(zip(number.tolist(), strand.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> dict:
        return self.sequences[self.order[position]]

    def mean_over_strands(self, outputs: np.ndarray) -> np.ndarray:
        """Return the outputs of the sequences, (count, outputs), from those of all items."""
        total = np.zeros((self.count, outputs.shape[1]))
        np.add.at(total, [number for number, _ in self.order], outputs)
        return total / (len(self) // self.count)
