"""Linear models whose outputs are a classifier's: logits, or standardized numbers."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import spmatrix
from sklearn.linear_model import LogisticRegression, Ridge

from ..baselines.linear_model import MOST_STEPS
from ..data.targets import Target
from ..words import CLASSES, NUMBER


@dataclass(frozen=True)
class Linear:
    """Outputs are features @ weight + bias; weight: (features, outputs), bias: (outputs,), both float64.

    spread: standard deviation of each feature in the training set, (features,) float64, if it is known.
    """

    weight: np.ndarray
    bias: np.ndarray
    spread: np.ndarray | None = None

    def outputs(self, features: np.ndarray | spmatrix) -> np.ndarray:
        """Return (n, outputs) float64."""
        return np.asarray(features @ self.weight) + self.bias

    def on_raw(self, mean: np.ndarray, spread: np.ndarray) -> "Linear":
        """Return the model for features that are not standardized yet; mean, spread: of each feature."""
        weight = self.weight / spread[:, None]
        return Linear(weight, self.bias - mean @ weight, spread)


def linear(
    target: Target,
    features: np.ndarray | spmatrix,
    truth: np.ndarray,
    strength: float,
    weights: np.ndarray | None = None,
) -> Linear:
    """Train a linear model.

    CLASSES: logistic regression. MULTI_LABEL: one for each label. NUMBER: ridge regression of standardized numbers.
    features: (n, features). truth: as Target.read gives it. weights: of each record, (n,); None: all the same.
    strength: how little the weights are held back: scikit-learn's C, and of the ridge regression 1 / alpha.
    """
    if target.kind == NUMBER:
        model = Ridge(alpha=1 / strength).fit(features, (truth - target.mean) / target.spread, weights)
        return Linear(model.coef_[:, None], np.atleast_1d(model.intercept_))
    if target.kind == CLASSES:
        return _of_classes(features, truth, len(target.labels), strength, weights)
    each = [_of_label(features, column.astype(int), strength, weights) for column in truth.T]
    return Linear(np.column_stack([one.weight for one in each]), np.concatenate([one.bias for one in each]))


def _of_classes(features, truth, classes: int, strength: float, weights) -> Linear:
    model = LogisticRegression(C=strength, max_iter=MOST_STEPS).fit(features, truth, weights)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one logit, that of the second class against the first
        coefficients, intercepts = (np.concatenate([-part, part]) / 2 for part in (coefficients, intercepts))
    weight, bias = np.zeros((features.shape[1], classes)), np.full(classes, _logit(len(truth), 0))
    weight[:, model.classes_], bias[model.classes_] = coefficients.T, intercepts
    return Linear(weight, bias)


def _of_label(features, truth, strength: float, weights) -> Linear:
    if truth.min() == truth.max():
        return Linear(np.zeros((features.shape[1], 1)), np.array([_logit(len(truth), truth.sum())]))
    model = LogisticRegression(C=strength, max_iter=MOST_STEPS).fit(features, truth, weights)
    return Linear(model.coef_.T, model.intercept_)


def _logit(records: int, positives: int) -> float:
    """Return the logit of a frequency, with half a record added to either side, so that it is finite."""
    return float(np.log((positives + 0.5) / (records - positives + 0.5)))
