"""Parts that several networks of this folder have, under the names of their tensors in published files."""

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedConfig

from ..compat import attention_implementation
from .attention import attended, join_heads, split_heads

# Cosines and sines of the angles of each position, (positions, head size / 2) each.
Rotation = tuple[torch.Tensor, torch.Tensor]


def rotation(positions: int, size: int, like: torch.Tensor) -> Rotation:
    """Return the rotation of each position (Su et al. 2021, arXiv:2104.09864). size: of a head. like: states."""
    frequencies = 10000.0 ** (-torch.arange(0, size, 2, device=like.device) / size)
    angles = torch.arange(positions, device=like.device)[:, None] * frequencies
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotated(states: torch.Tensor, by: Rotation) -> torch.Tensor:
    """Return states, (n, heads, positions, head size), whose first and second halves are rotated against each other."""
    first, second = states.chunk(2, dim=-1)
    cosine, sine = (part.to(states.dtype) for part in by)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


class SelfAttention(nn.Module):
    """States to states, (n, positions, width), weighted by attention."""

    def __init__(self, config: PreTrainedConfig):
        super().__init__()
        self.config = config
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, states: torch.Tensor, bias: torch.Tensor, by: Rotation | None = None) -> torch.Tensor:
        """by: rotates queries and keys. bias: see attended."""
        layers, heads = (self.query, self.key, self.value), self.config.num_attention_heads
        query, key, value = (split_heads(layer(states), heads) for layer in layers)
        query = query * query.shape[-1] ** -0.5
        if by is not None:
            query, key = rotated(query, by), rotated(key, by)
        dropout = self.config.attention_probs_dropout_prob if self.training else 0.0
        implementation = attention_implementation(self.config)
        return join_heads(attended(query, key, value, bias, implementation, scale=1.0, dropout=dropout))


class Pooler(nn.Module):
    """The state of the first token, [CLS], through one more layer: (n, width)."""

    def __init__(self, config: PreTrainedConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.dense(states[:, 0]))


class PredictionTransform(nn.Module):
    """The layer before the prediction of masked tokens."""

    def __init__(self, config: PreTrainedConfig, eps: float):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=eps)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(functional.gelu(self.dense(states)))
