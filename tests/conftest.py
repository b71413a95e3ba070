"""Fixtures: the paths of the test data, the command lines, and small trained adapters that many tests share."""

import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SCRIPTS = PROJECT / "scripts"
sys.path[:0] = [str(SCRIPTS), str(PROJECT / "tests")]
# Before torch and transformers are imported: one thread, and nothing is looked for on the network.
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.pop("GALAXY_SLOTS", None)

from hypothesis import settings  # noqa: E402

# Examples come from a fixed seed, so that a failure is seen again; no deadline, since the machine may be busy.
settings.register_profile("project", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("project")


@dataclass(frozen=True)
class Finished:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The text after `error: `, of the one line that has it and is the last."""
        lines = self.err.splitlines()
        marked = [line for line in lines if line.startswith("error: ")]
        assert self.code == 2 and len(marked) == 1 and lines[-1] == marked[0], f"exit {self.code}:\n{self.err}"
        return marked[0].removeprefix("error: ")


def command(tool: str, *arguments) -> list[str]:
    return [sys.executable, str(SCRIPTS / f"{tool}.py"), *map(str, arguments)]


@pytest.fixture(scope="session")
def run_tool():
    """Run a command line in a process of its own: `run_tool("prepare", "--table", path, ...)`."""

    def run(tool: str, *arguments, **environment: str) -> Finished:
        done = subprocess.run(
            command(tool, *arguments),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | environment,
            timeout=300,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def call_tool(monkeypatch, capfd):
    """Run a command line in this process, which spares the seconds that importing torch takes."""

    def call(tool: str, *arguments) -> Finished:
        monkeypatch.setattr(sys, "argv", command(tool, *arguments)[1:])
        monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
        capfd.readouterr()
        code = 0
        try:
            runpy.run_path(str(SCRIPTS / f"{tool}.py"), run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        out, err = capfd.readouterr()
        return Finished(code, out, err)

    return call


@pytest.fixture(scope="session")
def test_data() -> Path:
    return PROJECT / "test-data"


@pytest.fixture(scope="session")
def tiny_random(test_data) -> Path:
    """The base model of nearly all tests: a Mixtral with random weights and one token a nucleotide."""
    return test_data / "tiny-random"
