import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.splitting import parse_fractions, split_random
from refusals import refusal, returns_or_refuses

FRACTIONS = (0.8, 0.1, 0.1)


def records(**counts: int) -> pd.DataFrame:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return pd.DataFrame({"sequence": [f"s{number}" for number in range(len(labels))], "label": labels})


def counts(splits):
    return {name: part["label"].value_counts().to_dict() for name, part in splits.items()}


@pytest.mark.parametrize("text", ["0.8,0.1,0.1", " 0.8, 0.1 ,0.1 ", "8e-1,.1,0.10"])
def test_fractions(text):
    assert parse_fractions(text) == FRACTIONS


@pytest.mark.parametrize("text", ["", "0.8,0.2", "0.7,0.1,0.1,0.1", "a,b,c", "0.8;0.1;0.1"])
def test_what_is_not_three_numbers_is_refused(text):
    assert refusal(parse_fractions, text) == (
        f"--fractions {text!r} is not three numbers; give the shares of train, dev and test, such as 0.8,0.1,0.1"
    )


@pytest.mark.parametrize("text", ["0.8,0.2,0", "1.2,-0.1,-0.1", "0.8,0.1,0.2", "80,10,10", "nan,nan,nan", "inf,1,1"])
def test_shares_that_do_not_divide_one_whole_are_refused(text):
    assert refusal(parse_fractions, text) == (
        f"--fractions {text!r}: the shares of train, dev and test must be above 0 and sum to 1, such as 0.8,0.1,0.1"
    )


def test_each_split_has_the_same_share_of_each_label():
    splits = split_random(records(CTCF=500, p73=1000), FRACTIONS, seed=42)
    assert counts(splits) == {
        "train": {"CTCF": 400, "p73": 800},
        "dev": {"CTCF": 50, "p73": 100},
        "test": {"CTCF": 50, "p73": 100},
    }


def test_three_labels_and_uneven_fractions():
    splits = split_random(records(a=10, b=20, c=30), (0.5, 0.2, 0.3), seed=1)
    assert counts(splits) == {
        "train": {"a": 5, "b": 10, "c": 15},
        "dev": {"a": 2, "b": 4, "c": 6},
        "test": {"a": 3, "b": 6, "c": 9},
    }


def test_the_splits_keep_the_order_of_the_input():
    splits = split_random(records(a=30, b=30), FRACTIONS, seed=3)
    for part in splits.values():
        assert part.index.is_monotonic_increasing


def test_the_seed_decides():
    table = records(a=50, b=50)
    first, again, other = (split_random(table, FRACTIONS, seed)["test"].index.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_index_that_is_not_unique_is_no_matter():
    table = pd.concat([records(a=20), records(b=20)])
    splits = split_random(table, FRACTIONS, seed=0)
    assert counts(splits)["test"] == {"a": 2, "b": 2}
    assert sum(map(len, splits.values())) == 40


def test_a_half_is_rounded_up():
    assert counts(split_random(records(a=5, b=15), FRACTIONS, seed=0)) == {
        "train": {"a": 3, "b": 11},
        "dev": {"a": 1, "b": 2},
        "test": {"a": 1, "b": 2},
    }


def test_splits_may_be_smaller_than_the_number_of_labels_times_two():
    assert counts(split_random(records(a=3, b=3, c=3), (0.34, 0.33, 0.33), seed=0)) == {
        name: {"a": 1, "b": 1, "c": 1} for name in ("train", "dev", "test")
    }


def test_a_rare_label_is_refused_with_the_numbers():
    assert refusal(split_random, records(common=100, rare=2), FRACTIONS, 42) == (
        "label 'rare' has 2 of 102 sequences left after cleaning, too few for one in each split (train 2, dev 0, "
        "test 0); add sequences with this label or choose other fractions"
    )


def test_fractions_too_small_for_a_label_are_refused_with_the_numbers():
    assert refusal(split_random, records(a=40, b=80), (0.98, 0.01, 0.01), 42) == (
        "label 'a' has 40 of 120 sequences left after cleaning, too few for one in each split (train 40, dev 0, "
        "test 0); add sequences with this label or choose other fractions"
    )


def test_no_sequence_left_for_train_is_refused():
    assert "(train 0, dev 1, test 1)" in refusal(split_random, records(a=2, b=2), (0.2, 0.4, 0.4), 42)


shares = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20)).map(
    lambda parts: tuple(part / sum(parts) for part in parts)
)


@given(st.lists(st.integers(1, 25), min_size=2, max_size=4), shares, st.integers(0, 2**32 - 1))
def test_splits_partition_the_input_or_are_refused(sizes, fractions, seed):
    table = records(**{f"label{number}": size for number, size in enumerate(sizes)})
    splits = returns_or_refuses(split_random, table, fractions, seed)
    if splits is None:
        return
    assert list(splits) == ["train", "dev", "test"]
    assert sorted(position for part in splits.values() for position in part.index) == table.index.tolist()
    for part, fraction in zip(splits.values(), fractions, strict=True):
        for label, size in enumerate(sizes):
            count = int((part["label"] == f"label{label}").sum())
            assert count >= 1
            # half a record in dev and in test, which train makes up for
            assert abs(count - size * fraction) <= 1 + 1e-9


@given(st.lists(st.integers(20, 60), min_size=2, max_size=4), st.integers(0, 99))
def test_a_request_with_enough_sequences_is_never_refused(sizes, seed):
    split_random(records(**{f"label{number}": size for number, size in enumerate(sizes)}), (0.6, 0.2, 0.2), seed)
