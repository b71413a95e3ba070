from math import log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from dna_lm.data.decision import Decision
from dna_lm.data.targets import Target
from dna_lm.scores.metrics import class_scores, score
from dna_lm.scores.registry import CALIBRATION_ERROR, METRICS, OF_EACH_LABEL, OVERALL
from dna_lm.scores.resampled_scores import scorer
from dna_lm.scores.truth import curves, name_of_all
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

TWO, THREE = (Target(CLASSES, [f"L{number}" for number in range(count)]) for count in (2, 3))
SITES = Target(MULTI_LABEL, ["a", "b", "c"])
LEVEL = Target(NUMBER, [], mean=100.0, spread=3.0)  # the predictions are in the user's unit: neither is used
NAMES = ["loss", "accuracy", "balanced_accuracy", "f1_macro", "mcc", "precision_macro", "recall_macro", "roc_auc"]
NAMES += ["pr_auc", "brier", "calibration_error"]


def binary(truth, second):
    """Score from the labels and the probabilities of the second label."""
    second = np.array(second, dtype=float)
    return score(TWO, np.array(truth), np.column_stack([1 - second, second]))


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
    scores = score(THREE, truth, probabilities)
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
    best = dict.fromkeys(NAMES[1:-2], 1)
    assert {name: scores[name] for name in best} == best
    assert scores["brier"] == pytest.approx((0.1**2 + 0.2**2) / 4)


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
    scores = score(THREE, np.array([0, 1, 0]), probabilities)
    assert scores["roc_auc"] == pytest.approx(nan, nan_ok=True)
    assert scores["mcc"] == pytest.approx(1)


def test_which_labels_get_a_curve():
    def found(target, truth):
        return [(number, present.tolist()) for number, present in curves(target, np.array(truth))]

    assert found(TWO, [0, 1]) == [(1, [False, True])]
    assert found(TWO, [1, 1]) == []
    assert found(THREE, [0, 1, 0]) == [(0, [True, False, True]), (1, [False, True, False])]
    assert found(SITES, [[1, 0, 1], [1, 0, 0]]) == [(2, [True, False])]


@pytest.mark.filterwarnings("error")
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)), min_size=1))
def test_scores_are_in_their_ranges_and_do_not_depend_on_the_order(rows):
    truth = np.array([row[0] for row in rows])
    weights = np.array([row[1:] for row in rows], dtype=float)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    scores = score(THREE, truth, probabilities)
    for name, value in scores.items():
        low, high = {"loss": (0, np.inf), "mcc": (-1, 1), "brier": (0, 2)}.get(name, (0, 1))
        assert np.isnan(value) or low - 1e-9 <= value <= high + 1e-9, name
    backwards = score(THREE, truth[::-1], probabilities[::-1])
    assert backwards == pytest.approx(scores, nan_ok=True)


def test_brier_by_hand():
    scores = binary([0, 1, 0, 1], [0.1, 0.3, 0.28, 0.6])
    assert scores["brier"] == pytest.approx((0.1**2 + 0.7**2 + 0.28**2 + 0.4**2) / 4)
    truth, predictions = np.array([0, 2]), np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    # The sum over three labels, as Brier has it.
    expected = (0.5**2 + 0.3**2 + 0.2**2 + 0.1**2 + 0.1**2 + 0.2**2) / 2
    assert score(THREE, truth, predictions)["brier"] == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_perfect_answers_of_some_of_the_labels_are_perfect():
    truth = np.array([0, 1, 0, 1])
    scores = score(THREE, truth, np.eye(3)[truth])
    assert {scores[name] for name in ("f1_macro", "precision_macro", "recall_macro", "mcc", "accuracy")} == {1}
    each = class_scores(THREE, truth, np.eye(3)[truth])
    assert np.isnan([each["L2"][name] for name in ("precision", "recall", "f1", "roc_auc", "pr_auc")]).all()
    sites = np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])
    scores = score(SITES, sites, np.where(sites == 1, 0.9, 0.1))
    assert {scores[name] for name in ("f1_macro", "precision_macro", "recall_macro", "mcc", "accuracy")} == {1}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_macro_scores_are_those_of_scikit_learn_over_the_labels_that_occur(pairs):
    truth, said = np.array(pairs).T
    scores = score(Target(CLASSES, list("abcde")), truth, np.eye(5)[said])
    expected = sk.precision_recall_fscore_support(truth, said, average="macro", zero_division=0)[:3]
    assert [scores[f"{name}_macro"] for name in ("precision", "recall", "f1")] == pytest.approx(expected)


def test_a_label_that_is_predicted_but_does_not_occur_has_no_recall():
    each = class_scores(THREE, np.array([0, 0, 1]), np.eye(3)[[0, 2, 1]])["L2"]
    assert (each["precision"], each["f1"]) == (0, 0) and np.isnan(each["recall"])


@pytest.mark.parametrize(
    "labels, name", [(["a", "b"], "all"), (["a", "all"], "(all)"), (["(all)", "all"], "((all))"), ([], "all")]
)
def test_the_name_of_all_labels_is_that_of_none(labels, name):
    assert name_of_all(labels) == name


def test_balanced_accuracy_is_the_mean_recall_of_the_labels_that_occur():
    predictions = np.eye(3)[[0, 0, 1, 2]]
    assert score(THREE, np.array([0, 0, 0, 1]), predictions)["balanced_accuracy"] == pytest.approx((2 / 3 + 0) / 2)


def test_what_is_said_follows_the_decision():
    truth, second = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.3, 0.45])
    predictions = np.column_stack([1 - second, second])
    plain, lowered = (score(TWO, truth, predictions, Decision(thresholds=chosen)) for chosen in (None, (0.3,)))
    assert (plain["accuracy"], lowered["accuracy"]) == (0.5, 0.75)
    assert class_scores(TWO, truth, predictions, Decision(thresholds=(0.3,)))["L1"]["recall"] == 1
    for name in ("roc_auc", "calibration_error"):
        assert plain[name] == lowered[name]


def test_each_label_by_hand():
    # Confusion matrix, true labels in rows: [1 1] [1 2].
    second = np.array([0.2, 0.6, 0.4, 0.7, 0.9])
    each = class_scores(TWO, np.array([0, 0, 1, 1, 1]), np.column_stack([1 - second, second]))
    assert list(each) == ["L0", "L1"]
    assert each["L1"] == pytest.approx(
        {
            "precision": 2 / 3,
            "recall": 2 / 3,
            "f1": 2 / 3,
            "roc_auc": 5 / 6,
            "pr_auc": (1 + 1 + 3 / 4) / 3,
            "support": 3,
        }
    )
    # From the other side, 0.8 0.4 are ranked among 0.8 0.6 0.4 0.3 0.1.
    assert each["L0"] == pytest.approx(
        {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "roc_auc": 5 / 6, "pr_auc": (1 + 2 / 3) / 2, "support": 2}
    )


@pytest.mark.filterwarnings("error")
def test_labels_that_do_not_occur_have_no_areas():
    each = class_scores(THREE, np.array([0, 0]), np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]))
    assert np.isnan([each[label][area] for label in each for area in ("roc_auc", "pr_auc")]).all()
    assert [scores["support"] for scores in each.values()] == [2, 0, 0]
    assert class_scores(LEVEL, np.ones(2), np.ones((2, 1))) == {}


# --- several labels a sequence ---------------------------------------------------------------------------------------


def test_several_labels_by_hand():
    truth = np.array([[1.0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0]])
    predictions = np.array([[0.9, 0.2, 0.4], [0.3, 0.5, 0.1], [0.1, 0.6, 0.2], [0.2, 0.8, 0.3]])
    scores = score(SITES, truth, predictions)
    assert list(scores) == NAMES
    # Said, from 0.5 on: 100 010 010 010, and only the last is right in all three.
    assert scores["accuracy"] == pytest.approx(1 / 4)
    # a: one found, one missed. b: two found, one too many. c: one missed, none found.
    assert scores["precision_macro"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert scores["recall_macro"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert scores["f1_macro"] == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)
    each = class_scores(SITES, truth, predictions)
    assert [scores_of["f1"] for scores_of in each.values()] == pytest.approx([2 / 3, 4 / 5, 0])
    # (tp tn - fp fn) / sqrt((tp+fp)(tp+fn)(tn+fp)(tn+fn)); c, of which nothing is said, counts with 0.
    assert scores["mcc"] == pytest.approx(((1 * 2) / sqrt(1 * 2 * 2 * 3) + (2 * 1) / sqrt(3 * 2 * 2 * 1) + 0) / 3)
    # Pairs in the right order: a 0.9, 0.3 above 0.1, 0.2; b 0.5, 0.8 against 0.2, 0.6; c 0.4 above all.
    assert scores["roc_auc"] == pytest.approx((4 / 4 + 3 / 4 + 3 / 3) / 3)
    # b is ranked 1 0 1 0.
    assert scores["pr_auc"] == pytest.approx((1 + (1 + 2 / 3) / 2 + 1) / 3)
    right = [0.9, 0.8, 0.4, 0.3, 0.5, 0.9, 0.9, 0.4, 0.8, 0.8, 0.8, 0.7]
    assert scores["loss"] == pytest.approx(-sum(map(log, right)) / 12)


@pytest.mark.filterwarnings("error")
def test_labels_that_all_or_none_have_do_not_count_in_the_areas():
    truth = np.array([[1.0, 1, 0], [0, 1, 0]])
    predictions = np.array([[0.9, 0.1, 0.1], [0.2, 0.2, 0.9]])
    scores = score(SITES, truth, predictions)
    assert scores["roc_auc"] == scores["pr_auc"] == 1
    scores = score(SITES, truth[:1], predictions[:1])
    assert np.isnan(scores["roc_auc"])
    assert np.isnan(scores["pr_auc"])
    assert scores["accuracy"] == 0


def test_several_labels_at_any_probability_give_a_finite_loss():
    assert 300 < score(SITES, np.array([[1.0, 0, 0]]), np.array([[0.0, 1.0, 1.0]]))["loss"] < 800


several = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        *[
            st.lists(st.tuples(*[value] * 3), min_size=count, max_size=count)
            for value in (st.booleans(), st.floats(0, 1))
        ]
    )
)


@pytest.mark.filterwarnings("error")
@given(several)
def test_several_labels_against_scikit_learn_label_by_label(rows):
    truth, predictions = (np.array(part, dtype=float) for part in rows)
    scores = score(SITES, truth, predictions)
    said = predictions >= 0.5
    each = range(3)
    both = [number for number in each if 0 < truth[:, number].sum() < len(truth)]
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(truth, said))
    occurring = [number for number in each if truth[:, number].any() or said[:, number].any()]
    f1 = [sk.f1_score(truth[:, number], said[:, number], zero_division=0) for number in occurring]
    assert scores["f1_macro"] == pytest.approx(np.mean(f1) if f1 else nan, nan_ok=True)
    mcc = [sk.matthews_corrcoef(truth[:, number], said[:, number]) for number in both]
    assert scores["mcc"] == pytest.approx(np.mean(mcc) if mcc else nan, nan_ok=True)
    areas = [sk.roc_auc_score(truth[:, number], predictions[:, number]) for number in both]
    assert scores["roc_auc"] == pytest.approx(np.mean(areas) if areas else nan, nan_ok=True)
    areas = [sk.average_precision_score(truth[:, number], predictions[:, number]) for number in both]
    assert scores["pr_auc"] == pytest.approx(np.mean(areas) if areas else nan, nan_ok=True)


# --- numbers ---------------------------------------------------------------------------------------------------------


def numbers(truth, predicted):
    return score(LEVEL, np.array(truth, dtype=float), np.array(predicted, dtype=float)[:, None])


def test_numbers_by_hand():
    scores = numbers([1, 2, 3, 6], [2, 2, 5, 4])
    assert list(scores) == ["loss", "mae", "spearman", "pearson", "r2"]
    assert scores["loss"] == pytest.approx((1 + 0 + 4 + 4) / 4)
    assert scores["mae"] == pytest.approx((1 + 0 + 2 + 2) / 4)
    # The mean is 3: squared deviations 4 + 1 + 0 + 9.
    assert scores["r2"] == pytest.approx(1 - 9 / 14)
    # Deviations -2 -1 0 3 and -1.25 -1.25 1.75 0.75.
    assert scores["pearson"] == pytest.approx((2.5 + 1.25 + 2.25) / sqrt(14 * (1.5625 * 2 + 3.0625 + 0.5625)))
    # Ranks 1 2 3 4 and 1.5 1.5 4 3; deviations -1.5 -0.5 0.5 1.5 and -1 -1 1.5 0.5.
    assert scores["spearman"] == pytest.approx((1.5 + 0.5 + 0.75 + 0.75) / sqrt(5 * (1 + 1 + 2.25 + 0.25)))


def test_perfect_numbers():
    perfect = {"loss": 0, "mae": 0, "r2": 1, "pearson": 1, "spearman": 1}
    assert numbers([1, 5, 2], [1, 5, 2]) == pytest.approx(perfect)
    # Correlation does not see what r2 does: the right order in another unit.
    scores = numbers([1, 5, 2], [10, 50, 20])
    assert (scores["pearson"], scores["spearman"]) == pytest.approx((1, 1))
    assert scores["r2"] < 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("truth", "predicted", "undefined"),
    [
        ([2, 2, 2], [1, 2, 3], {"r2", "pearson", "spearman"}),
        ([1, 2, 3], [2, 2, 2], {"pearson", "spearman"}),
        ([1], [3], {"r2", "pearson", "spearman"}),
    ],
)
def test_what_is_not_defined_of_equal_numbers_is_nan(truth, predicted, undefined):
    scores = numbers(truth, predicted)
    assert {name for name, value in scores.items() if np.isnan(value)} == undefined


value = st.floats(-1e3, 1e3).map(lambda number: round(number, 3))


@pytest.mark.filterwarnings("error")
@given(st.lists(st.tuples(value, value), min_size=2, max_size=20))
def test_numbers_against_scikit_learn_and_scipy(pairs):
    truth, predicted = np.array(pairs).T
    scores = numbers(truth, predicted)
    assert scores["loss"] == pytest.approx(sk.mean_squared_error(truth, predicted))
    assert scores["mae"] == pytest.approx(sk.mean_absolute_error(truth, predicted))
    if np.ptp(truth) > 0 and np.ptp(predicted) > 0:
        assert scores["r2"] == pytest.approx(sk.r2_score(truth, predicted))
        assert scores["pearson"] == pytest.approx(np.corrcoef(truth, predicted)[0, 1], abs=1e-6)
        ranks = stats.rankdata(truth), stats.rankdata(predicted)
        assert scores["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)


# Probabilities of a few values only, so that ties are common.
grades = st.tuples(*[st.integers(0, 4)] * 3).filter(any)


@given(st.lists(st.tuples(st.integers(0, 2), grades), min_size=2, max_size=30))
def test_classes_against_scikit_learn(rows):
    truth = np.array([true for true, _ in rows])
    predictions = np.array([grade for _, grade in rows], dtype=float)
    predictions /= predictions.sum(axis=1, keepdims=True)
    predicted = predictions.argmax(axis=1)
    target = Target(CLASSES, ["a", "b", "c"])
    scores, each = score(target, truth, predictions), class_scores(target, truth, predictions)
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(truth, predicted))
    assert scores["mcc"] == pytest.approx(sk.matthews_corrcoef(truth, predicted), abs=1e-12)
    areas = []
    for number, label in enumerate(target.labels):
        having = truth == number
        found = [each[label][name] for name in ("roc_auc", "pr_auc")]
        if having.any() and not having.all():
            areas.append(found)
            assert found == pytest.approx(
                [area(having, predictions[:, number]) for area in (sk.roc_auc_score, sk.average_precision_score)]
            )
        else:
            assert np.isnan(found).all()
        assert each[label]["support"] == having.sum()
    if len(areas) == 3:
        assert [scores["roc_auc"], scores["pr_auc"]] == pytest.approx(np.mean(areas, axis=0))
    else:
        assert np.isnan([scores["roc_auc"], scores["pr_auc"]]).all()


def test_every_metric_has_its_formula_and_no_other():
    """What scorers give is what the registry has."""
    for kind, labels in ((CLASSES, ["a", "b"]), (MULTI_LABEL, ["a", "b"]), (NUMBER, [])):
        target = Target(kind, labels)
        truth = {CLASSES: np.array([0, 1, 1]), MULTI_LABEL: np.array([[0, 1], [1, 0], [1, 1]])}.get(
            kind, np.arange(3.0)
        )
        predictions = np.array([[0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])[:, : len(labels) or 1]
        scored = scorer(target, truth, predictions, Decision())(np.ones((1, 3)))
        over_all = {name for name, number in scored if number is None}
        assert over_all == set(OVERALL[kind]) - {CALIBRATION_ERROR}
        assert {name for name, number in scored if number is not None} == (set(OF_EACH_LABEL) if labels else set())
    assert {metric.name for metric in METRICS} == {
        *OF_EACH_LABEL,
        *(name for names in OVERALL.values() for name in names),
    }
