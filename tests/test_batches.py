import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PROJECT
from dna_lm.command import options_of_tool
from dna_lm.training.batches import BATCH, LEAST_BATCH, STEPS, Scored, Sequences, Steps, Tokens, batch_size_for

LENGTHS = np.random.default_rng(1).integers(4, 200, size=(1003, 2))


def steps(seed=1, epoch=0, first=0, size=8, lengths=LENGTHS):
    return [
        list(zip(*map(np.ndarray.tolist, step), strict=True)) for step in Steps(lengths, size, seed, first).of(epoch)
    ]


def test_each_sequence_comes_once_in_an_epoch():
    assert sorted(number for step in steps() for number, _ in step) == list(range(1003))


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (7, [7]), (8, [8]), (9, [8, 1]), (19, [8, 8, 3])])
def test_the_last_step_has_what_is_left(count, sizes):
    lengths = np.full((count, 1), 9)
    assert [len(step) for step in steps(lengths=lengths)] == sizes
    assert len(Steps(lengths, 8, 1)) == len(sizes)


def test_strands_are_drawn_anew_in_each_epoch():
    one, other = (dict(sum(steps(epoch=epoch), [])) for epoch in (0, 1))
    assert 0.45 < np.mean(list(one.values())) < 0.55
    assert 0.4 < np.mean([one[number] != other[number] for number in one]) < 0.6


def test_one_strand_is_the_only_one():
    assert {strand for step in steps(lengths=LENGTHS[:, :1]) for _, strand in step} == {0}


def test_what_a_step_sees_does_not_depend_on_lengths():
    """Labels that go with the length come in steps as in a random draw."""
    lengths = np.array([[24], [40]])[np.arange(1024) % 2]
    share = np.array(
        [np.mean([lengths[number] == 40 for number, _ in step]) for step in steps(lengths=lengths, size=64)]
    )
    assert len(share) == 16 and share.mean() == 0.5
    assert 0.02 < share.std() < 0.1  # of a random draw 0.0625 (binomial); of batches of one length each 0.5
    same = [[number for number, _ in step] for step in steps(lengths=np.full((1024, 1), 9), size=64)]
    assert same == [[number for number, _ in step] for step in steps(lengths=lengths, size=64)]


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    assert steps() == steps()
    assert steps() != steps(seed=2)
    assert steps() != steps(epoch=1)


def test_a_training_that_goes_on_begins_with_the_next_order():
    assert steps(epoch=0, first=3) == steps(epoch=3)


def made(strands):
    return Sequences([Tokens(strand) for strand in strands], np.arange(len(strands[0])))


@given(st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5)), st.lists(st.lists(st.integers(0, 9), min_size=1)))
def test_tokens_are_read_as_they_were_written(first, second):
    tokens = Tokens(first)
    tokens.extend(second)
    both = first + second
    assert [tokens[number] for number in range(len(both))] == both
    assert tokens.lengths().tolist() == list(map(len, both))


def test_every_sequence_is_scored_on_every_strand_the_longest_first():
    sequences = made([[[1], [1, 2, 3], [1, 2]], [[4], [4, 5, 6], [4, 5]]])
    scored = Scored(sequences)
    assert scored.count == 3
    assert scored.lengths.tolist() == [3, 3, 2, 2, 1, 1]
    assert scored.numbers.tolist() == [1, 1, 2, 2, 0, 0]
    tokens = sequences.tokens(scored.numbers, scored.strands)
    assert tokens == [[1, 2, 3], [4, 5, 6], [1, 2], [4, 5], [1], [4]]


def test_the_mean_over_strands():
    scored = Scored(made([[[1], [1, 2, 3]], [[1], [1, 2, 3]]]))
    value = {(0, 0): 1.0, (0, 1): 4.0, (1, 0): -2.0, (1, 1): 8.0}
    outputs = np.array([[value[key], 10 * value[key]] for key in zip(scored.numbers, scored.strands, strict=True)])
    assert scored.mean_over_strands(outputs).tolist() == [[2.5, 25.0], [3.0, 30.0]]


def test_one_strand_is_its_own_mean():
    scored = Scored(made([[[1], [1, 2, 3], [5, 6]]]))
    assert scored.mean_over_strands(scored.numbers[:, None] * 1.0).tolist() == [[0.0], [1.0], [2.0]]


@pytest.mark.parametrize(
    ("sequences", "batch"), [(100_000, 64), (1024, 64), (1023, 32), (512, 32), (511, 16), (255, 8), (10, 8), (1, 8)]
)
def test_a_small_split_has_small_batches(sequences, batch):
    assert batch_size_for(sequences) == batch


def test_option_form_and_documentation_give_the_same_numbers():
    said = next(option.help for option in options_of_tool("finetune") if option.name == "batch_size")
    assert f"0 means {BATCH}, or fewer (at least {LEAST_BATCH}) so that an epoch has {STEPS} steps" in said
    form = (PROJECT / "tools" / "dna_lm_finetune.xml").read_text()
    assert f"an automatic choice ({LEAST_BATCH} to {BATCH}, depending on the size of the training set)" in form
    documentation = (PROJECT / "docs" / "training.md").read_text()
    assert f"| batch size | {BATCH} sequences; for training sets of fewer than {BATCH * STEPS:,} " in documentation
    assert f"halved until an epoch has {STEPS} steps, with a minimum of {LEAST_BATCH} |" in documentation
