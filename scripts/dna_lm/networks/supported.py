"""Settings of published models that change what a network computes, and the values for which it is known."""

from collections.abc import Mapping
from typing import Any


def require(settings: Mapping[str, Any], supported: Mapping[str, Any]) -> None:
    """Raise ValueError for a setting that is given and has another value than the one that is supported."""
    for name, value in supported.items():
        if settings.get(name, value) != value:
            raise ValueError(
                f"config.json sets {name} to {settings[name]!r}, and only {value!r} is supported; choose another model"
            )


def rounded_up(rows: int, multiple: int) -> int:
    """Return the least multiple of a number that is not below the rows, of which embeddings have so many."""
    return -(-rows // max(1, multiple)) * max(1, multiple)
