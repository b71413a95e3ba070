"""Shares of few or many records, with the interval that they leave open."""

import numpy as np
from scipy.stats import binomtest


def wilson(having: int, records: int) -> tuple[float, float]:
    """Return the 95% interval of a share, both 0 to 1; NaN for no record.

    Wilson's score interval, which also holds for few records and shares near 0 and 1 (Wilson 1927,
    doi:10.1080/01621459.1927.10502953).
    """
    if not records:
        return float("nan"), float("nan")
    interval = binomtest(having, records).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high


def binned(values: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    """Return which values, (n,) boolean, lie in each bin; the last bin has its upper edge too, and NaN lies in none.

    edges: ascending, (bins + 1,).
    """
    places = np.searchsorted(edges[1:-1], values, side="right")
    return [(places == number) & np.isfinite(values) for number in range(len(edges) - 1)]


def quantile_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Return the edges of at most so many bins with about as many values each; fewer where many values are equal.

    values: (n,), at least one of them finite.
    """
    return np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, bins + 1)))
