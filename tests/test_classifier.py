import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import set_seed

from dna_lm.adapters.dataset import Adapter, load_adapter
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import (
    adapter_tensors,
    fitted_classifier,
    new_classifier,
    peft_settings,
    trained_classifier,
    untrained_classifier,
)
from dna_lm.processes.devices import device
from dna_lm.processes.inference import batch_outputs, batches
from refusals import refusal
from small import lora_options

PAD = 3
SEQUENCES = ["ACGT", "GATTACA", "TTTTTTTTTTTT", "C", "NACGTACGTACGTACGTACGN"]


@pytest.fixture
def folder(tiny_random, tmp_path):
    return shutil.copytree(tiny_random, tmp_path / "tiny")


@pytest.fixture
def base(tiny_random):
    with opened_base_model(str(tiny_random)) as opened:
        yield opened


def classifier(base, labels=2, seed=0, **changes):
    set_seed(seed)
    return new_classifier(base, labels, PAD, lora_options(**changes))


def shaken(model):
    """Give the LoRA matrices and the head other values, as training does: PEFT starts with an update of zero."""
    set_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def adapter_of(model, base, labels) -> Adapter:
    return Adapter(
        tensors=adapter_tensors(model),
        peft=peft_settings(model),
        base_model=base.identity(),
        task={"labels": labels, "max_length": 50},
        training={},
    )


def predicted(model, base, batch_size=2) -> np.ndarray:
    encoder = Encoder(base, 50)
    tokens = encoder.encode(SEQUENCES).tokens
    result = np.empty((len(tokens), model.config.num_labels))
    for batch in batches(list(map(len, tokens)), batch_size):
        chosen = [tokens[number] for number in batch]
        result[batch] = batch_outputs(model.to(device()), chosen, encoder.tokenizer.pad_token_id, device())
    return result


# --- a new classifier ------------------------------------------------------------------------------------------------


def test_only_the_lora_matrices_and_the_head_are_trained(base):
    trained = [name for name, parameter in classifier(base).named_parameters() if parameter.requires_grad]
    layers = [f"base_model.model.model.layers.0.self_attn.{name}_proj" for name in "qkvo"]
    expected = [f"{layer}.lora_{matrix}.default.weight" for layer in layers for matrix in "AB"]
    assert sorted(trained) == sorted([*expected, "base_model.model.score.modules_to_save.default.weight"])


def test_the_base_weights_are_those_of_the_file(base, tiny_random):
    model = classifier(base)
    weights = load_file(tiny_random / "model.safetensors")
    attention = model.base_model.model.model.layers[0].self_attn
    assert torch.equal(attention.q_proj.base_layer.weight, weights["model.layers.0.self_attn.q_proj.weight"])
    assert torch.equal(model.base_model.model.model.embed_tokens.weight, weights["model.embed_tokens.weight"])
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_page_of_a_mixtures_file_stays_in_memory(base, tiny_random):
    model = classifier(base)
    assert str(tiny_random) not in Path("/proc/self/maps").read_text()
    del model


def test_the_seed_decides_the_start(base):
    first, again, other = (adapter_tensors(classifier(base, seed=seed)) for seed in (1, 1, 2))
    head = "base_model.model.score.weight"
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first[head], other[head])


def test_the_head_has_an_output_for_each_label(base):
    assert adapter_tensors(classifier(base, labels=3))["base_model.model.score.weight"].shape == (3, 16)


def test_a_head_that_comes_with_the_base_model_is_drawn_anew(base, tmp_path):
    # A backbone that was fine-tuned for another task has a head of the same shape.
    own = classifier(base).merge_and_unload()
    torch.nn.init.constant_(own.score.weight, 7)
    shutil.copytree(base.folder, tmp_path / "tuned")
    own.save_pretrained(tmp_path / "tuned")
    with opened_base_model(str(tmp_path / "tuned")) as tuned:
        assert adapter_tensors(classifier(tuned))["base_model.model.score.weight"].abs().max() < 1
        assert adapter_tensors(classifier(tuned, labels=3))["base_model.model.score.weight"].shape == (3, 16)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("auto", ["k_proj", "o_proj", "q_proj", "v_proj"]),
        ("q_proj", ["q_proj"]),
        (" v_proj , q_proj ", ["q_proj", "v_proj"]),
        ("q_proj,", ["q_proj"]),
    ],
)
def test_target_modules(base, asked, found):
    assert peft_settings(classifier(base, target_modules=asked))["target_modules"] == found


@pytest.mark.parametrize(
    ("asked", "named"), [("gate_proj", "gate_proj"), ("q_proj,up", "up"), ("", ""), (",", ""), ("score", "score")]
)
def test_target_modules_that_are_not_there(base, asked, named):
    assert refusal(classifier, base, target_modules=asked) == (
        f"target module {named!r} matches no linear layer of the base model; choose from k_proj, o_proj, q_proj, v_proj"
    )


def test_what_is_recorded_of_peft(base):
    assert peft_settings(classifier(base)) == {
        "method": "lora",
        "peft_type": "LORA",
        "task_type": "SEQ_CLS",
        "r": 2,
        "lora_alpha": 4.0,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["k_proj", "o_proj", "q_proj", "v_proj"],
        "target_parameters": [],
        "modules_to_save": ["score"],
        "use_rslora": False,
        "use_dora": False,
        "fan_in_fan_out": False,
    }


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_an_architecture_without_a_classifier_is_refused(folder):
    change_config(folder, model_type="vit")
    with opened_base_model(str(folder)) as base:
        assert refusal(classifier, base) == (
            "the base model 'tiny': transformers has no sequence classifier for the architecture 'vit'; choose a model "
            "such as a Mixtral, Mistral, Llama, GPT-NeoX, BERT, ESM or ModernBERT"
        )


def test_an_architecture_that_reads_padding_is_refused(folder):
    change_config(folder, model_type="convbert")
    with opened_base_model(str(folder)) as opened:
        message = refusal(classifier, opened)
    assert "'tiny'" in message and "'convbert' read the padding" in message


@pytest.mark.parametrize("changes", [{"hidden_size": 32}, {"num_hidden_layers": 2}, {"num_local_experts": 4}])
def test_weights_that_do_not_belong_to_the_settings_are_refused(folder, changes):
    change_config(folder, **changes)
    with opened_base_model(str(folder)) as base:
        message = refusal(classifier, base)
    assert message.startswith("the base model 'tiny'")
    assert message.endswith("is it the model that its config.json describes?")


@pytest.mark.parametrize("changes", [{"hidden_size": "big"}, {"hidden_act": "magic"}, {"num_attention_heads": 3}])
def test_settings_that_make_no_model_are_refused(folder, changes):
    change_config(folder, **changes)
    with opened_base_model(str(folder)) as base:
        assert refusal(classifier, base).startswith("the base model 'tiny' ")


# --- a trained classifier --------------------------------------------------------------------------------------------


def test_the_merged_model_predicts_what_the_unmerged_one_does(base):
    model = shaken(classifier(base))
    merged = trained_classifier(base, adapter_of(model, base, ["a", "b"]), PAD)
    expected, found = predicted(model, base), predicted(merged, base)
    assert np.abs(expected - found).max() < 1e-5
    assert np.ptp(expected[:, 0]) > 0.05  # the comparison is not one of constants
    assert not merged.training


def test_the_wrong_base_model_is_refused_in_a_sentence_that_names_both(base, folder):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with opened_base_model(str(folder), "lab/other") as other:
        message = refusal(trained_classifier, other, adapter, PAD)
        assert message == (
            "the adapter was trained on the base model 'tiny-random', but the base model given is 'lab/other', which "
            "has other weights; set \"Base model\" to 'tiny-random' (--base-model) or, to apply the adapter, to "
            '"As recorded in the adapter" (--base-model recorded)'
        )


def test_the_right_weights_with_another_tokenizer_are_refused(base, folder):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + "\n")
    with opened_base_model(str(folder)) as other:
        message = refusal(trained_classifier, other, adapter, PAD)
    assert "but the base model given is 'tiny', which has another tokenizer; set" in message


def test_the_right_weights_with_other_settings_are_refused(base, folder):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"rms_norm_eps": 1e-6}))
    with opened_base_model(str(folder), "lab/other") as other:
        assert refusal(trained_classifier, other, adapter, PAD) == (
            "the adapter was trained on the base model 'tiny-random' with rms_norm_eps 1e-05 in its config.json, but "
            "that of the base model given, 'lab/other', has 1e-06, so that the same weights answer otherwise; choose "
            "the copy of 'tiny-random' that the adapter was trained on"
        )
        # Adapters of earlier releases do not know the settings.
        identity = {name: value for name, value in adapter.base_model.items() if name != "settings"}
        trained_classifier(other, dataclasses.replace(adapter, base_model=identity), PAD)


def test_the_name_of_the_base_model_does_not_matter(base, tiny_random):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    with opened_base_model(str(tiny_random), "another name") as same:
        trained_classifier(same, adapter, PAD)


HEAD = "base_model.model.score.weight"
MATRIX = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (HEAD, None, f"tensor {HEAD!r} is missing"),
        (MATRIX, None, f"tensor {MATRIX!r} is missing"),
        (HEAD, lambda tensor: tensor[:1], f"tensor {HEAD!r} is torch.float32 (1, 16), not (2, 16)"),
        (MATRIX, lambda tensor: tensor.T, f"tensor {MATRIX!r} is torch.float32 (16, 2), not (2, 16)"),
        (HEAD, lambda tensor: tensor.long(), f"tensor {HEAD!r} is torch.int64 (2, 16), not (2, 16)"),
        (HEAD, lambda tensor: tensor * torch.nan, f"tensor {HEAD!r} contains NaN or infinity"),
        (MATRIX, lambda tensor: tensor + torch.inf, f"tensor {MATRIX!r} contains NaN or infinity"),
        ("base_model.model.extra", lambda _: torch.zeros(2), "tensor 'base_model.model.extra' has no place in it"),
    ],
    ids=["no head", "no matrix", "short head", "turned matrix", "integers", "NaN", "infinity", "surplus"],
)
def test_tensors_that_do_not_fit_are_refused(base, name, change, reason):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    tensor = adapter.tensors.pop(name, None)
    if change:
        adapter.tensors[name] = change(tensor)
    assert refusal(trained_classifier, base, adapter, PAD) == (
        f"the adapter does not fit the base model that it names ({reason}); train it again"
    )


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bool, torch.complex64])
def test_tensors_of_another_kind_of_number_are_refused(base, dtype):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    adapter.tensors[HEAD] = adapter.tensors[HEAD].to(dtype)
    assert refusal(trained_classifier, base, adapter, PAD) == (
        f"the adapter does not fit the base model that it names (tensor {HEAD!r} is {dtype} (2, 16), not (2, 16)); "
        "train it again"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_another_precision_are_read(base, dtype):
    adapter = adapter_of(shaken(classifier(base)), base, ["a", "b"])
    exact = predicted(trained_classifier(base, adapter, PAD), base)
    adapter.tensors.update({name: tensor.to(dtype) for name, tensor in adapter.tensors.items()})
    assert np.abs(predicted(trained_classifier(base, adapter, PAD), base) - exact).max() < 0.01


def test_another_number_of_labels_than_the_head_has_is_refused(base):
    adapter = adapter_of(classifier(base), base, ["a", "b", "c"])
    assert f"tensor {HEAD!r} is torch.float32 (2, 16), not (3, 16)" in refusal(trained_classifier, base, adapter, PAD)


@pytest.mark.filterwarnings("ignore:The following")  # PEFT on layers that it does not find
@pytest.mark.parametrize(
    "change",
    [
        {"peft_type": "LOHA"},
        {"r": 0},
        {"r": -1},
        {"r": "2"},
        {"r": None},
        {"r": 3},
        {"bias": "some"},
        {"target_modules": ["nothing"]},
        {"target_modules": []},
        {"target_modules": None},
        {"target_modules": 5},
        {"target_modules": "("},
        {"target_modules": "all-linear"},
        {"modules_to_save": ["embed_tokens"]},
        {"modules_to_save": 5},
        {"use_dora": True},
        {"use_dora": "yes"},
        {"lora_alpha": "much"},
        {"lora_alpha": None},
        {"lora_dropout": 7},
        {"lora_dropout": "much"},
    ],
    ids=str,
)
def test_settings_of_peft_that_do_not_belong_to_the_tensors_are_refused(base, change):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    adapter = dataclasses.replace(adapter, peft=adapter.peft | change)
    message = refusal(trained_classifier, base, adapter, PAD)
    assert message.startswith("the adapter does not fit the base model that it names (")


def test_a_missing_setting_of_peft_is_refused(base):
    adapter = adapter_of(classifier(base), base, ["a", "b"])
    for name in list(adapter.peft):
        part = {key: value for key, value in adapter.peft.items() if key != name}
        if name not in ("method", "task_type", "target_parameters"):  # these have a value without being recorded
            refusal(trained_classifier, base, dataclasses.replace(adapter, peft=part), PAD)


def test_an_untrained_classifier_has_random_weights_in_the_places_of_the_adapter(base, two):
    adapter = load_adapter(two.adapter)
    trained = fitted_classifier(base, adapter, PAD, trainable=True)
    drawn = []
    for seed in (1, 1, 2):
        set_seed(seed)
        drawn.append(untrained_classifier(base, adapter, PAD))
    assert adapter_tensors(drawn[0]).keys() == adapter.tensors.keys()
    known, first, again, other = (dict(model.named_parameters()) for model in (trained, *drawn))
    assert {name: value.requires_grad for name, value in first.items()} == {
        name: value.requires_grad for name, value in known.items()
    }
    for name, value in first.items():
        assert torch.equal(value, again[name])
        if value.ndim > 1 and "lora_B" not in name:  # norms, and half of the matrices, start alike
            assert not torch.equal(value, known[name]) and not torch.equal(value, other[name]), name
