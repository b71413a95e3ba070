"""The options of evaluate."""

from .option import (
    ADAPTER,
    BASE_MODEL_ID,
    BASE_MODEL_OF_ADAPTER,
    BATCH_SIZE,
    INPUT,
    INSTALLED,
    OUTPUT,
    PREDICTIONS_OUT,
    THREADS,
    Option,
)

EVALUATE = (
    BASE_MODEL_OF_ADAPTER,
    BASE_MODEL_ID,
    INSTALLED,
    ADAPTER,
    Option("data", INPUT, "Labelled sequences: table with the columns sequence and label"),
    BATCH_SIZE,
    THREADS,
    Option("metrics_out", OUTPUT, "Metrics (tabular)"),
    PREDICTIONS_OUT,
    Option("plot_out", OUTPUT, "ROC, precision-recall and confusion figure (PNG)"),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
)
