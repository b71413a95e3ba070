"""Which sequences can be predicted, and why the others cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .packing import OTHER, pack, too_ambiguous
from .sequences import normalise_column
from .tables import UNKNOWN

EMPTY, SHORT, AMBIGUOUS = "empty", "too short", "too many unknown letters"
SKIPPED_COLUMNS = ("id", "line", "reason", "detail")


@dataclass(frozen=True)
class Limits:
    """min_length: letters of a sequence at least. max_ambiguous: share of letters other than A, C, G, T at most."""

    min_length: int
    max_ambiguous: float

    def ambiguous(self, sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return for each normalised sequence how many letters are unknown, and whether these are too many."""
        packed = pack(sequences)
        unknown = packed.count(OTHER)
        return unknown, too_ambiguous(unknown, packed.lengths, self.max_ambiguous)


def screen(records: pd.DataFrame, limits: Limits, source: str, *, of_table: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the records to predict, their sequences normalised, and a table of the others (SKIPPED_COLUMNS).

    records: columns `id` and `sequence`, as it stands in the file; the index holds the line of each.
    of_table: whether a sequence may be written as missing, such as `NA`.
    Raises UserError at the first letter that is none of DNA.
    """
    texts = records["sequence"].map(str.strip)
    empty = texts.isin(UNKNOWN) if of_table else texts == ""
    result = records[~empty]
    result = result.assign(sequence=normalise_column(result["sequence"], source))
    sequences = result["sequence"].tolist()
    lengths = np.array(list(map(len, sequences)), dtype=int)
    unknown, many = limits.ambiguous(sequences)
    short = lengths < limits.min_length
    why = pd.DataFrame({"reason": "", "detail": ""}, index=records.index, dtype=object)
    why.loc[empty, "reason"] = EMPTY
    why.loc[empty, "detail"] = [f"{text!r}" if text else "no letters" for text in texts[empty]]
    reasons, details = [], []
    for length, count, is_short, is_ambiguous in zip(lengths, unknown, short, many, strict=True):
        reasons.append(SHORT if is_short else AMBIGUOUS if is_ambiguous else "")
        details.append(
            f"{length} of at least {limits.min_length} letters"
            if is_short
            else f"{count} of {length} letters, more than {limits.max_ambiguous:.0%}"
            if is_ambiguous
            else ""
        )
    why.loc[~empty, "reason"], why.loc[~empty, "detail"] = reasons, details
    left_out = why["reason"] != ""
    skipped = pd.DataFrame(
        {"id": records["id"], "line": records.index, **why.to_dict("series")}, index=records.index, dtype=object
    )[left_out]
    return result[~left_out[~empty]], skipped[list(SKIPPED_COLUMNS)]
