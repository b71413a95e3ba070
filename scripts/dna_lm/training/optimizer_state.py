"""What a training keeps of each trained parameter beside its value: the optimizer's moments, and its gradient.

On a CPU their memory is laid out before the first batch. Made later, it would lie scattered between the tensors of a
batch, and glibc's allocator would find no room there for the next batch's (docs/measurements/training.md has the
figures).
"""

from collections.abc import Iterator

import torch
from torch.distributed.tensor import DTensor, distribute_tensor

from ..errors import UserError

# What AdamW keeps of each trained parameter: the number of steps, and the means of the gradient and of its square.
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def check_state(state: dict[str, torch.Tensor], model: torch.nn.Module) -> None:
    """Raise UserError when moments, as `moments` returns them, are not those of a model's trained parameters."""
    trained = {name: parameter.shape for name, parameter in _trained(model)}
    for name in state:
        parameter, _, moment = name.rpartition(".")
        shape = torch.Size() if moment == "step" else trained.get(parameter)
        if (
            parameter not in trained
            or state[name].shape != shape
            or any(f"{parameter}.{moment}" not in state for moment in MOMENTS)
        ):
            raise UserError(
                f"the optimizer state does not fit what is trained (at {name!r}); choose the one that was saved with "
                "the adapter, or none"
            )


def begin_with(state: dict[str, torch.Tensor], model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Give an optimizer the moments of a state, and those that AdamW begins with where it has none.

    model: as it is trained, on a GPU or in parts.
    """
    for name, parameter in _trained(model):
        if f"{name}.{MOMENTS[0]}" in state:
            known = {moment: state[f"{name}.{moment}"].clone().to(parameter.device) for moment in MOMENTS}
            if isinstance(parameter, DTensor):
                for moment in MOMENTS[1:]:  # all but the count of steps
                    known[moment] = distribute_tensor(known[moment], parameter.device_mesh, parameter.placements)
            optimizer.state[parameter] = known
        elif _on_cpu(parameter):
            optimizer.state[parameter] = {
                moment: torch.zeros(() if moment == MOMENTS[0] else parameter.shape) for moment in MOMENTS
            }


def moments(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return copies of an optimizer's moments of the parameters that it has changed, as `parameter.moment`."""
    return {
        f"{name}.{moment}": full_tensor(value.detach().clone())
        for name, parameter in _trained(model)
        if parameter in optimizer.state and optimizer.state[parameter][MOMENTS[0]] > 0
        for moment, value in optimizer.state[parameter].items()
    }


def gather_gradients(model: torch.nn.Module) -> None:
    """Let the gradients of a model on the CPU have one place all through its training.

    Each is copied there once autograd has made it; further ones of the same step are added to it. What is trained is in
    float32.
    """
    parameters = [parameter for _, parameter in _trained(model) if _on_cpu(parameter)]
    room = torch.empty(sum(parameter.numel() for parameter in parameters))
    buffers = room.split([parameter.numel() for parameter in parameters])
    for parameter, buffer in zip(parameters, buffers, strict=True):
        parameter.register_post_accumulate_grad_hook(_Move(buffer.view_as(parameter)))


def full_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in the CPU's memory; one of which each process has a part is put together, in all of them."""
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).cpu()


class _Move:
    """Copies a parameter's gradient to its place, unless it is there."""

    def __init__(self, buffer: torch.Tensor):
        self.buffer = buffer

    def __call__(self, parameter: torch.Tensor) -> None:
        if parameter.grad.data_ptr() != self.buffer.data_ptr():
            parameter.grad = self.buffer.copy_(parameter.grad)


def _trained(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def _on_cpu(parameter: torch.Tensor) -> bool:
    return parameter.device.type == "cpu" and not isinstance(parameter, DTensor)
