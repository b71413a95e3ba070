"""Which windows of a chromosome are left out of a scan, and the stretches that they make up."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from ..data.genome import FOREIGN
from ..data.packing import too_ambiguous
from ..data.sequences import BASES
from .screening import AMBIGUOUS, NOT_DNA

NO_WINDOW = "no whole window fits"
_BASE = np.zeros(256, dtype=bool)
_BASE[list(BASES.encode())] = True


@dataclass
class Stretch:
    """A part of a chromosome that was not scanned; windows: how many were left out."""

    chrom: str
    start: int
    end: int
    reason: str
    windows: int = 0


class LeftOut:
    """Collects the stretches that are not scanned.

    stretches: so far, in the order in which they were met.
    """

    def __init__(self):
        self.stretches: list[Stretch] = []

    def add_windows(self, chrom: str, bins: np.ndarray, reasons: np.ndarray) -> None:
        """Add the windows that are left out; those whose bins touch are one stretch.

        bins: (tracks.BINS) of windows that follow each other. reasons: as `reasons` gives them.
        """
        firsts = np.flatnonzero(np.append(True, reasons[1:] != reasons[:-1]))
        for first, behind in zip(firsts.tolist(), [*firsts[1:].tolist(), len(reasons)], strict=True):
            reason = reasons[first]
            if not reason:
                continue
            start, end = int(bins["start"][first]), int(bins["end"][behind - 1])
            last = self.stretches[-1] if self.stretches else None
            if last and (last.chrom, last.end, last.reason) == (chrom, start, reason):
                last.end, last.windows = end, last.windows + behind - first
            else:
                self.stretches.append(Stretch(chrom, start, end, reason, behind - first))

    def add_places(self, chrom: str, ranges: np.ndarray) -> None:
        """Add ranges, (n, 2) start and end, of a chromosome that is shorter than a window."""
        self.stretches += [Stretch(chrom, start, end, NO_WINDOW) for start, end in ranges.tolist()]

    def table(self) -> pd.DataFrame:
        """Return the columns chrom, start, end, reason and windows."""
        return pd.DataFrame(map(asdict, self.stretches), columns=list(Stretch.__annotations__), dtype=object)

    def why(self) -> str:
        """Return how often there was which reason."""
        reasons = [stretch.reason for stretch in self.stretches]
        return ", ".join(f"{reasons.count(reason):,} {reason}" for reason in sorted(set(reasons)))


def reasons_against(
    letters: np.ndarray, starts: np.ndarray, window: int, max_ambiguous: float, *, has_foreign: bool
) -> np.ndarray:
    """Return why each window is left out, in words; an empty text for those that are scanned.

    letters: all of the chromosome, (n,) uint8, as data.genome.Chromosome has them. starts: of windows that lie close
    together, in ascending order. window: letters of one. max_ambiguous: share of letters other than A, C, G and T that
    one may have. has_foreign: whether there are letters that are not DNA.
    """
    low, high = int(starts[0]), int(starts[-1]) + window

    def count(marked: np.ndarray) -> np.ndarray:
        before = np.zeros(len(marked) + 1, dtype=np.int32)
        np.cumsum(marked, out=before[1:])
        return before[starts - low + window] - before[starts - low]

    part = letters[low:high]
    ambiguous = too_ambiguous(count(~_BASE[part]), window, max_ambiguous)
    foreign = count(part == FOREIGN) > 0 if has_foreign else np.zeros(len(starts), dtype=bool)
    return np.select([foreign, ambiguous], [NOT_DNA, AMBIGUOUS], default="")
