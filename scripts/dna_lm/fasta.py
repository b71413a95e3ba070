"""Reading FASTA."""

from pathlib import Path

import pandas as pd

from .errors import UserError
from .sequences import normalise_column
from .textfiles import open_text


def read_fasta(path: str | Path, source: str) -> pd.DataFrame:
    """Read a FASTA file, gzipped or not.

    path: the file.
    source: what to call it in an error message.
    Returns one row a record with the columns `id` (the header up to its first white space, or `record<number>` when
    there is none) and `sequence` (normalised); the index, `line`, is the line of the header.
    Raises UserError when the file is no FASTA, holds no record, or a record is empty or has a foreign letter.
    """
    lines: list[int] = []
    names: list[str] = []
    sequences: list[list[str]] = []
    with open_text(path, source) as file:
        for number, text in enumerate(file, start=1):
            text = text.strip()
            if text.startswith(">"):
                words = text[1:].split(maxsplit=1)
                lines.append(number)
                names.append(words[0] if words else f"record{len(lines)}")
                sequences.append([])
            elif text and not sequences:
                raise UserError(f"{source}, line {number}: a FASTA file starts with '>', this is {text[:20]!r}")
            elif text:
                sequences[-1].append(text)
    if not names:
        raise UserError(f"{source} holds no FASTA record; choose a file with '>' headers")
    index = pd.Index(lines, name="line")
    joined = pd.Series(["".join(parts) for parts in sequences], index=index, dtype=object)
    return pd.DataFrame(
        {"id": pd.Series(names, index=index, dtype=object), "sequence": normalise_column(joined, source)}
    )
