"""Run planemo, and through it a real Galaxy, in a folder of its own that is gone afterwards.

Galaxy comes from the Python package index (dev/requirements/galaxy.txt). planemo expects a Galaxy checkout; a folder
with `run.sh`, `database/` and `lib/galaxy` is enough of one. Everything that planemo, Galaxy and the jobs write goes
below `.local/run/`, except the logs, which stay in `.local/logs/`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from dev.environments import PROJECT, SetupError, environment, local_folder, say, site_packages, variables
from dev.galaxy import tool_dependencies
from dev.galaxy.janitor import janitor

GALAXY_FILES = PROJECT / "dev" / "galaxy"
ROOT_FILES = ("run.sh", "celery_worker.py", "web_server.py")
MOST_SLOTS = 4  # the small models here gain nothing from more


class LocalGalaxy:
    """A Galaxy that planemo serves: `start` it, `wait` for it, read `log`; `run_planemo` runs further commands."""

    def __init__(self, name, folder, xml_files, jobs):
        """name: of the command, for the log; folder: an empty one, in a janitor's care; jobs: of tools, at a time."""
        logs = local_folder() / "logs"
        logs.mkdir(exist_ok=True)
        self.folder = folder
        self.log = logs / f"{name}.log"
        galaxy, self.planemo, tools = (environment(name) for name in ("galaxy", "planemo", "tools"))
        self.root = folder / "root"
        for part in ("lib", "database"):
            (self.root / part).mkdir(parents=True)
        for file in ROOT_FILES:
            shutil.copy(GALAXY_FILES / file, self.root)
        (self.root / "lib" / "galaxy").symlink_to(site_packages(galaxy) / "galaxy")
        self.resolvers = tool_dependencies.write_resolvers(folder, xml_files, tools)
        self.job_conf = folder / "job_conf.yml"
        self.job_conf.write_text((GALAXY_FILES / "job_conf.yml").read_text().replace("JOBS_AT_A_TIME", str(jobs)))
        temporary, home = folder / "tmp", folder / "home"
        temporary.mkdir()
        home.mkdir()
        self.variables = dict(
            variables(self.planemo),
            HOME=str(home),
            TMPDIR=str(temporary),  # the janitor's mark, too
            GALAXY_VENV=str(galaxy),
            # Celery has Galaxy loaded already; a program that starts for each job's metadata takes 5 to 10 s more.
            GALAXY_CONFIG_OVERRIDE_METADATA_STRATEGY="directory_celery",
            # Seconds between looking for jobs, and steps of workflows, to start; Galaxy's default is 1 for each. Each
            # look opens the database anew: at 0.1 s, the two took a fifth of a core.
            GALAXY_CONFIG_OVERRIDE_JOB_HANDLER_MONITOR_SLEEP="0.25",
            GALAXY_CONFIG_OVERRIDE_WORKFLOW_MONITOR_SLEEP="0.5",
            GALAXY_CONFIG_OVERRIDE_GALAXY_DATA_MANAGER_DATA_PATH=str(folder / "data"),  # what data managers install
            GALAXY_CONFIG_OVERRIDE_INVOLUCRO_AUTO_INIT="false",  # a download, for containers, which nothing here uses
        )
        # More processes than cores are slower than one after the other.
        slots = max(1, min((os.cpu_count() or 1) // jobs, MOST_SLOTS))
        self.variables.setdefault("GALAXY_SLOTS", str(slots))

    def start(self, *arguments):
        """Start this Galaxy with `planemo serve ARGUMENTS`, its output in `log`; return the process."""
        options = {
            "--galaxy_root": self.root,
            "--dependency_resolvers_config_file": self.resolvers,
            "--job_config_file": self.job_conf,
            # Seconds to wait while another thread or process writes: SQLite's 5 are few on a busy machine.
            "--database_connection": f"sqlite:///{self.folder}/galaxy.sqlite?isolation_level=IMMEDIATE&timeout=60",
        }
        line = [part for option in options.items() for part in option]
        self.process = self.run_planemo(self.log, "serve", "--skip_venv", *line, *arguments)
        return self.process

    def run_planemo(self, log, *arguments):
        """Start `planemo ARGUMENTS`, its output in the file `log`; return the process."""
        with open(log, "w") as output:
            return subprocess.Popen(
                [str(part) for part in (self.planemo / "bin" / "planemo", *arguments)],
                cwd=PROJECT,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches this command only, which then stops all
            )

    def wait(self):
        """Wait until this Galaxy ends, and return its exit code.

        planemo ends when Galaxy does (dev/galaxy/run.sh), and Galaxy, when its web server or Celery does. Whether it
        answers says less: a server that computes may take minutes for an answer.
        """
        return self.process.wait()


@contextlib.contextmanager
def local_galaxy(name, xml_files, jobs=1):
    """Yield a LocalGalaxy for the tools in `xml_files` (with their macros); afterwards nothing of it runs or remains.

    name: of the command, for the log; jobs: how many of tools run at a time, each on its part of the cores.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored
    runs = local_folder() / "run"
    if any(letter.isspace() for letter in str(runs)):
        raise SetupError(f"Galaxy cannot run in a folder with a space in its name: move {PROJECT}")
    runs.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=runs, prefix=""))
    with janitor(folder):
        yield LocalGalaxy(name, folder, xml_files, jobs)


def stop(number, _frame):
    sys.exit(128 + number)  # an exception, so that what was started is stopped on the way out


def run_command(main):
    """Call `main` as a program's body: what the user can mend is one line and exit code 2, Ctrl-C no traceback."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except (SetupError, OSError) as problem:
        say(f"error: {problem}")
        sys.exit(2)


def check_port(port):
    """Raise SetupError when no server can listen on this port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as problem:
            raise SetupError(
                f"port {port} cannot be used ({problem}): choose another, `make serve PORT=9000`"
            ) from None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
