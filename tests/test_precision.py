import pytest
import torch

from dna_lm.classifiers import precision
from dna_lm.classifiers.precision import Precision, choose_precision, train_in_float32
from dna_lm.processes.devices import Gpus
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
