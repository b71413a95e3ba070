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
from transformers.integrations.moe import _grouped_linear

# The implementation of transformers whose place this one takes: tokens sorted by expert, one product for each expert.
GROUPED = "grouped_mm"
# Places in which transformers' experts keep their weights, and what it tells of a class of experts.
WEIGHTS = {"gate_up_proj", "up_proj", "down_proj"}
TOLD = ("num_experts", "has_gate", "has_bias", "is_transposed", "_apply_gate", "_is_expert_parallel", "config")
# torch's grouped product takes rows of a multiple of 16 bytes.
ROW_BYTES = 16


def apply_to_tokens(model: torch.nn.Module) -> None:
    """Let the experts of a model with PEFT's LoRA matrices on them compute as this module does, wherever they can."""
    wrappers = [module for module in model.modules() if isinstance(module, ParamWrapper)]
    inner = {id(wrapper.base_layer) for wrapper in wrappers}
    for wrapper in wrappers:
        experts = wrapper.get_base_layer()
        if id(wrapper) not in inner and all(hasattr(experts, name) for name in TOLD):
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
    return _experts(layer, {wrapper.parameter_name: wrapper for wrapper in wrappers}, x, *args)


def _possible(experts: torch.nn.Module, wrappers: list[ParamWrapper]) -> bool:
    """Say whether this module computes what PEFT would; else it is left to PEFT."""
    if experts.config._experts_implementation != GROUPED or experts._is_expert_parallel:
        return False
    return all(
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


def _experts(
    experts: torch.nn.Module,
    wrappers: dict[str, ParamWrapper],
    tokens: torch.Tensor,
    chosen: torch.Tensor,
    shares: torch.Tensor,
) -> torch.Tensor:
    """Return the sum of what the chosen experts make of each token; the steps are those of transformers' grouped_mm.

    tokens: (n, width); chosen: the numbers of each token's experts, (n, k); shares: their weights in the sum, (n, k).
    """
    count, each = chosen.shape
    expert, order = torch.sort(chosen.reshape(-1))
    ends = torch.searchsorted(expert, torch.arange(experts.num_experts, device=expert.device), right=True).int()

    def product(values: torch.Tensor, name: str) -> torch.Tensor:
        bias = getattr(experts, f"{name}_bias")[expert] if experts.has_bias else None
        return _product(experts, wrappers.get(name), name, values, ends, bias)

    values = product(tokens[order // each], "gate_up_proj" if experts.has_gate else "up_proj")
    values = experts._apply_gate(values) if experts.has_gate else experts.act_fn(values)
    values = product(values, "down_proj") * shares.reshape(-1)[order].unsqueeze(-1)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    return values[place].view(count, each, -1).sum(dim=1).to(tokens.dtype)


def _product(
    experts: torch.nn.Module,
    wrapper: ParamWrapper | None,
    name: str,
    values: torch.Tensor,
    ends: torch.Tensor,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Multiply values, sorted by expert, (n, in), with the weights of their experts and with the LoRA matrices.

    ends: where each expert's values end.
    """
    weight = getattr(experts, name)
    result = _grouped_linear(values, weight, ends, bias, experts.is_transposed)
    if wrapper is None:
        return result
    first, second, scale = wrapper.get_delta_factors(wrapper.active_adapters[0])
    if not wrapper._did_swap_in_out_features:  # these belong to weights of (experts, in, out): B and A the other way
        first, second = second.transpose(-2, -1), first.transpose(-2, -1)
    if values.device.type == "cpu":
        # For shorter numbers oneDNN makes a program for each number of tokens, which takes longer than small products.
        first, second, values = first.float(), second.float(), values.float()
    spare = -second.shape[1] % (ROW_BYTES // second.itemsize)
    if spare:  # columns and rows of zeros
        first, second = pad(first, (0, spare)), pad(second, (0, 0, 0, spare))
    small = _grouped_linear(values, second, ends)
    return result.add_(_grouped_linear(small, (first * scale).contiguous(), ends))
