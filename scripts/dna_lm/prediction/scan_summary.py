"""What a scan found, for its report and figure: read from the track in passes, so that memory does not grow with it."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .scanning import Scanned
from .tracks import BINS, Call, called

BEST = 20
# Chromosomes that are drawn, those of which most was scanned; points along each; called regions that are drawn larger,
# with so much on either side, as a multiple of their length.
DRAWN, POINTS, ENLARGED, AROUND = 4, 1000, 3, 3
HISTOGRAM_BINS = 50


@dataclass(frozen=True)
class Stretch:
    """What is drawn of a chromosome: from start to end, the highest value in each of the points; NaN where none is."""

    chrom: str
    start: int
    end: int
    values: np.ndarray


@dataclass
class ScanSummary:
    """What a scan found.

    letters, genome: scanned, and in all. low, high: of the values. histogram: (HISTOGRAM_BINS,) letters by value, from
    low to high of numbers, from 0 to 1 of probabilities.
    calls, called_letters, best: the called regions, their letters, and those with the highest values, in order.
    stretches, enlarged: what is drawn: chromosomes, and the surroundings of the best regions, as bins (tracks.BINS).
    """

    letters: int = 0
    genome: int = 0
    low: float = np.inf
    high: float = -np.inf
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(HISTOGRAM_BINS, dtype=np.int64))
    calls: int = 0
    called_letters: int = 0
    best: list[Call] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    enlarged: list[tuple[Call, np.ndarray]] = field(default_factory=list)


def summarize(scan: Scanned) -> ScanSummary:
    """Return what a scan found; its track is still open."""
    found = ScanSummary(genome=sum(scan.track.lengths.values()))
    extents = _extents(scan, found)
    if scan.threshold is not None:
        found.best = heapq.nlargest(BEST, _counted(scan, found), key=lambda call: call.value)
    chosen = sorted(extents, key=lambda chrom: -extents[chrom][2])[:DRAWN]
    stretches = {
        chrom: Stretch(chrom, start, end, np.full(POINTS, np.nan))
        for chrom, (start, end, _) in extents.items()
        if chrom in chosen
    }
    pieces: list[list[np.ndarray]] = [[np.empty(0, dtype=BINS)] for _ in found.best[:ENLARGED]]
    limits = (0.0, 1.0) if scan.label is not None else (found.low, found.high)
    for chrom, bins in scan.track.parts():
        letters = bins["end"] - bins["start"]
        found.histogram += np.histogram(bins["value"], HISTOGRAM_BINS, limits, weights=letters)[0].astype(np.int64)
        if chrom in stretches:
            _draw(stretches[chrom], bins)
        for call, piece in zip(found.best, pieces, strict=False):
            if chrom == call.chrom:
                margin = AROUND * (call.end - call.start)
                piece.append(bins[(bins["end"] > call.start - margin) & (bins["start"] < call.end + margin)])
    found.stretches = list(stretches.values())
    found.enlarged = [(call, np.concatenate(piece)) for call, piece in zip(found.best, pieces, strict=False)]
    return found


def _extents(scan: Scanned, found: ScanSummary) -> dict[str, tuple[int, int, int]]:
    """Return where each chromosome's values begin and end, and for how many letters they stand; count all letters."""
    extents: dict[str, tuple[int, int, int]] = {}
    for chrom, bins in scan.track.parts():
        start, _, before = extents.get(chrom, (int(bins["start"][0]), 0, 0))
        letters = int((bins["end"] - bins["start"]).sum())
        extents[chrom] = (start, int(bins["end"][-1]), before + letters)
        found.letters += letters
        found.low, found.high = min(found.low, float(bins["value"].min())), max(found.high, float(bins["value"].max()))
    return extents


def _counted(scan: Scanned, found: ScanSummary) -> Iterator[Call]:
    """Give the called regions, and count them."""
    for call in called(scan.track.parts(), scan.threshold):
        found.calls += 1
        found.called_letters += call.end - call.start
        yield call


def _draw(stretch: Stretch, bins: np.ndarray) -> None:
    """Put bins into the points of a stretch: a bin is in every point that it touches."""
    scale = POINTS / (stretch.end - stretch.start)
    first = np.minimum(((bins["start"] - stretch.start) * scale).astype(np.int64), POINTS - 1)
    last = np.clip(np.ceil((bins["end"] - stretch.start) * scale).astype(np.int64) - 1, first, POINTS - 1)
    for offset in range(int((last - first).max()) + 1):
        np.fmax.at(stretch.values, np.minimum(first + offset, last), bins["value"])
