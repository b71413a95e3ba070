"""Reading intervals: BED, narrowPeak, broadPeak, or positions that stand in a table or in FASTA headers.

Positions count from 0 and the end is the first one behind the interval, as in BED
(https://samtools.github.io/hts-specs/BEDv1.pdf; narrowPeak: https://genome.ucsc.edu/FAQ/FAQformat.html#format12).
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from .textfiles import open_text

STRANDS = ("+", "-", ".")
NO_SUMMIT = -1
COLUMNS = ("chrom", "start", "end", "strand", "id", "summit")
NARROW_PEAK_COLUMNS = 10

_WHOLE = re.compile(r"-?[0-9]{1,15}")
# As `bedtools getfasta` writes it: chrom:start-end, with -s chrom:start-end(strand), with -name name::chrom:start-end.
_POSITION = re.compile(r"(?:.*::)?(?P<chrom>.+):(?P<start>[0-9]+)-(?P<end>[0-9]+)(?:\((?P<strand>[+.-])\))?")


def read_intervals(path: str | Path, source: str) -> pd.DataFrame:
    """Read BED with 3 to 12 columns, narrowPeak or broadPeak, gzipped or not.

    path: the file. Blank lines, comments and the lines `track` and `browser` are passed over.
    source: what to call it in an error message.
    Returns the columns `chrom`, `start` and `end` (int64), `strand` ('+', '-' or '.'), `id` (the name, or
    `chrom:start-end` where there is none) and `summit` (int64, nucleotides from `start`, or NO_SUMMIT); the index,
    `line`, is the line in the file.
    Raises UserError when there is no interval, or a line is not one.
    """
    lines, rows = [], []
    width, narrow = 0, False
    with open_text(path, source) as file:
        for number, text in enumerate(file, start=1):
            fields = [field.strip() for field in text.split("\t")] if "\t" in text.strip() else text.split()
            if not fields or fields[0].startswith("#") or fields[0] in ("track", "browser"):
                continue
            where = f"{source}, line {number}"
            if not rows:
                _check_format(fields, where)
                width, narrow = len(fields), _is_narrow_peak(fields)
            if len(fields) != width:
                raise UserError(
                    f"{where}: {len(fields)} fields, but the first interval (line {lines[0]}) has {width}; give every "
                    "interval the same columns"
                )
            lines.append(number)
            rows.append(_row(fields, narrow, where))
    if not rows:
        raise UserError(f"{source} holds no interval; choose a BED or narrowPeak file with at least one")
    return _table(rows, lines)


def intervals_from_ids(ids: pd.Series, source: str) -> pd.DataFrame:
    """Take the positions from ids such as `chr1:100-300` or `chr1:100-300(-)`, as bedtools getfasta writes them.

    ids: text; the index holds the line of each record in its file.
    source: what to call the file in an error message.
    Returns a table as `read_intervals` does, with the ids as they are.
    Raises UserError at the first id that is no position.
    """
    rows = []
    for line, name in ids.items():
        where = f"{source}, line {line}"
        match = _POSITION.fullmatch(name)
        if not match:
            raise UserError(
                f"{where}: {name!r} is not a position such as chr1:100-300 or chr1:100-300(-); name the records by "
                "their positions, as bedtools getfasta does, or choose a split and negatives that need none"
            )
        rows.append(_interval(match["chrom"], match["start"], match["end"], match["strand"] or ".", name, where))
    return _table(rows, ids.index)


def intervals_from_columns(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Take the positions from the columns `chrom`, `start`, `end` and, where there are such, `strand` and `id`.

    table: all columns as text; the index holds the line of each record in its file.
    source: what to call the file in an error message.
    Returns a table as `read_intervals` does.
    Raises UserError when a column is missing or a record is no interval.
    """
    missing = [name for name in ("chrom", "start", "end") if name not in table]
    if missing:
        raise UserError(
            f"{source} has no column {missing[0]!r}; give the positions in columns named chrom, start and end (counted "
            "from 0, as in BED), or choose a split and negatives that need none"
        )
    unknown = pd.Series(".", index=table.index)
    columns = [table[name] for name in ("chrom", "start", "end")]
    columns += [table.get("strand", unknown), table.get("id", unknown)]
    rows = [
        _interval(*(field.strip() for field in fields), f"{source}, line {line}")
        for line, *fields in zip(table.index, *columns, strict=True)
    ]
    return _table(rows, table.index)


def _table(rows: list[tuple], lines) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS, index=pd.Index(lines, name="line"), dtype=object)
    return table.astype({"start": np.int64, "end": np.int64, "summit": np.int64})


def _check_format(fields: list[str], where: str) -> None:
    """Name the usual mistakes by the first line that should be an interval."""
    if fields[0].startswith((">", "@")):
        kind = "FASTA" if fields[0].startswith(">") else "FASTQ or SAM"
        raise UserError(f"{where}: this is {kind}, not intervals; choose a BED or narrowPeak file")
    if len(fields) >= 8 and not _WHOLE.fullmatch(fields[1]) and all(map(_WHOLE.fullmatch, fields[3:5])):
        raise UserError(f"{where}: this looks like GFF or GTF, whose positions count from 1; convert it to BED")
    if len(fields) >= 3 and re.search("start|begin", fields[1], re.IGNORECASE):
        raise UserError(
            f"{where}: a header line, which BED does not have; remove it, and see that positions count from 0"
        )


def _is_narrow_peak(fields: list[str]) -> bool:
    return (
        len(fields) == NARROW_PEAK_COLUMNS
        and all(map(_is_number, fields[6:9]))
        and (fields[9] == "." or _WHOLE.fullmatch(fields[9]) is not None)
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _row(fields: list[str], narrow: bool, where: str) -> tuple:
    if len(fields) < 3:
        raise UserError(
            f"{where}: {len(fields)} field{'s' * (len(fields) > 1)}, fewer than the three of an interval (chromosome, "
            "start and end with tabs between them); choose a BED or narrowPeak file"
        )
    name = fields[3] if len(fields) > 3 else "."
    strand = fields[5] if len(fields) > 5 else "."
    if len(fields) < 6:
        # Taken for a name or a score, it would be lost, and half of the sequences be those of the wrong strand.
        for number, field in enumerate(fields[3:], start=4):
            if field in ("+", "-"):
                raise UserError(
                    f"{where}: column {number} holds a strand, {field!r}, which BED has in column 6, after name and "
                    "score; put it there, or write . for what is unknown"
                )
    interval = _interval(*fields[:3], strand, name, where)
    if not narrow or fields[9] == ".":
        return interval
    _, start, end, *_ = interval
    summit = _whole(fields[9], "summit", where)
    if summit != NO_SUMMIT and not 0 <= summit < end - start:
        raise UserError(
            f"{where}: the summit (column 10) is {summit} nucleotides from the start of an interval of {end - start}; "
            f"give its offset within the interval, or {NO_SUMMIT} if there is none"
        )
    return *interval[:-1], summit


def _interval(chrom: str, start: str, end: str, strand: str, name: str, where: str) -> tuple:
    """Return a row of the table, without a summit."""
    if not chrom:
        raise UserError(f"{where}: the chromosome is empty; fill it in or remove the line")
    first, behind = _whole(start, "start", where), _whole(end, "end", where)
    if first < 0:
        raise UserError(f"{where}: the start, {first}, is below 0; correct or remove the interval")
    if first > behind:
        raise UserError(f"{where}: the start, {first}, is after the end, {behind}; correct or remove the interval")
    if first == behind:
        raise UserError(
            f"{where}: the interval is empty, its start and its end are {first}; in BED the end is the position behind "
            "the last nucleotide: correct or remove the interval"
        )
    if strand not in STRANDS:
        raise UserError(f"{where}: the strand (column 6 in BED) is {strand!r}, not +, - or . ; correct it")
    if name in ("", "."):
        name = f"{chrom}:{first}-{behind}"
    return chrom, first, behind, strand, name, NO_SUMMIT


def _whole(text: str, what: str, where: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise UserError(
            f"{where}: the {what}, {text[:20]!r}, is not a whole number; choose a BED or narrowPeak file, or correct it"
        )
    return int(text)
