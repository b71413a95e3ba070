"""Sequences as numbers, one for each nucleotide: what the classifiers that read nucleotides are given."""

from collections.abc import Sequence

import torch

from ..data.packing import OTHER, PAD, codes_of
from ..data.sequences import BASES

# The complement of each code: A and T, C and G change places; other letters and padding stay.
_COMPLEMENT = torch.tensor([*range(OTHER - 1, -1, -1), OTHER, PAD])
# One row for each code; a letter that is no nucleotide, and padding, have none of the four.
_ONE_HOT = torch.cat([torch.eye(len(BASES)), torch.zeros(2, len(BASES))])


def nucleotide_codes(sequences: Sequence[str]) -> list[list[int]]:
    """Return the codes of each normalized sequence: A, C, G, T are 0 to 3, all else is OTHER."""
    return [list(codes_of(sequence)) for sequence in sequences]


def one_hot(codes: torch.Tensor) -> torch.Tensor:
    """Return (n, 4, length) float32 for codes, (n, length) int64: channels A, C, G, T."""
    return _ONE_HOT.to(codes.device)[codes].transpose(1, 2)


def reverse_complement(codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the codes of the other strand, (n, length) int64, with the padding still at the end.

    codes: (n, length) int64. lengths: nucleotides of each sequence, (n,) int64.
    """
    positions = torch.arange(codes.shape[1], device=codes.device)
    # The padding is taken from itself, so that it stays where it is.
    source = torch.where(positions < lengths[:, None], lengths[:, None] - 1 - positions, positions)
    return _COMPLEMENT.to(codes.device)[codes.gather(1, source)]
