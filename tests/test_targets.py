import json
from math import exp, log

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dna_lm.data.targets import Target, learn_target
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal

TRAIN, DEV = "the training set (train.csv)", "the development set (dev.csv)"
COLORS = Target(CLASSES, ["blue", "green", "red"])
SITES = Target(MULTI_LABEL, ["CTCF", "p53", "p73"])
LEVEL = Target(NUMBER, [], mean=10.0, spread=4.0)


def column(*cells: str, start: int = 2) -> pd.Series:
    """A column as read_labeled gives it, whose first record is on the line `start`."""
    return pd.Series(list(cells), index=pd.RangeIndex(start, start + len(cells), name="line"), dtype=object)


# --- what is learned from the training set --------------------------------------------------------------------------


def test_classes_come_in_the_order_of_labels():
    assert learn_target(CLASSES, column("10", "9", "10", "1"), TRAIN) == Target(CLASSES, ["1", "9", "10"])
    assert learn_target(CLASSES, column("CTCF", "negative"), TRAIN) == Target(CLASSES, ["negative", "CTCF"])
    assert learn_target(CLASSES, column("a", "b"), TRAIN, "a") == Target(CLASSES, ["b", "a"])
    assert refusal(learn_target, NUMBER, column("1", "2"), TRAIN, "2") == (
        'only one of two classes can be the positive class; for this task set "Positive class (of two)" to auto '
        "(--positive-label auto)"
    )
    target = Target(CLASSES, ["a", "b"])
    for label in ("auto", "b"):
        target.require_positive(label)
    assert refusal(target.require_positive, "a") == (
        "the adapter to continue from has 'b' as the positive label, not 'a', and keeps that; leave out "
        'the "Positive class (of two)" (--positive-label)'
    )


def test_a_whole_number_with_decimals_is_the_same_class():
    assert learn_target(CLASSES, column("0", "1.0", "0.0", "1", "0"), TRAIN) == Target(CLASSES, ["0", "1"])
    assert learn_target(CLASSES, column("0.0", "1.0"), TRAIN) == Target(CLASSES, ["0.0", "1.0"])


def test_labels_of_cells_with_several():
    cells = column("p73; CTCF", "CTCF", "", "None", " NONE ", "p53;;p53;")
    assert learn_target(MULTI_LABEL, cells, TRAIN) == SITES


def test_mean_and_spread_of_numbers():
    # mean 4; squared deviations 9 + 1 + 1 + 9
    assert learn_target(NUMBER, column("1", "3.0", "5e0", "+7"), TRAIN) == Target(NUMBER, [], 4.0, 5**0.5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("kind", "cells", "message"),
    [
        (CLASSES, ["a", "a"], f"{TRAIN} has one label only ('a'); a classifier needs at least two"),
        (
            MULTI_LABEL,
            ["a", "a;a", ""],
            f"{TRAIN} has one label only ('a'); several labels a sequence need at least two, with ';' between: are "
            "they classes rather?",
        ),
        (
            MULTI_LABEL,
            ["none", "", ";"],
            f"{TRAIN} has no label; several labels a sequence need at least two, with ';' between: are they classes "
            "rather?",
        ),
        (
            MULTI_LABEL,
            ["a;b", "a;None"],
            f"{TRAIN}, line 3: 'a;None' combines 'none' with other labels; remove one or the other",
        ),
        (
            CLASSES,
            ["a", "b", "NA", "c", "nan"],
            f"{TRAIN}, line 4: the label 'NA' stands for a missing value (like 1 more); fill it in or remove the "
            "record, or, if it is the name of a class, rename the class",
        ),
        (
            CLASSES,
            ["1.1", "1.10"],
            f"{TRAIN}, line 2, and {TRAIN}, line 3: the labels '1.1' and '1.10' are the same number; write them alike "
            "or, if they are two classes, give them names that are not numbers",
        ),
        (
            CLASSES,
            [f"{number}.5" for number in range(22)],
            f"{TRAIN}: the labels of 22 records are 22 different numbers, such as '0.5' and '1.5'; if they are "
            'measured, set "Type of label" to "Regression (a number per sequence)" (--target number), or if they are '
            "classes, give each more records or a name that is not a number",
        ),
        (
            MULTI_LABEL,
            ["a;b", "", "a;NA"],
            f"{TRAIN}, line 4: the label 'NA' stands for a missing value; fill it in or remove the record, or, if it "
            "is the name of a class, rename the class",
        ),
        (NUMBER, ["3", "3.0"], f"{TRAIN}: all numbers are 3; a model cannot learn from a single value"),
        (
            NUMBER,
            ["1e308", "-1e308"],
            f"{TRAIN}: numbers from -1e+308 to 1e+308 are too large or too close together for computations; use "
            "another unit",
        ),
    ],
)
def test_nothing_to_learn(kind, cells, message):
    assert refusal(learn_target, kind, column(*cells), TRAIN) == message


# --- what is read ----------------------------------------------------------------------------------------------------


def test_classes_are_read_as_their_numbers():
    truth = COLORS.read(column("red", "blue", "red"), DEV)
    assert truth.dtype == np.int64
    assert truth.tolist() == [2, 0, 2]


def test_numbers_are_the_classes_of_that_value():
    target = Target(CLASSES, ["0", "1", "2.5"])
    assert target.read(column("1.0", "0", "2.5", "-0.0"), DEV).tolist() == [1, 0, 2, 0]
    assert Target(CLASSES, ["0.0", "1.0"]).read(column("1", "0.0"), DEV).tolist() == [1, 0]
    # As an adapter has them whose training took both for classes.
    both = Target(CLASSES, ["1", "1.0", "x"])
    assert both.read(column("1", "1.0", "1.00"), DEV).tolist() == [0, 1, 0]
    assert target.names(np.array([1, 0, 2])) == ["1", "0", "2.5"]
    assert "the label '2.50' does not occur" in refusal(target.read, column("2.50"), DEV)


def test_a_missing_label_is_none_unless_the_model_has_it():
    assert refusal(COLORS.read, column("red", "NA"), DEV) == (
        f"{DEV}, line 3: the label 'NA' stands for a missing value; fill it in or remove the record, or, if it is the "
        "name of a class, rename the class"
    )
    assert Target(CLASSES, ["K", "NA"]).read(column("NA", "K"), DEV).tolist() == [1, 0]


def test_several_labels_are_read_as_0_and_1():
    truth = SITES.read(column("p73 ;CTCF", "none", "", "p53"), DEV)
    assert truth.dtype == np.float64
    assert truth.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_numbers_are_read_in_their_unit():
    truth = LEVEL.read(column("-1.5", " 2e3 ", "0"), DEV)
    assert truth.dtype == np.float64
    assert truth.tolist() == [-1.5, 2000, 0]


@pytest.mark.parametrize("text", ["CTCF", "", "nan", "inf", "-Infinity", "1e999", "1,5", "1_000", "0x10", "1 2", "--1"])
def test_text_that_is_no_number(text):
    message = (
        f"{DEV}, line 8: {text!r} is not a number; write numbers with a decimal point, such as 0.5 or 1e-3, remove the "
        "record, or choose another kind of target"
    )
    assert refusal(LEVEL.read, column("1", text, start=7), DEV) == message
    assert refusal(learn_target, NUMBER, column("1", text, start=7), DEV) == message


@pytest.mark.parametrize(("target", "cell"), [(COLORS, "rot"), (SITES, "p53;rot"), (COLORS, "red;blue")])
def test_unknown_labels(target, cell):
    label = cell.removeprefix("p53;")
    assert refusal(target.read, column(target.labels[0], cell, start=5), DEV) == (
        f"{DEV}, line 6: the label {label!r} does not occur in the training data, whose labels are "
        f"{', '.join(target.labels)}; correct it or remove the record"
    )


def test_of_many_labels_the_first_are_named():
    target = Target(CLASSES, [f"L{number}" for number in range(30)])
    assert "whose labels are L0, L1, " in refusal(target.read, column("x"), DEV)
    assert ", L19 and 10 more; correct it" in refusal(target.read, column("x"), DEV)


@pytest.mark.parametrize(
    ("target", "cells", "message"),
    [
        (COLORS, ["red", "red"], f"{DEV} has one label only ('red'); a classifier needs at least two"),
        (
            SITES,
            ["p53;CTCF", "CTCF;p53"],
            f"{DEV}: all records have the same labels; a score needs a label that some records have and others do not",
        ),
        (LEVEL, ["2", "2.0"], f"{DEV}: all numbers are 2; a score needs at least two different ones"),
        (LEVEL, ["0.5"], f"{DEV}: all numbers are 0.5; a score needs at least two different ones"),
    ],
)
def test_records_that_are_all_alike_cannot_be_scored(target, cells, message):
    assert refusal(target.require_scorable, target.read(column(*cells), DEV), DEV) == message


@pytest.mark.parametrize(
    ("target", "cells"), [(COLORS, ["red", "blue"]), (SITES, ["p53", "none"]), (LEVEL, ["2", "2.1"])]
)
def test_two_different_records_can_be_scored(target, cells):
    target.require_scorable(target.read(column(*cells), DEV), DEV)


# --- to the model and back -------------------------------------------------------------------------------------------


def test_what_the_loss_compares_with():
    classes = COLORS.for_training(np.array([2, 0]))
    assert (classes.dtype, classes.tolist()) == (np.int64, [2, 0])
    several = SITES.for_training(np.array([[1.0, 0, 1]]))
    assert (several.dtype, several.tolist()) == (np.float32, [[1, 0, 1]])
    numbers = LEVEL.for_training(np.array([10.0, 14, 4]))
    assert (numbers.dtype, numbers.tolist()) == (np.float32, [[0], [1], [-1.5]])


def test_answers():
    logits = np.log(np.array([[1, 2, 5]], dtype=np.float32))
    assert COLORS.predictions(logits) == pytest.approx(np.array([[1, 2, 5]]) / 8)
    assert SITES.predictions(logits) == pytest.approx(np.array([[1 / 2, 2 / 3, 5 / 6]]))
    assert LEVEL.predictions(np.array([[0.5], [-1]])).tolist() == [[12], [6]]
    for target in (COLORS, SITES):
        assert target.predictions(logits).dtype == np.float64
    assert 1 / (1 + exp(-log(5))) == pytest.approx(5 / 6)


@pytest.mark.filterwarnings("error")
def test_outputs_of_any_size_give_probabilities():
    logits = np.array([[1e4, -1e4, 0]])
    assert COLORS.predictions(logits).tolist() == [[1, 0, 0]]
    assert SITES.predictions(logits).tolist() == [[1, 0, 0.5]]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_numbers_that_are_learned_perfectly_come_back_in_their_unit(numbers):
    assume(np.std(numbers) > 1e-3)
    target = learn_target(NUMBER, column(*map(repr, numbers)), TRAIN)
    standardized = target.for_training(np.array(numbers))
    assert abs(standardized.mean()) < 1e-3
    assert standardized.std() == pytest.approx(1, rel=1e-3)
    assert target.predictions(standardized)[:, 0] == pytest.approx(np.array(numbers), abs=1e-5 * target.spread)


def test_what_a_table_says():
    assert COLORS.predicted_labels(np.array([[0.2, 0.3, 0.5], [0.4, 0.4, 0.2]])) == ["red", "blue"]
    assert SITES.predicted_labels(np.array([[0.5, 0.49, 0.9], [0.1, 0.1, 0.1]])) == ["CTCF;p73", ""]


@given(st.lists(st.lists(st.sampled_from(SITES.labels)), min_size=1))
def test_what_a_table_says_is_read_back(cells):
    truth = SITES.read(column(*(" ; ".join(cell) for cell in cells)), DEV)
    assert [set(filter(None, text.split(";"))) for text in SITES.predicted_labels(truth)] == [
        set(cell) for cell in cells
    ]
    assert SITES.read(column(*SITES.predicted_labels(truth)), DEV).tolist() == truth.tolist()


# --- the record ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "outputs", "problem_type"),
    [
        (COLORS, 3, "single_label_classification"),
        (SITES, 3, "multi_label_classification"),
        (LEVEL, 1, "regression"),
    ],
)
def test_the_record(target, outputs, problem_type):
    assert (target.outputs, target.problem_type) == (outputs, problem_type)
    assert target.task()["type"] == problem_type
    assert Target.from_task(json.loads(json.dumps(target.task()))) == target


def test_a_record_without_a_type_is_that_of_classes():
    assert Target.from_task({"labels": ["a", "b"], "max_length": 5}) == Target(CLASSES, ["a", "b"])


@pytest.mark.parametrize(
    "changes",
    [
        *({"type": name} for name in ("classes", None, 3, ["regression"], "single_label_classification")),
        *({"labels": labels} for labels in (None, ["a"], ["a", "b"], "")),
        *({"mean": mean} for mean in (None, True, "1", 10**400, float("nan"), float("inf"))),
        *({"spread": spread} for spread in (None, 0.0, -1.0, float("inf"))),
    ],
    ids=str,
)
def test_a_damaged_record_of_numbers(changes):
    with pytest.raises(ValueError, match="."):
        Target.from_task(LEVEL.task() | changes)


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"], ["a", 1], "ab", ["a", "b;c"], ["a", "None"], ["a", " b"]])
def test_a_damaged_record_of_labels(labels):
    with pytest.raises(ValueError, match="."):
        Target.from_task(SITES.task() | {"labels": labels})
