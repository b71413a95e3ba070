"""A small convolutional network over nucleotides, trained from random weights."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from ..data.packing import PAD
from .codes import one_hot
from .lookups import CODES, looked_up, word_table

DROPOUT = 0.2


@dataclass(frozen=True)
class Shape:
    """How large the network is; the defaults were chosen on development sets (docs/measurements/branch.md).

    filters, filter_width: of the first layer; the width is odd. channels, width: of the further layers; the width is
    odd. pooled: positions of the first layer of which the highest match is passed on.
    """

    filters: int = 96
    filter_width: int = 15
    channels: int = 32
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
        # What is looked up without gradients, and the weights it was made of.
        self._table, self._table_of = torch.empty(0), None

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return (n, outputs) float32: what padding there is changes nothing.

        codes: (n, longest) int64, padded. lengths: nucleotides of each sequence, (n,) int64.
        """
        pooled = self._first_layer(codes, lengths) if torch.is_grad_enabled() else self._looked_up(codes)
        inside = torch.arange(pooled.shape[2], device=codes.device) * self.shape.pooled < lengths[:, None, None]
        first = functional.relu(_applied(self.second, self.dropout(pooled))) * inside
        found = (first + functional.relu(_applied(self.third, self.dropout(first)))) * inside
        mean = found.sum(dim=2) / inside.sum(dim=2).clamp_min(1)
        highest = [pooled.amax(dim=2), found.amax(dim=2)]
        return self.head(self.dropout(torch.cat([*highest, mean], dim=1)))

    def _first_layer(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the highest match of each filter at each few positions, (n, filters, pooled length)."""
        inside = torch.arange(codes.shape[1], device=codes.device) < lengths[:, None, None]
        matches = functional.relu(self.filters(one_hot(codes))) * inside
        return functional.max_pool1d(matches, self.shape.pooled, ceil_mode=True)

    def _looked_up(self, codes: torch.Tensor) -> torch.Tensor:
        """Return what _first_layer does, without gradients: four times as fast."""
        pooled = self.shape.pooled
        positions = -(-codes.shape[1] // pooled) * pooled
        matches = looked_up(codes, self._current_table(), before=self.shape.filter_width // 2, positions=positions)
        return functional.relu(matches.unflatten(1, (-1, pooled)).amax(dim=2)).transpose(1, 2)

    def _current_table(self) -> torch.Tensor:
        """Return the filters' table, made again if they have changed."""
        weight, bias = self.filters.weight, self.filters.bias
        # A fused optimizer changes weights without a sign (their _version stays), so that they are compared.
        now = torch.cat([weight.detach().flatten(), bias.detach()])
        if self._table_of is None or not torch.equal(now, self._table_of):
            filters = functional.pad(weight.detach(), (0, 0, 0, CODES - weight.shape[1]))
            center = filters[:, :, self.shape.filter_width // 2]
            center += bias.detach()[:, None]
            center[:, PAD] = -torch.inf  # in the padding nothing matches
            self._table, self._table_of = word_table(filters), now
        return self._table


def _applied(layer: nn.Conv1d, values: torch.Tensor) -> torch.Tensor:
    """Return what the layer gives; one-dimensional, it would be slower where each position's channels lie together."""
    found = functional.conv2d(
        values[:, :, None], layer.weight[:, :, None], layer.bias, padding=(0, layer.weight.shape[2] // 2)
    )
    return found[:, :, 0]
