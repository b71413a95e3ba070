"""What to know of a prepared dataset before training on it: leakage, a quick look, the base model's unknown tokens."""

from functools import cached_property

import numpy as np

from ..base_models.unknown_tokens import UnknownTokens, count_unknown_tokens
from ..data.columns import CLUSTER
from ..words import SIMILARITY, SPLIT_NAMES
from .leakage import K, Leakage, check_leakage
from .preparing import Prepared
from .quicklook import Look, look
from .records import Records
from .report import DatasetReport

# One sequence in a hundred can move an accuracy by as much as its standard error in a test of 1,000 sequences.
LEAKAGE_WARNING = 0.01
# Letters of a dataset that is searched for similar sequences also where it was not split by them: half a minute.
MOST_SEARCHED = 2 * 10**7


class Inspection:
    """Looks at a prepared dataset; each part is done when it is first asked for."""

    def __init__(self, prepared: Prepared, base_model: str, base_model_id: str | None, seed: int):
        """base_model, base_model_id: whose tokenizer is asked for unknown tokens; seed: of the samples."""
        self.prepared = prepared
        self._base_model = (base_model, base_model_id)
        self._seed = seed

    @cached_property
    def leakage(self) -> Leakage:
        prepared = self.prepared
        return check_leakage(prepared.records, prepared.labels, prepared.target, self._clusters())

    def _clusters(self) -> dict[str, np.ndarray] | None:
        """Return the cluster of similar sequences that each record is in, by split; None for too large a dataset."""
        from .similarity import similar_groups

        records = self.prepared.records
        if self.prepared.split == SIMILARITY:
            return {name: part[CLUSTER].to_numpy(dtype=str) for name, part in records.items()}
        if sum(part.packed.lengths.sum() for part in records.values()) > MOST_SEARCHED:
            return None
        groups = similar_groups(Records.concat(list(records.values())))
        ends = np.cumsum([len(part) for part in records.values()])
        return dict(zip(records, np.split(groups, ends[:-1]), strict=True))

    @cached_property
    def look(self) -> Look:
        return look(self.prepared.records, self.prepared.labels, self._seed, self.prepared.target)

    @cached_property
    def unknown(self) -> UnknownTokens:
        sequences = [text for part in self.prepared.records.values() for text in part["sequence"]]
        return count_unknown_tokens(*self._base_model, sequences, self._seed)

    def warnings(self) -> list[str]:
        """Return the sentences that a user has to read, the gravest first."""
        return [
            *self.prepared.warnings,
            *leakage_warnings(self.leakage),
            *self.look.warnings,
            *self.unknown.warnings("the dataset"),
        ]

    def report(self) -> DatasetReport:
        """Return what the report says."""
        from .similarity import measured

        prepared, seen = self.prepared, self.look
        return DatasetReport(
            labels=prepared.labels,
            read=prepared.read,
            split=prepared.how_split,
            sizes={name: len(part) for name, part in prepared.records.items()},
            splits=seen.table(),
            baselines=seen.baselines,
            trained=seen.trained,
            scored=seen.scored,
            summary=prepared.summary(),
            leakage=self.leakage.counts,
            warnings=self.warnings(),
            negatives=prepared.how_negatives,
            unknown=self.unknown.summary(),
            target=prepared.target,
            numbers=seen.numbers,
            caveats=[
                measured(np.concatenate([part.packed.lengths for part in prepared.records.values()])),
                "No program can see whether the labels are right, and whether the sequences of different labels were "
                "measured, selected and cut in the same way.",
            ],
        )


def leakage_warnings(leakage: Leakage) -> list[str]:
    """Return a sentence for each pair of splits where more than LEAKAGE_WARNING of the sequences are not new."""
    result = []
    for split in ("test", "dev"):
        row, of_labels = leakage.row(split, "train"), leakage.rows(split, "train")
        if row["share"] > LEAKAGE_WARNING:
            worst = max(of_labels, key=lambda one: one["share"], default=None)
            most = f"; the share is highest for label {worst['label']!r}, with {worst['share']:.1%}" if worst else ""
            result.append(
                f"{row['share']:.1%} of the {SPLIT_NAMES[split]} sequences have a copy in the training set or share "
                f"{K} consecutive nucleotides with it{most}: a model can score on these by memorizing the training "
                "set; choose the split by similarity"
            )
        similar = 0 if row["similar"] == "" else row["similar"] / max(1, row["sequences"])
        if similar > row["share"] + LEAKAGE_WARNING:
            result.append(
                f"{similar:.1%} of the {SPLIT_NAMES[split]} sequences are in a cluster of similar sequences with "
                "training sequences: a model has seen sequences like these; choose the split by similarity"
            )
    return result
