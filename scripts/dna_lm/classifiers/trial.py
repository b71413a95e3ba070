"""Whether a classifier can be trained and applied here: tried on a few sequences, before any work.

transformers has classifiers for many architectures, and some of them cannot read what this project gives them: they
need sequences whose length is a multiple of something, end tokens that a tokenizer does not set, or pictures and tables
beside the text; or they read the padding, or predict at random. What goes wrong is found by trying it.
"""

import contextlib
import random
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from ..base_models.encoding import Encoder
from ..data.sequences import BASES
from ..errors import UserError, lack
from ..processes.inference import forward, padded
from .precision import DTYPES

# Letters of the sequences that are tried together, and of those that are tried alone: short ones, odd ones, and such
# as are no multiple of anything.
TOGETHER, ALONE = (1, 2, 7), (17,)
# Tokens of the longest sequence that is tried, unless longer ones are known to come.
LONGEST = 512
# Letters that are enough for so many tokens: tokenizers of pieces read up to 16 letters as one, and seldom that many.
LETTERS_OF_A_TOKEN = 16
# How far apart the predictions for a sequence alone and in a batch may be, as a fraction of the largest prediction:
# rounding in float32 moves them by 10^-6 to 10^-4 of it, and padding that is read by more than this.
TOLERANCE = 1e-2


def refused(base_model_id: str, architecture: str, reason: str) -> UserError:
    """Return the error for a base model that a classifier cannot be made of, with the reason."""
    return UserError(
        f"the base model {base_model_id!r}: a classifier of its architecture, {architecture!r}, cannot be used here: "
        f"{reason}; choose another base model"
    )


def reason_against(
    model: nn.Module,
    encoder: Encoder,
    *,
    longest: int | None = None,
    training: bool = True,
    precision: str = "fp32",
    quantized: bool = False,
) -> str:
    """Return why a classifier cannot be trained and applied, in words that follow a colon, or nothing.

    model: as it is going to be trained or applied. It is left as it was, and so are torch's random numbers.
    encoder: that gives what it will read. longest: tokens of the longest sequence that is known; without it, LONGEST.
    training: whether it is to be trained too.
    precision, quantized: of the training. Where rounding could have the same effect, it is not tested whether
    predictions depend on the other sequences of a batch.
    Raises MemoryError or torch's OutOfMemoryError when there is too little memory for one sequence.
    """
    numbers = random.Random(0)
    most = min(encoder.max_length, longest or LONGEST)
    shortest = max(0, encoder.kmer - 1)
    sizes = [shortest + size for size in (*TOGETHER, *ALONE)] + [most * LETTERS_OF_A_TOKEN]
    *tokens, last = encoder.encode(["".join(numbers.choices(BASES, k=size)) for size in sizes]).tokens
    if len(last) > most:
        last = last[: most - 1] + last[-1:]
    with _left_as_it_was(model):
        trial = _Trial(model, encoder.tokenizer.pad_token_id, precision)
        reason = trial.answering(tokens, last, compared=precision == "fp32" and not quantized)
        if training and not reason:
            reason = trial.learning([tokens[: len(TOGETHER)], *([one] for one in tokens[len(TOGETHER) :]), [last]])
    return reason


class _Trial:
    """A model on batches of token numbers."""

    def __init__(self, model: nn.Module, pad_token_id: int, precision: str):
        self.model, self.pad, self.dtype = model, pad_token_id, DTYPES[precision]
        self.place = next(model.parameters()).device

    def answering(self, tokens: list[list[int]], longest: list[int], compared: bool) -> str:
        """Return what is wrong with the predictions, if anything is.

        compared: whether those to a sequence in a batch, in the same batch again and on its own are to be the same.
        """
        self.model.eval()
        with torch.no_grad():
            predictions = []
            for batch in (tokens, tokens, *([one] for one in tokens), [longest]):
                logits, reason = self._logits(batch)
                if reason:
                    return reason
                predictions.append(logits)
        first, again, *each, _ = predictions
        if not compared:
            return ""
        allowed = TOLERANCE * float(first.abs().max())
        if (first - again).abs().max() > allowed:
            return "its predictions for the same sequences differ at random"
        if (first - torch.cat(each)).abs().max() > allowed:
            return "it reads padding, so that the prediction for a sequence depends on the others in its batch"
        return ""

    def learning(self, batches: Iterable[list[list[int]]]) -> str:
        """Return what is wrong with the gradients, if anything is."""
        self.model.train()
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        largest = [0.0] * len(trained)
        for batch in batches:
            logits, reason = self._logits(batch)
            if reason:
                return reason
            try:
                # Weighted, so that no symmetry of the predictions lets their gradients cancel.
                weights = torch.arange(1, logits.numel() + 1, device=logits.device).view_as(logits)
                (logits.float() * weights).sum().backward()
            except Exception as problem:  # whatever an architecture raises
                return _said(problem, batch)
            for number, parameter in enumerate(trained):
                if parameter.grad is not None:
                    largest[number] = max(largest[number], float(parameter.grad.abs().max()))
                    parameter.grad = None
        if not all(map(_finite, largest)):
            return "its gradients are no numbers"
        return "" if any(largest) else "nothing in it gets a gradient"

    def _logits(self, batch: list[list[int]]) -> tuple[torch.Tensor, str]:
        """Return the predictions for a batch, and what is wrong with them."""
        ids, mask = padded(batch, self.pad, self.place)
        try:
            with torch.autocast(self.place.type, self.dtype, enabled=self.dtype != torch.float32):
                logits = forward(self.model, ids, mask).logits
        except Exception as problem:  # whatever an architecture raises
            return torch.empty(0), _said(problem, batch)
        wanted = (len(batch), self.model.config.num_labels)
        if not isinstance(logits, torch.Tensor) or logits.shape != wanted:
            return torch.empty(0), f"its output is not {wanted[1]} numbers for each sequence"
        if not torch.isfinite(logits).all():
            return torch.empty(0), f"it gives no numbers for {_lengths(batch)}"
        return logits, ""


def _finite(number: float) -> bool:
    return abs(number) < float("inf")


def _said(problem: Exception, batch: list[list[int]]) -> str:
    if lack(problem):
        raise problem
    lines = str(problem).strip().splitlines()
    text = f"{type(problem).__name__}: {lines[0][:300]}" if lines else type(problem).__name__
    return f"on {_lengths(batch)} it ends with {text}"


def _lengths(batch: list[list[int]]) -> str:
    longest = max(map(len, batch))
    if len(batch) == 1:
        return f"a sequence of {longest} token{'' if longest == 1 else 's'}"
    return f"sequences of up to {longest} tokens"


@contextlib.contextmanager
def _left_as_it_was(model: nn.Module) -> Iterator[None]:
    mode = model.training
    gradients = [parameter.grad for parameter in model.parameters()]
    try:
        with torch.random.fork_rng():
            yield
    finally:
        model.train(mode)
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient
