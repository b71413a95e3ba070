"""How far scores would scatter with other test records of the same kind: the bootstrap over records.

Records are drawn with replacement, as many as there are, without regard to their labels: the share of each label is a
part of what chance decides. Where records depend on one another (homologs, overlapping windows), whole clusters of them
are drawn (Davison & Hinkley 1997, section 3.8; Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x). The same
clusters, or number of records, and the same seed give the same resamples, so that two models are compared on the same
ones.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from ..data.decision import Decision
from ..data.targets import Target
from ..words import NUMBER
from .calibration_error import reliability
from .few_records import without_interval
from .metrics import PLAIN
from .registry import BY_NAME, CALIBRATION_ERROR, OF_EACH_LABEL, OVERALL
from .resampled_scores import Key, keys, scorer
from .truth import mistakes, name_of_all

RESAMPLES = 1000
LEVEL = 0.95
# Where more of the resamples than this have no value, since a label does not occur in them, there is no interval.
MOST_UNDEFINED = 0.05
# Differences of scores that rounding makes.
EQUAL = 1e-12
COLUMNS = ("metric", "label", "value", "low", "high")
# Weights that are held at once: what fits a processor's cache.
_CELLS = 2**17
# The share of the draws on either side beyond which their distribution is taken to be normal: a few draws say little
# of how fast it falls.
TAIL = 0.01
# No p value is given below this, since a normal tail is not known so far out, nor below that of a sign test in which
# all records agree; of fewer than LEAST_SIGNS that one could not be below 0.05.
LEAST_P = 1e-9
LEAST_SIGNS = 6


@dataclass(frozen=True)
class Resampled:
    """Scores, and those of resamples of the same records.

    target: what was scored. records: how many. seed: of the resamples.
    clusters: the number of the cluster of each record, (n,) int64; None: each record was drawn by itself.
    mistakes: as worst_errors.mistakes gives them, (n,).
    values: of all records; draws: of each resample, (resamples,) float64, NaN where not defined. Both by the name of
    the score and the number of its label (none if it is of all labels); the support and the calibration error have no
    draws.
    intervals: those that do not come from the draws: of the calibration error, and none (NaN) of scores of rare labels.
    """

    target: Target
    records: int
    seed: int
    values: dict[Key, float]
    draws: dict[Key, np.ndarray]
    mistakes: np.ndarray
    intervals: dict[Key, tuple[float, float]] = field(default_factory=dict)
    clusters: np.ndarray | None = None

    @property
    def units(self) -> float:
        """How many independent records there are as good as: see effective_clusters."""
        return float(self.records) if self.clusters is None else effective_clusters(self.clusters)

    def interval(self, key: Key) -> tuple[float, float]:
        """Return the ends of the interval of a score; NaN where there is none."""
        if key in self.intervals:
            return self.intervals[key]
        if key not in self.draws:
            return np.nan, np.nan
        return _interval(self.values[key], self.draws[key], self.units)

    def table(self) -> pd.DataFrame:
        """Return a row for each score, with the columns COLUMNS."""
        every = name_of_all(self.target.labels)
        rows = [
            (name, every if number is None else self.target.labels[number], value, *self.interval((name, number)))
            for (name, number), value in self.values.items()
        ]
        return pd.DataFrame(rows, columns=COLUMNS)


def score_text(target: Target, metric: str, value: float) -> str:
    """Return a score, or the end of its interval, as tables show it; numbers of records are whole."""
    whole = metric == "support" and np.isfinite(value)
    return f"{value:.0f}" if whole else f"{value:{target.score_format}}"


@dataclass(frozen=True)
class Difference:
    """How much higher a score of one model is than that of another.

    value: the difference; low, high: its 95% interval. p: the least level at which such an interval does not hold 0, so
    that it is below 0.05 exactly where the interval lies on one side of 0: the p value of the two-sided paired
    bootstrap. NaN where they are not defined.
    """

    value: float
    low: float
    high: float
    p: float


def resample(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    decision: Decision = PLAIN,
    *,
    resamples: int = RESAMPLES,
    seed: int = 42,
    wanted: Iterable[Key] | None = None,
    clusters: np.ndarray | None = None,
) -> Resampled:
    """Score all records, and resamples of them.

    wanted: the scores that are needed, such as ("mcc", None); None: all, of all labels and of each.
    clusters: the number of the cluster of each record, (n,) int64 from 0, none left out: clusters are drawn, not
    records.
    The other parameters are those of metrics.score. About 10 ms for each 1,000 records and label.
    """
    if wanted is None:
        wanted = keys(target) if target.kind == NUMBER else [*keys(target), (CALIBRATION_ERROR, None)]
    wanted = list(wanted)
    # The calibration error has an interval of its own, which is not of resamples.
    apart = [key for key in wanted if key[0] == CALIBRATION_ERROR]
    wanted = [key for key in wanted if key not in apart]
    labels = range(len(target.labels)) if any(number is not None for _, number in wanted) else ()
    needed = {*wanted, *(("support", number) for number in labels)}
    scores_of = scorer(target, truth, predictions, decision, needed)
    of_all_records = scores_of(np.ones((1, len(truth))))
    draws: dict[Key, list] = {key: [] for key in wanted}
    for weights in _weights(len(truth), resamples, seed, clusters):
        scores = scores_of(weights)
        for key, found in draws.items():
            found.append(scores[key])
    calibration = {key: reliability(target, truth, predictions, clusters) for key in apart}
    order = [(name, None) for name in OVERALL[target.kind]]  # as tables have them
    order += [(name, number) for number in labels for name in OF_EACH_LABEL]
    values = {
        key: calibration[key].error if key in calibration else float(of_all_records[key][0])
        for key in order
        if key in needed or key in calibration
    }
    intervals = {key: found.interval() for key, found in calibration.items()}
    predicted = decision.predicted(target, predictions)
    intervals |= dict.fromkeys(without_interval(target, truth, predicted), (np.nan, np.nan))
    return Resampled(
        target,
        len(truth),
        seed,
        values,
        {key: np.concatenate(found) for key, found in draws.items()},
        mistakes(target, truth, predicted),
        intervals,
        clusters,
    )


def bootstrap(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    decision: Decision = PLAIN,
    *,
    resamples: int = RESAMPLES,
    seed: int = 42,
) -> pd.DataFrame:
    """Return all scores with 95% intervals: a row for each, with the columns COLUMNS.

    The scores of all labels come first, with the label that metrics.name_of_all gives; then those of each label. low
    and high are NaN where there is no interval. The parameters are those of resample.
    """
    return resample(target, truth, predictions, decision, resamples=resamples, seed=seed).table()


def difference(first: Resampled, second: Resampled, metric: str, label: int | None = None) -> Difference:
    """Return how much higher a score of the first model is than that of the second, on the same records.

    label: the number of a label, for its score; None for that of all labels.
    The interval is that of _ends for the distribution of the draws, beyond the outermost TAIL of them on either side a
    normal one; p is the level at which the same interval ends at 0 (Efron & Tibshirani 1993, section 15.4). Where all
    draws agree on a difference other than 0, they have no width: there is no interval, and p is that of the sign test
    on which model is nearer to the truth.
    Raises ValueError when the two were not resampled alike.
    """
    key = metric, label
    draws = first.draws[key], second.draws[key]
    alike = first.clusters is second.clusters or (
        first.clusters is not None and second.clusters is not None and np.array_equal(first.clusters, second.clusters)
    )
    if not alike or (first.records, first.seed, len(draws[0])) != (second.records, second.seed, len(draws[1])):
        raise ValueError("the two models were not scored on the same resamples")
    value, differences = first.values[key] - second.values[key], draws[0] - draws[1]
    defined = differences[np.isfinite(differences)]
    if not np.isfinite(value) or not len(defined):
        return Difference(value, np.nan, np.nan, np.nan)
    # What rounding leaves of 0 is 0, so that it counts for neither side.
    rounding = EQUAL * max([1.0, *(np.abs(each[np.isfinite(each)]).max(initial=0.0) for each in draws)])
    value, defined = (np.where(np.abs(each) <= rounding, 0.0, each) for each in (value, defined))
    value = float(value)
    if value == 0 and not defined.any():
        return Difference(0.0, 0.0, 0.0, 1.0)
    if len(defined) < (1 - MOST_UNDEFINED) * len(differences):
        return Difference(value, np.nan, np.nan, np.nan)
    if defined.max() - defined.min() <= rounding:
        return Difference(value, np.nan, np.nan, _sign_test(first, second))
    if first.units < 2:
        return Difference(value, np.nan, np.nan, np.nan)
    draws = _Draws(defined)
    span = BY_NAME[metric].span
    low, high = (float(np.clip(draws.quantile(place), -span, span)) for place in _ends(value, defined, first.units))
    return Difference(value, low, high, _p_value(value, defined, draws, first.units))


def effective_clusters(clusters: np.ndarray) -> float:
    """Return how many clusters of the same size say as much as these: (sum of sizes)^2 / sum of squared sizes.

    Where one cluster has most records, it is little more than one (Kish 1965, Survey Sampling, section 11.7; for the
    degrees of freedom of the t distribution: Carter et al. 2017, doi:10.1162/REST_a_00639).
    clusters: the number of each record's, (n,) int64.
    """
    sizes = np.bincount(clusters).astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _weights(records: int, resamples: int, seed: int, clusters: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Give how often each record was drawn, (some resamples, records) float64."""
    numbers = np.random.default_rng(seed)
    units = records if clusters is None else int(clusters.max()) + 1
    most = max(1, _CELLS // records)
    for start in range(0, resamples, most):
        count = min(most, resamples - start)
        drawn = numbers.integers(units, size=(count, units)) + units * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units).astype(float)
        yield times if clusters is None else times[:, clusters]


def _bias(value: float, draws: np.ndarray) -> float:
    """Return where the value lies among the draws, in standard deviations of the normal distribution."""
    # Of those that are equal to the value, half count as lower.
    tolerance = EQUAL * max(1.0, abs(value))
    lower = np.mean(draws < value - tolerance) / 2 + np.mean(draws <= value + tolerance) / 2
    return float(stats.norm.ppf(np.clip(lower, 1 / len(draws), 1 - 1 / len(draws))))


def _reach(units: float) -> float:
    """Return how far the ends of an interval are from its middle, in standard deviations of the normal distribution."""
    return _widened(units) * float(stats.t.isf((1 - LEVEL) / 2, units - 1))


def _widened(units: float) -> float:
    return float(np.sqrt(units / (units - 1)))


def _ends(value: float, draws: np.ndarray, units: float) -> tuple[float, float]:
    """Return where an interval ends in the distribution of the draws, as quantiles of the normal distribution.

    Bias-corrected percentiles (Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 14.3, without the
    acceleration, for which each record would have to be left out once), of the level that gives the interval of the t
    distribution for a mean, since percentiles alone are too narrow for few records (Hesterberg 2015, section 4.3,
    doi:10.1080/00031305.2015.1089789).
    """
    middle, reach = 2 * _bias(value, draws), _reach(units)
    return middle - reach, middle + reach


def _p_value(value: float, defined: np.ndarray, draws: "_Draws", units: float) -> float:
    """Return the level at which the interval of _ends has an end at 0."""
    middle = 2 * _bias(value, defined)
    lowest, highest = draws.places(0.0)
    reach = max(middle - highest, lowest - middle, 0.0)
    least = max(LEAST_P, 2.0 ** (1 - max(units, LEAST_SIGNS)))
    return float(np.clip(2 * stats.t.sf(reach / _widened(units), units - 1), least, 1.0))


def _sign_test(first: Resampled, second: Resampled) -> float:
    """Return the p value of the two-sided sign test on which model makes fewer mistakes, a cluster counting as one."""
    gaps = second.mistakes.astype(float) - first.mistakes
    if first.clusters is not None:
        gaps = np.bincount(first.clusters, gaps)
    better, worse = np.count_nonzero(gaps > 0), np.count_nonzero(gaps < 0)
    return max(LEAST_P, float(stats.binomtest(better, better + worse).pvalue)) if better + worse else 1.0


class _Draws:
    """The distribution of draws, as a function of the quantiles of the normal distribution.

    Between the outermost TAIL of the draws on either side it is theirs; beyond, it goes on straight, as a normal
    distribution does: as steeply as from the median to there, or as the standard deviation of all draws says if that is
    more.
    """

    def __init__(self, draws: np.ndarray):
        """draws: (n,), finite, not all equal."""
        ordered, count = np.sort(draws), len(draws)
        places = stats.norm.ppf((np.arange(count) + 0.5) / count)
        cut = min(max(1, round(TAIL * count)), (count - 1) // 2)
        middle = np.median(ordered)
        self._places, self._values = places[cut : count - cut], ordered[cut : count - cut]
        self._slopes = [
            max(abs(end - middle) / abs(place) if place else 0.0, float(draws.std()))
            for end, place in zip(self._values[[0, -1]], self._places[[0, -1]], strict=True)
        ]

    def quantile(self, place: float) -> float:
        """Return the value that so many standard deviations of the normal distribution belong to."""
        for end, slope in zip((0, -1), self._slopes, strict=True):
            beyond = place - self._places[end]
            if beyond * (1 if end else -1) > 0:
                return float(self._values[end] + slope * beyond)
        return float(np.interp(place, self._places, self._values))

    def places(self, value: float) -> tuple[float, float]:
        """Return the least and the greatest of the places that have a value."""
        for end, slope in zip((0, -1), self._slopes, strict=True):
            beyond = value - self._values[end]
            if beyond * (1 if end else -1) > 0:
                return (float(self._places[end] + beyond / slope),) * 2
        first, last = (int(np.searchsorted(self._values, value, side)) for side in ("left", "right"))
        if last > first:
            return float(self._places[first]), float(self._places[last - 1])
        return (float(np.interp(value, self._values[first - 1 : first + 1], self._places[first - 1 : first + 1])),) * 2


def _interval(value: float, draws: np.ndarray, units: float) -> tuple[float, float]:
    """Return the ends of the interval of a score, those of _ends in the draws: its value, and those of the resamples.

    units: as Resampled has them.
    """
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or units < 2 or len(defined) < (1 - MOST_UNDEFINED) * len(draws):
        return np.nan, np.nan
    # Where all resamples agree (ten of ten right), they say nothing of what other records would give.
    if defined.max() - defined.min() <= EQUAL * max(1.0, np.abs(defined).max()):
        return np.nan, np.nan
    low, high = np.quantile(defined, stats.norm.cdf(_ends(value, defined, units)))
    return float(low), float(high)
