"""Applying an adapter: scoring it on labelled sequences, predicting what others are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .adapter import Adapter, check_base_model, load_adapter
from .base_model import opened_base_model
from .classifier import trained_classifier
from .encoding import Encoder, summary, warnings
from .errors import UserError
from .fasta import read_fasta
from .inference import logits
from .metrics import score
from .options import BOTH, CLASSES, MULTI_LABEL, NUMBER
from .sequences import normalise_column
from .tables import pick_column, read_labelled, read_table
from .targets import Target
from .textfiles import describe


@dataclass(frozen=True)
class Predicted:
    """The predictions table, in the order of the input, and the adapter that made it."""

    predictions: pd.DataFrame
    adapter: Adapter


@dataclass(frozen=True)
class Evaluated(Predicted):
    """An evaluation.

    scores: by name. truth, answers: as the target's read and answers give them.
    read: a sentence on what the model was given; warnings: sentences that a user has to read.
    """

    scores: dict[str, float]
    truth: np.ndarray
    answers: np.ndarray
    read: str
    warnings: list[str]


def evaluate(
    *,
    base_model: str,
    base_model_id: str | None,
    adapter: str,
    data: str,
    batch_size: int,
    progress: Callable[[str], None],
) -> Evaluated:
    """Score an adapter on labelled sequences.

    The parameters are the command line's options (see options.py); `progress` is told how it goes, a line at a time.

    Raises UserError for anything wrong with the files.
    """
    source = describe(data, "the labelled data")
    loaded = load_adapter(adapter)
    target = loaded.target
    records = read_labelled(data, source, empty_labels=target.kind == MULTI_LABEL)
    truth = target.read(records["label"], source)
    target.require_scorable(truth, source)
    answers, read, said = _answers(base_model, base_model_id, loaded, records["sequence"], batch_size, source, progress)
    compared = "error" if target.kind == NUMBER else "correct"
    kept = records.drop(columns=["label", compared], errors="ignore")
    predictions = _predictions(kept, answers, target)
    # Several labels in the order and form of the predicted ones; others as they are written in the file.
    predictions["label"] = target.said(truth) if target.kind == MULTI_LABEL else records["label"].to_numpy()
    if target.kind == NUMBER:
        predictions[compared] = answers[:, 0] - truth
    else:
        predictions[compared] = np.where(predictions["label"] == predictions["predicted"], "yes", "no")
    return Evaluated(predictions, loaded, score(target, truth, answers), truth, answers, read, said)


def predict(
    *,
    base_model: str,
    base_model_id: str | None,
    adapter: str,
    input: str,
    input_format: str,
    sequence_column: str,
    batch_size: int,
    progress: Callable[[str], None],
) -> Predicted:
    """Predict labels or numbers.

    The parameters are the command line's options (see options.py); `progress` is told how it goes, a line at a time.
    Raises UserError for anything wrong with the files.
    """
    source = describe(input, "the input")
    if input_format == "fasta":
        records = read_fasta(input, source)
    else:
        records = read_table(input, source)
        column = pick_column(records, sequence_column, source)
        sequences = normalise_column(records[column], source)
        records = records.drop(columns=column).assign(sequence=sequences)
    loaded = load_adapter(adapter)
    answers, _, _ = _answers(base_model, base_model_id, loaded, records["sequence"], batch_size, source, progress)
    return Predicted(_predictions(records, answers, loaded.target), loaded)


def _answers(
    base_model: str,
    base_model_id: str | None,
    adapter: Adapter,
    sequences: pd.Series,
    batch_size: int,
    source: str,
    progress: Callable[[str], None],
) -> tuple[np.ndarray, str, list[str]]:
    """Return the answers, a sentence on what was read, and the warnings.

    The outputs for the two strands are averaged before they become probabilities, as in training; the members of an
    ensemble were trained each on its own, and it is their answers that are averaged.
    Raises UserError for the wrong base model, and for an adapter whose outputs are no numbers.
    """
    with opened_base_model(base_model, base_model_id) as base:
        check_base_model(adapter, base)  # the wrong one may not even read the k-mers of the right one
        encoder = Encoder(base, adapter.max_length, adapter.kmer)
        pad_token_id = encoder.tokenizer.pad_token_id
        model = trained_classifier(base, adapter, pad_token_id)  # before anything is said: it may refuse
        if adapter.strand == BOTH:
            encoded, reverse = encoder.encode_both(sequences.tolist())
            strands = [encoded.tokens, reverse]
        else:
            encoded = encoder.encode(sequences.tolist())
            strands = [encoded.tokens]
        read, said = summary(encoded, source), warnings(encoded, encoder, source)
        progress(read)
        for text in said:
            progress(f"warning: {text}")
        tokens = [ids for strand in strands for ids in strand]
        answers = np.zeros((len(sequences), adapter.target.outputs))
        for member in range(adapter.members):
            if member > 0:
                model = trained_classifier(base, adapter, pad_token_id, member=member)
            outputs = logits(model, tokens, pad_token_id, batch_size, _named(progress, member, adapter.members))
            if not np.isfinite(outputs).all():
                raise UserError(
                    "the adapter's outputs are no numbers for some of the sequences: its training diverged; train it "
                    "again with a smaller learning rate"
                )
            outputs = outputs.reshape(len(strands), *answers.shape).mean(axis=0)
            answers += adapter.target.answers(outputs)
    return answers / adapter.members, read, said


def _named(progress: Callable[[str], None], member: int, members: int) -> Callable[[str], None]:
    if members == 1:
        return progress
    return lambda text: progress(f"model {member + 1} of {members}: {text}")


def _predictions(records: pd.DataFrame, answers: np.ndarray, target: Target) -> pd.DataFrame:
    """Return `id`, the kept columns, and what was predicted.

    That is `predicted`, for one of several classes its `probability`, and `p(<label>)` for each label; for numbers
    `predicted` alone.
    """
    columns = {"id": records["id"].to_list() if "id" in records else list(range(1, len(records) + 1))}
    own: dict[str, Any] = {"predicted": answers[:, 0] if target.kind == NUMBER else target.said(answers)}
    if target.kind == CLASSES:
        own["probability"] = answers.max(axis=1)
    own |= {f"p({label})": answers[:, number] for number, label in enumerate(target.labels)}
    # The sequence is left out for its length; a column of the input that has the name of one of ours gives way.
    taken = {"id", "sequence", *own}
    kept = {name: records[name].to_list() for name in records if name not in taken}
    return pd.DataFrame({**columns, **kept, **own})
