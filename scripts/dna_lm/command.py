"""What every entry script does around its library call."""

import argparse
import signal
import sys
from collections.abc import Callable

from .errors import UserError
from .options import parser


def run(tool: str, job: Callable[[argparse.Namespace], None]) -> None:
    """Parse the command line of a tool and run its job.

    A UserError is printed as one line, `error: …`, and ends the process with 2; so does a full disk. An interruption
    (SIGINT, SIGTERM) ends it with 130 or 143, after the temporary files are removed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser(tool).parse_args()
    try:
        job(options)
    except UserError as problem:
        sys.exit(_said(problem))
    except MemoryError:
        sys.exit(_said("out of memory; give the job more memory, a smaller batch size or shorter sequences"))
    except OSError as problem:
        if problem.errno != 28:  # ENOSPC
            raise
        sys.exit(_said("the disk is full; make room and run the job again"))
    except KeyboardInterrupt:
        sys.exit(130)


def say(text: str) -> None:
    """Tell the user how the job is going, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _said(problem: object) -> int:
    say(f"error: {problem}")
    return 2
