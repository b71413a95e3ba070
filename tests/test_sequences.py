import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.sequences import (
    AMBIGUOUS,
    BASES,
    canonical,
    has_ambiguous,
    normalize,
    normalize_column,
    reverse_complement,
)
from refusals import refusal

dna = st.text(BASES + AMBIGUOUS, max_size=60)


def checked(*sequences: str) -> list[str]:
    return normalize_column(pd.Series(sequences, index=range(2, len(sequences) + 2)), "reads (a.csv)").tolist()


def refused(*sequences: str) -> str:
    return refusal(checked, *sequences)


@pytest.mark.parametrize(
    ("sequence", "other_strand"),
    [("", ""), ("A", "T"), ("ACGT", "ACGT"), ("GATTACA", "TGTAATC"), ("AAACCC", "GGGTTT")],
)
def test_reverse_complement(sequence, other_strand):
    assert reverse_complement(sequence) == other_strand


def test_reverse_complement_of_ambiguity_codes():
    # R is A or G, its complement Y is T or C; S, W and N are their own complements.
    assert reverse_complement("RYSWKMBDHVN") == "NBDHVKMWSRY"


@given(dna)
def test_reverse_complement_twice_is_the_sequence(sequence):
    assert reverse_complement(reverse_complement(sequence)) == sequence


@given(dna)
def test_canonical_is_equal_for_both_strands(sequence):
    assert canonical(sequence) == canonical(reverse_complement(sequence))
    assert canonical(sequence) in (sequence, reverse_complement(sequence))


def test_canonical_is_the_alphabetically_first():
    assert canonical("TTTT") == "AAAA"
    assert canonical("AAAA") == "AAAA"


def test_normalize():
    assert normalize(" acgu\n") == "ACGT"
    assert normalize("rYn") == "RYN"


@pytest.mark.parametrize(("sequence", "expected"), [("ACGT", False), ("", False), ("ACGN", True), ("RACG", True)])
def test_has_ambiguous(sequence, expected):
    assert has_ambiguous(sequence) is expected


def test_every_nucleotide_code_is_taken_in_both_cases():
    letters = BASES + AMBIGUOUS + "U"
    assert checked(letters, letters.lower()) == [BASES + AMBIGUOUS + "T"] * 2


def test_the_index_is_kept():
    column = normalize_column(pd.Series(["a", "c"], index=[4, 9]), "reads")
    assert column.index.tolist() == [4, 9]


def test_a_foreign_letter_is_refused_with_its_place():
    assert refused("ACGT", "ACGLAX") == (
        "reads (a.csv), line 3: letter 'L' at position 4 of the sequence is not a DNA letter (A, C, G, T, U or an "
        "IUPAC code such as N); correct or remove the record"
    )


@pytest.mark.parametrize("sequence", ["AC GT", "AC-GT", "ACGT*", "AC\x00GT", "AC\tGT", ">AC", "A1"])
def test_what_is_no_letter_is_refused(sequence):
    assert "is not a DNA letter" in refused(sequence)


@given(st.characters(min_codepoint=128, exclude_categories=["Cs"]).filter(lambda letter: letter.strip()))
def test_no_letter_outside_ascii_becomes_dna(letter):
    assert f"letter {letter!r} at position 3" in refused(f"AC{letter}GT")


@pytest.mark.parametrize("letter", ["ß", "ſ", "ﬆ"])
def test_a_letter_that_has_dna_letters_as_its_upper_case_is_refused(letter):
    assert f"letter {letter!r} at position 3" in refused(f"ac{letter}gt")


@pytest.mark.parametrize("sequence", ["", "   "])
def test_an_empty_sequence_is_refused(sequence):
    assert refused("A", "C", sequence) == (
        "reads (a.csv), line 4: the sequence is empty; fill it in or remove the record"
    )
