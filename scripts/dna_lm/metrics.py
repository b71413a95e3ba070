"""Scores of a model's answers."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats
from sklearn import metrics as sk

from .options import CLASSES, NUMBER
from .targets import THRESHOLD, Target


def score(target: Target, truth: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """Return the scores in the order in which they are shown.

    truth, answers: as target.read and target.answers give them.

    CLASSES: precision, recall and F1 are macro averages (the mean over labels, each counting the same). With two
    labels, ROC-AUC and PR-AUC (average precision) are those of the second label; with more, macro averages of one
    against the rest. The loss is the cross-entropy in nats.
    MULTI_LABEL: a label is said from a probability of THRESHOLD on. Accuracy is the share of records of which all
    labels are right; the others are means over the labels, the areas over those labels that some records have and
    others have not; a label whose MCC is not defined counts with 0. The loss is the mean cross-entropy of a label.
    NUMBER: the loss is the mean squared error; this and the mean absolute error are in the user's unit.
    A score that is not defined, since a label does not occur or all numbers are equal, is NaN.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn and scipy warn of scores that are not defined
        if target.kind == NUMBER:
            return _number_scores(truth, answers[:, 0])
        return _label_scores(target, truth, answers)


def curves(target: Target, truth: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return the labels that get a curve, and which records have each, (n,) boolean.

    Of two classes it is the second, else each. A label that all records have, or none, has no curve.
    """
    if target.kind == CLASSES:
        first = 1 if len(target.labels) == 2 else 0
        present = [(number, truth == number) for number in range(first, len(target.labels))]
    else:
        present = [(number, truth[:, number] == 1) for number in range(len(target.labels))]
    return [(number, having) for number, having in present if having.any() and not having.all()]


def label_f1(target: Target, truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the F1 of each label, (labels,), of MULTI_LABEL; 0 for a label that is neither there nor said."""
    return sk.f1_score(truth, answers >= THRESHOLD, average=None, zero_division=0)


def _label_scores(target: Target, truth: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    if target.kind == CLASSES:
        predicted = answers.argmax(axis=1)
        right = truth == predicted
        likelihood = answers[np.arange(len(truth)), truth]
        mcc = sk.matthews_corrcoef(truth, predicted)
    else:
        predicted = (answers >= THRESHOLD).astype(int)
        right = (truth == predicted).all(axis=1)
        likelihood = np.where(truth == 1, answers, 1 - answers)
        mcc = np.mean([sk.matthews_corrcoef(*both) for both in zip(truth.T, predicted.T, strict=True)])
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        truth, predicted, labels=np.arange(len(target.labels)), average="macro", zero_division=0
    )
    return {
        "loss": float(-np.log(np.maximum(likelihood, np.finfo(float).tiny)).mean()),
        "accuracy": float(right.mean()),
        "f1_macro": float(f1),
        "mcc": float(mcc),
        "precision_macro": float(precision),
        "recall_macro": float(recall),
        "roc_auc": _mean_area(sk.roc_auc_score, target, truth, answers),
        "pr_auc": _mean_area(sk.average_precision_score, target, truth, answers),
    }


def _mean_area(area: Callable, target: Target, truth: np.ndarray, answers: np.ndarray) -> float:
    areas = [area(present, answers[:, number]) for number, present in curves(target, truth)]
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
