"""The report of a scan."""

from ..reports.markdown import escape, image, link, pipe_table, tool_link
from .scan_summary import ScanSummary
from .scanning import Scanned


def scan_report(scan: Scanned, found: ScanSummary) -> list[str]:
    """Return the blocks of the report; other outputs are `bedgraph`, `bigwig`, `calls`, `skipped` and `plot`."""
    return [
        f"# Scan of a genome with a DNA {'classifier' if scan.label is not None else 'model'}",
        _headline(scan, found),
        *_caution(found),
        image("plot"),
        *_best(found),
        "## The track in a genome browser",
        "The bigWig and the called regions open in IGV, the UCSC Genome Browser and JBrowse, on the same assembly. In "
        "IGV, choose the genome, download the bigWig, and open it with the menu File, Load from File.",
        link("bigwig", "Track (bigWig)"),
        link("bedgraph", "Track (bedGraph)"),
        *_skipped(scan),
        "## Next step",
        "A threshold that keeps false positives few is chosen on labeled sequences: "
        f"{tool_link('calibrate')}, then scan again.",
    ]


def _headline(scan: Scanned, found: ScanSummary) -> str:
    scanned = f"{found.letters:,} of {found.genome:,} nucleotides were scanned ({found.letters / found.genome:.2%})"
    if scan.label is None:
        return f"**Predicted numbers from {found.low:.4g} to {found.high:.4g}**. {scanned}."
    regions = "1 region" if found.calls == 1 else f"{found.calls:,} regions"
    return (
        f"**{regions} with a probability of {escape(scan.label)} of at least {scan.threshold:g}**: "
        f"{found.called_letters:,} nucleotides, {found.called_letters / found.letters:.2%} of what was scanned. "
        f"{scanned}; the highest probability is {found.high:.3f}."
    )


def _caution(found: ScanSummary) -> list[str]:
    if not found.calls:
        return []
    return [
        "In a genome nearly all windows are negatives. Even a classifier with good scores on balanced data then calls "
        "more false regions than true ones: look at the best regions first."
    ]


def _best(found: ScanSummary) -> list[str]:
    if not found.best:
        return []
    # Positions as genome browsers take them, counted from 1.
    rows = [
        [f"{call.chrom}:{call.start + 1}-{call.end}", f"{call.end - call.start:,}", f"{call.value:.3f}"]
        for call in found.best
    ]
    return [
        "## Called regions" if found.calls == len(rows) else f"## The best {len(rows)} called regions",
        pipe_table(["region", "nucleotides", "highest probability"], rows),
        link("calls", "All called regions (BED)"),
    ]


def _skipped(scan: Scanned) -> list[str]:
    if not len(scan.skipped):
        return []
    letters = (scan.skipped["end"] - scan.skipped["start"]).groupby(scan.skipped["reason"])
    rows = [[reason, f"{len(lengths):,}", f"{lengths.sum():,}"] for reason, lengths in letters]
    return [
        "## Regions not scanned",
        pipe_table(["reason", "stretches", "nucleotides"], rows),
        link("skipped", "What was not scanned (table)"),
    ]
