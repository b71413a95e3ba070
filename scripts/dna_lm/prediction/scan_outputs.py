"""Scanning a genome, and writing what comes of it."""

from collections.abc import Callable
from pathlib import Path

from ..data.tables import write_tsv
from ..reports.writing import write_report
from .options import ScanOptions
from .scan_report import scan_report
from .scan_summary import summarize
from .scanning import scanned
from .tracks import Track, called, write_bedgraph, write_bigwig, write_calls


def scan(options: ScanOptions, outputs: dict[str, Path], progress: Callable[[str], None]) -> None:
    """Scan a genome and write bedGraph, bigWig, BED and the table of what was left out, and the figure and the report
    if they are asked for.

    outputs: paths by option, `bedgraph_out` and so on. options, progress: see scanned.
    """
    with Track() as track:
        result = scanned(track, options, progress)
        write_bedgraph(track, outputs["bedgraph_out"], ".6g" if result.label is None else ".4f")
        write_bigwig(track, outputs["bigwig_out"])
        if result.threshold is None:
            calls = write_calls([], outputs["calls_out"], "")
            progress("numbers have no threshold: no regions are called")
        else:
            calls = write_calls(called(track.parts(), result.threshold), outputs["calls_out"], result.label)
            progress(f"{calls:,} regions with a probability of {result.label} of at least {result.threshold:g}")
        write_tsv(result.skipped, outputs["skipped_out"])
        if not outputs.keys() & {"plot_out", "report_out", "pdf_out"}:
            return
        found = summarize(result)
        if "plot_out" in outputs:
            from .scan_figure import plot_scan

            plot_scan(result, found, outputs["plot_out"])
        write_report(scan_report(result, found), outputs, options)
