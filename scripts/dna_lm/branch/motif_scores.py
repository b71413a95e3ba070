"""How well motifs fit a sequence: one score for each motif, on both strands."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ..data.packing import PAD
from .lookups import CODES, looked_up, word_table

# Motifs that are looked up together, those of similar width: their table fits a processor's cache.
TOGETHER = 64
# Motifs whose sites may have higher log-odds are computed in float64: the exp of 88 is the largest float32.
HIGHEST = 60.0
# What is less counts as this much: nothing next to the 1 of no site; nearer to the smallest float32, exp is slow.
LOWEST = -80.0


class MotifScores(nn.Module):
    """The scores of motifs.

    A motif's score is ln(1 + the sum of exp(s) over its sites), where a site is a position on either strand at which
    the motif lies within the sequence, and s the sum of the log-odds of its nucleotides: the logarithm of how much more
    probable the sequence is with one site somewhere, all positions and no site being equally probable, up to a constant
    of the length. A letter that is no nucleotide has the log-odds 0, as the background. A sequence that is shorter than
    a motif has the score 0.
    """

    def __init__(self, log_odds: Sequence[np.ndarray]):
        """log_odds: of each motif, (width, 4) float32 (see Motif.log_odds)."""
        super().__init__()
        self.motifs = len(log_odds)
        order = sorted(range(self.motifs), key=lambda number: len(log_odds[number]))
        self._groups = [order[first : first + TOGETHER] for first in range(0, self.motifs, TOGETHER)]
        for group, numbers in enumerate(self._groups):
            filters = _filters([torch.from_numpy(log_odds[number]).T for number in numbers])
            # Made from the motifs, which an adapter records: not saved a second time.
            self.register_buffer(f"table_{group}", word_table(filters), persistent=False)

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the scores, (n, motifs) float32.

        codes: (n, longest) int64, padded. lengths: nucleotides of each sequence, (n,) int64.
        """
        scores = torch.empty(len(codes), self.motifs, device=codes.device)
        for group, numbers in enumerate(self._groups):
            sites = looked_up(codes, getattr(self, f"table_{group}"), before=0, positions=codes.shape[1])
            total = sites.clamp_min_(LOWEST).exp_().sum(dim=1).view(len(codes), 2, len(numbers)).sum(dim=1)
            scores[:, numbers] = total.log1p().to(scores.dtype)
        return scores


def _filters(log_odds: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return filters over codes, (2 * motifs, CODES, width), of the motifs and then of their reverse complements.

    log_odds: of each motif, (4, its width).
    """
    filters = torch.zeros(2, len(log_odds), CODES, max(one.shape[1] for one in log_odds))
    for row, one in enumerate(log_odds):
        filters[0, row, :4, : one.shape[1]] = one
        filters[1, row, :4, : one.shape[1]] = one.flip(0, 1)
        filters[:, row, PAD, : one.shape[1]] = -torch.inf  # no site reaches into the padding
    highest = filters.amax(dim=2).sum(dim=2).max()
    return filters.flatten(0, 1).to(torch.float32 if highest < HIGHEST else torch.float64)
