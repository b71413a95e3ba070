import numpy as np
import pytest
from scipy.special import expit

from dna_lm.data.targets import Target
from dna_lm.scores.bootstrap import resample
from dna_lm.scores.few_records import rare_labels, without_interval
from dna_lm.scores.metrics import score
from dna_lm.words import CLASSES, MULTI_LABEL

TWO, THREE = (Target(CLASSES, list("abc")[:count]) for count in (2, 3))
MACRO = {("f1_macro", None), ("precision_macro", None), ("recall_macro", None), ("balanced_accuracy", None)}


def confusion(rows):
    """What is true and what is predicted, from how often each of a label (in rows) was taken for each."""
    pairs = [(true, said) for true, row in enumerate(rows) for said, count in enumerate(row) for _ in range(count)]
    return np.array(pairs).T


def test_labels_that_few_have_or_few_are_predicted_to_have():
    assert rare_labels(TWO, *confusion([[80, 5], [5, 5]])) == []
    assert rare_labels(TWO, *confusion([[80, 5], [5, 4]])) == [1]  # nine have it
    assert rare_labels(TWO, *confusion([[80, 2], [20, 2]])) == [1]  # four are predicted to have it
    assert rare_labels(THREE, *confusion([[80, 5, 0], [5, 5, 0], [0, 0, 0]])) == []  # the third does not occur
    assert rare_labels(Target(MULTI_LABEL, ["a", "b"]), np.ones((20, 2)), np.eye(2)[[0, 1] * 10]) == []


def test_what_has_no_interval():
    few = confusion([[80, 5], [5, 4]])
    assert without_interval(TWO, *few) == MACRO | {("mcc", None)} | {(x, 1) for x in ("precision", "recall", "f1")}
    assert ("mcc", None) not in without_interval(THREE, *confusion([[80, 5, 1], [5, 40, 1], [1, 1, 3]]))
    assert without_interval(TWO, *confusion([[60, 25], [5, 15]])) == set()
    # All 20 with the label are found, and it is not known how many of others would be.
    assert without_interval(TWO, *confusion([[60, 25], [0, 20]])) == {
        *(("recall_macro", None), ("balanced_accuracy", None), ("precision_macro", None))
    }
    assert without_interval(TWO, *confusion([[160, 25], [0, 120]])) == set()


@pytest.mark.parametrize(("positives", "apart"), [(5, 1.5), (5, 2.5), (15, 1.5), (30, 2.0)])
def test_intervals_that_there_are_hold_the_true_score(positives, apart):
    """One in twenty has the label; how often the intervals of macro F1 and MCC miss, of all test sets."""

    def drawn(count, seed):
        numbers = np.random.default_rng(seed)
        truth = (numbers.random(count) < 0.05).astype(int)
        odds = apart * (numbers.normal(size=count) + apart * truth) - apart**2 / 2 + np.log(0.05 / 0.95)
        second = expit(1.6 * odds)
        return truth, np.column_stack([1 - second, second])

    true = score(TWO, *drawn(300_000, 0))
    names = ("f1_macro", "mcc")
    missed = dict.fromkeys(names, 0)
    for seed in range(1, 101):
        wanted = [(name, None) for name in names]
        found = resample(TWO, *drawn(20 * positives, seed), resamples=200, seed=seed, wanted=wanted)
        for name in names:
            low, high = found.interval((name, None))
            missed[name] += not low <= true[name] <= high and np.isfinite(low)
    assert max(missed.values()) <= 12, missed
