"""Sequences longer than a model is to read at once: windows along them, and one prediction for all windows."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..data.targets import Target
from ..words import CLASSES, MEAN, MULTI_LABEL


def window_starts(length: int, window: int, step: int) -> np.ndarray:
    """Return where windows begin, counted from 0: every `step` letters, and one that ends where the sequence does.

    A sequence that is no longer than a window is read as one.
    """
    if length <= window:
        return np.zeros(1, dtype=np.int64)
    starts = np.arange(0, length - window + 1, step, dtype=np.int64)
    return starts if starts[-1] == length - window else np.append(starts, length - window)


def windows_of(
    sequences: Sequence[str], window: int, step: int, at_once: int
) -> Iterator[tuple[np.ndarray, np.ndarray, list[str]]]:
    """Give at most `at_once` windows at a time: the numbers of their sequences, their starts and their letters."""
    rows: list[int] = []
    starts: list[int] = []
    for row, sequence in enumerate(sequences):
        for start in window_starts(len(sequence), window, step).tolist():
            rows.append(row)
            starts.append(start)
            if len(rows) == at_once:
                yield _part(sequences, rows, starts, window)
                rows, starts = [], []
    if rows:
        yield _part(sequences, rows, starts, window)


def _part(sequences: Sequence[str], rows: list[int], starts: list[int], window: int):
    letters = [sequences[row][start : start + window] for row, start in zip(rows, starts, strict=True)]
    return np.array(rows), np.array(starts), letters


class Combined:
    """One prediction for each of some sequences, from those for its windows.

    `mean` averages them. `max` takes that of one window: of two classes where the second is the likeliest, of more the
    one whose class is the surest, of numbers the highest. Of several labels, each has its highest probability, in
    whichever window.
    counts: windows of each sequence that were predicted. starts: of the window that `max` took, or -1.
    """

    def __init__(self, target: Target, sequences: int, aggregate: str):
        self._target, self._aggregate = target, aggregate
        self._total = np.zeros((sequences, target.outputs))
        self._highest = np.full(sequences, -np.inf)
        self.counts = np.zeros(sequences, dtype=np.int64)
        self.starts = np.full(sequences, -1, dtype=np.int64)

    def add(self, rows: np.ndarray, starts: np.ndarray, predictions: np.ndarray) -> None:
        """Take the predictions, (n, outputs), for windows of the sequences `rows` that begin at `starts`."""
        np.add.at(self.counts, rows, 1)
        if self._aggregate == MEAN:
            np.add.at(self._total, rows, predictions)
            return
        if self._target.kind == MULTI_LABEL:
            np.maximum.at(self._total, rows, predictions)  # probabilities are never below 0
            return
        several = self._target.kind == CLASSES and len(self._target.labels) > 2
        height = predictions.max(axis=1) if several else predictions[:, -1]
        # The last of each sequence in this order is its highest, and of equal ones the first along the sequence.
        order = np.lexsort((-starts, height, rows))
        last = order[np.diff(rows[order], append=-1) != 0]
        better = last[height[last] > self._highest[rows[last]]]
        self._highest[rows[better]] = height[better]
        self._total[rows[better]] = predictions[better]
        self.starts[rows[better]] = starts[better]

    def predictions(self) -> np.ndarray:
        """Return (sequences, outputs); NaN for a sequence without windows."""
        with np.errstate(invalid="ignore"):
            if self._aggregate == MEAN:
                return self._total / self.counts[:, None]
            return np.where(self.counts[:, None] > 0, self._total, np.nan)
