"""Whether the network that a model's settings describe is as large as its weights, before memory is taken for it.

A few letters in config.json can ask for a million layers or for embeddings of terabytes. transformers makes the network
first and then finds out that there are no weights for it.
"""

import math
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedConfig

from ..base_models.opening import tensor_shapes
from ..errors import UserError

# Of a network's numbers to those in the files: several may be packed in one (4 bits), and the head has none yet.
MOST_TIMES, ROOM = 4, 10**7


def check_described_size(config: PreTrainedConfig, weights: Iterable[Path], source: str) -> None:
    """Raise UserError if the settings describe a network that the weights could never fill.

    config: the settings. weights: safetensors files, already checked. source: what to call the model.
    """
    shapes = [shape for path in weights for shape in tensor_shapes(path, source).values()]
    tensors, numbers = len(shapes), sum(map(math.prod, shapes))
    layers = getattr(config.get_text_config(), "num_hidden_layers", 0)
    if isinstance(layers, int) and layers > tensors:  # each has one tensor at least
        raise UserError(
            f"{source}: its config.json describes {layers:,} layers, but its weights have {tensors:,} tensors in all; "
            "choose another copy of it"
        )
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(config)
    described = sum(parameter.numel() for parameter in model.parameters())
    if described > MOST_TIMES * numbers + ROOM:
        raise UserError(
            f"{source}: its config.json describes {described:,} parameters, but its weights have {numbers:,}; choose "
            "another copy of it"
        )
