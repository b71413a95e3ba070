"""The models of an adapter, merged into its base model, in the precision that they are applied with."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from ..adapters.dataset import Adapter, check_base_model
from ..base_models.encoding import Encoder
from ..base_models.opening import BaseModel
from ..branch.names import LANGUAGE_MODEL
from ..classifiers.building import LoadedBase, load_base, trained_classifier
from ..classifiers.lora import expert_parameters
from ..classifiers.precision import DTYPES, MOST_TOKENS_AT_ONCE, Precision, require_hardware
from ..classifiers.short_products import shorten_products
from ..compat import cpu_computes_bf16
from ..processes.devices import device
from ..processes.engine import Engine
from ..speed.pooled_token import skip_other_tokens
from ..words import AUTO, NUMBER

# The models of an ensemble are kept in memory together up to this many bytes, but always at least one.
BYTES_KEPT = 2**30
# Below this hidden size, lower precision is not faster on a CPU.
LEAST_WIDTH = 256
# The number of sequences that a lower precision is tried on, and how far predictions may move for it to be chosen:
# probabilities, or numbers in units of the standard deviation in training. If the predictions for 1 in 100 sequences
# like these move further, the trial misses it with a probability of 0.99**512, 0.6%; it says nothing about rarer
# cases, nor about sequences unlike these.
TRIED, MOST_MOVED = 512, 0.005
# Sequences in a batch of the trial.
TRIED_AT_ONCE = 64
# With fewer sequences than this, a lower precision does not save the time of trying it: at 1.6 times the speed
# (docs/measurements/prediction.md) the trial, in both precisions, takes the time that is saved on 2,200.
WORTH_TRYING = 4096


def with_branch(adapter: Adapter, raw: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Return the outputs of an adapter with a branch. raw: the language model's. added: those of the branch."""
    return adapter.task["branch"][LANGUAGE_MODEL] * raw + added


class UnmergedBase:
    """The base model of an adapter and how the adapter reads, before the adapter is merged into the base model.

    encoder: how it reads. model: the base model with a head that means nothing.
    """

    def __init__(self, base: BaseModel, adapter: Adapter):
        """Load it. Raises UserError for the wrong base model and for one that cannot be loaded."""
        check_base_model(adapter, base)  # the wrong one may not even read the k-mers of the right one
        self.encoder = Encoder(base, adapter.max_length, adapter.kmer)
        target, pad = adapter.target, self.encoder.tokenizer.pad_token_id
        exact = _exact(self.encoder)
        self._loaded: LoadedBase | None = load_base(base, target.outputs, pad, kind=target.kind, precision=exact)

    @property
    def model(self) -> PreTrainedModel:
        assert self._loaded, "it was taken"
        return self._loaded.model

    def take(self) -> LoadedBase:
        """Hand over the model to be changed: it is no longer kept here."""
        loaded, self._loaded = self._loaded, None
        assert loaded, "it was taken before"
        return loaded


def _exact(encoder: Encoder) -> Precision:
    """Return the precision that models are loaded with, with the implementation of the attention that is faster."""
    short = device().type != "cuda" and encoder.max_length <= MOST_TOKENS_AT_ONCE
    return Precision("fp32", "eager" if short else None)


class MergedModels:
    """Makes the models of an adapter, those together that fit in memory, in a precision that is tried first."""

    def __init__(
        self,
        base: BaseModel,
        adapter: Adapter,
        unmerged: UnmergedBase,
        precision: str,
        processes: int,
        progress: Callable[[str], None],
        *,
        every_token: bool = False,
    ):
        """precision: `auto`, `fp32`, `bf16` or `fp16`. processes: on a CPU. progress: told what was chosen.

        unmerged: of the base model and the adapter; the first member is merged into it.
        every_token: whether the hidden states of all tokens are asked for, not the logits alone.
        Raises UserError for an adapter whose tensors do not fit and a precision that the hardware does not have.
        """
        self._device = device()
        require_hardware(precision, self._device.type == "cuda")
        self._base, self._adapter, self._encoder, self._every_token = base, adapter, unmerged.encoder, every_token
        self._processes, self._progress = processes, progress
        self._chosen = None if precision == AUTO else precision
        self._exact = {0: self._merged(0, unmerged.take())}  # before anything is said: it may refuse
        self._bytes = sum(parameter.nbytes for parameter in self._exact[0].parameters())

    def settle(self, tokens: Sequence[Sequence[int]], added: np.ndarray | None = None) -> None:
        """Choose the precision to compute with, if that is not done yet.

        tokens: of some sequences, on which a lower one is tried. added: of an adapter with a branch, its outputs for
        each of them, (n, outputs): what counts is how far the predictions of the sum move.
        """
        if self._chosen is None and tokens:
            numbers = {tuple(given): number for number, given in enumerate(tokens)}.values()
            distinct = sorted(numbers, key=lambda number: len(tokens[number]), reverse=True)
            self._chosen = self._best(
                [tokens[number] for number in distinct], None if added is None else added[distinct]
            )

    def ready(self, member: int) -> dict[int, PreTrainedModel]:
        """Return the models of a member and of those in its group, by number, in the precision chosen (see settle).

        The caller alone keeps them.
        """
        models = {number: self._ready(number) for number in self._together(member)}
        self._exact = {}
        return models

    @property
    def groups(self) -> list[list[int]]:
        """The numbers of the models, grouped by which are in memory at the same time.

        Models of another group are made anew, so that many sequences are best read once per group (see Passes).
        """
        together = max(1, BYTES_KEPT // max(1, self._bytes))
        members = self._adapter.members
        return [list(range(first, min(first + together, members))) for first in range(0, members, together)]

    def _together(self, member: int) -> list[int]:
        """Return the numbers of the models that are kept in memory with this one."""
        return next(group for group in self.groups if member in group)

    def _merged(self, member: int, loaded: LoadedBase | None = None) -> PreTrainedModel:
        pad = self._encoder.tokenizer.pad_token_id
        model = trained_classifier(self._base, self._adapter, pad, member, _exact(self._encoder), loaded)
        if not self._every_token:
            skip_other_tokens(model)
        return model

    def _ready(self, member: int) -> PreTrainedModel:
        """Return a model in the precision chosen."""
        return self._in_precision(self._exact.pop(member, None) or self._merged(member), self._chosen)

    def _in_precision(self, model: PreTrainedModel, precision: str) -> PreTrainedModel:
        if precision == "fp32":
            return model
        if self._device.type == "cuda":
            return model.to(DTYPES[precision])
        return shorten_products(model, DTYPES[precision])

    def _best(self, tokens: Sequence[Sequence[int]], added: np.ndarray | None = None) -> str:
        """Choose a lower precision where the hardware has it and it hardly moves the predictions."""
        short = self._short()
        if short is None or len(tokens) < WORTH_TRYING:
            return "fp32"
        chosen = np.linspace(0, len(tokens) - 1, min(TRIED, len(tokens))).round().astype(int)  # of all lengths
        tried = [tokens[number] for number in chosen]
        beside = None if added is None else added[chosen]
        exact = self._tried(self._exact[0], tried, beside)
        moved = np.abs(self._tried(self._in_precision(self._merged(0), short), tried, beside) - exact).max()
        if self._adapter.target.kind == NUMBER:
            moved /= self._adapter.target.spread
        what = "predictions" if self._adapter.target.kind == NUMBER else "probabilities"
        if moved <= MOST_MOVED:
            self._progress(f"computing in {short}: {what} of {len(tried)} sequences moved by at most {moved:.4f}")
            return short
        self._progress(f"computing in fp32, since {short} moved {what} by up to {moved:.4f}")
        return "fp32"

    def _short(self) -> str | None:
        """Return the lower precision that is worth trying with this model on this hardware, if there is one."""
        # Rounded, a token whose two best experts are nearly level goes to the other one, whatever computes it.
        if expert_parameters(self._exact[0]) or self._encoder.width < LEAST_WIDTH:
            return None
        if self._device.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return "bf16" if cpu_computes_bf16() else None

    def _tried(
        self, model: PreTrainedModel, tokens: Sequence[Sequence[int]], added: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the predictions of a model that is taken for the only one, (n, outputs). added: see settle."""
        pad = self._encoder.tokenizer.pad_token_id
        with Engine({0: model}, pad, batch_size=TRIED_AT_ONCE, processes=self._processes) as engine:
            (raw,) = engine.outputs(tokens)
        if added is not None:
            raw = with_branch(self._adapter, raw, added)
        target = self._adapter.target
        return self._adapter.decision.calibrated(target, target.predictions(raw))
