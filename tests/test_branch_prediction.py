"""Adapters with a branch that reads nucleotides: saved, loaded and applied."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from branched import WEIGHT, summed, with_branch
from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.prediction import merged_models
from dna_lm.prediction import predictor as predictor_module
from refusals import refusal
from small import predictor, sequences

DNA = [dna for dna, _ in sequences(["no", "yes"], 40, seed=4)]


@pytest.fixture(params=["adapter_tiny_random", "adapter_ensemble", "adapter_several", "adapter_number"])
def plain(request, test_data):
    return test_data / f"{request.param}.safetensors"


@pytest.fixture
def made(plain, tmp_path):
    path = tmp_path / "branched.safetensors"
    save_adapter(with_branch(load_adapter(plain)), path)
    return path


def raw(adapter, dna=DNA, **changes) -> np.ndarray:
    with predictor(adapter, **changes) as opened:
        return opened.outputs(dna).raw


def test_a_branch_comes_through_the_file(made, tmp_path):
    adapter = load_adapter(made)
    assert adapter.task["branch"]["language_model"] == WEIGHT
    assert all(not name.startswith("branch.") for name in adapter.tensors)
    save_adapter(adapter, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == made.read_bytes()


def test_what_is_predicted_is_the_weighted_sum(plain, made):
    expected = summed(raw(plain), DNA, load_adapter(plain).strand)
    np.testing.assert_allclose(raw(made), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(raw(made) - raw(plain)).max() > 0.1


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_one_strand_is_read_alone(plain, made, strand):
    expected = summed(raw(plain, strand=strand), DNA, strand)
    np.testing.assert_allclose(raw(made, strand=strand), expected, rtol=1e-4, atol=1e-4)


def test_processes_change_nothing(made, monkeypatch):
    monkeypatch.setattr(predictor_module, "prediction_processes", lambda _: 1)
    expected = raw(made)
    monkeypatch.setattr(predictor_module, "prediction_processes", lambda _: 2)
    np.testing.assert_allclose(raw(made), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("weight, chosen", [(1e-300, "bf16"), (0.75, "fp32")])
def test_a_lower_precision_is_judged_by_the_sum(test_data, monkeypatch, weight, chosen):
    """A language model that hardly counts moves nothing."""
    monkeypatch.setattr(merged_models.MergedModels, "_short", lambda _: "bf16")
    monkeypatch.setattr(merged_models, "WORTH_TRYING", 10)
    monkeypatch.setattr(merged_models, "MOST_MOVED", 0)
    said = []
    adapter = load_adapter(test_data / "adapter_ensemble.safetensors")
    found = raw(with_branch(adapter, weight), precision="auto", progress=said.append)
    assert said[0].startswith(f"computing in {chosen}")
    assert found.shape[:3] == (2, 2, 40)


def test_the_branch_reads_what_the_language_model_reads(test_data, tmp_path):
    adapter = with_branch(load_adapter(test_data / "adapter_tiny_random.safetensors"))
    save_adapter(replace(adapter, task=adapter.task | {"max_length": 10}), tmp_path / "short")
    with predictor(tmp_path / "short") as opened:
        texts = ["ACGTTGCATGCAAGTC" * 20]
        letters = opened.encoder.encode_strands(texts).given.letters[0]
        assert 0 < letters < 100
        found, expected = opened.outputs(texts).raw, opened.outputs([texts[0][:letters]]).raw
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_no_sequences_are_no_error(made):
    assert raw(made, []).shape[2] == 0


@pytest.mark.parametrize("what", ["no record", "no tensors", "no weight", "a tensor of another shape"])
def test_a_damaged_branch_is_refused(test_data, tmp_path, what):
    adapter = with_branch(load_adapter(test_data / "adapter_tiny_random.safetensors"))
    task = dict(adapter.task)
    match what:
        case "no record":
            del task["branch"]
        case "no tensors":
            adapter = replace(adapter, branch={})
        case "no weight":
            task["branch"] = {name: value for name, value in task["branch"].items() if name != "language_model"}
        case "a tensor of another shape":
            adapter.branch["kmers.head.bias"] = torch.zeros(7)
    save_adapter(replace(adapter, task=task), tmp_path / "damaged")
    assert refusal(raw, tmp_path / "damaged").endswith("record is damaged; train the adapter again")


@pytest.mark.parametrize("strand", ["forward", "both"])
def test_a_language_model_that_counts_nothing_is_not_computed(test_data, monkeypatch, strand):
    plain = load_adapter(test_data / "adapter_ensemble.safetensors")
    adapter = with_branch(plain, weight=0.0)
    with predictor(adapter, strand=strand) as opened:
        opened.every_part = True
        wanted = opened.outputs(DNA)
    with predictor(plain, strand=strand) as opened:
        np.testing.assert_allclose(wanted.language_model, opened.outputs(DNA).raw, atol=1e-6)
    monkeypatch.setattr(predictor_module.Predictor, "_opened", None)
    with predictor(adapter, strand=strand) as opened:
        found = opened.outputs(DNA)
        empty = opened.outputs([])
    np.testing.assert_array_equal(found.raw, wanted.raw)
    assert empty.raw.shape == (2, 1 + (strand == "both"), 0, 2)
