"""The models of an adapter, merged into its base model, in the numbers that they are applied with."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from ..adapters.dataset import Adapter
from ..base_models.encoding import Encoder
from ..base_models.opening import BaseModel
from ..classifiers.building import trained_classifier
from ..classifiers.lora import expert_parameters
from ..classifiers.precision import DTYPES, MOST_TOKENS_AT_ONCE, Precision
from ..errors import UserError
from ..processes.devices import device
from ..processes.inference import batches
from ..processes.workers import Workers
from ..speed.pooled_token import skip_other_tokens
from ..speed.short_products import shorten_products
from ..words import AUTO, NUMBER

# Models of an ensemble are kept in memory together as far as they take no more than this, and one at least.
BYTES_KEPT = 2**30
# Below this width, shorter numbers are not faster on a CPU.
LEAST_WIDTH = 256
# The sequences that short numbers are tried on, and how far answers may move for them to be chosen: probabilities, or
# numbers in units of the spread of the training's. If the answers of 1 in 100 sequences like these move further, the
# trial misses it with a probability of 0.99**512, 0.6%; of rarer ones, and of sequences unlike these, it tells nothing.
TRIED, MOST_MOVED = 512, 0.005
# Sequences that share a batch in the trial.
TRIED_AT_ONCE = 64
# Fewer sequences than this are done before short numbers would have saved the time of trying them: at 1.6 times the
# speed (docs/prediction.md) the trial, in both kinds of numbers, takes what is saved on 2,200.
WORTH_TRYING = 4096


def summed_answers(adapter: Adapter, raw: np.ndarray) -> np.ndarray:
    """Return the sum of the members' answers, not calibrated, (n, outputs), for (members, strands, n, outputs)."""
    return np.sum([adapter.target.answers(member.mean(axis=0)) for member in raw], axis=0)


def mean_answers(adapter: Adapter, total: np.ndarray) -> np.ndarray:
    """Return calibrated answers, (n, outputs), for the sum of all members' (see summed_answers)."""
    return adapter.decision.calibrated(adapter.target, total / adapter.members)


def answers(adapter: Adapter, raw: np.ndarray) -> np.ndarray:
    """Return calibrated answers, (n, outputs), for outputs (members, strands, n, outputs) of all members."""
    return mean_answers(adapter, summed_answers(adapter, raw))


class MergedModels:
    """Computes what the models of an adapter give, in processes if there are several to have."""

    def __init__(
        self,
        base: BaseModel,
        adapter: Adapter,
        encoder: Encoder,
        precision: str,
        processes: int,
        progress: Callable[[str], None],
    ):
        """precision: `auto`, `fp32`, `bf16` or `fp16`. processes: on a CPU. progress: told what was chosen.

        Raises UserError for an adapter whose tensors do not fit and a precision that the hardware does not have.
        """
        self._place = device()
        if precision == "fp16" and self._place.type != "cuda":
            raise UserError("--precision fp16 needs a GPU; choose fp32 or bf16")
        self._base, self._adapter, self._encoder = base, adapter, encoder
        self._asked, self._processes, self._progress = precision, processes, progress
        self._chosen = None if precision == AUTO else precision
        short = self._place.type == "cuda" or encoder.max_length <= MOST_TOKENS_AT_ONCE
        self._attention = "eager" if short and self._place.type != "cuda" else None
        self._exact = {0: self._merged(0)}  # before anything is said: it may refuse
        self._bytes = sum(parameter.nbytes for parameter in self._exact[0].parameters())
        self._models: dict[int, PreTrainedModel] = {}
        self._workers: Workers | None = None

    def settle(self, tokens: Sequence[Sequence[int]]) -> None:
        """Choose the numbers to compute with, if that is not done yet.

        tokens: of some sequences, on which short numbers are tried.
        """
        if self._chosen is None and tokens:
            self._chosen = self._best(tokens)

    def outputs(self, member: int, batches: Iterable[Sequence[Sequence[int]]]) -> Iterator[np.ndarray]:
        """Give the outputs of a model for each batch, (n, outputs) float64.

        Raises UserError for what cannot be mended by the caller (see Workers.outputs).
        """
        if self._workers is None or member not in self._models:
            self.close()
            self._models = {number: self._ready(number) for number in self._together(member)}
            self._exact = {}
            self._workers = Workers(self._models, self._encoder.tokenizer.pad_token_id, self._processes)
        return self._workers.outputs(member, batches)

    def close(self) -> None:
        """End the processes."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None
            self._models = {}

    @property
    def groups(self) -> list[list[int]]:
        """The numbers of the models, those that are in memory at the same time together.

        Models of another group are made anew: who has many sequences in several parts goes through them group by group.
        """
        together = max(1, BYTES_KEPT // max(1, self._bytes))
        members = self._adapter.members
        return [list(range(first, min(first + together, members))) for first in range(0, members, together)]

    def _together(self, member: int) -> list[int]:
        """Return the numbers of the models that are kept in memory with this one."""
        return next(group for group in self.groups if member in group)

    def _merged(self, member: int) -> PreTrainedModel:
        pad = self._encoder.tokenizer.pad_token_id
        model = trained_classifier(self._base, self._adapter, pad, member, Precision("fp32", self._attention))
        skip_other_tokens(model)
        return model

    def _ready(self, member: int) -> PreTrainedModel:
        """Return a model in the numbers chosen."""
        return self._in_numbers(self._exact.pop(member, None) or self._merged(member), self._chosen)

    def _in_numbers(self, model: PreTrainedModel, precision: str) -> PreTrainedModel:
        if precision == "fp32":
            return model
        if self._place.type == "cuda":
            return model.to(DTYPES[precision])
        return shorten_products(model, DTYPES[precision])

    def _best(self, tokens: Sequence[Sequence[int]]) -> str:
        """Choose short numbers where the hardware computes with them and they hardly move the answers."""
        short = self._short()
        if short is None or len(tokens) < WORTH_TRYING:
            return "fp32"
        chosen = np.linspace(0, len(tokens) - 1, min(TRIED, len(tokens))).round().astype(int)  # of all lengths
        tried = [tokens[number] for number in chosen]
        model = self._exact[0]
        exact = self._tried(model, tried)
        moved = np.abs(self._tried(self._in_numbers(self._merged(0), short), tried) - exact).max()
        if self._adapter.target.kind == NUMBER:
            moved /= self._adapter.target.spread
        what = "answers" if self._adapter.target.kind == NUMBER else "probabilities"
        if moved <= MOST_MOVED:
            self._progress(f"computing in {short}: {what} of {len(tried)} sequences moved by at most {moved:.4f}")
            return short
        self._progress(f"computing in fp32, since {short} moved {what} by up to {moved:.4f}")
        return "fp32"

    def _short(self) -> str | None:
        """Return the short numbers that are worth trying with this model on this hardware, if there are such."""
        # Rounded, a token whose two best experts are nearly level goes to the other one, whatever computes it.
        if expert_parameters(self._exact[0]) or self._encoder.width < LEAST_WIDTH:
            return None
        if self._place.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        has = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bf16" if has else None

    def _tried(self, model: PreTrainedModel, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the answers of a model that is taken for the only one, (n, outputs)."""
        raw = np.empty((len(tokens), model.config.num_labels))
        groups = batches(list(map(len, tokens)), TRIED_AT_ONCE)
        workers = Workers({0: model}, self._encoder.tokenizer.pad_token_id, self._processes)
        try:
            found = workers.outputs(0, ([tokens[number] for number in group] for group in groups))
            for group, outputs in zip(groups, found, strict=True):
                raw[group] = outputs
        finally:
            workers.close()
        target = self._adapter.target
        return self._adapter.decision.calibrated(target, target.answers(raw))
