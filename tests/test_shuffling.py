from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from dna_lm.preparation.shuffling import shuffle_dinucleotides


def dinucleotides(sequence: str) -> Counter:
    return Counter(zip(sequence, sequence[1:], strict=False))


@given(
    st.text("ACGT", max_size=80) | st.text("ACGTN", max_size=80) | st.text("AC", max_size=20), st.integers(0, 2**32 - 1)
)
def test_a_shuffle_has_the_same_dinucleotides_and_ends(sequence, seed):
    shuffled = shuffle_dinucleotides(sequence, np.random.default_rng(seed))
    assert dinucleotides(shuffled) == dinucleotides(sequence)
    assert shuffled[:1] == sequence[:1]
    assert shuffled[-1:] == sequence[-1:]


@given(st.text("ACGT", max_size=60), st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_shuffle(sequence, seed):
    first, second = (shuffle_dinucleotides(sequence, np.random.default_rng(seed)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("length", range(4))
def test_up_to_three_letters_have_no_other_order(length):
    random = np.random.default_rng(1)
    for letters in product("ACG", repeat=length):
        assert shuffle_dinucleotides("".join(letters), random) == "".join(letters)


@pytest.mark.parametrize(
    "sequence",
    ["ACGTACTGA", "AACAGATA", "AACACCACG", "ACACACGCAC", "CATTAGACAT", "AANNATNAN", "AAACAAAGT", "ACCAGGACTG"],
)
def test_all_shuffles_are_equally_likely(sequence):
    wanted = dinucleotides(sequence)
    inner = {"".join(order) for order in set(permutations(sequence[1:-1]))}
    every = sorted(
        text for text in (sequence[0] + part + sequence[-1] for part in inner) if dinucleotides(text) == wanted
    )
    random = np.random.default_rng(7)
    counts = Counter(shuffle_dinucleotides(sequence, random) for _ in range(400 * len(every)))
    assert set(counts) <= set(every)
    assert len(every) > 1
    assert chisquare([counts[text] for text in every]).pvalue > 0.001


def test_long_runs_are_no_trouble():
    sequence = "A" * 300 + "C" * 300 + "G" * 300 + "T" * 300
    assert shuffle_dinucleotides(sequence, np.random.default_rng(3)) == sequence  # there is no other order


def test_a_real_length_is_well_mixed():
    random = np.random.default_rng(5)
    sequence = "".join(random.choice(list("ACGT"), 200))
    shuffled = shuffle_dinucleotides(sequence, random)
    same = sum(one == other for one, other in zip(sequence, shuffled, strict=True))
    assert same < 90  # 50 are expected by chance
