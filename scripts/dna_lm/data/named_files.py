"""Files that the command line names: LABEL=FILE and the like."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import UserError
from .tables import check_label


def divided(pair: str) -> tuple[str, str] | None:
    """Return the name and the path of NAME=PATH, or None if one of them is missing.

    Both may hold a '=' (a label `pH=7`, a folder `rate=0.1`): the first '=' divides that has an existing path behind
    it, or else the first one.
    """
    positions = [position for position, letter in enumerate(pair) if letter == "="]
    positions = [position for position in positions if pair[position + 1 :] and pair[:position].strip()]
    if not positions:
        return None
    position = next((position for position in positions if os.path.exists(pair[position + 1 :])), positions[0])
    return pair[:position].strip(), pair[position + 1 :]


class NamedPath(NamedTuple):
    """A file and what the command line calls it."""

    name: str
    path: str

    @staticmethod
    def parse(pair: str, option: str, form: str = "LABEL=FILE", what: str = "the label") -> "NamedPath":
        """Return the name and the path of what was given to an option.

        form: what a pair looks like; what: what its name is, for an error message.
        Raises UserError for what is no pair, and for a name that could not stand in a table.
        """
        where = f"--{option} {pair!r}"
        parts = divided(pair)
        if not parts and pair.lstrip().startswith("="):
            check_label("", where)
        if not parts:
            raise UserError(f"{where} is not {form}; write {what}, '=' and the name of the file")
        check_label(parts[0], where)
        return NamedPath(*parts)


def repeated(files: Sequence[NamedPath]) -> str | None:
    """Return the first name that an earlier file has already, or None."""
    names = [file.name for file in files]
    return next((name for number, name in enumerate(names) if name in names[:number]), None)
