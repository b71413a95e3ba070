"""Scoring several adapters on the same labeled sequences, and telling which differences are more than chance."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from ..adapters.dataset import Adapter, load_adapter
from ..adapters.recorded_model import opened_base_models
from ..adapters.seen_data import check_seen
from ..base_models.encoding import warnings
from ..base_models.installed_files import sha256_of_file
from ..data.decision import Decision
from ..data.digests import digests_of
from ..data.named_files import NamedPath, repeated
from ..data.split_files import with_splits
from ..data.tables import read_labeled
from ..data.targets import Target
from ..data.textfiles import describe, listed
from ..errors import UserError
from ..prediction.predictor import predictor_on
from ..scores.bootstrap import COLUMNS, Resampled, difference, resample, score_text
from ..scores.multiple_tests import SIGNIFICANT, holm
from ..scores.registry import COMPARABLE, DEFAULT_METRIC, ERRORS, OVERALL
from ..words import AUTO, CLASSES, MULTI_LABEL, NUMBER
from .independence import Independence, independence
from .options import CompareOptions

KINDS = {CLASSES: "one of several classes", MULTI_LABEL: "any number of labels", NUMBER: "numbers"}
# Draws, for the comparisons in pairs, of which so many still lie beyond 0 where the adjusted p value is SIGNIFICANT; no
# more than MOST_DRAWN sequences are drawn for that, which takes some seconds for each adapter. If that is too few, what
# the distribution of the draws is beyond them is taken to be normal (bootstrap.difference).
LEAST_BEYOND, MOST_DRAWN = 10, 10**8
DIFFERENCES = ("metric", "first", "second", "difference", "low", "high", "p", "p_adjusted")
# Labels of an adapter that a message names.
MOST_LISTED = 10


@dataclass(frozen=True)
class Compared:
    """A comparison; what there is for each adapter is in the order of the score, the best first.

    names: of the adapters. target: what they answer; that of the first one.
    truth: as target.read gives it. predictions: calibrated. resampled: scores, all on the same resamples.
    metric: by which they are ordered and compared in pairs.
    differences: a row for each pair, columns DIFFERENCES: the first one's score less the second one's, its 95%
    interval, and the p value of the paired bootstrap, alone and adjusted for all pairs (Holm 1979).
    source: what the data are called; warnings: sentences that a user has to read.
    independence: what is drawn for intervals and p values. draws: how often for the scores, and for the differences.
    """

    names: list[str]
    adapters: list[Adapter]
    target: Target
    truth: np.ndarray
    predictions: list[np.ndarray]
    resampled: list[Resampled]
    metric: str
    differences: pd.DataFrame
    source: str
    warnings: list[str]
    independence: Independence
    draws: tuple[int, int]

    def metrics_table(self) -> pd.DataFrame:
        """Return a row for each adapter and score: `adapter` and the columns of bootstrap.COLUMNS; numbers as text."""
        rows = []
        for name, found in zip(self.names, self.resampled, strict=True):
            for metric, label, *numbers in found.table().itertuples(index=False):
                rows.append((name, metric, label, *(score_text(self.target, metric, number) for number in numbers)))
        return pd.DataFrame(rows, columns=["adapter", *COLUMNS])

    def score(self, number: int, metric: str) -> tuple[float, float, float]:
        """Return a score of all labels, of one adapter, and the ends of its interval."""
        found = self.resampled[number]
        return found.values[metric, None], *found.interval((metric, None))


def compare(options: CompareOptions, progress: Callable[[str], None]) -> Compared:
    """Score adapters on labeled sequences.

    progress: told how it goes, a line at a time.
    Raises UserError for anything wrong with the files, adapters that do not answer the same question, a score that is
    none of theirs, and sequences that one of them has seen, unless that is allowed.
    """
    options = with_splits(options, data="test")
    source = describe(options.data, "the test set")
    adapters = _loaded(_by_name(options.adapter))
    target = next(iter(adapters.values())).target
    metric = _metric(options.metric, target)
    records = read_labeled(options.data, source, empty_labels=target.kind == MULTI_LABEL)
    all_warnings = _seen(adapters, options, records, source)
    truth = target.read(records["label"], source)
    target.require_scorable(truth, source)
    sequences, units = records["sequence"].tolist(), independence(records)
    pairs = len(adapters) * (len(adapters) - 1) // 2
    draws = options.resamples, draws_for(pairs, len(sequences), options.resamples)
    found = []
    with opened_base_models(options.base_model, options.base_model_id, options.installed) as base_model_of:
        for number, (name, adapter) in enumerate(adapters.items(), start=1):
            progress(f"adapter {number} of {len(adapters)}: {name}")
            with (
                _named(name),
                predictor_on(base_model_of(adapter), adapter, options.batch_size, progress) as predictor,
            ):
                outputs = predictor.outputs(sequences)
                predictions = predictor.predictions(outputs.raw)
                all_warnings += [f"{name}: {text}" for text in warnings(outputs.reading, predictor.encoder, source)]
            predictions, decision = _in_order_of(target, adapter, predictions)
            scored, given = (target, truth, predictions, decision), {"seed": options.seed, "clusters": units.clusters}
            scores = resample(*scored, resamples=draws[0], **given)
            paired = scores
            if draws[1] > draws[0]:
                paired = resample(*scored, resamples=draws[1], wanted=[(metric, None)], **given)
            found.append((name, adapter, predictions, scores, paired))
    for text in all_warnings:
        progress(f"warning: {text}")
    found.sort(key=lambda one: _rank(one[3].values[metric, None], metric))
    names, ordered, predictions, scores, paired = (list(column) for column in zip(*found, strict=True))
    differences = _differences(names, paired, metric)
    return Compared(
        names, ordered, target, truth, predictions, scores, metric, differences, source, all_warnings, units, draws
    )


def _seen(adapters: dict[str, Adapter], options: CompareOptions, records: pd.DataFrame, source: str) -> list[str]:
    """Return warnings about sequences that some of the adapters have seen; raises UserError as check_seen does."""
    sha256, digests = sha256_of_file(options.data), digests_of(records["sequence"])
    found = []
    for name, adapter in adapters.items():
        with _named(name):
            found += [f"{name}: {text}" for text in check_seen(adapter, sha256, digests, options.seen_data, source)]
    return found


def draws_for(pairs: int, sequences: int, least: int) -> int:
    """Return how many resamples the comparisons of so many pairs take: `least` or more.

    Of pairs that Holm's method counts, the smallest p value has to be below SIGNIFICANT / pairs, in two tails.
    """
    wanted = LEAST_BEYOND * 2 * pairs / SIGNIFICANT
    return max(least, int(min(wanted, MOST_DRAWN / sequences)))


def _by_name(pairs: Sequence[str]) -> dict[str, str]:
    files = [NamedPath.parse(pair, "adapter", "NAME=FILE", "what to call it") for pair in pairs]
    name = repeated(files)
    if name is not None:
        raise UserError(f"two adapters have the name {name!r}; give each dataset a name of its own")
    if len(files) < 2:
        raise UserError(f"only one adapter is given ({files[0].name!r}); a comparison needs two or more")
    return dict(files)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say of an error which adapter it is about."""
    try:
        yield
    except UserError as problem:
        raise UserError(f"adapter {name!r}: {problem}") from None


def _loaded(paths: dict[str, str]) -> dict[str, Adapter]:
    """Load the adapters; they have to answer the same question."""
    result: dict[str, Adapter] = {}
    for name, path in paths.items():
        with _named(name):
            result[name] = load_adapter(path)
        before, first = next(iter(result.items()))
        ours, theirs = (one.target for one in (first, result[name]))
        if (ours.kind, sorted(ours.labels)) != (theirs.kind, sorted(theirs.labels)):
            raise UserError(
                f"the adapters {before!r} and {name!r} cannot be compared: the first answers with {_question(ours)}, "
                f"the second with {_question(theirs)}; choose adapters that were trained for the same labels"
            )
    return result


def _in_order_of(target: Target, adapter: Adapter, predictions: np.ndarray) -> tuple[np.ndarray, Decision]:
    """Return an adapter's predictions, and how they are decided by, with the labels in the order of another adapter's.

    target: the other one's, which has the same labels. Of two, another one may be the positive label.
    """
    own, decision = adapter.target, adapter.decision
    if own.labels == target.labels:
        return predictions, decision
    order = [own.labels.index(label) for label in target.labels]
    thresholds = decision.thresholds
    if thresholds:
        # Of two classes there is one, for the second.
        turned = [1 - thresholds[0]] if own.kind == CLASSES else [thresholds[number] for number in order]
        decision = replace(decision, thresholds=tuple(turned))
    return predictions[:, order], decision


def _question(target: Target) -> str:
    if target.kind == NUMBER:
        return KINDS[NUMBER]
    return f"{KINDS[target.kind]} ({listed(target.labels, MOST_LISTED)})"


def _metric(metric: str, target: Target) -> str:
    if metric == AUTO:
        return DEFAULT_METRIC[target.kind]
    if metric not in OVERALL[target.kind]:
        fitting = [choice for choice in COMPARABLE if choice in OVERALL[target.kind]]
        raise UserError(
            f"{metric} is no score of adapters that answer with {KINDS[target.kind]}; choose {', '.join(fitting)} or "
            f"{AUTO}"
        )
    return metric


def _rank(value: float, metric: str) -> float:
    if np.isnan(value):
        return np.inf
    return value if metric in ERRORS else -value


def _differences(names: Sequence[str], scores: Sequence[Resampled], metric: str) -> pd.DataFrame:
    rows = []
    for first, second in combinations(range(len(names)), 2):
        found = difference(scores[first], scores[second], metric)
        rows.append((metric, names[first], names[second], found.value, found.low, found.high, found.p))
    adjusted = holm([row[-1] for row in rows])
    return pd.DataFrame([(*row, p) for row, p in zip(rows, adjusted, strict=True)], columns=DIFFERENCES)
