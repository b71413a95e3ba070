"""What a calibration is worth on other sequences: a cross-validation on those that it is chosen on."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data.decision import Decision
from ..data.targets import Target
from ..scores.bootstrap import difference, resample
from ..scores.calibration_error import calibration_error
from ..scores.resampled_scores import Key
from ..words import CLASSES, F1, MCC, NONE

FOLDS, SEED = 5, 0
# How scores changed: by more than chance, one by one, or no more than chance.
BETTER, WORSE, MIXED, SAME = "better", "worse", "mixed", "same"


@dataclass(frozen=True)
class Change:
    """A score before and after a calibration, and the 95% interval of its change; NaN where there is none."""

    before: float
    after: float
    low: float = math.nan
    high: float = math.nan

    def outcome(self, lower_is_better: bool = False) -> str:
        """Return BETTER or WORSE if the change is more than chance, else SAME, also where there is no interval."""
        if self.high < 0:
            return BETTER if lower_is_better else WORSE
        if self.low > 0:
            return WORSE if lower_is_better else BETTER
        return SAME


@dataclass(frozen=True)
class HeldOut:
    """Scores of sequences before a calibration, and after one that was chosen without them.

    loss, error, mcc: the calibration error has no interval; mcc is None where a threshold could not be chosen without
    each of the folds. chosen: the score by which thresholds are chosen, if they are (see score_of).
    criterion: what chooses the thresholds, or NONE.
    """

    loss: Change
    error: Change
    mcc: Change | None
    chosen: Change | None
    criterion: str

    @property
    def probabilities(self) -> str:
        """The outcome of the loss."""
        return self.loss.outcome(lower_is_better=True)

    @property
    def thresholds(self) -> str:
        """The outcome of the F1 or MCC that chose the thresholds; SAME if none did."""
        return self.chosen.outcome() if self.criterion in (F1, MCC) and self.chosen is not None else SAME

    @property
    def outcome(self) -> str:
        """The outcome of both; MIXED if one is better and the other worse."""
        changed = {self.probabilities, self.thresholds} - {SAME}
        return MIXED if len(changed) > 1 else next(iter(changed), SAME)


def held_out(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    clusters: np.ndarray | None,
    criterion: str,
    choose: Callable[[np.ndarray], Decision],
) -> HeldOut:
    """Score each fold of the sequences with a decision that was chosen on the others.

    truth: as target.read gives it. predictions: probabilities, (n, outputs), not calibrated. clusters: as
    Independence.clusters; a cluster is in one fold. criterion: what chooses the thresholds, or NONE.
    choose: returns what is chosen on some sequences, given as (n,) boolean; without thresholds where these sequences
    allow none.
    """
    fold = folds(target, truth, clusters)
    after, predicted = np.array(predictions, dtype=float), np.empty_like(predictions, dtype=float)
    everywhere = True
    for number in range(FOLDS):
        rows = fold == number
        decision = choose(~rows)
        after[rows] = decision.calibrated(target, predictions[rows])
        predicted[rows] = _certain(target, decision.predicted(target, after[rows]))
        everywhere &= decision.thresholds is not None or criterion == NONE
    plain = _certain(target, Decision().predicted(target, predictions))

    def change(key: Key, sides: tuple[np.ndarray, np.ndarray]) -> Change:
        first, second = (resample(target, truth, side, wanted=[key], clusters=clusters) for side in sides)
        found = difference(second, first, *key)
        return Change(first.values[key], second.values[key], found.low, found.high)

    labels = (plain, predicted)
    return HeldOut(
        loss=change(("loss", None), (predictions, after)),
        error=Change(*(calibration_error(target, truth, side) for side in (predictions, after))),
        mcc=change(("mcc", None), labels) if everywhere else None,
        chosen=change(score_of(target, criterion), labels) if everywhere and criterion != NONE else None,
        criterion=criterion,
    )


def score_of(target: Target, criterion: str) -> Key:
    """Return the score by which thresholds are chosen: of two classes that of the second, of labels the mean."""
    if criterion == MCC:
        return "mcc", None
    return (criterion, 1) if target.kind == CLASSES else (f"{criterion}_macro", None)


def folds(target: Target, truth: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """Return the fold of each sequence, (n,) int64 from 0 to FOLDS - 1, always the same.

    Sequences of a cluster are in one fold. Each label, or each set of labels, is dealt out to the folds in turn, by the
    first sequence of each cluster.
    """
    units = np.arange(len(truth)) if clusters is None else clusters
    _, first, unit_of = np.unique(units, return_index=True, return_inverse=True)
    labels = truth if target.kind == CLASSES else np.unique(truth, axis=0, return_inverse=True)[1].ravel()
    shuffled = np.random.default_rng(SEED).permutation(len(first))
    order = shuffled[np.argsort(labels[first][shuffled], kind="stable")]
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % FOLDS
    return fold[unit_of.ravel()]


def _certain(target: Target, predicted: np.ndarray) -> np.ndarray:
    """Return probabilities of 0 and 1 that say what was predicted, so that scores need no thresholds."""
    return np.eye(len(target.labels))[predicted] if target.kind == CLASSES else predicted.astype(float)
