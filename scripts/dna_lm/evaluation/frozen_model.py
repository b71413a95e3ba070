"""What a pretrained base model makes of sequences before any training on them: its last hidden states, pooled."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..base_models.encoding import Encoder
from ..base_models.opening import BaseModel
from ..classifiers.building import new_classifier
from ..classifiers.options import LoraOptions
from ..processes.children import forkable
from ..processes.devices import prediction_processes
from ..processes.engine import Engine
from ..processes.inference import mean_state
from ..processes.threads import job_threads
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
    """Return the mean of the last hidden states over the tokens of each sequence, (n, hidden size) float32.

    encoder: of the base model. sequences: normalized. strands: 1, or 2 for the mean of the two strands' pooled states.
    batch_size: maximum number of sequences in a batch. progress: told every few seconds how much is done.
    The base model is loaded for this: where an adapter was applied to it before, its weights were merged.
    Raises UserError when transformers cannot load the base model, and for what Engine.outputs does.
    """
    pad = encoder.tokenizer.pad_token_id
    with forkable():
        with torch.random.fork_rng():  # the head, which is not used, takes none of the caller's random numbers
            model = new_classifier(base_model, 2, pad, LoraOptions(method=HEAD_ONLY)).eval()
        both = encoder.encode_both(sequences) if strands == 2 else (encoder.encode(sequences), [])
        processes = prediction_processes(job_threads())
        with Engine({0: model}, pad, batch_size=batch_size, processes=processes, read_out=mean_state) as engine:
            (states,) = engine.outputs(
                both[0].tokens + both[1],
                progress=lambda _, share: progress(f"frozen base model: {share:.0%} done"),
            )
    return states.reshape(strands, len(sequences), -1).mean(axis=0)
