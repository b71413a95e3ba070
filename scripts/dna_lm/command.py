"""What every entry script does around its library call."""

import argparse
import signal
import sys
from collections.abc import Callable

from .errors import DISK, MEMORY, UserError, lack
from .options import LORA, NO, NONE, parse

_FULL_DISK = "the disk is full (no space left on device), or a quota is reached; make room and run the job again"


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
        short = lack(problem)
        if not short:
            raise
        sys.exit(_said({MEMORY: _less_memory(options), DISK: _FULL_DISK}[short]))
    except KeyboardInterrupt:
        sys.exit(130)


def say(text: str) -> None:
    """Tell the user how the job is going, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _less_memory(options: argparse.Namespace) -> str:
    """Return what the user can do when memory was too small: what the tool has options for and the job did not do."""
    advice = ["give the job more memory"]
    computes = hasattr(options, "batch_size")  # sequences go through a model
    if computes and options.batch_size != 1:
        # 0 where the job chooses it
        advice.append("a smaller batch size" + (f" (now {options.batch_size})" if options.batch_size else ""))
    if getattr(options, "gradient_checkpointing", "") == NO:
        advice.append("gradient checkpointing")
    going_on = bool(getattr(options, "resume_from", None))  # what is trained and how it is read is decided already
    if getattr(options, "quantization", "") == NONE and options.method == LORA and not going_on:
        advice.append("quantization")
    if getattr(options, "method", LORA) != LORA and not going_on:
        advice.append("LoRA")
    if computes and getattr(options, "max_length", 0) and not going_on:
        advice.append(f"a smaller maximum length (now {options.max_length})")
    elif computes:
        advice.append("shorter sequences")
    return "out of memory; " + " or ".join([part for part in (", ".join(advice[:-1]), advice[-1]) if part])


def _said(problem: object) -> int:
    say(f"error: {problem}")
    return 2
