"""Quantization: what is quantized, what it saves, and that training on it works, on tiny random models."""

import sys

import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import AutoModelForSequenceClassification, BertConfig, GPT2Config, LlamaConfig, MixtralConfig

import tiny_models
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers import quantization
from dna_lm.classifiers.building import new_classifier
from dna_lm.classifiers.options import LoraOptions
from dna_lm.classifiers.quantization import describe, prepare, quantization_config
from dna_lm.errors import UserError

SIZES = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2}
SIZES |= {"num_attention_heads": 4, "max_position_embeddings": 64, "pad_token_id": 3, "num_labels": 2}
CONFIGS = {
    "mixtral": MixtralConfig(**SIZES, num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2),
    "llama": LlamaConfig(**SIZES, num_key_value_heads=2),
    "bert": BertConfig(**SIZES),
    "gpt2": GPT2Config(vocab_size=64, n_embd=64, n_layer=2, n_head=4, n_positions=64, pad_token_id=3, num_labels=2),
}
KINDS = [("8bit", "no"), ("4bit-fp4", "no"), ("4bit-nf4", "no"), ("4bit-nf4", "yes")]
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of random models, by architecture."""
    found = {}
    for number, (name, config) in enumerate(CONFIGS.items()):
        torch.manual_seed(number)
        found[name] = tmp_path_factory.mktemp(name)
        AutoModelForSequenceClassification.from_config(config).save_pretrained(found[name])
    return found


def load(folder, config=None, dtype=torch.float32):
    return AutoModelForSequenceClassification.from_pretrained(folder, quantization_config=config, dtype=dtype)


def with_lora(model, experts=False):
    attention = [
        name
        for name, module in model.named_modules()
        if "att" in name and hasattr(module, "weight") and module.weight.ndim == 2
    ]
    head = "score" if hasattr(model, "score") else "classifier"
    settings = {"target_parameters": EXPERTS} if experts else {}
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS, r=4, target_modules=attention, modules_to_save=[head], lora_alpha=8, **settings
    )
    torch.manual_seed(7)
    return get_peft_model(model, config)


def batch():
    torch.manual_seed(5)
    return {"input_ids": torch.randint(4, 64, (8, 12)), "labels": torch.arange(8) % 2}


def train(model, steps=6):
    """Train on one batch; scores in between, as after each epoch. Returns the losses."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.005)
    losses = []
    for _ in range(steps):
        model.train()
        loss = model(**batch()).loss
        loss.backward()
        assert all(parameter.grad is not None for parameter in trained)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        logits(model)
    return losses


def logits(model):
    model.eval()
    with torch.no_grad():
        return model(input_ids=batch()["input_ids"]).logits.float()


@pytest.mark.parametrize(("kind", "double"), KINDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_training_on_a_quantized_model(folders, name, kind, double):
    model = prepare(load(folders[name], quantization_config(kind, double, "auto", "fp32")))
    model = with_lora(model, experts=name == "mixtral")
    before = {path: tensor.clone() for path, tensor in model.named_parameters() if not tensor.requires_grad}
    losses = train(model)
    assert losses[-1] < losses[0]
    for path, parameter in model.named_parameters():
        assert parameter.requires_grad == any(part in path for part in ("lora_", "modules_to_save")), path
        if parameter.requires_grad:
            assert parameter.dtype is torch.float32
        else:
            assert parameter.grad is None and torch.equal(parameter, before[path]), path


@pytest.mark.parametrize(("kind", "double"), KINDS)
def test_the_adapter_fits_the_model_without_quantization(folders, kind, double):
    quantized = with_lora(prepare(load(folders["mixtral"], quantization_config(kind, double, "auto", "fp32"))), True)
    train(quantized)
    plain = with_lora(load(folders["mixtral"]), True)
    untrained = logits(plain)
    set_peft_model_state_dict(plain, get_peft_model_state_dict(quantized))
    answers = logits(quantized)
    difference = (logits(plain.merge_and_unload()) - answers).abs().max().item()
    assert difference < (answers - untrained).abs().max().item() * (0.03 if kind == "8bit" else 0.3)


@pytest.mark.parametrize("compute_type", ["fp32", "bf16", "fp16"])
def test_the_types_that_4_bit_layers_compute_with(folders, compute_type):
    config = quantization_config("4bit-nf4", "no", compute_type, "fp32")
    losses = train(with_lora(prepare(load(folders["llama"], config))))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("kind", ["8bit", "4bit-nf4"])
def test_a_model_loaded_in_bf16_with_autocast_and_checkpoints(folders, kind):
    model = load(folders["mixtral"], quantization_config(kind, "no", "auto", "bf16"), torch.bfloat16)
    model = prepare(model)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model = with_lora(model, True)
    assert {parameter.dtype for parameter in model.parameters() if parameter.requires_grad} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        losses = train(model)
    assert losses[-1] < losses[0]


def test_routers_and_heads_are_not_quantized(folders):
    model = load(folders["mixtral"], quantization_config("8bit", "no", "auto", "fp32"))
    assert len(quantization.quantized_modules(model)) == 8
    assert not any("gate" in name or "score" in name for name in quantization.quantized_modules(model))
    llama = load(folders["llama"], quantization_config("8bit", "no", "auto", "fp32"))
    assert "model.layers.0.mlp.gate_proj" in quantization.quantized_modules(llama)
    bert = load(folders["bert"], quantization_config("8bit", "no", "auto", "fp32"))
    assert len(quantization.quantized_modules(bert)) == 12
    assert not any("pooler" in name for name in quantization.quantized_modules(bert))


@pytest.mark.parametrize("architecture", [*tiny_models.ARCHITECTURES, *tiny_models.FURTHER])
def test_no_head_is_quantized_whatever_it_is_called(tmp_path, architecture):
    tiny_models.write_model(tmp_path, architecture, tiny_models.letters(tmp_path))
    with opened_base_model(str(tmp_path)) as base:
        config = quantization_config("8bit", "no", "auto", "fp32")
        model = new_classifier(base, 2, 0, LoraOptions(method="head"), quantization=config)
    quantized = quantization.quantized_modules(model)
    assert quantized
    assert all(name.startswith(f"{model.base_model_prefix}.") for name in quantized)
    assert not any(name.split(".")[0] in quantization.HEADS for name in quantized)


def test_what_8_bits_save(folders):
    report = describe(load(folders["mixtral"], quantization_config("8bit", "no", "auto", "fp32")))
    # a layer: q and o 64 x 64, k and v 32 x 64, a scale of 4 bytes for each of the 192 rows
    assert (report.quantized.parameters, report.quantized.bytes) == (2 * 12288, 2 * (12288 + 4 * 192))
    # a layer: 4 experts of 128 x 64 and 64 x 64, a router of 4 x 64, two norms of 64
    assert [(part.kind, part.parameters, part.bytes) for part in report.rest] == [
        ("experts", 98304, 4 * 98304),
        ("embeddings", 4096, 4 * 4096),
        ("routers", 512, 4 * 512),
        ("norms", 320, 4 * 320),
        ("head", 128, 4 * 128),
    ]
    assert report.saved == 2 * (3 * 12288 - 4 * 192)
    assert report.sentence == (
        "8-bit has 24.6k of 127.9k parameters; not quantized: experts 98.3k, embeddings 4.1k, routers 512, "
        "norms 320, head 128; 0.1 MB less than in fp32"
    )


@pytest.mark.parametrize(
    ("double", "scales", "name"),
    [
        # a scale of 4 bytes for 64 weights, and 16 values of 4 bytes that the 4 bits stand for
        ("no", 2 * (12288 // 64 * 4 + 4 * 64), "4-bit (nf4)"),
        # a scale of 1 byte, one of 4 bytes for 256 of those (each layer has fewer), 256 values, an offset
        ("yes", 2 * (12288 // 64 + 4 * 64 + 4 * (4 + 1024 + 4)), "4-bit (nf4, double quantization)"),
    ],
)
def test_what_4_bits_save(folders, double, scales, name):
    report = describe(load(folders["mixtral"], quantization_config("4bit-nf4", double, "auto", "fp32")))
    assert (report.quantized.parameters, report.quantized.bytes) == (24576, 24576 // 2 + scales)
    assert report.saved == 4 * 24576 - report.quantized.bytes
    assert report.sentence.startswith(f"{name} has 24.6k of 127.9k parameters; not quantized: experts 98.3k, ")


def test_a_model_that_is_not_quantized(folders):
    report = describe(load(folders["mixtral"]))
    assert report.saved == 0
    assert report.sentence == "nothing is quantized: the base model has no linear layers beside its head"


def test_no_quantization():
    assert quantization_config("none", "no", "auto", "fp32") is None


def test_bitsandbytes_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(
        UserError, match=r'^"Quantization of the base model" \(--quantization 8bit\) needs the package bitsandbytes'
    ):
        quantization_config("8bit", "no", "auto", "fp32")


@pytest.mark.parametrize("kind", ["none", "8bit"])
def test_settings_of_4_bits_without_4_bits(kind):
    with pytest.raises(
        UserError,
        match=r"^\"Double quantization\" \(--double-quantization\) is for 4-bit weights and 'yes' is given; choose",
    ):
        quantization_config(kind, "yes", "auto", "fp32")
    with pytest.raises(
        UserError,
        match=r"^\"Compute type of 4-bit layers\" \(--compute-type\) is for 4-bit weights and 'bf16' is given; choose",
    ):
        quantization_config(kind, "no", "bf16", "fp32")
