from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.preparation.splitting import (
    SPLITS,
    parse_fractions,
    split_by_chromosome,
    split_by_column,
    split_by_group,
    split_names,
    split_random,
)
from refusals import refusal, returns_or_refuses

FRACTIONS = (0.8, 0.1, 0.1)


def records(**counts: int) -> pd.DataFrame:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return pd.DataFrame({"sequence": [f"s{number}" for number in range(len(labels))], "label": labels})


def counts(table, split):
    found = pd.crosstab(pd.Categorical(split, SPLITS), table["label"].to_numpy(), dropna=False)
    return {name: {label: int(n) for label, n in row.items() if n} for name, row in found.iterrows()}


def split_counts(table, *arguments):
    return counts(table, split_random(table, *arguments))


@pytest.mark.parametrize("text", ["0.8,0.1,0.1", " 0.8, 0.1 ,0.1 ", "8e-1,.1,0.10"])
def test_fractions(text):
    assert parse_fractions(text) == FRACTIONS


@pytest.mark.parametrize("text", ["", "0.8,0.2", "0.7,0.1,0.1,0.1", "a,b,c", "0.8;0.1;0.1"])
def test_what_is_not_three_numbers_is_refused(text):
    assert refusal(parse_fractions, text) == (
        f'"Proportions of train, dev and test" (--fractions {text!r}) are not three numbers; give three, such as '
        "0.8,0.1,0.1"
    )


@pytest.mark.parametrize("text", ["0.8,0.2,0", "1.2,-0.1,-0.1", "0.8,0.1,0.2", "80,10,10", "nan,nan,nan", "inf,1,1"])
def test_shares_that_do_not_divide_one_whole_are_refused(text):
    assert refusal(parse_fractions, text) == (
        f'"Proportions of train, dev and test" (--fractions {text!r}) must be above 0 and add up to 1, such as '
        "0.8,0.1,0.1"
    )


def test_each_split_has_the_same_share_of_each_label():
    assert split_counts(records(CTCF=500, p73=1000), FRACTIONS, 42) == {
        "train": {"CTCF": 400, "p73": 800},
        "dev": {"CTCF": 50, "p73": 100},
        "test": {"CTCF": 50, "p73": 100},
    }


def test_three_labels_and_uneven_fractions():
    assert split_counts(records(a=10, b=20, c=30), (0.5, 0.2, 0.3), 1) == {
        "train": {"a": 5, "b": 10, "c": 15},
        "dev": {"a": 2, "b": 4, "c": 6},
        "test": {"a": 3, "b": 6, "c": 9},
    }


def test_the_seed_decides():
    table = records(a=50, b=50)
    first, again, other = (split_random(table, FRACTIONS, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_an_index_that_is_not_unique_is_no_matter():
    table = pd.concat([records(a=20), records(b=20)])
    assert split_counts(table, FRACTIONS, 0)["test"] == {"a": 2, "b": 2}


def test_a_half_is_rounded_up():
    assert split_counts(records(a=5, b=15), FRACTIONS, 0) == {
        "train": {"a": 3, "b": 11},
        "dev": {"a": 1, "b": 2},
        "test": {"a": 1, "b": 2},
    }


def test_splits_may_be_smaller_than_the_number_of_labels_times_two():
    assert split_counts(records(a=3, b=3, c=3), (0.34, 0.33, 0.33), 0) == {
        name: {"a": 1, "b": 1, "c": 1} for name in ("train", "dev", "test")
    }


def test_a_rare_label_is_refused_with_the_numbers():
    assert refusal(split_random, records(common=100, rare=2), FRACTIONS, 42) == (
        "label 'rare' has 2 of 102 sequences left after cleaning, too few for one in each split (training 2, "
        "development 0, test 0); add sequences with this label or choose other fractions"
    )


def test_fractions_too_small_for_a_label_are_refused_with_the_numbers():
    assert refusal(split_random, records(a=40, b=80), (0.98, 0.01, 0.01), 42) == (
        "label 'a' has 40 of 120 sequences left after cleaning, too few for one in each split (training 40, "
        "development 0, test 0); add sequences with this label or choose other fractions"
    )


def test_no_sequence_left_for_train_is_refused():
    assert "(training 0, development 1, test 1)" in refusal(split_random, records(a=2, b=2), (0.2, 0.4, 0.4), 42)


shares = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20)).map(
    lambda parts: tuple(part / sum(parts) for part in parts)
)


@given(st.lists(st.integers(1, 25), min_size=2, max_size=4), shares, st.integers(0, 2**32 - 1))
def test_splits_partition_the_input_or_are_refused(sizes, fractions, seed):
    table = records(**{f"label{number}": size for number, size in enumerate(sizes)})
    split = returns_or_refuses(split_random, table, fractions, seed)
    if split is None:
        return
    found = counts(table, split)
    assert sum(sum(row.values()) for row in found.values()) == len(table)
    for name, fraction in zip(SPLITS, fractions, strict=True):
        for label, size in enumerate(sizes):
            count = found[name][f"label{label}"]
            assert count >= 1
            # half a record in dev and in test, which train makes up for
            assert abs(count - size * fraction) <= 1 + 1e-9


@given(st.lists(st.integers(20, 60), min_size=2, max_size=4), st.integers(0, 99))
def test_a_request_with_enough_sequences_is_never_refused(sizes, seed):
    split_random(records(**{f"label{number}": size for number, size in enumerate(sizes)}), (0.6, 0.2, 0.2), seed)


# --- by group --------------------------------------------------------------------------------------------------------


def grouped(*groups: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Each group as the labels of its records: `aab` is a group of three."""
    labels = [label for group in groups for label in group]
    numbers = [number for number, group in enumerate(groups) for _ in group]
    return pd.DataFrame({"label": labels}), np.array(numbers)


def by_group(groups, fractions=FRACTIONS, tolerance=0.05, seed=0, names=None):
    table, numbers = grouped(*groups)
    return table, numbers, split_by_group(table, numbers, fractions, tolerance, seed, "group", names)


def test_groups_of_one_are_a_random_split():
    table, _, split = by_group(["a"] * 100 + ["b"] * 50, tolerance=0)
    assert counts(table, split) == {"train": {"a": 80, "b": 40}, "dev": {"a": 10, "b": 5}, "test": {"a": 10, "b": 5}}


def test_a_large_group_goes_to_train_and_single_records_fill_up_the_others():
    table, numbers, split = by_group(["a" * 60, *"a" * 40, *"b" * 100], tolerance=0)
    assert set(split[numbers == 0]) == {"train"}
    assert counts(table, split) == {"train": {"a": 80, "b": 80}, "dev": {"a": 10, "b": 10}, "test": {"a": 10, "b": 10}}


def test_small_groups_go_to_all_splits_in_proportion():
    table, numbers, split = by_group(["aabb"] * 100)
    assert counts(table, split) == {
        "train": {"a": 160, "b": 160},
        "dev": {"a": 20, "b": 20},
        "test": {"a": 20, "b": 20},
    }
    assert all(len(set(split[numbers == number])) == 1 for number in range(100))


def test_the_only_exact_division_is_found():
    groups = ["a" * 450 + "b" * 350, "a" * 350 + "b" * 450, "ab" * 100, "ab" * 100]
    table, _, split = by_group(groups, tolerance=0)
    assert counts(table, split) == {
        "train": {"a": 800, "b": 800},
        "dev": {"a": 100, "b": 100},
        "test": {"a": 100, "b": 100},
    }


def test_several_groups_have_to_be_exchanged():
    # The splits are full with 400 + 300, 120 + 80 and 60 + 40 of each label.
    sizes = (400, 300, 120, 80, 60, 40)
    table, _, split = by_group(["ab" * size for size in sizes], (0.7, 0.2, 0.1), tolerance=0)
    assert counts(table, split) == {
        "train": {"a": 700, "b": 700},
        "dev": {"a": 200, "b": 200},
        "test": {"a": 100, "b": 100},
    }


def possible(table, numbers, fractions, tolerance) -> bool:
    """Whether any division of the groups is within the tolerance: all of them are tried."""
    contents = pd.crosstab(numbers, table["label"]).to_numpy()
    sizes = contents.sum(axis=0)
    allowed = np.maximum(tolerance * sizes, 1) + 1e-9
    for chosen in product(range(3), repeat=len(contents)):
        shares = np.stack([contents[np.array(chosen) == s].sum(axis=0) for s in range(3)])
        if shares.min() >= 1 and (abs(shares - np.outer(fractions, sizes)) <= allowed).all():
            return True
    return False


@pytest.mark.parametrize("seed", range(20))
def test_a_division_is_refused_only_if_there_is_none(seed):
    random = np.random.default_rng(seed)
    groups = ["a" * a + "b" * b for a, b in random.integers(1, 60, (6, 2))]
    table, numbers = grouped(*groups)
    split = returns_or_refuses(split_by_group, table, numbers, FRACTIONS, 0.1, seed, "group")
    assert (split is not None) == possible(table, numbers, FRACTIONS, 0.1)


def test_the_numbers_of_a_refusal_are_those_of_a_split_without_the_label():
    # No share is off by more than the tolerance, 2 of 10, but two groups of b cannot be in three splits.
    table, numbers = grouped(*"a" * 100, "b" * 9, "b")
    assert refusal(split_by_group, table, numbers, FRACTIONS, 0.2, 0, "group").startswith(
        "no division of the 102 groups is within 0.2 of the fractions: the nearest one has 0 of the 10 sequences "
        "labeled 'b' in the development set, 1 are wanted; the largest group has 9 of 110 sequences; "
    )


def test_one_group_that_is_too_large_is_refused_with_the_numbers():
    table, numbers = grouped("a" * 90, *"a" * 10, *"b" * 100)
    message = refusal(split_by_group, table, numbers, FRACTIONS, 0.05, 0, "group", ["donor1", *("x" * 110)])
    assert message == (
        "no division of the 111 groups is within 0.05 of the fractions: the nearest one has 90 of the 100 sequences "
        "labeled 'a' in the training set, 80 are wanted; the largest group ('donor1') has 90 of 200 sequences; choose "
        "other fractions, a larger tolerance or another way to split"
    )
    assert "the largest cluster has 90 of 200" in refusal(split_by_group, table, numbers, FRACTIONS, 0.05, 0, "cluster")


def test_two_groups_cannot_be_in_three_splits():
    table, numbers = grouped("ab" * 10, "ab" * 10)
    assert "no division of the 2 groups" in refusal(split_by_group, table, numbers, FRACTIONS, 0.5, 0, "group")


def test_a_rare_label_is_refused_before_groups_are_dealt():
    table, numbers = grouped(*"a" * 100, *"bb")
    assert refusal(split_by_group, table, numbers, FRACTIONS, 0.5, 0, "group") == (
        "label 'b' has 2 of 102 sequences left after cleaning, too few for one in each split (training 2, development "
        "0, test 0); add sequences with this label or choose other fractions"
    )


def test_the_seed_decides_where_groups_go():
    groups = ["aabb"] * 30 + [*"ab"] * 30
    first, again, other = (by_group(groups, seed=seed)[2].tolist() for seed in (1, 1, 2))
    assert first == again != other


@given(
    st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=60),
    shares,
    st.floats(0, 0.5),
    st.integers(0, 9),
)
def test_no_group_is_in_two_splits_and_labels_are_within_the_tolerance(groups, fractions, tolerance, seed):
    result = returns_or_refuses(by_group, groups, fractions, tolerance, seed)
    if result is None:
        return
    table, numbers, split = result
    for number in range(len(groups)):
        assert len(set(split[numbers == number])) == 1
    found = counts(table, split)
    for label, size in table["label"].value_counts().items():
        for name, fraction in zip(SPLITS, fractions, strict=True):
            assert found[name][label] >= 1
            assert abs(found[name][label] - fraction * size) <= max(1, tolerance * size) + 1e-6


@given(st.lists(st.integers(20, 60), min_size=2, max_size=4), st.integers(0, 9))
def test_single_records_are_never_refused(sizes, seed):
    by_group([label for label, size in zip("abcd", sizes, strict=False) for _ in range(size)], (0.6, 0.2, 0.2), 0, seed)


# --- by chromosome ---------------------------------------------------------------------------------------------------

ON = pd.DataFrame({"label": list("abababab"), "chrom": ["chr1"] * 4 + ["chr8"] * 2 + ["chr9"] * 2})


def test_chromosomes_are_dev_and_test_and_the_rest_is_train():
    assert split_by_chromosome(ON, "chrom", "chr9", "chr8").tolist() == ["train"] * 4 + ["test"] * 2 + ["dev"] * 2
    more = pd.concat([ON, pd.DataFrame({"label": ["a", "b"], "chrom": ["chr2", "chr2"]})])
    assert split_by_chromosome(more, "chrom", " chr9 ,chr2", "chr8")[-4:].tolist() == ["dev"] * 4


@pytest.mark.parametrize(
    ("dev", "test", "message"),
    [
        ("chr9", "9", "--test-chromosomes: no sequence left after cleaning is on '9'; there are chr1, chr8, chr9"),
        ("", "chr9", "--dev-chromosomes names no chromosome; give one or several of chr1, chr8, chr9"),
        (
            "chr8,chr9",
            "chr8",
            "chromosome 'chr8' is chosen for both the development and the test set; choose it for one of them",
        ),
        (
            "chr8,chr1",
            "chr9",
            (
                "the training set has no sequence with label 'a' (training 0, development 3, test 1); choose other "
                "chromosomes"
            ),
        ),
    ],
)
def test_impossible_chromosomes(dev, test, message):
    assert refusal(split_by_chromosome, ON, "chrom", dev, test) == message


def test_a_label_that_a_chromosome_lacks_is_refused():
    table = ON.assign(label=["a", "b", "a", "b", "a", "a", "a", "b"])
    assert refusal(split_by_chromosome, table, "chrom", "chr9", "chr8") == (
        "the test set has no sequence with label 'b' (training 2, development 1, test 0); choose other chromosomes"
    )


def test_not_all_of_many_chromosomes_are_listed():
    table = pd.DataFrame({"label": "a", "chrom": [f"chr{number:02}" for number in range(20)]})
    assert refusal(split_by_chromosome, table, "chrom", "x", "y").endswith("chr06, chr07 and 12 more")


# --- as a column says ------------------------------------------------------------------------------------------------


def test_a_column_says_it():
    given = pd.Series(["train", "dev", "test"] * 2)
    table = pd.DataFrame({"label": list("aaabbb")})
    assert split_by_column(table, given, FRACTIONS, 0).tolist() == given.tolist()


def test_dev_is_drawn_from_train_where_there_is_none():
    table = pd.DataFrame({"label": ["a"] * 45 + ["b"] * 90 + ["a", "b"]})
    given = pd.Series(["train"] * 135 + ["test"] * 2)
    split = split_by_column(table, given, FRACTIONS, 0)
    assert counts(table, split) == {"train": {"a": 40, "b": 80}, "dev": {"a": 5, "b": 10}, "test": {"a": 1, "b": 1}}
    assert split.tolist() != split_by_column(table, given, FRACTIONS, 1).tolist()


NONE_IN = (
    "no sequence left after cleaning is in the {} set; check the column of the splits, and whether the sequences of "
    "the splits are copies of each other"
)


@pytest.mark.parametrize(
    ("labels", "given", "message"),
    [
        ("ab", ["train", "train"], NONE_IN.format("test")),
        ("ab", ["test", "test"], NONE_IN.format("training")),
        (
            "abab" + "a",
            ["train", "train", "dev", "dev", "test"],
            (
                "the test set has no sequence with label 'b' (training 1, development 1, test 0); add sequences, or "
                "split in another way"
            ),
        ),
        (
            "abab",
            ["train", "train", "test", "test"],
            (
                "the development set has no sequence with label 'a' (training 1, development 0, test 1); add "
                "sequences, or split in another way"
            ),
        ),
    ],
)
def test_impossible_columns(labels, given, message):
    assert refusal(split_by_column, pd.DataFrame({"label": list(labels)}), pd.Series(given), FRACTIONS, 0) == message


def test_names_of_splits():
    names = pd.Series(
        ["train", "Training", " DEV ", "val", "validation", "valid", "eval", "test", "Testing", "held-out"]
    )
    assert split_names(names, "part", "t.csv").tolist() == ["train"] * 2 + ["dev"] * 5 + ["test"] * 3


def test_another_name_is_refused_with_its_line():
    names = pd.Series(["train", "fold1"], index=pd.Index([2, 3], name="line"))
    assert refusal(split_names, names, "part", "t.csv") == (
        "t.csv, line 3: column 'part' has 'fold1', which is not the name of a split; write train, dev (or validation) "
        "or test"
    )
