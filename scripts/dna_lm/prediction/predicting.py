"""Predicting what sequences are, block by block: memory does not grow with their number."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..adapters.dataset import Adapter, load_adapter
from ..base_models.encoding import Reading, summary, warnings
from ..data.fasta import read_records
from ..data.tables import pick_column, table_blocks, write_tsv
from ..data.textfiles import describe
from ..processes import inference
from ..processes.inference import AT_ONCE, LETTERS_AT_ONCE
from ..words import MAX, MULTI_LABEL, WINDOWS
from .answering import Answerer, opened_answerer
from .long_sequences import Combined, windows_of
from .passes import Passes
from .screening import AMBIGUOUS, Limits, check_first, screen
from .table import prediction_table
from .window_lengths import LengthCheck, choose_window

# A step that nobody chose is a window divided by this.
WINDOWS_OVERLAP = 2


@dataclass(frozen=True)
class Block:
    """Some records of the input, in its order.

    predictions: see prediction_table. skipped: the records that were not predicted (screening.SKIPPED_COLUMNS).
    floats: how answers are written.
    """

    predictions: pd.DataFrame
    skipped: pd.DataFrame
    floats: str


def predict(
    *, predictions_out: str | Path, skipped_out: str | Path | None, progress: Callable[[str], None], **options
) -> None:
    """Predict labels or numbers, and write them as they come.

    predictions_out, skipped_out: where the tables are written; options: as predicted_blocks takes them.
    """
    more = False
    for block in predicted_blocks(progress=progress, **options):
        write_tsv(block.predictions, predictions_out, block.floats, more=more)
        if skipped_out:
            write_tsv(block.skipped, skipped_out, more=more)
        more = True


def predicted_blocks(
    *,
    base_model: str,
    base_model_id: str | None,
    installed: list[str] | None = None,
    adapter: str,
    input: str,
    input_format: str,
    sequence_column: str,
    strand: str,
    long: str,
    window: int,
    step: int,
    aggregate: str,
    min_length: int,
    max_ambiguous: float,
    batch_size: int,
    precision: str,
    progress: Callable[[str], None],
) -> Iterator[Block]:
    """Give predictions in the order of the input, at least one block.

    The parameters are the command line's options (see options); `progress` is told how it goes, a line at a time.
    Raises UserError for anything wrong with the files.
    """
    source = describe(input, "the input")
    of_table = input_format != "fasta"

    def blocks() -> Iterator[pd.DataFrame]:
        return _table_blocks(input, source, sequence_column) if of_table else _fasta_blocks(input, source)

    # A file that cannot be read, or holds no DNA, is refused before a model is loaded.
    check_first(next(blocks()), source, of_table=of_table)
    loaded = load_adapter(adapter)
    windows = long == WINDOWS
    if windows:
        window, step = choose_window(loaded, window, step, WINDOWS_OVERLAP, progress)
    # A k-mer is the least that a model of k-mers reads.
    limits = Limits(max(min_length, loaded.kmer), max_ambiguous)
    # In windows, each is looked at for itself: there may be some to read in a sequence that is mostly unknown.
    whole = replace(limits, max_ambiguous=1.0) if windows else limits
    log = _Log(source, f"windows of {source}" if windows else source, loaded, progress)
    with (
        opened_answerer(
            loaded,
            base_model,
            base_model_id,
            installed=installed,
            batch_size=batch_size,
            progress=log.say,
            strand=strand,
            precision=precision,
        ) as answerer,
        Passes(answerer) as passes,
    ):
        log.begin()
        for _ in passes:
            log.start(f"{passes.models}: " if len(passes) > 1 else "")
            for block in blocks():
                records, skipped = screen(block, whole, source, of_table=of_table)
                if windows:
                    answered = _in_windows(passes, loaded, records, skipped, limits, log, window, step, aggregate)
                else:
                    answered = _at_once(passes, loaded, records, skipped, log)
                if answered is None:
                    log.passed(len(records))
                else:
                    log.add(answered, records["sequence"][~records.index.isin(answered.skipped.index)])
                    yield answered
                del block, records, skipped, answered
        log.end(answerer, windows)


def _at_once(
    passes: Passes, adapter: Adapter, records: pd.DataFrame, skipped: pd.DataFrame, log: "_Log"
) -> Block | None:
    """Predict sequences of which the model reads all, or the first part; None before the last pass."""
    answers = passes.answers(records["sequence"].tolist())
    if answers is None:
        return None
    log.read += passes.read
    return Block(prediction_table(records, answers, adapter), skipped, adapter.target.answer_format)


def _in_windows(
    passes: Passes,
    adapter: Adapter,
    records: pd.DataFrame,
    skipped: pd.DataFrame,
    limits: Limits,
    log: "_Log",
    window: int,
    step: int,
    aggregate: str,
) -> Block | None:
    """Predict sequences from their windows; one with no window that can be read is skipped. None as for _at_once."""
    combined = Combined(adapter.target, len(records), aggregate)
    at_once = max(1, min(AT_ONCE, LETTERS_AT_ONCE // window))
    for rows, starts, letters in windows_of(records["sequence"].tolist(), window, step, at_once):
        good = ~limits.ambiguous(letters)[1]
        answers = passes.answers([text for text, keep in zip(letters, good, strict=True) if keep])
        if answers is not None:
            log.read += passes.read
            combined.add(rows[good], starts[good], answers)
    if not passes.last:
        return None
    read = combined.counts > 0
    table = records[read].assign(windows=combined.counts[read])
    if aggregate == MAX and adapter.target.kind != MULTI_LABEL:
        table["window_start"] = combined.starts[read]
    lost = records[~read]
    detail = f"in every window, more than {limits.max_ambiguous:.0%}"
    more = pd.DataFrame(
        {"id": lost["id"], "line": lost.index, "reason": AMBIGUOUS, "detail": detail}, index=lost.index, dtype=object
    )
    predictions = prediction_table(table, combined.answers()[read], adapter)
    return Block(predictions, pd.concat([skipped, more]).sort_index(), adapter.target.answer_format)


def _fasta_blocks(path: str, source: str) -> Iterator[pd.DataFrame]:
    """Give the records of a FASTA file, as many at a time as are computed together."""
    lines, names, sequences, letters = [], [], [], 0
    for line, name, sequence in read_records(path, source, unique=False):
        lines.append(line)
        names.append(name)
        sequences.append(sequence)
        letters += len(sequence)
        if len(lines) == AT_ONCE or letters > LETTERS_AT_ONCE:
            yield _fasta_block(lines, names, sequences)
            lines, names, sequences, letters = [], [], [], 0
    if lines:
        yield _fasta_block(lines, names, sequences)


def _fasta_block(lines: list[int], names: list[str], sequences: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"id": names, "sequence": sequences}, index=pd.Index(lines, name="line"), dtype=object)


def _table_blocks(path: str, source: str, sequence_column: str) -> Iterator[pd.DataFrame]:
    """Give the records of a table, with the column `sequence`, and `id` if only the number of the record."""
    first = 1
    for table in table_blocks(path, source, AT_ONCE):
        column = pick_column(table, sequence_column, source)
        records = table.drop(columns=column).assign(sequence=table[column])
        if "id" not in records:
            records = records.assign(id=np.arange(first, first + len(records)))
        first += len(records)
        yield records


class _Log:
    """Tells a user how far it is, and in the end what was read and what was not."""

    def __init__(self, source: str, read_source: str, adapter: Adapter, progress: Callable[[str], None]):
        """source, read_source: what to call the input, and what the model reads of it."""
        self.read = Reading()
        self._source, self._read_source, self._progress = source, read_source, progress
        self._lengths = LengthCheck(adapter)
        self._models, self._parts, self._passed = "", 1, 0
        self._predicted, self._skipped = 0, pd.Series(dtype=int)
        self._begun = self._said = time.monotonic()

    def begin(self) -> None:
        """Count the seconds from here: the model is ready."""
        self._begun = time.monotonic()

    def start(self, models: str) -> None:
        """Begin a pass over the input; models: words for those that are asked in it, or nothing if all are."""
        self._models, self._parts, self._passed = models, 1, 0

    def say(self, text: str) -> None:
        """Tell how far a part of the input is."""
        self._progress(text if self._parts == 1 else f"part {self._parts}: {text}")

    def passed(self, records: int) -> None:
        """Take a block of so many records that some of the models have answered for."""
        self._parts += 1
        self._passed += records
        if self._is_time():
            self._progress(f"{self._models}{self._passed:,} sequences")

    def add(self, block: Block, sequences: pd.Series) -> None:
        """Take a block, and the sequences that a model has read for it."""
        self._parts += 1
        self._predicted += len(block.predictions)
        self._lengths.add(sequences)
        self._skipped = self._skipped.add(block.skipped["reason"].value_counts(), fill_value=0)
        if self._is_time():
            speed = self._predicted / (time.monotonic() - self._begun)
            self._progress(f"{self._predicted:,} sequences predicted, {speed:,.0f} a second")

    def _is_time(self) -> bool:
        now = time.monotonic()
        due = now - self._said > inference.PROGRESS_SECONDS
        self._said = now if due else self._said
        return due

    def end(self, answerer: Answerer, windows: bool) -> None:
        seconds = time.monotonic() - self._begun
        self._progress(
            f"{self._predicted:,} sequences predicted in {seconds:.1f} s, {self._predicted / seconds:,.0f} a second"
        )
        self._progress(summary(self.read, self._read_source))
        shorter = "choose shorter windows" if windows else "read them in windows"
        warned = warnings(self.read, answerer.encoder, self._read_source, shorter=shorter)
        for text in [*warned, *self._lengths.warnings(self._source, windows)]:
            self._progress(f"warning: {text}")
        if len(self._skipped):
            reasons = ", ".join(f"{int(count):,} {reason}" for reason, count in self._skipped.sort_index().items())
            self._progress(f"warning: {self._source}: {int(self._skipped.sum()):,} sequences not predicted: {reasons}")
