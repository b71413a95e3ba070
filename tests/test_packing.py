import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data import packing
from dna_lm.data.packing import OTHER, kmers, pack
from dna_lm.data.sequences import canonical

dna = st.text(alphabet="ACGT", max_size=90)
any_dna = st.text(alphabet="ACGTNRY", max_size=60)


def number(kmer: str) -> int:
    return int("".join(str("ACGT".index(base)) for base in kmer), base=4)


def test_letters_become_numbers_with_a_gap_behind_each_sequence():
    packed = pack(["ACGT", "", "NA"])
    assert packed.codes.tolist() == [0, 1, 2, 3, OTHER, OTHER, OTHER, 0, OTHER]
    assert packed.starts.tolist() == [0, 5, 6, 9]
    assert packed.lengths.tolist() == [4, 0, 2]
    assert len(packed) == 3


def test_nothing_can_be_packed():
    packed = pack([])
    assert len(packed) == 0
    assert packed.count(1).tolist() == []
    assert list(packed.chunks()) == []


@given(st.lists(any_dna))
def test_letters_are_counted(sequences):
    packed = pack(sequences)
    assert packed.count((1, 2)).tolist() == [text.count("C") + text.count("G") for text in sequences]
    assert packed.count(OTHER).tolist() == [sum(letter not in "ACGT" for letter in text) for text in sequences]


@given(st.lists(any_dna), st.integers(1, 100))
def test_chunks_are_the_whole(sequences, letters):
    packed = pack(sequences)
    seen = []
    for first, part in packed.chunks(letters):
        assert first == len(seen)
        assert len(part) == 1 or len(part.codes) <= letters
        seen += [part.codes[start:stop].tolist() for start, stop in zip(part.starts, part.starts[1:], strict=False)]
    assert [code for one in seen for code in one] == packed.codes.tolist()
    assert len(seen) == len(sequences)


@given(any_dna, st.integers(1, 32), st.booleans())
def test_kmers_are_those_of_the_text(text, k, both_strands):
    numbers, positions = kmers(pack([text]).codes, k, both_strands)
    expected = [
        (number(canonical(text[start : start + k]) if both_strands else text[start : start + k]), start)
        for start in range(len(text) - k + 1)
        if set(text[start : start + k]) <= set("ACGT")
    ]
    assert list(zip(numbers.tolist(), positions.tolist(), strict=True)) == expected


@given(st.lists(dna, min_size=1), st.integers(1, 32))
def test_no_kmer_spans_two_sequences(sequences, k):
    packed = pack(sequences)
    _, positions = kmers(packed.codes, k)
    per_row = np.bincount(packed.row_of(positions), minlength=len(sequences))
    assert per_row.tolist() == [max(0, len(text) - k + 1) for text in sequences]


@pytest.mark.parametrize("k", [0, 33])
def test_a_kmer_has_1_to_32_letters(k):
    with pytest.raises(ValueError, match=f"k is {k}"):
        kmers(pack(["ACGT"]).codes, k)


def test_a_share_of_unknown_letters_that_is_just_allowed():
    # 0.29 * 100 is less than 29 in floating-point numbers.
    assert packing.too_ambiguous(np.array([28, 29, 30]), np.array([100, 100, 100]), 0.29).tolist() == [
        False,
        False,
        True,
    ]
