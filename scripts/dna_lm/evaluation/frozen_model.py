"""What a pretrained base model makes of sequences before any training on them: its last hidden states, pooled."""

from collections.abc import Callable, Sequence

import numpy as np
from transformers import PreTrainedModel

from ..processes.children import forkable
from ..processes.devices import prediction_processes
from ..processes.engine import Engine
from ..processes.inference import mean_state
from ..processes.threads import job_threads


def pooled_states(
    model: PreTrainedModel,
    pad_token_id: int,
    strands: Sequence[list[list[int]]],
    *,
    batch_size: int = 32,
    progress: Callable[[str], None] = lambda text: None,
) -> np.ndarray:
    """Return the mean of the last hidden states over the tokens of each sequence, (n, hidden size) float32.

    model: the base model, with or without a head. strands: the token numbers of the sequences on one strand or on both,
    whose pooled states are averaged. batch_size: maximum number of sequences in a batch. progress: told every few
    seconds how much is done.
    The model is in main memory when this returns. Raises UserError for what Engine.outputs does.
    """
    processes = prediction_processes(job_threads())
    with (
        forkable(),
        Engine(
            *({0: model.eval()}, pad_token_id), batch_size=batch_size, processes=processes, read_out=mean_state
        ) as engine,
    ):
        (states,) = engine.outputs(
            [tokens for strand in strands for tokens in strand],
            progress=lambda _, share: progress(f"frozen base model: {share:.0%} done"),
        )
    model.cpu()  # an adapter is merged there: a GPU rounds in another way
    return states.reshape(len(strands), len(strands[0]), -1).mean(axis=0)
