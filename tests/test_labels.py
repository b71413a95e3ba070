import io
import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.labels import (
    MISSING,
    are_measured,
    one_spelling,
    ordered_labels,
    require_two_labels,
    whole_number,
    with_positive,
)
from refusals import refusal


@pytest.mark.parametrize(
    ("labels", "ordered"),
    [
        (["1", "0", "1"], ["0", "1"]),
        (["10", "9", "0", "1"], ["0", "1", "9", "10"]),
        (["-1", "1", "0.5"], ["-1", "0.5", "1"]),
        (["1.0", "1"], ["1", "1.0"]),
        (["p73", "CTCF"], ["CTCF", "p73"]),
        (["b", "10", "a", "2"], ["2", "10", "a", "b"]),
        (["no signal", '"quoted"', "ζ"], ['"quoted"', "no signal", "ζ"]),
    ],
)
def test_numbers_come_in_their_order_before_text_in_its_own(labels, ordered):
    assert ordered_labels(labels) == ordered


@pytest.mark.parametrize(
    ("negative", "positive"),
    [
        ("non-enhancer", "enhancer"),
        ("nonenhancer", "enhancer"),
        ("Non_Enhancer", "enhancer"),
        ("not bound", "bound"),
        ("no", "yes"),
        ("no_peak", "H3K4me3"),
        ("inactive", "active"),
        ("in-active", "active"),
        ("unmethylated", "methylated"),
        ("Unbound", "Bound"),
        ("control", "case"),
        ("neg", "CTCF"),
        ("neg_ctrl", "CTCF"),
        ("negative", "1"),
        ("shuffled-dinucleotides", "promoter"),
        ("genomic background", "CTCF"),
        ("random", "peak"),
        ("0", "1"),
        ("-1", "1"),
        # the alphabet decides where both or none is called so
        ("CTCF", "p73"),
        ("ELF1", "NONO"),
        ("NEGR1", "NONO"),
        ("background", "control"),
        ("bound", "motif"),
        ("ALK", "ino80"),
    ],
)
def test_of_two_labels_the_negative_one_comes_first(negative, positive):
    assert ordered_labels([negative, positive]) == ordered_labels([positive, negative]) == [negative, positive]


def test_the_positive_label_can_be_chosen():
    for positive in ("CTCF", "p73"):
        assert with_positive(["CTCF", "p73"], positive, "it")[1] == positive
    assert refusal(with_positive, ["CTCF", "p73"], "p53", "the training set (train.csv)") == (
        "the training set (train.csv) has no label 'p53', which was chosen as the positive one; its labels are CTCF, "
        "p73: choose one of them"
    )
    assert refusal(with_positive, ["a", "b", "c"], "a", "it") == (
        "it has 3 labels, so that none is the positive one: each is scored against the others; set "
        '"Positive class (of two)" to auto (--positive-label auto)'
    )


def test_words_that_python_takes_for_numbers_are_text():
    # NaN, unlike a number, is neither smaller nor greater than another: the order would be left to chance.
    expected = ["1", "2", "inf", "nan"]
    for labels in itertools.permutations(expected):
        assert ordered_labels(labels) == expected


@given(st.lists(st.sampled_from("0123456789.-einfa_") | st.text(max_size=4), max_size=6).flatmap(st.permutations))
def test_the_order_does_not_depend_on_that_of_the_records(labels):
    assert ordered_labels(labels) == ordered_labels(sorted(labels, reverse=True))


def test_one_label_is_refused():
    assert refusal(require_two_labels, ["CTCF"], "the development set") == (
        "the development set has one label only ('CTCF'); a classifier needs at least two"
    )
    require_two_labels(["CTCF", "p73"], "the development set")


def test_what_pandas_takes_for_missing_is_missing():
    written = sorted(MISSING) + ["none", "NONE", "na", ".", "-", "0", "negative"]
    read = pd.read_csv(io.StringIO("label,x\n" + "".join(f"{label},1\n" for label in written)))
    assert set(read["label"].dropna()) == {"none", "NONE", "na", ".", "-", "0", "negative"}
    assert read["label"].isna().sum() == len(MISSING)


@pytest.mark.parametrize(
    ("label", "whole"),
    [("1", "1"), ("1.0", "1"), ("1.", "1"), ("-3.000", "-3"), ("-0.0", "0"), ("10", "10")]
    + [(label, None) for label in ("", "01", "1.5", "1e0", "+1", "a", "1.0.0", "nan")],
)
def test_whole_numbers(label, whole):
    assert whole_number(label) == whole


@pytest.mark.parametrize(
    ("labels", "spelled"),
    [
        (["0", "1", "0.0", "1.0", "2.0"], {"0.0": "0", "1.0": "1", "2.0": "2"}),
        (["0.0", "1.0"], {}),
        (["0", "1.0"], {}),
        (["a", "A", "b"], {}),
        (["0.5", "1.5", "1"], {}),
        (["nan", "inf", "NaN"], {}),
    ],
)
def test_a_whole_number_is_written_in_one_way(labels, spelled):
    assert one_spelling(labels, str) == spelled


@pytest.mark.parametrize(
    ("labels", "first", "second"),
    [
        (["1.1", "1.10", "2"], "1.1", "1.10"),
        (["1", "1.0", "other"], "1", "1.0"),
        (["7", "01", "1"], "01", "1"),
        (["1", "1e0"], "1", "1e0"),
    ],
)
def test_labels_that_may_be_names_are_not_taken_for_one_number(labels, first, second):
    assert refusal(one_spelling, labels, lambda label: f"the place of {label}") == (
        f"the place of {first}, and the place of {second}: the labels {first!r} and {second!r} are the same number; "
        "write them alike or, if they are two classes, give them names that are not numbers"
    )


def test_many_numbers_are_rather_measured():
    few = [f"{number / 7:.3f}" for number in range(22)]
    assert are_measured(pd.Series(few[:20]), "train") == ""
    assert are_measured(pd.Series([*few, "negative"]), "train") == ""
    assert are_measured(pd.Series(few * 5), "train") == (
        "train: the 22 labels are all numbers, such as '0.000' and '0.143', and are treated as class names; if they "
        'are measured, set "Type of label" to "Regression (a number per sequence)" (--target number)'
    )
    assert refusal(are_measured, pd.Series(few * 4 + few[:10]), "train") == (
        "train: the labels of 98 records are 22 different numbers, such as '0.000' and '0.143'; if they are measured, "
        'set "Type of label" to "Regression (a number per sequence)" (--target number), or if they are classes, '
        "give each more records or a name that is not a number"
    )
