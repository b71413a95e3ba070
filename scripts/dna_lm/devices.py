"""Where a training runs: on which devices, in how many processes, with which numbers."""

import os
from dataclasses import dataclass

import torch

from .errors import UserError
from .options import AUTO

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Sequences that a process should get of a batch at least: below it, more processes are no faster.
LEAST_SHARE = 8
# How an administrator overrules the choice.
PROCESSES_VARIABLE, PARALLEL_VARIABLE = "DNA_LM_PROCESSES", "DNA_LM_PARALLEL"
DDP, FSDP = "ddp", "fsdp"


@dataclass(frozen=True)
class Devices:
    """cuda: whether processes have a GPU each; threads: CPU threads of a process; parallel: `ddp` or `fsdp`.

    precision: `fp32`, `bf16` or `fp16`, the numbers that the base model computes with.
    """

    cuda: bool
    processes: int
    threads: int
    parallel: str
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.precision]

    def sentence(self) -> str:
        """Return what a user is told."""
        if self.cuda:
            kind = "a GPU" if self.processes == 1 else f"{self.processes} GPUs ({self.parallel.upper()})"
        else:
            threads = f"{self.threads} CPU thread" + "s" * (self.threads > 1)
            kind = (
                threads if self.processes == 1 else f"{self.processes} processes of {threads} ({self.parallel.upper()})"
            )
        return f"{kind}, {self.precision}"


def choose_devices(threads: int, precision: str, batch_size: int) -> Devices:
    """Choose from what the job has.

    threads: CPU threads of the job.
    precision: `auto`, or what was asked for.
    batch_size: sequences of a batch, which the processes share.
    On a CPU a process a thread is faster than threads in one process, which wait for each other at each operation
    (docs/training.md has the figures). All GPUs that a job has are used.
    Raises UserError when the hardware lacks the precision, or an administrator's variable has no meaning.
    """
    cuda = torch.cuda.is_available()
    wanted = _variable(PROCESSES_VARIABLE)
    if cuda:
        processes, each = min(wanted or torch.cuda.device_count(), batch_size), threads
    else:
        processes = min(wanted or max(1, min(threads, batch_size // LEAST_SHARE)), batch_size)
        while batch_size % processes:
            processes -= 1
        each = max(1, threads // processes)
    parallel = os.environ.get(PARALLEL_VARIABLE, DDP)
    if parallel not in (DDP, FSDP):
        raise UserError(f"the environment variable {PARALLEL_VARIABLE} is {parallel!r}; set it to {DDP} or {FSDP}")
    return Devices(cuda, processes, each, parallel, _precision(precision, cuda))


def _variable(name: str) -> int:
    text = os.environ.get(name, "0")
    if not text.isdecimal():
        raise UserError(f"the environment variable {name} is {text!r}; set it to a whole number")
    return int(text)


def _precision(precision: str, cuda: bool) -> str:
    if precision == AUTO:
        if cuda:
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return "fp32"
    if precision == "fp16" and not cuda:
        raise UserError("--precision fp16 needs a GPU; choose fp32 or bf16")
    return precision
