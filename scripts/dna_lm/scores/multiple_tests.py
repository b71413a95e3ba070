"""P values of several comparisons at once."""

from collections.abc import Sequence

import numpy as np

# A difference with an adjusted p value below this is called one.
SIGNIFICANT = 0.05


def holm(values: Sequence[float]) -> np.ndarray:
    """Return p values adjusted for their number, so that the chance of a single error among all stays below each.

    Holm 1979, https://www.jstor.org/stable/4615733. NaN stays NaN and does not count. By hand, since scipy has no such
    adjustment and statsmodels would be a dependency for these few lines.
    """
    values = np.asarray(values, dtype=float)
    result = np.full(len(values), np.nan)
    order = [number for number in np.argsort(values, kind="stable") if np.isfinite(values[number])]
    highest = 0.0
    for place, number in enumerate(order):
        highest = max(highest, min(1.0, values[number] * (len(order) - place)))
        result[number] = highest
    return result


def p_text(name: str, value: float) -> str:
    """Return a p value as a sentence has it, such as "p = 0.031" or "p < 0.001"."""
    return f"{name} < 0.001" if value < 0.001 else f"{name} = {value:.3f}"
