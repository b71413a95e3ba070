"""The numbers that a base model computes with, chosen from the hardware."""

from dataclasses import dataclass

import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from ..errors import UserError
from ..processes.devices import gpus
from ..words import AUTO

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Above so many tokens, attention on a CPU is computed piece by piece: all at once takes memory by their square. Below,
# all at once is faster, and in bfloat16 up to six times.
MOST_TOKENS_AT_ONCE = 512


@dataclass(frozen=True)
class Precision:
    """name: `fp32`, `bf16` or `fp16`.

    attention: the implementation that transformers is asked for, or None for the one that it prefers.
    """

    name: str
    attention: str | None

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.name]


def choose_precision(asked: str, cuda: bool, tokens: int) -> Precision:
    """Choose the numbers and the implementation of the attention.

    asked: `auto` or a precision; cuda: whether the training is on GPUs; tokens: those of the longest sequence.
    On CPUs with AVX512-BF16, bf16 is 1.1 times as fast as fp32 at a width of 256, takes twice the memory, and is half
    as fast at a width of 64 (docs/training.md): it has to be asked for.
    Raises UserError when the hardware lacks what was asked for.
    """
    attention = None if cuda or tokens > MOST_TOKENS_AT_ONCE else "eager"
    require_hardware(asked, cuda)
    if asked != AUTO:
        return Precision(asked, attention)
    if cuda:
        return Precision("bf16" if gpus().bf16 else "fp16", attention)
    return Precision("fp32", attention)


def require_hardware(asked: str, cuda: bool) -> None:
    """Raise UserError for a precision that the hardware does not have; cuda: whether there is a GPU."""
    if asked == "fp16" and not cuda:
        raise UserError("--precision fp16 needs a GPU; choose fp32 or bf16")


def train_in_float32(module: torch.nn.Module) -> None:
    """Make a module hold and compute float32, whatever is around it.

    Steps of a learning rate are smaller than what bfloat16 can add to a weight, and scores need more than its three
    digits.
    """
    forward = module.forward

    def in_float32(*given, **named):
        with torch.autocast(given[0].device.type, enabled=False):
            floats = [item.float() if torch.is_tensor(item) and item.is_floating_point() else item for item in given]
            return forward(*floats, **named)

    module.float()
    module.forward = in_float32


def leave_inputs(model: torch.nn.Module) -> None:
    """Let LoRA layers take inputs as they are: autocast brings the small matrices to them, not them to the matrices."""
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.cast_input_dtype_enabled = False
