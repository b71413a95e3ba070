"""Following what an adapter predicts along a genome, with one chromosome and a block of windows in memory."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..adapters.dataset import load_adapter
from ..data.columns import SOURCE
from ..data.genome import FOREIGN, Chromosome, check_known, check_within, chromosomes
from ..data.intervals import read_intervals
from ..data.targets import Target
from ..data.textfiles import describe
from ..errors import UserError
from ..processes import inference
from ..processes.inference import sequences_at_once
from ..words import NUMBER
from .followed_label import decided_threshold, label_number
from .grid import Grid, joined
from .left_out import LeftOut, reasons_against
from .options import ScanOptions
from .passes import Passes
from .predictor import opened_predictor
from .progress import ReadingLog
from .screening import MOST_FOREIGN
from .tracks import Track
from .window_lengths import choose_window

# A step that is not given is a window divided by this.
WINDOWS_OVERLAP = 4
# Letters in which unknown ones are counted at a time.
COUNTED_AT_ONCE = 2**20


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


def scanned(track: Track, options: ScanOptions, progress: Callable[[str], None]) -> Scanned:
    """Fill a track with the probability of a label, or with numbers.

    progress: told how it goes, a line at a time.
    Raises UserError for anything wrong with the files, and when no window can be read.
    """
    source = describe(options.genome, "the genome")
    regions = None
    if options.regions:
        name = describe(options.regions, "the regions")
        regions = read_intervals(options.regions, name, summits=False).assign(**{SOURCE: name})
    adapter = load_adapter(options.adapter)
    target = adapter.target
    output = label_number(target, options.label)
    grid = Grid(*choose_window(adapter, options.window, options.step, WINDOWS_OVERLAP, progress))
    with (
        opened_predictor(adapter, options, progress, strand=options.strand, precision=options.precision) as predictor,
        Passes(predictor) as passes,
    ):
        for _ in passes:
            log = ReadingLog(f"windows of {source}", progress)
            scan_ = _Scan(passes, grid, options.max_ambiguous, output, track, log)
            for chromosome in chromosomes(options.genome, source, MOST_FOREIGN):
                track.lengths[chromosome.name] = len(chromosome.letters)
                inside = None
                if regions is not None:
                    inside = regions[regions["chrom"] == chromosome.name].sort_values(["start", "end"])
                    inside = check_within(inside, chromosome, source)
                if inside is None or len(inside):
                    scan_.chromosome(chromosome, inside)
                del chromosome
            if regions is not None:
                check_known(regions, track.lengths, source)
            scan_.flush()
            if not scan_.done:
                raise UserError(
                    f"no window of {grid.window:,} nucleotides in {source} could be scanned ({scan_.left_out.why()}); "
                    "choose a smaller window, allow more ambiguous nucleotides, or choose other regions"
                )
        log.tell_reading(predictor.encoder, "choose shorter windows")
    skipped = scan_.left_out.table()
    if len(skipped):
        letters = int((skipped["end"] - skipped["start"]).sum())
        progress(f"{len(skipped):,} stretches not scanned, {letters:,} nucleotides: {scan_.left_out.why()}")
    if target.kind == NUMBER:
        return Scanned(track, skipped, None, None, target)
    threshold = options.threshold or decided_threshold(target, adapter.decision.thresholds, output)
    return Scanned(track, skipped, adapter.labels[output], threshold, target)


class _Scan:
    """One pass over the genome: the windows that wait to be computed, and what became of the others.

    done: windows computed. left_out: what is not scanned.
    """

    def __init__(self, passes: Passes, grid: Grid, max_ambiguous: float, output: int, track: Track, log: ReadingLog):
        """output: number of the one that the track follows."""
        self.done, self.left_out = 0, LeftOut()
        self._passes, self._grid, self._max_ambiguous = passes, grid, max_ambiguous
        self._output, self._track, self._log = output, track, log
        self._waiting: list[tuple[str, np.ndarray]] = []
        self._letters: list[str] = []

    def chromosome(self, chromosome: Chromosome, regions: pd.DataFrame | None) -> None:
        """Take the windows of a chromosome, or those whose bins are in regions."""
        grid, length = self._grid, len(chromosome.letters)
        ranges = np.array([[0, length]]) if regions is None else regions[["start", "end"]].to_numpy()
        if not grid.count(length):
            self.left_out.add_places(chromosome.name, joined(ranges))
            return
        letters = np.frombuffer(chromosome.letters, dtype=np.uint8)
        has_foreign = FOREIGN in chromosome.letters
        at_once = max(1, min(inference.AT_ONCE, COUNTED_AT_ONCE // grid.step))
        for low, high in grid.within(ranges, length).tolist():
            for first in range(low, high, at_once):
                numbers = np.arange(first, min(first + at_once, high))
                starts, bins = grid.starts(numbers, length), grid.bins(numbers, length)
                reasons = reasons_against(letters, starts, grid.window, self._max_ambiguous, has_foreign=has_foreign)
                self.left_out.add_windows(chromosome.name, bins, reasons)
                scanned = reasons == ""
                self._take(chromosome, starts[scanned].tolist(), bins[scanned])

    def _take(self, chromosome: Chromosome, starts: list[int], bins: np.ndarray) -> None:
        """Let windows wait, and compute when there are enough."""
        most = sequences_at_once(self._grid.window)
        for first in range(0, len(starts), most):
            part = starts[first : first + most]
            self._waiting.append((chromosome.name, bins[first : first + most]))
            self._letters += [chromosome.cut(start, start + self._grid.window, "+") for start in part]
            if len(self._letters) >= most:
                self.flush()

    def flush(self) -> None:
        """Compute what waits."""
        predictions = self._passes.predictions(self._letters)
        if predictions is not None:
            self._log.read += self._passes.read
            values = predictions[:, self._output]
            for chrom, bins in self._waiting:
                bins["value"], values = values[: len(bins)], values[len(bins) :]
                self._track.add(chrom, bins)
        self.done += len(self._letters)
        if self._waiting and self._log.is_due():
            which = f"{self._passes.models}: " if len(self._passes) > 1 else ""
            speed = self.done / self._log.seconds
            at = self._waiting[-1][0]
            self._log.progress(f"{which}{self.done:,} windows scanned, {speed:,.0f} a second, now at {at}")
        self._waiting, self._letters = [], []
