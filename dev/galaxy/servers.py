"""Start servers of this machine, wait until they answer, and stop them."""

import contextlib
import http.client
import os
import signal
import subprocess
import time

from dev.environments import SetupError, local_folder, say

LONGEST_START = 300  # seconds; 5 to 60 are usual
PATIENCE = 20  # seconds between asking a server to end and ending it


def wait_until(answers, name, process, log, longest=LONGEST_START):
    """Wait until a server answers.

    answers: a function that says whether it does; name: what it is called in words; process: a Popen; log: its file;
    longest: seconds, or None to wait for as long as the process lives.
    Raises SetupError with the end of the log when the process ends or the server does not answer in time.
    """
    started = time.time()
    while not answers():
        if process.poll() is not None or (longest is not None and time.time() - started > longest):
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise SetupError(f"{name} did not start; the end of {log}:\n{tail}")
        time.sleep(1)
    say(f"{name} answers ({time.time() - started:.0f} s)")


class Server:
    """A running server: its `address`, `process` and `log`, a file in .local/logs."""

    def __init__(self, name, command, port, folder, variables):
        """Start `command` in `folder`, with these environment variables; `ready` waits for it.

        name: what it is called in words and in its log's name; port: of 127.0.0.1, where it will listen.
        """
        logs = local_folder() / "logs"
        logs.mkdir(exist_ok=True)
        self.name = name
        self.address = f"http://127.0.0.1:{port}"
        self.log = logs / f"test-install-{name.lower().replace(' ', '-')}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches this command only, which then stops all
            )
        say(f"starting {name}; log: {self.log}")

    def ready(self, path="/api/version"):
        """Wait until the server answers at `path`, with whatever status.

        Raises SetupError when it ends or does not answer in time.
        """
        wait_until(lambda: self.answers(path), self.name, self.process, self.log)

    def answers(self, path):
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                return bool(connection.getresponse().status)
            except (OSError, http.client.HTTPException):
                return False

    def stop(self):
        """Stop the server and what it started in its own session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
