"""The worst errors of an evaluation: the mistakes of which the model was surest, or the largest errors of numbers."""

import numpy as np
import pandas as pd

from ..data.targets import Target
from ..scores.truth import mistakes
from ..words import CLASSES, NUMBER

# What the table has first, of what the table of predictions has; `mistaken` is new.
FIRST = ("id", "label", "predicted", "mistaken", "probability", "error", "length", "gc")


def worst_errors(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    predicted: np.ndarray,
    table: pd.DataFrame,
    lengths: np.ndarray,
    gc: np.ndarray,
    worst: int,
) -> pd.DataFrame:
    """Return the rows of at most so many errors, the worst first, those alike in the order of the input.

    table: the table of predictions with the column `label`; its probabilities of each label are left out.
    lengths, gc: of each sequence, in letters and as a share (NaN for a sequence without A, C, G and T).
    Classes: wrong predictions, by the probability of the predicted label. Several labels: `mistaken` is the label whose
    presence or absence the model was surest and wrong, and `probability` is that of the prediction for it. Numbers: by
    the absolute error.
    """
    wrong = mistakes(target, truth, predicted)
    table = table.drop(columns=[f"p({label})" for label in target.labels] + ["correct"], errors="ignore")
    table = table.assign(length=lengths, gc=gc)
    if target.kind == CLASSES:
        severity = np.where(wrong, predictions[np.arange(len(predictions)), predicted], -1.0)
    elif target.kind == NUMBER:
        severity = wrong
        wrong = wrong > 0
    else:
        likelihood = np.where(predicted == 1, predictions, 1 - predictions)
        sure = np.where(predicted != truth, likelihood, -1.0)
        which = sure.argmax(axis=1)
        severity = sure[np.arange(len(sure)), which]
        table = table.assign(mistaken=[target.labels[number] for number in which], probability=severity)
    order = np.argsort(-severity, kind="stable")
    order = order[wrong[order]][:worst]
    names = [name for name in FIRST if name in table] + [name for name in table if name not in FIRST]
    return table[names].iloc[order].reset_index(drop=True)
