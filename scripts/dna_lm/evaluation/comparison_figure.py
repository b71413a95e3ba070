"""The figure of a comparison: curves over one another, and scores with their intervals."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from sklearn import metrics as sk

from ..reports.figure_style import COLORS, LEGEND, PRINT_DPI, save, shown, tidy
from ..scores.registry import ERRORS, SHOWN, TITLES
from ..scores.truth import curves
from ..words import CLASSES, NUMBER
from .comparing import Compared

# Above this number, curves can no longer be distinguished: each color comes solid and dashed.
MOST_CURVES = 2 * len(COLORS)
# Above this number, the names of the adapters have no room beside their scores.
MOST_NAMES = 60
# The scores that are drawn of numbers, beside the one that was asked for.
GRID = np.linspace(0, 1, 501)


def plot_comparison(result: Compared, path: str | Path) -> None:
    """Draw how good the adapters are, beside one another.

    Labels: the ROC curves, the precision-recall curves (of the best MOST_CURVES), and the score by which they are
    compared. Of two classes the curves are those of the second; else the mean over the labels of the curves of each
    against the rest. Numbers: three scores. The adapters are in the order of the score, each with its interval.
    """
    count = len(result.names)
    height = 1.1 + (0.28 * count if count <= MOST_NAMES else 8)
    if result.target.kind == NUMBER:
        drawn = list(dict.fromkeys([result.metric, *(name for name in SHOWN[NUMBER] if name not in ERRORS)]))[:3]
        figure, panels = plt.subplots(1, len(drawn), figsize=(9.5, height), layout="constrained", sharey=True)
        for axes, metric in zip(panels, drawn, strict=True):
            _scores(axes, result, metric, names=axes is panels[0])
    else:
        # The legends have places of their own: within, they would lie on the curves.
        heights = [4.8, 0.4 + 0.24 * -(-(min(count, MOST_CURVES) + 1) // 2), height]
        figure, panels = plt.subplot_mosaic(
            [["roc", "precision"], ["roc_legend", "precision_legend"], ["scores", "scores"]],
            figsize=(9.5, sum(heights)),
            height_ratios=heights,
            layout="constrained",
        )
        _curves(panels["roc"], panels["precision"], result)
        title = "AUC" if count <= MOST_CURVES else f"AUC, the best {MOST_CURVES} of {count}"
        for name in ("roc", "precision"):
            _legend(panels[name], panels[f"{name}_legend"], title)
        _scores(panels["scores"], result, result.metric, names=True)
    save(figure, path, PRINT_DPI)


def _legend(axes: Axes, legend_axes: Axes, title: str) -> None:
    legend_axes.axis("off")
    small = {"fontsize": LEGEND, "title_fontsize": LEGEND, "columnspacing": 1.0, "borderpad": 0}
    legend = legend_axes.legend(
        *axes.get_legend_handles_labels(), loc="upper center", ncols=2, frameon=False, title=title, **small
    )
    legend.set_in_layout(False)


def _curves(roc: Axes, precision: Axes, result: Compared) -> None:
    having = curves(result.target, result.truth)
    single = result.target.kind == CLASSES and len(result.target.labels) == 2
    for number, name in enumerate(result.names[:MOST_CURVES]):
        predictions = result.predictions[number]
        style = {"color": COLORS[number % len(COLORS)], "linestyle": "--" if number >= len(COLORS) else "-"}
        panels = [
            (roc, "roc_auc", roc_curve, "default"),
            (precision, "pr_auc", precision_curve, "default" if not single else "steps-post"),
        ]
        for axes, metric, curve, drawing in panels:
            pairs = [curve(present, predictions[:, label]) for label, present in having]
            across, up = pairs[0] if len(pairs) == 1 else _mean_curve(pairs, metric)
            area = result.score(number, metric)[0]
            area_text = f"{area:.3f}" if np.isfinite(area) else "undefined"
            axes.plot(across, up, drawstyle=drawing, label=f"{shown(name)}: {area_text}", **style)
    roc.plot([0, 1], [0, 1], color="gray", linestyle=":", label="chance: 0.500")
    share = np.mean([present.mean() for _, present in having])
    precision.axhline(share, color="gray", linestyle=":", label=f"chance: {share:.3f}")
    of = f"of {shown(result.target.labels[1])}" if single else "mean over labels"
    roc.set(title=f"ROC, {of}", xlabel="false positive rate", ylabel="true positive rate")
    precision.set(title=f"Precision-recall, {of}", xlabel="recall", ylabel="precision")
    for axes in (roc, precision):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1)
        tidy(axes)


def roc_curve(present: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the false and the true positive rates, rising."""
    false_positive, true_positive, _ = sk.roc_curve(present, values)
    return false_positive, true_positive


def precision_curve(present: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision, the recall falling."""
    exact, found, _ = sk.precision_recall_curve(present, values)
    return found, exact


def _mean_curve(pairs: list[tuple[np.ndarray, np.ndarray]], metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of curves at each place across: the area under it is the mean of their areas.

    A ROC curve is straight between its points. A precision-recall curve has steps: up to the recall of a point, its
    precision holds, as average precision has it.
    """
    if metric == "roc_auc":
        return GRID, np.mean([np.interp(GRID, across, up) for across, up in pairs], axis=0)
    each = []
    for across, up in pairs:
        rising, exact = across[::-1], up[::-1]
        each.append(exact[np.clip(np.searchsorted(rising, GRID[1:], side="left"), 0, len(exact) - 1)])
    return GRID[1:], np.mean(each, axis=0)


def _scores(axes: Axes, result: Compared, metric: str, names: bool) -> None:
    count = len(result.names)
    for number in range(count):
        value, low, high = result.score(number, metric)
        curve = result.target.kind != NUMBER and number < MOST_CURVES
        color = COLORS[number % len(COLORS)] if curve else COLORS[0]
        if np.isfinite([low, high]).all():
            axes.plot([low, high], [number, number], color=color, linewidth=2, solid_capstyle="butt")
        if np.isfinite(value):
            axes.plot([value], [number], "o", color=color, markersize=6 if count <= MOST_NAMES else 3)
        elif count <= MOST_NAMES:
            style = {"transform": axes.get_yaxis_transform(), "ha": "center", "va": "center"}
            axes.text(0.5, number, "undefined", fontsize=LEGEND, color="gray", **style)
    axes.set_title(f"{TITLES[metric]} (95% CI)", fontsize=11)
    axes.set(ylim=(count - 0.5, -0.5))
    tidy(axes)
    if count > MOST_NAMES:
        axes.set_yticks([])
    elif names:
        axes.set_yticks(range(count), [shown(name) for name in result.names], fontsize=LEGEND)
    axes.margins(x=0.05)
