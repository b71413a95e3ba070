import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.cleaning import clean
from dna_lm.sequences import canonical, reverse_complement
from refusals import refusal


def table(*rows, source="the table (a.csv)"):
    """rows: (sequence, label); their lines count from 2."""
    lines = pd.Index(range(2, len(rows) + 2), name="line")
    return pd.DataFrame(rows, columns=["sequence", "label"], index=lines).assign(_source=source)


def lines(records):
    return records.index.tolist()


def test_nothing_to_clean():
    cleaned = clean(table(("AAAA", "0"), ("CCCC", "1"), ("ACCC", "1")), "refuse")
    assert lines(cleaned.kept) == [2, 3, 4]
    assert len(cleaned.duplicates) == len(cleaned.contradictory) == 0


def test_the_first_of_equal_sequences_is_kept():
    cleaned = clean(table(("AACC", "0"), ("CCCC", "1"), ("AACC", "0"), ("AACC", "0")), "refuse")
    assert lines(cleaned.kept) == [2, 3]
    assert lines(cleaned.duplicates) == [4, 5]


def test_a_reverse_complement_is_a_duplicate():
    cleaned = clean(table(("AACC", "0"), ("GGTT", "0"), ("GGTA", "1")), "refuse")
    assert lines(cleaned.kept) == [2, 4]
    assert lines(cleaned.duplicates) == [3]


def test_a_reverse_complement_with_ambiguous_letters_is_a_duplicate():
    assert lines(clean(table(("AANR", "0"), ("YNTT", "0")), "refuse").duplicates) == [3]


def test_contradictory_labels_are_refused_with_both_lines():
    records = table(("CCCC", "yes"), ("AACC", "yes"), ("AACC", "yes"), ("GGTT", "no"), ("AACT", "no"), ("AGTT", "yes"))
    assert refusal(clean, records, "refuse") == (
        "the table (a.csv), line 3, and the table (a.csv), line 5: the same sequence (on either strand) is labelled "
        "'yes' and 'no', one of 2 such sequences; correct the labels, or choose to drop these sequences"
    )


def test_contradictory_labels_in_two_files_are_refused_with_both_files():
    # Each file counts its lines from 1: the index of the joined records is not unique.
    one, two = table(("AACC", "a"), source="one"), table(("GGTT", "b"), source="two")
    message = refusal(clean, pd.concat([one, two]), "refuse")
    assert message.startswith(
        "one, line 2, and two, line 2: the same sequence (on either strand) is labelled 'a' and 'b'"
    )


def test_contradictory_sequences_are_dropped_with_all_their_copies():
    records = table(("AACC", "yes"), ("CCCC", "yes"), ("AACC", "yes"), ("GGTT", "no"), ("CCCC", "yes"))
    cleaned = clean(records, "drop")
    assert lines(cleaned.kept) == [3]
    assert lines(cleaned.duplicates) == [6]
    assert lines(cleaned.contradictory) == [2, 4, 5]


@given(st.lists(st.tuples(st.text("ACG", min_size=1, max_size=3), st.sampled_from("01")), min_size=1, max_size=12))
def test_every_record_goes_to_one_place_and_what_is_kept_is_clean(rows):
    records = table(*rows)
    cleaned = clean(records, "drop")
    parts = [cleaned.kept, cleaned.duplicates, cleaned.contradictory]
    assert sorted(line for part in parts for line in lines(part)) == lines(records)
    strandless = cleaned.kept["sequence"].map(canonical)
    assert strandless.is_unique
    assert not set(strandless) & set(cleaned.contradictory["sequence"].map(canonical))


@pytest.mark.parametrize("contradictory", ["refuse", "drop"])
def test_palindromes_are_ordinary_sequences(contradictory):
    assert reverse_complement("ACGT") == "ACGT"
    assert lines(clean(table(("ACGT", "0"), ("AACC", "1")), contradictory).kept) == [2, 3]
