"""A step, however it is cut and dealt, is the step: the same sequences, and the same gradients to rounding."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from transformers import set_seed

from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import new_classifier
from dna_lm.data.targets import Target
from dna_lm.processes.devices import Devices
from dna_lm.processes.inference import padded
from dna_lm.processes.together import run_together
from dna_lm.training import loop as training
from dna_lm.training.batches import Sequences, Steps, Tokens
from dna_lm.training.loop import Plan, train
from dna_lm.training.losses import balanced_weights, loss_function
from dna_lm.training.micro_batches import deal, most_at_once, tokens_at_once
from dna_lm.training.options import OptimizationOptions
from dna_lm.training.parallel import Parallel
from dna_lm.words import BALANCED, CLASSES, FOCAL, MULTI_LABEL, NUMBER
from small import TINY_RANDOM, lora_options

# --- how a step is cut and dealt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hidden_size", "processes", "cuda", "expected"),
    [
        (1024, 1, False, 512),
        (256, 1, False, 512),
        (256, 2, False, 1024),
        (128, 1, False, 1024),
        (64, 2, False, 4096),
        (64, 1, True, 32768),
    ],
)
def test_tokens_at_once(hidden_size, processes, cuda, expected):
    assert tokens_at_once(hidden_size, Devices(cuda, processes, 1, "ddp")) == expected


def test_a_process_has_its_share_of_a_batch_at_once():
    assert [most_at_once(9, Devices(False, processes, 1, "ddp")) for processes in (1, 2, 4)] == [9, 5, 3]


def dealt(lengths, processes=1, tokens=512, most=64):
    return deal(np.array(lengths), processes, tokens, most)


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=70), st.integers(1, 4), st.integers(1, 1000), st.integers(1, 64)
)
def test_every_sequence_is_dealt_once_and_no_micro_batch_is_too_large(lengths, processes, tokens, most):
    shares = dealt(lengths, processes, tokens, most)
    assert sorted(number for share in shares for group in share for number in group) == list(range(len(lengths)))
    assert len(shares) == processes and len({len(share) for share in shares}) == 1
    for group in (group for share in shares for group in share if len(group)):
        size = len(group) * max(lengths[number] for number in group)
        assert len(group) == 1 or size <= min(tokens, most * max(lengths))
    if len(lengths) >= sum(map(len, shares)):
        assert all(len(group) for share in shares for group in share)


def test_work_is_shared_where_each_process_has_one_micro_batch():
    lengths = np.random.default_rng(1).integers(20, 200, 64)
    first, second = ([len(group) * lengths[group].max() for group in share] for share in deal(lengths, 2, 10**6, 32))
    assert len(first) == len(second) == 1
    assert 0.9 < first[0] / second[0] < 1.1


def test_a_process_without_a_sequence_has_an_empty_micro_batch():
    shares = dealt([7, 9, 8], processes=2, tokens=8)
    assert [[list(group) for group in share] for share in shares] == [[[1], []], [[2], [0]]]


def test_padding_is_little_and_work_is_shared():
    """Of lengths of every size, a tenth is padding; padded to the longest of the step it would be near half."""
    numbers = np.random.default_rng(1)
    for processes in (1, 2, 3):
        padding, share = [], []
        for _ in range(50):
            lengths = numbers.integers(20, 200, 64)
            shares = deal(lengths, processes, 1024, -(-64 // processes))
            costs = [[len(group) * lengths[group].max() for group in share] for share in shares]
            padding.append(sum(map(sum, costs)) / lengths.sum())
            share.append(max(map(sum, costs)) / sum(map(sum, costs)) * processes)
        assert np.mean(padding) < 1.1
        assert np.mean(share) < 1.06


# --- what it changes of the gradients: nothing -----------------------------------------------------------------------

LABELS = ["a", "b", "c"]
CLASS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 0])
SEVERAL = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]] * 2 + [[0, 1, 0]] * 3, dtype=float)
VALUES = np.linspace(-3, 8, 11)


def cross_entropy(outputs, wanted, weights):
    return functional.cross_entropy(outputs, wanted, weight=weights)


def smoothed(outputs, wanted, weights):
    log = torch.log_softmax(outputs, dim=1)
    each = -0.8 * log.gather(1, wanted[:, None])[:, 0] - 0.2 * log.mean(dim=1)
    return each.mean() if weights is None else (weights[wanted] * each).sum() / weights[wanted].sum()


def focal(outputs, wanted, weights):
    log = torch.log_softmax(outputs, dim=1).gather(1, wanted[:, None])[:, 0]
    each = -((1 - log.exp()) ** 2) * log
    return each.mean() if weights is None else (weights[wanted] * each).sum() / weights[wanted].sum()


def several(outputs, wanted, weights):
    return functional.binary_cross_entropy_with_logits(outputs, wanted, pos_weight=weights)


def squared(outputs, wanted, weights):
    return functional.mse_loss(outputs, wanted)


# The target, what is true, the options, and the loss of a whole step by hand.
OBJECTIVES = {
    "cross-entropy": (CLASSES, CLASS, {}, cross_entropy),
    "weighted": (CLASSES, CLASS, {"class_weights": BALANCED}, cross_entropy),
    "smoothed": (CLASSES, CLASS, {"label_smoothing": 0.2}, smoothed),
    "smoothed and weighted": (CLASSES, CLASS, {"label_smoothing": 0.2, "class_weights": BALANCED}, smoothed),
    "focal": (CLASSES, CLASS, {"loss": FOCAL}, focal),
    "focal and weighted": (CLASSES, CLASS, {"loss": FOCAL, "class_weights": BALANCED}, focal),
    "several labels": (MULTI_LABEL, SEVERAL, {"class_weights": BALANCED}, several),
    "numbers": (NUMBER, VALUES, {}, squared),
}
# Tokens and processes; how many batches make a step of four; whether activations are computed twice.
WAYS = {
    "whole": (10_000, 1, 1, "ddp"),
    "one at once": (1, 1, 1, "ddp"),
    "accumulated": (10_000, 1, 2, "ddp"),
    "two processes": (10_000, 2, 1, "ddp"),
    "two processes, one at once, accumulated": (1, 2, 2, "ddp"),
    "in parts": (30, 2, 1, "fsdp"),
}


def a_model(target: Target):
    set_seed(0)
    with opened_base_model(str(TINY_RANDOM)) as base:
        return new_classifier(base, target.outputs, 3, lora_options(), kind=target.kind)


def some_sequences(target: Target, truth: np.ndarray) -> Sequences:
    numbers = np.random.default_rng(0)
    tokens = [numbers.integers(5, 9, size=length).tolist() for length in numbers.integers(3, 20, size=len(truth))]
    return Sequences([Tokens(tokens)], target.for_training(truth))


def gradients(target, truth, options, folder: Path, way: tuple) -> list[dict[str, torch.Tensor]]:
    """Return the gradients of the steps of an epoch of a training that is never moved by them."""
    tokens, processes, accumulation, parallel = way
    sequences = some_sequences(target, truth)
    plan = Plan(
        target=target,
        truth=truth,
        loss=loss_function(target, truth, **options),
        options=OptimizationOptions(
            learning_rate=0.1,
            schedule="constant",
            warmup=0.0,
            epochs=1,
            batch_size=4 // accumulation,
            accumulation=accumulation,
            weight_decay=0.0,
            best_metric="loss",
            patience=0,
        ),
        devices=Devices(False, processes, 1, parallel),
        train_set=sequences,
        dev_set=sequences,
        pad_token_id=3,
        scores=("loss",),
        seed=1,
        deadline=math.inf,
        precision="fp32",
        keep_state=False,
        tokens_at_once=tokens,
    )

    class Still(Parallel):
        steps = 0

        def step(self, optimizer, max_grad_norm):
            found = {
                name: training.full_tensor(parameter.grad).clone()
                for name, parameter in self.model.named_parameters()
                if parameter.grad is not None
            }
            if self.rank == 0:
                torch.save(found, folder / f"{self.steps}.pt")
            self.steps += 1
            optimizer.zero_grad()
            return False

    model = a_model(target)

    def one(_rank=0):
        train(model, plan, lambda _: None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "Parallel", Still)
        if processes == 1:
            one()
        else:
            run_together(one, processes, folder)
    return [torch.load(folder / f"{number}.pt") for number in range(3)]


def by_hand(target, truth, options, loss) -> list[dict[str, torch.Tensor]]:
    """The same of each step as a whole, without anything of the training."""
    sequences, model, result = some_sequences(target, truth), a_model(target), []
    weights = balanced_weights(target, truth) if options.get("class_weights") else None
    for numbers, strands in Steps(sequences.lengths(), 4, 1).of(0):
        ids, mask = padded(sequences.tokens(numbers, strands), 3)
        outputs = model(input_ids=ids, attention_mask=mask).logits
        model.zero_grad()
        loss(outputs, torch.as_tensor(sequences.wanted[numbers]), weights).backward()
        named = model.named_parameters()
        result.append({name: one.grad.clone() for name, one in named if one.grad is not None})
    return result


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_gradients_of_a_step_do_not_depend_on_how_it_is_cut(name, tmp_path):
    kind, truth, options, loss = OBJECTIVES[name]
    target = Target(kind, [], 1.0, 2.0) if kind == NUMBER else Target(kind, LABELS)
    expected = by_hand(target, truth, options, loss)
    assert len(expected) == 3  # of 4, 4 and, uneven, 3 sequences
    ways = WAYS if name in ("weighted", "several labels") else dict(list(WAYS.items())[:-1])
    for number, (way, settings) in enumerate(ways.items()):
        (tmp_path / str(number)).mkdir()
        found = gradients(target, truth, options, tmp_path / str(number), settings)
        for step, (one, other) in enumerate(zip(expected, found, strict=True)):
            assert one.keys() == other.keys()
            scale = max(gradient.abs().max() for gradient in one.values())
            for parameter, gradient in one.items():
                difference = (gradient - other[parameter]).abs().max()
                assert difference < 1e-5 * scale, (way, step, parameter)
