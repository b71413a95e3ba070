"""Reading intervals: BED, narrowPeak, broadPeak, or positions that stand in a table or in FASTA headers.

Positions count from 0 and the end is the first one behind the interval, as in BED
(https://samtools.github.io/hts-specs/BEDv1.pdf; narrowPeak: https://genome.ucsc.edu/FAQ/FAQformat.html#format12; the
20 columns of IDR, of which the first 10 are narrowPeak's: https://github.com/nboley/idr).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from .textfiles import open_text

STRANDS = ("+", "-", ".")
NO_SUMMIT = -1
COLUMNS = ("chrom", "start", "end", "strand", "id", "summit")
NARROW_PEAK_COLUMNS = 10
# Formats whose column 10, if there is one, is something else.
NO_SUMMITS = ("broadpeak", "gappedpeak")
# What stands in a column of narrowPeak whose value is not known.
UNKNOWN_SCORES = (".", "", "NA", "NaN", "nan")

# As pandas writes whole numbers of a column in which one is missing: 50.0.
_OFFSET = re.compile(r"(-?[0-9]{1,15})(?:\.0+)?")
_TRACK_TYPE = re.compile(r"type=[\"']?(\w+)")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
# As `bedtools getfasta` writes it: chrom:start-end, with -s chrom:start-end(strand), with -name name::chrom:start-end.
_POSITION = re.compile(r"(?:.*::)?(?P<chrom>.+):(?P<start>[0-9]+)-(?P<end>[0-9]+)(?:\((?P<strand>[+.-])\))?")


def read_intervals(path: str | Path, source: str, summits: bool = True) -> pd.DataFrame:
    """Read BED with 3 columns or more, narrowPeak or broadPeak, gzipped or not.

    path: the file. Blank lines, comments and the lines `track` and `browser` are passed over.
    source: its name in error messages.
    summits: whether to look for summits, see _Summits; without them, what column 10 holds is of no interest.
    Returns the columns `chrom`, `start` and `end` (int64), `strand` ('+', '-' or '.'), `id` (the name, or
    `chrom:start-end` where there is none) and `summit` (int64, nucleotides from `start`, or NO_SUMMIT); the index,
    `line`, is the line in the file. A start may be below 0, as an end may be past that of the chromosome: peak callers
    write both where they extend reads.
    Raises UserError when there is no interval, a line is not one, or most lines, but not all, have a summit.
    """
    lines, rows = [], []
    width = 0
    found = _Summits()
    name = Path(path).name.lower()
    wanted = summits and not any(f".{kind}" in name for kind in NO_SUMMITS)
    with open_text(path, source) as file:
        for number, text in enumerate(file, start=1):
            fields = [field.strip() for field in text.split("\t")] if "\t" in text.strip() else text.split()
            first = fields[0].split(maxsplit=1)[:1] if fields else []
            if first in (["track"], ["browser"]):
                kind = _TRACK_TYPE.search(text)
                wanted = wanted and not (kind and kind[1].lower() in NO_SUMMITS)
                continue
            if not fields or fields[0].startswith("#"):
                continue
            where = f"{source}, line {number}"
            if not rows:
                _check_format(fields, where)
                width = len(fields)
            if len(fields) != width:
                raise UserError(
                    f"{where}: {len(fields)} fields, but the first interval (line {lines[0]}) has {width}; give every "
                    "interval the same columns"
                )
            lines.append(number)
            rows.append(_row(fields, where))
            if wanted and width >= NARROW_PEAK_COLUMNS:
                found.add(fields, rows[-1], where)
    if not rows:
        raise UserError(f"{source} contains no interval; choose a BED or narrowPeak file with at least one")
    table = _table(rows, lines)
    return table.assign(summit=np.array(found.offsets, dtype=np.int64)) if found.are_there(width) else table


def intervals_from_ids(ids: pd.Series, source: str) -> pd.DataFrame:
    """Take the positions from ids such as `chr1:100-300` or `chr1:100-300(-)`, as bedtools getfasta writes them.

    ids: text; the index holds the line of each record in its file.
    source: its name in error messages.
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
    source: its name in error messages.
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
    if len(fields) >= 3 and all(re.fullmatch("[A-Za-z_. ]+", field) for field in fields[1:3]):
        raise UserError(
            f"{where}: a header line, which BED does not have; remove it, and see that positions count from 0"
        )


@dataclass
class _Summits:
    """Whether column 10 holds the summits of peaks, by all lines of a file, and where they are.

    In narrowPeak, and in what has further columns behind it, such as IDR's output or a peak with its gene, columns 7 to
    9 are numbers, or unknown, and column 10 is a whole number below the length, -1 or unknown. In BED with thick ends
    or blocks, columns 7 and 8 are positions within the interval or column 10 counts the blocks of the columns behind.

    offsets: of each peak, or NO_SUMMIT. lines, peaks, inside, bed: how many lines there are, how many are of
    narrowPeak, of how many of these the summit lies within the peak, and how many are of BED. misfit: what is wrong
    with the first line that is not a peak with its summit inside.
    """

    offsets: list[int] = field(default_factory=list)
    lines: int = 0
    peaks: int = 0
    inside: int = 0
    bed: int = 0
    misfit: str = ""

    def add(self, fields: list[str], interval: tuple, where: str) -> None:
        """Look at a line, whose interval is a row of the table."""
        _, start, end, *_ = interval
        self.lines += 1
        self.bed += _has_thick_ends(fields, start, end) or _has_blocks(fields, start, end)
        offset, misfit = NO_SUMMIT, ""
        for number, text in enumerate(fields[6:9], start=7):
            if text not in UNKNOWN_SCORES and not _is_number(text):
                misfit = f"{where}: column {number}, {text[:20]!r}, is not a number as it is in narrowPeak; correct it"
        summit = _OFFSET.fullmatch(fields[9])
        if not misfit and not summit and fields[9] not in UNKNOWN_SCORES:
            misfit = f"{where}: the summit (column 10), {fields[9][:20]!r}, is not a whole number; correct it"
        self.peaks += not misfit
        if not misfit and summit:
            offset = int(summit[1])
            if offset != NO_SUMMIT and not 0 <= offset < end - start:
                misfit = (
                    f"{where}: the summit (column 10) is {offset} nucleotides from the start of an interval of "
                    f"{end - start}; give its offset within the interval, or {NO_SUMMIT} if there is none"
                )
        self.inside += not misfit
        self.misfit = self.misfit or misfit
        self.offsets.append(NO_SUMMIT if misfit else offset)

    def are_there(self, width: int) -> bool:
        """Return whether the file, which has `width` columns, has summits.

        Raises UserError when it seems to have, but not in every line.
        """
        if not self.lines or self.bed == self.lines:
            return False
        # With more columns than narrowPeak has, column 10 may be any number.
        fitting = self.peaks if width == NARROW_PEAK_COLUMNS else self.inside
        if 2 * fitting < self.lines:
            return False
        if self.misfit:
            raise UserError(f"{self.misfit}, or choose the middle of the regions as the center of the windows")
        return True


def _has_thick_ends(fields: list[str], start: int, end: int) -> bool:
    """Return whether columns 7 to 9 are BED's thickStart, thickEnd and itemRgb."""
    if not all(map(_WHOLE.fullmatch, fields[6:8])) or not (fields[8] in ("0", ".") or "," in fields[8]):
        return False
    return 0 < start <= int(fields[6]) <= int(fields[7]) <= end


def _has_blocks(fields: list[str], start: int, end: int) -> bool:
    """Return whether columns 10 to 12 are BED's blockCount, blockSizes and blockStarts."""
    if len(fields) < 12:
        return False
    sizes, starts = (text.removesuffix(",").split(",") for text in fields[10:12])
    if not all(map(_WHOLE.fullmatch, (fields[9], *sizes, *starts))):
        return False
    count, last = int(fields[9]), int(starts[-1]) + int(sizes[-1])
    return len(sizes) == len(starts) == count and int(starts[0]) == 0 and last == end - start


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _row(fields: list[str], where: str) -> tuple:
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
                    f"{where}: column {number} contains a strand, {field!r}, which BED has in column 6, after name and "
                    "score; put it there, or write . for what is unknown"
                )
    return _interval(*fields[:3], strand, name, where, below_0=True)


def _interval(chrom: str, start: str, end: str, strand: str, name: str, where: str, *, below_0: bool = False) -> tuple:
    """Return a row of the table, without a summit. below_0: whether the start may be, if the end is not."""
    if not chrom:
        raise UserError(f"{where}: the chromosome is empty; fill it in or remove the line")
    first, behind = _whole(start, "start", where), _whole(end, "end", where)
    if first < 0 and not (below_0 and behind > 0):
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
