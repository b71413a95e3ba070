"""The options of compare."""

from dataclasses import replace

from .choices import AUTO
from .option import (
    BATCH_SIZE,
    INPUT,
    MANY,
    OF_ADAPTER,
    OUTPUT,
    SEED,
    SEEN_DATA,
    THREADS,
    Option,
)

COMPARE = (
    *OF_ADAPTER,
    Option(
        "adapter",
        MANY,
        "NAME=FILE: an adapter made by finetune, and what to call it; once for each of two or more",
        form="NAME=FILE",
    ),
    Option("data", INPUT, "Labelled sequences: table with the columns sequence and label"),
    Option(
        "metric",
        str,
        "Score by which the adapters are ordered and compared in pairs; auto takes MCC, for several labels macro F1, "
        "for numbers Spearman's correlation",
        AUTO,
        choices=(AUTO, "mcc", "accuracy", "f1_macro", "roc_auc", "pr_auc", "loss", "pearson", "r2"),
    ),
    Option(
        "resamples",
        int,
        "Times that the sequences are drawn anew for the intervals; for the differences of many adapters they are "
        "drawn more often by themselves",
        1000,
        minimum=100,
        maximum=100_000,
    ),
    SEED,
    replace(
        SEEN_DATA,
        help="What to do if one of the adapters was trained, chosen or calibrated on half of the sequences or more; of "
        "fewer, a warning gives the number",
    ),
    BATCH_SIZE,
    THREADS,
    Option("metrics_out", OUTPUT, "Scores of each adapter with 95% intervals (tabular)"),
    Option("differences_out", OUTPUT, "Differences of each pair of adapters, with intervals and p values (tabular)"),
    Option("plot_out", OUTPUT, "Figure: ROC and precision-recall curves and scores; of numbers, scores (PNG)"),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
)
