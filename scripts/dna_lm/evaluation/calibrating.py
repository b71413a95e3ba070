"""Choosing the temperature and the thresholds of an adapter on a development split."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ..adapters.dataset import Adapter, load_adapter
from ..adapters.seen_data import TO_CALIBRATE, check_seen, counts_as, knows_role
from ..base_models.encoding import summary, warnings
from ..base_models.installed_files import sha256_of_file
from ..data.decision import CALIBRATION, Decision, log_odds
from ..data.digests import Digests, digests_of
from ..data.split_files import with_splits
from ..data.tables import read_labeled
from ..data.targets import THRESHOLD, Target
from ..data.textfiles import describe
from ..errors import UserError
from ..prediction.predictor import opened_predictor
from ..scores.calibration_error import reliability
from ..scores.metrics import class_scores, score
from ..scores.registry import CALIBRATION_ERROR
from ..scores.shares import lower_bound, share_interval
from ..scores.truth import name_of_all, present
from ..words import CLASSES, F1, MULTI_LABEL, NO, NONE, NUMBER, PRECISION, RECALL, YES
from .calibration_folds import HeldOut, held_out
from .independence import Independence, independence
from .options import CalibrateOptions

# Below these, chance decides what is best.
LEAST_SEQUENCES = 20
LEAST_OF_A_LABEL = 5
# Temperatures that are looked at.
COLDEST, HOTTEST = 0.05, 20.0
# What a calibration writes into an adapter's task, and what stood there before adapters could be calibrated.
WRITTEN = (*CALIBRATION, "decision_threshold")
# What a temperature or thresholds may change: a choice of its own, as the registry tells rankings, which stay, apart,
# but not which of the others are worth a row.
OF_ALL = ("loss", "brier", CALIBRATION_ERROR, "accuracy", "f1_macro", "mcc")
OF_LABEL = ("precision", "recall", "f1")
COLUMNS = ["metric", "label", "before", "after", "low", "high"]


@dataclass(frozen=True)
class Calibrated:
    """An adapter with what was chosen, and what that changes on the data.

    adapter: the new one. scores: columns `metric`, `label` (that of
    metrics.name_of_all for all), `before`, `after`, and the 95% interval of what is after, `low` and `high`, for
    precision, recall and the calibration error; NaN for others.
    truth: as target.read gives it. before, after: probabilities, (n, outputs), without and with the temperature.
    criterion: what chose the thresholds, or NONE; at: the recall or precision that was wanted.
    independence: what the intervals take as independent.
    held_out: the scores that a calibration has on sequences that took no part in choosing it.
    other_data: whether the data are known not to be those that the adapter's training was chosen by, nor its training
    split.
    notes: sentences on what was done; warnings: sentences that a user has to read.
    """

    adapter: Adapter
    scores: pd.DataFrame
    truth: np.ndarray
    before: np.ndarray
    after: np.ndarray
    criterion: str
    at: float
    independence: Independence
    held_out: HeldOut
    other_data: bool
    notes: list[str]
    warnings: list[str]


def calibrate(options: CalibrateOptions, progress: Callable[[str], None]) -> Calibrated:
    """Choose a temperature and thresholds.

    progress: told how it goes, a line at a time.
    What an earlier calibration chose is forgotten: it all starts from the probabilities as they were trained.
    Raises UserError for anything wrong with the files, data that the adapter was trained on unless that is allowed,
    data that are too few or have one label only, and a choice that the target does not have.
    """
    options = with_splits(options, data="dev")
    source = describe(options.data, "the labeled data")
    loaded = load_adapter(options.adapter)
    plain = replace(loaded, task={name: value for name, value in loaded.task.items() if name not in WRITTEN})
    target, temperature, threshold, at = plain.target, options.temperature, options.threshold, options.at
    _check_choice(target, temperature, threshold)
    records = read_labeled(options.data, source, empty_labels=target.kind == MULTI_LABEL)
    sha256, digests = sha256_of_file(options.data), digests_of(records["sequence"])
    all_warnings = check_seen(plain, sha256, digests, options.seen_data, source, TO_CALIBRATE)
    truth, units = target.read(records["label"], source), independence(records)
    target.require_scorable(truth, source)
    _check_size(target, truth, threshold, source)
    with opened_predictor(plain, options, progress) as predictor:
        outputs = predictor.outputs(records["sequence"].tolist())
        before = predictor.predictions(outputs.raw)
        notes = [summary(outputs.reading, source)]
        all_warnings += warnings(outputs.reading, predictor.encoder, source)
    decision = _decided(target, truth, before, options, source, units.share)
    after = decision.calibrated(target, before)
    if temperature == YES:
        notes.append(f"temperature {decision.temperature:.4g}, which minimizes the loss on these sequences")
        all_warnings += _about_temperature(target, truth, before, decision.temperature)
    if threshold != NONE:
        notes += _about_thresholds(target, truth, after, decision, units.clusters)

    def choose(rows: np.ndarray) -> Decision:
        given = target, truth[rows], before[rows]
        try:
            return _decided(*given, options, source, units.share)
        except UserError:
            return _decided(*given, replace(options, threshold=NONE), source, units.share)

    others = held_out(target, truth, before, units.clusters, threshold, choose)
    for text in notes:
        progress(text)
    for text in all_warnings:
        progress(f"warning: {text}")
    record = {
        "data_sha256": sha256,
        "seen": Digests.of(digests).record(),
        "sequences": len(records),
        "temperature": temperature,
        "criterion": threshold,
        "at": at if threshold in (RECALL, PRECISION) else None,
        "seen_in_training": next(
            (split for split in ("train", "dev") if counts_as(plain, sha256, digests, [split])), None
        ),
    }
    return Calibrated(
        adapter=replace(plain, task=plain.task | decision.task() | {"calibration": record}),
        scores=_compared(target, truth, before, after, decision, units.clusters),
        truth=truth,
        before=before,
        after=after,
        criterion=threshold,
        at=at,
        independence=units,
        held_out=others,
        other_data=record["seen_in_training"] is None and knows_role(plain, "dev"),
        notes=notes,
        warnings=all_warnings,
    )


def _decided(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    options: CalibrateOptions,
    source: str,
    independent: float,
) -> Decision:
    """Return the temperature and the thresholds that are chosen on some sequences.

    predictions: not calibrated. independent: see threshold_of.
    Raises UserError for thresholds that these sequences do not allow.
    """
    decision = Decision()
    if options.temperature == YES:
        decision = Decision(fitted_temperature(target, truth, predictions))
    if options.threshold == NONE:
        return decision
    for number, having in _with_threshold(target, truth):
        if having.all() or not having.any():
            raise UserError(f"{source}: all or none of the sequences have the label {target.labels[number]!r}")
    after = decision.calibrated(target, predictions)
    thresholds = chosen_thresholds(target, truth, after, options.threshold, options.at, source, independent)
    return replace(decision, thresholds=thresholds)


def _check_choice(target: Target, temperature: str, threshold: str) -> None:
    if target.kind == NUMBER:
        raise UserError(
            "the adapter predicts numbers, which have neither a temperature nor thresholds; use it as it is"
        )
    if target.kind == CLASSES and len(target.labels) > 2 and threshold != NONE:
        raise UserError(
            f"the adapter distinguishes {len(target.labels)} classes and predicts the most probable one, without a "
            "threshold; choose no threshold: the temperature alone can be fitted"
        )
    if temperature == NO and threshold == NONE:
        raise UserError(
            "neither a temperature nor thresholds are wanted: there is nothing to choose; choose one of them"
        )


def _check_size(target: Target, truth: np.ndarray, threshold: str, source: str) -> None:
    if len(truth) < LEAST_SEQUENCES:
        raise UserError(
            f"{source} has {len(truth)} sequences, too few to choose anything by; give at least {LEAST_SEQUENCES}"
        )
    if threshold == NONE:
        return
    for number, having in _with_threshold(target, truth):
        count, label = int(having.sum()), target.labels[number]
        if min(count, len(having) - count) < LEAST_OF_A_LABEL:
            raise UserError(
                f"{source}: {count} of {len(having)} sequences have the label {label!r}; a threshold is chosen by at "
                f"least {LEAST_OF_A_LABEL} that have it and {LEAST_OF_A_LABEL} that have not"
            )


def _with_threshold(target: Target, truth: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return the labels that have a threshold, by number, and which records have each: of two classes the second."""
    if target.kind == CLASSES:
        return [(1, truth == 1)]
    return [(number, truth[:, number] == 1) for number in range(len(target.labels))]


def fitted_temperature(target: Target, truth: np.ndarray, predictions: np.ndarray) -> float:
    """Return the temperature at which the loss is least, to six digits, from COLDEST to HOTTEST.

    predictions: (n, outputs), not calibrated. The temperature is 1 if every prediction is correct, since the loss then
    has no minimum: the colder the better. The loss is convex in 1 / temperature, so the minimum is unique.
    """
    if _all_right(target, truth, predictions):
        return 1.0
    given = log_odds(target, predictions)

    def loss(logarithm: float) -> float:
        scaled = given / np.exp(logarithm)
        if target.kind == CLASSES:
            return -log_softmax(scaled, axis=1)[np.arange(len(truth)), truth].mean()
        return np.logaddexp(0, np.where(truth == 1, -scaled, scaled)).mean()

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8}).x))
    return float(f"{found:.6g}")


def _all_right(target: Target, truth: np.ndarray, predictions: np.ndarray) -> bool:
    if target.kind == CLASSES:
        return bool((predictions.argmax(axis=1) == truth).all())
    return bool(((predictions >= THRESHOLD) == (truth == 1)).all())


def _about_temperature(target: Target, truth: np.ndarray, predictions: np.ndarray, temperature: float) -> list[str]:
    if _all_right(target, truth, predictions):
        return [
            "every answer on these sequences is right, so that no temperature is best; the probabilities are left as "
            "they are: take more sequences, or harder ones"
        ]
    if temperature > 0.99 * HOTTEST:
        return [
            f"the temperature is the highest that is tried, {HOTTEST:g}: on these sequences the probabilities say "
            "hardly more than chance"
        ]
    if temperature < 1.01 * COLDEST:
        return [
            f"the temperature is the lowest that is tried, {COLDEST:g}: the model is far less sure than it is right; "
            "train it longer, or with a higher learning rate"
        ]
    return []


def chosen_thresholds(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    criterion: str,
    at: float,
    source: str,
    independent: float = 1.0,
) -> tuple[float, ...]:
    """Return a threshold for each label that has one (see Decision).

    predictions: calibrated. criterion, at, independent: see threshold_of. source: what to call the data in an error
    message.
    Raises UserError, naming the label, when the precision that is wanted can be assured of none.
    """
    result = []
    for number, having in _with_threshold(target, truth):
        found, best = threshold_of(having, predictions[:, number], criterion, at, independent)
        if found is None:
            raise UserError(
                f"{source}: {int(having.sum()):,} of {len(having):,} sequences have the label "
                f"{target.labels[number]!r}, which can assure it a precision of {_down(best):g} at most, not of "
                f"{at:g}; ask for no more, or give more sequences"
            )
        result.append(found)
    return tuple(result)


def threshold_of(
    having: np.ndarray, values: np.ndarray, criterion: str, at: float, independent: float = 1.0
) -> tuple[float | None, float]:
    """Return the threshold of one label, and the greatest score that the criterion can have.

    having: which records have the label, (n,) boolean, some and not all. values: its probabilities, (n,).
    criterion: F1 or MCC, of the label: the threshold with the greatest; of several, the one nearest to THRESHOLD.
    RECALL: the highest threshold whose recall is `at` or more. PRECISION: the one of greatest recall of which the
    precision on other records is `at` or more with 95% confidence (shares.lower_bound); None if there is none. Of many
    thresholds, the one whose precision happens to reach `at` on these records would mostly have less on others. The
    greatest score is then the greatest lower bound. independent: the share of the records that counts for it, since
    others are like them (Independence.share).
    A threshold lies in the middle between two probabilities that occur (below the lowest, between it and 0): on a
    probability that occurs, the last digits, which depend on the machine, would decide its record's label.
    """
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # the last record of each probability
    predicted = ends + 1
    hits = np.cumsum(having[order])[ends]
    lower = np.append(ranked[ends[:-1] + 1], 0.0)
    middles = (ranked[ends] + lower) / 2
    # Between neighboring floats there is no middle.
    cuts = np.where(middles > lower, middles, ranked[ends])
    positives, records = int(having.sum()), len(values)
    if criterion == RECALL:
        return float(cuts[np.argmax(label_score(RECALL, hits, predicted, positives, records) >= at - 1e-12)]), 1.0
    if criterion == PRECISION:
        assured = lower_bound(hits * independent, predicted * independent)
        allowed = np.where(assured >= at - 1e-12, hits, 0)
        return (float(cuts[np.argmax(allowed)]) if allowed.any() else None), float(assured.max())
    value = label_score(criterion, hits, predicted, positives, records)
    best = float(value.max())
    equal = np.flatnonzero(value >= best - 1e-12)
    return float(cuts[equal[np.argmin(np.abs(cuts[equal] - THRESHOLD))]]), best


def _down(share: float) -> float:
    """Return a share with three decimals that is not above it."""
    return math.floor(share * 1000) / 1000


def label_score(name: str, hits: np.ndarray, predicted: np.ndarray, positives: int, records: int) -> np.ndarray:
    """Return the F1, MCC, RECALL or PRECISION of a label at some thresholds.

    hits, predicted: number of true positives, and of predicted positives, (thresholds,). positives: number of records
    with the label. Without predicted positives the precision is 1, as in precision-recall curves. The MCC is 0 where it
    is undefined: where the label is predicted for all records or none.
    """
    if name == RECALL:
        return hits / positives
    if name == PRECISION:
        return np.divide(hits, predicted, out=np.ones(len(predicted)), where=predicted > 0)
    if name == F1:
        return 2 * hits / (predicted + positives)
    negatives = records - positives
    spread = np.sqrt(np.multiply(predicted * (records - predicted), positives * negatives, dtype=float))
    return np.divide(
        hits * negatives - (predicted - hits) * positives, spread, out=np.zeros(len(predicted)), where=spread > 0
    )


def _about_thresholds(
    target: Target, truth: np.ndarray, predictions: np.ndarray, decision: Decision, clusters: np.ndarray | None
) -> list[str]:
    notes = []
    for cut, (number, having) in zip(decision.thresholds or (), _with_threshold(target, truth), strict=True):
        predicted = predictions[:, number] >= cut
        hits = int((predicted & having).sum())
        notes.append(
            f"threshold {cut:.4g} for {target.labels[number]!r}: predicted for {int(predicted.sum()):,} of "
            f"{len(predicted):,} sequences, {hits:,} of these correctly ({int(having.sum()):,} have the label): "
            f"{_share('precision', having, predicted, clusters)}, {_share('recall', predicted, having, clusters)}"
        )
    return notes


def _share(name: str, counted: np.ndarray, among: np.ndarray, clusters: np.ndarray | None) -> str:
    if not among.any():
        return f"no {name}"
    low, high = _interval(counted, among, clusters)
    return f"{name} {counted[among].mean():.3f} (95% interval {low:.3f} to {high:.3f})"


def _interval(counted: np.ndarray, among: np.ndarray, clusters: np.ndarray | None) -> tuple[float, float]:
    """Return the interval of the share of some sequences that are counted; both (n,) boolean."""
    return share_interval(counted[among], None if clusters is None else clusters[among])


def _compared(
    target: Target,
    truth: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    decision: Decision,
    clusters: np.ndarray | None,
) -> pd.DataFrame:
    """Return the scores of the predictions before, with the default decision, and after, with the new one."""
    sides = ((before, Decision()), (after, decision))
    overall = [score(target, truth, predictions, decided) for predictions, decided in sides]
    every = name_of_all(target.labels)
    intervals = {CALIBRATION_ERROR: reliability(target, truth, after, clusters).interval()}
    rows = [
        (name, every, *(side[name] for side in overall), *intervals.get(name, (math.nan, math.nan))) for name in OF_ALL
    ]
    each = [class_scores(target, truth, predictions, decided) for predictions, decided in sides]
    cuts = {}
    if target.kind == MULTI_LABEL or len(target.labels) == 2:
        numbers = [number for number, _ in _with_threshold(target, truth)]
        cuts = dict(zip(numbers, decision.thresholds or [THRESHOLD] * len(numbers), strict=True))
    for number, label in enumerate(target.labels):
        if number in cuts:
            rows.append(("threshold", label, THRESHOLD, cuts[number], math.nan, math.nan))
        true, predicted = (present(target, values, number) for values in (truth, sides[1][1].predicted(target, after)))
        intervals = {"precision": _interval(true, predicted, clusters), "recall": _interval(predicted, true, clusters)}
        rows += [
            (name, label, *(side[label][name] for side in each), *intervals.get(name, (math.nan, math.nan)))
            for name in OF_LABEL
        ]
    return pd.DataFrame(rows, columns=COLUMNS)
