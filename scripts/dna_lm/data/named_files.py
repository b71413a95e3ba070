"""Files that the command line names: LABEL=FILE and the like."""

from collections.abc import Sequence

from ..errors import UserError
from .tables import check_label


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
        # The last '=' divides: a name may hold one, Galaxy's file names never do.
        name, divider, path = pair.rpartition("=")
        name = name.strip()
        if not divider or not path:
            raise UserError(f"--{option} {pair!r} is not {form}; write {mend}, '=' and the name of the file")
        check_label(name, f"--{option} {pair!r}")
        if name in result:
            raise UserError(f"{doubled} {name!r}; {advice}")
        result[name] = path
    return result
