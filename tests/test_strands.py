import numpy as np
import pytest

from dna_lm.data.decision import Decision
from dna_lm.data.targets import Target
from dna_lm.evaluation.strands import compare_strands
from dna_lm.scores.metrics import score
from dna_lm.words import BOTH, CLASSES, FORWARD, MULTI_LABEL, NUMBER, REVERSE


def compared(target, truth, raw, decision=None):
    def answer(part):
        return np.mean([target.predictions(member.mean(axis=0)) for member in part], axis=0)

    return compare_strands(target, np.array(truth), np.array(raw, dtype=float), answer, decision or Decision())


def test_strands_of_classes():
    target = Target(CLASSES, ["a", "b"])
    # Of four sequences, the second and the last are said to be another on the other strand.
    forward = [[2, 0], [2, 0], [0, 2], [0, 1]]
    reverse = [[2, 0], [0, 3], [0, 2], [4, 0]]
    strands, predictions = compared(target, [0, 0, 1, 1], [[forward, reverse]])
    assert strands.flipped == 0.5
    assert 0 < strands.low < 0.5 < strands.high < 1
    assert predictions[FORWARD].argmax(axis=1).tolist() == [0, 0, 1, 1]
    assert predictions[REVERSE].argmax(axis=1).tolist() == [0, 1, 1, 0]
    assert predictions[BOTH].argmax(axis=1).tolist() == [0, 1, 1, 0]
    assert [strands.scores[strand]["accuracy"] for strand in (FORWARD, REVERSE, BOTH)] == [1, 0.5, 0.5]
    assert strands.scores[BOTH] == score(target, np.array([0, 0, 1, 1]), predictions[BOTH])


def test_a_threshold_decides_what_is_a_flip():
    target = Target(CLASSES, ["a", "b"])
    raw = [[[[0, 0.2], [0, 3]], [[0, -0.2], [0, 3]]]]
    assert compared(target, [0, 1], raw)[0].flipped == 0.5
    assert compared(target, [0, 1], raw, Decision(thresholds=(0.3,)))[0].flipped == 0


def test_one_label_of_several_is_a_flip():
    target = Target(MULTI_LABEL, ["a", "b"])
    raw = [[[[1, -1], [1, 1]], [[1, 1], [1, 1]]]]
    assert compared(target, [[1, 0], [0, 1]], raw)[0].flipped == 0.5


def test_numbers_differ():
    target = Target(NUMBER, [], mean=10.0, spread=2.0)
    strands, predictions = compared(target, [9.0, 12.0], [[[[0], [1]], [[1], [-1]]]])
    assert strands.flipped == pytest.approx((2 + 4) / 2)
    assert np.isnan([strands.low, strands.high]).all()
    assert predictions[BOTH].ravel().tolist() == [11, 10]
