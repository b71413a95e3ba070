"""The language model and the classifiers that read nucleotides, put together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..adapters.dataset import Adapter
from ..branch.combining import combined_weights
from ..branch.names import LANGUAGE_MODEL, TOGETHER
from ..motifs.motif import Motif
from ..scores.metrics import score
from .branch_parts import Parts, parts_of, trained_parts
from .choosing import same_prediction
from .interruption import left_when_asked_to_end
from .loop import Plan
from .splits import TrainingData


@dataclass(frozen=True)
class Combination:
    """A branch as an adapter keeps it, and how it scores on dev.

    tensors: of the branch. record: what the adapter's task has under `branch`.
    on_dev: a row for the language model, for each part, and for all of them together: `model`, `weight` (not of all
    together) and each score, None where it is not defined.
    same: what all of them together predict for every sequence of dev, in words, if it is the same for all.
    """

    tensors: dict[str, torch.Tensor]
    record: dict[str, Any]
    on_dev: list[dict[str, Any]]
    same: str


def trained_beside(
    plan: Plan,
    data: TrainingData,
    motifs: tuple[Sequence[Motif], str],
    strands: str,
    before: Adapter | None,
    progress: Callable[[str], None],
) -> Parts | None:
    """Return the classifiers that read nucleotides; None if the job was asked to end before they were trained.

    plan: of the language model, in one process on a GPU, as this process has it from now on.
    motifs: those to look for, and where they are from. before: the adapter that is gone on from; its parts are kept as
    they are.
    """
    if plan.devices.cuda:
        plan = replace(plan, devices=replace(plan.devices, processes=1))
    parts = None
    with left_when_asked_to_end():
        if before:
            parts = parts_of(plan, before, data.sequences["dev"], strands)
        else:
            progress("training classifiers that read nucleotides")
            parts = trained_parts(plan, data.sequences, data.truth["train"], *motifs, strands, progress)
    return parts


def combination(plan: Plan, parts: Parts, outputs: np.ndarray) -> Combination:
    """Weigh the language model and the parts on dev.

    outputs: the language model's for dev, of several models the mean, (n, outputs).
    """
    wanted = torch.as_tensor(plan.dev_set.wanted)
    weights = plan.loss.weights(wanted).double()
    weights /= weights.mean()  # a record counts once on average, whatever the labels weigh
    every = {LANGUAGE_MODEL: outputs} | parts.outputs
    found = combined_weights(list(every.values()), lambda summed: weights * plan.loss.losses(summed, wanted))
    counts = dict(zip(every, map(float, found), strict=True))
    total = sum(counts[name] * each for name, each in every.items())
    rows = [{"model": name, "weight": counts[name]} | _scores(plan, each) for name, each in every.items()]
    return Combination(
        parts.tensors,
        parts.record
        | {"weights": {name: counts[name] for name in parts.modules}}
        | {LANGUAGE_MODEL: counts[LANGUAGE_MODEL]},
        [*rows, {"model": TOGETHER} | _scores(plan, total)],
        same_prediction(plan.target, plan.target.predictions(total)),
    )


def _scores(plan: Plan, outputs: np.ndarray) -> dict[str, float | None]:
    found = score(plan.target, plan.truth, plan.target.predictions(outputs))
    return {name: None if math.isnan(found[name]) else float(found[name]) for name in plan.scores}
