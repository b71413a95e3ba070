"""The options of scan."""

from dataclasses import replace

from .choices import AUTO
from .option import (
    ADAPTER,
    BATCH_SIZE,
    INPUT,
    OF_ADAPTER,
    OUTPUT,
    THREADS,
    Option,
)
from .predict import MAX_AMBIGUOUS, PRECISION_OF_PREDICTION, STRAND, WINDOW

SCAN = (
    *OF_ADAPTER,
    ADAPTER,
    Option("genome", INPUT, "Genome to scan: FASTA, also gzipped"),
    Option("regions", INPUT, "Regions to scan, BED; without them, all of the genome", optional=True),
    Option(
        "label",
        str,
        f"Label whose probability is followed: its name, or its number from 1; {AUTO}: the last, which of two is the "
        "second",
        AUTO,
    ),
    WINDOW,
    Option(
        "step",
        int,
        "Letters from the start of a window to that of the next, at most those of a window; 0: a quarter of a window",
        0,
        minimum=0,
        maximum=1_000_000,
    ),
    Option(
        "threshold",
        float,
        "Least probability of a region that is called; 0: as the adapter was calibrated, or 0.5",
        0.0,
        minimum=0,
        maximum=1,
    ),
    STRAND,
    replace(MAX_AMBIGUOUS, default=0.0),
    BATCH_SIZE,
    PRECISION_OF_PREDICTION,
    THREADS,
    Option("bedgraph_out", OUTPUT, "Probability along the genome (bedGraph)"),
    Option("bigwig_out", OUTPUT, "The same (bigWig)"),
    Option("calls_out", OUTPUT, "Regions with a probability of at least the threshold (BED)"),
    Option("skipped_out", OUTPUT, "What was not scanned, and why (tabular)"),
)
