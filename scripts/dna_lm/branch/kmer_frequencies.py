"""What the k-mer baseline learns from, computed from codes: see baselines.kmer_baseline, which it agrees with."""

import torch
from torch import nn

from ..baselines.kmer_baseline import LENGTHS
from ..baselines.kmer_counts import columns_of
from ..data.packing import OTHER


class KmerFrequencies(nn.Module):
    """Square roots of the counts of k-mers on both strands, each sequence's of length 1."""

    def __init__(self):
        super().__init__()
        self.width = 0
        for k in LENGTHS:
            columns = torch.from_numpy(columns_of(k)).long() + self.width
            self.register_buffer(f"columns_{k}", columns, persistent=False)
            self.width = int(columns.max()) + 1

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
