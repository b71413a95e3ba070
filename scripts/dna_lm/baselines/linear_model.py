"""Linear models that answer what a Target asks for, from numbers that describe each sequence."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import spmatrix
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ..data.targets import Target
from ..scores.metrics import score
from ..words import CLASSES, NUMBER

# Steps of the optimization at most; those used here take some hundreds.
MOST_STEPS = 1000
# The strength is chosen on each fifth of the records in turn, as long as these are few; then on one fifth.
FIFTHS, FEW = 5, 2000


def fitted(
    target: Target, features: np.ndarray | spmatrix, truth: np.ndarray, strength: float
) -> Callable[[np.ndarray | spmatrix], np.ndarray]:
    """Train a model; return the function from features to predictions, (n, outputs), as Target.predictions has them.

    CLASSES: logistic regression. MULTI_LABEL: one for each label; a label that all records have, or none, gets its
    share. NUMBER: ridge regression.
    features: (n, features). truth: as Target.read gives it.
    strength: how little the weights are held back: scikit-learn's C, and of the ridge regression 1 / alpha.
    """
    if target.kind == NUMBER:
        ridge = Ridge(alpha=1 / strength).fit(features, truth)
        return lambda new: ridge.predict(new)[:, None]
    if target.kind == CLASSES:
        return _classifier(features, truth, range(len(target.labels)), strength)
    each = [_classifier(features, column.astype(int), (0, 1), strength) for column in truth.T]
    return lambda new: np.column_stack([predict(new)[:, 1] for predict in each])


def predictions_from_number(target: Target, known: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the predictions, (asked, outputs), of a model that learns from one number a sequence, and its square.

    With the square, a label in the middle of another is told apart too.
    known, asked: the number of each sequence to learn from, and of each to answer for; NaN counts as the median.
    truth: of those to learn from, as Target.read gives it.
    """
    middle = np.nanmedian(known) if np.isfinite(known).any() else 0.0
    columns = [np.nan_to_num(values, nan=middle)[:, None] for values in (known, asked)]
    features = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False)).fit(columns[0])
    return fitted(target, features.transform(columns[0]), truth, 1.0)(features.transform(columns[1]))


def best_strength(
    target: Target, features: np.ndarray | spmatrix, truth: np.ndarray, strengths: Sequence[float], seed: int
) -> float:
    """Return that of some strengths which gives the lowest loss on records that were left out of the training.

    seed: draws those records. The other parameters are those of fitted.
    """
    part = np.random.default_rng(seed).permutation(len(truth)) % FIFTHS
    if len(strengths) == 1 or len(truth) < FIFTHS:
        return strengths[0]
    losses = dict.fromkeys(strengths, 0.0)
    for number in range(FIFTHS if len(truth) <= FEW else 1):
        out = part == number
        for strength in strengths:
            predictions = fitted(target, features[~out], truth[~out], strength)(features[out])
            losses[strength] += score(target, truth[out], predictions)["loss"] * out.sum()
    return min(losses, key=losses.get)


def _classifier(features: np.ndarray | spmatrix, truth: np.ndarray, labels: range | tuple, strength: float) -> Callable:
    if len(np.unique(truth)) < 2:
        answer = np.equal(list(labels), truth[0]).astype(float)
        return lambda new: np.tile(answer, (new.shape[0], 1))
    model = LogisticRegression(C=strength, max_iter=MOST_STEPS).fit(features, truth)
    return lambda new: _probabilities(model, new, labels)


def _probabilities(model: LogisticRegression, features: np.ndarray | spmatrix, labels: Sequence) -> np.ndarray:
    """Return (n, labels) probabilities in the order of `labels`; 0 for one on which the model was not trained."""
    values = model.predict_proba(features)
    result = np.zeros((len(values), len(labels)))
    result[:, [list(labels).index(label) for label in model.classes_]] = values
    return result
