"""Truth and predictions side by side: what several metrics, tables and figures need of them."""

from collections.abc import Iterable

import numpy as np

from ..data.targets import Target
from ..words import CLASSES, MULTI_LABEL, NUMBER

# What stands for the label of a score of all labels.
ALL = "all"


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


def likelihoods(target: Target, truth: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return the probability of what is true, (n,) of CLASSES, (n, labels) of MULTI_LABEL; above 0, so that it has a
    logarithm."""
    if target.kind == CLASSES:
        values = predictions[np.arange(len(truth)), truth]
    else:
        values = np.where(truth == 1, predictions, 1 - predictions)
    return np.maximum(values, np.finfo(float).tiny)


def squared_errors(target: Target, truth: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return what the Brier score is the mean of, (n,)."""
    if target.kind == MULTI_LABEL:
        return ((predictions - truth) ** 2).mean(axis=1)
    squares = ((predictions - (truth[:, None] == np.arange(predictions.shape[1]))) ** 2).sum(axis=1)
    return squares / 2 if len(target.labels) == 2 else squares


def mistakes(target: Target, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return which predictions are wrong, (n,) boolean; of numbers the absolute errors, (n,) float64.

    Of several labels, an answer is wrong if any label is.
    truth, predicted: as target.read and Decision.predicted give them.
    """
    if target.kind == NUMBER:
        return np.abs(predicted - truth)
    return (predicted != truth).reshape(len(truth), -1).any(axis=1)
