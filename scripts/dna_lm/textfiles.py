"""Opening text files, gzipped or not, with errors in words."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from .errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
# How Galaxy calls the file of a dataset. Users never see this name.
GALAXY_NAME = re.compile(r"dataset_[0-9a-f-]+\.dat")


def describe(path: str | Path, role: str) -> str:
    """Return what messages call a file: its role in the job, and its name unless Galaxy gave it one."""
    name = Path(path).name
    return role if GALAXY_NAME.fullmatch(name) else f"{role} ({name})"


@contextmanager
def open_text(path: str | Path, source: str) -> Iterator[TextIO]:
    """Open a UTF-8 text file for reading; gzip is recognised by its first two bytes.

    path: the file.
    source: what to call it in an error message.
    Raises UserError when the file is missing, empty, no text, or damaged gzip: on opening or while it is read.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(2)
        if not start:
            raise UserError(f"{source} is empty; choose a file that holds records")
        opener = gzip.open if start == GZIP_MAGIC else open
        # utf-8-sig drops the byte order mark that spreadsheet programs put before the first column's name. Every kind
        # of line break is read as "\n": a "\r" inside a quoted field would be written without quotes.
        with opener(path, "rt", encoding="utf-8-sig", newline=None) as text:
            yield text
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UserError(f"{source} is a damaged or truncated gzip file; upload it again") from None
    except UnicodeDecodeError as problem:
        raise UserError(
            f"{source} is not text (byte {problem.start} of a block cannot be read as UTF-8); "
            "choose a plain or gzipped text file"
        ) from None
    except OSError as problem:
        raise UserError(f"{source} cannot be read: {problem.strerror or problem}") from None
