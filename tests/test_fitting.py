"""With little memory fewer sequences go through the model at once, and what is learned is the same."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
import torch

from dna_lm.processes.devices import Devices
from dna_lm.training import model as training_model
from dna_lm.training.estimate import Estimate
from dna_lm.training.finetuning import finetune
from dna_lm.training.micro_batches import most_at_once
from dna_lm.training.model import fitted
from dna_lm.training.options import ModelOptions, OptimizationOptions
from refusals import refusal
from small import training_options

GB = 10**9
LONGEST = 20
ALONE = Devices(False, 1, 1, "ddp")
OPTIONS = ModelOptions(method="lora", quantization="none")


class Model(torch.nn.Module):
    """Its one layer has 40 MB, which 4 bits would make 6."""

    config = Namespace(hidden_size=256)

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1000, 10_000, bias=False).requires_grad_(False)


class Split:
    def lengths(self):
        return np.full((64, 2), LONGEST)


SPLIT = Split()


def plan(devices, **changes):
    from dna_lm.training.loop import Plan

    missing = dict.fromkeys((name for name in Plan.__dataclass_fields__), 1)
    given = {"devices": devices, "train_set": SPLIT, "dev_set": SPLIT}
    return Plan(**missing | given | {"options": OptimizationOptions(batch_size=64), "precision": "fp32"} | changes)


@pytest.fixture
def memory(monkeypatch):
    """Each process needs 1 GB, and 0.1 GB for each sequence of 20 tokens that goes through at once."""

    def estimate(_model, work):
        processes = work.processes
        assert work.most == most_at_once(64, Devices(False, processes, 1, "ddp"))
        at_once = min(work.most, work.tokens // int(work.lengths.max()))
        size = processes * (GB + at_once * GB // 10)
        return Estimate(size, 1.0, GB, GB // 10, GB // 100, at_once, False, processes, LONGEST)

    def have(size):
        monkeypatch.setattr(training_model, "estimate", estimate)
        monkeypatch.setattr(training_model, "available_memory", lambda _place: size)

    return have


@pytest.mark.parametrize(
    ("available", "tokens", "said"),
    [
        (4 * GB, 512, []),
        (
            15 * GB // 10,
            5 * LONGEST,
            [
                "5 of the longest sequences go through the model at once instead of 25, since 1.5 GB of memory are "
                "available; what is learned does not change"
            ],
        ),
        (
            115 * GB // 100,
            LONGEST,
            [
                "1 of the longest sequences go through the model at once instead of 25, since 1.1 GB of memory are "
                "available; what is learned does not change"
            ],
        ),
    ],
)
def test_fewer_sequences_at_once(memory, available, tokens, said):
    memory(available)
    found, notes, expected = fitted(Model(), plan(ALONE), OPTIONS)
    assert found == plan(ALONE, tokens_at_once=tokens)
    assert notes == said
    assert len(expected) == 1 and expected[0].startswith("a run will take about ")


def test_one_process_where_two_do_not_fit(memory):
    memory(15 * GB // 10)
    found, notes, expected = fitted(Model(), plan(Devices(False, 2, 2, "ddp")), OPTIONS)
    assert (found.devices.processes, found.devices.threads) == (1, 4)
    assert found.tokens_at_once == 5 * LONGEST
    assert notes[0] == "several processes would need more memory than the 1.5 GB there are: one trains"


def test_two_processes_with_fewer_sequences(memory):
    memory(3 * GB)
    found, notes, expected = fitted(Model(), plan(Devices(False, 2, 1, "ddp")), OPTIONS)
    assert (found.devices.processes, found.tokens_at_once) == (2, 5 * LONGEST)


def test_one_sequence_that_does_not_fit_is_refused(memory):
    """Of what could be advised, only what helps is."""
    memory(1)
    assert refusal(fitted, Model(), plan(ALONE), OPTIONS) == (
        "the training needs about 1.10 GB of memory for one sequence of 20 tokens at once, and 0.00 GB are available: "
        "choose a smaller base model, or give the job more memory"
    )
    memory(107 * GB // 100)
    assert refusal(fitted, Model(), plan(Devices(False, 2, 1, "ddp")), OPTIONS) == (
        "the training needs about 1.10 GB of memory for one sequence of 20 tokens at once, and 1.07 GB are available: "
        'set "Gradient checkpointing" (--gradient-checkpointing yes), reduce the "Maximum length (tokens)" '
        '(--max-length) below 20, set "Quantization of the base model" to 4 bits (--quantization 4bit-nf4), choose a '
        "smaller base model, or give the job more memory"
    )


def test_a_real_training_with_little_memory_learns_the_same(two, monkeypatch):
    splits = {name: two.splits[name] for name in ("train", "dev")}
    enough = finetune(training_options(**splits, epochs=1), lambda _: None)

    def estimate(*given, original=training_model.estimate, **named):
        found = original(*given, **named)
        return replace(found, bytes=10**12 if found.at_once > 1 else 1, fixed=10**11, sequence=10**11)

    monkeypatch.setattr(training_model, "estimate", estimate)
    monkeypatch.setattr(training_model, "available_memory", lambda _place: 25 * 10**10)
    little = finetune(training_options(**splits, epochs=1), lambda _: None)
    assert any(note.startswith("1 of the longest sequences go through the model at once") for note in little.notes)
    for name, tensor in enough.adapter.tensors.items():
        torch.testing.assert_close(little.adapter.tensors[name], tensor, atol=1e-4, rtol=1e-3)


def test_gradient_checkpointing_is_estimated_as_it_is_trained(two, monkeypatch):
    found = []

    def fits(needed, *_, **__):
        found.append(needed.checkpointing)

    monkeypatch.setattr(training_model, "check_fits", fits)
    splits = {name: two.splits[name] for name in ("train", "dev")}
    for choice in ("no", "yes"):
        finetune(training_options(**splits, epochs=1, gradient_checkpointing=choice), lambda _: None)
    assert found == [False, True]
