"""What installing and fine-tuning find out about a base model before they promise or do anything."""

import pytest
import torch

import tiny_models
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import new_classifier
from dna_lm.classifiers.trial import reason_against
from dna_lm.exchange.installing import install
from dna_lm.exchange.options import InstallOptions
from refusals import refusal
from small import command_line, lora_options, sequences, write_labeled

LORA = lora_options(lora_dropout=0.1)
OUTPUTS = ["--history-out", "h.tsv", "--plot-out", "c.png", "--report-out", "t.md", "--adapter-out", "a.safetensors"]
# What is wrong with each architecture.
REASONS = {
    "bart": "models of the architecture 'bart' have an encoder and a decoder",
    "canine": "cannot be used here: PEFT puts no LoRA matrices on it",
    "convbert": "read the padding of a batch",
    "fnet": "it reads padding, so that",
    "nystromformer": "tokens it ends with RuntimeError: shape ",
    "reformer": "differ at random",
    "t5": "models of the architecture 't5' have an encoder and a decoder",
}


@pytest.fixture(scope="module", params=REASONS)
def refused(request, tmp_path_factory):
    """The name of an architecture that cannot be used, and the folder of a model of it."""
    folder = tmp_path_factory.mktemp(request.param) / "model"
    tiny_models.write_model(folder, request.param, tiny_models.letters(folder))
    return request.param, folder


def installed(folder, into) -> str:
    options = InstallOptions(folder=str(folder), model_id="x", max_gb=1)
    return install(options, str(into), lambda text: None).notes[-1]


def test_installing_refuses_what_cannot_be_used_and_leaves_nothing(refused, tmp_path):
    name, folder = refused
    assert REASONS[name] in refusal(installed, folder, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("method", ["lora", "head", "full"])
def test_fine_tuning_refuses_what_cannot_be_used(refused, method, call_tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, folder = refused
    splits = {
        split: write_labeled(tmp_path / f"{split}.csv", sequences(["no", "yes"], 12, seed))
        for seed, split in enumerate(("train", "dev"))
    }
    given = command_line({"base_model": folder, **splits, "method": method, "epochs": 1})
    error = call_tool("finetune", *given, *OUTPUTS).error
    assert str(folder.name) in error or "attention" in error
    assert method != "lora" or name == "fnet" or REASONS[name] in error
    assert not (tmp_path / "a.safetensors").exists()


@pytest.mark.parametrize("architecture", tiny_models.ARCHITECTURES)
def test_every_other_architecture_is_taken(architecture, tmp_path):
    tiny_models.write_model(tmp_path / "model", architecture, tiny_models.letters(tmp_path / "model"))
    assert installed(tmp_path / "model", tmp_path / "into").startswith("It makes a classifier: ")


@pytest.fixture
def ready(tiny_random):
    """A classifier that is ready to train, and its encoder."""
    with opened_base_model(str(tiny_random)) as base:
        encoder = Encoder(base, 60)
        yield new_classifier(base, 2, encoder.tokenizer.pad_token_id, LORA), encoder


def test_the_model_and_torchs_random_numbers_are_left_as_they_were(ready):
    model, encoder = ready
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    assert reason_against(model, encoder) == ""
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_what_is_wrong_with_a_model_is_said(ready):
    model, encoder = ready
    forward = model.forward

    def too_long(input_ids, **keywords):
        if input_ids.shape[1] > 30:
            raise IndexError("index out of range\nin a table")
        return forward(input_ids=input_ids, **keywords)

    model.forward = too_long
    assert reason_against(model, encoder, longest=30) == ""
    reason = reason_against(model, encoder)
    assert reason == "on a sequence of 60 tokens it ends with IndexError: index out of range"

    def endless(**keywords):
        answer = forward(**keywords)
        answer.logits = answer.logits / 0
        return answer

    model.forward = endless
    assert reason_against(model, encoder).startswith("it gives no numbers for sequences of up to ")
    model.forward = forward
    model.requires_grad_(False)
    assert "RuntimeError: element 0 of tensors does not require grad" in reason_against(model, encoder)
    assert reason_against(model, encoder, training=False) == ""


def test_too_little_memory_is_no_reason_against_a_model(ready):
    model, encoder = ready

    def too_much(**_):
        raise MemoryError

    model.forward = too_much
    with pytest.raises(MemoryError):
        reason_against(model, encoder)


def test_layers_of_one_name_of_which_some_are_not_linear(tmp_path):
    """LoRA is put on the linear ones alone."""
    tiny_models.write_model(tmp_path, "reformer", tiny_models.letters(tmp_path))
    with opened_base_model(str(tmp_path)) as base:
        model = new_classifier(base, 2, 0, LORA)
    targets = model.peft_config["default"].target_modules
    assert any(name.endswith("output.dense") for name in targets) and "dense" not in targets
