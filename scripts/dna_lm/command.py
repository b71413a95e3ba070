"""What every entry script does around its library call."""

import argparse
import errno
import signal
import sys
from collections.abc import Callable

from .errors import UserError
from .options import parse


def run(tool: str, job: Callable[[argparse.Namespace], None]) -> None:
    """Parse the command line of a tool and run its job.

    A UserError is printed as one line, `error: …`, and ends the process with 2; so do a full disk and too little
    memory. An interruption (SIGINT, SIGTERM) ends it with 130 or 143, after the temporary files are removed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse(tool)
    try:
        job(options)
    except UserError as problem:
        sys.exit(_said(problem))
    except Exception as problem:
        lack = _lack(problem)
        if not lack:
            raise
        sys.exit(_said(lack))
    except KeyboardInterrupt:
        sys.exit(130)


def say(text: str) -> None:
    """Tell the user how the job is going, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _lack(problem: Exception) -> str:
    """Return what the user can do when memory or disk were too small, else nothing.

    torch and safetensors have exceptions of their own for it, told from others by their text only.
    """
    text = str(problem)
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError" or "can't allocate" in text:
        return "out of memory; give the job more memory, a smaller batch size or shorter sequences"
    if getattr(problem, "errno", None) == errno.ENOSPC or f"(os error {errno.ENOSPC})" in text:
        return "the disk is full; make room and run the job again"
    return ""


def _said(problem: object) -> int:
    say(f"error: {problem}")
    return 2
