import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.packing import OTHER, kmers, pack
from dna_lm.data.sequences import reverse_complement
from dna_lm.preparation.homology import BAND, GAP, BothStrands, parts_of_kmers, seeds

PATTERN = "1011101"
dna = st.text(alphabet="ACGT", max_size=40)
any_dna = st.text(alphabet="ACGTN", max_size=40)


def text(codes: np.ndarray) -> str:
    return "".join("ACGTN"[code] for code in codes)


def seed_at(both: str, place: int, pattern: str = PATTERN) -> str:
    return "".join(letter for letter, used in zip(both[place:], pattern, strict=False) if used == "1")


@given(st.lists(any_dna, max_size=5))
def test_both_strands_are_the_sequences_and_their_complements_backwards(sequences):
    both = BothStrands(pack(sequences), 0).packed
    found = [text(both.codes[start : behind - 1]) for start, behind in zip(both.starts, both.starts[1:], strict=False)]
    assert found == sequences + [reverse_complement(sequence) for sequence in reversed(sequences)]
    assert both.codes[both.starts[1:] - 1].tolist() == [OTHER] * len(both)


def all_seeds(sequences: list[str], parts: int = 1) -> list[tuple[str, int]]:
    """Return seed and place of all parts, checked to be ordered."""
    packed = pack(sequences)
    both = text(BothStrands(packed, 0).packed.codes)
    result = []
    for part in range(parts):
        numbers, places = seeds(packed, PATTERN, part, parts)
        found = list(zip(numbers.tolist(), places.tolist(), strict=True))
        assert found == sorted(found)
        assert len({(number, seed_at(both, place)) for number, place in found}) == len(set(numbers.tolist()))
        result += [(seed_at(both, place), place) for _, place in found]
    return sorted(result)


@given(st.lists(any_dna, max_size=5), st.integers(1, 5))
def test_seeds_are_the_letters_under_the_pattern_that_occur_again(sequences, parts):
    packed = pack(sequences)
    both = text(BothStrands(packed, 0).packed.codes)
    total = len(both)
    by_seed: dict[str, list[int]] = {}
    for place in range(len(packed.codes) - len(PATTERN) + 1):
        if "N" not in both[place : place + len(PATTERN)]:
            mirrored = total - 1 - len(PATTERN) - place
            seed, at = min((seed_at(both, place), place), (seed_at(both, mirrored), mirrored))
            by_seed.setdefault(seed, []).append(at)
    expected = sorted((seed, place) for seed, places in by_seed.items() if len(places) > 1 for place in places)
    assert all_seeds(sequences, parts) == expected


@given(st.lists(dna, max_size=5), st.integers(1, 9))
def test_each_kmer_is_in_one_part(sequences, parts):
    numbers, _ = kmers(pack(sequences).codes, 7)
    part = parts_of_kmers(numbers, parts)
    assert ((part >= 0) & (part < parts)).all()
    assert len(set(zip(numbers.tolist(), part.tolist(), strict=True))) == len(set(numbers.tolist()))


def test_parts_are_about_equal():
    numbers = np.random.default_rng(0).integers(0, 4**10, 10_000).astype(np.uint64)
    assert np.bincount(parts_of_kmers(numbers, 4).astype(int)).tolist() == pytest.approx([2500] * 4, rel=0.1)


def best_by_hand(first: str, second: str, shift: int, lowest: int, behind: int) -> int:
    best = now = 0
    for offset in range(lowest, behind):
        one, two = offset, offset + shift
        inside = 0 <= one < len(first) and 0 <= two < len(second)
        match = inside and first[one] == second[two] != "N"
        now = max(0, now + (1 if match else -1))
        best = max(best, now)
    return best


@given(st.data(), any_dna.filter(bool), any_dna.filter(bool), st.integers(0, 30), st.integers(1, 7))
def test_the_score_is_that_of_the_best_stretch_inside_both_sequences(data, first, second, reach, span):
    both = BothStrands(pack([first, second]), reach + span)
    place = data.draw(st.integers(0, len(first) - 1))
    other = data.draw(st.integers(0, len(second) - 1))
    for row, sequence in ((1, second), (2, reverse_complement(second))):
        score = both.best_scores(np.array([place]), both.packed.starts[row : row + 1] + other, span, reach)
        assert score.tolist() == [best_by_hand(first, sequence, other - place, place - reach, place + span + reach)]


def aligned_by_hand(first: str, second: str, shift: int) -> int:
    """The best local alignment within the band about a diagonal, cell by cell."""
    scores: dict[tuple[int, int], int] = {}
    for one in range(len(first)):
        for two in range(len(second)):
            if abs(two - one - shift) <= BAND:
                match = first[one] == second[two] != "N"
                diagonal = scores.get((one - 1, two - 1), 0) + (1 if match else -1)
                gaps = [scores.get(cell, 0) - GAP for cell in ((one - 1, two), (one, two - 1))]
                scores[one, two] = max(0, diagonal, *gaps)
    return max(scores.values(), default=0)


@given(st.data(), any_dna.filter(bool), any_dna.filter(bool))
def test_the_score_with_gaps_is_that_of_the_best_alignment_in_the_band(data, first, second):
    reach, span = 40, 5
    both = BothStrands(pack([first, second]), reach + span + BAND)
    place = data.draw(st.integers(0, len(first) - 1))
    other = data.draw(st.integers(0, len(second) - 1))
    for row, sequence in ((1, second), (2, reverse_complement(second))):
        score = both.best_gapped_scores(np.array([place]), both.packed.starts[row : row + 1] + other, span, reach)
        assert score.tolist() == [aligned_by_hand(first, sequence, other - place)]


def test_many_pairs_are_scored_each_for_itself():
    both = BothStrands(pack(["ACGTACGTAC"] + ["ACGTACGTAC"[:length] for length in range(1, 11)]), 21)
    second = np.tile(both.packed.starts[1:11], 1000)
    scores = both.best_scores(np.zeros(len(second), dtype=np.int64), second, 1, 20)
    assert scores.tolist() == list(range(1, 11)) * 1000


def test_no_more_than_the_margin_is_looked_at():
    both = BothStrands(pack(["ACGT"]), 10)
    with pytest.raises(ValueError, match="span and reach are 5 and 6, more than the margin of 10"):
        both.best_scores(np.array([0]), np.array([1]), 5, 6)


def test_a_place_on_either_strand_is_in_its_sequence():
    both = BothStrands(pack(["ACGT", "", "GA"]), 0)
    assert both.rows(np.arange(18)).tolist() == [0] * 5 + [1] + [2] * 3 + [2] * 3 + [1] + [0] * 5
