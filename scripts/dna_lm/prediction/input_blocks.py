"""Reading sequences to predict block by block, as many at a time as are computed together."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..data.fasta import read_records
from ..data.tables import pick_column, table_blocks
from ..processes import inference


def read_fasta_blocks(path: str, source: str) -> Iterator[pd.DataFrame]:
    """Give the records of a FASTA file: columns `id` and `sequence`, by line; at least one block.

    source: what to call the file. Raises UserError when it is no FASTA file, or holds no records.
    """
    lines, names, sequences, letters = [], [], [], 0
    for line, name, sequence in read_records(path, source, unique=False):
        lines.append(line)
        names.append(name)
        sequences.append(sequence)
        letters += len(sequence)
        if len(lines) == inference.AT_ONCE or letters > inference.LETTERS_AT_ONCE:
            yield _fasta_block(lines, names, sequences)
            lines, names, sequences, letters = [], [], [], 0
    if lines:
        yield _fasta_block(lines, names, sequences)


def _fasta_block(lines: list[int], names: list[str], sequences: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"id": names, "sequence": sequences}, index=pd.Index(lines, name="line"), dtype=object)


def read_table_blocks(path: str, source: str, sequence_column: str) -> Iterator[pd.DataFrame]:
    """Give the records of a table, by line; at least one block.

    sequence_column: its name, or its number from 1; it becomes the column `sequence`. Where there is no column `id`,
    the numbers of the records from 1 become one.
    source: what to call the file. Raises UserError when it cannot be read or has no such column.
    """
    first = 1
    for table in table_blocks(path, source, inference.AT_ONCE):
        column = pick_column(table, sequence_column, source)
        records = table.drop(columns=column).assign(sequence=table[column])
        if "id" not in records:
            records = records.assign(id=np.arange(first, first + len(records)))
        first += len(records)
        yield records
