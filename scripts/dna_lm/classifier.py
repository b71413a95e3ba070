"""The network: a base model with a classification head and LoRA matrices."""

from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from .adapter import Adapter, check_base_model
from .base_model import BaseModel
from .errors import UserError

# What transformers calls the module that turns the pooled state into one number a label.
HEADS = ("score", "classifier")
# Path parts that tell an attention block in the architectures that transformers ships.
ATTENTION = ("attn", "attention")
# Kinds of numbers in which an adapter's tensors are read.
PRECISIONS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
# PEFT settings that an adapter records; the rest are PEFT's defaults or mean nothing without their environment.
PEFT_SETTINGS = (
    "r",
    "lora_alpha",
    "lora_dropout",
    "bias",
    "target_modules",
    "modules_to_save",
    "use_rslora",
    "use_dora",
    "fan_in_fan_out",
)


def new_classifier(
    base_model: BaseModel,
    labels: int,
    pad_token_id: int,
    *,
    lora_r: int,
    lora_alpha: float,
    lora_dropout: float,
    target_modules: str,
) -> PeftModel:
    """Return a base model with a fresh head and fresh LoRA matrices, float32, ready to train.

    labels: number of classes.
    target_modules: `auto` (all linear layers of the attention), or names separated by commas.
    The head and the matrices come from torch's random numbers: seed them before.
    Raises UserError when transformers cannot make a classifier of the base model, weights are missing, or a target
    module is not in it.
    """
    model, fresh = _load(base_model, labels, pad_token_id)
    heads = [name for name in HEADS if hasattr(model, name)]
    for name in heads:
        _reset(getattr(model, name), getattr(model.config, "initializer_range", 0.02))
    saved = sorted({*heads, *fresh})
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=lora_r,
        lora_alpha=lora_alpha,
        lora_dropout=lora_dropout,
        target_modules=_targets(model, target_modules, saved),
        modules_to_save=saved,
    )
    return get_peft_model(model, config)


def peft_settings(model: PeftModel) -> dict[str, Any]:
    """Return what PEFT's adapter_config.json holds of a model, in values that JSON has and in a fixed order."""
    config = model.peft_config["default"].to_dict()
    settings = {name: config[name] for name in PEFT_SETTINGS}
    settings["target_modules"] = sorted(settings["target_modules"])
    # PEFT adds the usual names of heads; only those that the model has are saved.
    settings["modules_to_save"] = sorted(
        name
        for name in set(settings["modules_to_save"])
        if any(path.endswith(name) for path, _ in model.named_modules())
    )
    return {"peft_type": "LORA", "task_type": "SEQ_CLS", **settings}


def adapter_tensors(model: PeftModel) -> dict[str, torch.Tensor]:
    """Return the trained tensors under PEFT's own names, copied."""
    return {name: tensor.detach().clone() for name, tensor in get_peft_model_state_dict(model).items()}


def trained_classifier(base_model: BaseModel, adapter: Adapter, pad_token_id: int) -> PreTrainedModel:
    """Return the base model with the adapter merged into its weights, float32, in evaluation mode.

    Raises UserError when the adapter belongs to another base model or its tensors do not fit.
    """
    check_base_model(adapter, base_model)
    model, _ = _load(base_model, len(adapter.labels), pad_token_id)
    damaged = "the adapter does not fit the base model that it names ({}); train it again"
    if adapter.peft.get("peft_type") != "LORA":
        raise UserError(damaged.format(f"its type is {adapter.peft.get('peft_type')!r}, not LORA"))
    try:
        settings = {name: adapter.peft[name] for name in PEFT_SETTINGS}
        model = get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, inference_mode=True, **settings))
    except Exception as problem:  # whatever a damaged record makes PEFT raise
        raise UserError(damaged.format(f"{type(problem).__name__}: {problem}")) from None
    expected = get_peft_model_state_dict(model)
    for name, tensor in expected.items():
        if name not in adapter.tensors:
            raise UserError(damaged.format(f"tensor {name!r} is missing"))
        given = adapter.tensors[name]
        if given.shape != tensor.shape or given.dtype not in PRECISIONS:
            raise UserError(
                damaged.format(f"tensor {name!r} is {given.dtype} {tuple(given.shape)}, not {tuple(tensor.shape)}")
            )
        if not torch.isfinite(given).all():
            raise UserError(damaged.format(f"tensor {name!r} holds NaN or infinity"))
    if surplus := sorted(set(adapter.tensors) - set(expected)):
        raise UserError(damaged.format(f"tensor {surplus[0]!r} has no place in it"))
    set_peft_model_state_dict(model, adapter.tensors)
    return model.merge_and_unload().eval()


def _load(base_model: BaseModel, labels: int, pad_token_id: int) -> tuple[PreTrainedModel, list[str]]:
    """Load the weights, and name the modules that the base model has no weights for: they have to be trained."""
    source = f"the base model {base_model.id!r}"
    if base_model.architecture not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        raise UserError(
            f"{source}: transformers has no sequence classifier for the architecture {base_model.architecture!r}; "
            "choose a model such as a Mixtral, Mistral, Llama, GPT-NeoX, BERT, ESM or ModernBERT"
        )
    try:
        config = AutoConfig.from_pretrained(base_model.folder, local_files_only=True, trust_remote_code=False)
        config.num_labels = labels
        config.pad_token_id = pad_token_id
        config.problem_type = "single_label_classification"
        model, report = AutoModelForSequenceClassification.from_pretrained(
            base_model.folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as problem:  # whatever a foreign config or weights make transformers raise
        raise UserError(f"{source} cannot be loaded: {problem}") from None
    mismatched = {key[0] if isinstance(key, tuple) else key for key in report["mismatched_keys"]}
    fresh = {key.rpartition(".")[0] for key in {*report["missing_keys"], *mismatched}}
    body = sorted(name for name in fresh if name.split(".")[0] not in HEADS and "pooler" not in name)
    if body:
        raise UserError(
            f"{source} has no fitting weights for {body[0]}; is it the model that its config.json describes?"
        )
    return model, sorted(name for name in fresh if name.split(".")[0] not in HEADS)


def _reset(head: torch.nn.Module, spread: float) -> None:
    """Draw the head anew: the base model's own, if it has one, was trained for another task."""
    for module in head.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=spread)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)


def _targets(model: PreTrainedModel, target_modules: str, saved: list[str]) -> list[str]:
    from transformers.pytorch_utils import Conv1D

    linear = {
        path
        for path, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D)) and path.split(".")[0] not in saved
    }
    names = sorted({path.rpartition(".")[2] for path in linear})
    if target_modules == "auto":
        chosen = sorted(
            {
                path.rpartition(".")[2]
                for path in linear
                if any(word in part.lower() for part in path.split(".")[:-1] for word in ATTENTION)
            }
        )
        if not chosen:
            raise UserError(f"no attention layer was found; name the target modules: the model has {', '.join(names)}")
        return chosen
    chosen = [name.strip() for name in target_modules.split(",") if name.strip()]
    for name in chosen or [""]:
        if name not in names:
            raise UserError(
                f"target module {name!r} matches no linear layer of the base model; choose from {', '.join(names)}"
            )
    return chosen
