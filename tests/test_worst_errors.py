import numpy as np
import pandas as pd

from dna_lm.data.targets import Target
from dna_lm.evaluation.worst_errors import worst_errors
from dna_lm.scores.truth import mistakes
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER


def worst(target, truth, predictions, predicted, table, count=50):
    truth, predictions, predicted = map(np.array, (truth, predictions, predicted))
    size = np.arange(len(truth))
    return worst_errors(target, truth, predictions, predicted, table, 100 + size, 0.1 * size, count)


def test_the_surest_mistakes_come_first():
    target = Target(CLASSES, ["a", "b"])
    predictions = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]]
    table = pd.DataFrame(
        {
            "id": ["w", "x", "y", "z"],
            "chrom": list("1234"),
            "predicted": list("abba"),
            "probability": [0.9, 0.6, 0.8, 0.7],
        }
    ).assign(**{"p(a)": 0.0, "p(b)": 0.0, "label": list("aaab"), "correct": "no"})
    found = worst(target, [0, 0, 0, 1], predictions, [0, 1, 1, 0], table)
    assert found.columns.tolist() == ["id", "label", "predicted", "probability", "length", "gc", "chrom"]
    assert found["id"].tolist() == ["y", "z", "x"]
    assert found["length"].tolist() == [102, 103, 101]
    assert worst(target, [0, 0, 0, 1], predictions, [0, 1, 1, 0], table, count=2)["id"].tolist() == ["y", "z"]


def test_mistakes_that_a_threshold_made_have_the_probability_of_what_was_said():
    target = Target(CLASSES, ["a", "b"])
    table = pd.DataFrame({"id": [1, 2], "predicted": ["b", "a"], "probability": [0.3, 0.75], "label": ["a", "b"]})
    found = worst(target, [0, 1], [[0.7, 0.3], [0.75, 0.25]], [1, 0], table)
    assert found["probability"].tolist() == [0.75, 0.3]


def test_the_label_of_several_that_is_wrong():
    target = Target(MULTI_LABEL, ["a", "b", "c"])
    truth = [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    predicted = [[1, 0, 0], [0, 1, 1], [0, 1, 1]]
    predictions = [[0.9, 0.1, 0.1], [0.2, 0.9, 0.7], [0.1, 0.95, 0.9]]
    table = pd.DataFrame({"id": [1, 2, 3], "predicted": ["a", "b;c", "b;c"], "label": ["a", "a;b", "c"]})
    found = worst(target, truth, predictions, predicted, table)
    assert found[["id", "mistaken"]].to_numpy().tolist() == [[3, "b"], [2, "a"]]
    assert found["probability"].tolist() == [0.95, 0.8]


def test_the_largest_errors_of_numbers():
    target = Target(NUMBER, [])
    table = pd.DataFrame({"id": [1, 2, 3], "predicted": [1.0, 5, 3], "label": ["1", "8", "2"], "error": [0, -3, 1]})
    found = worst(target, [1.0, 8, 2], [[1], [5], [3]], [1.0, 5, 3], table)
    assert found["id"].tolist() == [2, 3]
    assert found["error"].tolist() == [-3, 1]


def test_no_mistake_is_an_empty_table_with_its_columns():
    target = Target(CLASSES, ["a", "b"])
    table = pd.DataFrame({"id": [1, 2], "predicted": ["a", "b"], "probability": [1.0, 1], "label": ["a", "b"]})
    found = worst(target, [0, 1], [[1.0, 0], [0, 1]], [0, 1], table)
    assert len(found) == 0
    assert found.columns.tolist() == ["id", "label", "predicted", "probability", "length", "gc"]


def test_errors_that_are_alike_stay_in_order():
    target = Target(CLASSES, ["a", "b"])
    table = pd.DataFrame({"id": range(5), "predicted": "b", "probability": 0.8, "label": "a"})
    found = worst(target, [0] * 5, [[0.2, 0.8]] * 5, [1] * 5, table)
    assert found["id"].tolist() == [0, 1, 2, 3, 4]


def test_mistakes():
    assert mistakes(Target(CLASSES, ["a", "b"]), np.array([0, 1]), np.array([1, 1])).tolist() == [True, False]
    several = mistakes(Target(MULTI_LABEL, ["a", "b"]), np.array([[0, 1], [1, 1]]), np.array([[0, 1], [0, 1]]))
    assert several.tolist() == [False, True]
    assert mistakes(Target(NUMBER, []), np.array([1.0, 2]), np.array([3.0, 1])).tolist() == [2, 1]
