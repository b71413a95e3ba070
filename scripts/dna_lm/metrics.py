"""Scores of a classifier's probabilities."""

import warnings

import numpy as np
from sklearn import metrics as sk


def score(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return the scores in the order in which they are shown.

    truth: (n,) label numbers, from 0.
    probabilities: (n, labels), rows sum to 1.
    Precision, recall and F1 are macro averages (the mean over labels, each counting the same). With two labels, ROC-AUC
    and PR-AUC (average precision) are those of the second label; with more, macro averages of one against the rest.
    A score that is not defined, since a label does not occur, is NaN.
    """
    labels = np.arange(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns when labels do not occur
        precision, recall, f1, _ = sk.precision_recall_fscore_support(
            truth, predicted, labels=labels, average="macro", zero_division=0
        )
        mcc = sk.matthews_corrcoef(truth, predicted)
    return {
        "loss": _cross_entropy(truth, probabilities),
        "accuracy": float((truth == predicted).mean()),
        "f1_macro": float(f1),
        "mcc": float(mcc),
        "precision_macro": float(precision),
        "recall_macro": float(recall),
        "roc_auc": _mean_over_curves(sk.roc_auc_score, truth, probabilities),
        "pr_auc": _mean_over_curves(sk.average_precision_score, truth, probabilities),
    }


def curves(truth: np.ndarray, probabilities: np.ndarray) -> list[int]:
    """Return the labels that get a curve: the second of two, or each of more."""
    return [1] if probabilities.shape[1] == 2 else list(range(probabilities.shape[1]))


def _mean_over_curves(area, truth: np.ndarray, probabilities: np.ndarray) -> float:
    areas = []
    for label in curves(truth, probabilities):
        present = truth == label
        defined = present.any() and not present.all()
        areas.append(area(present, probabilities[:, label]) if defined else np.nan)
    return float(np.mean(areas))


def _cross_entropy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log probability of the true label, in nats."""
    smallest = np.finfo(probabilities.dtype).tiny
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], smallest)).mean())
