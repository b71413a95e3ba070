"""The outputs of a trained model for sequences that are token numbers: batches, and what one of them gives."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

PROGRESS_SECONDS = 10
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
    result = []
    while order:
        count = max(1, min(batch_size, tokens // max(1, lengths[order[0]])))
        result.append(order[:count])
        del order[:count]
    return result


def batch_outputs(
    model: PreTrainedModel, tokens: Sequence[Sequence[int]], pad_token_id: int, place: torch.device
) -> np.ndarray:
    """Return a model's outputs for one batch, (n, outputs) float64.

    model: on `place`. Padding is masked and changes nothing.
    """
    width = max(map(len, tokens))
    ids = torch.full((len(tokens), width), pad_token_id)
    mask = torch.zeros_like(ids)
    for row, numbers in enumerate(tokens):
        ids[row, : len(numbers)] = torch.as_tensor(numbers)
        mask[row, : len(numbers)] = 1
    with torch.inference_mode():
        outputs = model(input_ids=ids.to(place), attention_mask=mask.to(place)).logits
    return outputs.double().cpu().numpy()


def logits(
    model: PreTrainedModel,
    tokens: list[list[int]],
    pad_token_id: int,
    batch_size: int,
    progress: Callable[[str], None],
) -> np.ndarray:
    """Return the model's outputs, (n, outputs) float64, in the order of the sequences, computed in this process.

    tokens: token numbers of each sequence.
    progress: told every few seconds how much is done.
    """
    place = device()
    model.to(place)
    result = np.empty((len(tokens), model.config.num_labels))
    said, done = time.monotonic(), 0
    for batch in batches(list(map(len, tokens)), batch_size):
        result[batch] = batch_outputs(model, [tokens[number] for number in batch], pad_token_id, place)
        done += len(batch)
        if time.monotonic() - said > PROGRESS_SECONDS:
            said = time.monotonic()
            progress(f"{done / len(tokens):.0%} done")
    return result
