"""A small convolutional network over nucleotides, trained from random weights."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from .codes import one_hot

DROPOUT = 0.2


@dataclass(frozen=True)
class Shape:
    """How large the network is; the defaults were chosen on development sets (docs/measurements/branch.md).

    filters, filter_width: of the first layer; the width is odd. channels, width: of the further layers; the width is
    odd. pooled: positions of the first layer of which the highest match is passed on.
    """

    filters: int = 128
    filter_width: int = 15
    channels: int = 64
    width: int = 5
    pooled: int = 4


class Convolution(nn.Module):
    """Filters over the nucleotides, two layers over where they match, and a linear head on the highest and the mean."""

    def __init__(self, outputs: int, shape: Shape = Shape()):
        """Draw the weights from torch's random numbers; outputs: how many numbers it gives for a sequence."""
        super().__init__()
        self.shape = shape
        self.filters = nn.Conv1d(4, shape.filters, shape.filter_width, padding=shape.filter_width // 2)
        self.second = nn.Conv1d(shape.filters, shape.channels, shape.width, padding=shape.width // 2)
        self.third = nn.Conv1d(shape.channels, shape.channels, shape.width, padding=shape.width // 2)
        for layer in (self.filters, self.second, self.third):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.filters.weight.mul_(2)  # of four channels, one is 1: a quarter of the variance that is reckoned with
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(shape.filters + 2 * shape.channels, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return (n, outputs) float32: what padding there is changes nothing.

        codes: (n, longest) int64, padded. lengths: nucleotides of each sequence, (n,) int64.
        """
        inside = torch.arange(codes.shape[1], device=codes.device) < lengths[:, None, None]
        matches = functional.relu(self.filters(one_hot(codes))) * inside
        pooled = functional.max_pool1d(matches, self.shape.pooled, ceil_mode=True)
        inside = torch.arange(pooled.shape[2], device=codes.device) * self.shape.pooled < lengths[:, None, None]
        first = functional.relu(self.second(self.dropout(pooled))) * inside
        found = (first + functional.relu(self.third(self.dropout(first)))) * inside
        mean = found.sum(dim=2) / inside.sum(dim=2).clamp_min(1)
        highest = [matches.amax(dim=2), found.amax(dim=2)]
        return self.head(self.dropout(torch.cat([*highest, mean], dim=1)))
