"""Which motifs a classifier needs: few enough to be named, and to be looked for quickly."""

from collections.abc import Callable

import numpy as np

from ..data.targets import Target
from .linear import Linear, linear

# The strength is tried for all motifs (see linear); with fewer, each has more to explain, and is held back less.
STRENGTHS = (0.003, 0.01, 0.03, 0.1)
# How many motifs are left after each step.
STEPS = (256, 128, 64, 32)
# How many are kept at most: prediction takes time for each (docs/measurements/branch.md).
MOST_KEPT = 64


def selected(
    target: Target,
    scores: tuple[np.ndarray, np.ndarray],
    truth: np.ndarray,
    loss: Callable[[np.ndarray], float],
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, Linear]:
    """Return the numbers of the motifs that are kept, in ascending order, and the model on their scores.

    Motifs are left out in steps, those with the smallest weights first (recursive feature elimination, Guyon et al.
    2002, doi:10.1023/A:1012487302797); how many are kept, and the strength, give the lowest loss on dev.
    scores: of the training sequences and of dev, (n, motifs) float64; they are standardized in place, since there may
    be so many that a copy would be felt. truth: of the training sequences, as Target.read gives it.
    loss: of outputs for dev. weights: see linear.
    """
    train, dev = scores
    mean = train.mean(axis=0)
    for part in scores:
        part -= mean
    spread = np.sqrt(np.einsum("rm,rm->m", train, train) / len(train))
    spread[spread < 1e-6] = 1.0  # a motif that scores all alike has the weight 0
    for part in scores:
        part /= spread
    found: list[tuple[float, np.ndarray, Linear]] = []
    motifs = train.shape[1]
    for strength in STRENGTHS:
        kept = np.arange(motifs)
        model = linear(target, train, truth, strength, weights)
        if motifs <= MOST_KEPT:
            found.append((loss(model.outputs(dev)), kept, model))
        for most in STEPS:
            if most >= len(kept):
                continue
            order = np.argsort(-np.abs(model.weight).max(axis=1), kind="stable")
            kept = np.sort(kept[order[:most]])
            # As rows in one piece (train[:, kept] is not), which scikit-learn would copy once more.
            model = linear(target, train.take(kept, axis=1), truth, strength * (motifs / most) ** 0.5, weights)
            if most <= MOST_KEPT:
                found.append((loss(model.outputs(dev[:, kept])), kept, model))
    _, kept, model = min(found, key=lambda one: one[0])
    return kept, model.on_raw(mean[kept], spread[kept])
