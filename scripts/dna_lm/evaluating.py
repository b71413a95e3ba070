"""Scoring an adapter on labelled sequences."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .adapter import Adapter, load_adapter
from .answering import opened_answerer
from .encoding import summary, warnings
from .metrics import score
from .options import MULTI_LABEL, NUMBER
from .prediction_table import prediction_table
from .tables import read_labelled
from .textfiles import describe


@dataclass(frozen=True)
class Evaluated:
    """An evaluation.

    predictions: the table, in the order of the input. adapter: what made it.
    scores: by name. truth, answers: as the target's read and answers give them.
    read: a sentence on what the model was given; warnings: sentences that a user has to read.
    """

    predictions: pd.DataFrame
    adapter: Adapter
    scores: dict[str, float]
    truth: np.ndarray
    answers: np.ndarray
    read: str
    warnings: list[str]


def evaluate(
    *,
    base_model: str,
    base_model_id: str | None,
    installed: list[str] | None = None,
    adapter: str,
    data: str,
    batch_size: int,
    progress: Callable[[str], None],
) -> Evaluated:
    """Score an adapter on labelled sequences.

    The parameters are the command line's options (see options); `progress` is told how it goes, a line at a time.

    Raises UserError for anything wrong with the files.
    """
    source = describe(data, "the labelled data")
    loaded = load_adapter(adapter)
    target = loaded.target
    records = read_labelled(data, source, empty_labels=target.kind == MULTI_LABEL)
    truth = target.read(records["label"], source)
    target.require_scorable(truth, source)
    with opened_answerer(
        loaded, base_model, base_model_id, installed=installed, batch_size=batch_size, progress=progress
    ) as answerer:
        outputs = answerer.outputs(records["sequence"].tolist())
        answers = answerer.answers(outputs.raw)
        read, said = summary(outputs.encoded, source), warnings(outputs.encoded, answerer.encoder, source)
    progress(read)
    for text in said:
        progress(f"warning: {text}")
    compared = "error" if target.kind == NUMBER else "correct"
    kept = records.drop(columns=["label", compared], errors="ignore")
    predictions = prediction_table(kept, answers, loaded)
    # Several labels in the order and form of the predicted ones; others as they are written in the file.
    predictions["label"] = target.said(truth) if target.kind == MULTI_LABEL else records["label"].to_numpy()
    if target.kind == NUMBER:
        predictions[compared] = answers[:, 0] - truth
    else:
        predictions[compared] = np.where(predictions["label"] == predictions["predicted"], "yes", "no")
    return Evaluated(predictions, loaded, score(target, truth, answers), truth, answers, read, said)
