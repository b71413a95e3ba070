"""What was predicted, counted block by block: memory does not grow with the number of sequences."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..adapters.dataset import Adapter
from ..words import CLASSES, NUMBER
from .familiarity import Familiarity
from .tally import Tally

BINS = 50
# Numbers of which the histogram is drawn, at random, of more.
MOST_NUMBERS = 100_000


class Predicted(Tally):
    """Counts predictions.

    familiarity: see there.
    Of labels: counts, (labels,): sequences predicted to have each; sums, (labels,): of the probabilities of these;
    without: sequences with no label; histograms, (labels, BINS): of each label's probability, in bins from 0 to 1.
    Of numbers: numbers, a sample of them, of at most MOST_NUMBERS; low, high, total: of all.
    """

    def __init__(self, adapter: Adapter):
        super().__init__()
        self.adapter = adapter
        self.without = 0
        self.familiarity = Familiarity(adapter)
        labels = len(adapter.labels)
        self.counts, self.sums = np.zeros(labels, dtype=np.int64), np.zeros(labels)
        self.histograms = np.zeros((labels, BINS), dtype=np.int64)
        self.numbers = np.empty(0)
        self.low, self.high, self.total = np.inf, -np.inf, 0.0
        self._random, self._keys = np.random.default_rng(0), np.empty(0)

    def add(self, table: pd.DataFrame, skipped: pd.DataFrame, sequences: Sequence[str]) -> None:
        """Count a block.

        table: of predictions (see table.prediction_table). skipped: see screening.SKIPPED_COLUMNS.
        sequences: normalized, of the rows of the table.
        """
        self.count(table, skipped)
        self.familiarity.add(sequences)
        if not len(table):
            return
        if self.adapter.target.kind == NUMBER:
            self._add_numbers(table["predicted"].to_numpy(dtype=float))
        else:
            self._add_probabilities(table[[f"p({label})" for label in self.adapter.labels]].to_numpy(dtype=float))

    def _add_probabilities(self, probabilities: np.ndarray) -> None:
        chosen = self.adapter.decision.predicted(self.adapter.target, probabilities)
        has = chosen.astype(bool)
        if self.adapter.target.kind == CLASSES:
            has = np.arange(probabilities.shape[1]) == chosen[:, None]
        self.counts += has.sum(axis=0)
        self.sums += (probabilities * has).sum(axis=0)
        self.without += int((~has.any(axis=1)).sum())
        bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
        for label, column in enumerate(bins.T):
            self.histograms[label] += np.bincount(column, minlength=BINS)

    def _add_numbers(self, numbers: np.ndarray) -> None:
        self.low, self.high = min(self.low, numbers.min()), max(self.high, numbers.max())
        self.total += float(numbers.sum())
        # Those with the lowest of random keys are a sample of all.
        keys = np.concatenate([self._keys, self._random.random(len(numbers))])
        numbers = np.concatenate([self.numbers, numbers])
        kept = np.sort(np.argsort(keys, kind="stable")[:MOST_NUMBERS])
        self._keys, self.numbers = keys[kept], numbers[kept]
