"""Where models compute: on which devices, and in how many processes."""

import functools
import os
from dataclasses import dataclass

import torch

from ..errors import UserError
from .together import apart

# The fewest sequences of a batch that a process should get: with fewer, more processes are no faster.
LEAST_SHARE = 8
# Fraction of a GPU's memory that an undivided model may take; activations need the rest.
MODEL_SHARE = 0.5
# Environment variables by which an administrator overrides the choice.
PROCESSES_VARIABLE, PARALLEL_VARIABLE = "DNA_LM_PROCESSES", "DNA_LM_PARALLEL"
DDP, FSDP = "ddp", "fsdp"


@dataclass(frozen=True)
class Devices:
    """cuda: whether processes have a GPU each; threads: CPU threads of a process; parallel: `ddp` or `fsdp`."""

    cuda: bool
    processes: int
    threads: int
    parallel: str

    def sentence(self) -> str:
        """Return the choice in words."""
        if self.cuda:
            kind = "a GPU" if self.processes == 1 else f"{self.processes} GPUs ({self.parallel.upper()})"
        else:
            threads = f"{self.threads} CPU thread" + "s" * (self.threads > 1)
            kind = (
                threads if self.processes == 1 else f"{self.processes} processes of {threads} ({self.parallel.upper()})"
            )
        return kind


@dataclass(frozen=True)
class Gpus:
    """The number of GPUs of the job, the memory of the smallest in bytes, and whether all compute in bfloat16."""

    count: int
    memory: int
    bf16: bool


@functools.cache
def gpus() -> Gpus:
    """Return the GPUs of the job. A child process asks for them: a process that has done so can no longer be forked."""
    return apart(_ask) if torch.cuda.device_count() else Gpus(0, 0, False)


def device() -> torch.device:
    """Return where a single process computes: the GPU if there is one, else the CPU. Nothing is started on the GPU."""
    return torch.device("cuda" if torch.cuda.device_count() else "cpu")


def _ask() -> Gpus:
    found = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return Gpus(len(found), min((gpu.total_memory for gpu in found), default=0), all(gpu.major >= 8 for gpu in found))


def choose_devices(threads: int, batch_size: int, model_bytes: int = 0, quantized: bool = False) -> Devices:
    """Choose devices and processes for a training.

    threads: CPU threads of the job.
    batch_size: sequences of a batch, which the processes share.
    model_bytes: size of the model's weights in memory; if they take too much of a GPU, they are divided among the GPUs
    (FSDP).
    quantized: whether the model is kept in 8 or 4 bits. Such a model is on one GPU as soon as it is loaded.
    On a CPU, one process per thread is faster than threads in one process, which wait for each other at each operation
    (docs/measurements/training.md has the figures). All GPUs of the job are used.
    Raises UserError for an invalid value of an administrator's variable, and when a launcher started this process as
    one of several.
    """
    _refuse_launchers()
    found, wanted = gpus(), _variable(PROCESSES_VARIABLE)
    cuda = found.count > 0
    if cuda:
        most = 1 if quantized else found.count
        processes = min(wanted or most, most)
    else:
        processes = wanted or max(1, min(threads, batch_size // LEAST_SHARE))
    processes = min(processes, batch_size)
    while batch_size % processes:
        processes -= 1
    each = threads if cuda else max(1, threads // processes)
    parallel = os.environ.get(PARALLEL_VARIABLE) or (FSDP if cuda and model_bytes > MODEL_SHARE * found.memory else DDP)
    if parallel not in (DDP, FSDP):
        raise UserError(f"the environment variable {PARALLEL_VARIABLE} is {parallel!r}; set it to {DDP} or {FSDP}")
    # bitsandbytes cannot cut its weights into parts in every form; they are small.
    return Devices(cuda, processes, each, DDP if quantized else parallel)


def prediction_processes(threads: int) -> int:
    """Return how many processes compute predictions on a CPU: one per thread of the job, or the administrator's number.

    Raises UserError as choose_devices does.
    """
    _refuse_launchers()
    return _variable(PROCESSES_VARIABLE) or max(1, threads)


def _refuse_launchers() -> None:
    """Refuse to be one of several processes: each would train on its own, and all would write the same files."""
    for size, rank in (("WORLD_SIZE", "LOCAL_RANK"), ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID")):
        count = os.environ.get(size, "")
        if rank in os.environ and count.isdecimal() and int(count) > 1:
            raise UserError(
                f"the job was started as one of {count} processes ({size}), by torchrun, accelerate launch or srun; "
                "start it once, as it makes its own processes for all GPUs or CPUs of the job"
            )


def _variable(name: str) -> int:
    text = os.environ.get(name, "0")
    if not text.isdecimal():
        raise UserError(f"the environment variable {name} is {text!r}; set it to a whole number")
    return int(text)
