"""Scores of a model's answers."""

import warnings
from collections.abc import Callable, Iterable

import numpy as np
from scipy import stats
from sklearn import metrics as sk

from ..data.decision import Decision
from ..data.targets import Target
from ..words import CLASSES, MULTI_LABEL, NUMBER
from .calibration_error import calibration_error

# The name of the calibration error, which resamples do not have.
CALIBRATION_ERROR = "calibration_error"
# Of these a smaller value is better.
ERRORS = ("loss", "mae", "brier", CALIBRATION_ERROR)
# The score that chooses where none is asked for. MCC, unlike accuracy, does not reward guessing the larger class.
DEFAULT_METRIC = {CLASSES: "mcc", MULTI_LABEL: "f1_macro", NUMBER: "spearman"}
# How the scores are called in reports and figures.
NAMES = {
    "loss": "loss",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "macro F1",
    "mcc": "MCC",
    "precision_macro": "macro precision",
    "recall_macro": "macro recall",
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "brier": "Brier score",
    CALIBRATION_ERROR: "calibration error",
    "mae": "mean absolute error",
    "r2": "R2",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "support": "sequences",
}
# The scores of each label, and those that are wanted of all labels together, by a Target's kind.
OF_LABELS = ("precision", "recall", "f1", "roc_auc", "pr_auc", "support")
_OF_CLASSES = tuple(NAMES)[: tuple(NAMES).index(CALIBRATION_ERROR) + 1]
OVERALL = {CLASSES: _OF_CLASSES, MULTI_LABEL: _OF_CLASSES, NUMBER: ("loss", "mae", "r2", "pearson", "spearman")}
# What stands for the label of a score of all labels.
ALL = "all"
PLAIN = Decision()


def score(target: Target, truth: np.ndarray, answers: np.ndarray, decision: Decision = PLAIN) -> dict[str, float]:
    """Return the scores of all records, in the order in which they are shown.

    truth: as target.read gives it. answers: as target.answers gives them, calibrated; decision: what is said for them.

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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn and scipy warn of scores that are not defined
        if target.kind == NUMBER:
            return _number_scores(truth, answers[:, 0])
        return _label_scores(target, truth, answers, decision)


def class_scores(
    target: Target, truth: np.ndarray, answers: np.ndarray, decision: Decision = PLAIN
) -> dict[str, dict[str, float]]:
    """Return the scores OF_LABELS of each label, by label; nothing for NUMBER.

    The parameters are those of score. The precision of a label that is never predicted is 0. The recall of a label that
    no record has is NaN; so are its precision and F1 if it is not predicted either. An area of a label that all records
    have, or none, is NaN. The support is the number of records that have the label.
    """
    if target.kind == NUMBER:
        return {}
    predicted = decision.predicted(target, answers)
    each = sk.precision_recall_fscore_support(truth, predicted, labels=np.arange(len(target.labels)), zero_division=0)
    result = {}
    for number, label in enumerate(target.labels):
        having = present(target, truth, number)
        both = having.any() and not having.all()
        areas = [
            float(area(having, answers[:, number])) if both else float("nan")
            for area in (sk.roc_auc_score, sk.average_precision_score)
        ]
        precision, recall, f1, support = (float(values[number]) for values in each)
        if not having.any():
            recall = float("nan")
            if not present(target, predicted, number).any():
                precision = f1 = float("nan")
        result[label] = dict(zip(OF_LABELS, (precision, recall, f1, *areas, support), strict=True))
    return result


def present(target: Target, truth: np.ndarray, number: int) -> np.ndarray:
    """Return which records have the label of that number, (n,) boolean."""
    return truth == number if target.kind == CLASSES else truth[:, number] == 1


def curves(target: Target, truth: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return the labels that get a curve, and which records have each, (n,) boolean.

    Of two classes it is the second, else each. A label that all records have, or none, has no curve.
    """
    first = 1 if target.kind == CLASSES and len(target.labels) == 2 else 0
    each = [(number, present(target, truth, number)) for number in range(first, len(target.labels))]
    return [(number, having) for number, having in each if having.any() and not having.all()]


def missing(target: Target, truth: np.ndarray) -> list[str]:
    """Return the labels that no record has; nothing for NUMBER. truth: as target.read gives it."""
    return [label for number, label in enumerate(target.labels) if not present(target, truth, number).any()]


def name_of_all(labels: Iterable[str]) -> str:
    """Return what a table has for the label of a score of all labels: ALL, in brackets if a label is called so."""
    name, taken = ALL, set(labels)
    while name in taken:
        name = f"({name})"
    return name


def likelihoods(target: Target, truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the probability of what is true, (n,) of CLASSES, (n, labels) of MULTI_LABEL; above 0, so that it has a
    logarithm."""
    if target.kind == CLASSES:
        values = answers[np.arange(len(truth)), truth]
    else:
        values = np.where(truth == 1, answers, 1 - answers)
    return np.maximum(values, np.finfo(float).tiny)


def squared_errors(target: Target, truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return what the Brier score is the mean of, (n,)."""
    if target.kind == MULTI_LABEL:
        return ((answers - truth) ** 2).mean(axis=1)
    squares = ((answers - (truth[:, None] == np.arange(answers.shape[1]))) ** 2).sum(axis=1)
    return squares / 2 if len(target.labels) == 2 else squares


def _label_scores(target: Target, truth: np.ndarray, answers: np.ndarray, decision: Decision) -> dict[str, float]:
    predicted = decision.predicted(target, answers)
    if target.kind == CLASSES:
        right = truth == predicted
        mcc = sk.matthews_corrcoef(truth, predicted)
        balanced = sk.balanced_accuracy_score(truth, predicted)
    else:
        right = (truth == predicted).all(axis=1)
        varied = curves(target, truth)
        each = [sk.matthews_corrcoef(having, predicted[:, number]) for number, having in varied]
        mcc = np.mean(each) if each else float("nan")
        each = [sk.balanced_accuracy_score(having, predicted[:, number]) for number, having in varied]
        balanced = np.mean(each) if each else float("nan")
    labels = [
        number
        for number in range(len(target.labels))
        if present(target, truth, number).any() or present(target, predicted, number).any()
    ]
    precision = recall = f1 = float("nan")
    if labels:
        precision, recall, f1, _ = sk.precision_recall_fscore_support(
            truth, predicted, labels=labels, average="macro", zero_division=0
        )
    return {
        "loss": float(-np.log(likelihoods(target, truth, answers)).mean()),
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(balanced),
        "f1_macro": float(f1),
        "mcc": float(mcc),
        "precision_macro": float(precision),
        "recall_macro": float(recall),
        "roc_auc": _mean_area(sk.roc_auc_score, target, truth, answers),
        "pr_auc": _mean_area(sk.average_precision_score, target, truth, answers),
        "brier": float(squared_errors(target, truth, answers).mean()),
        CALIBRATION_ERROR: calibration_error(target, truth, answers),
    }


def _mean_area(area: Callable, target: Target, truth: np.ndarray, answers: np.ndarray) -> float:
    areas = [area(having, answers[:, number]) for number, having in curves(target, truth)]
    # Classes are judged against one another: without one of them it is another task, and its score has no comparison.
    wanted = len(target.labels) if target.kind == CLASSES and len(target.labels) > 2 else 1
    return float(np.mean(areas)) if len(areas) >= wanted else float("nan")


def _number_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    squares = (predicted - truth) ** 2
    varied = truth.min() < truth.max()
    related = varied and predicted.min() < predicted.max()
    return {
        "loss": float(squares.mean()),
        "mae": float(np.abs(predicted - truth).mean()),
        "r2": float(sk.r2_score(truth, predicted)) if varied else float("nan"),
        "pearson": float(stats.pearsonr(truth, predicted).statistic) if related else float("nan"),
        "spearman": float(stats.spearmanr(truth, predicted).statistic) if related else float("nan"),
    }


def mistakes(target: Target, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return which answers are wrong, (n,) boolean; of numbers the absolute errors, (n,) float64.

    Of several labels, an answer is wrong if any label is.
    truth, predicted: as target.read and Decision.predicted give them.
    """
    if target.kind == NUMBER:
        return np.abs(predicted - truth)
    return (predicted != truth).reshape(len(truth), -1).any(axis=1)
