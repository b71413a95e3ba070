"""The part of a training set that chooses among models: an evaluation has no development set."""

import numpy as np

from ..data.sampling import draw
from ..data.targets import Target
from ..words import CLASSES

# One in so many sequences is held out; of a small training set one in FEWEST_SHARE, up to ENOUGH sequences.
SHARE, FEWEST_SHARE, ENOUGH = 10, 5, 20


def held_out(target: Target, sequences: list[str], truth: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the sequences that are learned from, and of those that are held out, rising.

    Each class is learned from as long as there are sequences of it. With fewer than FEWEST_SHARE sequences none can be
    spared: all are learned from, and choose as well.
    sequences: normalized. truth: as Target.read gives it. seed: draws them.
    """
    count = len(truth)
    out = max(count // SHARE, min(count // FEWEST_SHARE, ENOUGH))
    if not out:
        return np.arange(count), np.arange(count)
    learned = draw(sequences, count - out, seed, truth if target.kind == CLASSES else None)
    return learned, np.setdiff1d(np.arange(count), learned)
