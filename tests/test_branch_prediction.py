"""Adapters with a branch that reads nucleotides: saved, loaded and applied."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dna_lm.adapters.dataset import Adapter, load_adapter, save_adapter
from dna_lm.baselines.names import KMERS
from dna_lm.branch.codes import nucleotide_codes
from dna_lm.branch.convolution import Convolution, Shape
from dna_lm.branch.names import CONVOLUTION, MOTIFS
from dna_lm.branch.network import Branch, KmerPart, MotifPart
from dna_lm.branch.record import saved
from dna_lm.data.packing import PAD
from dna_lm.data.sequences import reverse_complement
from dna_lm.motifs.jaspar import DATABASE, jaspar_motifs
from dna_lm.prediction import predictor as predictor_module
from dna_lm.processes.inference import padded
from refusals import refusal
from small import predictor, sequences

DNA = [dna for dna, _ in sequences(["no", "yes"], 40, seed=4)]
WEIGHT = 0.75


def branch(outputs: int) -> tuple[Branch, list]:
    torch.manual_seed(3)
    motifs = jaspar_motifs("urochordates")[:5]
    parts = {
        MOTIFS: MotifPart([motif.log_odds() for motif in motifs], outputs),
        KMERS: KmerPart(outputs),
        CONVOLUTION: Convolution(outputs, Shape(filters=8, filter_width=7, channels=4, width=3, pooled=2)),
    }
    torch.nn.init.normal_(parts[CONVOLUTION].head.weight)
    return Branch(parts, {MOTIFS: 0.5, KMERS: 1.0, CONVOLUTION: 2.0}).eval(), motifs


def with_branch(adapter: Adapter) -> Adapter:
    tensors, record = saved(*branch(adapter.target.outputs), DATABASE)
    return replace(adapter, branch=tensors, task=adapter.task | {"branch": {"language_model": WEIGHT, **record}})


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


def of_branch(dna: list[str], outputs: int) -> np.ndarray:
    with torch.no_grad():
        return branch(outputs)[0](*padded(nucleotide_codes(dna), PAD)).logits.double().numpy()


def test_a_branch_comes_through_the_file(made, tmp_path):
    adapter = load_adapter(made)
    assert adapter.task["branch"]["language_model"] == WEIGHT
    assert all(not name.startswith("branch.") for name in adapter.tensors)
    save_adapter(adapter, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == made.read_bytes()


def test_what_is_predicted_is_the_weighted_sum(plain, made):
    outputs = load_adapter(plain).target.outputs
    expected = WEIGHT * raw(plain)  # (members, strands, n, outputs)
    expected[:, 0] += of_branch(DNA, outputs)
    if expected.shape[1] > 1:
        expected[:, 1] += of_branch(list(map(reverse_complement, DNA)), outputs)
    np.testing.assert_allclose(raw(made), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(raw(made) - raw(plain)).max() > 0.1


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_one_strand_is_read_alone(plain, made, strand):
    dna = DNA if strand == "forward" else list(map(reverse_complement, DNA))
    expected = WEIGHT * raw(plain, strand=strand) + of_branch(dna, load_adapter(plain).target.outputs)
    np.testing.assert_allclose(raw(made, strand=strand), expected, rtol=1e-4, atol=1e-4)


def test_processes_change_nothing(made, monkeypatch):
    monkeypatch.setattr(predictor_module, "prediction_processes", lambda _: 1)
    expected = raw(made)
    monkeypatch.setattr(predictor_module, "prediction_processes", lambda _: 2)
    np.testing.assert_allclose(raw(made), expected, rtol=1e-5, atol=1e-5)


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
