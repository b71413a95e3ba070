"""Shares of few or many records, with the interval that they leave open."""

import numpy as np
from scipy.stats import beta, binomtest


def wilson(having: int, records: int) -> tuple[float, float]:
    """Return the 95% interval of a share, both 0 to 1; NaN for no record.

    Wilson's score interval, which also holds for few records and shares near 0 and 1 (Wilson 1927,
    doi:10.1080/01621459.1927.10502953).
    """
    if not records:
        return float("nan"), float("nan")
    interval = binomtest(having, records).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high


def lower_bound(having: np.ndarray, records: np.ndarray) -> np.ndarray:
    """Return the one-sided 95% lower confidence bound of shares, of the shape of both; 0 for no record.

    Clopper and Pearson's, which holds at least as often as it says (1934, doi:10.1093/biomet/26.4.404).
    having: how many of the records have what is counted, whole numbers.
    """
    having = np.asarray(having)
    bound = beta.ppf(0.05, np.maximum(having, 1), np.asarray(records) - having + 1)
    return np.where(having > 0, bound, 0.0)


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
