"""What the experts of a mixture's layer make of tokens, with the products of matrices left to the caller."""

from collections.abc import Callable

import torch

from ..compat import gated

# (values (n, in) sorted by expert, name of the weight, where each expert's values end (experts,)) -> (n, out)
Product = Callable[[torch.Tensor, str, torch.Tensor], torch.Tensor]


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
    values = gated(experts, values) if experts.has_gate else experts.act_fn(values)
    values = with_bias(values, "down_proj") * shares.reshape(-1)[order].unsqueeze(-1)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    return values[place].view(count, each, -1).sum(dim=1).to(tokens.dtype)
