"""Fine-tuning: a base model, a train and a dev split in, an adapter out."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import set_seed

from ..adapters.dataset import Adapter, load_adapter
from ..base_models.encoding import Encoder
from ..base_models.installed_files import sha256_of_file
from ..base_models.opening import opened_base_model
from ..base_models.options import RevisedBaseModelOptions
from ..classifiers.precision import choose_precision
from ..data.split_files import with_splits
from ..data.targets import Target
from ..errors import UserError
from ..motifs.sources import chosen_motifs
from ..options import INPUT, MANY, ThreadOptions, options_of
from ..processes.children import forkable
from ..processes.devices import choose_devices
from ..processes.threads import default_threads
from ..reports.number_text import number_text
from ..scores.registry import DEFAULT_METRIC, EVERY_EPOCH, TITLES
from ..words import AUTO, BOTH, NONE, NUMBER, YES
from .batches import batch_size_for
from .branch_parts import Parts
from .choosing import chosen_metric, same_answer_warning
from .combination import Combination, combination, trained_beside
from .continuing import continued, state_of, without_effect
from .ending import ending, to_be_read
from .launching import trained
from .loop import ENDED, TIME_LIMIT, Plan, Trained
from .losses import objective
from .model import check_trainable, fitted, ready_model
from .options import FinetuneOptions
from .runs import history, spread
from .splits import TrainingData, read_splits

RECORDED_LIBRARIES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors")
# Fraction of a time limit that the language model may take, if there are classifiers that read nucleotides too.
LANGUAGE_MODEL_SHARE = 0.75
# What the history of an adapter, which is the same whenever it is made, does not have.
TIMES = "seconds"


@dataclass(frozen=True)
class Finetuned:
    """The adapter, and the history, a row for each evaluation of each run.

    metric: the score that chose what is kept.
    spread: mean and standard deviation of the runs' dev scores, if there are several.
    costs: what the training took: pairs of a name and a text.
    read: a sentence on each split that was read; notes: sentences on what was done; warnings: sentences that a user
    has to read.
    state: the optimizer's moments to go on from, if they were asked for.
    """

    adapter: Adapter
    history: pd.DataFrame
    metric: str
    spread: pd.DataFrame | None
    costs: list[tuple[str, str]]
    read: list[str]
    notes: list[str]
    warnings: list[str]
    state: dict[str, torch.Tensor]


@forkable()  # the trials and the training processes are forked
def finetune(options: FinetuneOptions, progress: Callable[[str], None], keep_state: bool = False) -> Finetuned:
    """Train an adapter.

    keep_state: whether the optimizer's moments are returned.
    progress: told how it goes, a line at a time.
    Raises UserError for anything wrong with the files or the request.
    """
    options = with_splits(options, train="train", dev="dev")
    started = time.monotonic()
    seconds = options.max_minutes * 60 or math.inf
    before = load_adapter(options.resume_from) if options.resume_from else None
    state, unsure = state_of(options.resume_state, before) if options.resume_state else (None, [])
    options, taken = continued(options, before)
    beside = options.branch == YES
    motifs = chosen_motifs(options.motifs, options.motifs_file) if beside and not before else ([], "")
    unsure = [*unsure, *without_effect(options)]
    for text in unsure:
        progress(f"warning: {text}")
    with opened_base_model(options.base_model, options.base_model_id, options.base_model_revision) as base:
        encoder = Encoder(base, options.max_length, options.kmer or None)
        data = read_splits(options, encoder, encoder.computed(options.strands) == BOTH, before, progress)
        data.warnings.extend(unsure)
        batch_size = options.batch_size or batch_size_for(len(data.sets["train"]))
        options = replace(options, batch_size=batch_size)
        devices = choose_devices(
            options.threads or default_threads(),
            options.batch_size,
            model_bytes=sum(file.stat().st_size for file in base.folder.glob("*.safetensors")),
            quantized=options.quantization != NONE,
        )
        precision = choose_precision(options.precision, devices.cuda, data.longest)
        metric, unusual = _best_metric(options.best_metric, data)
        plan = Plan(
            options=replace(options, best_metric=metric),
            devices=devices,
            train_set=data.sets["train"],
            dev_set=data.sets["dev"],
            pad_token_id=encoder.tokenizer.pad_token_id,
            target=data.target,
            truth=data.truth["dev"],
            loss=objective(options, data.target, data.truth["train"]),
            scores=EVERY_EPOCH[data.target.kind],
            seed=options.seed,
            deadline=started + seconds * (LANGUAGE_MODEL_SHARE if beside else 1),
            precision=precision.name,
            keep_state=keep_state,
            tokens_at_once=0,  # see model.fitted
            epochs_before=_epochs(before) if before else 0,
        )
        for text in unusual:
            data.warnings.append(text)
            progress(f"warning: {text}")
        runs: list[Trained] = []
        reported = list(data.warnings)
        seeds = [(options.seed + run) % 2**32 for run in range(options.runs)]
        which = [f"the run with the seed {seed}" if options.runs > 1 else "the training" for seed in seeds]
        for run, seed in enumerate(seeds):
            set_seed(seed)  # before the head and the LoRA matrices are drawn
            model, settings, about = ready_model(base, plan, options, precision, before)
            if not runs:
                quantized = options.quantization != NONE
                check_trainable(model, base, encoder, plan, data.longest, quantized)
                plan, more, expected = fitted(model, plan, options)
                notes = [*about, *taken, *more]
                for text in [*notes, *expected]:
                    progress(text)
            if options.runs > 1:
                progress(f"run {run + 1} of {options.runs}, seed {seed}")
            runs.append(trained(model, replace(plan, seed=seed), progress, state))
            # Which of several runs is kept, and what is to be said of what is kept, is known at the end.
            remarks = _remarks(runs[-1], plan, which[run], kept=options.runs == 1 and not beside)
            reported += remarks.warnings
            for text in [*remarks.ended, *(f"warning: {text}" for text in remarks.warnings)]:
                progress(text)
            if runs[-1].stopped in (TIME_LIMIT, ENDED):
                break
        table, kept = history(runs, seeds[: len(runs)], options.keep, metric)
        del model
        together, unfinished, costs = None, [], _costs(runs)
        if beside:
            begun = time.monotonic()
            parts = None
            if runs[-1].stopped != ENDED:
                whole = replace(plan, deadline=started + seconds)
                parts = trained_beside(whole, data, motifs, options.strands, before, progress)
            together, unfinished = _together(plan, data, parts, [runs[number] for number in kept], progress)
            costs.append(("time of the classifiers that read nucleotides", f"{time.monotonic() - begun:,.0f} s"))
        if together:  # what one model predicts alone is not what is used
            runs = [replace(run, same="") for run in runs]
        remarks = [_remarks(run, plan, which[number], number in kept) for number, run in enumerate(runs)]
        described = {
            "peft": settings,
            # A license that the adapter before it records is not lost where the model is opened from an archive now.
            "base_model": base.identity() | ({"license": before.license} if before and before.license else {}),
            "task": _task(data.target, encoder, options.strands, len(kept)),
            "training": _record(options, data, plan, runs, table),
        }
        if together:
            described["task"]["branch"] = together.record
            described["training"]["on_dev"] = together.on_dev
        first, *further = (runs[number] for number in kept)
        result = Finetuned(
            adapter=Adapter(
                tensors=first.tensors,
                further=[run.tensors for run in further],
                branch=together.tensors if together else {},
                **described,
            ),
            history=table,
            metric=metric,
            spread=spread(runs) if len(runs) > 1 else None,
            costs=costs,
            read=data.read,
            notes=notes + [text for one in remarks for text in one.ended],
            warnings=data.warnings + [text for one in remarks for text in one.warnings] + unfinished,
            state=first.state,
        )
        for text in result.warnings:
            if text not in reported:
                progress(f"warning: {text}")
        return result


def _together(
    plan: Plan,
    data: TrainingData,
    parts: Parts | None,
    runs: list[Trained],
    progress: Callable[[str], None],
) -> tuple[Combination | None, list[str]]:
    """Return the models that are kept with the classifiers that read nucleotides, and what a user has to read.

    parts: the classifiers; None if the job was asked to end before they were trained. runs: those that are kept.
    """
    if parts is None:
        return None, [
            "the classifiers that read nucleotides were not trained, since the system asked the training to end: the "
            "adapter has the language model alone"
        ]
    together = combination(plan, parts, np.mean([run.outputs for run in runs], axis=0))
    progress(_sentence(together, plan))
    if not together.same:
        return together, []
    return together, [same_answer_warning(data.target, together.same, len(data.truth["dev"]), "the adapter")]


def _sentence(together: Combination, plan: Plan) -> str:
    alone, summed = together.on_dev[0], together.on_dev[-1]
    name = DEFAULT_METRIC[plan.target.kind]
    return (
        f"on the development set: {TITLES[name]} {number_text(summed[name], '.4f')} and loss {summed['loss']:.4f}; the "
        f"language model alone: {number_text(alone[name], '.4f')} and {alone['loss']:.4f}"
    )


def _epochs(before: Adapter) -> int:
    """Return how many epochs an adapter was trained for; those made by earlier releases do not know."""
    epochs = before.training.get("epochs")
    return epochs if type(epochs) is int and epochs > 0 else 0


def _best_metric(asked: str, data: TrainingData) -> tuple[str, list[str]]:
    """Return the score on the development set that chooses, and sentences that a user has to read.

    Raises UserError for one that the target does not have.
    """
    kind = data.target.kind
    allowed = EVERY_EPOCH[kind]
    if asked not in (AUTO, *allowed):
        labels = "numbers" if kind == NUMBER else "labels"
        raise UserError(f"{asked} is no score of {labels}; choose the best by {', '.join(allowed)}")
    metric, instead = chosen_metric(data.target, data.truth["dev"], asked)
    return metric, [instead] if instead else []


def _task(target: Target, encoder: Encoder, strands: str, members: int) -> dict[str, Any]:
    """Return what an adapter records of what it answers, and of how it reads sequences."""
    return target.task() | {
        "max_length": encoder.max_length,
        "kmer": encoder.kmer,
        "pooling": "last_token",
        "strand": strands,
        "members": members,
        "calibration": None,
    }


def _record(
    options: FinetuneOptions, data: TrainingData, plan: Plan, runs: list[Trained], table: pd.DataFrame
) -> dict[str, Any]:
    """Return what an adapter records of its training; table: the history of the runs."""
    return {
        "options": {
            option.name: getattr(options, option.name)
            for option in options_of(FinetuneOptions)
            if option.kind not in (INPUT, MANY)
            and option not in (*options_of(RevisedBaseModelOptions), *options_of(ThreadOptions))
        },
        "versions": {name: version(name) for name in RECORDED_LIBRARIES},
        "sequences": {name: len(sequences) for name, sequences in data.sets.items()},
        "sequence_lengths": data.sequence_lengths,
        "sequence_gc": data.sequence_gc,
        "seen": data.seen,
        "unknown_token_shares": data.unknown_shares,
        "train_sha256": data.sha256["train"],
        "dev_sha256": data.sha256["dev"],
        "epochs": math.ceil(max(run.epochs for run in runs)) + plan.epochs_before,
        "continued_from_sha256": sha256_of_file(options.resume_from) if options.resume_from else None,
        "stopped": [ending(run, plan) for run in runs],
        "history": _without_nan(table.drop(columns=TIMES)),
    }


@dataclass(frozen=True)
class _Remarks:
    """How a run ended, unless that is among the warnings; warnings: sentences that a user has to read."""

    ended: list[str]
    warnings: list[str]


def _remarks(run: Trained, plan: Plan, which: str, kept: bool) -> _Remarks:
    """Return what there is to tell of a run; which: what to call it; kept: whether its model is."""
    sentence = ending(run, plan, which)
    warnings = to_be_read(run, plan, which, kept)
    return _Remarks([] if sentence in warnings else [sentence], warnings)


def _costs(runs: list[Trained]) -> list[tuple[str, str]]:
    seconds = sum(run.seconds for run in runs)
    return [
        ("time of training and scoring", f"{seconds:,.0f} s"),
        ("training sequences a second", f"{sum(run.sequences for run in runs) / seconds:,.0f}"),
        ("training tokens a second", f"{sum(run.tokens for run in runs) / seconds:,.0f}"),
        ("peak memory of a process", f"{max(run.peak_bytes for run in runs) / 1e6:,.0f} MB"),
    ]


def _without_nan(table: pd.DataFrame) -> list[dict[str, Any]]:
    """JSON has no NaN, which a score is that is not defined."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
