"""Scoring an adapter on labeled sequences."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from ..adapters.dataset import Adapter, load_adapter
from ..adapters.recorded_model import opened_base_model_of
from ..adapters.seen_data import ALLOW_SEEN_DATA, check_seen, in_common, is_training_data
from ..base_models.encoding import EncodedStrands, summary, warnings
from ..base_models.installed_files import sha256_of_file
from ..base_models.opening import BaseModel
from ..baselines.evaluation_baselines import baselines, learned_from
from ..baselines.names import COMMONEST, CONVOLUTION, FROZEN, GC, KMERS, MOTIFS, UNTRAINED, title
from ..data.digests import digests_of
from ..data.packing import gc_content, pack
from ..data.split_files import with_splits
from ..data.tables import read_labeled
from ..data.targets import Target
from ..data.textfiles import describe
from ..errors import UserError
from ..motifs.sources import chosen_motifs
from ..prediction.merged_models import UnmergedBase
from ..prediction.predictor import mean_predictions, predictor_on, summed_predictions
from ..prediction.table import prediction_table
from ..scores.bootstrap import COLUMNS, Resampled, resample, score_text
from ..scores.truth import mistakes, name_of_all
from ..words import ALLOW, BOTH, MULTI_LABEL, NO, NUMBER, RECORDED, YES
from .frozen_model import pooled_states
from .independence import Independence, independence
from .ladder import ALONE_NAME, Ladder, climb
from .nucleotide_rungs import motif_group, nucleotide_rungs
from .options import EvaluateOptions
from .strands import Strands, compare_strands, of_strand
from .untrained_model import settings_of, untrained_rung
from .worst_errors import worst_errors

# The models of the ladder that are trained for it, simplest first.
RUNGS = (COMMONEST, GC, KMERS, MOTIFS, CONVOLUTION, FROZEN, UNTRAINED)
# The rows of the table of metrics about speed, called as the tutorial on Mistral-DNA, with transformers' Trainer, does.
SPEED = ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second")


@dataclass(frozen=True)
class Evaluated:
    """An evaluation.

    table: the predictions, in the order of the input. adapter: what made it. source: what the data are called.
    strand: options.FORWARD, REVERSE or BOTH: the strand whose predictions are scored.
    resampled: the scores and those of resamples. truth, predictions, predicted: as given by the target's read, the
    predictor and the decision. lengths, gc: of each sequence, (n,), in letters and as a share.
    strands: what the strand changes. worst: the table of the worst errors. ladder: if there was a training split.
    motifs: where those of the ladder are from, in words.
    speed: the scores SPEED by name.
    seen: sentences about data that took part in the training; read: a sentence on what the model was given; warnings:
    sentences that a user has to read; caveats: others about how far the scores can be relied on.
    """

    table: pd.DataFrame
    adapter: Adapter
    source: str
    strand: str
    resampled: Resampled
    truth: np.ndarray
    predictions: np.ndarray
    predicted: np.ndarray
    lengths: np.ndarray
    gc: np.ndarray
    independence: Independence
    strands: Strands
    worst: pd.DataFrame
    ladder: Ladder | None
    motifs: str
    speed: dict[str, float]
    seen: list[str]
    read: str
    warnings: list[str]
    caveats: list[str]

    @property
    def scores(self) -> dict[str, float]:
        """The scores of all labels by name."""
        return {name: value for (name, number), value in self.resampled.values.items() if number is None}

    @property
    def errors(self) -> np.ndarray:
        """Which predictions are wrong; of numbers the absolute errors."""
        return mistakes(self.adapter.target, self.truth, self.predicted)

    def metrics_table(self) -> pd.DataFrame:
        """Return all that is scored, with the columns of bootstrap.COLUMNS, as text.

        Behind the scores are `strand_flips` (of numbers `strand_difference`) and the speed, which have no interval
        but for the share of flips.
        """
        target = self.adapter.target
        flips = "strand_difference" if target.kind == NUMBER else "strand_flips"
        rows = [tuple(row) for row in self.resampled.table().itertuples(index=False)]
        every = name_of_all(target.labels)
        rows.append((flips, every, self.strands.flipped, self.strands.low, self.strands.high))
        rows += [(name, every, value, math.nan, math.nan) for name, value in self.speed.items()]
        return pd.DataFrame(
            [
                (metric, label, *(score_text(target, metric, value) for value in values))
                for metric, label, *values in rows
            ],
            columns=COLUMNS,
        )


def with_files(options: EvaluateOptions) -> EvaluateOptions:
    """Return the options with the paths of the test set and, if simpler models are asked for, of the training split.

    Raises UserError for one that is not given; without a collection the training split may be missing.
    """
    if options.baselines == NO:
        return replace(with_splits(options, data="test"), train=None)
    return with_splits(options, data="test", **({"train": "train"} if options.splits else {}))


def evaluate(options: EvaluateOptions, progress: Callable[[str], None]) -> Evaluated:
    """Score an adapter on labeled sequences.

    progress: told how it goes, a line at a time.
    Both strands are computed, whichever is scored, so that it can be told what the strand changes.
    Raises UserError for anything wrong with the files, and for data that took part in making the adapter, unless that
    is allowed.
    """
    options = with_files(options)
    source = describe(options.data, "the test set")
    adapter = load_adapter(options.adapter)
    target, decision = adapter.target, adapter.decision
    records, truth = _read(options.data, source, target)
    target.require_scorable(truth, source)
    sequences, units = records["sequence"].tolist(), independence(records)
    seen = check_seen(adapter, sha256_of_file(options.data), digests_of(sequences), options.seen_data, source)
    train = _Train.read(options, records, truth, adapter, source) if options.train else None
    if train and options.without_pretraining == YES:
        settings_of(adapter)  # before anything is computed: it may refuse
    with opened_base_model_of(adapter, options.base_model, options.base_model_id, options.installed) as base:
        strand = adapter.strand if options.strand == RECORDED else options.strand
        learned = train.of_frozen_model(target) if train else None
        applied = _Applied.make(base, adapter, sequences, learned, strand, options.batch_size, source, progress)
        strands, predictions_of = compare_strands(
            target, truth, applied.raw, partial(_predictions_of, adapter), decision, units.clusters
        )
        for text in [applied.read, *(f"warning: {text}" for text in seen + applied.warnings)]:
            progress(text)
        predictions = predictions_of[strand]
        ladder, motifs = None, ([], "")
        if train:
            given = target, train.sequences, train.truth, sequences
            simpler = baselines(*given, states=applied.states, progress=progress)
            motifs = chosen_motifs(motif_group(options.motifs, adapter), None)
            simpler |= nucleotide_rungs(*given, motifs=motifs[0], strand=strand, progress=progress)
            if options.without_pretraining == YES:
                scored = sequences, strand, options.batch_size
                simpler[UNTRAINED] = untrained_rung(base, adapter, train.sequences, train.truth, *scored, progress)
            alone = None
            if adapter.branch:
                raw = of_strand(applied.language_model, strand)
                alone = summed_predictions(adapter, raw) / adapter.members
            ladder = _ladder(target, truth, predictions, train, simpler, alone, units)
    predicted = decision.predicted(target, predictions)
    table = _predictions_table(records, truth, predictions, adapter)
    packed = pack(sequences)
    lengths, gc = packed.lengths, gc_content(packed)
    return Evaluated(
        table=table,
        adapter=adapter,
        source=source,
        strand=strand,
        resampled=resample(target, truth, predictions, decision, clusters=units.clusters),
        truth=truth,
        predictions=predictions,
        predicted=predicted,
        lengths=lengths,
        gc=gc,
        independence=units,
        strands=strands,
        worst=worst_errors(target, truth, predictions, predicted, table, lengths, gc, options.worst),
        ladder=ladder,
        motifs=motifs[1],
        speed=_speed(len(sequences), applied.seconds, options.batch_size),
        seen=seen,
        read=applied.read,
        warnings=applied.warnings,
        caveats=train.caveats if train else [],
    )


@dataclass(frozen=True)
class _Applied:
    """What an adapter gave for the sequences on both strands.

    raw: logits, see predictor.Outputs. seconds: how long that took, encoding included. read, warnings: see Evaluated.
    states: the base model's pooled states of the sequences that a baseline learns from, and of these.
    language_model: raw without the classifiers that read nucleotides.
    """

    raw: np.ndarray
    language_model: np.ndarray
    seconds: float
    states: tuple[np.ndarray, np.ndarray] | None
    read: str
    warnings: list[str]

    @staticmethod
    def make(
        base: BaseModel,
        adapter: Adapter,
        sequences: list[str],
        learned: list[str] | None,
        strand: str,
        batch_size: int,
        source: str,
        progress: Callable[[str], None],
    ) -> "_Applied":
        """learned: the sequences that a baseline learns from. strand: the one that is scored.

        source: what the data are called.
        """
        unmerged = UnmergedBase(base, adapter)
        encoder = unmerged.encoder
        started = time.perf_counter()
        encoded = encoder.encode_strands(sequences)
        seconds = time.perf_counter() - started
        states = None
        if learned is not None:
            # Before the adapter is merged into the base model's weights, so that they are loaded once.
            states = _states(unmerged, learned, encoded, strand, batch_size, progress)
        with predictor_on(base, adapter, batch_size, progress, strand=BOTH, unmerged=unmerged) as predictor:
            predictor.every_part = True  # the language model has a rung of its own
            started = time.perf_counter()
            outputs = predictor.outputs_of(encoded)
            seconds += time.perf_counter() - started
        reading = outputs.reading
        told = summary(reading, source), warnings(reading, encoder, source)
        return _Applied(outputs.raw, outputs.language_model, seconds, states, *told)


def _states(
    unmerged: UnmergedBase,
    learned: list[str],
    asked: EncodedStrands,
    strand: str,
    batch_size: int,
    progress: Callable[[str], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pooled states of the sequences that a baseline learns from, and of those that are scored."""
    encoder = unmerged.encoder
    if strand == BOTH:
        known, reverse = encoder.encode_both(learned)
        strands = [known.tokens + asked.given.tokens, reverse + asked.reverse]
    else:
        strands = [encoder.encode(learned).tokens + asked.alone.tokens]
    pad = encoder.tokenizer.pad_token_id
    states = pooled_states(unmerged.model, pad, strands, batch_size=batch_size, progress=progress)
    return states[: len(learned)], states[len(learned) :]


def _predictions_of(adapter: Adapter, raw: np.ndarray) -> np.ndarray:
    return mean_predictions(adapter, summed_predictions(adapter, raw))


@dataclass(frozen=True)
class _Train:
    """The training split, for the baselines; caveats: sentences about it."""

    sequences: list[str]
    truth: np.ndarray
    caveats: list[str]

    def of_frozen_model(self, target: Target) -> list[str]:
        """Return the sequences that the frozen base model learns from."""
        chosen = learned_from(target, self.sequences, self.truth, FROZEN)
        return [self.sequences[number] for number in chosen]

    @staticmethod
    def read(
        options: EvaluateOptions, records: pd.DataFrame, truth: np.ndarray, adapter: Adapter, tested: str
    ) -> "_Train":
        """records, truth, tested: the data that are scored, and what to call them."""
        source = describe(options.train, "the training set")
        train, train_truth = _read(options.train, source, adapter.target)
        adapter.target.require_scorable(train_truth, source)
        caveats = []
        sequences = train["sequence"].tolist()
        if not is_training_data(adapter, sha256_of_file(options.train), digests_of(sequences)):
            caveats.append(
                f"{source} is not the file that the adapter was trained on: the simpler models learned from other data"
            )
        shared, contrary = in_common(records["sequence"].tolist(), truth, sequences, train_truth)
        verb = "is" if shared.seen == 1 else "are"
        what = f"{tested}: {shared.text()} {verb} also in {source}, on either strand{contrary}"
        if shared.refused and options.seen_data != ALLOW:
            raise UserError(f"{what}; choose a test set that shares none with it, or set {ALLOW_SEEN_DATA}")
        if shared.seen:
            caveats.append(f"{what}: the scores of all models are too good")
        return _Train(sequences, train_truth, caveats)


def _read(path: str, source: str, target: Target) -> tuple[pd.DataFrame, np.ndarray]:
    records = read_labeled(path, source, empty_labels=target.kind == MULTI_LABEL)
    return records, target.read(records["label"], source)


def _ladder(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    train: _Train,
    simpler: dict[str, np.ndarray],
    alone: np.ndarray | None,
    units: Independence,
) -> Ladder:
    """simpler: the predictions of each baseline, by its name, one of RUNGS.

    alone: those of the adapter's language model, if classifiers that read nucleotides are added to it.
    """
    titles = {name: title(name, target.kind) for name in RUNGS if name in simpler}
    named = {called: simpler[name] for name, called in titles.items()}
    counts = {
        called: len(train.sequences if name == UNTRAINED else learned_from(target, train.sequences, train.truth, name))
        for name, called in titles.items()
    }
    if alone is not None:
        named[ALONE_NAME] = alone
    return climb(target, truth, predictions, named, counts, len(train.sequences), clusters=units.clusters)


def _predictions_table(
    records: pd.DataFrame, truth: np.ndarray, predictions: np.ndarray, adapter: Adapter
) -> pd.DataFrame:
    """Return the table of predictions, with what is true and whether it was met."""
    target = adapter.target
    compared = "error" if target.kind == NUMBER else "correct"
    table = prediction_table(records.drop(columns=["label", compared], errors="ignore"), predictions, adapter)
    # Labels in the order and form of the predicted ones; numbers as they are written in the file.
    table["label"] = records["label"].to_numpy() if target.kind == NUMBER else target.names(truth)
    if target.kind == NUMBER:
        table[compared] = predictions[:, 0] - truth
    else:
        table[compared] = np.where(table["label"] == table["predicted"], "yes", "no")
    return table


def _speed(sequences: int, seconds: float, batch_size: int) -> dict[str, float]:
    steps = math.ceil(sequences / batch_size)
    return dict(zip(SPEED, (seconds, sequences / seconds, steps / seconds), strict=True))
