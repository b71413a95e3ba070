"""Cutting windows from a genome that is read once, from front to back, with one chromosome in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from .columns import POSITION, SOURCE
from .fasta import read_records
from .intervals import NO_SUMMIT
from .sequences import AMBIGUOUS, BASES, check_letters, normalize, reverse_complement

# One byte for another: letters as `normalize` gives them, this for all that is not DNA.
FOREIGN = 0
_READ = {ord(letter): ord(normalize(letter)) for letter in BASES + AMBIGUOUS + "U" + (BASES + AMBIGUOUS + "U").lower()}
_UPPER = bytes(_READ.get(byte, FOREIGN) for byte in range(256))
NAMES_SHOWN = 5
# Share of the intervals that may begin past the end of their chromosome. A caller of peaks never puts one there, so
# that a few are a mistake of some tool, and more say that the genome is not that of the intervals.
MOST_BEYOND = 0.01


@dataclass(frozen=True)
class Chromosome:
    """A chromosome: its letters are normalized, one byte each, FOREIGN for one that is none of DNA."""

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
    notes: phrases on each file, by what it is called: what its windows were centered on, and how many were left out.
    warnings: sentences on intervals that begin past the end of their chromosome.
    """

    records: pd.DataFrame
    past_end: dict[str, int]
    intervals: pd.DataFrame
    notes: dict[str, list[str]]
    warnings: list[str]


def chromosomes(path: str | Path, source: str, most_foreign: float = 0.0) -> Iterator[Chromosome]:
    """Read a genome: FASTA, gzipped or not, with one record a chromosome.

    most_foreign: share of the letters read so far, 0 to 1, that may be none of DNA.

    Reading takes three bytes of memory per letter of the largest chromosome, and the yielded chromosome one; a caller
    that drops each chromosome before the next one needs no more.
    Raises UserError for all that `read_records` refuses, when a record is empty, and for too many foreign letters.
    """
    foreign = read = 0
    for line, name, sequence in read_records(path, source):
        # Where foreign letters are let through, each takes one byte, as all others do.
        raw = sequence.encode("ascii", "replace") if most_foreign else sequence.encode()
        del sequence
        letters = raw.translate(_UPPER)
        foreign += letters.count(FOREIGN)
        read += len(letters)
        if not letters or foreign > most_foreign * read:
            check_letters(normalize(raw.decode()), line, source)
        del raw
        yield Chromosome(name, letters)
        del letters


def windows(intervals: pd.DataFrame, width: int, center: str) -> pd.DataFrame:
    """Return the intervals with `start` and `end` of the windows about them, which may reach past the chromosome.

    intervals: as `read_intervals` gives them.
    width: nucleotides; 0 takes the intervals as they are.
    center: `summit` (the middle where there is none) or `middle`, which is half the length, rounded down, from the
        start. The window starts half its width, rounded down, before the center.
    """
    if not width:
        return intervals
    middle = (intervals["start"] + intervals["end"]) // 2
    if center == "summit":
        middle = middle.where(intervals["summit"] == NO_SUMMIT, intervals["start"] + intervals["summit"])
    start = middle - width // 2
    return intervals.assign(start=start, end=start + width)


def centered_on(intervals: pd.DataFrame, width: int, center: str) -> str:
    """Return a phrase on what the windows about the intervals of a file were centered on; parameters as for `windows`.

    It is empty if the intervals were taken as they are.
    """
    if not width:
        return ""
    total, summits = len(intervals), int((intervals["summit"] != NO_SUMMIT).sum())
    if center != "summit":
        return "windows are centered on the middle of each region, as chosen"
    if not summits:
        return "no summits were found in it, so that windows are centered on the middle of each region"
    if summits == total:
        return f"windows are centered on the summit (column 10) of all {total:,} peaks"
    return (
        f"windows are centered on the summit (column 10) of {summits:,} of {total:,} peaks, and on the middle of the "
        "others, which have none"
    )


def beyond(intervals: pd.DataFrame, chromosome: Chromosome) -> np.ndarray:
    """Return which intervals of a chromosome, (n,) bool, begin past its end."""
    return (intervals["start"] >= len(chromosome.letters)).to_numpy()


def check_within(intervals: pd.DataFrame, chromosome: Chromosome, genome_source: str) -> pd.DataFrame:
    """Return the intervals of a chromosome (columns start, end and _source, index `line`), cut at its ends.

    Callers of peaks and lists of regions to avoid let some reach past an end.
    Raises UserError at the first one that begins past the end.
    """
    past = intervals[beyond(intervals, chromosome)]
    if len(past):
        raise UserError(_past_end(past, {chromosome.name: len(chromosome.letters)}, genome_source))
    return intervals.assign(
        start=intervals["start"].clip(lower=0), end=intervals["end"].clip(upper=len(chromosome.letters))
    )


def _past_end(past: pd.DataFrame, lengths: dict[str, int], genome_source: str) -> str:
    first = past.iloc[0]
    return (
        f"{first[SOURCE]}, line {first.name}: the interval starts at {first['start']}, but {first['chrom']!r} has "
        f"{lengths[first['chrom']]} nucleotides in {genome_source}; choose the genome of the same assembly, or correct "
        "the interval"
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
    center: str,
) -> Cut:
    """Cut the windows about the intervals from the genome, those on the - strand as the reverse complement.

    pairs: for each file the label, the intervals as `read_intervals` gives them, and the file's name in messages.
    width, center: as for `windows`.
    Returns the records in the order of `pairs`.
    Raises UserError when more than MOST_BEYOND of a file's intervals begin past the end of their chromosome, one is on
    none of the genome, every window reaches past an end, and for all that `chromosomes` refuses.
    """
    intervals = pd.concat([table.assign(label=label, **{SOURCE: source}) for label, table, source in pairs])
    wanted = windows(intervals, width, center)
    rows_of = wanted.reset_index(drop=True).groupby("chrom").indices
    columns = ["sequence", "label", "id", *POSITION, "strand", SOURCE]
    sequences = np.full(len(wanted), None, dtype=object)
    past = np.zeros(len(wanted), dtype=bool)
    lengths = {}
    for chromosome in chromosomes(genome_path, genome_source):
        lengths[chromosome.name] = len(chromosome.letters)
        rows = rows_of.get(chromosome.name)
        if rows is not None:
            past[rows] = beyond(intervals.iloc[rows], chromosome)
            part = wanted.iloc[rows]
            inside = ((part["start"] >= 0) & (part["end"] <= len(chromosome.letters))).to_numpy()
            places = zip(*(part.loc[inside, name] for name in ("start", "end", "strand")), strict=True)
            sequences[rows[inside]] = [chromosome.cut(*place) for place in places]
        del chromosome
    check_known(intervals, lengths, genome_source)
    warnings = _beyond_warnings(intervals[past], intervals[SOURCE].value_counts(), lengths, genome_source)
    kept = wanted.assign(sequence=sequences)[columns]
    whole = kept["sequence"].notna()
    if not whole.any():
        what = f"every window of {width} nucleotides" if width else "every interval"
        mend = "choose a smaller width, or" if width else "choose"
        raise UserError(
            f"{what} reaches past an end of its chromosome in {genome_source}; {mend} the genome of the same assembly"
        )
    past_end, notes = {}, {}
    for label, table, source in pairs:
        past_end[label] = count = int((~whole & (kept["label"] == label)).sum())
        what = "window" if width else "interval"
        left_out = f"{count:,} {what}{'s' * (count > 1)} past an end of the chromosome left out" if count else ""
        notes[source] = [note for note in (centered_on(table, width, center), left_out) if note]
    return Cut(kept[whole], past_end, intervals[POSITION], notes, warnings)


def _beyond_warnings(past: pd.DataFrame, totals: pd.Series, lengths: dict[str, int], genome_source: str) -> list[str]:
    """Return a sentence for each file with intervals past the end; totals: how many each file has, by its name.

    Raises UserError when they are too many.
    """
    result = []
    for source, part in past.groupby(SOURCE, sort=False):
        if len(part) > MOST_BEYOND * totals[source]:
            raise UserError(_past_end(part, lengths, genome_source))
        several = len(part) > 1
        result.append(
            f"{source}: {len(part):,} of {totals[source]:,} intervals, the first on line {part.index[0]}, "
            f"{'begin past the ends of their chromosomes' if several else 'begins past the end of its chromosome'} in "
            f"{genome_source} and {'were' if several else 'was'} left out: see whether it is of the same assembly; "
            "if it is not, all sequences are wrong"
        )
    return result
