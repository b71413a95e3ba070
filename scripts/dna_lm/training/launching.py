"""Where a training runs: in this process, or in several."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from ..processes.children import torch_threads
from ..processes.together import run_together
from .loop import Plan, Trained, train
from .state import read_trained, write_trained


def trained(
    model: torch.nn.Module,
    plan: Plan,
    progress: Callable[[str], None],
    state: dict[str, torch.Tensor] | None = None,
) -> Trained:
    """Train in this process, or in several that are forked from it, and return the best weights.

    The parameters and the errors are those of loop.train.
    """
    if plan.devices.processes == 1:
        with torch_threads(plan.devices.threads):
            return train(model, plan, progress, state)
    with tempfile.TemporaryDirectory(prefix="run_") as name:
        folder = Path(name)

        def one(rank: int) -> None:
            with torch_threads(plan.devices.threads):
                result = train(model, plan, progress, state)
                if rank == 0:
                    write_trained(result, folder)

        run_together(one, plan.devices.processes, folder)
        return read_trained(folder)
