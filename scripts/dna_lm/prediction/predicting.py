"""Predicting what sequences are, block by block: memory does not grow with their number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ..adapters.dataset import Adapter, load_adapter
from ..base_models.encoding import Encoder
from ..data.textfiles import describe
from ..processes.inference import sequences_at_once
from ..words import MAX, MULTI_LABEL, WINDOWS
from .input_blocks import read_fasta_blocks, read_table_blocks
from .long_sequences import Combined, windows_of
from .options import PredictOptions
from .passes import Passes
from .predicted import Predicted
from .predictor import opened_predictor
from .progress import ReadingLog
from .screening import Limits, check_first, screen, unreadable_windows
from .table import prediction_table
from .table_writer import TableWriter
from .tally import Tally
from .window_lengths import LengthCheck, choose_window

# A step that is not given is a window divided by this.
WINDOWS_OVERLAP = 2


@dataclass(frozen=True)
class Block:
    """Some records of the input, in its order.

    predictions: see prediction_table. skipped: the records that were not predicted (screening.SKIPPED_COLUMNS).
    sequences: normalized, of those that were predicted. adapter: that predicted them.
    """

    predictions: pd.DataFrame
    skipped: pd.DataFrame
    sequences: pd.Series
    adapter: Adapter

    @property
    def floats(self) -> str:
        """How the predictions are written."""
        return self.adapter.target.answer_format


def predict(
    options: PredictOptions,
    predictions_out: str | Path,
    skipped_out: str | Path | None,
    progress: Callable[[str], None],
    *,
    count: bool,
) -> Predicted | None:
    """Predict labels or numbers, write the tables block by block, and return what was counted, if that is wanted.

    predictions_out, skipped_out: paths of the tables (see Block). options, progress: see predicted_blocks.
    """
    predictions, skipped = TableWriter(predictions_out), TableWriter(skipped_out)
    counted = None
    for block in predicted_blocks(options, progress):
        predictions.add(block.predictions, block.floats)
        skipped.add(block.skipped)
        if count:
            counted = counted or Predicted(block.adapter)
            counted.add(block.predictions, block.skipped, block.sequences)
    return counted


def predicted_blocks(options: PredictOptions, progress: Callable[[str], None]) -> Iterator[Block]:
    """Give predictions in the order of the input, at least one block.

    progress: told how it goes, a line at a time.
    Raises UserError for anything wrong with the files.
    """
    source = describe(options.input, "the input")
    of_table = options.input_format != "fasta"

    def blocks() -> Iterator[pd.DataFrame]:
        if of_table:
            return read_table_blocks(options.input, source, options.sequence_column)
        return read_fasta_blocks(options.input, source)

    # A file that cannot be read, or holds no DNA, is refused before a model is loaded.
    check_first(next(blocks()), source, of_table=of_table)
    adapter = load_adapter(options.adapter)
    # A k-mer is the least that a model of k-mers reads.
    limits = Limits(max(options.min_length, adapter.kmer), options.max_ambiguous)
    windows = None
    if options.long == WINDOWS:
        chosen = choose_window(adapter, options.window, options.step, WINDOWS_OVERLAP, progress)
        windows = _Windows(*chosen, options.aggregate, limits)
    # In windows, each is looked at for itself: there may be some to read in a sequence that is mostly unknown.
    screened = replace(limits, max_ambiguous=1.0) if windows else limits
    log = _Log(source, adapter, progress, in_windows=windows is not None)
    with (
        opened_predictor(adapter, options, log.tell, strand=options.strand, precision=options.precision) as predictor,
        Passes(predictor) as passes,
    ):
        log.begin()
        for _ in passes:
            log.start(f"{passes.models}: " if len(passes) > 1 else "")
            for block in blocks():
                records, skipped = screen(block, screened, of_table=of_table)
                if windows:
                    predicted = windows.predicted(passes, adapter, records, skipped, log)
                else:
                    predicted = _at_once(passes, adapter, records, skipped, log)
                if predicted is None:
                    log.passed(len(records))
                else:
                    log.add(predicted)
                    yield predicted
                del block, records, skipped, predicted
        log.end(predictor.encoder)


def _at_once(
    passes: Passes, adapter: Adapter, records: pd.DataFrame, skipped: pd.DataFrame, log: "_Log"
) -> Block | None:
    """Predict sequences of which the model reads all, or the first part; None before the last pass."""
    predictions = passes.predictions(records["sequence"].tolist())
    if predictions is None:
        return None
    log.read += passes.read
    return Block(prediction_table(records, predictions, adapter), skipped, records["sequence"], adapter)


@dataclass(frozen=True)
class _Windows:
    """How sequences are read in windows: the letters of one, from one to the next, and how they become one prediction.

    limits: of each window.
    """

    window: int
    step: int
    aggregate: str
    limits: Limits

    def predicted(
        self, passes: Passes, adapter: Adapter, records: pd.DataFrame, skipped: pd.DataFrame, log: "_Log"
    ) -> Block | None:
        """Predict sequences; one with no window that can be read is skipped. None before the last pass."""
        combined = Combined(adapter.target, len(records), self.aggregate)
        at_once = sequences_at_once(self.window)
        for rows, starts, letters in windows_of(records["sequence"].tolist(), self.window, self.step, at_once):
            good = ~self.limits.ambiguous(letters)[1]
            predictions = passes.predictions([text for text, keep in zip(letters, good, strict=True) if keep])
            if predictions is not None:
                log.read += passes.read
                combined.add(rows[good], starts[good], predictions)
        if not passes.last:
            return None
        read = combined.counts > 0
        table = records[read].assign(windows=combined.counts[read])
        if self.aggregate == MAX and adapter.target.kind != MULTI_LABEL:
            table["window_start"] = combined.starts[read]
        predictions = prediction_table(table, combined.predictions()[read], adapter)
        skipped = pd.concat([skipped, unreadable_windows(records[~read], self.limits)]).sort_index()
        return Block(predictions, skipped, table["sequence"], adapter)


class _Log(ReadingLog):
    """Counts what was predicted, and what was not."""

    def __init__(self, source: str, adapter: Adapter, progress: Callable[[str], None], *, in_windows: bool):
        """source: what to call the input. in_windows: whether long sequences are read in windows."""
        super().__init__(f"windows of {source}" if in_windows else source, progress)
        self._input, self._in_windows = source, in_windows
        self._lengths = LengthCheck(adapter)
        self._models, self._parts, self._passed = "", 1, 0
        self._tally = Tally()

    def start(self, models: str) -> None:
        """Begin a pass over the input; models: words for those that are asked in it, or nothing if all are."""
        self._models, self._parts, self._passed = models, 1, 0

    def tell(self, text: str) -> None:
        """Tell how far a part of the input is."""
        self.progress(text if self._parts == 1 else f"part {self._parts}: {text}")

    def passed(self, records: int) -> None:
        """Count the records of a block that some of the models have seen."""
        self._parts += 1
        self._passed += records
        if self.is_due():
            self.progress(f"{self._models}{self._passed:,} sequences")

    def add(self, block: Block) -> None:
        """Count a block."""
        self._parts += 1
        self._tally.count(block.predictions, block.skipped)
        self._lengths.add(block.sequences)
        if self.is_due():
            done = self._tally.sequences
            self.progress(f"{done:,} sequences predicted, {done / self.seconds:,.0f} a second")

    def end(self, encoder: Encoder) -> None:
        """Tell what was predicted, how it was read, and what was not predicted."""
        seconds, done, skipped = self.seconds, self._tally.sequences, self._tally.skipped
        self.progress(f"{done:,} sequences predicted in {seconds:.1f} s, {done / seconds:,.0f} a second")
        shorter = "choose shorter windows" if self._in_windows else "read them in windows"
        self.tell_reading(encoder, shorter, self._lengths.warnings(self._input, self._in_windows))
        if len(skipped):
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.sort_index().items())
            self.progress(f"warning: {self._input}: {skipped.sum():,} sequences not predicted: {reasons}")
