"""Converting pickled weights in a process of its own, whose memory, computing time and files are limited.

The process imports neither torch nor transformers. Its limits hold even if a file finds a fault in this folder's code,
in Python or in numpy.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from ..errors import FULL, UserError
from .converting import convert

# Python and numpy take 0.1 GB of memory; 20,000 tensors, the most that are read, 0.4 GB.
MEMORY = 1_500_000_000
# Copies take a second a gigabyte; tensors that are not contiguous, ten.
SECONDS, BYTES_A_SECOND = 60, 20_000_000
# For headers and index.
ROOM = 200_000_000
OPEN_FILES = 64
# Exit codes of the process. Python's own are 1 and 2.
REFUSED, TOO_LARGE, FULL_DISK = 3, 4, 5
_LIBRARY = Path(__file__).resolve().parents[2]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def convert_confined(folder: Path, source: str, most: float) -> None:
    """Do what converting.convert does, in a process with limits.

    Raises its UserError, and one if the process reaches a limit; OSError if the disk is full; else RuntimeError.
    """
    given = json.dumps([str(folder.resolve()), source, most])
    path = os.pathsep.join(filter(None, (str(_LIBRARY), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__],
        input=given,
        env=os.environ | _ONE_THREAD | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode == REFUSED:
        raise UserError(done.stderr)
    if done.returncode == FULL_DISK:
        raise OSError(FULL[0], os.strerror(FULL[0]))
    if done.returncode == TOO_LARGE or done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        what = "time" if done.returncode == -signal.SIGXCPU else "memory"
        raise UserError(
            f"{source}: converting its weights to safetensors takes more {what} than weights need; choose another copy "
            "of it, or a model with safetensors weights"
        )
    if done.returncode:
        raise RuntimeError(f"the conversion to safetensors failed with {done.returncode}: {done.stderr}")


def main() -> int:
    """Convert as standard input says, and return the exit code."""
    folder, source, most = json.load(sys.stdin)
    sizes = [file.stat().st_size for file in Path(folder).iterdir()]
    _limit(resource.RLIMIT_AS, MEMORY + max(sizes, default=0))  # one file at a time is mapped into it
    _limit(resource.RLIMIT_DATA, MEMORY)  # a file that is mapped does not count
    _limit(resource.RLIMIT_CPU, SECONDS + int((sum(sizes) + most) / BYTES_A_SECOND))
    _limit(resource.RLIMIT_FSIZE, int(most) + ROOM)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    try:
        convert(Path(folder), source, most)
    except UserError as problem:
        print(problem, end="", file=sys.stderr)
        return REFUSED
    except MemoryError:
        return TOO_LARGE
    except OSError as problem:
        if problem.errno not in FULL:
            raise
        return FULL_DISK
    return 0


def _limit(which: int, most: int) -> None:
    """Lower a limit of this process, unless it is lower already."""
    before, hard = resource.getrlimit(which)
    least = min(limit for limit in (most, before, hard) if limit != resource.RLIM_INFINITY)
    # The hard limit stays: with both alike, too much computing time would end the process by SIGKILL, as if the system
    # lacked memory. The process runs nothing that could raise the other.
    resource.setrlimit(which, (least, hard))


if __name__ == "__main__":
    sys.exit(main())
