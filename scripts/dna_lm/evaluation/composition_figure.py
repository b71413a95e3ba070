"""The third figure of an evaluation: whether errors depend on the length or the GC content of a sequence."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..reports.figure_style import COLORS, LEGEND, PRINT_DPI, save, tidy
from ..scores.shares import binned, mean_interval, quantile_edges, share_interval

# Bins at most, and sequences that make another bin worth while.
MOST_BINS, BIN_SIZE = 8, 20
# Lengths that differ by more than this factor are shown on a logarithmic axis.
WIDE = 10


def plot_composition(
    errors: np.ndarray,
    lengths: np.ndarray,
    gc: np.ndarray,
    path: str | Path,
    *,
    of_numbers: bool = False,
    clusters: np.ndarray | None = None,
) -> None:
    """Draw the errors by length and by GC content, each above the number of sequences; what is the same for all not.

    errors: (n,) boolean, which predictions are wrong; of numbers (n,) float64, the absolute errors.
    lengths: (n,) int64, in nucleotides. gc: (n,) float64, 0 to 1, NaN for a sequence without A, C, G and T.
    clusters: the number of the cluster of each, (n,) int64, of sequences that depend on one another; None: none do.
    """
    panels = [("length", lengths.astype(float), "nucleotides"), ("GC content", 100 * gc, "%")]
    panels = [panel for panel in panels if _varies(panel[1])] or panels[:1]
    figure, axes = plt.subplots(
        2, len(panels), figsize=(8.5, 4.6), height_ratios=[3, 1], sharex="col", layout="constrained", squeeze=False
    )
    what = "mean absolute error" if of_numbers else "fraction of errors"
    for column, (name, values, unit) in enumerate(panels):
        upper, lower = axes[:, column]
        _errors(upper, errors, values, of_numbers, clusters)
        _counts(lower, values)
        upper.set_title(f"Errors by {name}")
        lower.set_xlabel(f"{name} ({unit})")
        if name == "length" and values.max() > WIDE * values.min():
            lower.set_xscale("log")
            _plain_ticks(lower, values)
    for upper in axes[0, 1:]:
        upper.sharey(axes[0, 0])
        upper.tick_params(labelleft=False)
    axes[0, 0].set_ylabel(f"{what}\n(95% interval)")
    axes[1, 0].set_ylabel("sequences")
    if not of_numbers:
        axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1))
    axes[0, 0].set_ylim(bottom=0)
    drawn = axes[0, 0].get_legend_handles_labels()
    figure.legend(*drawn, loc="outside lower center", ncols=2, frameon=False, fontsize=LEGEND)
    save(figure, path, PRINT_DPI)


def _varies(values: np.ndarray) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0 and known.min() < known.max()


def _errors(axes: Axes, errors: np.ndarray, values: np.ndarray, of_numbers: bool, clusters: np.ndarray | None) -> None:
    tidy(axes)
    axes.axhline(errors.mean(), color="black", linestyle=":", linewidth=1, label="all sequences")
    if not np.isfinite(values).any():
        return
    edges = quantile_edges(values, int(np.clip(len(values) // BIN_SIZE, 1, MOST_BINS)))
    bins = binned(values, edges) if len(edges) > 1 else [np.isfinite(values)]
    interval = mean_interval if of_numbers else share_interval
    for number, inside in enumerate(bins):
        own = errors[inside]
        if not len(own):
            continue
        mean, (low, high) = own.mean(), interval(own, None if clusters is None else clusters[inside])
        center = np.median(values[inside])
        left, right = (edges[number], edges[number + 1]) if len(edges) > 1 else (center, center)
        name = {"label": "bins with about equally many sequences"} if number == 0 else {}
        axes.errorbar(
            *(center, mean),
            xerr=[[max(0, center - left)], [max(0, right - center)]],
            yerr=[[max(0, mean - max(0, low))], [max(0, high - mean)]],
            **{"fmt": "o", "color": COLORS[0], "markersize": 5, "capsize": 2, "elinewidth": 1.2} | name,
        )


def _plain_ticks(axes: Axes, values: np.ndarray) -> None:
    """Write the lengths on a logarithmic axis as plain numbers."""
    ticks = [step * 10**power for power in range(10) for step in (1, 2, 5)]
    ticks = [tick for tick in ticks if values.min() <= tick <= values.max()]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()


def _counts(axes: Axes, values: np.ndarray) -> None:
    known = values[np.isfinite(values)]
    tidy(axes)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    if not len(known):
        return
    if known.min() == known.max():
        axes.bar(known[0], len(known), width=max(1.0, 0.02 * known[0]), color=COLORS[5])
        axes.set_xlim(0.8 * known[0] - 1, 1.2 * known[0] + 1)
        return
    wide = known.max() > WIDE * known.min() > 0
    edges = np.geomspace(known.min(), known.max(), 31) if wide else np.linspace(known.min(), known.max(), 31)
    axes.hist(known, edges, color=COLORS[5])
