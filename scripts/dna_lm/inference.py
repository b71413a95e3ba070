"""The outputs of a trained model."""

import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import PreTrainedModel

PROGRESS_SECONDS = 10


def device() -> torch.device:
    """A CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def logits(
    model: PreTrainedModel,
    tokens: list[list[int]],
    pad_token_id: int,
    batch_size: int,
    progress: Callable[[str], None],
) -> np.ndarray:
    """Return the model's outputs, (n, outputs) float64, in the order of the sequences.

    tokens: token numbers of each sequence.
    progress: told every few seconds how much is done.
    Sequences of like length share a batch, so that little padding is computed; padding is masked and changes nothing.
    """
    place = device()
    model.to(place)
    order = sorted(range(len(tokens)), key=lambda number: -len(tokens[number]))
    result = np.empty((len(tokens), model.config.num_labels))
    said = time.monotonic()
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            width = len(tokens[batch[0]])
            ids = torch.full((len(batch), width), pad_token_id)
            mask = torch.zeros_like(ids)
            for row, number in enumerate(batch):
                ids[row, : len(tokens[number])] = torch.tensor(tokens[number])
                mask[row, : len(tokens[number])] = 1
            outputs = model(input_ids=ids.to(place), attention_mask=mask.to(place)).logits
            result[batch] = outputs.double().cpu().numpy()
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                progress(f"{(start + len(batch)) / len(order):.0%} done")
    return result
