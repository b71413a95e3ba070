"""How many sequences were predicted, and how many were not."""

import pandas as pd


class Tally:
    """Counts sequences, block by block.

    sequences: predicted. skipped: those that were not, int64 by reason.
    """

    def __init__(self):
        self.sequences = 0
        self.skipped = pd.Series(dtype=int)

    def count(self, predictions: pd.DataFrame, skipped: pd.DataFrame) -> None:
        """Count a block (see predicting.Block)."""
        self.sequences += len(predictions)
        self.skipped = self.skipped.add(skipped["reason"].value_counts(), fill_value=0).astype(int)
