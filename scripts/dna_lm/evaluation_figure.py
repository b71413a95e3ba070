"""The figure of an evaluation."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from sklearn import metrics as sk

from .figure_style import COLOURS, save, shown, tidy
from .metrics import curves, label_f1
from .options import CLASSES, NUMBER
from .targets import Target

# Above this number of labels, curves and cells can no longer be told apart.
MOST_CURVES = len(COLOURS)
MOST_CELLS = 20


def plot_evaluation(target: Target, truth: np.ndarray, answers: np.ndarray, path: str | Path) -> None:
    """Draw how good the answers are.

    truth, answers: as target.read and target.answers give them.
    Labels: the ROC curve, the precision-recall curve, and the confusion matrix or, where a sequence can have several
    labels, the F1 of each. Of two classes the curves are those of the second; else there is one for each label against
    the rest, for the first MOST_CURVES. Numbers: the predicted against the true ones, and the errors.
    """
    if target.kind == NUMBER:
        figure, (pairs, errors) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
        _pairs(pairs, truth, answers[:, 0])
        _errors(errors, answers[:, 0] - truth)
    else:
        drawn = [(number, present) for number, present in curves(target, truth) if number < MOST_CURVES]
        # Of several curves the legend stands below: within, it would lie on them.
        size = (10.5, 4 if len(drawn) < 2 else 4.2 + 0.2 * len(drawn))
        figure, (roc, precision, labels) = plt.subplots(1, 3, figsize=size, layout="constrained")
        _curves(roc, precision, target, drawn, answers)
        if target.kind == CLASSES:
            _confusion(labels, target, truth, answers.argmax(axis=1))
        else:
            _label_bars(labels, target, truth, answers)
        for axes in (roc, precision, labels):
            axes.set_anchor("N")  # the titles on one line
    save(figure, path)


def _curves(
    roc: Axes, precision: Axes, target: Target, drawn: list[tuple[int, np.ndarray]], answers: np.ndarray
) -> None:
    for number, present in drawn:
        values, name = answers[:, number], shown(target.labels[number])
        single = target.kind == CLASSES and len(target.labels) == 2
        colour = COLOURS[0 if single else number]
        false_positive, true_positive, _ = sk.roc_curve(present, values)
        area = sk.roc_auc_score(present, values)
        roc.plot(false_positive, true_positive, color=colour, label=f"{name}: {area:.3f}")
        exact, found, _ = sk.precision_recall_curve(present, values)
        area = sk.average_precision_score(present, values)
        precision.plot(found, exact, color=colour, drawstyle="steps-post", label=f"{name}: {area:.3f}")
        if single:
            precision.axhline(present.mean(), color="grey", linestyle=":", label=f"chance: {present.mean():.3f}")
    roc.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance: 0.500")
    roc.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate")
    precision.set(title="Precision-recall", xlabel="recall", ylabel="precision")
    for axes, corner in ((roc, "lower right"), (precision, "lower left")):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1)
        tidy(axes)
        place = {"loc": corner}
        if len(drawn) > 1:
            place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "fontsize": "small"}
        axes.legend(frameon=False, title="area under curve", **place)


def _confusion(axes: Axes, target: Target, truth: np.ndarray, predicted: np.ndarray) -> None:
    labels = target.labels
    counts = sk.confusion_matrix(truth, predicted, labels=np.arange(len(labels)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(title="Confusion", xlabel="predicted label", ylabel="true label", box_aspect=1)
    if len(labels) > MOST_CELLS:
        axes.set(xticks=[], yticks=[])
        return
    names = [shown(label) for label in labels]
    size = _name_size(labels)
    if len(labels) > 6:
        axes.set_xticks(range(len(labels)), names, rotation=90, fontsize=size)
    else:
        slanted = len(labels) > 4 or max(map(len, names)) > 8
        turn = {"rotation": 30, "ha": "right"} if slanted else {}
        axes.set_xticks(range(len(labels)), names, fontsize=size, **turn)
    axes.set_yticks(range(len(labels)), names, fontsize=size)
    size = max(5, 12 - len(labels))
    for row, column in np.ndindex(counts.shape):
        text = f"{counts[row, column]}\n{shares[row, column]:.0%}" if len(labels) <= 6 else str(counts[row, column])
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


def _label_bars(axes: Axes, target: Target, truth: np.ndarray, answers: np.ndarray) -> None:
    f1, having = label_f1(target, truth, answers), truth.sum(axis=0).astype(int)
    places = np.arange(len(f1))
    axes.barh(places, f1, color=[COLOURS[number] if number < MOST_CURVES else "grey" for number in places], height=0.7)
    axes.set(title="F1 of each label", xlabel="F1", xlim=(0, 1), box_aspect=1)
    axes.invert_yaxis()
    tidy(axes)
    if len(f1) > MOST_CELLS:
        axes.set_yticks([])
        return
    size = _name_size(target.labels)
    names = [f"{shown(label)} ({count:,})" for label, count in zip(target.labels, having, strict=True)]
    axes.set_yticks(places, names, fontsize=size)
    for place, value in zip(places, f1, strict=True):
        inside = value > 0.8
        axes.text(
            *(value - 0.02 if inside else value + 0.02, place, f"{value:.2f}"),
            **{"ha": "right" if inside else "left", "va": "center", "color": "white" if inside else "black"},
            fontsize=size,
        )


def _name_size(labels: list[str]) -> int:
    """Return the size, in points, at which so many names have room beside the cells or bars."""
    return max(6, 10 - len(labels) // 4)


def _pairs(axes: Axes, truth: np.ndarray, predicted: np.ndarray) -> None:
    # The more points, the fainter and smaller, so that where they lie dense can be seen.
    many = len(truth) > 1000
    axes.scatter(truth, predicted, s=4 if many else 14, alpha=0.2 if many else 0.6, color=COLOURS[0], linewidths=0)
    low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
    axes.plot([low, high], [low, high], color="black", linestyle=":", label="no error")
    axes.set(title="Predicted against true", xlabel="true number", ylabel="predicted number", box_aspect=1)
    tidy(axes)
    axes.legend(frameon=False, loc="upper left")


def _errors(axes: Axes, errors: np.ndarray) -> None:
    axes.hist(errors, bins=min(50, max(10, round(len(errors) ** 0.5))), color=COLOURS[0])
    axes.axvline(0, color="black", linestyle=":")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(title="Errors", xlabel="predicted - true number", ylabel="sequences", box_aspect=1)
    tidy(axes)
