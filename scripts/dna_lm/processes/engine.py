"""The engine that applies models to token numbers, in processes: one per CPU core is faster than threads in one."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import torch
from torch import nn

from . import inference
from .children import end_with_parent, killed
from .devices import device
from .inference import ReadOut, batch_outputs, batches, logits

# Set in the processes of a pool alone: the models as they were when it was forked, the pad token and the read-out.
_inputs: tuple[Mapping[int, nn.Module], int, ReadOut]


class Engine:
    """Applies models to sequences and gives what is read out of them: logits, or hidden states.

    What occurs twice is computed once. Forked processes share the memory of the models, which must not be changed while
    the engine is open. Open it within children.forkable, as soon as the models are made:

        with forkable():
            model = new_classifier(base_model, 2, pad_token_id, LoraOptions(method=HEAD_ONLY)).eval()
            with Engine({0: model}, pad_token_id, processes=4, read_out=mean_state) as engine:
                (states,) = engine.outputs(encoder.encode(sequences).tokens)  # (n, hidden size)

    models: by number.
    """

    def __init__(
        self,
        models: Mapping[int, nn.Module],
        pad_token_id: int,
        *,
        batch_size: int = 64,
        processes: int = 1,
        read_out: ReadOut = logits,
    ):
        """models: in evaluation mode. They go to the GPU if there is one.

        batch_size: maximum number of sequences in a batch. processes: how many to fork; with one, or with a GPU, this
        process computes. read_out: inference.logits, inference.mean_state, or another function of this kind.
        """
        self.models = models
        self._pad, self._batch_size, self._read_out, self._device = pad_token_id, batch_size, read_out, device()
        self._pool: ProcessPoolExecutor | None = None
        if self._device.type == "cuda":
            for model in models.values():
                model.to(self._device)
        elif processes > 1:
            self._pool = ProcessPoolExecutor(
                processes, multiprocessing.get_context("fork"), _begin, (models, pad_token_id, read_out)
            )

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def outputs(
        self,
        tokens: Sequence[Sequence[int]],
        numbers: Sequence[int] = (0,),
        progress: Callable[[int, float], None] = lambda number, share: None,
    ) -> np.ndarray:
        """Return what is read out, (models, n, width), of the models with these numbers, one model after the other.

        tokens: of n sequences. progress: told every few seconds the number of a model and the share that it has done.
        The type of the numbers and the width are the read-out's; without sequences the width is 0.
        Raises UserError when the system ended a process, and whatever went wrong in one.
        """
        row_of: dict[tuple[int, ...], int] = {}
        rows = [row_of.setdefault(tuple(one), len(row_of)) for one in tokens]
        distinct = list(row_of)
        groups = batches(list(map(len, distinct)), self._batch_size)
        result = np.empty((len(numbers), 0, 0))
        for position, number in enumerate(numbers):
            found = self._applied(number, ([distinct[row] for row in group] for group in groups))
            told, done = time.monotonic(), 0
            for group, outputs in zip(groups, found, strict=True):
                if not result.size:
                    result = np.empty((len(numbers), len(distinct), outputs.shape[1]), outputs.dtype)
                result[position, group] = outputs
                done += len(group)
                if time.monotonic() - told > inference.PROGRESS_SECONDS:
                    told = time.monotonic()
                    progress(number, done / len(distinct))
        return result[:, np.array(rows, dtype=int)]

    def _applied(self, number: int, batches: Iterable[Sequence[Sequence[int]]]) -> Iterator[np.ndarray]:
        """Give what is read out of a model for each batch, in the order of the batches."""
        if self._pool is None:
            for batch in batches:
                yield batch_outputs(self.models[number], batch, self._pad, self._device, self._read_out)
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
            raise killed(
                "a process that computes predictions", "fewer CPU cores (DNA_LM_PROCESSES) or a smaller batch size"
            ) from None


def _begin(*inputs) -> None:
    global _inputs
    _inputs = inputs
    end_with_parent()
    # The parent alone decides what a signal means, and ends its children.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _apply(number: int, tokens: list[np.ndarray]) -> np.ndarray:
    models, pad_token_id, read_out = _inputs
    return batch_outputs(models[number], tokens, pad_token_id, "cpu", read_out)
