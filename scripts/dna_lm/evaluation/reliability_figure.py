"""The second figure of an evaluation: the calibration of the probabilities, and their distribution."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..data.decision import Decision
from ..data.targets import Target
from ..reports.figure_style import COLORS, PRINT_DPI, legend_below, save, shown, tidy
from ..scores.calibration_error import Reliability, reliability
from ..scores.shares import binned, mean_interval, quantile_edges
from ..words import CLASSES, NUMBER

BINS = 10
# Bars of the distributions.
BARS = 25


def plot_reliability(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    predicted: np.ndarray,
    decision: Decision,
    path: str | Path,
    clusters: np.ndarray | None = None,
) -> None:
    """Draw observed frequencies against predicted probabilities, and the distribution of the probabilities.

    truth, predictions, predicted: as target.read, Predictor.predictions and Decision.predicted give them.
    The points are the bins of which the calibration error is made: of two classes, of the probability of the second; of
    more, of that of the likeliest; of several labels, of that of each label, all taken together. Numbers: the mean of
    the true ones in bins of the predicted ones.
    clusters: the number of the cluster of each record, (n,) int64, of those that depend on one another; None: none do.
    """
    figure, (left, spread) = plt.subplots(1, 2, figsize=(8.5, 5.1), layout="constrained")
    if target.kind == NUMBER:
        _means(left, truth, predicted, clusters)
        _two_spreads(spread, truth, predicted)
    else:
        found = reliability(target, truth, predictions, clusters)
        axis, groups = _named(target)
        _reliability(left, found, COLORS[0], "observed")
        left.set(title="Reliability", xlabel=axis, ylabel="observed fraction (95% interval)", box_aspect=1)
        tidy(left)
        legend_below(left)
        thresholds = decision.thresholds if target.kind == CLASSES else None
        _spread(spread, found.probabilities, found.came_true, axis, groups, thresholds)
    save(figure, path, PRINT_DPI)


def _reliability(axes: Axes, found: Reliability, color: str, name: str) -> None:
    """Draw the line of perfect calibration and, with 95% intervals, the share of each bin that came true."""
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="perfect calibration")
    low, high = found.share_intervals()
    reach = np.maximum([found.shares - low, high - found.shares], 0)
    axes.errorbar(
        *(found.means, found.shares, reach),
        marker="o",
        markersize=5,
        color=color,
        capsize=2,
        linewidth=1.2,
        label=name,
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _named(target: Target) -> tuple[str, tuple[str, str]]:
    """Return what the probabilities are of, and the names of those that did not come true and of those that did."""
    if target.kind != CLASSES:
        return "probability of a label", ("label absent", "label present")
    if len(target.labels) == 2:
        first, second = map(shown, target.labels)
        return f"probability of {second}", (first, second)
    return "probability of the predicted label", ("wrong", "correct")


def _spread(
    axes: Axes,
    values: np.ndarray,
    came_true: np.ndarray,
    axis: str,
    groups: tuple[str, str],
    thresholds: tuple[float, ...] | None,
) -> None:
    edges = np.linspace(0, 1, BARS + 1)
    for name, color, inside in ((groups[0], COLORS[1], ~came_true), (groups[1], COLORS[0], came_true)):
        records = int(inside.sum())
        if records:
            weights = np.full(records, 1 / records)
            axes.hist(values[inside], edges, weights=weights, color=color, alpha=0.45, label=f"{name} ({records:,})")
            axes.hist(values[inside], edges, weights=weights, color=color, histtype="step")
    if thresholds:
        axes.axvline(thresholds[0], color="black", linestyle=":", label=f"threshold: {thresholds[0]:.3f}")
    axes.set(title="Distribution", xlabel=axis, ylabel="fraction of the group", xlim=(-0.02, 1.02), box_aspect=1)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    tidy(axes)
    legend_below(axes)


def _means(axes: Axes, truth: np.ndarray, predicted: np.ndarray, clusters: np.ndarray | None) -> None:
    edges = quantile_edges(predicted, min(BINS, max(1, len(predicted) // 5)))
    bins = binned(predicted, edges) if len(edges) > 1 else [np.ones(len(predicted), dtype=bool)]
    rows = []
    for inside in bins:
        if inside.any():
            own = truth[inside]
            error = mean_interval(own, None if clusters is None else clusters[inside])[1] - own.mean()
            rows.append((predicted[inside].mean(), own.mean(), error))
    place, mean, error = np.array(rows).T
    low, high = min(place.min(), mean.min()), max(place.max(), mean.max())
    axes.plot([low, high], [low, high], color="gray", linestyle=":", label="perfect calibration")
    axes.errorbar(*(place, mean, error), marker="o", markersize=5, color=COLORS[0], capsize=2, label="observed")
    axes.set(title="Reliability", xlabel="predicted value", ylabel="mean true value (95% interval)", box_aspect=1)
    tidy(axes)
    legend_below(axes)


def _two_spreads(axes: Axes, truth: np.ndarray, predicted: np.ndarray) -> None:
    low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
    edges = np.linspace(low, high, BARS + 1) if low < high else [low - 0.5, low + 0.5]
    for name, color, values in (("true", COLORS[1], truth), ("predicted", COLORS[0], predicted)):
        axes.hist(values, edges, color=color, alpha=0.45, label=name)
        axes.hist(values, edges, color=color, histtype="step")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(title="Distribution", xlabel="value", ylabel="sequences", box_aspect=1)
    tidy(axes)
    legend_below(axes)
