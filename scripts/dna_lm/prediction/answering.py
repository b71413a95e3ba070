"""The answers of a trained adapter to sequences: what evaluation, calibration, prediction and scanning share."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from ..adapters.dataset import Adapter, check_base_model
from ..adapters.recorded_model import opened_base_model_of
from ..base_models.encoding import Encoded, Encoder
from ..base_models.opening import BaseModel
from ..errors import UserError
from ..processes import inference
from ..processes.devices import prediction_processes
from ..processes.inference import batches
from ..processes.threads import job_threads
from ..words import BOTH, FORWARD, RECORDED, REVERSE
from .merged_models import MergedModels, answers


@dataclass(frozen=True)
class Outputs:
    """What an adapter's models gave.

    raw: (members, strands, n, outputs) float64, the outputs of the models that were asked: on the strand given and, if
    the answerer reads both, on the reverse complement.
    encoded: how the sequences were read, for encoding.summary and encoding.warnings.
    """

    raw: np.ndarray
    encoded: Encoded


class Answerer:
    """An adapter on its base model, ready to answer.

    adapter: what is applied. encoder: how it reads. strands: 1, or 2 if both strands are read.
    """

    def __init__(
        self,
        base: BaseModel,
        adapter: Adapter,
        batch_size: int,
        progress: Callable[[str], None],
        strand: str = RECORDED,
        precision: str = "fp32",
    ):
        """strand: `recorded`, as the adapter says, or `forward`, `reverse` or `both`. precision: as the option says.

        Raises UserError for the wrong base model, an adapter whose tensors do not fit, and a precision that the
        hardware does not have.
        """
        check_base_model(adapter, base)  # the wrong one may not even read the k-mers of the right one
        processes = prediction_processes(job_threads())
        torch.set_num_threads(1)  # a process whose library has started threads cannot be forked into working ones
        self.adapter = adapter
        self.strand = adapter.strand if strand == RECORDED else strand
        self.strands = 2 if self.strand == BOTH else 1
        self.encoder = Encoder(base, adapter.max_length, adapter.kmer)
        self._batch_size, self._progress = batch_size, progress
        self._models = MergedModels(base, adapter, self.encoder, precision, processes, progress)

    @property
    def groups(self) -> list[list[int]]:
        """The numbers of the members, those whose models are in memory at the same time together (see Passes)."""
        return self._models.groups

    def outputs(self, sequences: Sequence[str], members: Sequence[int] | None = None) -> Outputs:
        """Return the models' outputs for normalized sequences, in their order. What occurs twice is computed once.

        members: the numbers of the members that are asked; None: all of them.
        Raises UserError when some are no numbers, and when the system ended a process that computed them.
        """
        encoded, tokens = self._read(sequences)
        # One number a sequence or strand, the same for those of the same tokens.
        place_of: dict[tuple[int, ...], int] = {}
        places = [place_of.setdefault(tuple(numbers), len(place_of)) for numbers in tokens]
        distinct = list(place_of)
        groups = batches(list(map(len, distinct)), self._batch_size)
        self._models.settle([distinct[number] for group in groups for number in group])
        members = range(self.adapter.members) if members is None else members
        raw = np.empty((len(members), len(distinct), self.adapter.target.outputs))
        for row, member in enumerate(members if distinct else []):
            found = self._models.outputs(member, ([distinct[number] for number in group] for group in groups))
            said, done = time.monotonic(), 0
            for group, outputs in zip(groups, found, strict=True):
                raw[row, group] = outputs
                done += len(group)
                if time.monotonic() - said > inference.PROGRESS_SECONDS:
                    said = time.monotonic()
                    which = f"model {member + 1} of {self.adapter.members}: " if self.adapter.members > 1 else ""
                    self._progress(f"{which}{done / len(distinct):.0%} done")
        if not np.isfinite(raw).all():
            raise UserError(
                "the adapter's outputs are no numbers for some of the sequences: its training diverged; train it again "
                "with a smaller learning rate"
            )
        shape = (len(members), self.strands, len(sequences), raw.shape[2])
        return Outputs(raw[:, np.array(places, dtype=int)].reshape(shape), encoded)

    def _read(self, sequences: Sequence[str]) -> tuple[Encoded, list[list[int]]]:
        """Return how the sequences were read, and the tokens to compute, strand by strand.

        Of a sequence that is cut, the strand given is read as in training, whatever other strand is asked for.
        """
        if self.strand == self.adapter.strand != BOTH:
            encoded = self.encoder.encode(sequences)
            return encoded, encoded.tokens
        encoded, reverse = self.encoder.encode_both(sequences)
        if self.adapter.strand != BOTH:
            encoded = self.encoder.encode(sequences)
        return encoded, {FORWARD: encoded.tokens, REVERSE: reverse, BOTH: encoded.tokens + reverse}[self.strand]

    def answers(self, raw: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, or numbers in the user's unit, (n, outputs).

        raw: as Outputs has it, of all members. The outputs for the strands are averaged before they become
        probabilities, as in training; the members of an ensemble were trained each on its own, and it is their answers
        that are averaged.
        """
        return answers(self.adapter, raw)

    def close(self) -> None:
        """End the processes that compute."""
        self._models.close()


@contextmanager
def opened_answerer(
    adapter: Adapter,
    base_model: str,
    base_model_id: str | None,
    *,
    installed: Sequence[str] | None = None,
    batch_size: int,
    progress: Callable[[str], None],
    strand: str = RECORDED,
    precision: str = "fp32",
) -> Iterator[Answerer]:
    """Give an answerer for as long as the block lasts.

    base_model, base_model_id, installed, batch_size, strand, precision: the options. progress: told every few seconds
    how it goes.
    Raises UserError for a base model that is unsafe, incomplete or not the adapter's.
    """
    with opened_base_model_of(adapter, base_model, base_model_id, installed) as base:
        answerer = Answerer(base, adapter, batch_size, progress, strand, precision)
        try:
            yield answerer
        finally:
            answerer.close()
