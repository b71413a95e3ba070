"""A model in training: on its device, in its precision, alone or in several processes that train together."""

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from ..compat import keep_from_ddp, names_of_layers
from ..processes.devices import FSDP, Devices
from ..processes.inference import forward, padded

DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


class Parallel:
    """A model whose gradients are the mean over all processes.

    model: the model itself, on its device; with FSDP each process has a part of its weights.
    rank, processes: which process this is, and of how many.
    device: where this process computes.
    """

    def __init__(self, model: torch.nn.Module, devices: Devices, precision: str):
        """precision: `fp32`, or `bf16` or `fp16` of autocast. Several processes each call this, in run_together."""
        together = torch.distributed.is_initialized()
        self.rank = torch.distributed.get_rank() if together else 0
        self.processes = devices.processes
        self.device = torch.device("cuda", self.rank) if devices.cuda else torch.device("cpu")
        if devices.cuda:
            torch.cuda.set_device(self.device)
        self._autocast = DTYPES[precision]
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self._sharded = self.processes > 1 and devices.parallel == FSDP
        self.model = model
        if self._sharded:
            _shard(model, init_device_mesh(self.device.type, (self.processes,)))
        elif not getattr(model, "is_quantized", False):  # those lie on their device since they were loaded
            model.to(self.device)
        self._wrapped = model
        if self.processes > 1 and not self._sharded:
            _leave_shared(model)
            self._wrapped = DistributedDataParallel(model, device_ids=[self.rank] if devices.cuda else None)

    def outputs(self, tokens: list[list[int]], pad_token_id: int) -> torch.Tensor:
        """Return the outputs for some sequences, (n, outputs) float32, on the device."""
        ids, mask = padded(tokens, pad_token_id, self.device)
        called = self._wrapped if self.model.training else self.model
        with torch.autocast(self.device.type, self._autocast or torch.bfloat16, enabled=self._autocast is not None):
            return forward(called, ids, mask).logits.float()

    @contextlib.contextmanager
    def adding_up(self, last: bool) -> Iterator[None]:
        """Run the forward and backward pass of a micro-batch; the gradients of all are exchanged in the last one."""
        if self._sharded:
            self.model.set_requires_gradient_sync(last)
        with contextlib.nullcontext() if last or self._wrapped is self.model else self._wrapped.no_sync():
            yield

    def backward(self, loss: torch.Tensor) -> None:
        self._scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> bool:
        """Change the weights by the gradients, and forget these; returns whether it was done.

        max_grad_norm: Euclidean norm of all gradients together to which they are scaled down; 0: they are not.
        In fp16, a step whose gradients are too large for its numbers is left out.
        """
        if max_grad_norm:
            self._scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(
                [one for group in optimizer.param_groups for one in group["params"]], max_grad_norm
            )
        before = self._scaler.get_scale()
        self._scaler.step(optimizer)
        self._scaler.update()
        optimizer.zero_grad()
        return self._scaler.get_scale() >= before

    def total(self, values: np.ndarray) -> np.ndarray:
        """Return the sum over all processes, float64."""
        return self._reduced(values, torch.distributed.ReduceOp.SUM)

    def highest(self, value: int) -> int:
        """Return the highest value of all processes."""
        return int(self._reduced(np.array(value), torch.distributed.ReduceOp.MAX))

    def _reduced(self, values: np.ndarray, how: torch.distributed.ReduceOp) -> np.ndarray:
        if self.processes == 1:
            return values
        shared = torch.as_tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(shared, op=how)
        return shared.cpu().numpy()


def _shard(model: torch.nn.Module, mesh: torch.distributed.DeviceMesh) -> None:
    """Leave each process a part of the weights; those of a layer come together when it is computed."""
    layers = names_of_layers(model)
    for module in model.modules():
        if type(module).__name__ in layers:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def _leave_shared(model: torch.nn.Module) -> None:
    """Keep DDP from writing what is not trained, which it does to make it the same in all processes: it is.

    Forked processes share that memory until one writes.
    """
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    rest = [name for name, _ in (*model.named_parameters(), *model.named_buffers()) if name not in trained]
    keep_from_ddp(model, rest)
