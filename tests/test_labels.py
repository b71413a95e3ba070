import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.labels import ordered_labels, require_two_labels
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


def test_words_that_python_takes_for_numbers_are_text():
    # NaN, unlike a number, is neither smaller nor greater than another: the order would be left to chance.
    expected = ["1", "2", "inf", "nan"]
    for labels in itertools.permutations(expected):
        assert ordered_labels(labels) == expected


@given(st.lists(st.sampled_from("0123456789.-einfa_") | st.text(max_size=4), max_size=6).flatmap(st.permutations))
def test_the_order_does_not_depend_on_that_of_the_records(labels):
    assert ordered_labels(labels) == ordered_labels(sorted(labels, reverse=True))


def test_one_label_is_refused():
    assert refusal(require_two_labels, ["CTCF"], "the dev split") == (
        "the dev split has one label only ('CTCF'); a classifier needs at least two"
    )
    require_two_labels(["CTCF", "p73"], "the dev split")
