"""How far sequences resemble those that an adapter was trained on: their length, GC content, and exact copies."""

from collections.abc import Sequence

import numpy as np

from ..adapters.dataset import Adapter
from ..adapters.seen_data import Overlap, overlap
from ..data.digests import digests_of
from ..data.packing import gc_content, pack

TRAINED_ON = ["train"]


class Familiarity:
    """Counts sequences beside those of an adapter's training.

    sequences: so many. outside_length, outside_gc: so many are shorter or longer, or have less or more GC content, than
    every training sequence; None where the adapter does not record that. copies: those that are in the training split,
    on either strand; None where it is not recorded.
    """

    def __init__(self, adapter: Adapter):
        self._adapter = adapter
        self.lengths, self.gc = adapter.training_lengths, adapter.training_gc
        self.sequences = 0
        self.outside_length = 0 if self.lengths else None
        self.outside_gc = 0 if self.gc else None
        self.copies: Overlap | None = None

    def add(self, sequences: Sequence[str]) -> None:
        """Count normalized sequences."""
        if not len(sequences):
            return
        self.sequences += len(sequences)
        packed = pack(sequences)
        if self.lengths:
            self.outside_length += _outside(packed.lengths, self.lengths["shortest"], self.lengths["longest"])
        if self.gc:
            self.outside_gc += _outside(gc_content(packed), self.gc["lowest"], self.gc["highest"])
        found = overlap(self._adapter, digests_of(sequences), TRAINED_ON)
        if found:
            before = self.copies or Overlap(0, 0, 0)
            self.copies = Overlap(
                before.seen + found.seen, before.looked_at + found.looked_at, before.sequences + found.sequences
            )


def _outside(values: np.ndarray, low: float, high: float) -> int:
    return int(((values < low) | (values > high)).sum())
