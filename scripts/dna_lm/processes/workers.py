"""Processes that apply models to batches: one a CPU core, each with a thread, which is faster than threads in one."""

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import torch
from transformers import PreTrainedModel

from ..errors import UserError
from .devices import device
from .inference import batch_outputs

KILLED = (
    "a process that computes predictions was ended by the system, most often since memory ran out; give the job more "
    "memory, fewer CPU cores (DNA_LM_PROCESSES) or a smaller batch size"
)
_PR_SET_PDEATHSIG = 1
# What a forked process finds as its parent left it: the weights are in memory once.
_shared: tuple[dict[int, PreTrainedModel], int] = ({}, 0)


class Workers:
    """Applies models to batches.

    Forked processes share the memory of the models, which must not be changed from then on.
    """

    def __init__(self, models: dict[int, PreTrainedModel], pad_token_id: int, processes: int):
        """models: by the number that `outputs` calls them; in evaluation mode. They go to the GPU if there is one.

        processes: how many to fork; with one, or with a GPU, this process computes itself.
        """
        self._models, self._pad, self._place = models, pad_token_id, device()
        self._pool: ProcessPoolExecutor | None = None
        if self._place.type == "cuda":
            for model in models.values():
                model.to(self._place)
        elif processes > 1:
            global _shared
            _shared = models, pad_token_id
            self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), _begin)

    def outputs(self, number: int, batches: Iterable[Sequence[Sequence[int]]]) -> Iterator[np.ndarray]:
        """Give the outputs of a model for each batch, (n, outputs) float64, in the order of the batches.

        Raises UserError when the system ended a process, and whatever went wrong in one.
        """
        if self._pool is None:
            model = self._models[number]
            for batch in batches:
                yield batch_outputs(model, batch, self._pad, self._place)
            return
        try:
            # As arrays, token numbers take an eighth of the time to be handed over.
            futures = [
                self._pool.submit(_apply, number, [np.array(tokens, dtype=np.int32) for tokens in batch])
                for batch in batches
            ]
            for future in futures:
                yield future.result()
        except BrokenProcessPool:
            raise UserError(KILLED) from None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _begin() -> None:
    if sys.platform == "linux":  # an end of the parent that leaves it no time to end its children
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent alone decides what a signal means, and ends its children.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _apply(number: int, tokens: list[np.ndarray]) -> np.ndarray:
    models, pad_token_id = _shared
    return batch_outputs(models[number], tokens, pad_token_id, torch.device("cpu"))
