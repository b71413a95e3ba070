"""The last layer, computed only for the token whose state the head reads, gives the same answers and gradients."""

import pytest
import torch

import tiny_models
from dna_lm.base_models.architectures import ARCHITECTURES
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import new_classifier
from dna_lm.speed.pooled_token import MODULES, skip_other_tokens
from gradients import answers_and_gradients, assert_same
from small import lora_options

PAD = 0
# Padding behind, before, on both sides and not at all.
IDS = torch.tensor([[5, 6, 7, 0, 0, 0], [0, 0, 7, 8, 5, 6], [0, 5, 8, 8, 6, 0], [8, 7, 6, 5, 5, 6]])
LABELS = [0, 1, 1, 0]

LIKE_LLAMA = [name for name, about in ARCHITECTURES.items() if about.like_llama]


@pytest.fixture(scope="module", params=LIKE_LLAMA)
def base(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "model"
    tiny_models.write_model(folder, request.param, tiny_models.letters(folder))
    with opened_base_model(str(folder)) as opened:
        yield opened


def classifier(base, options):
    torch.manual_seed(0)
    return new_classifier(base, 2, PAD, options)


def last_layer(model) -> torch.nn.Module:
    classifier = model.get_base_model() if hasattr(model, "peft_config") else model
    return classifier.base_model.layers[-1]


@pytest.mark.parametrize("options", [lora_options(experts="yes"), lora_options(method="full")], ids=["lora", "full"])
def test_answers_and_gradients_stay(base, options):
    expected = answers_and_gradients(classifier(base, options), IDS, LABELS, PAD)
    model = classifier(base, options)
    skip_other_tokens(model)
    assert_same(answers_and_gradients(model, IDS, LABELS, PAD), expected)
    assert any(gradient.abs().max() > 1e-3 for gradient in expected[1].values())


def seen_tokens(model) -> dict[str, int]:
    """How many tokens of a sequence each of the modules computes in a forward pass, by its name."""
    seen = {}
    for name in MODULES:
        inner = last_layer(model).get_submodule(name)
        inner.forward = counted(inner.forward, seen, name)
    skip_other_tokens(model)
    model(input_ids=IDS, attention_mask=IDS.ne(PAD).long())
    return seen


def counted(forward, seen, name):
    def count(values):
        seen[name] = values.shape[1]
        return forward(values)

    return count


def test_one_token_of_each_sequence_is_computed(base):
    assert seen_tokens(classifier(base, lora_options())) == dict.fromkeys(MODULES, 1)


def test_all_are_computed_where_layers_are_computed_again_for_gradients(base):
    model = classifier(base, lora_options()).train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    assert seen_tokens(model) == dict.fromkeys(MODULES, IDS.shape[1])


@pytest.mark.parametrize("architecture", ["bert", "gpt_neox", "gemma"])
def test_other_architectures_are_left_as_they_are(tmp_path, architecture):
    folder = tmp_path / "model"
    tiny_models.write_model(folder, architecture, tiny_models.letters(folder))
    with opened_base_model(str(folder)) as base:
        model = classifier(base, lora_options())
        skip_other_tokens(model)
    assert not any("forward" in vars(part) for part in model.modules())
