import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.labels import ordered_labels, require_two_labels, with_positive
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
    assert refusal(with_positive, ["CTCF", "p73"], "p53", "the training split (train.csv)") == (
        "the training split (train.csv) has no label 'p53', which is to be the positive one; its labels are CTCF, p73: "
        "choose one of them"
    )
    assert refusal(with_positive, ["a", "b", "c"], "a", "it") == (
        "it has 3 labels, of which none is the positive one: each is judged against the others; choose no positive "
        "label (--positive-label auto)"
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
    assert refusal(require_two_labels, ["CTCF"], "the dev split") == (
        "the dev split has one label only ('CTCF'); a classifier needs at least two"
    )
    require_two_labels(["CTCF", "p73"], "the dev split")
