"""Computing in float32, whatever is around it: sums over many positions and exponents need more than bfloat16 has."""

import torch
from torch import nn


def in_float32(like: torch.Tensor) -> torch.autocast:
    """Return a context in which nothing is cast to shorter numbers; like: a tensor on the device at hand."""
    return torch.autocast(like.device.type, enabled=False)


def applied(linear: nn.Module, states: torch.Tensor) -> torch.Tensor:
    """Return what a linear layer, or one that PEFT wraps, makes of states, in float32."""
    return linear(states.to(linear.weight.dtype)).float()
