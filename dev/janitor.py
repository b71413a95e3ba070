"""Stop every process that a command started and remove its folder, however the command ends.

Galaxy is a tree of processes (planemo, its monitor, gunicorn, Celery, jobs, their tools), several of which leave their
parent's process group and outlive it. What they cannot lose is an environment variable. So each command gives its
children a variable of its own, and starts this program beside itself, connected by a pipe. The pipe closes when the
command ends, even by `kill -9`; then whatever carries the variable is stopped, and the folder goes.

    python janitor.py VARIABLE FOLDER < pipe
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys

import psutil

PATIENCE = 3  # seconds between asking a process to end and ending it: what it would save is thrown away anyway


@contextlib.contextmanager
def janitor(folder):
    """Yield a new environment variable's name; what carries it is stopped when the block ends, and `folder` removed."""
    variable = f"DNA_LM_OWNED_{secrets.token_hex(8)}"
    process = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), variable, str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # out of the terminal's reach: Ctrl-C is for the command
    )
    try:
        yield variable
    finally:
        process.stdin.close()
        process.wait()


def carriers(variable):
    """Return the running processes whose environment holds `variable`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and variable in process.environ():
                found.append(process)
    return found


def stop_carriers(variable, patience=PATIENCE):
    """Ask the processes to end, then end those that remain, and those that were started meanwhile."""
    for process in carriers(variable):
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(carriers(variable), timeout=patience)
    while remaining := carriers(variable):
        for process in remaining:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(remaining, timeout=1)


def main(variable, folder):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()  # returns when the command has ended
    stop_carriers(variable)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
