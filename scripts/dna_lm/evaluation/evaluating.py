"""Scoring an adapter on labeled sequences."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from ..adapters.dataset import Adapter, load_adapter
from ..adapters.recorded_model import opened_base_model_of
from ..adapters.seen_data import check_seen, in_common, is_training_data
from ..base_models.encoding import summary, warnings
from ..base_models.opening import sha256_of_file
from ..baselines.ladder_models import BASELINES, baselines, learned_from
from ..data.digests import digests_of
from ..data.packing import gc_content, pack
from ..data.tables import read_labeled
from ..data.targets import Target
from ..data.textfiles import describe
from ..errors import UserError
from ..prediction.predictor import predictor_on
from ..prediction.table import prediction_table
from ..scores.bootstrap import COLUMNS, Resampled, resample, score_text
from ..scores.truth import mistakes, name_of_all
from ..words import ALLOW, BOTH, MULTI_LABEL, NUMBER, RECORDED
from .frozen_model import pooled_states
from .independence import Independence, independence
from .ladder import Ladder, climb
from .options import EvaluateOptions
from .strands import Strands, compare_strands
from .worst_errors import worst_errors

# The rows of the table of metrics about speed, called as the tutorial on Mistral-DNA, with transformers' Trainer, does.
SPEED = ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second")


@dataclass(frozen=True)
class Evaluated:
    """An evaluation.

    predictions: the table, in the order of the input. adapter: what made it. source: what the data are called.
    strand: options.FORWARD, REVERSE or BOTH: on which the answers are from that are scored.
    resampled: the scores and those of resamples. truth, answers, predicted: as the target's read, the predictor and the
    decision give them. lengths, gc: of each sequence, (n,), in letters and as a share.
    strands: what the strand changes. worst: the table of the worst errors. ladder: if there was a training split.
    speed: the scores SPEED by name.
    seen: sentences about data that took part in the training; read: a sentence on what the model was given; warnings:
    sentences that a user has to read; caveats: others about how far the scores can be relied on.
    """

    predictions: pd.DataFrame
    adapter: Adapter
    source: str
    strand: str
    resampled: Resampled
    truth: np.ndarray
    answers: np.ndarray
    predicted: np.ndarray
    lengths: np.ndarray
    gc: np.ndarray
    independence: Independence
    strands: Strands
    worst: pd.DataFrame
    ladder: Ladder | None
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
        """Which answers are wrong; of numbers the absolute errors."""
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


def evaluate(options: EvaluateOptions, progress: Callable[[str], None]) -> Evaluated:
    """Score an adapter on labeled sequences.

    `progress` is told how it goes, a line at a time.
    Both strands are computed, whichever is scored, so that it can be told what the strand changes.
    Raises UserError for anything wrong with the files, and for data that took part in making the adapter, unless that
    is allowed.
    """
    source = describe(options.data, "the labeled data")
    loaded = load_adapter(options.adapter)
    target, decision = loaded.target, loaded.decision
    records, truth = _read(options.data, source, target)
    target.require_scorable(truth, source)
    sequences, units = records["sequence"].tolist(), independence(records)
    seen = check_seen(loaded, sha256_of_file(options.data), digests_of(sequences), options.seen_data, source)
    learned = _Train.read(options.train, records, truth, loaded, options.seen_data, source) if options.train else None
    with opened_base_model_of(loaded, options.base_model, options.base_model_id, options.installed) as base:
        with predictor_on(base, loaded, options.batch_size, progress, strand=BOTH) as predictor:
            started = time.perf_counter()
            outputs = predictor.outputs(sequences)
            seconds = time.perf_counter() - started
            strands, answers_of = compare_strands(
                target, truth, outputs.raw, predictor.predictions, decision, units.clusters
            )
            read, said = summary(outputs.encoded, source), warnings(outputs.encoded, predictor.encoder, source)
            encoder = predictor.encoder
        for text in [read, *(f"warning: {text}" for text in seen + said)]:
            progress(text)
        strand = loaded.strand if options.strand == RECORDED else options.strand
        answers = answers_of[strand]
        resampled = resample(target, truth, answers, decision, clusters=units.clusters)
        ladder = None
        if learned:
            states = partial(
                *(pooled_states, base, encoder),
                strands=2 if strand == BOTH else 1,
                batch_size=options.batch_size,
                progress=progress,
            )
            ladder = _ladder(target, truth, answers, learned, sequences, states, units, progress)
    predicted = decision.predicted(target, answers)
    predictions = _predictions(records, truth, answers, loaded)
    packed = pack(sequences)
    lengths, gc = packed.lengths, gc_content(packed)
    return Evaluated(
        predictions=predictions,
        adapter=loaded,
        source=source,
        strand=strand,
        resampled=resampled,
        truth=truth,
        answers=answers,
        predicted=predicted,
        lengths=lengths,
        gc=gc,
        independence=units,
        strands=strands,
        worst=worst_errors(target, truth, answers, predicted, predictions, lengths, gc, options.worst),
        ladder=ladder,
        speed=_speed(len(sequences), seconds, options.batch_size),
        seen=seen,
        read=read,
        warnings=said,
        caveats=learned.caveats if learned else [],
    )


@dataclass(frozen=True)
class _Train:
    """The training split, for the baselines; caveats: sentences about it."""

    sequences: list[str]
    truth: np.ndarray
    caveats: list[str]

    @staticmethod
    def read(
        path: str, records: pd.DataFrame, truth: np.ndarray, adapter: Adapter, seen_data: str, tested: str
    ) -> "_Train":
        """records, truth, tested: the data that are scored, and what to call them."""
        source = describe(path, "the training split")
        own, own_truth = _read(path, source, adapter.target)
        adapter.target.require_scorable(own_truth, source)
        caveats = []
        sequences = own["sequence"].tolist()
        if not is_training_data(adapter, sha256_of_file(path), digests_of(sequences)):
            caveats.append(
                f"{source} is not the file that the adapter was trained on: the simpler models learned from other data"
            )
        shared, contrary = in_common(records["sequence"].tolist(), truth, sequences, own_truth)
        verb = "is" if shared.seen == 1 else "are"
        what = f"{tested}: {shared.text()} {verb} also in {source}, on either strand{contrary}"
        if shared.refused and seen_data != ALLOW:
            raise UserError(
                f"{what}; choose a test split that shares none with it, or allow seen data (--seen-data allow)"
            )
        if shared.seen:
            caveats.append(f"{what}: the scores of all models are too good")
        return _Train(sequences, own_truth, caveats)


def _read(path: str, source: str, target: Target) -> tuple[pd.DataFrame, np.ndarray]:
    records = read_labeled(path, source, empty_labels=target.kind == MULTI_LABEL)
    return records, target.read(records["label"], source)


def _ladder(
    target: Target,
    truth: np.ndarray,
    answers: np.ndarray,
    learned: _Train,
    sequences: list[str],
    states: Callable[[list[str]], np.ndarray],
    units: Independence,
    progress: Callable[[str], None],
) -> Ladder:
    simpler = baselines(target, learned.sequences, learned.truth, sequences, states=states, progress=progress)
    counts = {BASELINES[name]: len(learned_from(target, learned.sequences, learned.truth, name)) for name in simpler}
    named = {BASELINES[name]: own for name, own in simpler.items()}
    return climb(target, truth, answers, named, counts, len(learned.sequences), clusters=units.clusters)


def _predictions(records: pd.DataFrame, truth: np.ndarray, answers: np.ndarray, adapter: Adapter) -> pd.DataFrame:
    """Return the table of predictions, with what is true and whether it was met."""
    target = adapter.target
    compared = "error" if target.kind == NUMBER else "correct"
    table = prediction_table(records.drop(columns=["label", compared], errors="ignore"), answers, adapter)
    # Labels in the order and form of the predicted ones; numbers as they are written in the file.
    table["label"] = records["label"].to_numpy() if target.kind == NUMBER else target.names(truth)
    if target.kind == NUMBER:
        table[compared] = answers[:, 0] - truth
    else:
        table[compared] = np.where(table["label"] == table["predicted"], "yes", "no")
    return table


def _speed(sequences: int, seconds: float, batch_size: int) -> dict[str, float]:
    steps = math.ceil(sequences / batch_size)
    return dict(zip(SPEED, (seconds, sequences / seconds, steps / seconds), strict=True))
