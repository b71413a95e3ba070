"""Norms as one step of autograd give the numbers of transformers'."""

from types import MethodType

import pytest
import torch
from transformers.models.mixtral.modeling_mixtral import MixtralRMSNorm

import tiny_models
from dna_lm.base_models.architectures import ARCHITECTURES
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import new_classifier
from dna_lm.speed import rms_norm
from dna_lm.speed.rms_norm import fuse_norms
from gradients import answers_and_gradients, assert_same
from small import lora_options

PAD = 0
IDS = torch.tensor([[5, 6, 7, 0, 0, 0], [5, 7, 8, 8, 6, 6]])

LIKE_LLAMA = [name for name, about in ARCHITECTURES.items() if about.like_llama]


def test_gradient_is_that_of_the_formula():
    weight = torch.rand(5, dtype=torch.float64)
    x = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: rms_norm._Norm.apply(given, weight, 1e-5), x)


def test_a_hand_worked_norm():
    x = torch.tensor([[3.0, 4.0]])  # its mean square is 12.5
    found = rms_norm._Norm.apply(x, torch.tensor([1.0, 10.0]), 3.5)
    torch.testing.assert_close(found, torch.tensor([[0.75, 10.0]]))


@pytest.fixture
def calls(monkeypatch):
    """How many norms were computed here."""
    seen = []
    compute = rms_norm._Norm.apply
    monkeypatch.setattr(rms_norm._Norm, "apply", lambda *given: seen.append(1) or compute(*given))
    return seen


@pytest.mark.parametrize("architecture", [*LIKE_LLAMA, "bert"])
def test_answers_and_gradients_are_those_of_transformers(architecture, tmp_path, calls):
    tiny_models.write_model(tmp_path / "model", architecture, tiny_models.letters(tmp_path / "model"))
    results = []
    for fuse in (lambda model: None, fuse_norms):
        torch.manual_seed(0)
        with opened_base_model(str(tmp_path / "model")) as base:
            model = new_classifier(base, 2, PAD, lora_options())
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "norm" in name:
                    parameter.uniform_(0.5, 1.5)
        fuse(model)
        results.append(answers_and_gradients(model.eval(), IDS, [0, 1], PAD))
        assert bool(calls) == (fuse is fuse_norms and architecture in LIKE_LLAMA)
    theirs, ours = results
    assert_same(ours, theirs)


@pytest.mark.parametrize("case", ["trained", "bfloat16"])
def test_transformers_computes_other_norms(case, calls):
    norm = MixtralRMSNorm(4)
    norm.requires_grad_(case == "trained")
    x = torch.randn(2, 4).to(torch.bfloat16 if case == "bfloat16" else torch.float32)
    expected = norm(x)
    norm.forward = MethodType(rms_norm._forward, norm)
    assert torch.equal(norm(x), expected)
    assert not calls
