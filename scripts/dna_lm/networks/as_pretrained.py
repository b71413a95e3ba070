"""Models as they are pretrained, with the head that predicts tokens: loaded, or new."""

from pathlib import Path

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    PreTrainedConfig,
    PreTrainedModel,
)

from .registry import BY_NAME


def load_pretrained(folder: Path, config: PreTrainedConfig, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Return the model in a checked folder; config: its config.json, as base_models/settings.py parses it."""
    network = BY_NAME.get(config.model_type)
    kind = network.module().ForPretraining if network else _kind(config)
    return kind.from_pretrained(
        folder, config=config, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )


def new_pretrained(config: PreTrainedConfig) -> PreTrainedModel:
    """Return a model whose weights are drawn from torch's random numbers: seed them before."""
    network = BY_NAME.get(config.model_type)
    return network.module().ForPretraining(config) if network else _kind(config).from_config(config)


def _kind(config: PreTrainedConfig) -> type:
    return AutoModelForCausalLM if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING else AutoModelForMaskedLM
