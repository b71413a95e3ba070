"""Which sequences can be predicted, and why the others cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.packing import OTHER, pack, too_ambiguous
from ..data.sequences import foreign_letters, normalize, normalize_column
from ..data.tables import UNKNOWN
from ..errors import UserError

EMPTY, SHORT, AMBIGUOUS = "empty", "too short", "too many ambiguous nucleotides"
# A letter that is none of DNA, such as * for a stop or - for a gap.
NOT_DNA = "letters that are not DNA"
# If more than this share of the first records hold foreign letters, and several or all do, the file is the wrong one:
# one of proteins, or a table of which another column was chosen.
MOST_FOREIGN, SEVERAL = 0.1, 5
SKIPPED_COLUMNS = ("id", "line", "reason", "detail")


@dataclass(frozen=True)
class Limits:
    """What a sequence has to fulfill to be predicted.

    min_length: minimum length in letters. max_ambiguous: maximum fraction of letters other than A, C, G and T.
    """

    min_length: int
    max_ambiguous: float

    def ambiguous(self, sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of ambiguous letters of each normalized sequence, (n,), and whether these are too many."""
        packed = pack(sequences)
        unknown = packed.count(OTHER)
        return unknown, too_ambiguous(unknown, packed.lengths, self.max_ambiguous)


def check_first(records: pd.DataFrame, source: str, *, of_table: bool) -> None:
    """Raise UserError when so many of the first records hold a foreign letter that the file must be the wrong one.

    records, of_table: as for screen. source: what to call the file. The error is about the first such record, as
    normalize_column has it.
    """
    sequences = records["sequence"][~_empty(records, of_table)].map(normalize)
    foreign = sequences[sequences.map(foreign_letters).notna()]
    if len(foreign) <= MOST_FOREIGN * len(sequences) or len(foreign) < min(SEVERAL, len(sequences)):
        return
    try:
        normalize_column(foreign, source)
    except UserError as problem:
        more = f"; {len(foreign):,} of the first {len(sequences):,} sequences contain such letters"
        column = "; is the right column chosen?" if of_table and len(foreign) == len(sequences) else ""
        raise UserError(f"{problem}{more if len(sequences) > 1 else ''}{column}") from None


def screen(records: pd.DataFrame, limits: Limits, *, of_table: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the records to predict, their sequences normalized, and a table of the others (SKIPPED_COLUMNS).

    records: columns `id` and `sequence`, as it stands in the file; the index holds the line of each.
    of_table: whether a sequence may be written as missing, such as `NA`.
    """
    sequences = records["sequence"].map(normalize)
    found = sequences.map(foreign_letters)
    empty, foreign = _empty(records, of_table), found.notna()
    lengths = sequences.map(len)
    dna = (~empty & ~foreign).to_numpy()
    unknown, ambiguous = np.zeros(len(records), dtype=int), np.zeros(len(records), dtype=bool)
    unknown[dna], ambiguous[dna] = limits.ambiguous(sequences[dna].tolist())
    why = pd.Series(
        np.select(
            [empty, foreign, lengths < limits.min_length, ambiguous], [EMPTY, NOT_DNA, SHORT, AMBIGUOUS], default=""
        ),
        index=records.index,
    )

    def detail(number: int) -> str:
        reason, length = why.iloc[number], lengths.iloc[number]
        if reason == EMPTY:
            text = records["sequence"].iloc[number].strip()
            return f"{text!r}" if text else "no nucleotides"
        if reason == NOT_DNA:
            letter, position, count = found.iloc[number]
            return f"{count} of {length} letters, the first {letter!r} at position {position}"
        if reason == SHORT:
            return f"{length} of at least {limits.min_length} nucleotides"
        return f"{unknown[number]} of {length} nucleotides, more than {limits.max_ambiguous:.0%}"

    left_out = why != ""
    details = [detail(number) for number in np.flatnonzero(left_out)]
    return records.assign(sequence=sequences)[~left_out], _skipped(records[left_out], why[left_out], details)


def unreadable_windows(records: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Return the table of skipped records for sequences of which no window can be read; the parameters are screen's."""
    return _skipped(records, AMBIGUOUS, f"in every window, more than {limits.max_ambiguous:.0%}")


def _skipped(records: pd.DataFrame, reason: pd.Series | str, detail: list[str] | str) -> pd.DataFrame:
    columns = (records["id"], records.index, reason, detail)
    return pd.DataFrame(dict(zip(SKIPPED_COLUMNS, columns, strict=True)), index=records.index, dtype=object)


def _empty(records: pd.DataFrame, of_table: bool) -> pd.Series:
    texts = records["sequence"].map(str.strip)
    return texts.isin(UNKNOWN) if of_table else texts == ""
