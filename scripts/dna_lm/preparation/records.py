"""Labeled sequences, with what is computed from all of them computed once."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..data.packing import Packed, pack
from ..data.sequences import canonical


class Records:
    """A table of sequences and, from when they are first asked for, its sequences packed and in canonical form.

    What was computed stays with the rows that are selected from it, as long as their sequences stay as they are.

    table: columns `sequence` (normalized), `label` and any others; the index is the `line` in the file.
    """

    def __init__(self, table: pd.DataFrame):
        self.table = table
        self._packed: Packed | None = None
        self._canonical: np.ndarray | None = None

    @staticmethod
    def of(sequences: Sequence[str]) -> "Records":
        """Return records of normalized sequences alone."""
        return Records(pd.DataFrame({"sequence": _texts(sequences)}))

    @staticmethod
    def concat(parts: Sequence["Records"]) -> "Records":
        """Return the records of all parts, in order."""
        result = Records(pd.concat([part.table for part in parts]))
        if any(part._packed is not None for part in parts):
            result._packed = Packed.concat([part.packed for part in parts])
        if any(part._canonical is not None for part in parts):
            result._canonical = np.concatenate([part.canonical for part in parts])
        return result

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, column: str) -> pd.Series:
        return self.table[column]

    def __contains__(self, column: str) -> bool:
        return column in self.table

    @property
    def packed(self) -> Packed:
        """The sequences as small numbers."""
        if self._packed is None:
            self._packed = pack(self.table["sequence"].tolist())
        return self._packed

    @property
    def canonical(self) -> np.ndarray:
        """(n,) text: for each sequence what is the same for both strands (see sequences.canonical)."""
        if self._canonical is None:
            self._canonical = _texts(map(canonical, self.table["sequence"]))
        return self._canonical

    def select(self, chosen: np.ndarray) -> "Records":
        """Return the records that are chosen, (n,) bool."""
        if chosen.all():
            return self
        result = Records(self.table[chosen])
        if self._packed is not None:
            result._packed = self._packed.select(chosen)
        if self._canonical is not None:
            result._canonical = self._canonical[chosen]
        return result

    def assign(self, **columns: Any) -> "Records":
        """Return the records with other columns, of which none is `sequence` (see rewritten)."""
        result = Records(self.table.assign(**columns))
        result._packed, result._canonical = self._packed, self._canonical
        return result

    def rewritten(self, sequences: Iterable[str]) -> "Records":
        """Return the records with other sequences."""
        return Records(self.table.assign(sequence=_texts(sequences)))


def _texts(sequences: Iterable[str]) -> np.ndarray:
    # Of objects, also without any: an empty list would become a column of numbers.
    return np.array(list(sequences), dtype=object)
