"""What a pretrained base model makes of sequences before any training on them: its last hidden states, pooled."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..base_models.encoding import Encoder
from ..base_models.opening import BaseModel
from ..classifiers.building import new_classifier
from ..processes.devices import device
from ..processes.inference import PROGRESS_SECONDS, batch_outputs, batches, mean_state
from ..words import HEAD_ONLY


def pooled_states(
    base_model: BaseModel,
    encoder: Encoder,
    sequences: Sequence[str],
    *,
    strands: int = 1,
    batch_size: int = 32,
    progress: Callable[[str], None] = lambda text: None,
) -> np.ndarray:
    """Return the mean of the last hidden states over the tokens of each sequence, (n, width) float32.

    encoder: of the base model. sequences: normalized. strands: 1, or 2 for the mean of the two strands' pooled states.
    batch_size: sequences that are computed together, at most. progress: told every few seconds how much is done.
    Raises UserError when transformers cannot load the base model.
    """
    model = _backbone(base_model, encoder)
    both = encoder.encode_both(sequences) if strands == 2 else (encoder.encode(sequences), [])
    tokens = both[0].tokens + both[1]
    result, done, said = None, 0, time.monotonic()
    for batch in batches(list(map(len, tokens)), batch_size):
        states = batch_outputs(
            model, [tokens[number] for number in batch], encoder.tokenizer.pad_token_id, device(), mean_state
        )
        if result is None:
            result = np.empty((len(tokens), states.shape[1]), dtype=np.float32)
        result[batch] = states
        done += len(batch)
        if time.monotonic() - said > PROGRESS_SECONDS:
            said = time.monotonic()
            progress(f"frozen base model: {done / len(tokens):.0%} done")
    return result.reshape(strands, len(sequences), -1).mean(axis=0)


def _backbone(base_model: BaseModel, encoder: Encoder) -> torch.nn.Module:
    """Return the base model without a head, in evaluation mode, loaded and checked as for training."""
    with torch.random.fork_rng():  # the head that is thrown away here takes none of the caller's random numbers
        model = new_classifier(base_model, 2, encoder.tokenizer.pad_token_id, method=HEAD_ONLY)
    return model.base_model.eval().to(device())
