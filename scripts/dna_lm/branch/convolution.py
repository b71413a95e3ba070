"""A small convolutional network over nucleotides, trained from random weights."""

import torch
from torch import nn
from torch.nn import functional

from .codes import one_hot

# Filters of the first layer and their width; channels of the further layers, and their width; positions of the first
# layer of which the highest is passed on. Chosen on development sets (docs/measurements/branch.md).
FILTERS, FILTER_WIDTH, CHANNELS, WIDTH, POOLED = 128, 15, 64, 5, 4
DROPOUT = 0.2


class Convolution(nn.Module):
    """Filters over the nucleotides, two layers over where they match, and a linear head on the highest and the mean."""

    def __init__(self, outputs: int):
        """Draw the weights from torch's random numbers; outputs: how many numbers it gives for a sequence."""
        super().__init__()
        self.filters = nn.Conv1d(4, FILTERS, FILTER_WIDTH, padding=FILTER_WIDTH // 2)
        self.second = nn.Conv1d(FILTERS, CHANNELS, WIDTH, padding=WIDTH // 2)
        self.third = nn.Conv1d(CHANNELS, CHANNELS, WIDTH, padding=WIDTH // 2)
        for layer in (self.filters, self.second, self.third):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.filters.weight.mul_(2)  # of four channels, one is 1: a quarter of the variance that is reckoned with
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(FILTERS + 2 * CHANNELS, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return (n, outputs) float32: what padding there is changes nothing.

        codes: (n, longest) int64, padded. lengths: nucleotides of each sequence, (n,) int64.
        """
        inside = torch.arange(codes.shape[1], device=codes.device) < lengths[:, None, None]
        matches = functional.relu(self.filters(one_hot(codes))) * inside
        pooled = functional.max_pool1d(matches, POOLED, ceil_mode=True)
        inside = torch.arange(pooled.shape[2], device=codes.device) * POOLED < lengths[:, None, None]
        first = functional.relu(self.second(self.dropout(pooled))) * inside
        found = (first + functional.relu(self.third(self.dropout(first)))) * inside
        mean = found.sum(dim=2) / inside.sum(dim=2).clamp_min(1)
        highest = [matches.amax(dim=2), found.amax(dim=2)]
        return self.head(self.dropout(torch.cat([*highest, mean], dim=1)))
