"""The first figure of an evaluation: curves and confusion of labels, or predicted against true numbers."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from sklearn import metrics as sk

from ..data.targets import Target
from ..reports.figure_style import COLORS, PRINT_DPI, legend_below, save, shown, tidy
from ..scores.truth import curves
from ..words import CLASSES, NUMBER

# Above this number of labels, curves and cells can no longer be distinguished: each color comes solid and dashed.
MOST_CURVES = 2 * len(COLORS)
MOST_CELLS = 20
# So many labels have room for their cells beside the curves.
NARROW = 6


def plot_evaluation(
    target: Target, truth: np.ndarray, predictions: np.ndarray, predicted: np.ndarray, path: str | Path
) -> None:
    """Draw how good the predictions are.

    truth, predictions, predicted: as target.read, Predictor.predictions and Decision.predicted give them.
    Labels: the ROC curve, the precision-recall curve, and the confusion matrix or, where a sequence can have several
    labels, the F1 of each. Of two classes the curves are those of the second; else there is one for each label against
    the rest, for the first MOST_CURVES. Numbers: the predicted against the true ones, and the errors.
    """
    if target.kind == NUMBER:
        figure, (pairs, errors) = plt.subplots(1, 2, figsize=(8.5, 4.9), layout="constrained")
        _pairs(pairs, truth, predicted)
        _errors(errors, predicted - truth)
        save(figure, path, PRINT_DPI)
        return
    drawn = [(number, present) for number, present in curves(target, truth) if number < MOST_CURVES]
    count = len(target.labels)
    # The legends stand below: within, they would lie on the curves.
    if count <= NARROW:
        size = (9.5, 3.35 + 0.21 * (len(drawn) + 1 + (len(drawn) > 1)))
        figure, (roc, precision, labels) = plt.subplots(1, 3, figsize=size, layout="constrained")
    else:
        upper = 5.1 + 0.2 * (1 - (-(len(drawn) + 1) // 2))
        lower = min(10.0, 2.6 + 0.5 * count) if target.kind == CLASSES else 1.2 + 0.24 * count
        lower = 4.5 if count > MOST_CELLS else lower
        figure = plt.figure(figsize=(9.5, upper + lower), layout="constrained")
        # Each part has a layout of its own: in one layout, long names of labels were cut off at the edge.
        parts = figure.subfigures(2, 1, height_ratios=[upper, lower])
        roc, precision = parts[0].subplots(1, 2)
        labels = parts[1].subplots()
    _curves(roc, precision, target, drawn, predictions)
    if target.kind == CLASSES:
        _confusion(labels, target, truth, predicted)
    else:
        _label_bars(labels, target, truth, predicted)
    for axes in (roc, precision, labels):
        axes.set_anchor("N")  # the titles on one line
    save(figure, path, PRINT_DPI)


def _curves(
    roc: Axes, precision: Axes, target: Target, drawn: list[tuple[int, np.ndarray]], predictions: np.ndarray
) -> None:
    areas: dict[Axes, list[float]] = {roc: [], precision: []}
    for number, present in drawn:
        values, name = predictions[:, number], shown(target.labels[number])
        single = target.kind == CLASSES and len(target.labels) == 2
        style = {"color": COLORS[0 if single else number % len(COLORS)]}
        style["linestyle"] = "--" if number >= len(COLORS) else "-"
        false_positive, true_positive, _ = sk.roc_curve(present, values)
        areas[roc].append(sk.roc_auc_score(present, values))
        roc.plot(false_positive, true_positive, label=name if single else f"{name}: {areas[roc][-1]:.3f}", **style)
        exact, found, _ = sk.precision_recall_curve(present, values)
        areas[precision].append(sk.average_precision_score(present, values))
        label = name if single else f"{name}: {areas[precision][-1]:.3f}"
        precision.plot(found, exact, drawstyle="steps-post", label=label, **style)
        if single:
            precision.axhline(present.mean(), color="gray", linestyle=":", label=f"chance: {present.mean():.3f}")
    roc.plot([0, 1], [0, 1], color="gray", linestyle=":", label="chance: 0.500")
    roc.set(xlabel="false positive rate", ylabel="true positive rate")
    precision.set(xlabel="recall", ylabel="precision")
    for axes, name in ((roc, "ROC"), (precision, "Precision-recall")):
        axes.set_title(_curve_title(name, areas[axes], len(target.labels)))
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1)
        tidy(axes)
        title = "AUC of each label" if len(drawn) > 1 else None
        # Two columns of long names just fit below the axes.
        legend_below(axes, title, **({"columns": 2, "size": 8.5} if len(target.labels) > NARROW else {}))


def _curve_title(name: str, areas: list[float], labels: int) -> str:
    """areas: under the curves that are drawn. labels: how many there are."""
    if not areas:
        return name
    if labels > MOST_CURVES:
        return f"{name} ({MOST_CURVES} of {labels} labels)"
    return f"{name} ({'mean ' if len(areas) > 1 else ''}AUC {np.mean(areas):.3f})"


def _confusion(axes: Axes, target: Target, truth: np.ndarray, predicted: np.ndarray) -> None:
    labels = target.labels
    counts = sk.confusion_matrix(truth, predicted, labels=np.arange(len(labels)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # What the colors and the second numbers mean stands nowhere else.
    axes.set(xlabel="predicted label", ylabel="true label", box_aspect=1)
    axes.set_title("Confusion: sequences, and fraction of the true label" if len(labels) > NARROW else "Confusion")
    if len(labels) > MOST_CELLS:
        axes.set(xticks=[], yticks=[])
        return
    names = [shown(label) for label in labels]
    longest = max(map(len, names))
    if len(labels) <= 2 and longest > 8:
        names = [_on_two_lines(name) if len(name) > 10 else name for name in names]
        turn = {}
    else:
        slanted = {"rotation": 30, "ha": "right"} if len(labels) > 3 or longest > 8 else {}
        turn = {"rotation": 90} if len(labels) > NARROW else slanted
    axes.set_xticks(range(len(labels)), names, fontsize=9, **turn)
    axes.set_yticks(range(len(labels)), names, fontsize=9)
    cell = {2: 11, 3: 10, 4: 9}.get(len(labels), 8 if len(labels) <= 12 else 6)
    if counts.max() >= 10_000:  # five digits and more are wider than a cell
        cell -= 1 if len(labels) < 5 else 2
    for row, column in np.ndindex(counts.shape):
        if not counts[row, column]:
            axes.text(column, row, "0", ha="center", va="center", color="gray", fontsize=cell)
            continue
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{counts[row, column]:,}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=cell)


def _on_two_lines(name: str) -> str:
    """Break a name at the place where a line may end, a blank, that is nearest to its middle, or in the middle."""
    positions = [position for position, letter in enumerate(name) if letter == " " and position]
    if not positions:
        # An escaped dollar is not taken apart.
        middle = len(name) // 2
        middle += name[middle - 1] == "\\"
        return f"{name[:middle]}\n{name[middle:]}"
    position = min(positions, key=lambda position: abs(position - len(name) / 2))
    return f"{name[:position]}\n{name[position + 1 :]}"


def _label_bars(axes: Axes, target: Target, truth: np.ndarray, predicted: np.ndarray) -> None:
    f1, having = sk.f1_score(truth, predicted, average=None, zero_division=0), truth.sum(axis=0).astype(int)
    positions = np.arange(len(f1))
    axes.barh(positions, f1, color=[COLORS[number % len(COLORS)] for number in positions], height=0.7)
    axes.set(title="F1 of each label", xlabel="F1", xlim=(0, 1))
    if len(f1) <= NARROW:
        axes.set(box_aspect=1)
    axes.invert_yaxis()
    tidy(axes)
    if len(f1) > MOST_CELLS:
        axes.set_yticks([])
        return
    names = [f"{shown(label)} ({count:,})" for label, count in zip(target.labels, having, strict=True)]
    axes.set_yticks(positions, names, fontsize=9)
    for position, value in zip(positions, f1, strict=True):
        inside = value > 0.8
        axes.text(
            *(value - 0.02 if inside else value + 0.02, position, f"{value:.2f}"),
            **{"ha": "right" if inside else "left", "va": "center", "color": "white" if inside else "black"},
            fontsize=9,
        )


def _pairs(axes: Axes, truth: np.ndarray, predicted: np.ndarray) -> None:
    low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
    if len(truth) > 5000 and low < high:
        # Points would lie on one another: the number of them in each cell takes their place.
        cells = axes.hexbin(truth, predicted, gridsize=50, bins="log", cmap="Blues", mincnt=1, linewidths=0)
        axes.figure.colorbar(cells, ax=axes, label="sequences", shrink=0.7)
    else:
        many = len(truth) > 1000
        axes.scatter(truth, predicted, s=4 if many else 14, alpha=0.2 if many else 0.6, color=COLORS[0], linewidths=0)
    axes.plot([low, high], [low, high], color="black", linestyle=":", label="no error")
    axes.set(title="Predicted and true values", xlabel="true value", ylabel="predicted value", box_aspect=1)
    tidy(axes)
    legend_below(axes)


def _errors(axes: Axes, errors: np.ndarray) -> None:
    axes.hist(errors, bins=min(50, max(10, round(len(errors) ** 0.5))), color=COLORS[0])
    axes.axvline(0, color="black", linestyle=":")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(title="Errors", xlabel="predicted minus true value", ylabel="sequences", box_aspect=1)
    tidy(axes)
