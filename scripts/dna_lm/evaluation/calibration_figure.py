"""The figure of a calibration."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from ..data.targets import THRESHOLD
from ..reports.figure_style import COLORS, save, shown, tidy
from ..scores.calibration_error import reliability
from ..scores.shares import lower_bound
from ..scores.truth import curves
from ..words import CLASSES, F1, MCC, NONE, PRECISION, RECALL
from .calibrating import Calibrated, label_score
from .calibration_verdict import short_changes, verdict

# The precision that a threshold assures, by which one is chosen.
ASSURED = "assured precision"
# Thresholds at which the score is drawn.
STEPS = np.linspace(0, 1, 201)
# Above this number of labels, curves can no longer be told apart.
MOST_CURVES = len(COLORS)
SCORES = {F1: "F1", MCC: "MCC", RECALL: "recall", PRECISION: "precision"}


def plot_calibration(result: Calibrated, path: str | Path) -> None:
    """Draw the reliability before and after and, where labels have thresholds, a score against the threshold.

    Reliability: the bins of which the calibration error is made (see calibration_error.py). The score is what the
    thresholds were chosen by, or else F1.
    """
    target = result.adapter.target
    drawn = []
    if target.kind != CLASSES or len(target.labels) == 2:
        drawn = [(number, having) for number, having in curves(target, result.truth) if number < MOST_CURVES]
    panels = 2 if drawn else 1
    figure, grid = plt.subplots(1, panels, figsize=(4.5 * panels, 4.6), layout="constrained", squeeze=False)
    _reliability(grid[0][0], result)
    if drawn:
        _score(grid[0][1], result, drawn)
    for axes in grid[0]:
        axes.set_anchor("N")  # the titles on one line
    figure.suptitle(
        f"{verdict(result)}\n{textwrap.fill(short_changes(result), 52 * panels)}", fontsize=11, parse_math=False
    )
    save(figure, path)


def _reliability(axes: Axes, result: Calibrated) -> None:
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="perfect calibration")
    sides = [("before", COLORS[1], result.before), ("after", COLORS[0], result.after)]
    if np.array_equal(result.before, result.after):
        sides = [("before and after", COLORS[0], result.after)]
    for name, color, predictions in sides:
        found = reliability(result.adapter.target, result.truth, predictions, result.independence.clusters)
        axes.plot(found.means, found.shares, marker="o", markersize=5, color=color, label=name)
    labels = result.adapter.labels
    what = "of a label"
    if result.adapter.target.kind == CLASSES:
        what = f"of {shown(labels[1])}" if len(labels) == 2 else "of the most probable label"
    axes.set(title="Reliability", xlabel=f"probability {what}", ylabel="fraction that is true", box_aspect=1)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    tidy(axes)
    _legend(axes)


def _score(axes: Axes, result: Calibrated, drawn: list[tuple[int, np.ndarray]]) -> None:
    target, thresholds = result.adapter.target, result.adapter.decision.thresholds
    criterion = F1 if result.criterion == NONE else result.criterion
    name = SCORES[criterion]
    for index, (number, having) in enumerate(drawn):
        cut = thresholds[0 if target.kind == CLASSES else number] if thresholds else THRESHOLD
        cuts = np.union1d(STEPS, cut)  # a peak may be narrower than a step
        values = _by_threshold(criterion, having, result.after[:, number], cuts)
        axes.plot(cuts, values, color=COLORS[index], label=shown(target.labels[number]))
        if criterion == PRECISION:
            share = result.independence.share
            bound = _by_threshold(ASSURED, having, result.after[:, number], STEPS, share)
            axes.plot(STEPS, bound, color=COLORS[index], linewidth=0.8, label=None if index else "with 95% confidence")
        if thresholds:
            axes.plot(cut, values[cuts == cut], marker="o", markersize=9, color=COLORS[index], markerfacecolor="none")
    axes.axvline(THRESHOLD, color="gray", linestyle=":", label=f"{THRESHOLD:g}")
    if result.criterion in (RECALL, PRECISION):
        axes.axhline(result.at, color="gray", linestyle="--", label=f"{name} {result.at:g}")
    chosen = "" if result.criterion == NONE else "; circles: chosen"
    axes.set(title=f"{name} by threshold{chosen}", xlabel="threshold", ylabel=name, box_aspect=1)
    axes.set(xlim=(-0.02, 1.02), ylim=(min(-0.02, axes.get_ylim()[0]), 1.02))
    tidy(axes)
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Put the legend below: within, it would lie on the lines."""
    axes.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3)


def _by_threshold(
    criterion: str, having: np.ndarray, values: np.ndarray, cuts: np.ndarray, independent: float = 1.0
) -> np.ndarray:
    predicted = len(values) - np.searchsorted(np.sort(values), cuts)
    hits = int(having.sum()) - np.searchsorted(np.sort(values[having]), cuts)
    if criterion == ASSURED:
        return lower_bound(hits * independent, predicted * independent)
    return label_score(criterion, hits, predicted, int(having.sum()), len(values))
