"""Which sequences can be predicted, and why the others cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.packing import OTHER, pack, too_ambiguous
from ..data.sequences import foreign_letters, normalize, normalize_column
from ..data.tables import UNKNOWN
from ..errors import UserError

EMPTY, SHORT, AMBIGUOUS = "empty", "too short", "too many unknown letters"
# A letter that is none of DNA, such as * for a stop or - for a gap.
NOT_DNA = "letters that are not DNA"
# If more than this share of the first records hold foreign letters, and several or all do, the file is the wrong one:
# one of proteins, or a table of which another column was chosen.
MOST_FOREIGN, SEVERAL = 0.1, 5
SKIPPED_COLUMNS = ("id", "line", "reason", "detail")


@dataclass(frozen=True)
class Limits:
    """min_length: letters of a sequence at least. max_ambiguous: share of letters other than A, C, G, T at most."""

    min_length: int
    max_ambiguous: float

    def ambiguous(self, sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return for each normalized sequence how many letters are unknown, and whether these are too many."""
        packed = pack(sequences)
        unknown = packed.count(OTHER)
        return unknown, too_ambiguous(unknown, packed.lengths, self.max_ambiguous)


def check_first(records: pd.DataFrame, source: str, *, of_table: bool) -> None:
    """Raise UserError when so many of the first records hold a foreign letter that the file must be the wrong one.

    records, source, of_table: as for screen. The error is about the first such record, as normalize_column has it.
    """
    sequences = records["sequence"][~_empty(records, of_table)].map(normalize)
    foreign = sequences[sequences.map(foreign_letters).notna()]
    if len(foreign) <= MOST_FOREIGN * len(sequences) or len(foreign) < min(SEVERAL, len(sequences)):
        return
    try:
        normalize_column(foreign, source)
    except UserError as problem:
        more = f"; {len(foreign):,} of the first {len(sequences):,} sequences hold such letters"
        column = "; is the right column chosen?" if of_table and len(foreign) == len(sequences) else ""
        raise UserError(f"{problem}{more if len(sequences) > 1 else ''}{column}") from None


def screen(records: pd.DataFrame, limits: Limits, source: str, *, of_table: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the records to predict, their sequences normalized, and a table of the others (SKIPPED_COLUMNS).

    records: columns `id` and `sequence`, as it stands in the file; the index holds the line of each.
    of_table: whether a sequence may be written as missing, such as `NA`.
    """
    empty = _empty(records, of_table)
    sequences = records["sequence"].map(normalize)
    found = sequences.map(foreign_letters)
    foreign = found.notna() & ~empty
    why = pd.DataFrame({"reason": "", "detail": ""}, index=records.index, dtype=object)
    why.loc[empty, "reason"] = EMPTY
    texts = records["sequence"][empty].map(str.strip)
    why.loc[empty, "detail"] = [f"{text!r}" if text else "no letters" for text in texts]
    why.loc[foreign, "reason"] = NOT_DNA
    why.loc[foreign, "detail"] = [
        f"{count} of {len(sequence)} letters, the first {letter!r} at position {position}"
        for sequence, (letter, position, count) in zip(sequences[foreign], found[foreign], strict=True)
    ]
    dna = ~empty & ~foreign
    result = records[dna].assign(sequence=sequences[dna])
    lengths = np.array(list(map(len, result["sequence"])), dtype=int)
    unknown, many = limits.ambiguous(result["sequence"].tolist())
    short = lengths < limits.min_length
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
    why.loc[dna, "reason"], why.loc[dna, "detail"] = reasons, details
    left_out = why["reason"] != ""
    skipped = pd.DataFrame(
        {"id": records["id"], "line": records.index, **why.to_dict("series")}, index=records.index, dtype=object
    )[left_out]
    return result[~left_out[dna]], skipped[list(SKIPPED_COLUMNS)]


def _empty(records: pd.DataFrame, of_table: bool) -> pd.Series:
    texts = records["sequence"].map(str.strip)
    return texts.isin(UNKNOWN) if of_table else texts == ""
