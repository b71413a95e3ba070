"""Which sequences of a labeled table depend on one another: its column `cluster`."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.tables import UNKNOWN
from ..scores.bootstrap import effective_clusters

# Prepare writes it: clusters of similar sequences, groups or chromosomes, whatever the split kept together.
COLUMN = "cluster"
# Fewer clusters say little of how they vary: with 10 of one size the 95% interval of the accuracy holds in 0.92 to
# 0.95, with 5 in 0.85 (`python dev/bench/intervals.py clusters`). The second limit, where one cluster has most of the
# sequences, is of what bootstrap.effective_clusters counts.
LEAST_CLUSTERS, LEAST_EFFECTIVE = 10, 3.5


@dataclass(frozen=True)
class Independence:
    """What is drawn for intervals and p values.

    clusters: the number of the cluster of each sequence, (n,) int64 from 0; None: single sequences are drawn.
    drawn: what is drawn, with its number, such as "214 clusters".
    caveat: a sentence, without a full stop, on what the intervals take for granted; empty if there is nothing to say.
    """

    clusters: np.ndarray | None
    drawn: str
    caveat: str

    @property
    def resample(self) -> str:
        """The sentence of a report on what a bootstrap resample is."""
        of_cluster, why = "", ""
        if self.clusters is not None:
            of_cluster = f" (column `{COLUMN}` of the table), with all of their sequences,"
            why = ", because the sequences of a cluster are not independent"
        return f"Each resample draws {self.drawn}{of_cluster} with replacement, as many as the test set has{why}."

    @property
    def share(self) -> float:
        """The independent sequences that these are worth at least, as a share of them: of clusters, one each."""
        return 1.0 if self.clusters is None else effective_clusters(self.clusters) / len(self.clusters)


def independence(records: pd.DataFrame) -> Independence:
    """Say what is to be drawn of labeled records; a sequence of which the cluster is not known is one by itself."""
    count = len(records)
    single = f"{count:,} sequences"
    alike = "intervals and p values treat these sequences as independent of one another"
    wrong = "the intervals are then too narrow, and the p values too small"
    if COLUMN not in records:
        return Independence(
            None,
            single,
            f"there is no column {COLUMN!r}, so that {alike}; if some overlap or resemble one another, {wrong} (the "
            "tool Prepare DNA sequences writes that column)",
        )
    names = records[COLUMN].str.strip()
    known = ~names.isin(UNKNOWN).to_numpy()
    keys = np.where(known, "known " + names.to_numpy(dtype=object), [f"record {number}" for number in range(count)])
    numbers = pd.factorize(keys)[0].astype(np.int64)
    clusters = int(numbers.max()) + 1
    if clusters >= LEAST_CLUSTERS and effective_clusters(numbers) >= LEAST_EFFECTIVE:
        return Independence(numbers, f"{clusters:,} clusters", "")
    largest = np.bincount(numbers).max() / count
    why = (
        f"it puts them into {clusters} cluster{'s' if clusters > 1 else ''} only"
        if clusters < LEAST_CLUSTERS
        else f"one of its {clusters:,} clusters has {largest:.0%} of them"
    )
    return Independence(
        None,
        single,
        f"{alike}, although the column {COLUMN!r} says which are not: {why}, and so few cannot be resampled; {wrong}",
    )
