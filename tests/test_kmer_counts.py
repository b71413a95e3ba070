import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.baselines.kmer_counts import canonical_kmers, count_kmers, total_kmers
from dna_lm.data.packing import pack
from dna_lm.data.sequences import canonical, reverse_complement


def total_of_all(packed):
    """The counts in all sequences; those of each alone, as groups, are the counts of each."""
    everything, alone = np.ones((1, len(packed)), dtype=bool), np.eye(len(packed), dtype=bool)
    assert (total_kmers(packed, 3, alone) == count_kmers(packed, [3]).toarray()).all()
    return total_kmers(packed, 3, everything)[0].tolist()


def counted_by_hand(sequence: str, k: int) -> list[int]:
    words = [canonical(sequence[place : place + k]) for place in range(len(sequence) - k + 1)]
    return [words.count(word) for word in canonical_kmers(k)]


@pytest.mark.parametrize(("k", "expected"), [(1, 2), (2, 10), (3, 32), (4, 136), (6, 2080)])
def test_the_number_of_kmers_on_both_strands(k, expected):
    # (4^k + palindromes) / 2; there are 4^(k/2) palindromes for an even k, none for an odd one
    assert len(canonical_kmers(k)) == expected


def test_one_of_each_kmer_and_its_reverse_complement():
    assert canonical_kmers(2) == ["AA", "AC", "AG", "AT", "CA", "CC", "CG", "GA", "GC", "TA"]


def test_counts_by_hand():
    # ACGT: AC = GT twice, CG; NAAN: AA; TT: AA
    counts = count_kmers(pack(["ACGT", "NAAN", "TT", "C", ""]), [2]).toarray()
    expected = np.zeros((5, 10))
    expected[0, [1, 6]] = 2, 1
    expected[[1, 2], 0] = 1
    assert counts.tolist() == expected.tolist()


@given(st.lists(st.text("ACGTN", max_size=12), max_size=6))
def test_counts_are_those_of_a_plain_loop(sequences):
    packed = pack(sequences)
    expected = np.array([counted_by_hand(sequence, 2) + counted_by_hand(sequence, 3) for sequence in sequences])
    assert count_kmers(packed, [2, 3]).toarray().tolist() == expected.reshape(len(sequences), 42).tolist()
    assert total_of_all(packed) == expected.reshape(len(sequences), 42)[:, 10:].sum(axis=0).tolist()


@given(st.lists(st.text("ACGTN", max_size=30), min_size=1, max_size=6))
def test_the_strand_does_not_matter(sequences):
    turned = [reverse_complement(sequence) for sequence in sequences]
    assert (count_kmers(pack(sequences), [4]) != count_kmers(pack(turned), [4])).nnz == 0


def test_sequences_in_several_parts():
    numbers = np.random.default_rng(1)
    sequences = ["".join(numbers.choice(list("ACGT"), 1000)) for _ in range(600)]  # two parts of 2^18 letters, and more
    counts = count_kmers(pack(sequences), [3])
    assert counts.shape == (600, 32)
    assert [counts[row].toarray()[0].tolist() for row in (0, 300, 599)] == [
        counted_by_hand(sequences[row], 3) for row in (0, 300, 599)
    ]
    assert total_of_all(pack(sequences)) == counts.sum(axis=0).A1.tolist()
