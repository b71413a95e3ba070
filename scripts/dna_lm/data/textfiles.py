"""Opening text files, gzipped or not, with errors in words."""

import gzip
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
# What files that are no text begin with, what they are then, and how to mend that.
NO_TEXT = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet or another office document", "save the sheet as CSV (UTF-8)"),
    (b"BZh", "compressed with bzip2", "unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it, or compress it with gzip"),
    (GZIP_MAGIC, "gzipped twice", "unpack it once"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
)
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
# How Galaxy calls the file of a dataset. Users never see this name.
GALAXY_NAME = re.compile(r"dataset_[0-9a-f-]+\.dat")


def printable(text: str) -> str:
    """Return a name from the command line as text: bytes in it that are not UTF-8 are written like `\\xff`."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def describe(path: str | Path, role: str) -> str:
    """Return what messages and reports call a file: its role in the job, and its name unless Galaxy gave it one."""
    name = printable(Path(path).name)
    return role if not name or GALAXY_NAME.fullmatch(name) else f"{role} ({name})"


def shortened(text: str, most: int) -> str:
    """Return text of at most so many letters: the middle of a longer one goes, since names differ at their ends."""
    end = (most - 1) // 2
    return text if len(text) <= most else f"{text[: most - 1 - end]}…{text[-end:]}"


def listed(names: Sequence[str], most: int) -> str:
    """Return names with commas between: the first `most` of them, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@contextmanager
def open_text(path: str | Path, source: str) -> Iterator[TextIO]:
    """Open a UTF-8 text file for reading; gzip is recognized by its first two bytes.

    path: the file.
    source: its name in error messages.
    Raises UserError when the file is missing, a pipe, empty, no text, or damaged gzip: on opening or while it is read.
    """
    try:
        kind = os.stat(path).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            raise UserError(f"{source} is a pipe or a device, which can be read only once; save it as a file first")
        with open(path, "rb") as file:
            opener = gzip.open if file.read(2) == GZIP_MAGIC else open
        # utf-8-sig drops the byte order mark that spreadsheet programs put before the first column's name. Every kind
        # of line break is read as "\n": a "\r" inside a quoted field would be written without quotes.
        with opener(path, "rt", encoding="utf-8-sig", newline=None) as text:
            _check_start(text.buffer.peek(1), source)
            yield text
    except DAMAGED:
        raise UserError(_damaged(source)) from None
    except UnicodeDecodeError:
        raise UserError(_no_utf8(opener, path, source)) from None
    except OSError as problem:
        raise UserError(f"{source} cannot be read: {problem.strerror or problem}; choose another file") from None


def _check_start(start: bytes, source: str) -> None:
    if not start:
        raise UserError(f"{source} is empty; choose a file with records")
    for magic, what, mend in NO_TEXT:
        if start.startswith(magic):
            raise UserError(f"{source} is {what}, not plain or gzipped text; {mend}")
    if b"\0" in start:
        raise UserError(
            f"{source} is not text (it contains zero bytes); choose a plain or gzipped text file, or save the text as "
            "UTF-8"
        )


def _damaged(source: str) -> str:
    return f"{source} is a damaged or truncated gzip file; upload it again"


def _no_utf8(opener: Callable, path: str | Path, source: str) -> str:
    """Return the message about a file that holds a byte that is not UTF-8, with its first such line."""
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as problem:
                    return (
                        f"{source}, line {number}: byte 0x{line[problem.start]:02x} is not UTF-8 text; choose a plain "
                        "or gzipped text file, or save the text as UTF-8"
                    )
    except DAMAGED:  # the line goes on behind what was read before
        return _damaged(source)
    raise ValueError(f"{path} is UTF-8")
