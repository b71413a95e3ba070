"""Reading what is to be prepared: tables, FASTA or intervals with their genome.

The records have the columns `sequence` (not yet normalised), `label`, those of the input, and the program's own (see
records.py). The index is the `line` in the file.
"""

import pandas as pd

from .. import options
from ..data.fasta import read_fasta_text
from ..data.genome import Cut, cut_windows
from ..data.intervals import intervals_from_columns, intervals_from_ids, read_intervals
from ..data.named_files import named_files
from ..data.records import BY, OWN_COLUMNS, SOURCE, SPLIT, has_positions
from ..data.sequences import normalise_column
from ..data.tables import labelled_columns, pick_column, read_table
from ..data.textfiles import describe
from ..errors import UserError
from .splitting import SPLITS, split_names

# What the column of each way to split is called where none is chosen.
USUAL_NAMES = {options.CHROMOSOME: "chrom", options.GROUP: "group", options.COLUMN: "split"}


def read_labelled_table(
    path: str,
    *,
    header: bool,
    sequence_column: str,
    label_column: str,
    split: str,
    column: str | None,
    empty_labels: bool = False,
    role: str = "the labelled table",
) -> pd.DataFrame:
    """Read one table; the columns of the input keep their names.

    split: the way to split; column: that of the chromosomes, groups or splits, or None for the usual name. A split by
    chromosome or group adds the column BY, one by column SPLIT.
    empty_labels: whether a label may be empty.
    """
    source = describe(path, role)
    table = read_table(path, source, header)
    records = labelled_columns(table, source, sequence_column, label_column, empty_labels=empty_labels)
    _check_first(records["sequence"].head(1), source, header)
    for name in OWN_COLUMNS:
        if name in records:
            raise UserError(f"{source}: rename the column {name!r}, a name that this program uses itself")
    records = records.assign(**{SOURCE: source})
    if split in USUAL_NAMES:
        name = pick_column(table, column or USUAL_NAMES[split], source)
        values = table[name].str.strip()
        empty = (values == "").to_numpy()
        if empty.any():
            line = table.index[empty.argmax()]
            raise UserError(f"{source}, line {line}: column {name!r}, which decides the split, is empty; fill it in")
        if split == options.COLUMN:
            records[SPLIT] = split_names(values, name, source)
        else:
            records[BY] = values
    return records


def _check_first(sequence: pd.Series, source: str, header: bool) -> None:
    """Raise UserError when the first sequence is none, which is more often a wrong choice than a wrong record."""
    try:
        normalise_column(sequence, source)
    except UserError as problem:
        others = "the right column is chosen" + ("" if header else " and whether this line is a header line")
        raise UserError(f"{problem}, or see whether {others}") from None


def read_split_tables(paths: dict[str, str | None], *, split: str, **keywords) -> pd.DataFrame:
    """Read the tables of train, test and perhaps dev, by split. All must have the same columns.

    keywords: those of read_labelled_table. A split by column adds the column SPLIT with that of each table.
    """
    parts = {}
    for name in SPLITS:
        if not paths[name]:
            continue
        own = split != options.COLUMN
        part = read_labelled_table(paths[name], split=split if own else "", role=f"the table of {name}", **keywords)
        if not own:
            part[SPLIT] = name
        first = next(iter(parts.values()), part)
        differing = sorted(set(part) ^ set(first))
        if differing:
            raise UserError(
                f"{part[SOURCE].iloc[0]} and {first[SOURCE].iloc[0]}: the column {differing[0]!r} is in one of them "
                "only; give the tables the same columns"
            )
        parts[name] = part[list(first)]
    return pd.concat(parts.values())


def read_fasta_files(pairs: list[str]) -> pd.DataFrame:
    """Read FASTA files, each given as LABEL=FILE; the column `id` has the records' names."""
    parts = []
    for label, path in _by_label(pairs, "fasta", "FASTA files"):
        source = describe(path, f"the FASTA file of {label}")
        part = read_fasta_text(path, source).assign(label=label, **{SOURCE: source})
        parts.append(part[["sequence", "label", "id", SOURCE]])
    return pd.concat(parts)


def read_windows(pairs: list[str], genome: str, width: int, centre: str) -> Cut:
    """Cut windows from a genome about the intervals of files, each given as LABEL=FILE (see genome.cut_windows)."""
    files = []
    for label, path in _by_label(pairs, "intervals", "interval files"):
        source = describe(path, f"the intervals of {label}")
        files.append((label, read_intervals(path, source), source))
    return cut_windows(files, genome, describe(genome, "the genome"), width, centre)


def with_positions(records: pd.DataFrame) -> pd.DataFrame:
    """Return the records with the columns `chrom`, `start`, `end` (numbers) and `strand`, and `id` if they had none.

    They come from columns of these names or, where there is none, from ids such as `chr1:100-300(+)`.
    Raises UserError when neither gives a position.
    """
    if has_positions(records):
        return records
    parts = []
    for source, part in records.groupby(SOURCE, sort=False):
        from_ids = "id" in part and "chrom" not in part
        found = intervals_from_ids(part["id"], source) if from_ids else intervals_from_columns(part, source)
        parts.append(found)
    found = pd.concat(parts)
    columns = {name: found[name].to_numpy() for name in ("chrom", "start", "end", "strand")}
    return records.assign(**({} if "id" in records else {"id": found["id"].to_numpy()}), **columns)


def _by_label(pairs: list[str], option: str, kind: str) -> list[tuple[str, str]]:
    files = named_files(
        pairs,
        option,
        form="LABEL=FILE",
        mend="the label",
        doubled=f"two {kind} have the label",
        advice="join them, or give each a name of its own",
    )
    return list(files.items())
