"""Products of matrices in short numbers on a CPU, and all else in float32."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from ..base_models.architectures import HEADS
from ..compat import are_grouped
from ..speed.experts import apply_experts

# oneDNN makes a program for each shape of matrix. The tokens of an expert are filled up to a multiple of this, or each
# batch would need new ones, which takes longer than the products.
_ROWS = 64


def shorten_products(model: PreTrainedModel, dtype: torch.dtype) -> PreTrainedModel:
    """Let linear layers and experts compute in short numbers, and give float32; change the model and return it.

    model: float32, in evaluation mode, with nothing left to merge. Its head and the routers of a mixture stay as they
    are. What is added up from layer to layer, norms and attention stay in float32 too: with everything in bfloat16,
    probabilities move four times as far for 1.2 times the speed (docs/measurements/prediction.md).
    """
    for name, module in model.named_modules():
        if name.split(".")[0] in HEADS:
            continue
        if isinstance(module, torch.nn.Linear):
            _shorten(module, dtype)
        elif name.endswith(".experts") and any(parameter.ndim == 3 for parameter in module.parameters()):
            _shorten_experts(module, dtype) if are_grouped(module) else _shorten(module, dtype)
    return model


def _shorten(module: torch.nn.Module, dtype: torch.dtype) -> None:
    forward = module.to(dtype).forward

    def in_short_numbers(*given: Any, **named: Any) -> torch.Tensor:
        short = (_cast(item, dtype) for item in given)
        return forward(*short, **{name: _cast(item, dtype) for name, item in named.items()}).float()

    module.forward = in_short_numbers


def _cast(item: Any, dtype: torch.dtype) -> Any:
    return item.to(dtype) if torch.is_tensor(item) and item.is_floating_point() else item


def _shorten_experts(experts: torch.nn.Module, dtype: torch.dtype) -> None:
    for parameter in experts.parameters():
        if parameter.ndim == 3:  # the weights; what is added is not multiplied
            parameter.data = parameter.data.to(dtype)

    def product(values: torch.Tensor, name: str, ends: torch.Tensor) -> torch.Tensor:
        return _filled_up_product(values, getattr(experts, name), ends.tolist(), experts.is_transposed)

    def forward(
        hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor
    ) -> torch.Tensor:  # the names of transformers
        return apply_experts(experts, product, hidden_states, top_k_index, top_k_weights)

    experts.forward = forward


def _filled_up_product(
    values: torch.Tensor, weights: torch.Tensor, ends: Sequence[int], is_transposed: bool
) -> torch.Tensor:
    """Multiply values, sorted by expert, (n, in), with the weights of their experts in the numbers of these.

    weights: (experts, out, in), or (experts, in, out) if is_transposed. ends: where each expert's values end.
    Returns (n, out) in the numbers of the values.
    """
    results, first = [], 0
    for weight, end in zip(weights, ends, strict=True):
        if end > first:
            filled = weight.new_zeros(math.ceil((end - first) / _ROWS) * _ROWS, values.shape[1])
            filled[: end - first] = values[first:end]
            results.append((filled @ (weight if is_transposed else weight.T))[: end - first].to(values.dtype))
        first = end
    return torch.cat(results)
