import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PROJECT
from dna_lm.options import FINETUNE
from dna_lm.training.batches import BATCH, LEAST_BATCH, POOL, STEPS, Scored, Sequences, Shuffled, Tokens, batch_size_for

LENGTHS = np.random.default_rng(1).integers(4, 200, size=(1003, 2))


def order(seed=1, epoch=0, first=0, batch=8, lengths=LENGTHS):
    sampler = Shuffled(lengths, batch, seed, first)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_each_sequence_comes_once_in_an_epoch():
    assert sorted(number for number, _ in order()) == list(range(1003))


def test_strands_are_drawn_anew_in_each_epoch():
    one, other = dict(order(epoch=0)), dict(order(epoch=1))
    assert 0.45 < np.mean(list(one.values())) < 0.55
    assert 0.4 < np.mean([one[number] != other[number] for number in one]) < 0.6


def test_one_strand_is_the_only_one():
    assert {strand for _, strand in order(lengths=LENGTHS[:, :1])} == {0}


def test_a_batch_holds_sequences_of_like_length():
    drawn = [LENGTHS[key] for key in order()]
    batches = [drawn[start : start + 8] for start in range(0, 1000, 8)]
    waste = sum(max(batch) * len(batch) for batch in batches) / sum(sum(batch) for batch in batches)
    assert waste < 1.05  # without an order it is about 1.8


def test_batches_come_in_no_order_of_length():
    drawn = [LENGTHS[key] for key in order()]
    first = [drawn[start] for start in range(0, 8 * POOL, 8)]
    assert abs(np.corrcoef(first, range(len(first)))[0, 1]) < 0.5


@pytest.mark.parametrize("count", [1, 7, 8, 9, 8 * POOL, 8 * POOL + 3])
def test_an_incomplete_batch_is_the_last(count):
    lengths = np.arange(count)[:, None] + 4
    keys = order(lengths=lengths)
    assert sorted(number for number, _ in keys) == list(range(count))
    # Sequences of one batch have neighbouring lengths, also in the batch that is not complete.
    for start in range(0, count - count % 8, 8):
        assert np.ptp([number for number, _ in keys[start : start + 8]]) < 8 + count - POOL * 8 * (count > POOL * 8)


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    assert order() == order()
    assert order() != order(seed=2)
    assert order() != order(epoch=1)


def test_a_training_that_goes_on_begins_with_the_next_order():
    assert order(epoch=0, first=3) == order(epoch=3)


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
    scored = Scored(made([[[1], [1, 2, 3], [1, 2]], [[4], [4, 5, 6], [4, 5]]]))
    assert len(scored) == 6 and scored.count == 3
    assert [len(scored[position]["input_ids"]) for position in range(6)] == [3, 3, 2, 2, 1, 1]
    assert [scored[position]["labels"] for position in range(6)] == [1, 1, 2, 2, 0, 0]
    assert {tuple(scored[position]["input_ids"]) for position in range(2)} == {(1, 2, 3), (4, 5, 6)}


def test_the_mean_over_strands():
    scored = Scored(made([[[1], [1, 2, 3]], [[1], [1, 2, 3]]]))
    value = {(0, 0): 1.0, (0, 1): 4.0, (1, 0): -2.0, (1, 1): 8.0}
    outputs = np.array([[value[key], 10 * value[key]] for key in scored.order])
    assert scored.mean_over_strands(outputs).tolist() == [[2.5, 25.0], [3.0, 30.0]]


def test_one_strand_is_its_own_mean():
    scored = Scored(made([[[1], [1, 2, 3], [5, 6]]]))
    outputs = np.array([[float(number)] for number, _ in scored.order])
    assert scored.mean_over_strands(outputs).tolist() == [[0.0], [1.0], [2.0]]


@pytest.mark.parametrize(
    ("sequences", "batch"), [(100_000, 64), (1024, 64), (1023, 32), (512, 32), (511, 16), (255, 8), (10, 8), (1, 8)]
)
def test_a_small_split_has_small_batches(sequences, batch):
    assert batch_size_for(sequences) == batch


def test_option_form_and_documentation_give_the_same_numbers():
    said = next(option.help for option in FINETUNE if option.name == "batch_size")
    assert f"0 takes {BATCH}, or as few, {LEAST_BATCH} at least, as give {STEPS} steps" in said
    form = (PROJECT / "tools" / "dna_lm_finetune.xml").read_text()
    assert f"0: {BATCH}, and fewer" in form and f"at least {STEPS} steps, but {LEAST_BATCH} at least." in form
    documentation = (PROJECT / "docs" / "training.md").read_text()
    assert f"| batch | {BATCH} sequences; of a training split of fewer than {BATCH * STEPS:,}, " in documentation
    assert f"for {STEPS} steps in an epoch, but {LEAST_BATCH} at least |" in documentation
