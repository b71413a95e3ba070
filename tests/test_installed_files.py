"""What was noted of a model's files at its installation spares reading them, and only if they are as they were."""

import json
import os
import shutil

import pytest

from dna_lm.base_models import installed_files
from dna_lm.base_models.installed_files import INSTALLED, files_record, sha256_of_file
from dna_lm.base_models.opening import opened_base_model

FILES = ("model.safetensors", "tokenizer.json")


@pytest.fixture
def folder(tiny_random, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_random, folder)
    (folder / INSTALLED).write_text(json.dumps({"files": files_record(folder / name for name in FILES)}))
    return folder


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were read to the end."""
    names = []

    def counted(path, original=sha256_of_file):
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(installed_files, "sha256_of_file", counted)
    return names


def digests(folder) -> tuple[str, str]:
    with opened_base_model(str(folder)) as base:
        return base.weights_sha256, base.tokenizer_sha256


def test_noted_files_are_not_read(folder, tiny_random, read):
    assert digests(folder) == tuple(sha256_of_file(tiny_random / name) for name in FILES)
    assert read == []


def test_a_changed_file_is_read(folder, read):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)  # of the same size, at another time
    os.utime(path, ns=(0, 10**18))
    assert digests(folder)[0] == sha256_of_file(path)
    assert read == ["model.safetensors"]


@pytest.mark.parametrize(
    "change",
    [
        lambda note: None,
        lambda note: {},
        lambda note: [],
        lambda note: {"files": {name: note["files"][name] | {"sha256": "0" * 63} for name in FILES}},
        lambda note: {"files": {name: note["files"][name] | {"sha256": 7} for name in FILES}},
        lambda note: {"files": {name: note["files"][name] | {"bytes": 1} for name in FILES}},
        lambda note: {"files": {name: {"sha256": "0" * 64, "bytes": note["files"][name]["bytes"]} for name in FILES}},
        lambda note: {"files": {name: [] for name in FILES}},
    ],
)
def test_a_note_that_is_missing_damaged_or_of_an_earlier_release_is_not_relied_on(folder, tiny_random, read, change):
    note = change(json.loads((folder / INSTALLED).read_text()))
    (folder / INSTALLED).unlink()
    if note is not None:
        (folder / INSTALLED).write_text(json.dumps(note))
    assert digests(folder) == tuple(sha256_of_file(tiny_random / name) for name in FILES)
    assert sorted(read) == sorted(FILES)


def test_an_archive_cannot_bring_a_note(folder, tmp_path, read):
    note = json.loads((folder / INSTALLED).read_text())
    for entry in note["files"].values():
        entry["sha256"] = "0" * 64
    (folder / INSTALLED).write_text(json.dumps(note))
    for form in ("zip", "tar", "gztar"):
        archive = shutil.make_archive(str(tmp_path / "packed"), form, folder)
        assert "0" * 64 not in digests(archive)
