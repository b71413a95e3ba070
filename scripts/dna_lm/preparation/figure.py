"""The figure of a dataset: GC, length and 3-mers of each label and split, and what trivial models make of it."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import norm

from ..baselines.names import COMMONEST_TITLES
from ..data.sequences import reverse_complement
from ..data.split_files import split_name
from ..reports.figure_style import COLORS, save, shown, tidy
from ..words import MULTI_LABEL, NUMBER
from .quicklook import KMER_NAMES, Look

# Curves of more labels, three splits each, can no longer be followed: ranges take their place.
MOST_CURVES = 4
# Labels that the figure shows, and how many of them with a row for each split in the map of 3-mers.
MOST_LABELS, MOST_SPLIT_ROWS = 30, 12
LINES = ("-", "--", ":")
MARKERS = ("o", "|", "x")
# Lengths that differ by more than this factor are shown on a logarithmic axis.
WIDE = 10
# Points at which a curve is drawn.
_GRID_POINTS = 400


def plot_dataset(look: Look, path: str | Path) -> None:
    """Draw GC content, length if it varies, how well the trivial models do, and the 3-mers."""
    labels = look.labels[:MOST_LABELS]
    splits = look.splits
    curves = len(labels) <= MOST_CURVES
    rows = [(label, split) for label in labels for split in (splits if len(labels) <= MOST_SPLIT_ROWS else splits[:1])]
    upper = 3.2 if curves else 1.4 + 0.24 * len(labels)
    lower = 1.5 + 0.17 * len(rows)
    varies = look.one_length is None
    figure = plt.figure(figsize=(9.5, upper + lower), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[upper, lower])
    panels = top.subplots(1, 2 + varies, width_ratios=[1.2] * (1 + varies) + [1])
    draw = _curves if curves else _ranges
    gc = {key: 100 * group.gc[np.isfinite(group.gc)] for key, group in look.groups.items()}
    draw(panels[0], gc, labels, splits, least=1.0)
    panels[0].set(title="GC content", xlabel="G and C among A, C, G, T (%)")
    if varies:
        lengths = {key: group.lengths for key, group in look.groups.items()}
        _lengths(panels[1], lengths, labels, splits, draw)
    _baselines(panels[-1], look, height=upper)
    _kmers(bottom, look, rows)
    _legend(figure, look, labels, curves)
    save(figure, path)


def density(values: np.ndarray, grid: np.ndarray, least: float) -> np.ndarray:
    """Return a smooth density of the values at the points of the grid: a mean of normal curves, one around each value.

    least: the least width of those curves (their standard deviation), so that equal values give a curve too. The width
    is otherwise Scott's, sd * n^(-1/5) (doi:10.1002/9780470316849). scipy's gaussian_kde has no least width and refuses
    equal values, such as the lengths of windows.
    """
    width = max(least, float(values.std()) * len(values) ** -0.2)
    # A million values are counted first, in bins that are narrow beside the width.
    counts, edges = np.histogram(values, bins=4 * _GRID_POINTS, range=(grid[0], grid[-1]))
    full = np.flatnonzero(counts)
    centers = (edges[full] + edges[full + 1]) / 2
    return norm.pdf(grid[:, None], centers, width) @ (counts[full] / len(values))


def _curves(axes: Axes, values: dict, labels: list[str], splits: list[str], least: float) -> None:
    """One curve a label and split."""
    present = [part for part in values.values() if len(part)]
    if not present:
        return
    low, high = min(part.min() for part in present), max(part.max() for part in present)
    margin = max(3 * least, 0.03 * (high - low))
    grid = np.linspace(low - margin, high + margin, _GRID_POINTS)
    for color, label in zip(COLORS, labels, strict=False):
        for number, split in enumerate(splits):
            if len(values[split, label]):
                axes.plot(
                    grid,
                    density(values[split, label], grid, least),
                    color=color,
                    linestyle=LINES[number % len(LINES)],
                    linewidth=1.2 if number else 2.2,
                )
    axes.set(ylabel="density", yticks=[], xlim=(grid[0], grid[-1]))
    axes.set_ylim(bottom=0)
    tidy(axes)


def _ranges(axes: Axes, values: dict, labels: list[str], splits: list[str], least: float) -> None:
    """One row a label: the middle half and nine tenths of train, and the median of each split."""
    for row, label in enumerate(labels):
        for number, split in enumerate(splits):
            part = values[split, label]
            if not len(part):
                continue
            low, lower, median, upper, high = np.percentile(part, [5, 25, 50, 75, 95])
            if number == 0:
                axes.plot([low, high], [row, row], color=COLORS[0], linewidth=1)
                axes.plot([lower, upper], [row, row], color=COLORS[0], linewidth=5, alpha=0.4, solid_capstyle="butt")
            axes.plot([median], [row], **_marker(number))
    axes.set_yticks(range(len(labels)), [shown(label) for label in labels], fontsize=8)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    tidy(axes)


def _marker(number: int) -> dict:
    """Return how the median of the split with this number is drawn."""
    colors = (COLORS[0], COLORS[1], "black")
    place = number % len(MARKERS)
    return {"marker": MARKERS[place], "color": colors[place], "markersize": 6 - bool(number), "linestyle": "none"}


def _lengths(axes: Axes, lengths: dict, labels: list[str], splits: list[str], draw) -> None:
    present = np.concatenate([part for part in lengths.values() if len(part)])
    if present.max() > WIDE * present.min():
        draw(axes, {key: np.log10(part) for key, part in lengths.items()}, labels, splits, least=0.02)
        ticks = [tick for power in range(10) for tick in (10**power, 3 * 10**power)]
        ticks = [tick for tick in ticks if present.min() <= tick <= present.max()]
        axes.set_xticks(np.log10(ticks), [f"{tick:,}" for tick in ticks])
    else:
        draw(axes, lengths, labels, splits, least=max(0.5, 0.01 * float(np.ptp(present))))
    axes.set(title="Length", xlabel="nucleotides")
    if draw is _ranges:
        axes.set_yticklabels([])


def _baselines(axes: Axes, look: Look, height: float) -> None:
    rows = look.baselines[~look.baselines["model"].isin(COMMONEST_TITLES.values())]
    of_numbers = look.kind == NUMBER
    # What a model that knows nothing scores.
    score, nothing = ("spearman", 0.0) if of_numbers else ("roc_auc", 0.5)
    name = "Spearman correlation (0: guessing)" if of_numbers else "ROC-AUC" + _of_what(look)
    axes.set(title="Simpler models, scored on the development set", xlabel=name)
    for row, (model, value) in enumerate(zip(rows["model"], rows[score], strict=True)):
        if np.isfinite(value):
            axes.barh(row, value - nothing, left=nothing, color=COLORS[5], height=0.45)
        text = f"{model}: {value:.3f}" if np.isfinite(value) else f"{model}: not defined"
        axes.text(0.01, row - 0.38, text, transform=axes.get_yaxis_transform(), fontsize=9, va="center").set_bbox(
            {"facecolor": "white", "edgecolor": "none", "pad": 1}
        )
    if not len(rows):
        axes.text(0.5, 0.5, "none could be trained", transform=axes.transAxes, ha="center")
    axes.axvline(nothing, color="gray", linestyle=":")
    low = min([nothing - 0.05, *(rows[score].dropna() - 0.05)])
    # A bar takes at most an inch of the panel's height, in inches.
    axes.set(xlim=(low, 1.0), ylim=(max(len(rows) - 0.5, height - 1.7), -0.7), yticks=[])
    tidy(axes)


def _of_what(look: Look) -> str:
    if len(look.labels) == 2 and look.kind != MULTI_LABEL:
        return f" of {shown(look.labels[1])} (0.5: guessing)"
    return ", mean over labels (0.5: guessing)"


def _what(look: Look) -> str:
    return "ranges of numbers" if look.kind == NUMBER else "labels"


def _kmers(figure: Figure, look: Look, rows: list[tuple[str, str]]) -> None:
    """A map: a row for each label and split, a column for each 3-mer."""
    axes = figure.subplots()
    # One is added to every count, so that a 3-mer that does not occur has a logarithm.
    shares = {key: (group.kmers + 1) / (group.kmers.sum() + len(KMER_NAMES)) for key, group in look.groups.items()}
    first = look.splits[0]
    mean = np.mean([shares[first, label] for label in look.labels], axis=0)
    values = np.log2([shares[split, label] / mean for label, split in rows])
    strongest = max(0.1, float(np.abs(values[[split == first for _, split in rows]]).max()))
    picture = axes.imshow(
        values, cmap="RdBu_r", vmin=-strongest, vmax=strongest, aspect="auto", interpolation="nearest"
    )
    names = [f"{name}/{reverse_complement(name)}" for name in KMER_NAMES]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    several = len({split for _, split in rows}) > 1
    texts = []
    for label, split in rows:
        name = shown(label) if split == first else ""
        texts.append(f"{name}  {split_name(split)}" if several else name)
    axes.set_yticks(range(len(rows)), texts, fontsize=8)
    for row in range(1, len(rows)):
        if rows[row][0] != rows[row - 1][0]:
            axes.axhline(row - 0.5, color="white", linewidth=2)
    title = f"3-mers on both strands, against their mean over the {_what(look)} in the {split_name(first)} set"
    axes.set_title(title if several else f"{title} (only this set is shown)")
    bar = figure.colorbar(picture, ax=axes, pad=0.01)
    bar.set_label("log2 ratio", fontsize=9)


def _legend(figure: Figure, look: Look, labels: list[str], curves: bool) -> None:
    splits = look.splits
    if curves:
        handles = [Line2D([], [], color=color, linewidth=2.2) for color, _ in zip(COLORS, labels, strict=False)]
        names = [shown(label) for label in labels]
        for number, split in enumerate(splits):
            handles.append(Line2D([], [], color="gray", linestyle=LINES[number % 3], linewidth=1.2 if number else 2.2))
            names.append(split_name(split))
    else:
        handles = [Line2D([], [], **_marker(number)) for number, _ in enumerate(splits)]
        names = [f"median, {split_name(split)}" for split in splits]
        handles += [
            Line2D([], [], color=COLORS[0], linewidth=5, alpha=0.4),
            Line2D([], [], color=COLORS[0], linewidth=1),
        ]
        names += [f"middle 50%, {split_name(splits[0])}", f"middle 90%, {split_name(splits[0])}"]
    title = "" if look.one_length is None else f"all sequences have {look.one_length:,} nucleotides"
    if len(look.labels) > len(labels):
        title += f"{'; ' if title else ''}the first {len(labels)} of {len(look.labels)} {_what(look)} are shown"
    # About 110 letters fit beside each other, a line taking as much place as six.
    rows = -(-sum(len(name) + 6 for name in names) // 110)
    columns = -(-len(names) // rows)
    figure.legend(handles, names, loc="outside upper center", ncols=columns, frameon=False, title=title or None)
