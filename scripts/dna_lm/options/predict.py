"""The options of predict."""

from .choices import AUTO, BOTH, CUT, FORWARD, MAX, MEAN, REVERSE, WINDOWS
from .option import (
    ADAPTER,
    BATCH_SIZE,
    INPUT,
    OF_ADAPTER,
    OUTPUT,
    PREDICTIONS_OUT,
    RECORDED,
    THREADS,
    Option,
)

STRAND = Option(
    "strand",
    str,
    "Strand that is read: as the adapter records, the one given, its reverse complement, or the mean of both",
    RECORDED,
    choices=(RECORDED, FORWARD, REVERSE, BOTH),
)
MAX_AMBIGUOUS = Option(
    "max_ambiguous",
    float,
    "Share of letters other than A, C, G and T that a sequence or window may have to be predicted",
    0.5,
    minimum=0,
    maximum=1,
)
PRECISION_OF_PREDICTION = Option(
    "precision",
    str,
    "Numbers to compute with; auto: bf16 or fp16 where the hardware computes faster with them and, as some of the "
    "sequences show, probabilities hardly move; else fp32",
    AUTO,
    choices=(AUTO, "fp32", "bf16", "fp16"),
)

WINDOW = Option(
    "window",
    int,
    "Letters of a window, 10 at least; 0: as many as the training sequences had (their median), or 200 if the adapter "
    "does not record that",
    0,
    minimum=0,
    maximum=1_000_000,
)

PREDICT = (
    *OF_ADAPTER,
    ADAPTER,
    Option("input", INPUT, "Sequences: FASTA, CSV or TSV, also gzipped"),
    Option("input_format", str, "Format of the input", choices=("fasta", "csv", "tabular")),
    Option("sequence_column", str, "Column of a table with the sequences: its name, or its number from 1", "sequence"),
    STRAND,
    Option(
        "long",
        str,
        "Sequences that are longer than the model reads lose their end (cut), or all of a sequence is read in windows",
        CUT,
        choices=(CUT, WINDOWS),
    ),
    WINDOW,
    Option(
        "step",
        int,
        "Letters from the start of a window to that of the next, at most those of a window; 0: half a window",
        0,
        minimum=0,
        maximum=1_000_000,
    ),
    Option(
        "aggregate",
        str,
        "How the answers for the windows become one: the highest (of two classes the second, of more the surest), or "
        "the mean",
        MAX,
        choices=(MAX, MEAN),
    ),
    Option("min_length", int, "Letters that a sequence needs to be predicted", 1, minimum=1, maximum=1_000_000),
    MAX_AMBIGUOUS,
    BATCH_SIZE,
    PRECISION_OF_PREDICTION,
    THREADS,
    PREDICTIONS_OUT,
    Option("skipped_out", OUTPUT, "Sequences that were not predicted, and why (tabular)", optional=True),
)
