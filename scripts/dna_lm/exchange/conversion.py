"""What an installation does with weights that are pickles: it converts them, notes what they were, and removes them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..base_models.archives import PICKLED_INDEX, is_convertible
from ..base_models.installed_files import note_of, sha256_of_file
from ..base_models.opening import INDEX
from ..errors import UserError
from ..pickles.confined import convert_confined
from ..pickles.converting import safetensors_name

# The key in installed.json.
CONVERTED = "converted"


def pickled_alone(folder: Path) -> list[str]:
    """Return the names of the pickled weights in a folder that has no safetensors; remove them from one that has."""
    files = list(folder.iterdir())
    pickled = sorted(file.name for file in files if is_convertible(file.name))
    if any(file.suffix == ".safetensors" for file in files):
        _remove(folder, pickled)
        return []
    return pickled


def conversion(
    folder: Path, pickled: Iterable[str], source: str, most: float, progress: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Convert pickled weights in a folder to safetensors beside them, and remove them, also if they are refused.

    pickled: their names, and that of their index. source: what to call the model in an error message. most: bytes of
    safetensors. progress: is told that it begins.
    Returns what installed.json notes of each pickle: its SHA-256 and its size.
    Raises UserError for files that are not weights alone.
    """
    weights = [folder / name for name in sorted(pickled) if name != PICKLED_INDEX]
    total = sum(file.stat().st_size for file in weights)
    record = {file.name: {"sha256": sha256_of_file(file), "bytes": file.stat().st_size} for file in weights}
    progress(f"converting {', '.join(record)} ({total / 1e6:.1f} MB) to safetensors")
    try:
        convert_confined(folder, source, most)
    except BaseException as problem:
        _remove(folder, (INDEX, *map(safetensors_name, record)))
        if isinstance(problem, UserError):  # after an interruption, they need not be fetched again
            _remove(folder, pickled)
        raise
    _remove(folder, pickled)
    return record


def conversion_before(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what `conversion` noted when the model in a folder was installed, if its weights are as it left them."""
    record = note_of(folder)
    try:
        weights = {name: entry for name, entry in record["files"].items() if name.endswith(".safetensors")}
        same = weights and all(sha256_of_file(folder / name) == entry["sha256"] for name, entry in weights.items())
        return {name: {**entry, "sha256": str(entry["sha256"])} for name, entry in record[CONVERTED].items() if same}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # no note, or none that can be read


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
