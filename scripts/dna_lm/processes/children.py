"""What all child processes have in common: they are forked, share their parent's memory, and do not outlive it."""

import ctypes
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import UserError

_PR_SET_PDEATHSIG = 1


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch have that many threads for as long as the block lasts."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def forkable() -> Iterator[None]:
    """Keep torch to one thread for as long as the block lasts.

    A process whose libraries have started threads cannot be forked into working ones.
    """
    with torch_threads(1):
        yield


def end_with_parent() -> None:
    """Let the system end this process with its parent, even if the parent has no time to do so. Called by a child."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def killed(process: str, remedy: str) -> UserError:
    """Return the error for a process that the system ended.

    process: what to call it. remedy: what helps besides more memory.
    """
    return UserError(
        f"{process} was ended by the system, most often since memory ran out; give the job more memory, {remedy}"
    )
