"""Which scores have no interval, since too few records have a label, or are predicted to have it."""

import numpy as np

from ..data.targets import Target
from ..words import CLASSES, NUMBER
from .resampled_scores import Key
from .truth import present

# Fewer records of a label, or fewer hits among them, say too little of what others would give. How often intervals of
# the bootstrap hold the true score without and with these limits: dev/bench/intervals.py rare.
LEAST_TRUE, LEAST_PREDICTED = 10, 5
# Of so many records or more that are all right, or all wrong, what another would be hardly moves a mean over labels.
LEAST_UNANIMOUS = 100


def rare_labels(target: Target, truth: np.ndarray, predicted: np.ndarray) -> list[int]:
    """Return the numbers of the labels that fewer than LEAST_TRUE records have or fewer than LEAST_PREDICTED are
    predicted to have; a label that no record has and none is predicted to have is not among them.

    truth, predicted: as target.read and Decision.predicted give them. Nothing for NUMBER.
    """
    found = []
    for number in range(len(target.labels)):
        true, assigned = (int(present(target, values, number).sum()) for values in (truth, predicted))
        if true + assigned and (true < LEAST_TRUE or assigned < LEAST_PREDICTED):
            found.append(number)
    return found


def without_interval(target: Target, truth: np.ndarray, predicted: np.ndarray) -> set[Key]:
    """Return the scores that have no interval, since the records say too little of a label.

    Of a rare label (see rare_labels) these are its precision, recall and F1, and the means of these over the labels; of
    two classes, and of several labels, the MCC too. The MCC of more classes depends little on a rare one.
    Where all of fewer than LEAST_UNANIMOUS records with a label are found, or none, its recall is the same in all
    resamples, and the mean recall and the balanced accuracy would seem more certain than they are; likewise the mean
    precision.
    The parameters are those of rare_labels.
    """
    found: set[Key] = set()
    if target.kind == NUMBER:
        return found
    rare = rare_labels(target, truth, predicted)
    if rare:
        found |= {(f"{name}_macro", None) for name in ("precision", "recall", "f1")} | {("balanced_accuracy", None)}
        found |= {(name, number) for number in rare for name in ("precision", "recall", "f1")}
        if target.kind != CLASSES or len(target.labels) == 2:
            found.add(("mcc", None))
    for number in range(len(target.labels)):
        true, assigned = (present(target, values, number) for values in (truth, predicted))
        if _unanimous(assigned[true]):
            found |= {("recall_macro", None), ("balanced_accuracy", None)}
        if _unanimous(true[assigned]):
            found.add(("precision_macro", None))
        if target.kind != CLASSES and _unanimous(assigned[~true]):
            found.add(("balanced_accuracy", None))
    return found


def _unanimous(values: np.ndarray) -> bool:
    return 0 < len(values) < LEAST_UNANIMOUS and bool(values.all() or not values.any())
