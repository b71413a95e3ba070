"""What the k-mer baseline learns from, computed from codes: see baselines.kmer_baseline, which it agrees with."""

import torch
from torch import nn
from torch.nn import functional

from ..baselines.kmer_counts import columns_of
from ..baselines.kmer_lengths import LENGTHS
from ..data.packing import OTHER
from .lookups import words

# The square root of 0 takes 20 times as long as that of another number; added to a count of 1 or more, this is lost.
ALMOST_NONE = 1e-30


class KmerFrequencies(nn.Module):
    """Square roots of the counts of k-mers on both strands, each sequence's of length 1."""

    def __init__(self):
        super().__init__()
        each = [torch.from_numpy(columns_of(k)).long() for k in LENGTHS]
        self.width = sum(int(columns.max()) + 1 for columns in each)
        first = 0
        for k, columns in zip(LENGTHS, each, strict=True):
            # Words with another letter than A, C, G, T are counted behind all k-mers.
            table = functional.pad((columns + first).view([OTHER] * k), [0, 1] * k, value=self.width)
            self.register_buffer(f"columns_{k}", table.flatten(), persistent=False)
            first += int(columns.max()) + 1

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Return (n, k-mers) float32 for codes, (n, longest) int64, padded."""
        counts = torch.full((len(codes), self.width + 1), ALMOST_NONE, device=codes.device)
        codes = codes.clamp_max(OTHER)
        for k in LENGTHS:
            if codes.shape[1] < k:
                continue
            columns = getattr(self, f"columns_{k}")[words(codes, k, OTHER + 1)]
            counts.scatter_add_(1, columns, counts.new_ones(()).expand_as(columns))
        counts = counts[:, : self.width]
        # Of square roots of counts, the squared length is the sum of the counts.
        return (counts / counts.sum(dim=1, keepdim=True).clamp_min(1)).sqrt_()
