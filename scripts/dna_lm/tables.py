"""Reading and writing tables: comma- or tab-separated text with a header line."""

import csv
from pathlib import Path

import pandas as pd

from .errors import UserError
from .sequences import normalise_column
from .textfiles import open_text

# The csv module's limit is 128 kB a field, less than one bacterial gene cluster.
csv.field_size_limit(2**30)


def read_table(path: str | Path, source: str) -> pd.DataFrame:
    """Read a table, gzipped or not; it is tab-separated if there is a tab in its header line, else comma-separated.

    path: the file.
    source: what to call it in an error message.
    Returns all columns as text; the index, `line`, is the line on which each record ends.
    Raises UserError when there is no record, a column has no name or the name of another, or a record has more or
    fewer fields than the header.
    """
    start = 1  # the line on which the record begins that is being read
    with open_text(path, source) as file:
        header = file.readline()
        delimiter = "\t" if "\t" in header else ","
        try:
            # Quotes have a meaning in CSV only: in Galaxy's tabular format they are ordinary characters.
            quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
            columns = next(csv.reader([header], delimiter=delimiter, quoting=quoting, strict=True), [])
            _check_header(columns, source)
            reader = csv.reader(file, delimiter=delimiter, quoting=quoting, strict=True)
            lines, records = [], []
            start = 2
            for record in reader:
                line = reader.line_num + 1
                start = line + 1
                if not record:
                    continue  # a blank line
                if len(record) != len(columns):
                    raise UserError(
                        f"{source}, line {line}: {len(record)} fields, but the header names {len(columns)} columns; "
                        "mend the line, or put quotes around a field that holds a comma"
                    )
                lines.append(line)
                records.append(record)
        except csv.Error as problem:
            raise UserError(
                f"{source}, line {start}: not a well-formed table ({problem}); mend the quotes, or export it "
                "again as CSV"
            ) from None
    if not records:
        raise UserError(f"{source} has a header line and no record below it; choose a file that holds records")
    return pd.DataFrame(records, columns=columns, index=pd.Index(lines, name="line"), dtype=object)


def _check_header(columns: list[str], source: str) -> None:
    if not columns:
        raise UserError(f"{source}, line 1: the header line is blank; name the columns in the first line")
    for position, name in enumerate(columns, start=1):
        if not name.strip():
            raise UserError(f"{source}, line 1: column {position} has no name; name every column in the first line")
        if name in columns[: position - 1]:
            raise UserError(f"{source}, line 1: two columns are named {name!r}; give each a name of its own")


def pick_column(table: pd.DataFrame, column: str, source: str) -> str:
    """Return the name of a column given by name or, if there is no such name, by its number from 1.

    Raises UserError that lists the columns when there is no such column.
    """
    if column in table.columns:
        return column
    if column.isdecimal() and 1 <= int(column) <= table.shape[1]:
        return table.columns[int(column) - 1]
    raise UserError(
        f"{source} has no column {column!r}; its columns are {', '.join(map(str, table.columns))}: "
        "is there a header line, and is the right column chosen?"
    )


def read_labelled(
    path: str | Path, source: str, sequence_column: str = "sequence", label_column: str = "label"
) -> pd.DataFrame:
    """Read a table of labelled sequences.

    Returns the columns `sequence` (normalised), `label` (text) and then all others under their names.
    Raises UserError for all that read_table and normalise_column refuse, a missing column, and a label that is empty
    or holds a control character.
    """
    table = read_table(path, source)
    sequence_name = pick_column(table, sequence_column, source)
    label_name = pick_column(table, label_column, source)
    if sequence_name == label_name:
        raise UserError(f"{source}: column {label_name!r} is chosen for both the sequence and the label; choose two")
    result = table.drop(columns=[sequence_name, label_name])
    for name in ("sequence", "label"):
        if name in result:
            raise UserError(
                f"{source}: column {name!r} is not the one chosen as the {name}; rename it or choose it instead"
            )
    result.insert(0, "sequence", normalise_column(table[sequence_name], source))
    result.insert(1, "label", table[label_name].str.strip())
    for line, label in result["label"].items():
        check_label(label, f"{source}, line {line}")
    return result


def check_label(label: str, where: str) -> None:
    """Raise UserError if a label could not stand in a table: empty, or with a tab, line break or the like."""
    if not label:
        raise UserError(f"{where}: the label is empty; give every sequence a label")
    if not label.isprintable():
        raise UserError(f"{where}: the label {label!r} holds a control character; use printable characters only")


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write comma-separated text with a header, without the index."""
    table.to_csv(path, index=False, lineterminator="\n")


def write_tsv(table: pd.DataFrame, path: str | Path, floats: str = ".6f") -> None:
    """Write Galaxy's tabular format: tab-separated, a header, no quoting.

    floats: format of floating-point numbers, in Python's format language.

    Tabs and line breaks inside a field become spaces, since the format has no way to write them.
    """

    def field(value) -> str:
        if isinstance(value, float):
            return f"{value:{floats}}"
        return " ".join(str(value).splitlines()).replace("\t", " ")

    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for row in [table.columns, *table.itertuples(index=False, name=None)]:
            file.write("\t".join(map(field, row)) + "\n")
