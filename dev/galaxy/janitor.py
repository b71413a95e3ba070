"""Stop every process that a command started and remove its folder, however the command ends.

Galaxy is a tree of processes (planemo, its monitor, gunicorn, Celery, jobs, their tools). Several leave their parent's
process group and outlive it, and jobs get an environment of their own in which little of the command's is left; but
whatever they are, their temporary folder is in the command's folder. So each command gives its children a TMPDIR in a
folder of its own, and starts this program beside itself, connected by a pipe. The pipe closes when the command ends,
even by `kill -9`; then whatever has its TMPDIR in the folder is stopped, and the folder goes.

    python janitor.py FOLDER < pipe
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

PATIENCE = 3  # seconds between asking a process to end and ending it: what it would save is thrown away anyway


@contextlib.contextmanager
def janitor(folder):
    """When the block ends, stop the processes whose TMPDIR is in `folder`, and remove it."""
    process = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # out of the terminal's reach: Ctrl-C is for the command
    )
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


def inhabitants(folder):
    """Return the running processes whose TMPDIR is in `folder`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # it has just ended, or is somebody else's
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and Path(process.environ().get("TMPDIR", "/")).is_relative_to(folder):
                found.append(process)
    return found


def stop_inhabitants(folder, patience=PATIENCE):
    """Ask the processes to end, then end those that remain, and those that were started meanwhile."""
    for process in inhabitants(folder):
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(inhabitants(folder), timeout=patience)
    while remaining := inhabitants(folder):
        for process in [process for process in remaining if not tidies_up(process)] or remaining:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(remaining, timeout=1)


def tidies_up(process):
    """Whether it is Python's own janitor: it removes semaphores from /dev/shm when the last of their users is gone."""
    try:
        return "multiprocessing.resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def main(folder):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()  # returns when the command has ended
    stop_inhabitants(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
