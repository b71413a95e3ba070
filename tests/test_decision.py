import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.decision import Decision, log_odds
from dna_lm.data.targets import Target
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

TWO = Target(CLASSES, ["no", "yes"])
THREE = Target(CLASSES, ["a", "b", "c"])
SEVERAL = Target(MULTI_LABEL, ["a", "b"])
A_NUMBER = Target(NUMBER, [], 3.0, 2.0)


def test_a_temperature_of_2_by_hand():
    # Odds of 9 to 1 become odds of the square root, 3 to 1.
    assert Decision(2.0).calibrated(TWO, np.array([[0.1, 0.9]])) == pytest.approx(np.array([[0.25, 0.75]]))
    assert Decision(2.0).calibrated(SEVERAL, np.array([[0.9, 0.1]])) == pytest.approx(np.array([[0.75, 0.25]]))
    # 16 : 4 : 1 become 4 : 2 : 1.
    given = np.array([[16, 4, 1]]) / 21
    assert Decision(2.0).calibrated(THREE, given) == pytest.approx(np.array([[4, 2, 1]]) / 7)


def test_a_temperature_below_1_makes_surer():
    assert Decision(0.5).calibrated(TWO, np.array([[0.25, 0.75]])) == pytest.approx(np.array([[0.1, 0.9]]))


@pytest.mark.parametrize("target", [TWO, SEVERAL])
def test_a_temperature_of_1_and_numbers_leave_all_as_it_is(target):
    given = np.array([[0.3, 0.7]])
    assert Decision().calibrated(target, given) is given
    numbers = np.array([[-5.0]])
    assert Decision(3.0).calibrated(A_NUMBER, numbers) is numbers


@given(st.floats(0, 1), st.floats(0.05, 20))
def test_certainties_stay_finite(value, temperature):
    given = np.array([[1 - value, value]])
    for target in (TWO, SEVERAL):
        assert np.isfinite(log_odds(target, given)).all()
        found = Decision(temperature).calibrated(target, given)
        assert np.isfinite(found).all() and (found >= 0).all() and (found <= 1).all()
    assert Decision(temperature).calibrated(TWO, given).sum() == pytest.approx(1)


def test_what_is_said_at_thresholds():
    predictions = np.array([[0.8, 0.2], [0.7, 0.3], [0.3, 0.7]])
    assert Decision().predicted_names(TWO, predictions) == ["no", "no", "yes"]
    assert Decision(thresholds=(0.3,)).predicted_names(TWO, predictions) == ["no", "yes", "yes"]
    assert Decision().predicted_names(SEVERAL, predictions) == ["a", "a", "b"]
    assert Decision(thresholds=(0.75, 0.25)).predicted_names(SEVERAL, predictions) == ["a", "b", "b"]
    assert Decision().predicted(A_NUMBER, np.array([[1.5], [2.5]])).tolist() == [1.5, 2.5]


@pytest.mark.parametrize("target", [TWO, SEVERAL])
@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_the_record_says_it_again(target, temperature):
    for thresholds in (None, (0.25,) if target is TWO else (0.25, 0.0)):
        decision = Decision(temperature, thresholds)
        assert Decision.from_task(decision.task(), target) == decision
    assert Decision().task() == {}


@pytest.mark.parametrize(
    ("target", "task"),
    [
        *((TWO, {"temperature": value}) for value in (0.0, -1.0, 1, True, None, "2.0", float("inf"), float("nan"))),
        *((TWO, {"thresholds": value}) for value in ([], [0.5, 0.5], [1], [True], ["0.5"], [1.5], [-0.1], 0.5, (0.5,))),
        (TWO, {"thresholds": [float("nan")]}),
        (SEVERAL, {"thresholds": [0.5]}),
        (THREE, {"thresholds": [0.5]}),
        (THREE, {"thresholds": [0.5, 0.5, 0.5]}),
        (A_NUMBER, {"thresholds": [0.5]}),
        (A_NUMBER, {"thresholds": []}),
    ],
)
def test_records_that_no_decision_wrote(target, task):
    with pytest.raises(ValueError, match="temperature|threshold"):
        Decision.from_task(task, target)
