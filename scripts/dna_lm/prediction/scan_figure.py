"""The figure of a scan: the track along chromosomes, the best regions enlarged, and how often which value is."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..reports.figure_style import COLORS, save, shown, tidy
from .scan_summary import ScanSummary
from .scanning import Scanned

WIDTH, TRACK, BELOW = 10, 1.7, 3.2  # inches


def plot_scan(scan: Scanned, found: ScanSummary, path: str | Path) -> None:
    """Draw a scan."""
    what = f"probability of {shown(scan.label)}" if scan.label is not None else "predicted number"
    height = TRACK * len(found.stretches)
    figure = plt.figure(figsize=(WIDTH, height + BELOW), layout="constrained")
    above, beneath = figure.subfigures(2, 1, height_ratios=[height, BELOW])
    _tracks(above, scan, found, what)
    axes = beneath.subplots(1, len(found.enlarged) + 1, squeeze=False)[0]
    for one, (call, bins) in zip(axes, found.enlarged, strict=False):
        one.axvspan(call.start, call.end, color=COLORS[4], alpha=0.3, linewidth=0)
        one.plot(*_steps(bins), color=COLORS[0], linewidth=1.5)
        _threshold(one, scan)
        one.set(title=f"{shown(call.chrom)}: {call.value:.3f}", ylim=(0, 1.02), xlabel="position")
        _positions(one, 2)
    if found.enlarged:
        axes[0].set_ylabel(what)
    _histogram(axes[-1], scan, found, what)
    save(figure, path)


def _tracks(figure: SubFigure, scan: Scanned, found: ScanSummary, what: str) -> None:
    axes = figure.subplots(len(found.stretches), 1, squeeze=False)[:, 0]
    for one, stretch in zip(axes, found.stretches, strict=True):
        edges = np.linspace(stretch.start, stretch.end, len(stretch.values) + 1)
        one.stairs(stretch.values, edges, fill=True, color=COLORS[0], linewidth=0)
        one.set_title(shown(stretch.chrom), loc="left")
        if scan.label is not None:
            one.set_ylim(0, 1.02)
        if scan.threshold is not None:
            high = np.nan_to_num(stretch.values, nan=-np.inf) >= scan.threshold
            one.stairs(np.where(high, stretch.values, np.nan), edges, fill=True, color=COLORS[1], linewidth=0)
        _threshold(one, scan)
        one.set_xlim(stretch.start, stretch.end)
        _positions(one, 8)
    axes[-1].set_xlabel("position")
    if scan.threshold is not None:
        called = Patch(color=COLORS[1], label=f"called regions (from {scan.threshold:g} on)")
        axes[0].legend(handles=[called], loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    figure.supylabel(what, fontsize="medium")


def _threshold(axes: Axes, scan: Scanned) -> None:
    if scan.threshold is not None:
        axes.axhline(scan.threshold, color="black", linestyle=":", linewidth=1)


def _histogram(axes: Axes, scan: Scanned, found: ScanSummary, what: str) -> None:
    low, high = (0.0, 1.0) if scan.label is not None else (found.low, found.high)
    edges = np.linspace(low, high, len(found.histogram) + 1)
    axes.stairs(found.histogram, edges, fill=True, color=COLORS[0])
    axes.set(title="All that was scanned", xlabel=what, ylabel="nucleotides", yscale="log")
    axes.set_ylim(bottom=0.5)  # otherwise counts within one power of ten have one tick
    if scan.threshold is not None:
        axes.axvline(scan.threshold, color="black", linestyle=":", linewidth=1)
    tidy(axes)


def _positions(axes: Axes, ticks: int) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(ticks, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda position, _: f"{position:,.0f}"))
    tidy(axes)


def _steps(bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a line along bins, (2 n,) positions and values."""
    return np.column_stack([bins["start"], bins["end"]]).ravel(), np.repeat(bins["value"], 2)
