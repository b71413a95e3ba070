"""Scan a genome with a fine-tuned DNA language model."""

from collections.abc import Callable
from dataclasses import dataclass

from ..options import OUTPUT, ThreadOptions, option
from ..prediction.options import ScanOptions


@dataclass(frozen=True, kw_only=True)
class Options(ScanOptions, ThreadOptions):
    """The options of the command line."""

    bedgraph_out: str = option("Probability along the genome (bedGraph)", kind=OUTPUT)
    bigwig_out: str = option("The same (bigWig)", kind=OUTPUT)
    calls_out: str = option("Regions with a probability of at least the threshold (BED)", kind=OUTPUT)
    skipped_out: str = option("What was not scanned, and why (tabular)", kind=OUTPUT)
    plot_out: str | None = option("Figure: the track with the called regions (PNG)", kind=OUTPUT, optional=True)
    report_out: str | None = option("Report (Galaxy Markdown)", kind=OUTPUT, optional=True)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads)
    from ..outputs import staged_outputs
    from ..prediction.scan_outputs import scan

    with staged_outputs(options) as path_of:
        scan(options, path_of, say)
