import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.sequences import canonical, reverse_complement
from dna_lm.preparation import similarity
from dna_lm.preparation.records import Records
from dna_lm.preparation.similarity import MINIMUM_SCORE, PATTERNS, similar_groups


def dna(length: int, seed: int) -> str:
    return "".join("ACGT"[code] for code in np.random.default_rng(seed).integers(0, 4, length))


def changed(sequence: str, share: float, seed: int) -> str:
    """Return the sequence with this share of its letters replaced by others."""
    rng = np.random.default_rng(seed)
    letters = list(sequence)
    for place in rng.choice(len(letters), round(share * len(letters)), replace=False):
        letters[place] = "ACGT"[("ACGT".index(letters[place]) + rng.integers(1, 4)) % 4]
    return "".join(letters)


def groups(*sequences: str) -> list[int]:
    result = similar_groups(Records.of(sequences))
    assert result.dtype == np.int64
    return result.tolist()


SHARED = dna(32, 0)


def test_groups_are_numbered_by_their_first_member():
    one, two, three = dna(60, 1), dna(60, 2), dna(60, 3)
    assert groups(two, one, two, three, one) == [0, 1, 0, 2, 1]


def test_nothing_is_in_no_group():
    assert groups() == []


@pytest.mark.parametrize("turn", [str, reverse_complement])
def test_32_shared_letters_are_enough_on_either_strand(turn):
    first = dna(50, 1) + SHARED + dna(10, 2)
    second = dna(20, 3) + SHARED + dna(90, 4)
    assert groups(first, turn(second), dna(80, 5)) == [0, 0, 1]


def test_31_shared_letters_alone_are_not_enough():
    first = dna(50, 1) + "A" + SHARED[1:] + "A" + dna(50, 2)
    second = dna(50, 3) + "C" + SHARED[1:] + "C" + dna(50, 4)
    assert groups(first, second) == [0, 1]


def test_a_letter_that_is_no_base_breaks_what_is_shared():
    broken = SHARED[:16] + "N" + SHARED[17:]
    assert groups(dna(50, 1) + broken, broken + dna(50, 2)) == [0, 1]


def test_a_run_of_n_is_nothing_to_share():
    assert groups(dna(20, 1) + "N" * 100, dna(20, 2) + "N" * 100) == [0, 1]


def test_a_chain_is_one_group():
    pieces = [dna(60, seed) for seed in range(4)]
    chain = [pieces[0] + pieces[1], pieces[1] + pieces[2], reverse_complement(pieces[2] + pieces[3])]
    assert groups(chain[0], dna(120, 9), chain[2]) == [0, 1, 2]
    assert groups(chain[0], dna(120, 9), chain[2], chain[1]) == [0, 1, 0, 0]


def test_a_palindrome_is_shared_like_all_else():
    half = dna(16, 1)
    palindrome = half + reverse_complement(half)
    assert groups(dna(40, 2) + palindrome, dna(40, 3), palindrome + dna(40, 4)) == [0, 1, 0]


@pytest.mark.parametrize("unit", ["A", "CA", "GAT"])
def test_32_letters_of_a_simple_repeat_are_shared_too(unit):
    repeat = (unit * 32)[:36]
    rows = [dna(50, seed) + repeat + dna(50, seed + 100) for seed in range(40)]
    assert groups(*rows, dna(100, 1000)) == [0] * 40 + [1]


def test_a_short_repeat_is_not_enough():
    rows = [dna(50, seed) + "A" * 20 + dna(50, seed + 1000) for seed in range(200)]
    assert groups(*rows) == list(range(200))


def test_sequences_too_short_for_a_kmer_are_together_if_equal_on_either_strand():
    assert groups("ACGGT", "", "ACCGT", "ACGGTA", "", "A", "T", "NNN") == [0, 1, 0, 2, 1, 3, 3, 4]


def test_lengths_may_differ_much():
    long = dna(100_000, 1)
    assert groups(long, long[70_000:70_040], dna(10, 2), reverse_complement(long[5:200])) == [0, 0, 1, 0]


def test_what_is_shared_at_the_very_ends_is_seen():
    stretch = dna(60, 1)
    assert groups(dna(80, 2) + stretch, changed(stretch, 0.05, 3) + dna(80, 4)) == [0, 0]


def test_a_stretch_counts_from_the_stated_score_on():
    # One mismatch in the middle: no 32 letters are shared, and each half has a seed.
    def pair(length: int) -> tuple[str, str]:
        stretch = dna(length, 1)
        middle = length // 2
        other = stretch[:middle] + ("C" if stretch[middle] != "C" else "G") + stretch[middle + 1 :]
        return dna(60, 2) + "A" + stretch + "A", "C" + other + "C" + dna(60, 3)

    assert groups(*pair(MINIMUM_SCORE + 2)) == [0, 0]
    assert groups(*pair(MINIMUM_SCORE)) == [0, 1]


@pytest.mark.parametrize(("weight", "pattern"), [(weight, each) for weight in PATTERNS for each in PATTERNS[weight]])
def test_patterns_fit_both_strands(weight, pattern):
    assert set(pattern) == {"0", "1"}
    assert pattern == pattern[::-1]
    assert len(pattern) % 2 == 1 and len(pattern) <= 32
    assert pattern[len(pattern) // 2] == "1"
    assert pattern.count("1") == weight


@pytest.mark.parametrize(
    ("share", "shift", "least"),
    [(0.05, 0, 1.0), (0.05, 100, 0.995), (0.1, 0, 1.0), (0.1, 100, 0.995), (0.15, 0, 0.99), (0.15, 100, 0.97)],
)
@pytest.mark.parametrize("turn", [str, reverse_complement])
def test_homologs_are_found(share, shift, least, turn):
    pairs = 400
    rows = []
    for number in range(pairs):
        first = dna(200, number)
        rows += [first, turn(changed(first[shift:], share, number) + dna(shift, number + pairs))]
    found = similar_groups(Records.of(rows))
    assert (found[::2] == found[1::2]).mean() >= least
    assert found.max() + 1 >= pairs, "unrelated sequences were joined"


def with_gaps(sequence: str, gaps: int, seed: int) -> str:
    """Return the sequence with so many gaps of 1 to 3 letters, here or in the original."""
    rng = np.random.default_rng(seed)
    for _ in range(gaps):
        place, size = rng.integers(5, len(sequence) - 5), rng.integers(1, 4)
        added = "" if rng.random() < 0.5 else dna(size, seed) + sequence[place : place + size]
        sequence = sequence[:place] + added + sequence[place + size :]
    return sequence


@pytest.mark.parametrize(
    ("length", "share", "gaps", "least"),
    [
        (20, 0.05, 0, 0.98),
        (30, 0.1, 0, 0.99),
        (36, 1 / 36, 0, 1.0),
        (36, 0.15, 0, 0.98),
        (50, 0.15, 0, 0.99),
        (50, 0.15, 1, 0.9),
        (58, 0.15, 0, 0.99),
        (101, 0.15, 3, 0.95),
        (101, 0.2, 0, 0.97),
    ],
)
@pytest.mark.parametrize("turn", [str, reverse_complement])
def test_short_homologs_are_found_and_unrelated_ones_stay_apart(length, share, gaps, least, turn):
    pairs, rows = 300, []
    for number in range(pairs):
        first = dna(length, number)
        rows += [first, turn(with_gaps(changed(first, share, number), gaps, number))]
    rows += [dna(length, 10_000 + number) for number in range(400)]
    found = similar_groups(Records.of(rows))
    together = (found[: 2 * pairs : 2] == found[1 : 2 * pairs : 2]).sum()
    assert together >= least * pairs
    joined = len(rows) - (found.max() + 1)
    assert joined - together <= 2


def test_sequences_of_two_letters_are_not_all_one_cluster():
    rng = np.random.default_rng(0)
    rows = ["".join("AT"[code] for code in rng.integers(0, 2, 36)) for _ in range(500)]
    assert len(set(groups(*rows))) > 400


def test_unrelated_sequences_stay_alone():
    assert groups(*(dna(200, seed) for seed in range(3000))) == list(range(3000))


def test_two_large_families_that_are_alike_are_joined():
    # Each family is far larger than the number of neighbors that a sequence is compared with.
    first = dna(200, 1)
    families = (first, changed(first, 0.15, 2))
    rows = [changed(family, 0.02, 10 * seed + number) for number, family in enumerate(families) for seed in range(150)]
    assert groups(*rows, dna(200, 3)) == [0] * 300 + [1]


def test_parts_give_the_same_groups(monkeypatch):
    rows = [changed(dna(200, seed // 2), 0.12, seed) for seed in range(100)]
    whole = groups(*rows)
    monkeypatch.setattr(similarity, "LETTERS", 1500)
    assert groups(*rows) == whole == [row // 2 for row in range(100)]


def groups_by_hand(sequences: list[str]) -> list[int]:
    """Groups of sequences that are equal or share 32 letters, found pair by pair."""
    kmers = [
        {
            canonical(text[start : start + 32])
            for start in range(len(text) - 31)
            if set(text[start : start + 32]) <= set("ACGT")
        }
        | {canonical(text)}
        for text in sequences
    ]
    number = list(range(len(sequences)))
    for one in range(len(sequences)):
        for two in range(one):
            if kmers[one] & kmers[two] and number[one] != number[two]:
                old, new = sorted((number[one], number[two]), reverse=True)
                number = [new if each == old else each for each in number]
    seen: dict[int, int] = {}
    return [seen.setdefault(each, len(seen)) for each in number]


# Cut from one source, so that some share 32 letters, some 31, some less than that.
SOURCE = dna(110, 7)
cuts = st.builds(
    lambda start, length, before, behind, turn: turn(before + SOURCE[start : start + length] + behind),
    st.integers(0, 100),
    st.integers(0, 40),
    st.text(alphabet="ACGTN", max_size=4),
    st.text(alphabet="ACGTN", max_size=4),
    st.sampled_from([str, reverse_complement]),
)


@given(st.lists(cuts, max_size=12))
def test_groups_by_32_letters_are_those_found_pair_by_pair(sequences):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "_link_by_stretches", lambda packed, both, groups, *rest: groups)
        assert groups(*sequences) == groups_by_hand(sequences)


@given(st.lists(cuts, max_size=12))
def test_stretches_only_join_what_32_letters_have_left_apart(sequences):
    joined = {}
    for exact, found in zip(groups_by_hand(sequences), groups(*sequences), strict=True):
        assert joined.setdefault(exact, found) == found


@given(st.data(), st.lists(cuts, min_size=1, max_size=12))
def test_order_and_strand_of_the_sequences_change_no_group(data, sequences):
    rows = data.draw(st.permutations(range(len(sequences))))
    turns = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    moved = [
        reverse_complement(sequences[row]) if turn else sequences[row] for row, turn in zip(rows, turns, strict=True)
    ]
    before, after = groups(*sequences), groups(*moved)
    assert len(set(zip((before[row] for row in rows), after, strict=True))) == len(set(before)) == len(set(after))


def test_what_is_said_of_reliability_goes_by_the_lengths_and_the_seeds_of_the_dataset():
    few, many = np.full(1000, 101), np.full(200_000, 101)
    assert similarity.patterns_for(few) == PATTERNS[11] and similarity.patterns_for(many) == PATTERNS[15]
    assert similarity.patterns_for(np.full(200_000, 36)) == PATTERNS[11]
    assert similarity.patterns_for(np.full(1_000_000, 36)) == PATTERNS[13]
    assert "of 101 nucleotides" in similarity.measured(few) and "99.8% of those with short gaps" in similarity.measured(
        few
    )
    assert "96.0% of those with short gaps" in similarity.measured(many)
    assert "not looked for, other than equal ones" in similarity.measured(np.full(50, 12))
    assert similarity.reliability_warnings(few) == similarity.reliability_warnings(many) == []
    mixed = np.concatenate([many, np.full(10, 60)])
    assert similarity.reliability_warnings(mixed)[0].startswith(
        "10 of 200,010 sequences have fewer than 75 nucleotides"
    )
