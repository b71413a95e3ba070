"""Work that a job which is asked to end can leave undone."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class _Interrupted(BaseException):
    """The system asked the job to end."""


@contextmanager
def left_when_asked_to_end() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the block instead of the process; what comes after the block then goes on.

    Once one has come, they are ignored: what is left to do is to write what was trained, and they often come twice.
    """
    received: list[int] = []

    def leave(number, _frame):
        received.append(number)
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise _Interrupted

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        # Ignored already: the job has been asked to end before.
        if before[number] != signal.SIG_IGN:
            signal.signal(number, leave)
    try:
        yield
    except (_Interrupted, Exception):
        # A scheduler may end the processes of the block too, and what waits for them then fails.
        if not received:
            raise
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) == leave:
                signal.signal(number, handler)
