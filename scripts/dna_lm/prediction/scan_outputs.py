"""Scanning a genome, and writing what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..data.tables import write_tsv
from .options import ScanOptions
from .scan_summary import summarize
from .scanning import scanned
from .tracks import Track, called, write_bedgraph, write_bigwig, write_calls


@dataclass(frozen=True)
class ScanOutputs:
    """Paths of what a scan writes; plot, report: None for none."""

    bedgraph: str | Path
    bigwig: str | Path
    calls: str | Path
    skipped: str | Path
    plot: str | Path | None = None
    report: str | Path | None = None


def scan(options: ScanOptions, outputs: ScanOutputs, progress: Callable[[str], None]) -> None:
    """Scan a genome and write bedGraph, bigWig, BED, the table of what was left out, the figure and the report.

    options, progress: see scanned.
    """
    with Track() as track:
        result = scanned(track, options, progress)
        write_bedgraph(track, outputs.bedgraph, ".6g" if result.label is None else ".4f")
        write_bigwig(track, outputs.bigwig)
        if result.threshold is None:
            calls = write_calls([], outputs.calls, "")
            progress("numbers have no threshold: no regions are called")
        else:
            calls = write_calls(called(track.parts(), result.threshold), outputs.calls, result.label)
            progress(f"{calls:,} regions with a probability of {result.label} of at least {result.threshold:g}")
        write_tsv(result.skipped, outputs.skipped)
        if outputs.plot or outputs.report:
            found = summarize(result)
        if outputs.plot:
            from .scan_figure import plot_scan

            plot_scan(result, found, outputs.plot)
        if outputs.report:
            from .scan_report import write_scan_report

            write_scan_report(result, found, outputs.report)
