"""What the experts of a mixture's layer make of tokens, with the products of matrices left to the caller."""

from collections.abc import Callable

import torch

# The implementation of transformers whose place this takes: tokens sorted by expert, one product for each expert.
GROUPED = "grouped_mm"
# What transformers tells of a class of experts, and is asked here.
_TOLD = ("num_experts", "has_gate", "has_bias", "is_transposed", "_apply_gate", "_is_expert_parallel", "config")

# (values (n, in) sorted by expert, name of the weight, where each expert's values end (experts,)) -> (n, out)
Product = Callable[[torch.Tensor, str, torch.Tensor], torch.Tensor]


def can_be_applied(experts: torch.nn.Module) -> bool:
    """Say whether `apply_experts` computes what a module of transformers would."""
    return (
        all(hasattr(experts, name) for name in _TOLD)
        and experts.config._experts_implementation == GROUPED
        and not experts._is_expert_parallel
    )


def apply_experts(
    experts: torch.nn.Module, product: Product, tokens: torch.Tensor, chosen: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """Return the sum of what the chosen experts make of each token; the steps are those of transformers' grouped_mm.

    tokens: (n, width); chosen: the numbers of each token's experts, (n, k); shares: their weights in the sum, (n, k).
    """
    count, each = chosen.shape
    expert, order = torch.sort(chosen.reshape(-1))
    ends = torch.searchsorted(expert, torch.arange(experts.num_experts, device=expert.device), right=True).int()

    def with_bias(values: torch.Tensor, name: str) -> torch.Tensor:
        values = product(values, name, ends)
        return values.add_(getattr(experts, f"{name}_bias")[expert]) if experts.has_bias else values

    values = with_bias(tokens[order // each], "gate_up_proj" if experts.has_gate else "up_proj")
    values = experts._apply_gate(values) if experts.has_gate else experts.act_fn(values)
    values = with_bias(values, "down_proj") * shares.reshape(-1)[order].unsqueeze(-1)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    return values[place].view(count, each, -1).sum(dim=1).to(tokens.dtype)
