"""Negatives that are regions of the genome like the positives."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ..data.columns import POSITION, SOURCE
from ..data.genome import Chromosome, check_known, check_within, chromosomes
from ..data.sequences import BASES, canonical, has_ambiguous
from ..data.textfiles import listed
from ..errors import UserError
from .records import Records

# Genome windows per negative that are tried before one is given up.
DRAWS = 20_000
DRAWS_PER_NEGATIVE = 100
# Share of the wanted negatives that may not be found, though one may always: fewer at the extremes of the GC content
# are better than none at all, but with many missing the GC content would tell positives from negatives.
MOST_UNMATCHED = 0.1
NAMED = 5  # positives that a message names
LETTERS_AT_ONCE = 2**23

# Codes of the letters while regions are sought: their sum is the number of G and C.
_WEAK, _STRONG, _BLOCKED = 0, 1, 2
_CODES = bytes({"A": _WEAK, "T": _WEAK, "C": _STRONG, "G": _STRONG}.get(chr(byte), _BLOCKED) for byte in range(256))


@dataclass(frozen=True)
class GenomeNegatives:
    """What genome negatives are wanted.

    label: of the negatives.
    ratio: negatives a positive.
    distance: nucleotides that lie at least between a negative and any positive or excluded region.
    tolerance: by which share of the length the GC count may differ from that of a positive (at least one letter).
        Nearly equal counts are sought first.
    exclude: regions to keep away from, as `read_intervals` returns them; exclude_source: their file's name in messages.
    """

    label: str
    ratio: float
    seed: int
    distance: int
    tolerance: float = 0.02
    exclude: pd.DataFrame | None = None
    exclude_source: str = ""


@dataclass(frozen=True)
class Drawn:
    """Genome negatives.

    records: columns sequence, label, id (`chrom:start-end(strand)`), chrom, start, end, strand, _source; index `line`,
        which is 0, for they are in no file. In the order of the genome.
    elsewhere: how many are not on the chromosome of the positive they match, because none was found there.
    missing: how many were not found anywhere. unmatched: a sentence that names the positives they were to match, or
        empty.
    """

    records: pd.DataFrame
    elsewhere: int
    missing: int
    unmatched: str


def negatives_for(
    records: Records,
    genome_path: str | Path,
    genome_source: str,
    wanted: GenomeNegatives,
    away: pd.DataFrame | None = None,
) -> Drawn:
    """Draw regions of the genome as negatives.

    records: the positives; columns `sequence` (normalized), `chrom`, `start`, `end` (int64, counted from 0, end
        exclusive), `strand` and `_source`; index `line`.
    away: regions to keep as far away from as from the positives, columns chrom, start, end: those that are not among
        the records any more, and the whole of intervals from which windows were cut.
    Returns round(wanted.ratio * positives) negatives, where a positive without any A, C, G or T does not count, less
    those that were not found. A negative has the length and the strand of the positive it matches and, if one is found
    there, lies on the same chromosome. It overlaps no other, has no letters but A, C, G and T, and equals no positive
    on either strand.
    Raises UserError when a positive lies past its chromosome's end or on none of the genome, when most sequences are
    not what the genome has there, when no excluded region is on the genome or one lies past an end, when more than
    MOST_UNMATCHED of the negatives are not found, and for all that `genome.chromosomes` refuses.
    """
    sampler = _Sampler(records, wanted, away, genome_source)
    names = []
    for chromosome in chromosomes(genome_path, genome_source):
        names.append(chromosome.name)
        sampler.compare(chromosome)
        sampler.seek(chromosome, "own")
        del chromosome
    sampler.check(names)
    if sampler.open:
        for chromosome in chromosomes(genome_path, genome_source):
            sampler.seek(chromosome, "others")
            del chromosome
            if not sampler.open:
                break
    return sampler.result(names)


def rounded(number: float) -> int:
    """Return the nearest whole number, a half rounded up."""
    return int(number + 0.5)


def evenly(total: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Divide a total among `count` as evenly as whole numbers allow; chance chooses who gets one more."""
    each, more = divmod(total, count)
    result = np.full(count, each)
    result[random.permutation(count)[:more]] += 1
    return result


@dataclass(frozen=True)
class _Target:
    """What a negative has to be like: where its positive lies, length and number of G and C in nucleotides, strand.

    row: of the positive among the records, from 0.
    """

    row: int
    chrom: str
    length: int
    gc: int
    strand: str


def _targets(records: Records) -> list[_Target]:
    """Return what negatives of these records have to be like; none for a sequence without any A, C, G or T."""
    result = []
    columns = (records[name] for name in ("sequence", "chrom", "strand"))
    for row, (sequence, chrom, strand) in enumerate(zip(*columns, strict=True)):
        bases = sum(map(sequence.count, BASES))
        if bases:
            gc = sequence.count("G") + sequence.count("C")
            result.append(_Target(row, chrom, len(sequence), rounded(gc / bases * len(sequence)), strand))
    return result


class _Sampler:
    """Draws negatives while the chromosomes go by.

    open: what negatives are still to be like.
    """

    def __init__(self, records: Records, wanted: GenomeNegatives, away: pd.DataFrame | None, genome_source: str):
        self.wanted = wanted
        self.genome_source = genome_source
        self.records = records.table
        self.exclude = None if wanted.exclude is None else wanted.exclude.assign(**{SOURCE: wanted.exclude_source})
        tables = [table[POSITION] for table in (self.records, away, self.exclude) if table is not None]
        blocked = pd.concat(tables).drop_duplicates()
        self.blocked = {name: part[["start", "end"]].to_numpy() for name, part in blocked.groupby("chrom")}
        self.rows_of = self.records.reset_index(drop=True).groupby("chrom").indices
        self.differs = np.zeros(len(records), dtype=bool)
        self.taken = set(records.canonical)  # of positives and negatives
        self.found: dict[str, list[tuple[int, _Target, str]]] = {}  # by chromosome: start, what it is like, sequence
        likes = _targets(records)
        counts = []
        if likes:
            counts = evenly(rounded(wanted.ratio * len(likes)), len(likes), np.random.default_rng(wanted.seed))
        self.open = [like for like, count in zip(likes, counts, strict=True) for _ in range(count)]

    def compare(self, chromosome: Chromosome) -> None:
        """Note which positives are not what the chromosome has at their place; those with N, or filled up, may differ.

        Raises UserError when a positive or an excluded region lies past the chromosome's end.
        """
        rows = self.rows_of.get(chromosome.name, np.zeros(0, dtype=np.int64))
        positives = self.records.iloc[rows]
        check_within(positives, chromosome, self.genome_source)
        if self.exclude is not None:
            check_within(self.exclude[self.exclude["chrom"] == chromosome.name], chromosome, self.genome_source)
        for row, sequence, *at in zip(rows, *(positives[name] for name in ("sequence", "start", "end")), strict=True):
            here = chromosome.cut(*at, "+")
            self.differs[row] = canonical(here) != canonical(sequence) and not has_ambiguous(sequence)

    def check(self, names: list[str]) -> None:
        """Raise UserError when the positives or the excluded regions do not belong to the genome."""
        check_known(self.records, names, self.genome_source)
        if self.exclude is not None and not self.exclude["chrom"].isin(names).any():
            check_known(self.exclude, names, self.genome_source)
        if self.differs.mean() > 0.5:
            first = self.records.iloc[int(self.differs.argmax())]
            raise UserError(
                f"{first[SOURCE]}, line {first.name}: the sequence is not that of "
                f"{first['chrom']}:{first['start']}-{first['end']} in {self.genome_source}, like {self.differs.sum()} "
                f"of {len(self.differs)} sequences; choose the genome of the same assembly, and see that positions "
                "count from 0"
            )

    def seek(self, chromosome: Chromosome, which: str) -> None:
        """Find regions on a chromosome for the open targets: `own`, those that belong to it, or `others`, for all."""
        targets = [target for target in self.open if which == "others" or target.chrom == chromosome.name]
        if not targets:
            return
        codes = self._codes(chromosome)
        # A chromosome's numbers depend on its name, not on what was drawn before.
        random = np.random.default_rng([self.wanted.seed, *map(zlib.crc32, (chromosome.name.encode(), which.encode()))])
        still_open = [] if which == "others" else [target for target in self.open if target.chrom != chromosome.name]
        for length in sorted({target.length for target in targets}):
            alike = [target for target in targets if target.length == length]
            if length <= len(codes):
                alike = self._seek_length(chromosome, codes, length, alike, random)
            still_open += alike
        self.open = still_open

    def result(self, names: list[str]) -> Drawn:
        """Return the negatives in the order of the genome, whose chromosomes have these names."""
        rows = []
        elsewhere = 0
        for chrom in names:
            for start, target, sequence in sorted(self.found.get(chrom, []), key=lambda found: found[0]):
                end = start + target.length
                name = f"{chrom}:{start}-{end}({target.strand})"
                source = f"negatives from {self.genome_source}"
                rows.append((sequence, self.wanted.label, name, chrom, start, end, target.strand, source))
                elsewhere += chrom != target.chrom
        total = len(rows) + len(self.open)
        if self.open and (not rows or len(self.open) > max(1, MOST_UNMATCHED * total)):
            raise UserError(
                f"of {total} negatives only {len(rows)} were found in {self.genome_source}: regions of the length and, "
                f"within {self.wanted.tolerance:.1%}, the GC content of a positive, without N, {self.wanted.distance} "
                f"nucleotides or more away from positives and excluded regions; none was left for {self._unmatched()}: "
                f"{self._advice()}"
            )
        unmatched = ""
        if self.open:
            unmatched = (
                f"no region of {self.genome_source} was found for {len(self.open):,} of {total:,} negatives, with the "
                f"length and, within {self.wanted.tolerance:.1%}, the GC content of {self._unmatched()}: these stay "
                "without, so that the GC content of the labels differs a little; leave them out if that matters"
            )
        columns = ["sequence", "label", "id", *POSITION, "strand", SOURCE]
        records = pd.DataFrame(rows, columns=columns, index=pd.Index([0] * len(rows), name="line"))
        return Drawn(records, elsewhere, len(self.open), unmatched)

    def _unmatched(self) -> str:
        """Name the positives for which no negative was found."""
        first = sorted({target.row: target for target in self.open}.values(), key=lambda target: target.row)
        places = [f"line {self.records.index[target.row]} ({target.gc / target.length:.1%} GC)" for target in first]
        source = self.records[SOURCE].iloc[first[0].row]
        return f"{len(first):,} positive{'s' * (len(first) > 1)} ({source}, {listed(places, NAMED)})"

    def _advice(self) -> str:
        """Return what can help: a lower ratio only where some regions like those that are missing were found."""
        found = {(target.length, target.gc) for rows in self.found.values() for _, target, _ in rows}
        advice = ["choose shuffles", "leave these positives out"]
        if any((target.length, target.gc) in found for target in self.open):
            advice.append("lower the ratio")
        if self.wanted.distance:
            advice.append("lower the distance")
        return f"{', '.join(advice[:-1])} or {advice[-1]}"

    def _codes(self, chromosome: Chromosome) -> bytearray:
        """Return the chromosome's letters as codes, _BLOCKED wherever no negative may lie."""
        codes = bytearray()
        for start in range(0, len(chromosome.letters), LETTERS_AT_ONCE):
            codes += chromosome.letters[start : start + LETTERS_AT_ONCE].translate(_CODES)
        distance = self.wanted.distance
        for start, end in self.blocked.get(chromosome.name, np.zeros((0, 2), dtype=np.int64)).tolist():
            _block(codes, max(0, start - distance), min(len(codes), end + distance))
        for start, target, _ in self.found.get(chromosome.name, []):
            _block(codes, start, start + target.length)
        return codes

    def _seek_length(
        self,
        chromosome: Chromosome,
        codes: bytearray,
        length: int,
        targets: list[_Target],
        random: np.random.Generator,
    ) -> list[_Target]:
        """Do the work of `seek` for targets of one length, and block in `codes` what is found.

        Returns the targets that stay open.
        Every random window is compared with all open targets, so that a window serves whichever it fits.
        """
        by_gc: dict[int, list[_Target]] = {}
        for target in targets:
            by_gc.setdefault(target.gc, []).append(target)
        left = len(targets)
        tolerance = max(1, int(self.wanted.tolerance * length + 1e-9))
        limit = max(DRAWS, DRAWS_PER_NEGATIVE * left)
        all_windows = sliding_window_view(np.frombuffer(codes, dtype=np.uint8), length)
        drawn = 0
        while left and drawn < limit:
            # Equal GC first: a difference is allowed only for what is not found otherwise.
            allowed = min(tolerance, (tolerance + 1) * drawn // limit)
            steps = sorted(range(-allowed, allowed + 1), key=abs)
            starts = random.integers(0, len(all_windows), min(max(256, 4 * left), max(1, LETTERS_AT_ONCE // length)))
            drawn += len(starts)
            letters = all_windows[starts]
            free = letters.max(axis=1) < _BLOCKED
            starts = starts[free]
            counts = letters[free].sum(axis=1, dtype=np.int64)
            asked = np.zeros(length + 1, dtype=bool)
            for gc in by_gc:
                asked[max(0, gc - allowed) : gc + allowed + 1] = True
            fitting = asked[counts]
            for start, gc in zip(starts[fitting].tolist(), counts[fitting].tolist(), strict=True):
                nearest = next((gc + step for step in steps if gc + step in by_gc), None)
                if nearest is None or codes.find(_BLOCKED, start, start + length) >= 0:
                    continue
                strand = by_gc[nearest][-1].strand
                sequence = chromosome.cut(start, start + length, strand)
                strandless = canonical(sequence)
                if strandless in self.taken:
                    continue
                self.taken.add(strandless)
                self.found.setdefault(chromosome.name, []).append((start, by_gc[nearest].pop(), sequence))
                if not by_gc[nearest]:
                    del by_gc[nearest]
                _block(codes, start, start + length)
                left -= 1
        return [target for alike in by_gc.values() for target in alike]


def _block(codes: bytearray, start: int, end: int) -> None:
    # Slice assignment of equal length, since `codes` is looked at by an array meanwhile and may not change its size.
    codes[start:end] = bytes([_BLOCKED]) * (end - start)
