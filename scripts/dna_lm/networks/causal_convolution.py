"""Depthwise convolution over positions that looks back only, as networks without attention have it in their layers."""

import torch
from torch import nn


class CausalConvolution(nn.Module):
    """Each channel of states, (n, positions, channels), convolved with a short filter of its own.

    weight: (channels, 1, width); its last column is of the position itself. What stands after a position, such as
    padding, has no effect on it.
    """

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, width))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        # Sums of shifted states: conv1d would need the channels first, and its gradients are slow on a CPU.
        columns = self.weight.to(states.dtype)[:, 0].unbind(dim=1)
        result = torch.addcmul(self.bias.to(states.dtype), states, columns[-1])
        for back, column in enumerate(reversed(columns[:-1]), start=1):
            shifted = nn.functional.pad(states[:, :-back], (0, 0, min(back, states.shape[1]), 0))
            result = torch.addcmul(result, shifted, column)
        return result
