"""Following what an adapter answers along a genome, with one chromosome and a block of windows in memory."""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd

from ..adapters.adapter import load_adapter
from ..base_models.encoding import Reading, summary, warnings
from ..classifiers import inference
from ..classifiers.inference import AT_ONCE
from ..data.genome import Chromosome, check_known, check_within, chromosomes
from ..data.intervals import read_intervals
from ..data.packing import too_ambiguous
from ..data.records import SOURCE
from ..data.screening import AMBIGUOUS, Limits
from ..data.sequences import BASES
from ..data.tables import write_tsv
from ..data.targets import THRESHOLD, Target
from ..data.textfiles import describe
from ..errors import UserError
from ..options import AUTO, MULTI_LABEL, NUMBER
from .answering import Answerer, opened_answerer
from .tracks import BINS, Track, called, touching, write_bedgraph, write_bigwig, write_calls

NO_WINDOW = "no whole window fits"
_BASE = np.zeros(256, dtype=bool)
_BASE[list(BASES.encode())] = True


@dataclass(frozen=True)
class Grid:
    """Windows of a chromosome: they begin at every multiple of `step`, and are `window` long.

    The value of a window stands for its bin: the window itself if windows do not overlap, else the `step` letters in
    its middle, so that bins neither overlap nor leave gaps.
    """

    window: int
    step: int

    @property
    def width(self) -> int:
        """Of a bin."""
        return min(self.step, self.window)

    @property
    def offset(self) -> int:
        """Of a bin from the start of its window."""
        return (self.window - self.width) // 2

    def starts(self, length: int) -> np.ndarray:
        """Return where the windows of a chromosome of this length begin, counted from 0."""
        return np.arange(0, length - self.window + 1, self.step, dtype=np.int64)

    def bins(self, starts: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the bins (tracks.BINS) of windows."""
        result = np.empty(len(starts), dtype=BINS)
        result["start"] = starts + self.offset
        result["end"] = result["start"] + self.width
        result["value"] = values
        return result

    def within(self, starts: np.ndarray, regions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Say which windows have a bin that shares a letter with a region, and which regions no such window."""
        first = np.searchsorted(starts + self.offset + self.width, regions["start"].to_numpy(), side="right")
        behind = np.searchsorted(starts + self.offset, regions["end"].to_numpy(), side="left")
        marks = np.zeros(len(starts) + 1, dtype=np.int64)
        some = first < behind
        np.add.at(marks, first[some], 1)
        np.add.at(marks, behind[some], -1)
        return np.cumsum(marks)[:-1] > 0, ~some


@dataclass(frozen=True)
class Scanned:
    """A scan: the track, whose context is the caller's; skipped: columns chrom, start, end, reason, windows.

    label: what the values are the probability of; None for numbers. threshold: of calls, None for numbers.
    """

    track: Track
    skipped: pd.DataFrame
    label: str | None
    threshold: float | None
    target: Target


def scan(
    *,
    bedgraph_out: str | Path,
    bigwig_out: str | Path,
    calls_out: str | Path,
    skipped_out: str | Path,
    progress: Callable[[str], None],
    **options,
) -> None:
    """Scan a genome and write bedGraph, bigWig, BED and the table of what was left out to these places.

    options: as scanned takes them.
    """
    with Track() as track:
        result = scanned(track, progress=progress, **options)
        write_bedgraph(track, bedgraph_out, ".6g" if result.label is None else ".4f")
        write_bigwig(track, bigwig_out)
        if result.threshold is None:
            calls = write_calls([], calls_out, "")
            progress("numbers have no threshold: no regions are called")
        else:
            calls = write_calls(called(track.parts(), result.threshold), calls_out, result.label)
            progress(f"{calls:,} regions with a probability of {result.label} of at least {result.threshold:g}")
        write_tsv(result.skipped, skipped_out)


def scanned(
    track: Track,
    *,
    base_model: str,
    base_model_id: str | None,
    installed: list[str] | None = None,
    adapter: str,
    genome: str,
    regions: str | None,
    label: str,
    window: int,
    step: int,
    threshold: float,
    strand: str,
    max_ambiguous: float,
    batch_size: int,
    precision: str,
    progress: Callable[[str], None],
) -> Scanned:
    """Fill a track with the probability of a label, or with numbers.

    The other parameters are the command line's options (see options); `progress` is told how it goes, a line at a time.
    Raises UserError for anything wrong with the files, and when no window can be read.
    """
    source, grid = describe(genome, "the genome"), Grid(window, step)
    wanted = None
    if regions:
        name = describe(regions, "the regions")
        wanted = read_intervals(regions, name, summits=False).assign(**{SOURCE: name})
    loaded = load_adapter(adapter)
    output = label_number(loaded.target, label)
    limits = Limits(1, max_ambiguous)
    with opened_answerer(
        loaded,
        base_model,
        base_model_id,
        installed=installed,
        batch_size=batch_size,
        progress=progress,
        strand=strand,
        precision=precision,
    ) as answerer:
        scan_ = _Scan(answerer, grid, limits, output, track, progress)
        for chromosome in chromosomes(genome, source):
            track.lengths[chromosome.name] = len(chromosome.letters)
            own = None
            if wanted is not None:
                own = wanted[wanted["chrom"] == chromosome.name].sort_values(["start", "end"])
                own = check_within(own, chromosome, source)
            if own is None or len(own):
                scan_.chromosome(chromosome, own)
            del chromosome
        if wanted is not None:
            check_known(wanted, track.lengths, source)
        scan_.flush()
        if not track.bins:
            raise UserError(
                f"no window of {window:,} letters in {source} could be scanned ({scan_.why()}); choose a smaller "
                "window, allow more unknown letters, or choose other regions"
            )
        progress(summary(scan_.read, f"windows of {source}"))
        for text in warnings(scan_.read, answerer.encoder, f"windows of {source}"):
            progress(f"warning: {text}")
    names = [entry.name for entry in fields(_Stretch)]
    skipped = pd.DataFrame([astuple(stretch) for stretch in scan_.skipped], columns=names, dtype=object)
    if len(skipped):
        progress(f"{len(skipped):,} stretches not scanned: {scan_.why()}")
    number = loaded.target.kind == NUMBER
    return Scanned(
        track,
        skipped,
        None if number else loaded.labels[output],
        None if number else threshold or decided_threshold(loaded.target, loaded.decision.thresholds, output),
        loaded.target,
    )


def label_number(target: Target, label: str) -> int:
    """Return the number of the output that a label names.

    label: its name, or its number from 1 if none has that name; `auto` is the last. For NUMBER, only that.
    Raises UserError when there is none.
    """
    if target.kind == NUMBER:
        if label != AUTO:
            raise UserError(f"the adapter predicts numbers and has no label {label!r}; leave the label {AUTO!r}")
        return 0
    if label in target.labels:
        return target.labels.index(label)
    if label == AUTO:
        return len(target.labels) - 1
    if label.isdecimal() and 1 <= int(label) <= len(target.labels):
        return int(label) - 1
    raise UserError(f"the adapter has no label {label!r}; its labels are {', '.join(target.labels[:20])}: choose one")


def decided_threshold(target: Target, thresholds: tuple[float, ...] | None, output: int) -> float:
    """Return the least probability at which a label is said, THRESHOLD where nothing was chosen.

    thresholds: those of a decision. The one of two classes is the second's: the first has what is left of 1.
    """
    if thresholds is None:
        return THRESHOLD
    if target.kind == MULTI_LABEL:
        return thresholds[output]
    return thresholds[0] if output == 1 else 1 - thresholds[0]


@dataclass
class _Stretch:
    """A part of a chromosome that was not scanned; windows: how many were left out."""

    chrom: str
    start: int
    end: int
    reason: str
    windows: int = 0


@dataclass
class _Scan:
    """The windows that wait to be computed, and what became of the others."""

    answerer: Answerer
    grid: Grid
    limits: Limits
    output: int
    track: Track
    progress: Callable[[str], None]
    read: Reading = field(default_factory=Reading)
    skipped: "list[_Stretch]" = field(default_factory=list)
    done: int = 0

    def __post_init__(self):
        self._waiting: list[tuple[str, np.ndarray]] = []
        self._letters: list[str] = []
        self._begun = self._said = time.monotonic()

    def chromosome(self, chromosome: Chromosome, regions: pd.DataFrame | None) -> None:
        """Take the windows of a chromosome, or those whose bins are in regions."""
        length = len(chromosome.letters)
        starts = self.grid.starts(length)
        if regions is not None:
            inside, without = self.grid.within(starts, regions)
            starts = starts[inside]
            lost = regions.loc[without, ["start", "end"]].itertuples(index=False, name=None)
        else:
            lost = [] if len(starts) else [(0, length)]
        self.skipped += [_Stretch(chromosome.name, start, end, NO_WINDOW) for start, end in lost]
        letters = np.frombuffer(chromosome.letters, dtype=np.uint8)
        for first in range(0, len(starts), AT_ONCE):
            block = starts[first : first + AT_ONCE]
            known = self._known(letters, block)
            self._skip_runs(chromosome.name, block, ~known)
            good = block[known]
            self._waiting.append((chromosome.name, good))
            self._letters += [chromosome.cut(start, start + self.grid.window, "+") for start in good.tolist()]
            if len(self._letters) >= AT_ONCE:
                self.flush()

    def flush(self) -> None:
        """Compute what waits."""
        outputs = self.answerer.outputs(self._letters)
        self.read += outputs.encoded
        values = self.answerer.answers(outputs.raw)[:, self.output]
        for chrom, starts in self._waiting:
            own, values = values[: len(starts)], values[len(starts) :]
            if len(starts):
                self.track.add(chrom, self.grid.bins(starts, own))
        self.done += len(self._letters)
        now = time.monotonic()
        if self._waiting and now - self._said > inference.PROGRESS_SECONDS:
            self._said = now
            speed = self.done / (now - self._begun)
            self.progress(f"{self.done:,} windows scanned, {speed:,.0f} a second, now at {self._waiting[-1][0]}")
        self._waiting, self._letters = [], []

    def why(self) -> str:
        """Return how often there was which reason to skip."""
        reasons = [stretch.reason for stretch in self.skipped]
        return ", ".join(f"{reasons.count(reason):,} {reason}" for reason in sorted(set(reasons)))

    def _known(self, letters: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Say which windows have few enough unknown letters."""
        low, high = int(starts[0]), int(starts[-1]) + self.grid.window
        unknown = np.concatenate([[0], np.cumsum(~_BASE[letters[low:high]], dtype=np.int64)])
        count = unknown[starts - low + self.grid.window] - unknown[starts - low]
        return ~too_ambiguous(count, self.grid.window, self.limits.max_ambiguous)

    def _skip_runs(self, chrom: str, starts: np.ndarray, left_out: np.ndarray) -> None:
        """Note windows that are left out, those whose bins touch as one stretch."""
        bins = self.grid.bins(starts[left_out], 0)
        if not len(bins):
            return
        firsts, behinds = touching(bins)
        for first, behind in zip(firsts.tolist(), behinds.tolist(), strict=True):
            start, end = int(bins["start"][first]), int(bins["end"][behind - 1])
            last = self.skipped[-1] if self.skipped else None
            if last and (last.chrom, last.end, last.reason) == (chrom, start, AMBIGUOUS):
                last.end, last.windows = end, last.windows + behind - first
            else:
                self.skipped.append(_Stretch(chrom, start, end, AMBIGUOUS, behind - first))
