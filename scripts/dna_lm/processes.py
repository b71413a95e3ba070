"""Running one function in several processes that train together."""

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import UserError

FAILED = 2


def run_together(function: Callable[[int], None], processes: int, folder: Path) -> None:
    """Run function(rank) in forked processes, with the variables that torch.distributed and accelerate read.

    Forked processes share the memory of what was loaded before: the base model is there once.
    folder: a temporary one, in which a process that fails leaves its message.
    SIGTERM and SIGINT are passed on to all processes; what they do about it is theirs.
    Raises UserError with the first process's message when one raised it, RuntimeError when one failed otherwise.
    """
    variables = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        # All processes are on this machine; a host's name need not resolve.
        "GLOO_SOCKET_IFNAME": "lo",
        # accelerate otherwise asks for a GPU in each forked process.
        "FORK_LAUNCHED": "1",
    }
    context = multiprocessing.get_context("fork")

    def body(rank: int) -> None:
        os.environ.update(variables, RANK=str(rank), LOCAL_RANK=str(rank))
        try:
            function(rank)
        except UserError as problem:
            (folder / f"error{rank}").write_text(str(problem))
            sys.stdout.flush()
            os._exit(FAILED)  # the others may wait for this process in a collective operation: no orderly end

    workers = [context.Process(target=body, args=(rank,)) for rank in range(processes)]
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def pass_on(number, _frame):
        for worker in workers:
            if worker.is_alive():
                os.kill(worker.pid, number)

    for worker in workers:
        worker.start()
    for number in before:
        signal.signal(number, pass_on)
    try:
        while any(worker.is_alive() for worker in workers):
            multiprocessing.connection.wait([worker.sentinel for worker in workers if worker.is_alive()])
            if any(worker.exitcode for worker in workers):
                break
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for worker in workers:
            if worker.is_alive() and any(other.exitcode for other in workers):
                worker.kill()
        for worker in workers:
            worker.join()
    for rank, worker in enumerate(workers):
        message = folder / f"error{rank}"
        if worker.exitcode == FAILED and message.exists():
            raise UserError(message.read_text())
    for worker in workers:
        if worker.exitcode:
            raise RuntimeError(f"a training process ended with {worker.exitcode}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
