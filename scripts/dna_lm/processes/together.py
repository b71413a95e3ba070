"""Running one function in several processes that train together."""

import errno
import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch

from ..errors import DISK, MEMORY, UserError, lack
from .children import end_with_parent, killed

FAILED = 2
# What torchrun, `accelerate launch` and MPI tell the processes that they start.
_LAUNCHERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_PREFIXES = ("ACCELERATE_", "FSDP_", "TORCHELASTIC_", "PMI_", "OMPI_COMM_WORLD_", "MV2_COMM_WORLD_")


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for as long as the block lasts, and hide those that a launcher of processes has set.

    transformers and accelerate take those for a request to wait for other processes.
    """
    before = dict(os.environ)
    for name in before:
        if name in _LAUNCHERS or name.startswith(_PREFIXES):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def apart(function: Callable[[], Any]) -> Any:
    """Return the result of function(), run in a forked process so that this one stays as it is.

    Raises UserError when the system ends it, and RuntimeError when it fails.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=lambda: sender.send(function()))
    worker.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        worker.join()
        if worker.exitcode == -signal.SIGKILL:
            raise _killed() from None
        raise RuntimeError("a forked process failed without a result") from None
    finally:
        worker.join()


def run_together(function: Callable[[int], None], processes: int, folder: Path) -> None:
    """Run function(rank) in forked processes that are one torch.distributed group.

    Forked processes share the memory of what was loaded before: the base model is there once.
    folder: a temporary one, for the files of the processes and for the error message of one that fails.
    SIGTERM and SIGINT are passed on to all processes, which handle them as they like. If they then end without an
    error, both signals are ignored from then on, since only their result is left to be written.
    Raises UserError with the message of the process that raised it, or when the system ended one; MemoryError or
    OSError when one lacked memory or disk; SystemExit when a signal ended them; else RuntimeError.
    torch.multiprocessing.start_processes would spare the loops that start and join, but none of the rest: it keeps only
    the text of an exception, passes no signal on, and gives the others 30 seconds to end.
    """
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_body, args=(function, rank, processes, folder)) for rank in range(processes)]
    received: list[int] = []

    def pass_on(number, _frame):
        received.append(number)
        for worker in workers:
            if worker.pid and worker.exitcode is None:
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    ends: list[int | None] = []
    # A signal that comes while they are started waits until all of them can be told.
    signal.pthread_sigmask(signal.SIG_BLOCK, before)
    try:
        # A collection of garbage writes to every object that it looks at, and each process then has a copy of it.
        gc.collect()
        gc.freeze()
        for worker in workers:
            worker.start()
        gc.unfreeze()  # in this process, which may have more models to make and to forget
        for number in before:
            signal.signal(number, pass_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, before)
        running = {worker.sentinel: worker for worker in workers}
        while running and not any(worker.exitcode for worker in workers):
            for sentinel in wait(list(running)):
                running.pop(sentinel).join()
        ends = [worker.exitcode for worker in workers]
    finally:
        # The others wait for one that failed, and would do so for half an hour.
        for worker in workers:
            if worker.pid:
                worker.kill()
                worker.join()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, before)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if received and not any(ends) else handler)
    if any(ends):
        _raise(ends, folder, received)


def _body(function: Callable[[int], None], rank: int, processes: int, folder: Path) -> None:
    end_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    # Whatever this process leaves when it is killed, the parent removes with the folder.
    tempfile.tempdir = str(folder)
    code = FAILED
    try:
        which = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        size = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
        cuda = torch.cuda.device_count() > 0
        # accelerate, should a library ask it, would call the CPU cpu:0 in one process and cpu:1 in the next, to which
        # torch copies all weights.
        device = {} if cuda else {"ACCELERATE_TORCH_DEVICE": "cpu"}
        # All processes are on this machine; a host's name need not resolve.
        with environment(**which, **size, **device, GLOO_SOCKET_IFNAME="lo"):
            torch.distributed.init_process_group(
                "nccl" if cuda else "gloo",
                init_method=f"file://{folder}/meeting",  # a port could be another job's
                rank=rank,
                world_size=processes,
            )
            function(rank)
            torch.distributed.destroy_process_group()
        code = 0
    except UserError as problem:
        _tell(folder, "user", str(problem))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException as problem:
        _tell(folder, lack(problem) or "bug", traceback.format_exc())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # others may wait for this process in a collective operation: no orderly end


def _killed() -> UserError:
    return killed(
        "a training process",
        "read less of the sequences (a smaller maximum length), or let the administrator set fewer processes "
        "(DNA_LM_PROCESSES)",
    )


def _tell(folder: Path, kind: str, text: str) -> None:
    """Leave a message, unless another process has: once one has failed, the others fail as well."""
    with suppress(FileExistsError), open(folder / "message", "x") as file:
        file.write(f"{kind}\n{text}")


def _raise(ends: list[int | None], folder: Path, received: list[int]) -> None:
    message = folder / "message"
    kind, _, text = message.read_text().partition("\n") if message.exists() else ("", "", "")
    if kind == "user":
        raise UserError(text)
    if received:
        sys.exit(128 + received[0])
    if -signal.SIGKILL in ends:
        raise _killed()
    if kind == MEMORY:
        raise MemoryError(text)
    if kind == DISK:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    raise RuntimeError(text or f"the training processes ended with {ends}")
