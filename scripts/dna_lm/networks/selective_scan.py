"""The selective scan of Mamba (Gu and Dao 2023, arXiv:2312.00752) in PyTorch, with gradients of its own.

Autograd would keep the states of all positions, `states` times as large as everything else in a layer. Here only one in
some positions is kept, and those between are computed anew for the gradients.
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

# Numbers in the states that are computed before the next are begun: few enough to stay in a processor's cache.
NUMBERS_AT_ONCE = 2**20
# Positions between two whose states are kept for the gradients: at least so many, or these would fill the memory.
LEAST_POSITIONS = 8


def selective_scan(
    values: torch.Tensor, steps: torch.Tensor, rates: torch.Tensor, entry: torch.Tensor, exit: torch.Tensor
) -> torch.Tensor:
    """Return y, (n, positions, channels), of y[t] = exit[t] . h[t]: what goes out of the states h.

    h[t] = exp(steps[t] rates) h[t-1] + steps[t] entry[t] values[t]; before the first position, h is 0.
    values, steps: (n, positions, channels). rates: (channels, states). entry, exit: (n, positions, states). All of one
    kind of numbers, float32 where it matters.
    """
    return _Scan.apply(values, steps, rates, entry, exit)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: torch.Tensor) -> torch.Tensor:
        values, steps, rates, entry, exit = _positions_first(*given)
        length = _positions_at_once(values, rates)
        state = values.new_zeros(*values.shape[1:], rates.shape[1])
        result = torch.empty_like(values)
        kept = []
        for start in range(0, len(values), length):
            piece = slice(start, start + length)
            kept.append(state)
            states, _ = _states(state, values[piece], steps[piece], rates, entry[piece])
            result[piece] = (states @ exit[piece].unsqueeze(-1)).squeeze(-1)
            state = states[-1].clone()
        ctx.save_for_backward(*given, torch.stack(kept))
        return result.transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        *given, kept = ctx.saved_tensors
        values, steps, rates, entry, exit = _positions_first(*given)
        (gradient,) = _positions_first(gradient)
        length = _positions_at_once(values, rates)
        of_values, of_steps, of_entry, of_exit = map(torch.empty_like, (values, steps, entry, exit))
        of_rates = torch.zeros_like(rates)
        carried = torch.zeros_like(kept[0])
        for number, start in reversed(list(enumerate(range(0, len(values), length)))):
            piece = slice(start, start + length)
            states, decay = _states(kept[number], values[piece], steps[piece], rates, entry[piece])
            of_exit[piece] = (gradient[piece].unsqueeze(-2) @ states).squeeze(-2)
            of_states = gradient[piece].unsqueeze(-1) * exit[piece].unsqueeze(-2)
            each, decays = of_states.unbind(), decay.unbind()
            each[-1].add_(carried)
            for place in range(len(each) - 2, -1, -1):
                each[place].addcmul_(decays[place + 1], each[place + 1])
            carried = decays[0] * each[0]
            given_in = steps[piece] * values[piece]
            of_entry[piece] = (given_in.unsqueeze(-2) @ of_states).squeeze(-2)
            of_given = (of_states @ entry[piece].unsqueeze(-1)).squeeze(-1)
            of_values[piece] = of_given * steps[piece]
            # The gradient of steps[t] rates, an exponent.
            of_exponent = decay.mul_(of_states)
            of_exponent[0].mul_(kept[number])
            of_exponent[1:].mul_(states[:-1])
            of_steps[piece] = torch.linalg.vecdot(of_exponent, rates).addcmul_(of_given, values[piece])
            of_rates += of_exponent.mul_(steps[piece].unsqueeze(-1)).sum(dim=(0, 1))
        of_values, of_steps, of_entry, of_exit = (
            one.transpose(0, 1) for one in (of_values, of_steps, of_entry, of_exit)
        )
        return of_values, of_steps, of_rates, of_entry, of_exit


def _positions_first(*tensors: torch.Tensor) -> list[torch.Tensor]:
    """Return (n, positions, ...) as (positions, n, ...); a matrix as it is."""
    return [one.transpose(0, 1).contiguous() if one.ndim > 2 else one for one in tensors]


def _positions_at_once(values: torch.Tensor, rates: torch.Tensor) -> int:
    return max(LEAST_POSITIONS, NUMBERS_AT_ONCE // (values[0].numel() * rates.shape[1]))


def _states(
    before: torch.Tensor, values: torch.Tensor, steps: torch.Tensor, rates: torch.Tensor, entry: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the states of some positions, and what of the state before is left at each, (positions, n, channels,
    states); before: the state before the first of them, (n, channels, states)."""
    decay = (steps.unsqueeze(-1) * rates).exp_()
    states = (steps * values).unsqueeze(-1) * entry.unsqueeze(-2)
    for state, left in zip(states.unbind(), decay.unbind(), strict=True):
        before = state.addcmul_(left, before)
    return states, decay
