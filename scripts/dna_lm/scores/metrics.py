"""Scores of a model's predictions: those of resampled_scores.py, of each record once."""

import numpy as np

from ..data.decision import Decision
from ..data.targets import Target
from ..words import NUMBER
from .calibration_error import calibration_error
from .registry import CALIBRATION_ERROR, OF_EACH_LABEL, OVERALL
from .resampled_scores import Key, scorer

PLAIN = Decision()


def score(target: Target, truth: np.ndarray, predictions: np.ndarray, decision: Decision = PLAIN) -> dict[str, float]:
    """Return the scores of all records, in the order in which they are shown.

    truth: as returned by target.read. predictions: as returned by target.predictions, calibrated; decision: turns them
    into predicted labels.

    CLASSES: precision, recall and F1 are macro averages (the mean over labels, each counting the same; F1 is the mean
    of the labels' F1, as scikit-learn and the tutorial on Mistral-DNA have it). As with scikit-learn, a label that no
    record has and none is predicted to have does not count; one that is missing from either counts with 0. Balanced
    accuracy is the mean recall of the labels that occur. With two labels, ROC-AUC and PR-AUC (average precision) are
    those of the second label; with more, macro averages of one against the rest. The loss is the cross-entropy in nats.
    The Brier score is the mean squared error of the second of two labels' probability, 0 to 1; with more labels the sum
    over them, 0 to 2 (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2). The calibration error is that
    of the second of two labels' probability, of more that of the likeliest label's, whatever the thresholds are (see
    calibration_error.py).
    MULTI_LABEL: accuracy is the share of records of which all labels are right; the others are means over the labels:
    the areas, the balanced accuracy and the MCC over those labels that some records have and others have not; the MCC
    of a label that is predicted of all records, or of none, counts with 0. The calibration error is that of the labels'
    probabilities, all taken together.
    NUMBER: the loss is the mean squared error; this and the mean absolute error are in the user's unit.
    A score that is not defined, since a label does not occur or all numbers are equal, is NaN.
    """
    values = _values(target, truth, predictions, decision, [(name, None) for name in OVERALL[target.kind]])
    if CALIBRATION_ERROR in OVERALL[target.kind]:
        values[CALIBRATION_ERROR, None] = calibration_error(target, truth, predictions)
    return {name: values[name, None] for name in OVERALL[target.kind]}


def class_scores(
    target: Target, truth: np.ndarray, predictions: np.ndarray, decision: Decision = PLAIN
) -> dict[str, dict[str, float]]:
    """Return the scores OF_EACH_LABEL of each label, by label; nothing for NUMBER.

    The parameters are those of score. The precision of a label that is never predicted is 0. The recall of a label that
    no record has is NaN; so are its precision and F1 if it is not predicted either. An area of a label that all records
    have, or none, is NaN. The support is the number of records that have the label.
    """
    if target.kind == NUMBER:
        return {}
    labels = range(len(target.labels))
    values = _values(
        target, truth, predictions, decision, [(name, number) for number in labels for name in OF_EACH_LABEL]
    )
    return {target.labels[number]: {name: values[name, number] for name in OF_EACH_LABEL} for number in labels}


def _values(
    target: Target, truth: np.ndarray, predictions: np.ndarray, decision: Decision, wanted: list[Key]
) -> dict[Key, float]:
    scores = scorer(target, truth, predictions, decision, wanted)(np.ones((1, len(truth))))
    return {key: float(values[0]) for key, values in scores.items()}
