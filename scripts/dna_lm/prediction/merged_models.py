"""The models of an adapter, merged into its base model, in the numbers that they are applied with."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from ..adapters.adapter import Adapter
from ..base_models.base_model import BaseModel
from ..base_models.encoding import Encoder
from ..classifiers.classifier import trained_classifier
from ..classifiers.inference import batch_outputs, batches, device
from ..classifiers.lora import expert_parameters
from ..classifiers.pooled_token import skip_other_tokens
from ..classifiers.precision import DTYPES, MOST_TOKENS_AT_ONCE, Precision
from ..errors import UserError
from ..options import AUTO, NUMBER
from .short_products import shorten_products
from .workers import Workers

# Models of an ensemble are kept together if they take no more; else each is made anew where it is needed.
BYTES_KEPT = 2**30
# Below this width, shorter numbers are not faster on a CPU.
LEAST_WIDTH = 256
# The sequences that short numbers are tried on, and how far answers may move for them to be chosen: probabilities, or
# numbers in units of the spread of the training's. The answers of all sequences then move by less than 0.01.
TRIED, MOST_MOVED = 64, 0.005
# Fewer sequences than this are done before short numbers would have saved the time of trying them.
WORTH_TRYING = 1024


def answers(adapter: Adapter, raw: np.ndarray) -> np.ndarray:
    """Return calibrated answers, (n, outputs), for outputs (members, strands, n, outputs)."""
    target = adapter.target
    found = np.mean([target.answers(member.mean(axis=0)) for member in raw], axis=0)
    return adapter.decision.calibrated(target, found)


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

    def _together(self, member: int) -> list[int]:
        """Return the numbers of the models that are kept in memory with this one."""
        members = self._adapter.members
        return list(range(members)) if self._bytes * members <= BYTES_KEPT else [member]

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
        step = max(1, len(tokens) // TRIED)
        tried = sorted(tokens[::step][:TRIED], key=len)
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
        """Return the short numbers that are faster on this hardware than float32, if there are such."""
        if self._place.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        has = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        # Rounded, a token whose two best experts are nearly level goes to the other one: not worth trying.
        mixture = bool(expert_parameters(self._exact[0]))
        return "bf16" if has and self._encoder.width >= LEAST_WIDTH and not mixture else None

    def _tried(self, model: PreTrainedModel, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        pad, raw = self._encoder.tokenizer.pad_token_id, np.empty((len(tokens), model.config.num_labels))
        model.to(self._place)
        for batch in batches(list(map(len, tokens)), TRIED):
            raw[batch] = batch_outputs(model, [tokens[number] for number in batch], pad, self._place)
        return answers(self._adapter, raw[None, None])
