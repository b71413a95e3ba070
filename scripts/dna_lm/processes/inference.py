"""The outputs of a trained model for sequences that are token numbers: batches, and what one of them gives."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

PROGRESS_SECONDS = 10
# Sequences, or windows, that are computed together: enough for those of like length to find each other.
AT_ONCE = 8_192
# Letters that are kept in memory for that: fewer sequences are computed together if they have more.
LETTERS_AT_ONCE = 2**25
# Tokens of a batch at most, padding included: the memory that a batch takes does not grow with its sequences.
TOKENS_AT_ONCE = 4096


def device() -> torch.device:
    """A CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def batches(lengths: Sequence[int], batch_size: int, tokens: int = TOKENS_AT_ONCE) -> list[list[int]]:
    """Return the numbers of the sequences that share a batch, the longest sequences first.

    lengths: tokens of each sequence. batch_size: sequences of a batch at most. tokens: of a batch at most, unless a
    single sequence has more.
    Sequences of like length share a batch, so that little padding is computed.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    result, first = [], 0
    while first < len(order):
        count = max(1, min(batch_size, tokens // max(1, lengths[order[first]])))
        result.append(order[first : first + count])
        first += count
    return result


def padded(tokens: Sequence[Sequence[int]], pad_token_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the token numbers of a batch, filled up to its longest sequence, and the mask of what is not filling.

    Both (n, longest) int64.
    """
    ids = torch.full((len(tokens), max(map(len, tokens))), pad_token_id)
    mask = torch.zeros_like(ids)
    for row, numbers in enumerate(tokens):
        ids[row, : len(numbers)] = torch.as_tensor(numbers)
        mask[row, : len(numbers)] = 1
    return ids, mask


def batch_outputs(
    model: PreTrainedModel, tokens: Sequence[Sequence[int]], pad_token_id: int, place: torch.device
) -> np.ndarray:
    """Return a model's outputs for one batch, (n, outputs) float64.

    model: on `place`. Padding is masked and changes nothing.
    """
    ids, mask = padded(tokens, pad_token_id)
    with torch.inference_mode():
        outputs = model(input_ids=ids.to(place), attention_mask=mask.to(place)).logits
    return outputs.double().cpu().numpy()
