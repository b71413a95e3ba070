"""Loading a model as it was pretrained, with the head that predicts tokens."""

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
    if network := BY_NAME.get(config.model_type):
        kind = network.module().ForPretraining
    else:
        kind = AutoModelForCausalLM if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING else AutoModelForMaskedLM
    return kind.from_pretrained(
        folder, config=config, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
