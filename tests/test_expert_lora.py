"""LoRA on a mixture's experts gives PEFT's numbers, without what PEFT makes for them."""

import copy

import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model
from peft.tuners.lora import ParamWrapper
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoConfig, AutoModelForSequenceClassification

from dna_lm.speed import expert_lora
from dna_lm.speed.expert_lora import apply_to_tokens

SMALL = {
    "vocab_size": 12,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "use_cache": False,
}
MODELS = {
    "one expert a token": ("mixtral", {"num_local_experts": 3, "num_experts_per_tok": 1}),
    "two experts a token": ("mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "experts without tokens": ("qwen3_moe", {"num_experts": 64, "num_experts_per_tok": 1, "moe_intermediate_size": 8}),
    "transposed, interleaved, biases": (
        "gpt_oss",
        {"num_local_experts": 4, "num_experts_per_tok": 2, "layer_types": ["full_attention"] * 2},
    ),
}
TOKENS = torch.tensor([[1, 5, 6, 7, 8, 5, 2], [1, 9, 9, 5, 6, 2, 0], [1, 7, 2, 0, 0, 0, 0]])
LABELS = torch.tensor([0, 1, 1])


def mixture(name: str, rank: int = 3, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    """A tiny model with PEFT's LoRA matrices, which are not zero, on attention and experts."""
    torch.manual_seed(0)
    architecture, settings = MODELS[name]
    config = AutoConfig.for_model(architecture, num_labels=2, **SMALL | settings)
    model = AutoModelForSequenceClassification.from_config(config, dtype=dtype, attn_implementation="eager")
    model.set_experts_implementation("grouped_mm")
    with torch.no_grad():
        for parameter in model.parameters():  # biases are zero, and an architecture's range can be its own
            parameter.normal_(std=0.3)
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=rank,
        lora_alpha=2 * rank,
        target_modules=["q_proj", "v_proj"],
        target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
    )
    model = get_peft_model(model, config)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if "lora_B" in path:
                parameter.normal_(std=0.3)
    return model.train()


def both(*given, **named) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The same model as PEFT computes it, and as it is computed here."""
    theirs = mixture(*given, **named)
    ours = copy.deepcopy(theirs)
    apply_to_tokens(ours)
    return theirs, ours


def results(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The loss, and the gradient of everything that is trained."""
    model.zero_grad()
    logits = model(input_ids=TOKENS, attention_mask=(TOKENS > 0).long()).logits
    loss = cross_entropy(logits.float(), LABELS)
    loss.backward()
    return {"loss": loss.detach()} | {
        path: parameter.grad.clone() for path, parameter in model.named_parameters() if parameter.requires_grad
    }


def assert_same(ours: dict, theirs: dict, tolerance: float = 1e-5) -> None:
    assert ours.keys() == theirs.keys()
    for path, tensor in theirs.items():
        assert torch.allclose(ours[path], tensor, rtol=tolerance, atol=tolerance), path


@pytest.fixture
def calls(monkeypatch):
    """How often experts were computed here."""
    seen = []
    compute = expert_lora.apply_experts
    monkeypatch.setattr(expert_lora, "apply_experts", lambda *given: seen.append(1) or compute(*given))
    return seen


@pytest.mark.parametrize("rank", [3, 16])
@pytest.mark.parametrize("name", MODELS)
def test_loss_and_gradients_are_those_of_peft(name, rank, calls):
    theirs, ours = both(name, rank)
    expected = results(theirs)
    assert not calls
    found = results(ours)
    assert len(calls) == 2, "one for each layer"
    assert any(path.endswith("experts.lora_B.default.weight") and tensor.any() for path, tensor in found.items())
    assert_same(found, expected)


def test_bfloat16_is_about_as_near_to_float32_as_peft_is(calls):
    exact = results(mixture("two experts a token"))
    theirs, ours = both("two experts a token", dtype=torch.bfloat16)
    for model in (theirs, ours):  # as in training: what is trained is float32
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    with torch.autocast("cpu", torch.bfloat16):
        expected, found = results(theirs), results(ours)
    assert calls

    def error(given):
        return sum((given[path].float() - tensor).norm() for path, tensor in exact.items()).item()

    assert error(found) < 2 * error(expected)


class LargeTensors(TorchDispatchMode):
    """Counts the tensors of so many numbers that are made: not views of others."""

    def __init__(self, least: int):
        super().__init__()
        self.least, self.count = least, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = {one.untyped_storage().data_ptr() for one in args if torch.is_tensor(one)}
        result = function(*args, **kwargs or {})
        if torch.is_tensor(result) and result.numel() >= self.least:
            self.count += result.untyped_storage().data_ptr() not in given
        return result


def test_nothing_as_large_as_the_weights_is_made():
    theirs, ours = both("experts without tokens")
    weights = 64 * 16 * 8
    for model, least, most in ((theirs, 8, 100), (ours, 0, 0)):
        with LargeTensors(weights) as large:
            results(model)
        assert least <= large.count <= most


def test_gradient_checkpoints(calls):
    theirs, ours = both("two experts a token")
    expected = results(theirs)
    ours.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    assert_same(results(ours), expected)
    assert len(calls) == 4, "each layer once more for the backward pass"


def test_a_merged_model_answers_alike():
    _, ours = both("transposed, interleaved, biases")
    ours.eval()
    with torch.no_grad():
        expected = ours(input_ids=TOKENS).logits
        merged = ours.merge_and_unload()
        assert not any(isinstance(module, ParamWrapper) for module in merged.modules())
        assert torch.allclose(merged(input_ids=TOKENS).logits, expected, atol=1e-4)


def disabled(model):
    model.base_model.disable_adapter_layers()


def merged(model):
    model.merge_adapter()


def trained_weights(model):
    for path, parameter in model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad or path.endswith(".down_proj"))


def another_implementation(model):
    model.base_model.model.set_experts_implementation("eager")


def two_adapters(model):
    model.add_adapter("other", model.peft_config["default"])
    for module in model.modules():
        if isinstance(module, ParamWrapper):
            module.set_adapter(["default", "other"])


@pytest.mark.parametrize("change", [disabled, merged, trained_weights, another_implementation, two_adapters])
def test_what_cannot_be_computed_here_is_left_to_peft(change, calls):
    theirs, ours = both("two experts a token")
    answers = []
    for model in (theirs, ours):
        torch.manual_seed(1)
        change(model)
        answers.append(model(input_ids=TOKENS).logits)
    assert torch.equal(*answers)
    assert not calls


def test_experts_of_a_class_of_their_own_are_left_to_peft():
    class Experts(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gate_up_proj = torch.nn.Parameter(torch.ones(2, 4, 4))

        def forward(self, x):
            return x @ self.gate_up_proj.sum(dim=0)

    model = get_peft_model(
        torch.nn.ModuleDict({"experts": Experts()}), LoraConfig(target_parameters=["experts.gate_up_proj"])
    )
    apply_to_tokens(model)
    assert any(isinstance(module, ParamWrapper) for module in model.modules())
    assert not any("forward" in vars(module) for module in model.modules())
