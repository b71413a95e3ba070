"""LoRA matrices of a mixture's experts, applied to the tokens instead of to the weights.

The experts of a layer are one parameter W of three dimensions, and PEFT trains it through W + s B A: at each forward
pass it makes that sum for all experts, and autograd makes the gradient of the whole of it, which is as large as W and
needs a product as costly as the forward pass. Here, as for linear layers, the same output is (x W) + s (x A) B: W has
no gradient, and what is made anew has the size of the tokens times the rank. Only the forward pass is another one:
the names of the tensors, loading, merging and saving are PEFT's.
"""

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import ParamWrapper
from torch.nn.functional import pad

from ..compat import are_grouped, grouped_product, has_swapped_features
from . import wanted
from .experts import apply_experts

# Places in which transformers' experts keep their weights.
WEIGHTS = {"gate_up_proj", "up_proj", "down_proj"}
# torch's grouped product takes rows of a multiple of 16 bytes.
ROW_BYTES = 16


def apply_to_tokens(model: torch.nn.Module) -> None:
    """Let the experts of a model with PEFT's LoRA matrices on them compute as this module does, wherever they can."""
    if not wanted():
        return
    wrappers = [module for module in model.modules() if isinstance(module, ParamWrapper)]
    inner = {id(wrapper.base_layer) for wrapper in wrappers}
    for wrapper in wrappers:
        experts = wrapper.get_base_layer()
        if id(wrapper) not in inner and are_grouped(experts):
            # Not a class of its own: PEFT asks for the name of the class.
            wrapper.forward = MethodType(_forward, wrapper)


def _forward(self: ParamWrapper, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """The forward pass of the outermost of PEFT's wrappers around the experts of a layer, one for each weight."""
    wrappers, layer = [], self
    while isinstance(layer, ParamWrapper):
        wrappers.append(layer)
        layer = layer.base_layer
    if kwargs or len(args) != 2 or not _possible(layer, wrappers):
        return ParamWrapper.forward(self, x, *args, **kwargs)
    adapted = {wrapper.parameter_name: wrapper for wrapper in wrappers}

    def product(values: torch.Tensor, name: str, ends: torch.Tensor) -> torch.Tensor:
        return _product(layer, adapted.get(name), name, values, ends)

    return apply_experts(layer, product, x, *args)


def _possible(experts: torch.nn.Module, wrappers: list[ParamWrapper]) -> bool:
    """Say whether this module computes what PEFT would; else it is left to PEFT."""
    return are_grouped(experts) and all(
        wrapper.parameter_name in WEIGHTS
        and wrapper.num_experts == experts.num_experts > 1
        and not (wrapper.disable_adapters or wrapper.merged)
        and len(wrapper.active_adapters) == 1
        and wrapper.active_adapters[0] in wrapper.lora_A
        and wrapper.get_param().is_floating_point()
        and wrapper.get_param().itemsize >= 2
        and not wrapper.get_param().requires_grad
        for wrapper in wrappers
    )


def _product(
    experts: torch.nn.Module,
    wrapper: ParamWrapper | None,
    name: str,
    values: torch.Tensor,
    ends: torch.Tensor,
) -> torch.Tensor:
    """Multiply values, sorted by expert, (n, in), with the weights of their experts and with the LoRA matrices.

    ends: where each expert's values end.
    """
    weight = getattr(experts, name)
    result = grouped_product(values, weight, ends, None, experts.is_transposed)
    if wrapper is None:
        return result
    first, second, scale = wrapper.get_delta_factors(wrapper.active_adapters[0])
    if not has_swapped_features(wrapper):  # these belong to weights of (experts, in, out): B and A the other way
        first, second = second.transpose(-2, -1), first.transpose(-2, -1)
    if values.device.type == "cpu":
        # For shorter numbers oneDNN makes a program for each number of tokens, which takes longer than small products.
        first, second, values = first.float(), second.float(), values.float()
    spare = -second.shape[1] % (ROW_BYTES // second.itemsize)
    if spare:  # columns and rows of zeros
        first, second = pad(first, (0, spare)), pad(second, (0, 0, 0, spare))
    small = grouped_product(values, second, ends)
    return result.add_(grouped_product(small, (first * scale).contiguous(), ends))
