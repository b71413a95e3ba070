"""Following what an adapter answers along a genome, with one chromosome and a block of windows in memory."""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd

from ..adapters.dataset import load_adapter
from ..base_models.encoding import Reading, summary, warnings
from ..data.columns import SOURCE
from ..data.genome import FOREIGN, Chromosome, check_known, check_within, chromosomes
from ..data.intervals import read_intervals
from ..data.packing import too_ambiguous
from ..data.sequences import BASES
from ..data.tables import write_tsv
from ..data.targets import THRESHOLD, Target
from ..data.textfiles import describe
from ..errors import UserError
from ..processes import inference
from ..processes.inference import AT_ONCE, LETTERS_AT_ONCE
from ..words import AUTO, MULTI_LABEL, NUMBER
from .answering import opened_answerer
from .passes import Passes
from .screening import AMBIGUOUS, MOST_FOREIGN, NOT_DNA
from .tracks import BINS, Track, called, write_bedgraph, write_bigwig, write_calls
from .window_lengths import choose_window

NO_WINDOW = "no whole window fits"
# A step that nobody chose is a window divided by this.
WINDOWS_OVERLAP = 4
# Letters in which unknown ones are counted at a time, and what each of them is: a base, or none of DNA at all.
COUNTED_AT_ONCE = 2**20
_BASE = np.zeros(256, dtype=bool)
_BASE[list(BASES.encode())] = True
# What becomes of a window.
_SCANNED, _AMBIGUOUS, _FOREIGN = range(3)
_REASONS = {_AMBIGUOUS: AMBIGUOUS, _FOREIGN: NOT_DNA}


@dataclass(frozen=True)
class Grid:
    """Windows of a chromosome, counted from 0, and their bins.

    Windows begin at every multiple of `step`, and the last one ends where the chromosome does. Each is `window` long,
    and `step` is no longer. The value of a window stands for its bin, the `step` letters in its middle; the first bin
    begins, and the last one ends, with the chromosome: bins neither overlap nor leave gaps.
    """

    window: int
    step: int

    @property
    def offset(self) -> int:
        """Of a bin from the start of its window."""
        return (self.window - self.step) // 2

    def count(self, length: int) -> int:
        """Return how many windows a chromosome of this length has."""
        return 0 if length < self.window else -((self.window - length) // self.step) + 1

    def starts(self, numbers: np.ndarray, length: int) -> np.ndarray:
        """Return where these windows of a chromosome of this length begin, counted from 0."""
        return np.minimum(numbers * self.step, length - self.window)

    def bins(self, numbers: np.ndarray, length: int) -> np.ndarray:
        """Return the bins (tracks.BINS) of these windows, without values."""
        result = np.zeros(len(numbers), dtype=BINS)
        result["start"] = np.where(numbers == 0, 0, numbers * self.step + self.offset)
        last = numbers == self.count(length) - 1
        result["end"] = np.where(last, length, (numbers + 1) * self.step + self.offset)
        return result

    def within(self, regions: np.ndarray, length: int) -> np.ndarray:
        """Return which windows have a bin that shares a letter with a region, as ranges in order that do not touch.

        regions: (n, 2) start and end, sorted, within a chromosome of this length, which has a window.
        Returns (ranges, 2), of each the first window and the one behind the last.
        """
        count = self.count(length)
        first = np.clip((regions[:, 0] - self.offset) // self.step, 0, count - 1)
        behind = np.clip(-((self.offset - regions[:, 1]) // self.step), first + 1, count)
        return joined(np.column_stack([first, behind]))


def joined(ranges: np.ndarray) -> np.ndarray:
    """Join ranges that overlap or touch; (n, 2) start and end, sorted by start."""
    if not len(ranges):
        return ranges
    tops = np.maximum.accumulate(ranges[:, 1])
    firsts = np.flatnonzero(np.append(True, ranges[1:, 0] > tops[:-1]))
    return np.column_stack([ranges[firsts, 0], tops[np.append(firsts[1:], len(ranges)) - 1]])


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
    source = describe(genome, "the genome")
    wanted = None
    if regions:
        name = describe(regions, "the regions")
        wanted = read_intervals(regions, name, summits=False).assign(**{SOURCE: name})
    loaded = load_adapter(adapter)
    output = label_number(loaded.target, label)
    grid = Grid(*choose_window(loaded, window, step, WINDOWS_OVERLAP, progress))
    with (
        opened_answerer(
            loaded,
            base_model,
            base_model_id,
            installed=installed,
            batch_size=batch_size,
            progress=progress,
            strand=strand,
            precision=precision,
        ) as answerer,
        Passes(answerer) as passes,
    ):
        for _ in passes:
            scan_ = _Scan(passes, grid, max_ambiguous, output, track, progress)
            for chromosome in chromosomes(genome, source, MOST_FOREIGN):
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
            if not scan_.done:
                raise UserError(
                    f"no window of {grid.window:,} letters in {source} could be scanned ({scan_.why()}); choose a "
                    "smaller window, allow more unknown letters, or choose other regions"
                )
        progress(summary(scan_.read, f"windows of {source}"))
        shorter = "choose shorter windows"
        for text in warnings(scan_.read, answerer.encoder, f"windows of {source}", shorter=shorter):
            progress(f"warning: {text}")
    names = [entry.name for entry in fields(_Stretch)]
    skipped = pd.DataFrame([astuple(stretch) for stretch in scan_.skipped], columns=names, dtype=object)
    if len(skipped):
        letters = int((skipped["end"] - skipped["start"]).sum())
        progress(f"{len(skipped):,} stretches not scanned, {letters:,} letters: {scan_.why()}")
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
    """One pass over the genome: the windows that wait to be computed, and what became of the others.

    done: windows computed. skipped, read: complete after the last of the passes.
    """

    passes: Passes
    grid: Grid
    max_ambiguous: float
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
        grid, length = self.grid, len(chromosome.letters)
        places = np.array([[0, length]]) if regions is None else regions[["start", "end"]].to_numpy()
        if not grid.count(length):
            self.skipped += [_Stretch(chromosome.name, *place, NO_WINDOW) for place in joined(places).tolist()]
            return
        letters = np.frombuffer(chromosome.letters, dtype=np.uint8)
        has_foreign = FOREIGN in chromosome.letters
        at_once = max(1, min(AT_ONCE, COUNTED_AT_ONCE // grid.step))
        for low, high in grid.within(places, length).tolist():
            for first in range(low, high, at_once):
                numbers = np.arange(first, min(first + at_once, high))
                starts, bins = grid.starts(numbers, length), grid.bins(numbers, length)
                states = self._states(letters, starts, has_foreign)
                self._skip_runs(chromosome.name, bins, states)
                scanned = states == _SCANNED
                self._take(chromosome, starts[scanned].tolist(), bins[scanned])

    def _take(self, chromosome: Chromosome, starts: list[int], bins: np.ndarray) -> None:
        """Let windows wait, and compute when there are enough."""
        most = max(1, min(AT_ONCE, LETTERS_AT_ONCE // self.grid.window))
        for first in range(0, len(starts), most):
            part = starts[first : first + most]
            self._waiting.append((chromosome.name, bins[first : first + most]))
            self._letters += [chromosome.cut(start, start + self.grid.window, "+") for start in part]
            if len(self._letters) >= most:
                self.flush()

    def flush(self) -> None:
        """Compute what waits."""
        answers = self.passes.answers(self._letters)
        if answers is not None:
            self.read += self.passes.read
            values = answers[:, self.output]
            for chrom, bins in self._waiting:
                bins["value"], values = values[: len(bins)], values[len(bins) :]
                self.track.add(chrom, bins)
        self.done += len(self._letters)
        now = time.monotonic()
        if self._waiting and now - self._said > inference.PROGRESS_SECONDS:
            self._said = now
            speed = self.done / (now - self._begun)
            which = f"{self.passes.models}: " if len(self.passes) > 1 else ""
            at = self._waiting[-1][0]
            self.progress(f"{which}{self.done:,} windows scanned, {speed:,.0f} a second, now at {at}")
        self._waiting, self._letters = [], []

    def why(self) -> str:
        """Return how often there was which reason to skip."""
        reasons = [stretch.reason for stretch in self.skipped]
        return ", ".join(f"{reasons.count(reason):,} {reason}" for reason in sorted(set(reasons)))

    def _states(self, letters: np.ndarray, starts: np.ndarray, has_foreign: bool) -> np.ndarray:
        """Say which windows have few enough unknown letters, and only letters of DNA.

        letters: all of the chromosome. starts: of windows that lie close together.
        """
        low, high = int(starts[0]), int(starts[-1]) + self.grid.window

        def count(marked: np.ndarray) -> np.ndarray:
            before = np.zeros(len(marked) + 1, dtype=np.int32)
            np.cumsum(marked, out=before[1:])
            return before[starts - low + self.grid.window] - before[starts - low]

        part = letters[low:high]
        states = np.full(len(starts), _SCANNED)
        states[too_ambiguous(count(~_BASE[part]), self.grid.window, self.max_ambiguous)] = _AMBIGUOUS
        if has_foreign:
            states[count(part == FOREIGN) > 0] = _FOREIGN
        return states

    def _skip_runs(self, chrom: str, bins: np.ndarray, states: np.ndarray) -> None:
        """Note windows that are not scanned, those whose bins touch as one stretch. bins, states: of a range."""
        firsts = np.flatnonzero(np.append(True, states[1:] != states[:-1]))
        for first, behind in zip(firsts.tolist(), [*firsts[1:].tolist(), len(states)], strict=True):
            if states[first] == _SCANNED:
                continue
            reason = _REASONS[states[first]]
            start, end = int(bins["start"][first]), int(bins["end"][behind - 1])
            last = self.skipped[-1] if self.skipped else None
            if last and (last.chrom, last.end, last.reason) == (chrom, start, reason):
                last.end, last.windows = end, last.windows + behind - first
            else:
                self.skipped.append(_Stretch(chrom, start, end, reason, behind - first))
