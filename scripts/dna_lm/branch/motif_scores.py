"""How well motifs fit a sequence: one score for each motif, on both strands."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .codes import one_hot

# Filters of about the same width are applied together: widths are rounded up to a multiple of this.
ALIKE = 4


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
        widths = np.array([len(each) for each in log_odds], dtype=np.int64)
        order = sorted(range(len(log_odds)), key=lambda number: (widths[number], number))
        self.motifs = len(log_odds)
        self._groups: list[tuple[torch.Tensor, str]] = []
        for width, numbers in groupby(order, key=lambda number: -(-widths[number] // ALIKE) * ALIKE):
            numbers = list(numbers)
            filters = torch.zeros(2 * len(numbers), 4, int(width))
            for row, number in enumerate(numbers):
                forward = torch.from_numpy(log_odds[number]).T
                filters[row, :, : widths[number]] = forward
                filters[len(numbers) + row, :, : widths[number]] = forward.flip(0, 1)
            name = f"filters_{width}"
            # Made from the motifs, which an adapter records: not saved a second time.
            self.register_buffer(name, filters, persistent=False)
            self._groups.append((torch.tensor(numbers), name))
        self.register_buffer("widths", torch.from_numpy(widths), persistent=False)

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the scores, (n, motifs) float32.

        codes: (n, longest) int64, padded. lengths: nucleotides of each sequence, (n,) int64.
        """
        scores = torch.zeros(len(codes), self.motifs, device=codes.device)
        letters = one_hot(codes)
        positions = torch.arange(codes.shape[1], device=codes.device)
        for numbers, name in self._groups:
            filters = getattr(self, name)
            sites = functional.conv1d(functional.pad(letters, (0, filters.shape[2] - 1)), filters)
            sites = sites.view(len(codes), 2, len(numbers), -1)
            widths = self.widths[numbers.to(codes.device)]
            outside = positions + widths[:, None] > lengths[:, None, None]
            sites = sites.masked_fill(outside[:, None], -torch.inf).transpose(1, 2).flatten(2)
            none = sites.new_zeros(*sites.shape[:2], 1)
            scores[:, numbers] = torch.logsumexp(torch.cat([sites, none], dim=2), dim=2)
        return scores
