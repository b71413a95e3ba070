"""Whether the network that a model's settings describe is as large as its weights, before memory is taken for it.

A few letters in config.json can ask for a million layers or for embeddings of terabytes. transformers makes the network
first and then finds out that there are no weights for it.
"""

import math
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedConfig

from ..errors import UserError

# Of a network's numbers to those in the files: several may be packed in one (4 bits), and the head has none yet.
MOST_TIMES, ROOM = 4, 10**7


def check_described_size(config: PreTrainedConfig, weights: Iterable[Path], source: str) -> None:
    """Raise UserError if the settings describe a network that the weights could never fill.

    config: the settings. weights: safetensors files, already checked. source: what to call the model.
    """
    tensors, numbers = _in_files(weights)
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


def _in_files(weights: Iterable[Path]) -> tuple[int, int]:
    """Return how many tensors there are in the files, and how many numbers in them."""
    from safetensors import safe_open

    shapes = []
    for path in weights:
        with safe_open(path, framework="np") as file:
            shapes += [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118 (not a dict)
    return len(shapes), sum(map(math.prod, shapes))
