"""The options of predict."""

from .option import (
    ADAPTER,
    BASE_MODEL_ID,
    BASE_MODEL_OF_ADAPTER,
    BATCH_SIZE,
    INPUT,
    INSTALLED,
    PREDICTIONS_OUT,
    THREADS,
    Option,
)

PREDICT = (
    BASE_MODEL_OF_ADAPTER,
    BASE_MODEL_ID,
    INSTALLED,
    ADAPTER,
    Option("input", INPUT, "Sequences: FASTA, CSV or TSV, also gzipped"),
    Option("input_format", str, "Format of the input", choices=("fasta", "csv", "tabular")),
    Option("sequence_column", str, "Column of a table with the sequences: its name, or its number from 1", "sequence"),
    BATCH_SIZE,
    THREADS,
    PREDICTIONS_OUT,
)
