"""The settings of a base model that its answers depend on beside its weights, such as the epsilon of its norms."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..networks.registry import network_of, register

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

# What a config.json says that changes no answer of a classifier: where it is from, how it is run and what it gives
# back, how it was or is to be trained, how weights are drawn that are loaded or drawn anew here, what the head answers,
# which the adapter itself says, special tokens, which are the tokenizer's, and what the weights' shapes say too.
WITHOUT_EFFECT = {
    "architectures",
    "aux_loss_coef",
    "activation_freq",
    "bos_token_id",
    "chunk_size_feed_forward",
    "cls_token_id",
    "deterministic_flash_attn",
    "dt_init",
    "dt_init_floor",
    "dt_max",
    "dt_min",
    "dt_scale",
    "dtype",
    "eos_token_id",
    "head_dim",
    "id2label",
    "init_device",
    "init_std",
    "initializer_cutoff_factor",
    "initializer_factor",
    "initializer_range",
    "initializer_std",
    "input_jitter_noise",
    "label2id",
    "num_labels",
    "num_logits_to_keep",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "pad_token_id",
    "problem_type",
    "return_dict",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "sep_token_id",
    "tie_word_embeddings",
    "torch_dtype",
    "train_freq",
    "transformers_version",
    "use_cache",
    "use_fast_path",
    "use_mamba_kernels",
}
# Dropout is for training alone. ESM's `token_dropout` is none: it scales the embeddings whenever the model is run.
DROPOUT, NO_DROPOUT = "drop", "token_dropout"


def parsed_config(folder: Path) -> "PreTrainedConfig":
    """Return the config.json of a folder as transformers, or a network of this library, reads it.

    Whatever reading raises goes through.
    """
    from transformers import AutoConfig

    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if network := network_of(settings):
        register()
        return network.config(settings)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if hasattr(config, "auto_map"):  # of code that was found harmless, and is not run
        del config.auto_map
    return config


def effective_settings(config: "PreTrainedConfig") -> dict[str, Any]:
    """Return the settings of a base model that its answers depend on, as JSON values; empty if they cannot be told.

    Defaults that config.json leaves out are there too, so that two ways to write one model are equal.
    """
    try:
        known = type(config)().to_dict()
        # Keys that the architecture does not have are notes, such as those of the program that saved the model.
        return _effective({name: value for name, value in config.to_dict().items() if name in known})
    except Exception:  # whatever foreign settings make transformers raise; loading the model tells the user
        return {}


def differing_setting(recorded: dict[str, Any], given: dict[str, Any]) -> tuple[str, Any, Any] | None:
    """Return the name of a setting that differs and both values, or None.

    What only one side has is not compared: releases of transformers add settings, and older adapters record none.
    """
    for name in sorted(recorded.keys() & given.keys()):
        before, now = recorded[name], given[name]
        if isinstance(before, dict) and isinstance(now, dict):
            if inner := differing_setting(before, now):
                return f"{name}.{inner[0]}", *inner[1:]
        elif before != now:
            return name, before, now
    return None


def _effective(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(name): _effective(part) for name, part in value.items() if not _without_effect(str(name))}
    if isinstance(value, (list, tuple, set)):
        return [_effective(part) for part in value]
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _text(value)


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


def _without_effect(name: str) -> bool:
    return name in WITHOUT_EFFECT or name.startswith("_") or (DROPOUT in name and name != NO_DROPOUT)
