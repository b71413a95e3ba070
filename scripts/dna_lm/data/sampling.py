"""Drawing some of many sequences, for work that need not see them all."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

# 100,000 sequences of 200 letters: what bounds the time and memory when sequences are long.
MOST_LETTERS = 20_000_000


def draw(sequences: Sequence[str], most: int, seed: int, labels: Sequence[str] | None = None) -> np.ndarray:
    """Return the positions, rising, of sequences drawn at random, without repeats.

    most: the largest number to draw; fewer if their letters, by the mean length, would exceed MOST_LETTERS.
    labels: one a sequence; each has the share in what is drawn that it has in all, and at least one sequence as long
    as there are no more labels than sequences to draw. Without it all are drawn from alike.
    """
    letters = sum(map(len, sequences))
    count = min(most, len(sequences), max(1, MOST_LETTERS * len(sequences) // max(1, letters)))
    order = np.random.default_rng(seed).permutation(len(sequences))
    if labels is not None:
        numbers = pd.Series(pd.factorize(np.asarray(labels, dtype=object)[order])[0])
        # The first of each label has the rank 0, its last one nearly 1.
        ranks = numbers.groupby(numbers).cumcount() / numbers.map(numbers.value_counts())
        order = order[np.argsort(ranks.to_numpy(), kind="stable")]
    return np.sort(order[:count])
