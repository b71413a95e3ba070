"""Predicting what sequences are."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from .adapter import Adapter, load_adapter
from .answering import opened_answerer
from .encoding import summary, warnings
from .fasta import read_fasta
from .prediction_table import prediction_table
from .sequences import normalise_column
from .tables import pick_column, read_table
from .textfiles import describe


@dataclass(frozen=True)
class Predicted:
    """The predictions table, in the order of the input, and the adapter that made it."""

    predictions: pd.DataFrame
    adapter: Adapter


def predict(
    *,
    base_model: str,
    base_model_id: str | None,
    installed: list[str] | None = None,
    adapter: str,
    input: str,
    input_format: str,
    sequence_column: str,
    batch_size: int,
    progress: Callable[[str], None],
) -> Predicted:
    """Predict labels or numbers.

    The parameters are the command line's options (see options); `progress` is told how it goes, a line at a time.
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
    with opened_answerer(
        loaded, base_model, base_model_id, installed=installed, batch_size=batch_size, progress=progress
    ) as answerer:
        outputs = answerer.outputs(records["sequence"].tolist())
        progress(summary(outputs.encoded, source))
        for text in warnings(outputs.encoded, answerer.encoder, source):
            progress(f"warning: {text}")
        return Predicted(prediction_table(records, answerer.answers(outputs.raw), loaded), loaded)
