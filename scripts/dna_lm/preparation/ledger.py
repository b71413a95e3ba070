"""The steps of a preparation: how many sequences each one read, removed, changed, added or kept."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.targets import SEPARATOR
from ..words import CLASSES, MULTI_LABEL, NUMBER
from .records import Records

REMOVED, CHANGED, ADDED = "removed: ", "changed: ", "added: "
LEAKED = "copies in another split"


@dataclass(frozen=True)
class Step:
    """What is remembered of the records of a step.

    labels: how many sequences have each label, as it is written; none of numbers.
    numbers: the mean, the least and the greatest; None for labels and without records.
    lengths: the shortest, the median and the longest, in letters; None without sequences, as of windows that could not
        be cut.
    """

    name: str
    sequences: int
    labels: dict[str, int]
    numbers: tuple[float, float, float] | None
    lengths: tuple[int, int, int] | None


class Ledger:
    """The steps in their order.

    Records that were read and added, less those removed, are those that are kept: the tests hold it to that.
    """

    def __init__(self, target: str = CLASSES):
        """target: what labels are: words.CLASSES, MULTI_LABEL or NUMBER."""
        self.target = target
        self.steps: list[Step] = []

    def enter(self, step: str, records: Records | pd.DataFrame) -> None:
        """Enter a step with its records, columns `sequence` and `label`, also when there are none."""
        labels, numbers = {}, None
        if self.target != NUMBER:
            labels = records["label"].value_counts().to_dict()
        elif len(records):
            values = records["label"].astype(float)
            numbers = values.mean(), values.min(), values.max()
        lengths = records["sequence"].str.len()
        lengths = lengths[lengths > 0]
        known = (int(lengths.min()), int(lengths.median()), int(lengths.max())) if len(lengths) else None
        self.steps.append(Step(step, len(records), labels, numbers, known))

    def remove(self, why: str, records: Records, leaving: np.ndarray) -> Records:
        """Enter the records that leave, (n,) bool, and return the others."""
        self.enter(REMOVED + why, records.table[leaving])
        return records.select(~leaving)

    def count(self, step: str) -> int:
        """Return how many records the steps have whose names begin like this."""
        return sum(entry.sequences for entry in self.steps if entry.name.startswith(step))

    def summary(self, labels: list[str]) -> pd.DataFrame:
        """Return one row a step: how many sequences, how many of each label, and their lengths in nucleotides.

        Numbers have their mean, minimum and maximum in place of the labels.
        """
        return pd.DataFrame([self._row(step, labels) for step in self.steps])

    def _row(self, step: Step, labels: list[str]) -> dict:
        if self.target == NUMBER:
            values = [f"{value:.7g}" for value in step.numbers] if step.numbers else [""] * 3
            of_labels = dict(zip(("mean", "min", "max"), values, strict=True))
        else:
            of_labels = {f"label {label}": self._having(step, label) for label in labels}
        lengths = step.lengths or ("", "", "")
        of_lengths = dict(zip(("shortest", "median length", "longest"), lengths, strict=True))
        return {"step": step.name, "sequences": step.sequences, **of_labels, **of_lengths}

    def _having(self, step: Step, label: str) -> int:
        if self.target == MULTI_LABEL:
            return sum(count for text, count in step.labels.items() if label in text.split(SEPARATOR))
        return step.labels.get(label, 0)
