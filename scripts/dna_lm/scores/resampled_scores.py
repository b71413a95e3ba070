"""The formulas of the metrics, for many resamples of the same records at once: scores of weighted records.

A resample is a weight for each record: how many times it was drawn. What is the same for all resamples, such as the
order of the probabilities, is computed once; a score then takes a few sums over the records.
"""

from collections.abc import Callable, Iterable

import numpy as np
from scipy.sparse import csr_matrix

from ..data.decision import Decision
from ..data.targets import Target
from ..words import CLASSES, NUMBER
from .registry import CALIBRATION_ERROR, OF_EACH_LABEL, OVERALL, RANKINGS
from .truth import likelihoods, present, squared_errors

# Below this share of the numbers' variance, that of a resample is what rounding left of 0.
LEAST_VARIANCE = 1e-12
# Of a score: its name, and the number of its label; none if it is of all labels.
Key = tuple[str, int | None]
Scores = dict[Key, np.ndarray]


def scorer(
    target: Target, truth: np.ndarray, predictions: np.ndarray, decision: Decision, wanted: Iterable[Key] | None = None
) -> Callable[[np.ndarray], Scores]:
    """Return the function that scores resamples.

    It takes weights, (resamples, n) float64, and returns each score, (resamples,) float64, NaN where it is not defined;
    all but the calibration error.
    wanted: the scores that are needed at least; None: all that keys() gives.
    The other parameters are those of metrics.score.
    """
    names = {name for name, _ in (keys(target) if wanted is None else wanted)}
    if target.kind == NUMBER:
        parts = [_number_sums(truth, predictions[:, 0])]
        if "spearman" in names:
            parts.append(_rank_correlation(truth, predictions[:, 0]))
    else:
        parts = [_class_sums if target.kind == CLASSES else _several_label_sums]
        parts = [parts[0](target, truth, predictions, decision)] if names - set(RANKINGS) else []
        if names & set(RANKINGS):
            parts.append(_areas(target, truth, predictions))

    def scores(weights: np.ndarray) -> Scores:
        with np.errstate(divide="ignore", invalid="ignore"):  # what is not defined is 0/0, which is NaN
            return {key: values for part in parts for key, values in part(weights).items()}

    return scores


def keys(target: Target) -> list[Key]:
    """Return all scores that resamples have: those of all labels, then those of each label.

    The calibration error is not among them: in a resample the noise of its bins is that of the records and as much
    again; it has an interval of its own (see calibration_error.py).
    """
    of_labels = [(name, number) for number in range(len(target.labels)) for name in OF_EACH_LABEL if name != "support"]
    return [(name, None) for name in OVERALL[target.kind] if name != CALIBRATION_ERROR] + of_labels


# --- labels ----------------------------------------------------------------------------------------------------------


def _class_sums(target: Target, truth: np.ndarray, predictions: np.ndarray, decision: Decision) -> Callable:
    count, records = len(target.labels), len(truth)
    cells = truth * count + decision.predicted(target, predictions)
    sums = _Sums(records)
    confusion = sums.add_groups(cells, count * count)
    loss = sums.add(-np.log(likelihoods(target, truth, predictions)))
    brier = sums.add(squared_errors(target, truth, predictions))
    sums.close()

    def scores(weights: np.ndarray) -> Scores:
        total, values = weights.sum(axis=1), sums(weights)
        matrix = values[:, confusion].reshape(-1, count, count)
        hits, true, predicted = np.einsum("rii->ri", matrix), matrix.sum(axis=2), matrix.sum(axis=1)
        found = hits / true
        # Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006, as in scikit-learn: 0 where it is not defined.
        covariance = hits.sum(axis=1) * total - (true * predicted).sum(axis=1)
        spread = (total**2 - (predicted**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1))
        result = {
            ("loss", None): values[:, loss][:, 0] / total,
            ("accuracy", None): hits.sum(axis=1) / total,
            ("balanced_accuracy", None): np.nansum(found, axis=1) / (true > 0).sum(axis=1),
            ("mcc", None): np.where(spread > 0, covariance / np.sqrt(spread), 0),
            ("brier", None): values[:, brier][:, 0] / total,
        }
        return result | _precision_recall_f1(hits, predicted, true)

    return scores


def _several_label_sums(target: Target, truth: np.ndarray, predictions: np.ndarray, decision: Decision) -> Callable:
    predicted = decision.predicted(target, predictions)
    sums = _Sums(len(truth))
    hits, true, assigned = (sums.add(columns) for columns in (truth * predicted, truth, predicted))
    right = sums.add((truth == predicted).all(axis=1))
    loss = sums.add(-np.log(likelihoods(target, truth, predictions)).mean(axis=1))
    brier = sums.add(squared_errors(target, truth, predictions))
    sums.close()

    def scores(weights: np.ndarray) -> Scores:
        total, values = weights.sum(axis=1), sums(weights)
        tp, positives, predicted_positives = values[:, hits], values[:, true], values[:, assigned]
        negatives, predicted_negatives = total[:, None] - positives, total[:, None] - predicted_positives
        tn = total[:, None] - positives - predicted_positives + tp
        spread = positives * negatives * predicted_positives * predicted_negatives
        mcc = np.where(spread > 0, (tp * total[:, None] - positives * predicted_positives) / np.sqrt(spread), 0)
        varied = (positives > 0) & (negatives > 0)
        balanced = (tp / positives + tn / negatives) / 2
        result = {
            ("loss", None): values[:, loss][:, 0] / total,
            ("accuracy", None): values[:, right][:, 0] / total,
            ("balanced_accuracy", None): np.nansum(balanced, axis=1) / np.isfinite(balanced).sum(axis=1),
            ("mcc", None): np.where(varied, mcc, 0).sum(axis=1) / varied.sum(axis=1),
            ("brier", None): values[:, brier][:, 0] / total,
        }
        return result | _precision_recall_f1(tp, predicted_positives, positives)

    return scores


def _precision_recall_f1(hits: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> Scores:
    """hits, predicted, true: (resamples, labels) sums. What is not defined is as in metrics.class_scores."""
    occurs = predicted + true > 0
    each = {
        "precision": np.where(predicted > 0, hits / predicted, np.where(occurs, 0, np.nan)),
        "recall": np.where(true > 0, hits / true, np.nan),
        "f1": np.where(occurs, 2 * hits / (predicted + true), np.nan),
    }
    support: Scores = {("support", number): true[:, number] for number in range(true.shape[1])}
    result: Scores = {
        (f"{name}_macro", None): np.nansum(values, axis=1) / occurs.sum(axis=1) for name, values in each.items()
    }
    return (
        result
        | support
        | {(name, number): values[:, number] for name, values in each.items() for number in range(hits.shape[1])}
    )


def _areas(target: Target, truth: np.ndarray, predictions: np.ndarray) -> Callable:
    count = len(target.labels)
    ranked = [_Ranking(predictions[:, number], present(target, truth, number)) for number in range(count)]

    def scores(weights: np.ndarray) -> Scores:
        result: Scores = {}
        for number, ranking in enumerate(ranked):
            result["roc_auc", number], result["pr_auc", number] = ranking(weights)
        for name in RANKINGS:
            each = np.array([result[name, number] for number in range(count)])
            if target.kind == CLASSES:  # of two the second; of more only if all occur
                result[name, None] = each[1] if count == 2 else each.mean(axis=0)
            else:
                result[name, None] = np.nansum(each, axis=0) / np.isfinite(each).sum(axis=0)
        return result

    return scores


class _Ranking:
    """The areas under the ROC and the precision-recall curve of a value for those records that have a label.

    ROC-AUC is the share of pairs in the right order, ties counting half; PR-AUC is the average precision. Both are sums
    over the records that have the label.
    """

    def __init__(self, values: np.ndarray, having: np.ndarray):
        self.order = np.argsort(-values, kind="stable")
        ordered, having = values[self.order], having[self.order]
        self.positions = np.flatnonzero(having)
        changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        firsts, lasts = np.append(0, changes), np.append(changes, len(ordered)) - 1  # of each group of equal values
        self.tied = len(firsts) < len(ordered)
        group = np.searchsorted(firsts, self.positions, side="right") - 1
        # Where the sums up to and with the group, and up to it, stand behind a 0: of all records and of those with it.
        sums = np.append(0, np.cumsum(having))
        self.ends, self.starts = lasts[group] + 1, firsts[group]
        self.found_ends, self.found_starts = sums[self.ends], sums[self.starts]

    def __call__(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ROC-AUC and PR-AUC, (resamples,), NaN where no record has the label, or all have it."""
        ordered = weights[:, self.order]
        own = ordered[:, self.positions]
        retrieved, found = _sums_up_to(ordered), _sums_up_to(own)
        positives, negatives = found[:, -1], retrieved[:, -1] - found[:, -1]
        retrieved_here, found_here = retrieved[:, self.ends], found[:, self.found_ends]
        precision = found_here / np.maximum(retrieved_here, 1)  # none drawn where none is retrieved
        above = retrieved_here - found_here  # negatives that rank above, those of the same value included
        if self.tied:
            above = (above + retrieved[:, self.starts] - found[:, self.found_starts]) / 2
        exact, wrong = (np.einsum("rn,rn->r", own, values) for values in (precision, above))
        defined = (positives > 0) & (negatives > 0)
        return (
            np.where(defined, (positives * negatives - wrong) / (positives * negatives), np.nan),
            np.where(defined, exact / positives, np.nan),
        )


def _sums_up_to(values: np.ndarray) -> np.ndarray:
    """Return (rows, columns + 1): the sums of so many columns from the first."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


# --- numbers ---------------------------------------------------------------------------------------------------------


def _number_sums(truth: np.ndarray, predicted: np.ndarray) -> Callable:
    errors = predicted - truth
    # Centered and scaled, so that differences of squares keep their digits; correlation does not depend on it.
    true, scaled = _standardized(truth), _standardized(predicted)
    columns = np.stack([errors**2, np.abs(errors), true, true**2, scaled, scaled**2, true * scaled])
    variance = truth.var()

    def scores(weights: np.ndarray) -> Scores:
        means = columns @ weights.T / weights.sum(axis=1)
        square, absolute, mean_true, square_true, mean_predicted, square_predicted, product = means
        spread_true, spread_predicted = square_true - mean_true**2, square_predicted - mean_predicted**2
        spread_true, spread_predicted = (
            np.where(spread > LEAST_VARIANCE, spread, np.nan) for spread in (spread_true, spread_predicted)
        )
        return {
            ("loss", None): square,
            ("mae", None): absolute,
            ("r2", None): 1 - square / (spread_true * variance),
            ("pearson", None): (product - mean_true * mean_predicted) / np.sqrt(spread_true * spread_predicted),
        }

    return scores


def _standardized(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1)


def _rank_correlation(truth: np.ndarray, predicted: np.ndarray) -> Callable:
    ranks = [_ranks(values) for values in (truth, predicted)]

    def scores(weights: np.ndarray) -> Scores:
        middle = (weights.sum(axis=1, keepdims=True) + 1) / 2  # the mean of the ranks
        true_ranks, predicted_ranks = (rank(weights) - middle for rank in ranks)
        weighted = weights * true_ranks
        products = [
            np.einsum("rn,rn->r", first, second)
            for first, second in (
                (weighted, predicted_ranks),
                (weighted, true_ranks),
                (weights * predicted_ranks, predicted_ranks),
            )
        ]
        spread = products[1] * products[2]
        return {("spearman", None): np.where(spread > 0, products[0] / np.sqrt(spread), np.nan)}

    return scores


def _ranks(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from weights to the rank of each record in the resample, equal ones having their mean."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    changes = ordered[1:] != ordered[:-1]
    ends = np.concatenate([[0], np.flatnonzero(changes) + 1, [len(values)]])
    group = np.empty(len(values), dtype=np.int64)  # of each record, that of its value
    group[order] = np.concatenate([[0], np.cumsum(changes)])

    def ranks(weights: np.ndarray) -> np.ndarray:
        up_to = _sums_up_to(weights[:, order])[:, ends]
        # The mean rank of the w records after the first r is r + (w + 1) / 2.
        return ((up_to[:, :-1] + up_to[:, 1:] + 1) / 2)[:, group]

    return ranks


# --- sums ------------------------------------------------------------------------------------------------------------


class _Sums:
    """Weighted sums over the records of many columns, most of which are 0 for most records."""

    def __init__(self, records: int):
        self._records, self._width = records, 0
        self._rows, self._columns, self._values = [], [], []

    def add(self, columns: np.ndarray) -> slice:
        """Add a column, (n,), or several, (n, columns); returns where their sums will be."""
        columns = np.asarray(columns, dtype=float).reshape(self._records, -1)
        rows, positions = np.nonzero(columns)
        return self._place(rows, positions, columns[rows, positions], columns.shape[1])

    def add_groups(self, groups: np.ndarray, count: int, values: np.ndarray | None = None) -> slice:
        """Add a column for each of `count` groups, in which the records of the group have their value, or 1."""
        values = np.ones(self._records) if values is None else values
        return self._place(np.arange(self._records), groups, values, count)

    def _place(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, width: int) -> slice:
        self._rows.append(rows)
        self._columns.append(columns + self._width)
        self._values.append(values)
        self._width += width
        return slice(self._width - width, self._width)

    def close(self) -> None:
        """Say that all columns were added."""
        positions = np.concatenate(self._columns), np.concatenate(self._rows)
        self._matrix = csr_matrix((np.concatenate(self._values), positions), shape=(self._width, self._records))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Return the sums, (resamples, columns)."""
        return np.asarray(self._matrix @ weights.T).T
