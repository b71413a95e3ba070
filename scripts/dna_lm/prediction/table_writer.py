"""Writing a table block by block."""

from pathlib import Path

import pandas as pd

from ..data.tables import write_tsv


class TableWriter:
    """Writes blocks of a table, all with the same columns, to one tab-separated file; the first brings the header.

        writer = TableWriter(path)
        for block in blocks:
            writer.add(block, floats=".4f")

    path: of the file; None: nothing is written.
    """

    def __init__(self, path: str | Path | None):
        self.path = path
        self._begun = False

    def add(self, block: pd.DataFrame, floats: str = ".6f") -> None:
        """Write a block; floats: the format of its floating-point numbers."""
        if self.path is not None:
            write_tsv(block, self.path, floats, more=self._begun)
            self._begun = True
