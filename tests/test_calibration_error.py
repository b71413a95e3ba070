import numpy as np
import pytest
from scipy.special import expit, softmax

from dna_lm.data.targets import Target
from dna_lm.scores.bootstrap import resample
from dna_lm.scores.calibration_error import BINS, LEAST_IN_BIN, calibration_error, reliability
from dna_lm.words import CLASSES, MULTI_LABEL

TWO, THREE = (Target(CLASSES, [f"L{number}" for number in range(count)]) for count in (2, 3))
SITES = Target(MULTI_LABEL, ["a", "b", "c"])


def two(second):
    return np.column_stack([1 - np.asarray(second), second])


def drawn(target, count, seed, factor=1.0):
    """What is true and its probabilities, of which the odds are raised to a power: 1 leaves them right."""
    numbers = np.random.default_rng((count, seed))
    if target == TWO:
        odds = 2 * numbers.normal(size=count)
        return (numbers.random(count) < expit(odds)).astype(int), two(expit(factor * odds))
    outputs = 1.5 * numbers.normal(size=(count, 3))
    if target == THREE:
        sums = np.cumsum(softmax(outputs, axis=1), axis=1)
        return (numbers.random((count, 1)) > sums[:, :2]).sum(axis=1), softmax(factor * outputs, axis=1)
    # The labels of a sequence are not independent of one another.
    common = numbers.random((count, 1))
    drawn_apart = numbers.random((count, 3))
    chance = np.where(numbers.random((count, 3)) < 0.5, common, drawn_apart)
    return (chance < expit(outputs)).astype(float), expit(factor * outputs)


def test_the_bins_and_the_error_by_hand():
    # Two bins of 8: 0.25 of which 4 are true, and 0.75 of which 6 are.
    truth = np.array([0, 1] * 4 + [1, 1, 1, 0] * 2)
    found = reliability(TWO, truth, two([0.25] * 8 + [0.75] * 8))
    assert found.sizes.tolist() == [8, 8]
    assert found.means.tolist() == [0.25, 0.75]
    assert found.shares.tolist() == [0.5, 0.75]
    # The mean square is 0.25^2 / 2; the variances of the shares are 4 4 / 8 / 8 / 7 and 6 2 / 8 / 8 / 7.
    assert found.error == pytest.approx(np.sqrt(0.25**2 / 2 - (16 / 448 + 12 / 448) / 2))
    low, high = found.share_intervals()
    assert (low < found.shares).all() and (found.shares < high).all()


def test_of_more_classes_it_is_the_likeliest_and_of_several_labels_each():
    truth, predictions = drawn(THREE, 40, 1)
    found = reliability(THREE, truth, predictions)
    assert found.probabilities.tolist() == predictions.max(axis=1).tolist()
    assert found.came_true.tolist() == (predictions.argmax(axis=1) == truth).tolist()
    truth, predictions = drawn(SITES, 40, 1)
    found = reliability(SITES, truth, predictions)
    assert found.probabilities.tolist() == predictions.ravel().tolist() and not found.independent


@pytest.mark.parametrize("equal", [0, 50, 95, 99, 100])
def test_bins_have_enough_and_equal_probabilities_the_same(equal):
    values = np.append(np.full(equal, 0.1), np.linspace(0.2, 0.9, 100 - equal))
    found = reliability(TWO, np.arange(100) % 2, two(values))
    assert found.sizes.min() >= LEAST_IN_BIN and len(found.sizes) <= BINS
    assert len(set(found.bins[:equal])) <= 1
    assert (np.diff(found.means) > 0).all()


def test_one_record_has_none():
    assert np.isnan(calibration_error(TWO, np.array([1]), two([0.7])))
    assert np.isnan(reliability(SITES, np.ones((1, 3)), np.full((1, 3), 0.7)).interval()).all()
    assert calibration_error(TWO, np.array([0, 1]), two([0.0, 1.0])) == 0


def test_points_that_are_all_off_the_line_are_seen():
    """Half of the sequences too sure of one class, half of the other: nothing cancels."""
    numbers = np.random.default_rng(1)
    chance = numbers.uniform(0.2, 0.8, size=20_000)
    truth = (numbers.random(20_000) < chance).astype(int)
    found = reliability(TWO, truth, two(chance + np.where(chance < 0.5, -0.1, 0.1)))
    low, high = found.interval()
    assert low <= 0.1 <= high
    assert found.error == pytest.approx(0.1, abs=0.01)


def test_it_is_the_same_each_time():
    truth, predictions = drawn(TWO, 100, 1, 2.0)
    assert reliability(TWO, truth, predictions).interval() == reliability(TWO, truth, predictions).interval()
    assert resample(TWO, truth, predictions, resamples=10).interval(("calibration_error", None)) == (
        reliability(TWO, truth, predictions).interval()
    )


@pytest.mark.parametrize("count", [100, 150, 200, 1000])
@pytest.mark.parametrize("target", [TWO, THREE, SITES], ids=["two", "three", "several"])
def test_probabilities_that_are_right_are_seldom_said_to_be_off(target, count):
    off = sum(reliability(target, *drawn(target, count, seed)).interval()[0] > 0 for seed in range(100))
    assert off <= 9  # 2.5 are expected; more than 9 with a probability of 0.0001


@pytest.mark.parametrize("count", [50, 150, 1000])
@pytest.mark.parametrize(("target", "factor"), [(TWO, 1.6), (TWO, 3.0), (THREE, 1.5), (SITES, 1.6)])
def test_the_interval_holds_the_true_error(target, factor, count):
    true = calibration_error(target, *drawn(target, 200_000, 0, factor))
    assert true > 0.06
    covered = 0
    for seed in range(1, 101):
        low, high = reliability(target, *drawn(target, count, seed, factor)).interval()
        covered += low <= true <= high
    assert covered >= 88  # of 95 expected


def test_an_error_is_found():
    assert sum(reliability(TWO, *drawn(TWO, 1000, seed, 1.6)).interval()[0] > 0 for seed in range(20)) >= 18


def test_sequences_that_belong_together_count_less():
    """In clusters of 10 of one label and one probability, probabilities that are right are not said to be off."""
    off, as_independent = 0, 0
    for seed in range(60):
        numbers = np.random.default_rng(seed)
        odds = numbers.normal(size=60)
        truth = np.repeat(numbers.random(60) < expit(odds), 10).astype(int)
        predictions = two(np.repeat(expit(odds), 10) + 1e-6 * np.arange(600))
        clusters = np.repeat([f"c{number}" for number in range(60)], 10)
        off += reliability(TWO, truth, predictions, clusters).interval()[0] > 0
        as_independent += reliability(TWO, truth, predictions).interval()[0] > 0
    assert off <= 6 < 40 <= as_independent


def test_answers_that_are_all_right_or_all_wrong_do_not_say_that_all_others_would_be():
    truth = np.array([1] * 30 + [0] * 30)
    low, high = reliability(TWO, truth, two([1.0] * 30 + [0.0] * 30)).interval()
    assert low == 0 and 0.03 < high < 0.2
    found = reliability(TWO, truth, two([0.5] * 60))
    assert found.error == 0  # half of each probability is true
    found = reliability(TWO, np.zeros(60, dtype=int), two(np.linspace(0.88, 0.92, 60)))
    low, high = found.interval()
    assert low < 0.87 < found.error < high
