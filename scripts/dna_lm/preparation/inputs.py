"""Reading what is to be prepared: tables, FASTA or intervals with their genome.

The records have the columns `sequence` (not yet normalized), `label`, those of the input, and the program's own (see
records.py). The index is the `line` in the file.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from .. import words
from ..data.columns import BY, CLUSTER, OWN_COLUMNS, POSITION, SOURCE, SPLIT, has_positions
from ..data.fasta import read_fasta_text
from ..data.genome import Cut, cut_windows
from ..data.intervals import intervals_from_columns, intervals_from_ids, read_intervals
from ..data.labels import MISSING, are_measured, one_spelling, whole_number
from ..data.named_files import NamedPath, repeated
from ..data.sequences import check_letters, normalize
from ..data.tables import labeled_columns, pick_column, read_table
from ..data.textfiles import describe
from ..errors import UserError
from .ledger import CHANGED, REMOVED, Ledger
from .options import PrepareOptions
from .splitting import SPLITS, split_names
from .strata import uniform_labels

# What the column of each way to split is called where none is chosen.
USUAL_NAMES = {words.CHROMOSOME: "chrom", words.GROUP: "group", words.COLUMN: "split"}
UNLABELED = "label missing"


@dataclass(frozen=True)
class Given:
    """What was read.

    table: the records, columns as described above.
    read: a sentence for each file.
    regions: where the records lie in a genome, and regions that windows were cut from: columns chrom, start, end.
    warnings: sentences on the input that a user has to read.
    """

    table: pd.DataFrame
    read: list[str]
    regions: list[pd.DataFrame] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_input(options: PrepareOptions, ledger: Ledger) -> Given:
    """Read the files that the options name, and enter what was read and what became of the labels.

    options.split: the way to split, which needs columns of its own, not None.
    Raises UserError for anything wrong with the files.
    """
    given = _given_intervals(options, ledger) if options.intervals else _given_labeled(options, ledger)
    table = given.table
    by_chromosome = options.split == words.CHROMOSOME
    if options.negatives == words.GENOME or (by_chromosome and options.fasta):
        table = with_positions(table)
    if by_chromosome and BY not in table:
        table = table.assign(**{BY: table["chrom"]})
    # Negatives keep away from whole peaks, and from those whose window was left out.
    regions = [table[POSITION]] if has_positions(table) else []
    return replace(given, table=table, regions=[*regions, *given.regions])


def _given_intervals(options: PrepareOptions, ledger: Ledger) -> Given:
    cut = read_windows(options.intervals, options.genome, options.window, options.window_center)
    past_end = pd.DataFrame({"sequence": "", "label": [name for name, n in cut.past_end.items() for _ in range(n)]})
    ledger.enter("read", pd.concat([cut.records, past_end]))
    ledger.enter(REMOVED + "windows past an end of their chromosome", past_end)
    _require_free_name(cut.records, options.split)
    return Given(cut.records, _sentences(cut.records, cut.notes), [cut.intervals], cut.warnings)


def _given_labeled(options: PrepareOptions, ledger: Ledger) -> Given:
    if options.fasta:
        table = read_fasta_files(options.fasta)
    else:
        chosen = {"sequence_column": options.sequence_column, "label_column": options.label_column}
        by = {"split": options.split, "column": options.split_column, "header": options.header == words.YES}
        if options.table:
            table = read_labeled_table(options.table, **chosen, **by)
        else:
            paths = {"train": options.train_table, "dev": options.dev_table, "test": options.test_table}
            table = read_split_tables(paths, **chosen, **by)
    classes = None if options.fasta or options.target != words.CLASSES else with_classes(table)
    table = classes.records if classes else uniform_labels(table, options.target)
    ledger.enter("read", table)
    _require_free_name(table, options.split)
    read = _sentences(table, {})
    if classes is None:
        return Given(table, read)
    if classes.missing.any():
        ledger.enter(REMOVED + UNLABELED, table[classes.missing])
    if classes.renamed.any():
        ledger.enter(CHANGED + "labels such as 1.0 written as 1", table[classes.renamed])
    return Given(table[~classes.missing], read, warnings=classes.warnings)


def _require_free_name(table: pd.DataFrame, split: str) -> None:
    """Raise UserError when the input has a column with the name of one that the split writes, and other contents."""
    if CLUSTER not in table or split in (words.RANDOM, words.COLUMN):
        return
    if BY in table and table[CLUSTER].equals(table[BY]):
        return
    raise UserError(
        f"{table[SOURCE].iloc[0]}: a split by {split} writes a column {CLUSTER!r}, and the input already has one; "
        "rename or remove it, or choose a split by group with this column"
    )


def _sentences(table: pd.DataFrame, notes: dict[str, list[str]]) -> list[str]:
    """Return a sentence for each file; notes: what else there is to say of it, by what it is called."""
    counts = table[SOURCE].value_counts(sort=False)
    return ["; ".join([f"{name}: {count:,} sequences", *notes.get(name, [])]) for name, count in counts.items()]


def read_labeled_table(
    path: str,
    *,
    header: bool,
    sequence_column: str,
    label_column: str,
    split: str,
    column: str | None,
    role: str = "the labeled table",
) -> pd.DataFrame:
    """Read one table; the columns of the input keep their names. Labels may be missing (see with_classes).

    split: the way to split; column: that of the chromosomes, groups or splits, or None for the usual name. A split by
    chromosome or group adds the column BY, one by column SPLIT.
    """
    source = describe(path, role)
    table = read_table(path, source, header)
    records = labeled_columns(table, source, sequence_column, label_column, empty_labels=True)
    _check_first(records["sequence"], source, header)
    for name in OWN_COLUMNS:
        if name in records:
            raise UserError(f"{source}: rename the column {name!r}: this program uses that name itself")
    records = records.assign(**{SOURCE: source})
    if split in USUAL_NAMES:
        name = pick_column(table, column or USUAL_NAMES[split], source)
        values = table[name].str.strip()
        empty = (values == "").to_numpy()
        if empty.any():
            line = table.index[empty.argmax()]
            raise UserError(f"{source}, line {line}: column {name!r}, which decides the split, is empty; fill it in")
        if split == words.COLUMN:
            records[SPLIT] = split_names(values, name, source)
        else:
            records[BY] = values
    return records


def _check_first(sequences: pd.Series, source: str, header: bool) -> None:
    """Raise UserError when the first sequence is none, which is more often a wrong choice than a wrong record."""
    try:
        check_letters(normalize(sequences.iloc[0]), sequences.index[0], source)
    except UserError as problem:
        others = "the right column is chosen" + ("" if header else " and whether this line is a header line")
        raise UserError(f"{problem}, or see whether {others}") from None


def read_split_tables(paths: dict[str, str | None], *, split: str, **keywords) -> pd.DataFrame:
    """Read the tables of train, test and perhaps dev, by split. All must have the same columns.

    keywords: those of read_labeled_table. A split by column adds the column SPLIT with that of each table.
    """
    parts = {}
    for name in SPLITS:
        if not paths[name]:
            continue
        own = split != words.COLUMN
        role = f"the {words.SPLIT_NAMES[name]} table"
        part = read_labeled_table(paths[name], split=split if own else "", role=role, **keywords)
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


@dataclass(frozen=True)
class Classes:
    """Records with the names of their classes.

    records: whole numbers that are written in two ways, `1` and `1.0`, are one label.
    missing: (n,) bool, which have a label that stands for a missing value (labels.MISSING).
    renamed: (n,) bool, which had another spelling. warnings: sentences.
    """

    records: pd.DataFrame
    missing: np.ndarray
    renamed: np.ndarray
    warnings: list[str]


def with_classes(records: pd.DataFrame) -> Classes:
    """Take the labels of tables for the names of classes.

    Raises UserError when most labels of a file are missing, for labels that are the same number in another way than
    `1` and `1.0`, and for numbers that are rather measured.
    """
    labels = records["label"]
    missing = labels.isin(MISSING).to_numpy()
    warnings = _missing_warnings(records, missing)
    known = labels[~missing]

    def where(label: str) -> str:
        first = (labels == label).to_numpy().argmax()
        return f"{records[SOURCE].iloc[first]}, line {records.index[first]}"

    measured = are_measured(known, records[SOURCE].iloc[0])
    spelled = one_spelling(known.unique(), where)
    named = labels.map(lambda label: spelled.get(label, label)) if spelled else labels
    renamed = (named != labels).to_numpy()
    return Classes(records.assign(label=named), missing, renamed, [*warnings, *([measured] if measured else [])])


def _missing_warnings(records: pd.DataFrame, missing: np.ndarray) -> list[str]:
    """Return a sentence for each file with missing labels."""
    result = []
    for source, part in records[missing].groupby(SOURCE, sort=False):
        total = int((records[SOURCE] == source).sum())
        written = ", ".join(repr(text) if text else "empty" for text in sorted(part["label"].unique()))
        what = f"{source}: {len(part):,} of {total:,} labels are missing ({written}; first on line {part.index[0]})"
        if 2 * len(part) > total:
            raise UserError(f"{what}; see whether the right column is chosen, or remove these records")
        result.append(f"{what}, and the sequences are left out; if that is the name of a class, rename the class")
    return result


def read_fasta_files(pairs: list[str]) -> pd.DataFrame:
    """Read FASTA files, each given as LABEL=FILE; the column `id` has the records' names."""
    parts = []
    for label, path in _by_label(pairs, "fasta", "FASTA files"):
        source = describe(path, f"the FASTA file of {label}")
        part = read_fasta_text(path, source).assign(label=label, **{SOURCE: source})
        parts.append(part[["sequence", "label", "id", SOURCE]])
    return pd.concat(parts)


def read_windows(pairs: list[str], genome: str, width: int, center: str) -> Cut:
    """Cut windows from a genome about the intervals of files, each given as LABEL=FILE (see genome.cut_windows)."""
    files = []
    for label, path in _by_label(pairs, "intervals", "interval files"):
        source = describe(path, f"the intervals of {label}")
        files.append((label, read_intervals(path, source, summits=center == "summit"), source))
    return cut_windows(files, genome, describe(genome, "the genome"), width, center)


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


def check_name(label: str, where: str) -> None:
    """Raise UserError for the name of a class that would be taken for a missing label."""
    if label in MISSING:
        raise UserError(f"{where}: the label {label!r} stands for a missing value; choose another name")


def _by_label(pairs: list[str], option: str, kind: str) -> list[NamedPath]:
    files = [NamedPath.parse(pair, option) for pair in pairs]
    label = repeated(files)
    if label is not None:
        raise UserError(f"two {kind} have the label {label!r}; join them, or give each a different name")
    numbers: dict[str, str] = {}
    for label, _ in files:
        check_name(label, f"--{option} '{label}=...'")
        other = numbers.setdefault(whole_number(label) or label, label)
        if other != label:
            raise UserError(f"two {kind} have the labels {other!r} and {label!r}, the same number; rename or join them")
    return files
