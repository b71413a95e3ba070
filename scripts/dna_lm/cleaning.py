"""Removing records that would make a score meaningless: copies and contradictions."""

from dataclasses import dataclass

import pandas as pd

from .errors import UserError
from .sequences import canonical


@dataclass(frozen=True)
class Cleaned:
    """What is left, and what was taken out (all three with the columns that came in)."""

    kept: pd.DataFrame
    duplicates: pd.DataFrame
    contradictory: pd.DataFrame


def clean(records: pd.DataFrame, contradictory: str) -> Cleaned:
    """Keep the first of equal sequences, where a sequence equals its reverse complement.

    records: columns `sequence` (normalised), `label`, `_source` (what to call the file) and any others; index `line`.
    contradictory: what to do with sequences that come with more than one label: `refuse`, or `drop` all their copies.
    Raises UserError at the first contradictory sequence when they are refused.
    """
    strandless = records["sequence"].map(canonical)
    labels_each = records["label"].groupby(strandless.to_numpy()).transform("nunique").to_numpy()
    conflicting = labels_each > 1
    if conflicting.any() and contradictory == "refuse":
        position = conflicting.argmax()
        copies = records[(strandless == strandless.iloc[position]).to_numpy()]
        first = copies.iloc[0]
        other = copies[copies["label"] != first["label"]].iloc[0]
        raise UserError(
            f"{first['_source']}, line {copies.index[0]}, and {other['_source']}, line {other.name}: the same sequence "
            f"(on either strand) is labelled {first['label']!r} and {other['label']!r}, one of "
            f"{strandless[conflicting].nunique()} such sequences; correct the labels, or choose to drop these sequences"
        )
    repeated = strandless.duplicated().to_numpy()
    return Cleaned(
        kept=records[~conflicting & ~repeated],
        duplicates=records[~conflicting & repeated],
        contradictory=records[conflicting],
    )
