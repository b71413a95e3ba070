"""Shares of few or many records, with the interval that they leave open."""

import numpy as np
from scipy import stats
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
    having: how many of the records have what is counted; need not be whole, where records count in part.
    """
    having = np.asarray(having)
    bound = beta.ppf(0.05, np.where(having > 0, having, 1), np.asarray(records) - having + 1)
    return np.where(having > 0, bound, 0.0)


def share_interval(having: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float]:
    """Return the 95% interval of the share of records that have something, both 0 to 1; NaN for no record.

    Wilson's; where records depend on one another, that of so many independent ones as would leave the share as unsure
    as it is between clusters (Korn & Graubard 1998, Survey Methodology 24, 193-201), no more than there are.
    having: (n,) boolean. clusters: the number of the cluster of each, (n,) int64; None: all are independent.
    """
    records = len(having)
    if clusters is None or not records:
        return wilson(int(np.sum(having)), records)
    share, (error, count) = float(np.mean(having)), _clustered_error(having.astype(float), clusters)
    sizes = np.unique(clusters, return_counts=True)[1]
    alike = float(records**2 / (sizes**2).sum())  # clusters of one size that say as much
    effective = min(records, share * (1 - share) / error**2) if error > 0 else alike
    if count > 1:
        effective *= (stats.norm.isf(0.025) / stats.t.isf(0.025, count - 1)) ** 2
    square = stats.norm.isf(0.025) ** 2
    middle = (share + square / (2 * effective)) / (1 + square / effective)
    reach = np.sqrt(square * (share * (1 - share) / effective + square / (4 * effective**2))) / (1 + square / effective)
    # At shares of 0 and 1 an end is the share itself, but for rounding.
    return max(0.0, min(share, float(middle - reach))), min(1.0, max(share, float(middle + reach)))


def mean_interval(values: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float]:
    """Return the 95% interval of a mean, by the normal approximation; of one record, or one cluster, it has no width.

    values: (n,), n above 0. clusters: as share_interval has them; with them, that of the t distribution.
    """
    mean = float(np.mean(values))
    if clusters is None:
        reach = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    else:
        error, count = _clustered_error(values, clusters)
        reach = float(stats.t.isf(0.025, count - 1)) * error if count > 1 else 0.0
    return mean - reach, mean + reach


def _clustered_error(values: np.ndarray, clusters: np.ndarray) -> tuple[float, int]:
    """Return the standard error of a mean, estimated between clusters, and how many clusters there are.

    Cochran 1977, Sampling Techniques, section 11.12: that of the ratio of the clusters' sums to their sizes.
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    off = np.bincount(numbers, values - np.mean(values))
    count = len(off)
    return float(np.sqrt(count / max(1, count - 1) * (off**2).sum())) / len(values), count


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
