from math import log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.metrics import curves, score

NAMES = ["loss", "accuracy", "f1_macro", "mcc", "precision_macro", "recall_macro", "roc_auc", "pr_auc"]


def binary(truth, second):
    """Score from the labels and the probabilities of the second label."""
    second = np.array(second, dtype=float)
    return score(np.array(truth), np.column_stack([1 - second, second]))


def test_two_labels_by_hand():
    # One true negative, one false positive, one false negative, two true positives.
    scores = binary([0, 0, 1, 1, 1], [0.2, 0.6, 0.4, 0.7, 0.9])
    assert list(scores) == NAMES
    precisions = [1 / 2, 2 / 3]
    recalls = [1 / 2, 2 / 3]
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["precision_macro"] == pytest.approx(sum(precisions) / 2)
    assert scores["recall_macro"] == pytest.approx(sum(recalls) / 2)
    assert scores["f1_macro"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert scores["mcc"] == pytest.approx((2 * 1 - 1 * 1) / sqrt(3 * 3 * 2 * 2))
    assert scores["loss"] == pytest.approx(-(log(0.8) + log(0.4) + log(0.4) + log(0.7) + log(0.9)) / 5)
    # Of the 6 pairs of a positive and a negative, only (0.4, 0.6) is in the wrong order.
    assert scores["roc_auc"] == pytest.approx(5 / 6)
    # Ranked 1 1 0 1 0: precision at the three positives.
    assert scores["pr_auc"] == pytest.approx((1 / 1 + 2 / 2 + 3 / 4) / 3)


def test_macro_f1_is_the_mean_of_the_labels_f1_not_that_of_the_mean_precision_and_recall():
    # Label 0: precision 3/3, recall 3/5. Label 1: precision 1/3, recall 1/1.
    scores = binary([0, 0, 0, 0, 0, 1], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    assert scores["f1_macro"] == pytest.approx((2 * 1 * (3 / 5) / (8 / 5) + 2 * (1 / 3) * 1 / (4 / 3)) / 2)
    assert scores["f1_macro"] == pytest.approx((0.75 + 0.5) / 2)
    assert scores["precision_macro"] == pytest.approx((1 + 1 / 3) / 2)
    assert scores["recall_macro"] == pytest.approx((3 / 5 + 1) / 2)


def test_three_labels_by_hand():
    truth = np.array([0, 0, 1, 1, 2, 2])
    probabilities = np.array(
        [
            [0.7, 0.2, 0.1],
            [0.2, 0.5, 0.3],  # wrong: 0 is taken for 1
            [0.1, 0.8, 0.1],
            [0.3, 0.6, 0.1],
            [0.5, 0.1, 0.4],  # wrong: 2 is taken for 0
            [0.1, 0.2, 0.7],
        ]
    )
    scores = score(truth, probabilities)
    # Confusion matrix, true labels in rows: [1 1 0] [0 2 0] [1 0 1].
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["precision_macro"] == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert scores["recall_macro"] == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert scores["f1_macro"] == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3)
    # Gorodkin's R_K: (c s - sum p t) / sqrt((s^2 - sum p^2) (s^2 - sum t^2)), predicted 2 3 1, true 2 2 2.
    assert scores["mcc"] == pytest.approx((4 * 6 - 12) / sqrt((36 - 14) * (36 - 12)))
    # One against the rest, of 8 pairs each: label 0 has 0.7 and 0.2 against 0.1 0.3 0.5 0.1, label 1 has 0.8 and 0.6
    # against 0.2 0.5 0.1 0.2, label 2 has 0.4 and 0.7 against 0.1 0.3 0.1 0.1.
    assert scores["roc_auc"] == pytest.approx((6 / 8 + 8 / 8 + 8 / 8) / 3)
    # Label 0 is ranked 1 0 0 1 0 0.
    assert scores["pr_auc"] == pytest.approx(((1 + 2 / 4) / 2 + 1 + 1) / 3)


def test_ties_count_half_in_the_roc_curve():
    scores = binary([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.8])
    # Pairs: (0.8 > 0.3) twice, (0.3 = 0.3) twice.
    assert scores["roc_auc"] == pytest.approx((2 + 2 * 0.5) / 4)
    # Precision is 1 at the first threshold (recall 1/2) and 2/4 at the second, where all the tied come at once.
    assert scores["pr_auc"] == pytest.approx(0.5 * 1 + 0.5 * 0.5)


def test_equal_probabilities_everywhere():
    scores = binary([0, 1, 1, 1], [0.5] * 4)
    assert scores["roc_auc"] == pytest.approx(0.5)
    assert scores["pr_auc"] == pytest.approx(3 / 4)
    assert scores["mcc"] == 0
    assert scores["accuracy"] == pytest.approx(1 / 4)  # of equal ones the first label is taken
    assert scores["loss"] == pytest.approx(log(2))


def test_perfect_predictions():
    scores = binary([0, 1, 0, 1], [0.0, 1.0, 0.1, 0.8])
    assert {name: scores[name] for name in NAMES[1:]} == dict.fromkeys(NAMES[1:], 1)


def test_inverted_predictions():
    scores = binary([0, 1, 0, 1], [0.9, 0.2, 0.9, 0.1])
    assert scores["accuracy"] == scores["f1_macro"] == scores["precision_macro"] == scores["recall_macro"] == 0
    assert scores["mcc"] == pytest.approx(-1)
    assert scores["roc_auc"] == 0


def test_a_probability_of_0_for_the_true_label_gives_a_finite_loss():
    assert 300 < binary([1, 0], [0.0, 0.0])["loss"] < 400


@pytest.mark.filterwarnings("error")
def test_areas_are_nan_when_a_label_does_not_occur():
    scores = binary([1, 1], [0.9, 0.2])
    assert scores["roc_auc"] == pytest.approx(nan, nan_ok=True)
    assert scores["pr_auc"] == pytest.approx(nan, nan_ok=True)
    assert scores["accuracy"] == 0.5
    assert scores["mcc"] == 0
    # Label 0 does not occur: precision 0, recall 0.
    assert scores["precision_macro"] == pytest.approx(1 / 2)
    assert scores["recall_macro"] == pytest.approx(1 / 4)


def test_areas_of_three_labels_are_nan_when_one_does_not_occur():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]])
    scores = score(np.array([0, 1, 0]), probabilities)
    assert scores["roc_auc"] == pytest.approx(nan, nan_ok=True)
    assert scores["mcc"] == pytest.approx(1)


def test_which_labels_get_a_curve():
    assert curves(np.array([0, 1]), np.zeros((2, 2))) == [1]
    assert curves(np.array([0, 1]), np.zeros((2, 3))) == [0, 1, 2]


@pytest.mark.filterwarnings("error")
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)), min_size=1))
def test_scores_are_in_their_ranges_and_do_not_depend_on_the_order(rows):
    truth = np.array([row[0] for row in rows])
    weights = np.array([row[1:] for row in rows], dtype=float)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    scores = score(truth, probabilities)
    for name, value in scores.items():
        low, high = {"loss": (0, np.inf), "mcc": (-1, 1)}.get(name, (0, 1))
        assert np.isnan(value) or low - 1e-9 <= value <= high + 1e-9, name
    backwards = score(truth[::-1], probabilities[::-1])
    assert backwards == pytest.approx(scores, nan_ok=True)
