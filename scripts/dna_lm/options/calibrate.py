"""The options of calibrate."""

from dataclasses import replace

from .choices import F1, MCC, NO, NONE, PRECISION, RECALL, YES
from .option import (
    ADAPTER,
    BATCH_SIZE,
    INPUT,
    OF_ADAPTER,
    OUTPUT,
    SEEN_DATA,
    THREADS,
    Option,
)

CALIBRATE = (
    *OF_ADAPTER,
    ADAPTER,
    Option("data", INPUT, "Development split: table with the columns sequence and label"),
    Option(
        "temperature",
        str,
        "Whether to fit a temperature, which makes the probabilities as sure as they are right",
        YES,
        choices=(YES, NO),
    ),
    Option(
        "threshold",
        str,
        "What the threshold of each label is chosen by: none keeps the likeliest class, or 0.5 for each of several "
        "labels; the best F1 or MCC; a recall or a precision to be reached, that of --at",
        NONE,
        choices=(NONE, F1, MCC, RECALL, PRECISION),
    ),
    Option("at", float, "Recall or precision that is to be reached", 0.9, minimum=0.01, maximum=1),
    replace(SEEN_DATA, help="What to do if the adapter was trained on half of the sequences or more"),
    BATCH_SIZE,
    THREADS,
    Option("calibrated_out", OUTPUT, "Calibrated adapter (safetensors)"),
    Option("table_out", OUTPUT, "Scores before and after (tabular)"),
    Option("plot_out", OUTPUT, "Reliability before and after, and scores by threshold (PNG)"),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
)
