"""The options of calibrate."""

from .choices import ALLOW, F1, MCC, NO, NONE, PRECISION, RECALL, REFUSE, YES
from .option import (
    ADAPTER,
    BASE_MODEL_ID,
    BASE_MODEL_OF_ADAPTER,
    BATCH_SIZE,
    INPUT,
    INSTALLED,
    OUTPUT,
    THREADS,
    Option,
)

CALIBRATE = (
    BASE_MODEL_OF_ADAPTER,
    BASE_MODEL_ID,
    INSTALLED,
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
    Option(
        "seen_data",
        str,
        "What to do if the data are the file that the adapter was trained on",
        REFUSE,
        choices=(REFUSE, ALLOW),
    ),
    BATCH_SIZE,
    THREADS,
    Option("calibrated_out", OUTPUT, "Calibrated adapter (safetensors)"),
    Option("table_out", OUTPUT, "Scores before and after (tabular)"),
    Option("plot_out", OUTPUT, "Reliability before and after, and scores by threshold (PNG)"),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
)
