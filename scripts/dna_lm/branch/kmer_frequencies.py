"""What the k-mer baseline learns from, computed from codes: see baselines.kmer_baseline, which it agrees with."""

import numpy as np
import torch
from torch import nn

from ..baselines.kmer_baseline import LENGTHS
from ..baselines.kmer_counts import columns_of
from ..data.packing import OTHER


class KmerFrequencies(nn.Module):
    """Square roots of the counts of k-mers on both strands, each sequence's of length 1."""

    def __init__(self):
        super().__init__()
        columns, first = [], 0
        for k in LENGTHS:
            column = columns_of(k).astype(np.int64)
            # Of a k-mer and its reverse complement, only the one that comes first in the alphabet has its column.
            column = np.maximum(column, column[_reverse_complements(k)]) + first
            columns.append(torch.from_numpy(column))
            first = int(column.max()) + 1
        self.width = first
        for k, column in zip(LENGTHS, columns, strict=True):
            self.register_buffer(f"columns_{k}", column, persistent=False)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Return (n, k-mers) float32 for codes, (n, longest) int64, padded."""
        counts = torch.zeros(len(codes), self.width, device=codes.device)
        for k in LENGTHS:
            if codes.shape[1] < k:
                continue
            windows = codes.unfold(1, k, 1)
            known = (windows < OTHER).all(dim=2)
            powers = OTHER ** torch.arange(k - 1, -1, -1, device=codes.device)
            words = (windows * powers).sum(dim=2).masked_fill(~known, 0)
            counts.scatter_add_(1, getattr(self, f"columns_{k}")[words], known.float())
        return nn.functional.normalize(counts.sqrt(), dim=1)


def _reverse_complements(k: int) -> np.ndarray:
    """Return the number of the reverse complement of each k-mer, (4^k,) int64; the first nucleotide counts most."""
    numbers, result = np.arange(OTHER**k), np.zeros(OTHER**k, dtype=np.int64)
    for _ in range(k):
        result = OTHER * result + (OTHER - 1 - numbers % OTHER)
        numbers = numbers // OTHER
    return result
