"""From a labelled table or FASTA files to train, dev and test."""

from dataclasses import dataclass

import pandas as pd

from .cleaning import clean
from .errors import UserError
from .fasta import read_fasta
from .labels import ordered_labels, require_two_labels
from .sequences import has_ambiguous
from .splitting import parse_fractions, split_random
from .tables import check_label, read_labelled
from .textfiles import describe

# The column that remembers which file a record came from, for messages.
SOURCE = "_source"


@dataclass(frozen=True)
class Prepared:
    """The three splits (columns `sequence`, `label`, then the input's others) and the summary table."""

    splits: dict[str, pd.DataFrame]
    summary: pd.DataFrame


def prepare(
    *,
    table: str | None,
    sequence_column: str,
    label_column: str,
    fasta: list[str] | None,
    contradictory: str,
    fractions: str,
    seed: int,
) -> Prepared:
    """Read, clean and split labelled sequences. The parameters are the command line's options (see options.py).

    Raises UserError for anything wrong with the files or the request.
    """
    shares = parse_fractions(fractions)
    if bool(table) == bool(fasta):
        raise UserError("give either one --table or one --fasta LABEL=FILE for each label")
    records = _read_table(table, sequence_column, label_column) if table else _read_fasta(fasta)
    labels = ordered_labels(records["label"])
    require_two_labels(labels, "the input")
    cleaned = clean(records, contradictory)
    left = ordered_labels(cleaned.kept["label"])
    if left != labels:
        gone = next(label for label in labels if label not in left)
        raise UserError(f"no sequence with label {gone!r} is left after cleaning; check the labels of the input")
    splits = {name: part.drop(columns=SOURCE) for name, part in split_random(cleaned.kept, shares, seed).items()}
    steps = {
        "read": records,
        "duplicates removed": cleaned.duplicates,
        "contradictory labels removed": cleaned.contradictory,
        "kept": cleaned.kept,
        "kept, with letters other than A, C, G, T": cleaned.kept[cleaned.kept["sequence"].map(has_ambiguous)],
        **splits,
    }
    return Prepared(splits, _summarise(steps, labels))


def _read_table(path: str, sequence_column: str, label_column: str) -> pd.DataFrame:
    source = describe(path, "the labelled table")
    records = read_labelled(path, source, sequence_column, label_column)
    if SOURCE in records:
        raise UserError(f"{source}: rename the column {SOURCE!r}, a name that this program uses itself")
    return records.assign(**{SOURCE: source})


def _read_fasta(pairs: list[str]) -> pd.DataFrame:
    parts = {}
    for pair in pairs:
        # The last '=' divides: a label may hold one, Galaxy's file names never do.
        label, divider, path = pair.rpartition("=")
        label = label.strip()
        if not divider:
            raise UserError(f"--fasta {pair!r} is not LABEL=FILE")
        check_label(label, f"--fasta {pair!r}")
        if label in parts:
            raise UserError(f"two FASTA files have the label {label!r}; join them, or give each a name of its own")
        source = describe(path, f"the FASTA file of {label}")
        part = read_fasta(path, source)
        parts[label] = part.assign(label=label, **{SOURCE: source})[["sequence", "label", "id", SOURCE]]
    return pd.concat(parts.values())


def _summarise(steps: dict[str, pd.DataFrame], labels: list[str]) -> pd.DataFrame:
    """One row a step: how many sequences, how many of each label, and their lengths in nucleotides."""
    rows = []
    for step, records in steps.items():
        lengths = records["sequence"].str.len()
        counts = records["label"].value_counts()
        rows.append(
            {
                "step": step,
                "sequences": len(records),
                **{f"label {label}": int(counts.get(label, 0)) for label in labels},
                "shortest": int(lengths.min()) if len(records) else "",
                "median length": int(lengths.median()) if len(records) else "",
                "longest": int(lengths.max()) if len(records) else "",
            }
        )
    return pd.DataFrame(rows)
