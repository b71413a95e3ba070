"""Fixtures: the paths of the test data, the command lines, and small trained adapters that many tests share."""

import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SCRIPTS = PROJECT / "scripts"
# Before torch and transformers are imported: one thread, and nothing is looked for on the network.
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.pop("GALAXY_SLOTS", None)

from hypothesis import settings  # noqa: E402

# Examples come from a fixed seed, so that a failure is seen again; no deadline, since the machine may be busy.
# `nightly` takes other examples each time, and says how to get those that failed again.
settings.register_profile("project", derandomize=True, deadline=None, max_examples=60, database=None)
settings.register_profile("nightly", deadline=None, max_examples=600, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))

# Fixtures of tests that train, or run a command line: `make quick` leaves them out.
SLOW_FIXTURES = {"run_tool", "call_tool", "two", "three", "strange"}
# Files whose tests take long for another reason: they train, simulate, start processes or install.
SLOW_FILES = {
    "test_applying",
    "test_architectures",
    "test_networks",
    "test_bootstrap",
    "test_calibration_error",
    "test_comparing",
    "test_dataset_figure",
    "test_environments",
    "test_figures",
    "test_further_figures",
    "test_local_galaxy",
    "test_micro_batches",
    "test_package",
    "test_parallel",
    "test_quantization",
    "test_similarity",
    "test_speed",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if drawn or SLOW_FIXTURES & set(item.fixturenames) or item.path.stem in SLOW_FILES:
            item.add_marker(pytest.mark.slow)


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


@dataclass(frozen=True)
class Trained:
    """A short training: its splits (paths by name), its result, and the file of its adapter."""

    splits: dict[str, str]
    result: Any
    adapter: Path

    @property
    def labels(self) -> list[str]:
        return self.result.adapter.labels


def train(folder: Path, labels: list[str], **changes) -> Trained:
    from dna_lm.adapters.dataset import save_adapter
    from dna_lm.training.finetuning import finetune
    from small import training_options, write_splits

    splits = write_splits(folder, labels)
    result = finetune(training_options(train=splits["train"], dev=splits["dev"], **changes), lambda _: None)
    save_adapter(result.adapter, folder / "adapter.safetensors")
    return Trained(splits, result, folder / "adapter.safetensors")


@pytest.fixture(scope="session")
def two(tmp_path_factory) -> Trained:
    """Two labels; the best of the epochs is neither the first nor the last."""
    return train(tmp_path_factory.mktemp("two"), ["no", "yes"])


@pytest.fixture(scope="session")
def three(tmp_path_factory) -> Trained:
    """Three labels that are numbers, and in another order as text ("1", "10", "9")."""
    return train(tmp_path_factory.mktemp("three"), ["10", "1", "9"], epochs=3)


@pytest.fixture
def at_once(monkeypatch):
    """Let this many sequences, or windows, be computed together at most."""
    return lambda number: monkeypatch.setattr("dna_lm.processes.inference.AT_ONCE", number)


@pytest.fixture
def one_model_at_a_time(monkeypatch):
    """The models of an ensemble do not fit in memory together; gives the list of those that are loaded from now on."""
    from dna_lm.prediction.merged_models import MergedModels

    loaded, merged = [], MergedModels._merged

    def counted(models, member, *rest):
        loaded.append(member)
        return merged(models, member, *rest)

    monkeypatch.setattr(MergedModels, "_merged", counted)
    monkeypatch.setattr("dna_lm.prediction.merged_models.BYTES_KEPT", 0)
    monkeypatch.setattr("dna_lm.processes.inference.PROGRESS_SECONDS", -1)
    return loaded


# Text that means something to a shell, to HTML, to Markdown, to Galaxy and to matplotlib, but is only a label here.
STRANGE_LABELS = [
    "$(touch here) `touch here`",
    '"><script>alert(1)</script>',
    '```galaxy job_parameters() ``` ${dataset} "q", ζ-chain 😀 $x$',
]


@pytest.fixture(scope="session")
def strange(tmp_path_factory) -> Trained:
    return train(tmp_path_factory.mktemp("strange"), STRANGE_LABELS, epochs=2)


@pytest.fixture
def kept(monkeypatch):
    """The figures that are drawn, as matplotlib's objects."""
    from matplotlib import pyplot

    made = []

    def figure(*arguments, original=pyplot.figure, **keywords):
        made.append(original(*arguments, **keywords))
        return made[-1]

    monkeypatch.setattr(pyplot, "figure", figure)
    return made
