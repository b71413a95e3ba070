"""Applying a network to token numbers: the one place where batches are made, padded, and given to a model.

Training, scoring and prediction all come here, so that padding is masked alike wherever a model reads it.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from transformers.utils import ModelOutput

PROGRESS_SECONDS = 10
# Sequences, or windows, that are in memory together: enough for batches of similar length.
AT_ONCE = 8_192
# Letters that are in memory together: if sequences have more, fewer of them are.
LETTERS_AT_ONCE = 2**25
# Maximum number of tokens in a batch, padding included, so that its memory does not grow with the length of sequences.
TOKENS_AT_ONCE = 4096

# What is read out of a model for a batch: the model, token numbers and mask, both (n, longest) int64, give (n, width).
ReadOut = Callable[[nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]


def sequences_at_once(letters: int) -> int:
    """Return how many sequences of so many letters are computed together."""
    return max(1, min(AT_ONCE, LETTERS_AT_ONCE // letters))


def batches(lengths: Sequence[int], batch_size: int, tokens: int = TOKENS_AT_ONCE) -> list[list[int]]:
    """Return the numbers of the sequences that share a batch, the longest sequences first.

    lengths: tokens of each sequence. batch_size: maximum number of sequences in a batch. tokens: maximum number of
    tokens in a batch, padding included; a sequence that has more makes a batch of its own.
    Sequences of similar length share a batch, so that little padding is computed.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    result, first = [], 0
    while first < len(order):
        count = max(1, min(batch_size, tokens // max(1, lengths[order[first]])))
        result.append(order[first : first + count])
        first += count
    return result


def padded(
    tokens: Sequence[Sequence[int]], pad_token_id: int, device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the token numbers of a batch, padded to its longest sequence, and its attention mask.

    Both (n, longest) int64, on the device. The mask is 1 for tokens and 0 for padding.
    """
    # All at once in NumPy: PyTorch takes five times as long for Python's numbers, which a small model waits for.
    lengths = np.array(list(map(len, tokens)))
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_token_id)
    ids[mask] = np.concatenate(tokens)
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask.astype(np.int64)).to(device)


def forward(model: nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> ModelOutput:
    """Return what a model of transformers, or one wrapped by PEFT or DDP, gives for a batch, as `padded` makes it."""
    return model(input_ids=ids, attention_mask=mask)


def logits(model: nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Read out the logits of a classifier, (n, outputs) float64."""
    return forward(model, ids, mask).logits.double()


def mean_state(model: nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Read out the mean of the last hidden states over the tokens of each sequence, (n, hidden size) float32.

    model: a backbone, or a classifier, whose head is left out. Special tokens count, padding does not.
    """
    states = forward(model.base_model, ids, mask).last_hidden_state
    weights = mask[:, :, None].to(states.dtype)
    return ((states * weights).sum(dim=1) / weights.sum(dim=1)).float()


def batch_outputs(
    model: nn.Module,
    tokens: Sequence[Sequence[int]],
    pad_token_id: int,
    device: torch.device | str,
    read_out: ReadOut = logits,
) -> np.ndarray:
    """Return what is read out of a model for one batch, (n, width).

    model: in evaluation mode, on the device.
    """
    with torch.inference_mode():
        return read_out(model, *padded(tokens, pad_token_id, device)).cpu().numpy()
