"""How far probabilities are from how often they come true, and how much of that is chance.

What a reliability diagram shows is what is computed: bins of about as many probabilities each, in each bin the mean
probability and the share that came true. The calibration error is the root mean square, over all probabilities, of the
distances between the two (the RMS calibration error with adaptive bins: Nguyen & O'Connor 2015,
https://arxiv.org/abs/1508.05154; Hendrycks et al. 2019, https://arxiv.org/abs/1812.04606). By chance alone these
distances are not 0; what chance adds to their squares is subtracted (Kumar, Liang & Ma 2019,
https://arxiv.org/abs/1909.10155, section 5).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from ..data.targets import Target
from ..words import CLASSES
from .shares import share_interval

# Bins, and the probabilities that each has at least.
BINS, LEAST_IN_BIN = 10, 8
# What chance does is simulated so many times, always with the same numbers.
DRAWS, SEED = 1000, 0
LEVEL = 0.95
# Random numbers that are held at once.
_CELLS = 2**20


@dataclass(frozen=True)
class Reliability:
    """Probabilities against what came true, bin by bin.

    probabilities, came_true: (n,) float64 and boolean. bins: of each, (n,) int64, from 0 on, in their order.
    clusters: of each, (n,) int64: those of one cluster are not independent of one another.
    independent: whether each is a cluster of its own.
    """

    probabilities: np.ndarray
    came_true: np.ndarray
    bins: np.ndarray
    clusters: np.ndarray
    independent: bool

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many probabilities each bin has, (bins,)."""
        return np.bincount(self.bins)

    @cached_property
    def means(self) -> np.ndarray:
        """The mean probability of each bin, (bins,)."""
        return np.bincount(self.bins, self.probabilities) / self.sizes

    @cached_property
    def shares(self) -> np.ndarray:
        """The share of each bin that came true, (bins,)."""
        return np.bincount(self.bins, self.came_true) / self.sizes

    def share_intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the 95% interval of each share, (bins,): Wilson's, or between the clusters."""
        each = []
        for number in range(len(self.sizes)):
            inside = self.bins == number
            each.append(share_interval(self.came_true[inside], None if self.independent else self.clusters[inside]))
        low, high = np.array(each).T
        return low, high

    @property
    def error(self) -> float:
        """The calibration error, 0 to 1; NaN where fewer than two clusters leave the noise of a bin unknown."""
        if self._clusters_in_bin.min() < 2:
            return float("nan")
        return float(np.sqrt(max(0.0, self._square(self._gaps) - self._noise)))

    def interval(self) -> tuple[float, float]:
        """Return the ends of the 95% interval of the calibration error; NaN where the error is NaN.

        The distances of the bins are taken as normal around true ones with the covariance that the data have. True
        ones that are the observed ones times a factor are tried: the interval has those factors with which what was
        observed lies between the tails of what is simulated (the inversion of a test: Davison & Hinkley 1997,
        Bootstrap Methods and their Application, section 5.2.3). It begins at 0 unless probabilities that are right
        would give so large an error in fewer than 2.5 of 100 data sets (see p_value).
        Where all of a bin came true, or none, others would not all do so: its share is taken as if one more had come
        true and one more had not (Laplace's rule of succession).
        """
        if np.isnan(self.error):
            return float("nan"), float("nan")
        tail = (1 - LEVEL) / 2
        numbers = np.random.default_rng(SEED)
        values, vectors = np.linalg.eigh(self._covariance + np.diag(self._of_the_unanimous()))
        noise = numbers.normal(size=(DRAWS, len(values))) * np.sqrt(np.maximum(values, 0)) @ vectors.T
        observed = self._square(self._gaps)
        direction = self._gaps / np.sqrt(observed) if observed > 0 else np.ones(len(self.sizes))
        weights = self.sizes / self.sizes.sum()
        linear, square = 2 * noise @ (weights * direction), noise**2 @ weights

        def at_least(error: float, value: float) -> float:
            return float(np.mean(error**2 + error * linear + square >= value))

        low = 0.0
        if self.p_value() < tail:
            low = _root(lambda error: at_least(error, observed) - tail)
        # Less than chance makes is no sign of an error below 0.
        high = _root(lambda error: at_least(error, max(observed, float(square.mean()))) - (1 - tail))
        return min(low, self.error), min(max(high, self.error), 1.0)

    def p_value(self) -> float:
        """Return how often probabilities that are right would give so large an error or a larger one, above 0 to 1.

        What comes true is drawn from the probabilities (Bröcker & Smith 2007, doi:10.1175/WAF993.1). Where several
        belong together, what is drawn instead is the sign of the differences of each cluster, all at once (Wu 1986,
        doi:10.1214/aos/1176350142).
        """
        observed = self._square(self._gaps)
        numbers = np.random.default_rng(SEED)
        order = np.argsort(self.bins, kind="stable")
        probabilities = self.probabilities[order]
        starts = np.append(0, np.cumsum(self.sizes)[:-1])
        sums = self._cluster_sums(self.came_true - self.probabilities)
        width = len(probabilities) if self.independent else sums.shape[0]
        larger, most = 0, max(1, _CELLS // width)
        for start in range(0, DRAWS, most):
            shape = min(most, DRAWS - start), width
            if self.independent:
                drawn = (numbers.random(shape, dtype=np.float32) < probabilities) - probabilities
                gaps = np.add.reduceat(drawn, starts, axis=1)
            else:
                gaps = (sums.T @ (2.0 * numbers.integers(2, size=shape) - 1).T).T
            larger += np.count_nonzero(self._square(gaps / self.sizes) >= observed * (1 - 1e-12))
        return (larger + 1) / (DRAWS + 1)

    @cached_property
    def _gaps(self) -> np.ndarray:
        return self.shares - self.means

    def _square(self, gaps: np.ndarray) -> np.ndarray:
        """Return the mean square over the probabilities; gaps: (..., bins)."""
        return gaps**2 @ (self.sizes / self.sizes.sum())

    def _cluster_sums(self, values: np.ndarray) -> csr_matrix:
        """Return the sum of each cluster in each bin, (clusters, bins)."""
        return csr_matrix((values, (self.clusters, self.bins)))

    @cached_property
    def _clusters_in_bin(self) -> np.ndarray:
        pairs = self._cluster_sums(np.ones(len(self.bins)))
        return np.asarray((pairs > 0).sum(axis=0)).ravel()

    @cached_property
    def _covariance(self) -> np.ndarray:
        """That of the distances, (bins, bins)."""
        sums = self._cluster_sums(self.came_true - self.probabilities - self._gaps[self.bins])
        count = self._clusters_in_bin
        scale = np.sqrt(count / (count - 1)) / self.sizes
        return (sums.T @ sums).toarray() * scale * scale[:, None]

    def _of_the_unanimous(self) -> np.ndarray:
        """Return the variance of the shares of the bins that are 0 or 1, (bins,); 0 for other bins."""
        count = self._clusters_in_bin
        share = (self.shares * count + 1) / (count + 2)
        return np.where((self.shares == 0) | (self.shares == 1), share * (1 - share) / count, 0.0)

    @property
    def _noise(self) -> float:
        """What chance adds to the mean square."""
        return float(np.diag(self._covariance) @ (self.sizes / self.sizes.sum()))


def reliability(
    target: Target, truth: np.ndarray, predictions: np.ndarray, clusters: np.ndarray | None = None
) -> Reliability:
    """Return probabilities against what came true.

    Of two classes it is the probability of the second; of more, that of the likeliest; of several labels, that of each
    label, all taken together. Not for NUMBER.
    truth, predictions: as target.read and target.predictions give them, the predictions calibrated.
    clusters: which cluster each record belongs to, (n,), of any type; None: each is independent of all others.
    """
    numbers = np.arange(len(truth)) if clusters is None else np.unique(clusters, return_inverse=True)[1].ravel()
    independent = clusters is None
    if target.kind != CLASSES:
        count = predictions.shape[1]
        values, came_true, numbers = predictions.ravel(), truth.ravel() == 1, np.repeat(numbers, count)
        independent = independent and count == 1
    elif len(target.labels) == 2:
        values, came_true = predictions[:, 1], truth == 1
    else:
        values, came_true = predictions.max(axis=1), predictions.argmax(axis=1) == truth
    return Reliability(values, came_true, _bins(values), numbers, independent)


def calibration_error(target: Target, truth: np.ndarray, predictions: np.ndarray) -> float:
    """Return the calibration error; the parameters are those of reliability."""
    return reliability(target, truth, predictions).error


def _bins(values: np.ndarray) -> np.ndarray:
    """Return the bin of each value, (n,); equal ones have the same."""
    count = min(BINS, max(1, len(values) // LEAST_IN_BIN))
    bins = np.searchsorted(np.sort(values), values) * count // len(values)
    # Where many values are equal, bins behind them have few; they are put together.
    merged, held, number = np.zeros(count, dtype=np.int64), 0, 0
    for old, size in enumerate(np.bincount(bins, minlength=count)):
        merged[old] = number
        held += size
        if held >= LEAST_IN_BIN:
            number, held = number + 1, 0
    if held and number:
        merged[merged == number] = number - 1
    return merged[bins]


def _root(function) -> float:
    """Return where an increasing function of a number from 0 to 1 crosses 0, to six digits."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if function(middle) > 0 else (middle, high)
    return low
