"""The virtual environments: made once, made again when their lock file changes, errors in one line."""

import ast
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from dev import environments
from dev.environments import PROJECT, SetupError


def wheel(folder, name):
    """Write a tiny pure-Python wheel, so that pip has something to install without a network."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"NAME = {name!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """Return a function that writes the lock file of an environment: `tiny`, or `seer`, which sees `tiny`."""
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments, "COST", {"tiny": (0.1, 1), "seer": (0.1, 1)})
    monkeypatch.setattr(environments, "SEES", {"seer": "tiny"})
    monkeypatch.setenv("DNA_LM_ENVIRONMENTS", str(tmp_path / "environments"))

    def write(*lines, name="tiny"):
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")

    return write


def test_real_ones_install_and_see_each_other_and_recover_from_failure(lock, tmp_path):
    path = wheel(tmp_path, "tiny")
    lock(path.as_uri())
    lock(wheel(tmp_path, "other").as_uri(), name="seer")
    path.rename(tmp_path / "hidden")
    with pytest.raises(SetupError, match=r"pip install .* failed; the end of .*\.log:\n"):
        environments.environment("tiny")
    (tmp_path / "hidden").rename(path)

    folder = environments.environment("seer")
    script = "import other, tiny; print(other.NAME, tiny.NAME)"
    assert subprocess.check_output([folder / "bin" / "python", "-c", script], text=True) == "other tiny\n"


@pytest.fixture
def made(monkeypatch):
    """The folders that were made, in order; nothing is installed in them."""
    folders = []

    def make(name, folder):
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / "python").touch()
        folders.append(folder)

    monkeypatch.setattr(environments, "make", make)
    return folders


def test_made_once_and_again_when_a_lock_file_changes(lock, made):
    lock("# a comment", "tiny==1.0")
    first = environments.environment("tiny")
    lock("# another comment", "tiny==1.0")
    assert environments.environment("tiny") == first
    assert made == [first]
    lock("tiny==2.0")
    assert environments.environment("tiny") != first
    assert len(made) == 2


def test_several_are_made_at_the_same_time(lock, monkeypatch, tmp_path, capsys):
    def make(name, folder):  # waits for the other one
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()
        (tmp_path / f"{name}.begun").touch()
        deadline = time.monotonic() + 30
        while len(list(tmp_path.glob("*.begun"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    monkeypatch.setattr(environments, "make", make)
    monkeypatch.setattr(environments, "COST", {"tiny": (0.1, 1), "other": (0.1, 1)})
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    lock("tiny==1.0")
    lock("other==1.0", name="other")
    environments.main(["make", "tiny", "other"])
    folders = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [folder.name.split("-")[0] for folder in folders] == ["tiny", "other"]
    assert all(environments.usable(folder) for folder in folders)


def test_the_error_of_one_of_several_is_told_in_words(lock, monkeypatch, capsys):
    def make(name, folder):
        raise SetupError("the disk is full")

    monkeypatch.setattr(environments, "make", make)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    lock("tiny==1.0")
    with pytest.raises(SystemExit) as end:
        environments.main(["make", "tiny", "tiny"])
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: the disk is full\n"


def test_made_again_when_one_that_it_sees_changes(lock, made):
    lock("tiny==1.0")
    lock("other==1.0", name="seer")
    first = environments.environment("seer")
    lock("tiny==2.0")
    assert environments.environment("seer") != first


def test_a_moved_one_and_one_without_its_python_are_made_again(lock, made, tmp_path, monkeypatch):
    lock("tiny==1.0")
    folder = environments.environment("tiny")
    shutil.move(tmp_path / "environments", tmp_path / "moved")
    monkeypatch.setenv("DNA_LM_ENVIRONMENTS", str(tmp_path / "moved"))
    moved = environments.environment("tiny")
    assert made == [folder, moved]
    (moved / "bin" / "python").unlink()
    environments.environment("tiny")
    assert made == [folder, moved, moved]


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("The virtual environment was not created because ensurepip is not available.", "no venv module"),
        ("/usr/bin/python3: No module named venv", "no venv module"),
        ("anything else", "anything else"),
    ],
)
def test_failures_are_told_in_words(printed, said, tmp_path):
    log = tmp_path / "log"
    with open(log, "w") as output, pytest.raises(SetupError, match=said):
        environments.run([sys.executable, "-c", f"print({printed!r}); exit(1)"], output, log)


def test_full_disk_is_seen_before_the_start(lock, monkeypatch):
    lock("never==1")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))
    with pytest.raises(SetupError, match=r"the tiny environment needs 0.1 GB in .*, which has 0.0 GB free"):
        environments.environment("tiny")


def test_old_python_is_one_line_and_exit_code_2(monkeypatch, capsys):
    monkeypatch.setattr(environments, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(SystemExit) as end:
        environments.main(["make", "tools"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: Python 3.") and "99.0 or later is needed" in line


def test_an_old_python_can_read_it():
    ast.parse(Path(environments.__file__).read_text(), feature_version=(3, 6))


def test_unknown_environment_is_refused():
    with pytest.raises(SetupError, match="there is no environment called nothing; there are: galaxy, planemo"):
        environments.environment("nothing")


def test_commands_run_with_a_home_in_the_checkout(lock, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "/elsewhere")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example.org")
    found = environments.variables(tmp_path)
    assert found["HOME"] == str(environments.PROJECT / ".local" / "home")
    assert found["PATH"].startswith(f"{tmp_path}/bin:")
    assert "MPLCONFIGDIR" not in found and "PYTHONDONTWRITEBYTECODE" not in found
    assert found["PIP_INDEX_URL"] == "https://mirror.example.org"


def test_commands_import_this_checkout_and_what_they_start_does_not(lock, made, tmp_path, monkeypatch):
    lock("tiny==1.0")
    started = []
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    monkeypatch.setattr("os.execvpe", lambda *given: started.append(given))
    environments.main(["run", "tiny", "python", "dev/galaxy/serve.py"])
    ((program, line, found),) = started
    assert (program, line) == ("python", ["python", "dev/galaxy/serve.py"])
    assert found["PYTHONPATH"].split(os.pathsep) == [str(PROJECT), str(PROJECT / "scripts"), str(PROJECT / "tests")]
    assert "PYTHONPATH" not in environments.variables(tmp_path)


@pytest.mark.parametrize("name", ["planemo", "tools", "checks", "toolshed", "pulsar"])
def test_locks_are_complete_pins_without_cuda(name):
    for line in environments.lock_lines(name):
        assert "==" in line and "+" not in line, line
        assert not line.startswith(("nvidia", "triton")), line


@pytest.mark.parametrize("other", ["tools", "planemo"])
def test_what_checks_shares_with_others_is_the_same(other):
    checks, others = (dict(line.split("==") for line in environments.lock_lines(name)) for name in ("checks", other))
    assert {name: checks[name] for name in checks.keys() & others} == {
        name: others[name] for name in checks.keys() & others
    }
