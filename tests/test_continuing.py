"""A training that goes on from an adapter, with or without the optimizer's state."""

from dataclasses import replace

import pytest
import torch

from dna_lm.adapters.adapter import load_adapter, save_adapter
from dna_lm.training.finetuning import finetune
from dna_lm.training.training_state import save_state
from refusals import refusal
from small import sequences, training_options, write_labelled

# At a constant rate, how many epochs there will be does not matter; the loss falls from epoch to epoch.
STEADY = {"schedule": "constant", "learning_rate": 0.005, "batch_size": 12, "best_metric": "loss", "experts": "yes"}


@pytest.fixture(scope="module")
def train(two):
    def run(**changes):
        splits = {name: two.splits[name] for name in ("train", "dev")}
        return finetune(training_options(**STEADY | splits | changes), lambda _: None)

    return run


def save(result, folder):
    folder.mkdir(exist_ok=True)
    save_adapter(result.adapter, folder / "adapter")
    save_state(result.state, folder / "state")
    return {"resume_from": str(folder / "adapter"), "resume_state": str(folder / "state")}


@pytest.fixture(scope="module")
def first(train, tmp_path_factory):
    """The adapter and the state after one epoch, as options to go on from them."""
    return save(train(epochs=1, state_out="asked for"), tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def whole(train):
    result = train(epochs=2)
    assert result.history["kept"].tolist() == ["", "yes"]
    return result


@pytest.mark.parametrize(("processes", "parallel"), [(1, "ddp"), (2, "ddp"), (2, "fsdp")])
def test_going_on_with_the_state_is_training_without_a_break(train, first, whole, monkeypatch, processes, parallel):
    monkeypatch.setenv("DNA_LM_PROCESSES", str(processes))
    monkeypatch.setenv("DNA_LM_PARALLEL", parallel)
    result = train(epochs=1, **first)
    assert result.history["train_loss"].tolist() == pytest.approx(whole.history["train_loss"].tolist()[1:], abs=1e-5)
    assert result.adapter.tensors.keys() == whole.adapter.tensors.keys()
    for name, tensor in whole.adapter.tensors.items():
        assert torch.allclose(result.adapter.tensors[name], tensor, rtol=0, atol=1e-5), name
    assert result.adapter.training["epochs"] == whole.adapter.training["epochs"] == 2


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_the_state_of_two_processes_is_that_of_one(train, first, monkeypatch, tmp_path, parallel):
    from safetensors.torch import load_file

    monkeypatch.setenv("DNA_LM_PROCESSES", "2")
    monkeypatch.setenv("DNA_LM_PARALLEL", parallel)
    other = save(train(epochs=1, state_out="asked for"), tmp_path)
    one, two = load_file(first["resume_state"]), load_file(other["resume_state"])
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[name], two[name], rtol=0, atol=1e-5) for name in one)


def test_without_the_state_the_optimizer_begins_anew(train, first, whole):
    result = train(epochs=1, resume_from=first["resume_from"])
    assert result.history["dev_loss"][0] < whole.history["dev_loss"][0]
    assert result.history["dev_loss"][0] != pytest.approx(whole.history["dev_loss"][1], abs=1e-5)
    assert result.adapter.training["continued_from_sha256"]
    assert any(note.startswith("going on from an adapter that was trained on 60") for note in result.notes)


@pytest.mark.parametrize("method", ["head", "full"])
def test_other_methods_go_on_too(train, tmp_path, method):
    before = train(epochs=1, method=method, state_out="asked for")
    after = train(epochs=1, **save(before, tmp_path))
    assert after.adapter.peft["method"] == method
    assert after.history["dev_loss"][0] < before.history["dev_loss"][0]


def test_an_ensemble_goes_on_from_its_first_model(train, tmp_path):
    ensemble = train(epochs=1, runs=2, keep="ensemble")
    save_adapter(ensemble.adapter, tmp_path / "ensemble")
    save_adapter(
        replace(ensemble.adapter, further=[], task=ensemble.adapter.task | {"members": 1}), tmp_path / "member"
    )
    one, other = (train(epochs=1, resume_from=str(tmp_path / name)) for name in ("ensemble", "member"))
    assert any("the first of the 2 models of an adapter" in note for note in one.notes)
    for name, tensor in one.adapter.tensors.items():
        assert torch.equal(tensor, other.adapter.tensors[name])


# --- refused ---------------------------------------------------------------------------------------------------------


def test_a_state_without_its_adapter(train, first):
    assert "give the adapter too (--resume-from)" in refusal(train, resume_state=first["resume_state"])


def test_other_labels(train, first, tmp_path):
    path = write_labelled(tmp_path / "other.csv", sequences(["no", "perhaps"], 20, 1))
    assert "perhaps" in refusal(train, resume_from=first["resume_from"], train=path)


def test_another_base_model(train, first):
    assert "was trained on the base model" in refusal(train, resume_from=first["resume_from"], base_model="built-in")


def test_the_state_of_another_training(train, first, tmp_path):
    other = save(train(epochs=1, lora_r=3, state_out="asked for"), tmp_path)
    said = refusal(train, resume_from=first["resume_from"], resume_state=other["resume_state"])
    assert "the optimizer state does not fit what is trained" in said
    head = save(train(epochs=1, method="full", state_out="asked for"), tmp_path)
    said = refusal(train, resume_from=first["resume_from"], resume_state=head["resume_state"])
    assert "the optimizer state does not fit what is trained" in said


def test_the_epochs_of_an_adapter_of_before_are_not_known(first, train, tmp_path):
    adapter = load_adapter(first["resume_from"])
    training = {name: value for name, value in adapter.training.items() if name != "epochs"}
    save_adapter(replace(adapter, training=training), tmp_path / "old")
    assert train(epochs=1, resume_from=str(tmp_path / "old")).adapter.training["epochs"] == 1
