import numpy as np
import pytest
import torch

from dna_lm.classifiers import precision
from dna_lm.classifiers.devices import Devices, Gpus
from dna_lm.classifiers.precision import Precision, choose_precision, train_in_float32
from dna_lm.training.training import sequences_at_once
from refusals import refusal


@pytest.mark.parametrize(("tokens", "attention"), [(512, "eager"), (513, None)])
def test_on_a_cpu(tokens, attention):
    assert choose_precision("auto", False, tokens) == Precision("fp32", attention)
    assert choose_precision("bf16", False, tokens) == Precision("bf16", attention)


@pytest.mark.parametrize(("bf16", "name"), [(True, "bf16"), (False, "fp16")])
def test_on_a_gpu(monkeypatch, bf16, name):
    monkeypatch.setattr(precision, "gpus", lambda: Gpus(1, 16_000_000_000, bf16))
    assert choose_precision("auto", True, 30) == Precision(name, None)
    assert choose_precision("fp32", True, 30) == Precision("fp32", None)


def test_half_precision_needs_a_gpu():
    assert refusal(choose_precision, "fp16", False, 30) == "--precision fp16 needs a GPU; choose fp32 or bf16"


def test_a_module_that_is_trained_computes_in_float32_whatever_is_around_it():
    layer = torch.nn.Linear(4, 2).bfloat16()
    train_in_float32(layer)
    with torch.autocast("cpu", torch.bfloat16):
        answer = layer(torch.ones(3, 4, dtype=torch.bfloat16))
    assert layer.weight.dtype == answer.dtype == torch.float32


@pytest.mark.parametrize(
    ("batch", "processes", "length", "hidden_size", "cuda", "expected"),
    [
        (64, 1, 25, 256, False, 16),  # 512 tokens, and a divisor of 64
        (64, 1, 25, 1024, False, 16),
        (64, 1, 25, 128, False, 32),  # 1024 tokens
        (64, 1, 25, 64, False, 64),
        (64, 2, 25, 256, False, 32),  # all of the share of each
        (64, 2, 60, 256, False, 16),
        (64, 2, 25, 512, False, 16),
        (64, 2, 25, 1024, False, 16),
        (64, 1, 8, 256, False, 64),
        (64, 1, 2000, 256, False, 1),
        (64, 1, 2000, 16, False, 4),
        (60, 1, 60, 256, False, 6),
        (60, 2, 60, 256, False, 15),
        (64, 1, 500, 64, True, 64),
        (64, 1, 2000, 16, True, 16),
    ],
)
def test_sequences_at_once(batch, processes, length, hidden_size, cuda, expected):
    devices = Devices(cuda, processes, 1, "ddp")
    assert sequences_at_once(batch, np.full((9, 2), length), hidden_size, devices) == expected
