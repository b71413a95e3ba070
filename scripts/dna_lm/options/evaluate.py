"""The options of evaluate."""

from .choices import BOTH, FORWARD, REVERSE
from .option import (
    ADAPTER,
    BATCH_SIZE,
    INPUT,
    OF_ADAPTER,
    OUTPUT,
    PREDICTIONS_OUT,
    RECORDED,
    SEEN_DATA,
    THREADS,
    Option,
)

EVALUATE = (
    *OF_ADAPTER,
    ADAPTER,
    Option("data", INPUT, "Labelled sequences: table with the columns sequence and label"),
    Option(
        "train",
        INPUT,
        "Training split of the adapter: simpler models are trained on it, and scored beside the adapter",
        optional=True,
    ),
    Option(
        "strand",
        str,
        "Strand of which the answers are scored: as the adapter records, the one given, its reverse complement, or the "
        "mean of both",
        RECORDED,
        choices=(RECORDED, FORWARD, REVERSE, BOTH),
    ),
    SEEN_DATA,
    Option("worst", int, "Errors to list, the worst first", 50, minimum=1, maximum=10_000),
    BATCH_SIZE,
    THREADS,
    Option("metrics_out", OUTPUT, "Metrics with 95% intervals (tabular)"),
    PREDICTIONS_OUT,
    Option("errors_out", OUTPUT, "The worst errors (tabular)", optional=True),
    Option("ladder_out", OUTPUT, "Simpler models beside the adapter (tabular); needs --train", optional=True),
    Option("plot_out", OUTPUT, "Figure: ROC, precision-recall and confusion; of numbers, predicted against true (PNG)"),
    Option("reliability_plot_out", OUTPUT, "Figure: reliability and distribution of the answers (PNG)", optional=True),
    Option("composition_plot_out", OUTPUT, "Figure: errors by length and GC content (PNG)", optional=True),
    Option("ladder_plot_out", OUTPUT, "Figure: simpler models beside the adapter (PNG); needs --train", optional=True),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
    Option("pdf_out", OUTPUT, "Report with its figures and tables (PDF)", optional=True),
)
