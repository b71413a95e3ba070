"""The figure of predictions: how many of each label, and how sure."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..reports.figure_style import COLORS, save, shown, tidy
from ..words import NUMBER
from .predicted import BINS, Predicted

# Labels that are drawn, the commonest of more.
MOST_BARS, MOST_LINES = 15, len(COLORS)


def plot_predictions(predicted: Predicted, path: str | Path) -> None:
    """Draw the number of sequences of each label and the histograms of the probabilities; of numbers a histogram."""
    if predicted.adapter.target.kind == NUMBER:
        figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
        axes.hist(predicted.numbers, bins=BINS, color=COLORS[0])
        axes.set(title="Predicted numbers", xlabel="predicted number", ylabel="sequences")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        tidy(axes)
    else:
        figure, (counts, probabilities) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
        _counts(counts, predicted)
        _probabilities(probabilities, predicted)
    save(figure, path)


def _counts(axes: Axes, predicted: Predicted) -> None:
    names = [shown(label) for label in predicted.adapter.labels]
    rows = sorted(zip(predicted.counts.tolist(), names, strict=True), key=lambda row: -row[0])[:MOST_BARS]
    if predicted.without:
        rows.append((predicted.without, "(no label)"))
    heights = range(len(rows))
    bars = axes.barh(heights, [count for count, _ in rows], color=COLORS[0], height=0.6)
    axes.bar_label(bars, [f"{count:,}" for count, _ in rows], padding=3)
    axes.set_yticks(heights, [name for _, name in rows])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set(title="Predicted labels", xlabel="sequences")
    tidy(axes)


def _probabilities(axes: Axes, predicted: Predicted) -> None:
    edges = np.linspace(0, 1, BINS + 1)
    target = predicted.adapter.target
    labels = list(target.labels)
    if target.positive is not None:
        axes.stairs(predicted.histograms[labels.index(target.positive)], edges, fill=True, color=COLORS[0])
        axes.set(title=f"Probability of {shown(target.positive)}")
        threshold = (predicted.adapter.decision.thresholds or [None])[0]
        axes.axvline(threshold or 0.5, color="black", linestyle=":", label="decision threshold")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), frameon=False)
    else:
        order = np.argsort(-predicted.counts, kind="stable")[:MOST_LINES]
        for color, label in zip(COLORS, order, strict=False):
            axes.stairs(predicted.histograms[label], edges, color=color, linewidth=1.5, label=shown(labels[label]))
        axes.set(title="Probability of each label")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False)
    axes.set(xlabel="probability", ylabel="sequences", xlim=(0, 1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    tidy(axes)
