"""Windows at even steps along a chromosome, and the bins that their values stand for."""

from dataclasses import dataclass

import numpy as np

from .tracks import BINS


@dataclass(frozen=True)
class Grid:
    """Windows of a chromosome, counted from 0, and their bins.

    Windows begin at every multiple of `step`, and the last one ends where the chromosome does. Each is `window` long,
    and `step` is no longer. The value of a window stands for its bin, the `step` letters in its middle; the first bin
    begins, and the last one ends, with the chromosome: bins neither overlap nor leave gaps.
    """

    window: int
    step: int

    @property
    def offset(self) -> int:
        """Of a bin from the start of its window."""
        return (self.window - self.step) // 2

    def count(self, length: int) -> int:
        """Return how many windows a chromosome of this length has."""
        return 0 if length < self.window else -((self.window - length) // self.step) + 1

    def starts(self, numbers: np.ndarray, length: int) -> np.ndarray:
        """Return where these windows of a chromosome of this length begin, counted from 0."""
        return np.minimum(numbers * self.step, length - self.window)

    def bins(self, numbers: np.ndarray, length: int) -> np.ndarray:
        """Return the bins (tracks.BINS) of these windows, without values."""
        result = np.zeros(len(numbers), dtype=BINS)
        result["start"] = np.where(numbers == 0, 0, numbers * self.step + self.offset)
        last = numbers == self.count(length) - 1
        result["end"] = np.where(last, length, (numbers + 1) * self.step + self.offset)
        return result

    def within(self, regions: np.ndarray, length: int) -> np.ndarray:
        """Return which windows have a bin that shares a letter with a region, as ranges in order that do not touch.

        regions: (n, 2) start and end, sorted, within a chromosome of this length, which has a window.
        Returns (ranges, 2), of each the first window and the one behind the last.
        """
        count = self.count(length)
        first = np.clip((regions[:, 0] - self.offset) // self.step, 0, count - 1)
        behind = np.clip(-((self.offset - regions[:, 1]) // self.step), first + 1, count)
        return joined(np.column_stack([first, behind]))


def joined(ranges: np.ndarray) -> np.ndarray:
    """Join ranges that overlap or touch; (n, 2) start and end, sorted by start."""
    if not len(ranges):
        return ranges
    tops = np.maximum.accumulate(ranges[:, 1])
    firsts = np.flatnonzero(np.append(True, ranges[1:, 0] > tops[:-1]))
    return np.column_stack([ranges[firsts, 0], tops[np.append(firsts[1:], len(ranges)) - 1]])
