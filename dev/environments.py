"""Make the project's virtual environments on demand, one for each lock file, and run commands in them.

An environment lives in `<environments folder>/<name>-<digest>`, where the digest is that of its lock file and of the
Python version: changing a lock file makes a new environment, and checkouts with the same lock files can share one
folder. The folder is `.local/environments` in the checkout, or `$DNA_LM_ENVIRONMENTS`.

Standard library only, and readable by any Python from 3.6 on, so that an old one is told so in words.

    python3 dev/environments.py make galaxy planemo tools checks     # make these, print their folders
    python3 dev/environments.py run tools python dev/bench/kmers.py  # run a command in one (made first)

A command that is run finds this checkout's modules (`import_path`): what stands in dev/ is run so.
"""

import fcntl
import hashlib
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
REQUIREMENTS = PROJECT / "dev" / "requirements"
OLDEST_PYTHON = (3, 11)  # the packages in dev/requirements/tools.txt need it
# What each takes: gigabytes on disk (with pip's temporary files), minutes on two cores.
COST = {
    "galaxy": (2.5, 4),
    "planemo": (0.6, 1),
    "tools": (2.5, 2),
    "checks": (0.2, 1),
    "toolshed": (0.1, 1),
    "pulsar": (0.3, 1),
    "browser": (0.4, 1),
}
# An environment that also sees another's packages (never the other way round). What its own packages need is pinned
# beside them or is among those that it sees, so pip looks for nothing more.
SEES = {"checks": "tools", "toolshed": "galaxy", "browser": "planemo"}
# Settings that would make a program read or write the caller's own folders in spite of a HOME of its own, import the
# caller's own Python modules, or (PYTHONDONTWRITEBYTECODE) compile this checkout's modules again in each process: a
# second for each job. pip's settings are not among them: a proxy or a mirror must go on working.
FORGOTTEN = (
    "HF_HOME",
    "HF_HUB_CACHE",
    "MPLCONFIGDIR",
    "PLANEMO_GLOBAL_CONFIG_PATH",
    "PLANEMO_GLOBAL_WORKSPACE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "TORCH_HOME",
    "TRANSFORMERS_CACHE",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)


class SetupError(Exception):
    """Something the person at the keyboard can mend; the text says how."""


def local_folder():
    """The ignored folder of this checkout: nothing is installed or written outside it."""
    folder = PROJECT / ".local"
    folder.mkdir(exist_ok=True)
    return folder


def environments_folder():
    return Path(os.environ.get("DNA_LM_ENVIRONMENTS") or local_folder() / "environments").resolve()


def lock_lines(name):
    """The lines of a lock file that say what is installed, so that a changed comment remakes nothing."""
    lines = (REQUIREMENTS / (name + ".txt")).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def environment(name):
    """Return the folder of the environment called `name`, made first if it is not there.

    name: the stem of a file in dev/requirements.
    Raises SetupError when Python is too old, the disk too full or pip fails.
    """
    check_python()
    if name not in COST:
        raise SetupError(f"there is no environment called {name}; there are: {', '.join(COST)}")
    digest = hashlib.sha256(sys.version.split()[0].encode())
    for part in (name, SEES.get(name)):
        if part:
            digest.update("\n".join(lock_lines(part)).encode())
    folder = environments_folder() / f"{name}-{digest.hexdigest()[:12]}"
    if usable(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(str(folder) + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another checkout may be making the same one
        if not usable(folder):
            make(name, folder)
            (folder / "complete").write_text(str(folder))
    return folder


def environments_of(names):
    """Return the folders of several environments; those that are not there are made at the same time.

    pip waits for downloads and for one core while it unpacks and compiles. Raises what `environment` raises.
    """
    with multiprocessing.get_context("fork").Pool(len(names)) as pool:  # leaving it ends the processes, which end pip
        return pool.map(environment, names, chunksize=1)


def usable(folder):
    """Whether an environment was made to its end, is still where it was made, and its Python is still there.

    A virtual environment names its own folder in every script it holds, so one that was moved is worth nothing.
    """
    complete = folder / "complete"
    return complete.exists() and complete.read_text() == str(folder) and (folder / "bin" / "python").exists()


def make(name, folder):
    gigabytes, minutes = COST[name]
    free = shutil.disk_usage(str(folder.parent)).free / 1e9
    if free < gigabytes:
        raise SetupError(
            f"the {name} environment needs {gigabytes} GB in {folder.parent}, which has {free:.1f} GB free: "
            "make room, or set DNA_LM_ENVIRONMENTS to a folder on another disk"
        )
    seen = environment(SEES[name]) if name in SEES else None
    if folder.exists():
        shutil.rmtree(str(folder))  # an attempt that did not end
    log = Path(str(folder) + ".log")
    say(f"setting up {folder.name} (about {minutes} min); log: {log}")
    started = time.time()
    temporary = folder / "tmp"  # not /tmp, which can be small
    with open(str(log), "w") as output:
        run([sys.executable, "-m", "venv", str(folder)], output, log)
        temporary.mkdir()
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-input", "--no-cache-dir"]
        install += ["--no-deps"] if seen else []
        run(install + ["-r", str(REQUIREMENTS / (name + ".txt"))], output, log, TMPDIR=str(temporary))
    shutil.rmtree(str(temporary))
    if seen:
        (site_packages(folder) / "seen.pth").write_text(f"{site_packages(seen)}\n")
    say(f"{folder.name} is ready ({time.time() - started:.0f} s)")


def site_packages(folder):
    return next((folder / "lib").glob("python*")) / "site-packages"


def run(command, output, log, **variables):
    status = subprocess.call(
        command,
        stdout=output,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", **variables),
    )
    if status:
        text = log.read_text(errors="replace")
        if "No space left on device" in text:
            raise SetupError("the disk is full: make room, or set DNA_LM_ENVIRONMENTS to a folder on another disk")
        if re.search("ensurepip is not available|No module named '?(venv|ensurepip)", text):
            raise SetupError("this Python has no venv module: install it (Debian and Ubuntu: apt install python3-venv)")
        tail = "\n".join(text.splitlines()[-5:])
        raise SetupError(f"{' '.join(command)} failed; the end of {log}:\n{tail}")


def check_python():
    if sys.version_info[:2] < OLDEST_PYTHON:
        found, wanted = (".".join(str(part) for part in version[:2]) for version in (sys.version_info, OLDEST_PYTHON))
        raise SetupError(
            f"Python {found} is too old: {wanted} or later is needed; name one with `make PYTHON=/path/to/python3 ...`"
        )


def variables(folder):
    """The environment variables for a command in the environment in `folder`, with a home folder in the checkout."""
    home = local_folder() / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in FORGOTTEN}
    return dict(kept, HOME=str(home), PATH=f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", VIRTUAL_ENV=str(folder))


def import_path():
    """The PYTHONPATH of `run`: `dev.galaxy.serve`, `dna_lm` and what tests share can be imported.

    The environments are shared by checkouts, so the library is not installed in them. It is no part of `variables`: a
    Galaxy that is started finds the library as a user's does.
    """
    return os.pathsep.join(str(folder) for folder in (PROJECT, PROJECT / "scripts", PROJECT / "tests"))


def say(text):
    print(text, file=sys.stderr, flush=True)


def stop(number, _frame):
    sys.exit(128 + number)


def main(arguments):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)  # an exception, so that pip is stopped too
    try:
        if arguments[:1] == ["make"] and len(arguments) > 1:
            print("\n".join(str(folder) for folder in environments_of(arguments[1:])))
        elif arguments[:1] == ["run"] and len(arguments) > 2:
            folder = environment(arguments[1])
            os.execvpe(arguments[2], arguments[2:], dict(variables(folder), PYTHONPATH=import_path()))
        else:
            say(__doc__)
            sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except (SetupError, OSError) as problem:
        say(f"error: {problem}")
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
