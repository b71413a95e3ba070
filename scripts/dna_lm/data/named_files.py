"""Files that the command line names: LABEL=FILE and the like."""

import os
from collections.abc import Sequence

from ..errors import UserError
from .tables import check_label


def divided(pair: str) -> tuple[str, str] | None:
    """Return the name and the path of NAME=PATH, or None if one of them is missing.

    Both may hold a '=' (a label `pH=7`, a folder `rate=0.1`): the first '=' divides that has an existing path behind
    it, or else the first one.
    """
    places = [place for place, letter in enumerate(pair) if letter == "="]
    places = [place for place in places if pair[place + 1 :] and pair[:place].strip()]
    if not places:
        return None
    place = next((place for place in places if os.path.exists(pair[place + 1 :])), places[0])
    return pair[:place].strip(), pair[place + 1 :]


def named_files(
    pairs: Sequence[str], option: str, *, form: str, mend: str, doubled: str, advice: str
) -> dict[str, str]:
    """Return the files by name, in order.

    pairs: what was given to the option. form: what a pair looks like; mend: what to write for its name; doubled: what
    two of a name are said to be; advice: what to do about that.
    Raises UserError for what is no pair, a name that could not stand in a table, and two of one name.
    """
    result: dict[str, str] = {}
    for pair in pairs:
        parts = divided(pair)
        if not parts and pair.lstrip().startswith("="):
            check_label("", f"--{option} {pair!r}")
        if not parts:
            raise UserError(f"--{option} {pair!r} is not {form}; write {mend}, '=' and the name of the file")
        name, path = parts
        check_label(name, f"--{option} {pair!r}")
        if name in result:
            raise UserError(f"{doubled} {name!r}; {advice}")
        result[name] = path
    return result
