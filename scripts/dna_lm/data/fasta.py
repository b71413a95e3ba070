"""Reading FASTA."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..errors import UserError
from .sequences import normalize_column
from .textfiles import open_text

BLOCK = 2**22  # characters that are read at a time


def records(path: str | Path, source: str, unique: bool = True) -> Iterator[tuple[int, str, str]]:
    """Read a FASTA file, gzipped or not, with one record in memory at a time.

    path: the file.
    source: what to call it in an error message.
    unique: whether names have to be; the names of all records are kept in memory for that.
    Gives the line of the header, the name (the header up to its first white space, or `record<number>` when there is
    none) and the sequence as it stands in the file, without line breaks: the letters are not checked.
    Raises UserError when the file is no FASTA, holds no record, or has two records of the same name.
    """
    line_of: dict[str, int] = {}
    name = None
    line = count = 0  # of the header of the record that is being read, and of records
    parts: list[str] = []
    number = 0
    with open_text(path, source) as file:
        while block := file.read(BLOCK) + file.readline():
            letters = block.replace("\n", "")
            # Inside a chromosome a block is nothing but letters: no need to look at each of its lines.
            if name is not None and letters.isalpha():
                parts.append(letters)
                number += block.count("\n")
                continue
            for row in block.removesuffix("\n").split("\n"):
                number += 1
                text = row.strip()
                if text.startswith(">"):
                    if name is not None:
                        yield line, name, _join(parts)
                    words = text[1:].split(maxsplit=1)
                    line, count = number, count + 1
                    name = words[0] if words else f"record{count}"
                    if name in line_of:
                        raise UserError(
                            f"{source}, line {line_of[name]} and line {number}: two records are named {name!r}; "
                            "rename one, or remove the copy"
                        )
                    if unique:
                        line_of[name] = number
                elif text and name is None:
                    raise UserError(
                        f"{source}, line {number}: a FASTA file starts with '>', this is {text[:20]!r}; choose a FASTA "
                        "file"
                    )
                elif text:
                    parts.append(text)
    if name is None:
        raise UserError(f"{source} holds no FASTA record; choose a file with '>' headers")
    yield line, name, _join(parts)


def _join(parts: list[str]) -> str:
    """Join the parts and forget them: whoever takes the record is the only one to hold it."""
    text = "".join(parts)
    parts.clear()
    return text


def read_fasta_text(path: str | Path, source: str) -> pd.DataFrame:
    """Read a FASTA file, gzipped or not, with its sequences as they stand there.

    path: the file.
    source: what to call it in an error message.
    Returns one row a record with the columns `id` (its name) and `sequence`; the index, `line`, is the line of the
    header.
    Raises UserError for all that `records` refuses.
    """
    lines, names, sequences = zip(*records(path, source), strict=True)
    index = pd.Index(lines, name="line")
    return pd.DataFrame({"id": names, "sequence": sequences}, index=index, dtype=object)


def read_fasta(path: str | Path, source: str) -> pd.DataFrame:
    """Read a FASTA file as `read_fasta_text` does, and normalize the sequences.

    Raises UserError also when a record is empty or has a foreign letter.
    """
    table = read_fasta_text(path, source)
    return table.assign(sequence=normalize_column(table["sequence"], source))
