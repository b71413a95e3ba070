"""Root mean square norms (Zhang and Sennrich 2019, arXiv:1910.07467) as one step of autograd, while a model is trained.

On a CPU a norm takes as long as its passes over the tokens' states, and step by step there are twice as many of them.
"""

from types import MethodType
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel

from ..base_models.architectures import architecture


def fuse_norms(model: PreTrainedModel) -> None:
    """Let the norms of a classifier compute as this module does, if its architecture is like Llama."""
    if not architecture(model.config.model_type).like_llama:
        return
    for module in model.modules():
        if hasattr(module, "variance_epsilon"):
            # Not a class of its own: transformers and PEFT ask for the names of classes.
            module.forward = MethodType(_forward, module)


def _forward(self: torch.nn.Module, hidden_states: torch.Tensor) -> torch.Tensor:
    exact = hidden_states.dtype == self.weight.dtype == torch.float32
    if not exact or self.weight.requires_grad or hidden_states.device.type != "cpu":
        return type(self).forward(self, hidden_states)
    return _Norm.apply(hidden_states, self.weight, self.variance_epsilon)


class _Norm(torch.autograd.Function):
    """weight * x / sqrt(mean(x^2) + epsilon), the mean over the last dimension; no gradient for the weight."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        share = size.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, share)
        return (x * share).mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, share = ctx.saved_tensors
        wanted = gradient * weight
        # The share's own gradient is -share^3 / n times x.
        of_share = (wanted * x).sum(dim=-1, keepdim=True).mul_(share.pow(3)).div_(-x.shape[-1])
        return wanted.mul_(share).addcmul_(x, of_share), None, None
