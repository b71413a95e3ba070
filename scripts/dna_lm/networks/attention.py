"""Attention as the networks of this folder compute it: all at once, or by PyTorch's fused function."""

import torch
from torch import nn
from torch.nn import functional

EAGER = "eager"


def attended(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor,
    implementation: str | None,
    *,
    scale: float | None = None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Return the values, weighted by attention: (n, heads, positions, head size).

    query, key, value: (n, heads, positions, head size). bias: added to the products, (n or 1, heads or 1, positions or
    1, positions). scale: of the products; None: 1 / sqrt(head size). dropout: of the weights; 0 unless in training.
    implementation: transformers' name of one; `eager` computes all weights at once.
    """
    if implementation != EAGER:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias.to(query.dtype), dropout_p=dropout, scale=scale
        )
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    weights = nn.functional.softmax(query @ key.transpose(-1, -2) * scale + bias, dim=-1, dtype=torch.float32)
    return functional.dropout(weights.to(value.dtype), dropout) @ value


def padding_bias(mask: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
    """Return what is added to the products of attention so that no position looks at padding: (n, 1, 1, positions).

    mask: 1 for tokens and 0 for padding, (n, positions); None: no padding. like: states, (n, positions, width).
    """
    if mask is None:
        return like.new_zeros(1, 1, 1, like.shape[1])
    lowest = torch.finfo(like.dtype).min
    return (1 - mask[:, None, None, :].to(like.dtype)) * lowest


def split_heads(states: torch.Tensor, heads: int) -> torch.Tensor:
    """Return states, (n, positions, width), as (n, heads, positions, width / heads)."""
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(states: torch.Tensor) -> torch.Tensor:
    """Return states, (n, heads, positions, head size), as (n, positions, heads x head size)."""
    return states.transpose(1, 2).flatten(2)
