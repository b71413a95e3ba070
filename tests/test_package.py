"""`pip install .` gives the library, the built-in model and the command `dna-lm`."""

import os
import subprocess
import sys
from importlib.metadata import PathDistribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import PROJECT
from dna_lm import __version__


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder into which the package was installed, from a copy of what git has."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "LICENSE", "scripts", "dev/requirements"):
        (source / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-rL", PROJECT / name, source / name], check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-index"]
    # The setuptools among the tools' packages; that of a new virtual environment can be too old.
    packages = Path(find_spec("torch").origin).parents[1]
    command = [*pip, "--no-deps", "--no-build-isolation", "--target", folder, source]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(packages)})
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, installed / "bin" / "dna-lm", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_what_it_is_and_what_it_needs(installed):
    distribution = PathDistribution(next(installed.glob("dna_lm-*.dist-info")))
    assert distribution.version == __version__
    assert {f"{name}=={version}" for name, version in [("peft", "0.21.0")]} <= set(distribution.requires)
    assert len(distribution.requires) > 20


def test_every_file_of_the_library_is_in_it(installed):
    ours = PROJECT / "scripts" / "dna_lm"
    files = {path.relative_to(ours) for path in ours.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert files == {
        path.relative_to(installed / "dna_lm")
        for path in (installed / "dna_lm").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_tool_is_run_by_its_name(installed, tmp_path, test_data):
    done = run(
        *(installed, tmp_path, "predict", "--adapter", test_data / "adapter.safetensors"),
        *("--input", test_data / "new.fa", "--input-format", "fasta", "--predictions-out", "predictions.tsv"),
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "predictions.tsv").read_text().startswith("id\t")


def test_the_tools_are_listed(installed, tmp_path):
    listed = run(installed, tmp_path, "--help")
    assert listed.returncode == 0 and "finetune" in listed.stdout and "install" in listed.stdout
    assert run(installed, tmp_path, "--version").stdout == f"{__version__}\n"
    unknown = run(installed, tmp_path, "tune")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("error: name a tool: prepare, finetune,")


def test_the_help_of_a_tool_names_it_as_it_was_called(installed, tmp_path):
    assert run(installed, tmp_path, "scan", "--help").stdout.startswith("usage: dna-lm scan ")
