"""Reading FASTA."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..errors import UserError
from .sequences import normalize_column
from .textfiles import open_text

BLOCK = 2**22  # characters that are read at a time


def read_records(path: str | Path, source: str, unique: bool = True) -> Iterator[tuple[int, str, str]]:
    """Read a FASTA file, gzipped or not, with one record in memory at a time.

    path: the file.
    source: its name in error messages.
    unique: whether names have to be; the names of all records are kept in memory for that.
    Yields the line of the header, the name (the header up to its first white space, or `record<number>` when there is
    none) and the sequence as it stands in the file, without line breaks: the letters are not checked.
    Raises UserError when the file is not FASTA, holds no record, or has two records of the same name.
    """
    reader = _Reader(source, unique)
    with open_text(path, source) as file:
        while block := file.read(BLOCK) + file.readline():
            letters = block.replace("\n", "")
            # Inside a chromosome a block is nothing but letters: no need to look at each of its lines.
            if reader.name is not None and letters.isalpha():
                reader.parts.append(letters)
                reader.lines += block.count("\n")
            else:
                yield from reader.read(block.removesuffix("\n").split("\n"))
    if reader.name is None:
        raise UserError(f"{source} contains no FASTA record; choose a file with '>' headers")
    yield reader.taken()


class _Reader:
    """Puts lines together to records.

    name, line, parts: of the record that is being read, its header's name and line, and its lines of letters.
    lines: how many have been read.
    """

    def __init__(self, source: str, unique: bool):
        self.source = source
        self.line_of: dict[str, int] | None = {} if unique else None
        self.name: str | None = None
        self.line = self.lines = self.records = 0
        self.parts: list[str] = []

    def read(self, lines: list[str]) -> Iterator[tuple[int, str, str]]:
        """Yield the records that end in these lines."""
        for text in map(str.strip, lines):
            self.lines += 1
            if text.startswith(">"):
                if self.name is not None:
                    yield self.taken()
                self._begin(text)
            elif text and self.name is None:
                raise UserError(
                    f"{self.source}, line {self.lines}: a FASTA file starts with '>', this is {text[:20]!r}; choose a "
                    "FASTA file"
                )
            elif text:
                self.parts.append(text)

    def taken(self) -> tuple[int, str, str]:
        """Return the record and forget its letters: whoever takes it is the only one to hold them."""
        sequence = "".join(self.parts)
        self.parts.clear()
        return self.line, self.name, sequence

    def _begin(self, header: str) -> None:
        words = header[1:].split(maxsplit=1)
        self.line, self.records = self.lines, self.records + 1
        self.name = words[0] if words else f"record{self.records}"
        if self.line_of is None:
            return
        other = self.line_of.setdefault(self.name, self.line)
        if other != self.line:
            raise UserError(
                f"{self.source}, line {other} and line {self.line}: two records are named {self.name!r}; rename one, "
                "or remove the duplicate"
            )


def read_fasta_text(path: str | Path, source: str) -> pd.DataFrame:
    """Read a FASTA file, gzipped or not, with its sequences as they stand there.

    path: the file.
    source: its name in error messages.
    Returns one row a record with the columns `id` (its name) and `sequence`; the index, `line`, is the line of the
    header.
    Raises UserError for all that `read_records` refuses.
    """
    lines, names, sequences = zip(*read_records(path, source), strict=True)
    index = pd.Index(lines, name="line")
    return pd.DataFrame({"id": names, "sequence": sequences}, index=index, dtype=object)


def read_fasta(path: str | Path, source: str) -> pd.DataFrame:
    """Read a FASTA file as `read_fasta_text` does, and normalize the sequences.

    Raises UserError also when a record is empty or has a foreign letter.
    """
    table = read_fasta_text(path, source)
    return table.assign(sequence=normalize_column(table["sequence"], source))
