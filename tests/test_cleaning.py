import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.sequences import canonical, reverse_complement
from dna_lm.preparation import ledger as ledgers
from dna_lm.preparation.balancing import downsample
from dna_lm.preparation.cleaning import fold, limit_ambiguous, limit_length, pad, remove_copies
from dna_lm.preparation.records import Records
from dna_lm.preparation.splitting import SPLITS
from refusals import refusal

SOURCE = "the table (a.csv)"


def table(*rows, source=SOURCE, **columns):
    """rows: (sequence, label); their lines count from 2."""
    lines = pd.Index(range(2, len(rows) + 2), name="line")
    return pd.DataFrame(rows, columns=["sequence", "label"], index=lines).assign(_source=source, **columns)


def unlabeled(*sequences, **columns):
    return table(*((sequence, "0") for sequence in sequences), **columns)


def lines(records):
    return getattr(records, "table", records).index.tolist()


class Ledger(ledgers.Ledger):
    """A ledger that remembers the lines of the records of each step."""

    def __init__(self):
        super().__init__()
        self.lines = {}

    def enter(self, step, records):
        super().enter(step, records)
        self.lines[step] = lines(records)


def done(step, records, *arguments):
    """What a step of the cleaning leaves, and its entries in the ledger."""
    ledger = Ledger()
    return step(records if step is fold else Records(records), *arguments, ledger), ledger.lines


# --- letters ---------------------------------------------------------------------------------------------------------


def test_letters_are_folded_and_counted():
    records, entries = done(fold, unlabeled("ACGT", " acgt", "AcgN ", "ACGU", "acgu"))
    assert records["sequence"].tolist() == ["ACGT", "ACGT", "ACGN", "ACGT", "ACGT"]
    assert entries == {
        "changed: lower case written in upper case": [3, 4, 6],
        "changed: U of RNA written as T": [5, 6],
    }


def test_letters_of_several_files_are_folded_in_their_order():
    records, _ = done(fold, pd.concat([unlabeled("a", "c", source="one"), unlabeled("g", "t", source="two")]))
    assert records["sequence"].tolist() == ["A", "C", "G", "T"]


def test_records_of_two_files_may_stand_among_each_other():
    records, entries = done(fold, unlabeled("a", "c", "g", "T", source=["one", "two", "one", "two"]))
    assert records["sequence"].tolist() == ["A", "C", "G", "T"]
    assert entries["changed: lower case written in upper case"] == [2, 3, 4]


def test_an_empty_sequence_is_refused_with_its_line():
    assert refusal(fold, unlabeled("A", "  "), Ledger()) == (
        "the table (a.csv), line 3: the sequence is empty; fill it in or remove the record"
    )


def test_a_foreign_letter_is_refused_in_its_file():
    records = pd.concat([unlabeled("A", source="one"), unlabeled("C", "AXA", source="two")])
    assert refusal(fold, records, Ledger()) == (
        "two, line 3: letter 'X' at position 2 of the sequence is not a DNA letter (A, C, G, T, U or an IUPAC code "
        "such as N); correct or remove the record"
    )


def test_sequences_with_too_many_ambiguous_letters_are_removed():
    records, entries = done(limit_ambiguous, unlabeled("ACGTACGTAN", "ACGTACGTNR", "ACGTACGTAC"), 0.1, "keep")
    assert records["sequence"].tolist() == ["ACGTACGTAN", "ACGTACGTAC"]
    assert entries == {"removed: more than 10% ambiguous nucleotides": [3]}


@pytest.mark.parametrize("percent", range(101))
def test_as_many_ambiguous_letters_as_allowed_are_kept(percent):
    # 0.29 * 100, for one, is less than 29 in floating-point numbers.
    records = unlabeled("N" * percent + "A" * (100 - percent), "R" * (percent + 1) + "A" * (99 - percent))
    left, entries = done(limit_ambiguous, records, percent / 100, "keep")
    assert lines(left) == ([2] if percent < 100 else [2, 3])
    assert list(entries) == [f"removed: more than {percent}% ambiguous nucleotides"]


def test_ambiguous_letters_are_masked():
    records, entries = done(limit_ambiguous, unlabeled("ACGTACGTAR", "ACGTACGTAN", "ACGT"), 1.0, "mask")
    assert records["sequence"].tolist() == ["ACGTACGTAN", "ACGTACGTAN", "ACGT"]
    assert entries == {
        "removed: more than 100% ambiguous nucleotides": [],
        "changed: ambiguous nucleotides written as N": [2],
    }


def test_no_ambiguous_letter_is_kept_if_none_is_allowed():
    records, _ = done(limit_ambiguous, unlabeled("A" * 999 + "N", "A" * 1000), 0.0, "keep")
    assert lines(records) == [3]


# --- lengths ---------------------------------------------------------------------------------------------------------


def test_lengths_stay_if_none_is_asked_for():
    records = unlabeled("A", "ACGTACGT")
    left, entries = done(limit_length, records, 0, "drop", "drop")
    assert left.table is records and entries == {}


@pytest.mark.parametrize(
    ("longer", "shorter", "left", "entries"),
    [
        ("keep", "keep", ["AC", "ACGT", "AACGTT", "ACGTACG"], {}),
        ("keep", "pad", ["AC", "ACGT", "AACGTT", "ACGTACG"], {}),  # done when all else is
        ("crop", "keep", ["AC", "ACGT", "ACGT", "CGTA"], {"changed: cut to the middle 4 nt": [4, 5]}),
        ("drop", "keep", ["AC", "ACGT"], {"removed: longer than 4 nt": [4, 5]}),
        ("keep", "drop", ["ACGT", "AACGTT", "ACGTACG"], {"removed: shorter than 4 nt": [2]}),
        ("drop", "drop", ["ACGT"], {"removed: longer than 4 nt": [4, 5], "removed: shorter than 4 nt": [2]}),
    ],
)
def test_lengths_are_limited(longer, shorter, left, entries):
    records, entered = done(limit_length, unlabeled("AC", "ACGT", "AACGTT", "ACGTACG"), 4, longer, shorter)
    assert records["sequence"].tolist() == left
    assert entered == entries


@pytest.mark.parametrize("strand", ["+", "-", "."])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7])
def test_a_cropped_sequence_is_where_its_positions_say(strand, length):
    genome = "AACCCGTGATTACA"
    start, end = 3, 10
    forward = genome[start:end]
    sequence = reverse_complement(forward) if strand == "-" else forward
    records = unlabeled(sequence, chrom="chr1", start=start, end=end, strand=strand)
    cropped = done(limit_length, records, length, "crop", "keep")[0].table.iloc[0]
    there = genome[cropped["start"] : cropped["end"]]
    assert cropped["sequence"] == (reverse_complement(there) if strand == "-" else there)
    assert len(cropped["sequence"]) == length


def test_positions_that_are_text_of_a_table_stay_as_they_are():
    records = unlabeled("ACGTAC", chrom="chr1", start="3", end="9", strand="+")
    cropped = done(limit_length, records, 2, "crop", "keep")[0].table.iloc[0]
    assert (cropped["sequence"], cropped["start"], cropped["end"]) == ("GT", "3", "9")


def test_short_sequences_are_filled_up_on_both_sides():
    records, entries = done(pad, unlabeled("ACG", "AC", "ACGTA", "ACGTAC"), 5)
    assert records["sequence"].tolist() == ["NACGN", "NACNN", "ACGTA", "ACGTAC"]
    assert entries == {"changed: filled up with N to 5 nt": [2, 3]}


@given(st.lists(st.text("ACGT", min_size=1, max_size=12), min_size=1), st.integers(1, 12))
def test_cropped_and_padded_sequences_have_the_length(sequences, length):
    ledger = Ledger()
    records = pad(limit_length(Records(unlabeled(*sequences)), length, "crop", "pad", ledger), length, ledger)
    assert set(records["sequence"].str.len()) == {length}
    for before, after in zip(sequences, records["sequence"], strict=True):
        assert after.strip("N") in before and (len(before) < length or "N" not in after)


# --- copies and contradictions ---------------------------------------------------------------------------------------


def copies(records, duplicates="both-strands", contradictory="refuse"):
    left, entries = done(remove_copies, records, duplicates, contradictory)
    return lines(left), entries


def test_nothing_to_clean():
    left, entries = copies(table(("AAAA", "0"), ("CCCC", "1"), ("ACCC", "1")))
    assert left == [2, 3, 4]
    assert entries == {"removed: contradictory labels, on either strand": [], "removed: copies, on either strand": []}


def test_the_first_of_equal_sequences_is_kept():
    left, entries = copies(table(("AACC", "0"), ("CCCC", "1"), ("AACC", "0"), ("AACC", "0")))
    assert left == [2, 3]
    assert entries["removed: copies, on either strand"] == [4, 5]


def test_a_reverse_complement_is_a_copy():
    assert copies(table(("AACC", "0"), ("GGTT", "0"), ("GGTA", "1")))[0] == [2, 4]
    assert copies(unlabeled("AANR", "YNTT"))[0] == [2]


def test_a_reverse_complement_is_no_copy_on_the_same_strand():
    left, entries = copies(table(("AACC", "0"), ("GGTT", "0"), ("AACC", "0")), "same-strand")
    assert left == [2, 3]
    assert entries == {
        "removed: contradictory labels, on the same strand": [],
        "removed: copies, on the same strand": [4],
    }


def test_copies_may_be_kept():
    left, entries = copies(table(("AACC", "0"), ("GGTT", "0"), ("AACC", "0")), "keep")
    assert left == [2, 3, 4]
    assert entries == {"removed: contradictory labels, on either strand": []}


def test_of_copies_in_given_splits_the_one_in_test_is_kept():
    splits = ["train", "dev", "test", "train", "dev", "train", "train"]
    records = unlabeled("AACC", "AACC", "GGTT", "CCCC", "GGGG", "ACAC", "ACAC", _split=splits)
    left, entries = copies(records)
    assert left == [4, 6, 7]
    assert entries == {
        "removed: contradictory labels, on either strand": [],
        "removed: copies in another split, on either strand": [2, 3, 5],
        "removed: copies in the same split, on either strand": [8],
    }


def test_copies_in_given_splits_where_other_sequences_are_contradictory():
    rows = [("AAAA", "0"), ("AAAA", "1"), ("CCCA", "0"), ("CCCA", "1"), ("AACC", "1"), ("AACC", "1")]
    left, entries = copies(table(*rows, _split=["train"] * 5 + ["test"]), contradictory="drop")
    assert (left, entries["removed: copies in another split, on either strand"]) == ([7], [6])


def test_contradictory_labels_are_refused_with_both_lines():
    records = table(("CCCC", "yes"), ("AACC", "yes"), ("AACC", "yes"), ("GGTT", "no"), ("AACT", "no"), ("AGTT", "yes"))
    message = (
        "the table (a.csv), line 3, and the table (a.csv), line 5: the same sequence (on either strand) is labeled "
        "'yes' and 'no', one of 2 such sequences; correct the labels, or choose to drop these sequences"
    )
    assert refusal(copies, records) == refusal(copies, records, "keep") == message
    assert copies(records, "same-strand")[0] == [2, 3, 5, 6, 7]


def test_contradictory_labels_on_one_strand():
    assert refusal(copies, table(("AACC", "a"), ("AACC", "b")), "same-strand") == (
        "the table (a.csv), line 2, and the table (a.csv), line 3: the same sequence (on the same strand) is labeled "
        "'a' and 'b', one of 1 such sequences; correct the labels, or choose to drop these sequences"
    )


def test_contradictory_labels_in_two_files_are_refused_with_both_files():
    # Each file counts its lines from 1: the index of the joined records is not unique.
    one, two = table(("AACC", "a"), source="one"), table(("GGTT", "b"), source="two")
    assert refusal(copies, pd.concat([one, two])).startswith(
        "one, line 2, and two, line 2: the same sequence (on either strand) is labeled 'a' and 'b'"
    )


def test_contradictory_sequences_are_dropped_with_all_their_copies():
    records = table(("AACC", "yes"), ("CCCC", "yes"), ("AACC", "yes"), ("GGTT", "no"), ("CCCC", "yes"))
    left, entries = copies(records, contradictory="drop")
    assert left == [3]
    assert entries == {
        "removed: contradictory labels, on either strand": [2, 4, 5],
        "removed: copies, on either strand": [6],
    }


@given(
    st.lists(st.tuples(st.text("ACG", min_size=1, max_size=3), st.sampled_from("01")), min_size=1, max_size=12),
    st.sampled_from(["both-strands", "same-strand"]),
)
def test_every_record_goes_to_one_place_and_what_is_kept_is_clean(rows, duplicates):
    records = table(*rows)
    left, entries = copies(records, duplicates, "drop")
    contradictory, copied = entries.values()
    assert sorted([*left, *contradictory, *copied]) == lines(records)
    same = canonical if duplicates == "both-strands" else str
    kept = records["sequence"].loc[left].map(same)
    assert kept.is_unique
    assert not set(kept) & set(records["sequence"].loc[contradictory].map(same))
    assert set(records["sequence"].map(same)) == set(kept) | set(records["sequence"].loc[contradictory].map(same))


@pytest.mark.parametrize("contradictory", ["refuse", "drop"])
def test_palindromes_are_ordinary_sequences(contradictory):
    assert reverse_complement("ACGT") == "ACGT"
    assert copies(table(("ACGT", "0"), ("AACC", "1")), contradictory=contradictory)[0] == [2, 3]


def test_no_record_is_left_and_the_next_steps_do_not_mind():
    ledger = Ledger()
    nothing = fold(unlabeled("ACG", chrom="chr1", start=0, end=3, strand="+").iloc[:0], ledger)
    nothing = limit_length(limit_ambiguous(nothing, 0.1, "mask", ledger), 4, "crop", "drop", ledger)
    nothing = pad(remove_copies(nothing, "both-strands", "refuse", ledger), 4, ledger)
    left, split = downsample(nothing, np.empty(0, dtype=object), SPLITS, 0, ledger)
    assert len(left) == len(split) == 0
    assert ledger.lines == {
        "changed: lower case written in upper case": [],
        "changed: U of RNA written as T": [],
        "removed: more than 10% ambiguous nucleotides": [],
        "changed: ambiguous nucleotides written as N": [],
        "changed: cut to the middle 4 nt": [],
        "removed: shorter than 4 nt": [],
        "removed: contradictory labels, on either strand": [],
        "removed: copies, on either strand": [],
        "changed: filled up with N to 4 nt": [],
        "removed: to balance the labels": [],
    }


@given(
    st.lists(st.tuples(st.text("ACGTacgtuNR", min_size=1, max_size=9), st.sampled_from("01")), min_size=1, max_size=15),
    st.sampled_from([0.0, 0.2, 1.0]),
    st.sampled_from(["keep", "mask"]),
    st.integers(0, 6),
    st.sampled_from(["crop", "drop", "keep"]),
    st.sampled_from(["keep", "pad", "drop"]),
    st.sampled_from(["both-strands", "same-strand", "keep"]),
)
def test_records_in_are_records_out_and_those_removed_in_their_order(
    rows, most, ambiguous, length, longer, shorter, duplicates
):
    ledger = Ledger()
    records = table(*rows, kept=[f"value {number}" for number in range(len(rows))])
    left = limit_length(
        limit_ambiguous(fold(records, ledger), most, ambiguous, ledger), length, longer, shorter, ledger
    )
    left = remove_copies(left, duplicates, "drop", ledger)
    if shorter == "pad":
        left = pad(left, length, ledger)
    removed = [line for step, part in ledger.lines.items() if step.startswith("removed: ") for line in part]
    assert sorted([*lines(left), *removed]) == lines(records)
    assert lines(left) == sorted(lines(left))
    assert left["kept"].tolist() == [f"value {line - 2}" for line in lines(left)]
    assert list(left.table) == list(records)
    for text in left["sequence"]:
        assert not length or longer == "keep" or len(text) <= length
        assert shorter == "keep" or len(text) >= length
        assert ambiguous == "keep" or set(text) <= set("ACGTN")


# --- balance ---------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["train", "dev", "test"])), min_size=1),
    st.integers(0, 9),
)
def test_labels_are_balanced_in_each_split(rows, seed):
    records = table(*(("A", label) for label, _ in rows))
    split = np.array([name for _, name in rows], dtype=object)
    ledger = Ledger()
    left, left_split = downsample(Records(records), split, SPLITS, seed, ledger)
    before = pd.crosstab(records["label"], split)
    after = pd.crosstab(left["label"], left_split)
    for name in after:
        present = before[name][before[name] > 0]
        assert set(after[name][after[name] > 0]) == {present.min()}
    assert sorted([*lines(left), *ledger.lines["removed: to balance the labels"]]) == lines(records)


def test_the_seed_decides_what_is_dropped():
    records = table(*(("A", "a") for _ in range(50)), ("A", "b"))
    split = np.full(51, "train", dtype=object)
    drawn = [lines(downsample(Records(records), split, SPLITS, seed, Ledger())[0]) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
