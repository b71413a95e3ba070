"""How far scores would scatter with other test records of the same kind: the bootstrap over records.

Records are drawn with replacement, as many as there are, without regard to their labels: the share of each label is a
part of what chance decides. The same number of records and the same seed give the same resamples, so that two models
are compared on the same ones.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from ..data.targets import Target
from ..options import NUMBER
from .calibration_error import reliability
from .decision import Decision
from .few_records import without_interval
from .metrics import CALIBRATION_ERROR, PLAIN, class_scores, name_of_all, score
from .resampled_scores import Key, keys, scorer

RESAMPLES = 1000
LEVEL = 0.95
# Where more of the resamples than this have no value, since a label does not occur in them, there is no interval.
MOST_UNDEFINED = 0.05
# Differences of scores that rounding makes.
EQUAL = 1e-12
COLUMNS = ("metric", "label", "value", "low", "high")
# Weights that are held at once: what fits a processor's cache.
_CELLS = 2**17


@dataclass(frozen=True)
class Resampled:
    """Scores, and those of resamples of the same records.

    target: what was scored. records: how many. seed: of the resamples.
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
    intervals: dict[Key, tuple[float, float]] = field(default_factory=dict)

    def interval(self, key: Key) -> tuple[float, float]:
        """Return the ends of the interval of a score; NaN where there is none."""
        if key in self.intervals:
            return self.intervals[key]
        if key not in self.draws:
            return np.nan, np.nan
        return _interval(self.values[key], self.draws[key], self.records)

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

    value: the difference; low, high: its interval; p: the probability, by the two-sided paired bootstrap, of one so far
    from 0 if there were none in truth. NaN where they are not defined.
    """

    value: float
    low: float
    high: float
    p: float


def resample(
    target: Target,
    truth: np.ndarray,
    answers: np.ndarray,
    decision: Decision = PLAIN,
    *,
    resamples: int = RESAMPLES,
    seed: int = 42,
    wanted: Iterable[Key] | None = None,
) -> Resampled:
    """Score all records, and resamples of them.

    wanted: the scores that are needed, such as ("mcc", None); None: all, of all labels and of each.
    The other parameters are those of metrics.score. About 10 ms for each 1,000 records and label.
    """
    if wanted is None:
        wanted = keys(target) if target.kind == NUMBER else [*keys(target), (CALIBRATION_ERROR, None)]
    wanted = list(wanted)
    # The calibration error has an interval of its own, which is not of resamples.
    apart = [key for key in wanted if key[0] == CALIBRATION_ERROR]
    wanted = [key for key in wanted if key not in apart]
    values: dict[Key, float] = {(name, None): value for name, value in score(target, truth, answers, decision).items()}
    if any(number is not None for _, number in wanted):
        for number, scores in enumerate(class_scores(target, truth, answers, decision).values()):
            values |= {(name, number): value for name, value in scores.items()}
    scores_of = scorer(target, truth, answers, decision, wanted)
    draws: dict[Key, list] = {key: [] for key in wanted}
    for weights in _weights(len(truth), resamples, seed):
        scores = scores_of(weights)
        for key, found in draws.items():
            found.append(scores[key])
    kept = {key: value for key, value in values.items() if key in draws or key in apart or key[0] == "support"}
    intervals = {key: reliability(target, truth, answers).interval() for key in apart}
    few = without_interval(target, truth, decision.predicted(target, answers))
    intervals |= dict.fromkeys(few, (np.nan, np.nan))
    found = {key: np.concatenate(each) for key, each in draws.items()}
    return Resampled(target, len(truth), seed, kept, found, intervals)


def bootstrap(
    target: Target,
    truth: np.ndarray,
    answers: np.ndarray,
    decision: Decision = PLAIN,
    *,
    resamples: int = RESAMPLES,
    seed: int = 42,
) -> pd.DataFrame:
    """Return all scores with 95% intervals: a row for each, with the columns COLUMNS.

    The scores of all labels come first, with the label that metrics.name_of_all gives; then those of each label. low
    and high are NaN where there is no interval. The parameters are those of resample.
    """
    return resample(target, truth, answers, decision, resamples=resamples, seed=seed).table()


def difference(first: Resampled, second: Resampled, metric: str, label: int | None = None) -> Difference:
    """Return how much higher a score of the first model is than that of the second, on the same records.

    label: the number of a label, for its score; None for that of all labels.
    Raises ValueError when the two were not resampled alike.
    """
    key = metric, label
    draws = first.draws[key], second.draws[key]
    if (first.records, first.seed, len(draws[0])) != (second.records, second.seed, len(draws[1])):
        raise ValueError("the two models were not scored on the same resamples")
    differences = draws[0] - draws[1]
    value = first.values[key] - second.values[key]
    low, high = _interval(value, differences, first.records)
    defined = differences[np.isfinite(differences)]
    # Davison & Hinkley 1997, section 4.2: the data themselves count as one of the resamples, so that p is never 0.
    tails = [(np.count_nonzero(side) + 1) / (len(defined) + 1) for side in (defined <= 0, defined >= 0)]
    scored = np.isfinite(value) and len(defined) >= (1 - MOST_UNDEFINED) * len(differences)
    return Difference(value, low, high, min(1.0, 2 * min(tails)) if scored else np.nan)


def paired_difference(
    target: Target,
    truth: np.ndarray,
    answers: np.ndarray,
    other_answers: np.ndarray,
    decision: Decision = PLAIN,
    other_decision: Decision = PLAIN,
    *,
    metric: str,
    resamples: int = RESAMPLES,
    seed: int = 42,
) -> Difference:
    """Return how much higher a score of one model is than that of another, on the same records.

    metric: a score of all labels. Where several are wanted, resample() each model once and ask difference().
    """
    both = (
        resample(target, truth, *model, resamples=resamples, seed=seed, wanted=[(metric, None)])
        for model in ((answers, decision), (other_answers, other_decision))
    )
    return difference(*both, metric)


def _weights(records: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Give how often each record was drawn, (some resamples, records) float64."""
    numbers = np.random.default_rng(seed)
    most = max(1, _CELLS // records)
    for start in range(0, resamples, most):
        count = min(most, resamples - start)
        drawn = numbers.integers(records, size=(count, records)) + records * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * records).reshape(count, records).astype(float)


def _interval(value: float, draws: np.ndarray, records: int) -> tuple[float, float]:
    """Return the ends of the interval of a score, or of a difference of such: value, and those of the resamples.

    Bias-corrected percentiles (Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 14.3, without the
    acceleration, for which each record would have to be left out once), of the level that gives the interval of the t
    distribution for a mean, since percentiles alone are too narrow for few records (Hesterberg 2015, section 4.3,
    doi:10.1080/00031305.2015.1089789).
    """
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or records < 2 or len(defined) < (1 - MOST_UNDEFINED) * len(draws):
        return np.nan, np.nan
    # Where all resamples agree (ten of ten right), they say nothing of what other records would give.
    if defined.max() - defined.min() <= EQUAL * max(1.0, np.abs(defined).max()):
        return np.nan, np.nan
    tail = np.sqrt(records / (records - 1)) * stats.t.ppf((1 - LEVEL) / 2, records - 1)
    # Of those that are equal to the value, half count as lower.
    tolerance = EQUAL * max(1.0, abs(value))
    lower = np.mean(defined < value - tolerance) / 2 + np.mean(defined <= value + tolerance) / 2
    bias = stats.norm.ppf(np.clip(lower, 1 / len(defined), 1 - 1 / len(defined)))
    low, high = np.quantile(defined, stats.norm.cdf([2 * bias + tail, 2 * bias - tail]))
    return float(low), float(high)
