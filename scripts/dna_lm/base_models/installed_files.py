"""What is noted beside an installed model: the SHA-256 of each file, so that a job need not read gigabytes for them."""

import json
import re
from collections.abc import Iterable
from hashlib import file_digest
from pathlib import Path
from typing import Any

# What stands beside the files of an installed model. Archives are unpacked without it.
INSTALLED = "installed.json"
# It names a few dozen files.
MOST_BYTES = 10_000_000


def files_record(files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Return what INSTALLED notes of each file, by name: its SHA-256, its size, and its time of last change in ns."""
    result = {}
    for file in files:
        status = file.stat()
        result[file.name] = {
            "sha256": sha256_of_file(file),
            "bytes": status.st_size,
            "changed_ns": status.st_mtime_ns,
        }
    return result


def sha256_of_model_file(path: Path) -> str:
    """Return the SHA-256 of a file of a base model: as noted at its installation, if the file is as it was then.

    The size and the time of the last change tell that. Whoever can change the note can change the files too.
    """
    file = path.resolve()
    return _noted(file) or sha256_of_file(file)


def note_of(folder: Path) -> dict[str, Any]:
    """Return what INSTALLED says of the model in a folder; empty if there is none, or none that can be read."""
    note = folder / INSTALLED
    try:
        if note.stat().st_size > MOST_BYTES:
            return {}
        content = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _noted(file: Path) -> str | None:
    try:
        entry = note_of(file.parent)["files"][file.name]
        status = file.stat()
        same = (entry["bytes"], entry["changed_ns"]) == (status.st_size, status.st_mtime_ns)
        return entry["sha256"] if same and re.fullmatch("[0-9a-f]{64}", entry["sha256"]) else None
    except (OSError, LookupError, TypeError):
        return None  # no note, one of an earlier release without times, or none that can be read


def sha256_of_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()
