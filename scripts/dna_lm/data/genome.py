"""Cutting windows from a genome that is read once, from front to back, with one chromosome in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from .fasta import records
from .intervals import NO_SUMMIT
from .records import POSITION, SOURCE
from .sequences import AMBIGUOUS, BASES, normalise, normalise_column, reverse_complement

# One byte for another: letters as `normalise` gives them, this for all that is not DNA.
FOREIGN = 0
_READ = {ord(letter): ord(normalise(letter)) for letter in BASES + AMBIGUOUS + "U" + (BASES + AMBIGUOUS + "U").lower()}
_UPPER = bytes(_READ.get(byte, FOREIGN) for byte in range(256))
NAMES_SHOWN = 5


@dataclass(frozen=True)
class Chromosome:
    """A chromosome: its letters are normalised, one byte each, FOREIGN for one that is none of DNA."""

    name: str
    letters: bytes

    def cut(self, start: int, end: int, strand: str) -> str:
        """Return the sequence from `start` to before `end` (counted from 0), read on the strand."""
        forward = self.letters[start:end].decode("ascii")
        return reverse_complement(forward) if strand == "-" else forward


@dataclass(frozen=True)
class Cut:
    """What was cut.

    records: columns sequence, label, id, chrom, start, end (of the window), strand, _source; index `line`.
    past_end: how many windows of each label reach past an end of their chromosome and were left out.
    intervals: columns chrom, start, end of all intervals, as they are in the files.
    """

    records: pd.DataFrame
    past_end: dict[str, int]
    intervals: pd.DataFrame


def chromosomes(path: str | Path, source: str, most_foreign: float = 0.0) -> Iterator[Chromosome]:
    """Read a genome: FASTA, gzipped or not, with one record a chromosome.

    most_foreign: share of the letters read so far, 0 to 1, that may be none of DNA.

    Takes three bytes of memory a letter of the largest chromosome, and leaves one in what it gives: who lets go of a
    chromosome before asking for the next needs no more.
    Raises UserError for all that `fasta.records` refuses, when a record is empty, and for too many foreign letters.
    """
    foreign = read = 0
    for line, name, sequence in records(path, source):
        # Where foreign letters are let through, each takes one byte, as all others do.
        raw = sequence.encode("ascii", "replace") if most_foreign else sequence.encode()
        del sequence
        letters = raw.translate(_UPPER)
        foreign += letters.count(FOREIGN)
        read += len(letters)
        if not letters or foreign > most_foreign * read:
            normalise_column(pd.Series({line: raw.decode()}), source)  # says what is wrong
        del raw
        yield Chromosome(name, letters)
        del letters


def windows(intervals: pd.DataFrame, width: int, centre: str) -> pd.DataFrame:
    """Return the intervals with `start` and `end` of the windows about them, which may reach past the chromosome.

    intervals: as `read_intervals` gives them.
    width: nucleotides; 0 takes the intervals as they are.
    centre: `summit` (the middle where there is none) or `middle`, which is half the length, rounded down, from the
        start. The window starts half its width, rounded down, before the centre.
    """
    if not width:
        return intervals
    middle = (intervals["start"] + intervals["end"]) // 2
    if centre == "summit":
        middle = middle.where(intervals["summit"] == NO_SUMMIT, intervals["start"] + intervals["summit"])
    start = middle - width // 2
    return intervals.assign(start=start, end=start + width)


def check_within(intervals: pd.DataFrame, chromosome: Chromosome, genome_source: str) -> None:
    """Raise UserError at the first interval (columns end and _source, index `line`) past the chromosome's end."""
    length = len(chromosome.letters)
    past = intervals[intervals["end"] > length]
    if len(past):
        first = past.iloc[0]
        raise UserError(
            f"{first[SOURCE]}, line {first.name}: the interval ends at {first['end']}, but {chromosome.name!r} has "
            f"{length} nucleotides in {genome_source}; choose the genome of the same assembly, or correct the interval"
        )


def check_known(intervals: pd.DataFrame, names: Iterable[str], genome_source: str) -> None:
    """Raise UserError at the first interval (columns chrom and _source, index `line`) on none of these chromosomes."""
    names = list(names)
    unknown = intervals[~intervals["chrom"].isin(names)]
    if not len(unknown):
        return
    first = unknown.iloc[0]
    chrom = first["chrom"]
    where = f"{first[SOURCE]}, line {first.name}: chromosome {chrom!r} is not in {genome_source}"
    other = chrom.removeprefix("chr") if chrom.startswith("chr") else f"chr{chrom}"
    mitochondrion = {"chrM": "MT", "MT": "chrM"}.get(chrom, other)
    for same in (other, mitochondrion):
        if same in names:
            raise UserError(
                f"{where}, which calls it {same!r}; choose the genome with the names of the intervals, or rename them"
            )
    shown = ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
    raise UserError(f"{where}, which has {shown}; choose the genome of the same assembly")


def cut_windows(
    pairs: list[tuple[str, pd.DataFrame, str]],
    genome_path: str | Path,
    genome_source: str,
    width: int,
    centre: str,
) -> Cut:
    """Cut the windows about the intervals from the genome, those on the - strand as the reverse complement.

    pairs: for each file the label, the intervals as `read_intervals` gives them, and what to call the file.
    width, centre: as for `windows`.
    Returns the records in the order of `pairs`.
    Raises UserError when an interval lies past its chromosome's end or on none of the genome, when every window
    reaches past an end, and for all that `chromosomes` refuses.
    """
    intervals = pd.concat([table.assign(label=label, **{SOURCE: source}) for label, table, source in pairs])
    wanted = windows(intervals, width, centre)
    rows_of = wanted.reset_index(drop=True).groupby("chrom").indices
    columns = ["sequence", "label", "id", *POSITION, "strand", SOURCE]
    sequences = np.full(len(wanted), None, dtype=object)
    names = []
    for chromosome in chromosomes(genome_path, genome_source):
        names.append(chromosome.name)
        rows = rows_of.get(chromosome.name)
        if rows is not None:
            check_within(intervals.iloc[rows], chromosome, genome_source)
            part = wanted.iloc[rows]
            inside = ((part["start"] >= 0) & (part["end"] <= len(chromosome.letters))).to_numpy()
            places = zip(*(part.loc[inside, name] for name in ("start", "end", "strand")), strict=True)
            sequences[rows[inside]] = [chromosome.cut(*place) for place in places]
        del chromosome
    check_known(intervals, names, genome_source)
    kept = wanted.assign(sequence=sequences)[columns]
    whole = kept["sequence"].notna()
    if not whole.any():
        raise UserError(
            f"every window of {width} nucleotides reaches past an end of its chromosome in {genome_source}; choose a "
            "smaller width, or the genome of the same assembly"
        )
    past_end = {label: int((~whole & (kept["label"] == label)).sum()) for label, _, _ in pairs}
    return Cut(kept[whole], past_end, intervals[POSITION])
