"""Reading and writing tables: comma- or tab-separated text with a header line."""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pandas as pd

from ..errors import UserError
from .sequences import looks_like_dna, normalize_column
from .textfiles import listed, open_text

# The csv module's limit is 128 kB a field, less than one bacterial gene cluster.
csv.field_size_limit(2**30)
# Records by which a second column of sequences is recognized.
ROWS_LOOKED_AT = 100
# What stands in a field whose value is not known.
MISSING_LETTERS = ("NA", "NaN", "nan")
UNKNOWN = ("", ".", "-", "N/A", "None", "null", *MISSING_LETTERS)
# What a first column without a name is called.
INDEX = "Unnamed: 0"
# Columns named in a message, and letters of each name: without a header line a name may be a whole sequence.
MOST_LISTED, LETTERS_LISTED = 10, 30


def read_table(path: str | Path, source: str, header: bool = True) -> pd.DataFrame:
    """Read a table, gzipped or not; it is tab-separated if there is a tab in its first line, else comma-separated.

    path: the file.
    source: its name in error messages.
    header: whether the first line names the columns; without one they are `column1`, `column2` and so on. A first
        column without a name is called INDEX.
    Returns all columns as text; the index, `line`, is the line on which each record ends.
    Raises UserError when there is no record, a column but the first has no name, two have one name, or a record has
    more or fewer fields than the header or the first record.
    """
    (table,) = table_blocks(path, source, header=header)
    return table


def table_blocks(path: str | Path, source: str, rows: int | None = None, header: bool = True) -> Iterator[pd.DataFrame]:
    """Read a table as read_table does, in blocks of `rows` records, with one block in memory at a time.

    rows: None gives all records as one part.
    """
    with open_text(path, source) as file:
        first = file.readline()
        delimiter = "\t" if "\t" in first else ","
        # Quotes have a meaning in CSV only: in Galaxy's tabular format they are ordinary characters.
        quotes = delimiter == ","
        form = {"delimiter": delimiter, "quoting": csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE, "strict": True}
        before = 1 if header else 0  # lines that the reader of the records does not see
        reader = csv.reader(file if header else chain([first], file), **form)
        start = 1  # the line on which the record begins that is being read
        columns: list[str] = []
        lines, records = [], []
        given = False
        try:
            if header:
                if first.lower().startswith("sep="):
                    raise UserError(
                        f"{source}, line 1: {first.strip()!r} is an instruction to spreadsheet programs, not a header "
                        "line; remove the line"
                    )
                columns = _named([name.strip() for name in next(csv.reader([first], **form), [])])
                _check_header(columns, source)
                start = 2
            for record in reader:
                line = reader.line_num + before
                start = line + 1
                if not record:
                    continue  # a blank line
                if not columns:
                    columns = [f"column{number}" for number in range(1, len(record) + 1)]
                if len(record) != len(columns):
                    expected = "the header names" if header else "the first record has"
                    fields, named = _count(len(record), "field"), _count(len(columns), "column")
                    mend = "mend the line, name every column in the header line, " if header else "mend the line, "
                    mend += "or " + (
                        "put quotes around a field that contains a comma" if quotes else "remove stray tabs"
                    )
                    raise UserError(f"{source}, line {line}: {fields}, but {expected} {named}; {mend}")
                lines.append(line)
                records.append(record)
                if len(records) == rows:
                    yield _block(records, columns, lines)
                    given, lines, records = True, [], []
        except csv.Error as problem:
            raise UserError(
                f"{source}, line {start}: not a well-formed table ({problem}); mend the quotes, or export it "
                "again as CSV"
            ) from None
    if not records and not given:
        what = "a header line and no record below it" if header else "no record"
        raise UserError(f"{source} has {what}; choose a file with records")
    if records:
        yield _block(records, columns, lines)


def _block(records: list[list[str]], columns: list[str], lines: list[int]) -> pd.DataFrame:
    return pd.DataFrame(records, columns=columns, index=pd.Index(lines, name="line"), dtype=object)


def _named(columns: list[str]) -> list[str]:
    """Return the columns of a header with a name for a nameless first one, the index of pandas and the row names of R.

    It is the one under which pandas reads it.
    """
    if len(columns) < 2 or columns[0]:
        return columns
    name, number = INDEX, 0
    while name in columns:
        number += 1
        name = f"{INDEX}.{number}"
    return [name, *columns[1:]]


def _check_header(columns: list[str], source: str) -> None:
    if not columns:
        raise UserError(f"{source}, line 1: the header line is blank; name the columns in the first line")
    for position, name in enumerate(columns, start=1):
        if not name:
            raise UserError(f"{source}, line 1: column {position} has no name; name every column in the first line")
        if name in columns[: position - 1]:
            raise UserError(f"{source}, line 1: two columns are named {name!r}; give each a different name")


def pick_column(table: pd.DataFrame, column: str, source: str) -> str:
    """Return the name of a column given by name or, if there is no such name, by its number from 1.

    Raises UserError that lists the columns when there is no such column.
    """
    if column in table.columns:
        return column
    if column.isdecimal() and 1 <= int(column) <= table.shape[1]:
        return table.columns[int(column) - 1]
    names = [name if len(name) <= LETTERS_LISTED else name[:LETTERS_LISTED] + "..." for name in table.columns]
    if len(names) == 1:
        raise UserError(
            f"{source} has no column {column!r}; its only column is {names[0]!r}: is this a table, with a comma or a "
            "tab between its columns, and is the right column chosen?"
        )
    raise UserError(
        f"{source} has no column {column!r}; its columns are {listed(names, MOST_LISTED)}: is there a header line, and "
        "is the right column chosen?"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def read_labeled(
    path: str | Path,
    source: str,
    sequence_column: str = "sequence",
    label_column: str = "label",
    *,
    empty_labels: bool = False,
) -> pd.DataFrame:
    """Read a table of labeled sequences with a header line.

    empty_labels: whether a label may be empty, as it may where a sequence can have any number of labels.
    Returns the columns `sequence` (normalized), `label` (text) and then all others under their names.
    Raises UserError for all that read_table, labeled_columns and normalize_column refuse.
    """
    table = read_table(path, source)
    result = labeled_columns(table, source, sequence_column, label_column, empty_labels=empty_labels)
    return result.assign(sequence=normalize_column(result["sequence"], source))


def labeled_columns(
    table: pd.DataFrame, source: str, sequence_column: str, label_column: str, *, empty_labels: bool = False
) -> pd.DataFrame:
    """Put the column of the sequences and that of the labels first.

    table: as read_table makes it.
    empty_labels: whether a label may be empty.
    Returns the columns `sequence` (as it is written), `label` (text) and then all others under their names.
    Raises UserError for a missing column, a table with two columns of sequences, a sequence that is written as missing,
    and a label that is empty, unless it may be, or contains a control character.
    """
    sequence_name = pick_column(table, sequence_column, source)
    label_name = pick_column(table, label_column, source)
    if sequence_name == label_name:
        raise UserError(f"{source}: column {label_name!r} is chosen for both the sequence and the label; choose two")
    if looks_like_dna(sequence_name, least=8):
        raise UserError(
            f"{source}, line 1: the name of the column of sequences, {sequence_name[:20]!r}, is itself a sequence; say "
            "that the table has no header line, or add one"
        )
    result = table.drop(columns=[sequence_name, label_name])
    for name in ("sequence", "label"):
        if name in result:
            raise UserError(
                f"{source}: column {name!r} is not the one chosen as the {name}; rename it or choose it instead"
            )
    for name in result:
        known = [text for text in result[name].head(ROWS_LOOKED_AT) if text.strip() not in UNKNOWN]
        if known and all(map(looks_like_dna, known)):
            raise UserError(
                f"{source}: the columns {sequence_name!r} and {name!r} both contain DNA, but a classifier reads one "
                "sequence per record; remove one of the columns, or join the two sequences"
            )
    result.insert(0, "sequence", table[sequence_name])
    result.insert(1, "label", table[label_name].str.strip())
    # Letters of DNA, by IUPAC's codes: they would pass for a short sequence.
    for line, text in result["sequence"][result["sequence"].isin(MISSING_LETTERS)].items():
        raise UserError(
            f"{source}, line {line}: the sequence is {text!r}, which stands for a missing value; fill it in or remove "
            "the record"
        )
    for line, label in result["label"].drop_duplicates().items():
        if label or not empty_labels:
            check_label(label, f"{source}, line {line}")
    return result


def check_label(label: str, where: str) -> None:
    """Raise UserError if a label could not stand in a table: empty, or with a tab, line break or the like."""
    if not label:
        raise UserError(f"{where}: the label is empty; give every sequence a label")
    check_printable(label, "the label", where)


def check_printable(text: str, what: str, where: str) -> None:
    """Raise UserError if a text could not stand in a table: with a tab, line break or the like.

    what: what the text is, for the message.
    """
    if not text.isprintable():
        raise UserError(f"{where}: {what} {text!r} contains a control character; use printable characters only")


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write comma-separated text with a header, without the index."""
    table.to_csv(path, index=False, lineterminator="\n")


def write_tsv(table: pd.DataFrame, path: str | Path, floats: str = ".6f", *, more: bool = False) -> None:
    """Write Galaxy's tabular format: tab-separated, a header, no quoting.

    floats: format of floating-point numbers, in Python's format language.
    more: add the rows to those that are there already, without a header.

    Tabs and line breaks inside a field become spaces, since the format has no way to write them.
    """

    def field(value) -> str:
        if isinstance(value, float):
            return f"{value:{floats}}"
        return " ".join(str(value).splitlines()).replace("\t", " ")

    rows = table.itertuples(index=False, name=None)
    with open(path, "a" if more else "w", encoding="utf-8", newline="\n") as file:
        for row in rows if more else chain([table.columns], rows):
            file.write("\t".join(map(field, row)) + "\n")
