"""The answers of a trained adapter to sequences: what evaluation, calibration, prediction and scanning share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from .adapter import Adapter, check_base_model
from .base_model import BaseModel
from .classifier import trained_classifier
from .encoding import Encoded, Encoder
from .errors import UserError
from .inference import logits
from .options import BOTH
from .recorded_model import opened_base_model_of


@dataclass(frozen=True)
class Outputs:
    """What an adapter's models gave.

    raw: (members, strands, n, outputs) float64, the models' outputs: on the strand given and, if the answerer reads
    both, on the reverse complement.
    encoded: how the sequences were read, for encoding.summary and encoding.warnings.
    """

    raw: np.ndarray
    encoded: Encoded


class Answerer:
    """An adapter on its base model, ready to answer.

    adapter: what is applied. encoder: how it reads. strands: 1, or 2 if both strands are read.
    """

    def __init__(self, base: BaseModel, adapter: Adapter, batch_size: int, progress: Callable[[str], None]):
        """Raises UserError for the wrong base model and an adapter whose tensors do not fit."""
        check_base_model(adapter, base)  # the wrong one may not even read the k-mers of the right one
        self.adapter = adapter
        self.strands = 2 if adapter.strand == BOTH else 1
        self.encoder = Encoder(base, adapter.max_length, adapter.kmer)
        self._pad = self.encoder.tokenizer.pad_token_id
        self._batch_size, self._progress, self._base = batch_size, progress, base
        self._model = trained_classifier(base, adapter, self._pad)  # before anything is said: it may refuse
        self._member = 0

    def outputs(self, sequences: Sequence[str]) -> Outputs:
        """Return the models' outputs for normalised sequences, in their order.

        Raises UserError when some are no numbers.
        """
        if self.strands == 2:
            encoded, reverse = self.encoder.encode_both(sequences)
            tokens = encoded.tokens + reverse
        else:
            encoded = self.encoder.encode(sequences)
            tokens = encoded.tokens
        raw = []
        for member in range(self.adapter.members):
            if member != self._member:
                self._model, self._member = trained_classifier(self._base, self.adapter, self._pad, member), member
            raw.append(logits(self._model, tokens, self._pad, self._batch_size, self._named(member)))
        result = np.array(raw).reshape(self.adapter.members, self.strands, len(sequences), -1)
        if not np.isfinite(result).all():
            raise UserError(
                "the adapter's outputs are no numbers for some of the sequences: its training diverged; train it again "
                "with a smaller learning rate"
            )
        return Outputs(result, encoded)

    def answers(self, raw: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, or numbers in the user's unit, (n, outputs).

        raw: as Outputs has it. The outputs for the strands are averaged before they become probabilities, as in
        training; the members of an ensemble were trained each on its own, and it is their answers that are averaged.
        """
        target = self.adapter.target
        answers = np.mean([target.answers(member.mean(axis=0)) for member in raw], axis=0)
        return self.adapter.decision.calibrated(target, answers)

    def _named(self, member: int) -> Callable[[str], None]:
        if self.adapter.members == 1:
            return self._progress
        return lambda text: self._progress(f"model {member + 1} of {self.adapter.members}: {text}")


@contextmanager
def opened_answerer(
    adapter: Adapter,
    base_model: str,
    base_model_id: str | None,
    *,
    installed: Sequence[str] | None = None,
    batch_size: int,
    progress: Callable[[str], None],
) -> Iterator[Answerer]:
    """Give an answerer for as long as the block lasts.

    base_model, base_model_id, installed, batch_size: the options. progress: told every few seconds how it goes.
    Raises UserError for a base model that is unsafe, incomplete or not the adapter's.
    """
    with opened_base_model_of(adapter, base_model, base_model_id, installed) as base:
        yield Answerer(base, adapter, batch_size, progress)
