"""Filters over nucleotides by lookup: what each word adds to each filter is computed once, and read from a table.

A filter of 12 positions is then a sum of three numbers instead of the products of 48, four of them not zero.
"""

import torch
from torch.nn import functional

from ..data.packing import PAD

# Letters of a word: of 4, the tables fit a processor's cache; 3 and 5 are no faster.
WORD = 4
# How many codes a letter may have: filters over codes have so many channels.
CODES = PAD + 1


def words(codes: torch.Tensor, k: int, base: int = CODES) -> torch.Tensor:
    """Return the number of each word of k letters, (n, length - k + 1) int64; the first letter is the highest digit.

    codes: (n, length) int64, each below base.
    """
    count = codes.shape[1] - k + 1
    result = codes[:, :count].clone()
    for letter in range(1, k):
        result.mul_(base).add_(codes[:, letter : letter + count])
    return result


def word_table(filters: torch.Tensor) -> torch.Tensor:
    """Return what each word adds to each filter, (blocks, CODES^WORD, filters).

    A filter is cut into blocks of WORD positions; behind its end nothing is added.
    filters: (filters, CODES, width): what each code adds at each position.
    """
    whole = functional.pad(filters, (0, -filters.shape[2] % WORD))
    blocks = whole.unflatten(2, (-1, WORD)).permute(2, 3, 1, 0).contiguous()  # (blocks, WORD, CODES, filters)
    table = blocks[:, 0]
    for letter in range(1, WORD):
        table = (table[:, :, None] + blocks[:, letter, None]).flatten(1, 2)
    return table


def looked_up(codes: torch.Tensor, table: torch.Tensor, before: int, positions: int) -> torch.Tensor:
    """Return each filter's match at each position, (n, positions, filters): as a convolution with the filters gives.

    codes: (n, length) int64, surrounded by as much padding as the filters reach over.
    table: see word_table. before: the first position is this far before the codes. positions: how many.
    """
    blocks, rows, filters = table.shape
    span = (blocks - 1) * WORD + 1
    behind = positions - 1 - before + blocks * WORD - codes.shape[1]
    numbers = words(functional.pad(codes, (before, behind), value=PAD), WORD)
    numbers = numbers.unfold(1, span, 1)[:, :, ::WORD] + torch.arange(blocks, device=codes.device) * rows
    found = functional.embedding_bag(numbers.flatten(0, 1), table.flatten(0, 1), mode="sum")
    return found.view(len(codes), positions, filters)
