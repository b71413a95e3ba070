"""A trained adapter applied to sequences: what evaluation, calibration, prediction and scanning share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..adapters.dataset import Adapter
from ..adapters.recorded_model import opened_base_model_of
from ..base_models.encoding import Encoded, EncodedStrands, Reading
from ..base_models.opening import BaseModel
from ..branch.names import LANGUAGE_MODEL
from ..branch.of_adapter import branch_of
from ..errors import UserError
from ..processes.children import forkable
from ..processes.devices import prediction_processes
from ..processes.engine import Engine
from ..processes.inference import ReadOut, logits
from ..processes.threads import job_threads
from ..words import BOTH, RECORDED
from .branch_reader import BranchReader
from .merged_models import MergedModels, UnmergedBase, with_branch
from .options import ApplyingOptions


@dataclass(frozen=True)
class Outputs:
    """What was read out of an adapter's models.

    raw: (members, strands, n, width), of the models that were asked: for the strand given and, if both are read, for
    the reverse complement, which has the same logits and is not computed if the network is symmetric. Logits are
    float64, hidden states float32.
    reading: how the sequences were read, for encoding.summary and encoding.warnings.
    language_model: what raw would be without the classifiers that read nucleotides; raw itself if there are none. Zeros
    where it was not computed (see Predictor.every_part), which takes most of the time.
    """

    raw: np.ndarray
    reading: Reading
    language_model: np.ndarray | None = None


class Predictor:
    """An adapter on its base model, ready to be applied.

        with opened_predictor(adapter, options, print) as predictor:
            outputs = predictor.outputs(["ACGTT", "GATTACA"])
            probabilities = predictor.predictions(outputs.raw)  # (2, labels)

        with opened_predictor(adapter, options, print, read_out=mean_state) as predictor:
            states = predictor.outputs(["ACGTT", "GATTACA"]).raw.mean(axis=(0, 1))  # (2, hidden size)

    adapter: what is applied. encoder: how it reads. strand: the one that is read: `forward`, `reverse` or `both`.
    strands: how many that are. every_part: whether the language model is computed: not if it counts nothing in the sum
    with the branch, unless this is set.
    """

    def __init__(
        self,
        base: BaseModel,
        adapter: Adapter,
        batch_size: int,
        progress: Callable[[str], None],
        *,
        strand: str = RECORDED,
        precision: str = "fp32",
        read_out: ReadOut = logits,
        unmerged: UnmergedBase | None = None,
    ):
        """Use predictor_on or opened_predictor, which also close it.

        batch_size: maximum number of sequences in a batch. progress: told every few seconds how it goes.
        strand: `recorded`, as the adapter says, or `forward`, `reverse` or `both`. precision: as the option says.
        read_out: what `outputs` gives: inference.logits, or inference.mean_state for hidden states.
        unmerged: of the base model and the adapter, if it is loaded already.
        Raises UserError for the wrong base model, an adapter whose tensors do not fit, and a precision that the
        hardware does not have.
        """
        self._processes = prediction_processes(job_threads())
        self.adapter = adapter
        self.strand = adapter.strand if strand == RECORDED else strand
        self.strands = 2 if self.strand == BOTH else 1
        unmerged = unmerged or UnmergedBase(base, adapter)
        self.encoder = unmerged.encoder
        # The states of a symmetric network differ between the strands, its logits do not.
        self._computed = self.encoder.computed(self.strand) if read_out is logits else self.strand
        self._batch_size, self._progress, self._read_out = batch_size, progress, read_out
        self._models = MergedModels(
            base, adapter, unmerged, precision, self._processes, progress, every_token=read_out is not logits
        )
        self._engine: Engine | None = None
        branch = branch_of(adapter) if read_out is logits else None
        self.every_part = branch is None or adapter.task["branch"][LANGUAGE_MODEL] > 0
        self._branch = BranchReader(branch, batch_size, self._processes) if branch else None

    @property
    def groups(self) -> list[list[int]]:
        """The numbers of the members, grouped by which models are in memory at the same time (see Passes)."""
        return self._models.groups

    def outputs(self, sequences: Sequence[str], members: Sequence[int] | None = None) -> Outputs:
        """Return what is read out of the models for normalized sequences, in their order.

        members: the numbers of the members that are asked, in ascending order; None: all of them. One model after the
        other sees all sequences, and what occurs twice once.
        Raises UserError when some outputs are not finite, and when the system ended a process that computed them.
        """
        if self.strand == self.adapter.strand != BOTH:
            encoded = self.encoder.encode(sequences)
            return self._outputs(sequences, encoded, encoded.tokens, members)
        return self.outputs_of(self.encoder.encode_strands(sequences), members)

    def outputs_of(self, strands: EncodedStrands, members: Sequence[int] | None = None) -> Outputs:
        """Return what `outputs` does, for sequences that this predictor's encoder has encoded.

        See EncodedStrands.strand_given.
        """
        tokens = [one for strand in strands.tokens(self._computed, self.adapter.strand) for one in strand]
        return self._outputs(strands.sequences, strands.strand_given(self.adapter.strand), tokens, members)

    def _outputs(
        self, sequences: Sequence[str], encoded: Encoded, tokens: list[list[int]], members: Sequence[int] | None
    ) -> Outputs:
        """encoded: how the sequences are read. tokens: what is computed, strand by strand."""
        members = range(self.adapter.members) if members is None else members
        width = self.adapter.target.outputs if self._read_out is logits else self.encoder.width
        raw = np.zeros((len(members), 0 if self.every_part else len(tokens), width))
        added = None
        if self._branch and tokens:
            # It reads of a sequence what the language model reads of it.
            read = [text[:length] for text, length in zip(sequences, encoded.letters, strict=True)]
            added = self._branch.outputs(read, self.strand)
        if tokens and self.every_part:
            self._models.settle(tokens, None if added is None else np.concatenate(added)[: len(tokens)])
            asked = [[member for member in members if member in group] for group in self.groups]
            raw = np.concatenate([self._opened(group).outputs(tokens, group, self._tell) for group in asked if group])
        if not np.isfinite(raw).all():
            raise UserError(
                "the adapter's outputs are no numbers for some of the sequences: its training diverged; train it again "
                "with a smaller learning rate"
            )
        computed = 2 if self._computed == BOTH else 1
        raw = raw.reshape(len(members), computed, len(sequences), raw.shape[2])
        raw = alone = np.repeat(raw, self.strands // computed, axis=1)
        if added is not None:
            raw = with_branch(self.adapter, alone, added)
        return Outputs(raw, encoded.reading, alone)

    def _opened(self, members: Sequence[int]) -> Engine:
        """Return the engine whose models are those of a group's members; it is made if another group's is open."""
        if self._engine is None or members[0] not in self._engine.models:
            self._close_models()
            self._engine = Engine(
                self._models.ready(members[0]),
                self.encoder.tokenizer.pad_token_id,
                batch_size=self._batch_size,
                processes=self._processes,
                read_out=self._read_out,
            )
        return self._engine

    def _tell(self, member: int, share: float) -> None:
        which = f"model {member + 1} of {self.adapter.members}: " if self.adapter.members > 1 else ""
        self._progress(f"{which}{share:.0%} done")

    def predictions(self, raw: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, or numbers in the user's unit, (n, outputs).

        raw: logits of all members, as Outputs has them. Those of the strands are averaged before they become
        probabilities, as in training; the members of an ensemble were trained each on its own, and it is their
        probabilities that are averaged.
        """
        return mean_predictions(self.adapter, summed_predictions(self.adapter, raw))

    def close(self) -> None:
        """End the processes, and forget the models in them."""
        self._close_models()
        if self._branch:
            self._branch.close()

    def _close_models(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def summed_predictions(adapter: Adapter, raw: np.ndarray) -> np.ndarray:
    """Return the sum of some members' predictions, not calibrated, (n, outputs).

    raw: logits, (members, strands, n, outputs).
    """
    return np.sum([adapter.target.predictions(member.mean(axis=0)) for member in raw], axis=0)


def mean_predictions(adapter: Adapter, total: np.ndarray) -> np.ndarray:
    """Return calibrated predictions, (n, outputs), for the sum of all members' (see summed_predictions)."""
    return adapter.decision.calibrated(adapter.target, total / adapter.members)


@contextmanager
def predictor_on(
    base: BaseModel,
    adapter: Adapter,
    batch_size: int,
    progress: Callable[[str], None],
    **reading: Any,
) -> Iterator[Predictor]:
    """Give a predictor for as long as the block lasts; torch computes in one thread until it ends.

    The parameters and the errors are those of Predictor.
    """
    with forkable(), closing(Predictor(base, adapter, batch_size, progress, **reading)) as predictor:
        yield predictor


@contextmanager
def opened_predictor(
    adapter: Adapter,
    options: ApplyingOptions,
    progress: Callable[[str], None],
    **reading: Any,
) -> Iterator[Predictor]:
    """Give a predictor on the base model that the options name for as long as the block lasts.

    The other parameters and the errors are those of Predictor; an unsafe or incomplete base model is a UserError too.
    """
    with (
        opened_base_model_of(adapter, options.base_model, options.base_model_id, options.installed) as base,
        predictor_on(base, adapter, options.batch_size, progress, **reading) as predictor,
    ):
        yield predictor
