"""Applying an adapter: scoring it on labelled sequences, predicting the labels of others."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .adapter import Adapter, load_adapter
from .base_model import opened_base_model
from .classifier import trained_classifier
from .encoding import Encoder, summary, warnings
from .errors import UserError
from .fasta import read_fasta
from .inference import probabilities
from .labels import ordered_labels, require_two_labels
from .metrics import score
from .sequences import normalise_column
from .tables import pick_column, read_labelled, read_table
from .textfiles import describe


@dataclass(frozen=True)
class Evaluated:
    """Scores by name, the predictions table, label numbers (n,), probabilities (n, labels), the adapter.

    read: a sentence on what the model was given; warnings: sentences that a user has to read.
    """

    scores: dict[str, float]
    predictions: pd.DataFrame
    truth: np.ndarray
    probabilities: np.ndarray
    adapter: Adapter
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
    records = read_labelled(data, source)
    loaded = load_adapter(adapter)
    for line, label in records["label"].items():
        if label not in loaded.labels:
            raise UserError(
                f"{source}, line {line}: the adapter does not know the label {label!r}; it was trained on "
                f"{', '.join(loaded.labels)}"
            )
    require_two_labels(ordered_labels(records["label"]), source)
    result, read, said = _probabilities(
        base_model, base_model_id, loaded, records["sequence"], batch_size, source, progress
    )
    truth = records["label"].map(loaded.labels.index).to_numpy()
    predictions = _predictions(records.drop(columns=["label", "correct"], errors="ignore"), result, loaded.labels)
    predictions["label"] = records["label"].to_numpy()
    predictions["correct"] = np.where(predictions["label"] == predictions["predicted"], "yes", "no")
    return Evaluated(score(truth, result), predictions, truth, result, loaded, read, said)


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
) -> pd.DataFrame:
    """Predict labels.

    The parameters are the command line's options (see options.py); `progress` is told how it goes, a line at a time.
    Returns the predictions table, in the order of the input.
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
    result, _, _ = _probabilities(base_model, base_model_id, loaded, records["sequence"], batch_size, source, progress)
    return _predictions(records, result, loaded.labels)


def _probabilities(
    base_model: str,
    base_model_id: str | None,
    adapter: Adapter,
    sequences: pd.Series,
    batch_size: int,
    source: str,
    progress: Callable[[str], None],
) -> tuple[np.ndarray, str, list[str]]:
    """Return the probabilities, a sentence on what was read, and the warnings."""
    with opened_base_model(base_model, base_model_id) as base:
        encoder = Encoder(base, adapter.max_length)
        pad_token_id = encoder.tokenizer.pad_token_id
        model = trained_classifier(base, adapter, pad_token_id)
        encoded = encoder.encode(sequences.tolist())
        read, said = summary(encoded, source), warnings(encoded, encoder, source)
        progress(read)
        for text in said:
            progress(f"warning: {text}")
        return probabilities(model, encoded.tokens, pad_token_id, batch_size, progress), read, said


def _predictions(records: pd.DataFrame, result: np.ndarray, labels: list[str]) -> pd.DataFrame:
    """`id`, the kept columns, `predicted`, `probability` (of that label) and `p(<label>)` for each label."""
    best = result.argmax(axis=1)
    columns = {"id": records["id"].to_list() if "id" in records else list(range(1, len(records) + 1))}
    own = {
        "predicted": [labels[number] for number in best],
        "probability": result.max(axis=1),
        **{f"p({label})": result[:, number] for number, label in enumerate(labels)},
    }
    # The sequence is left out for its length; a column of the input that has the name of one of ours gives way.
    taken = {"id", "sequence", *own}
    kept = {name: records[name].to_list() for name in records if name not in taken}
    return pd.DataFrame({**columns, **kept, **own})
