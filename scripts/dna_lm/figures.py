"""The figures of training and evaluation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from sklearn import metrics as sk

from .figure_style import COLOURS, save, shown, tidy
from .metrics import curves

# Above this number of labels, curves and cells can no longer be told apart.
MOST_CURVES = len(COLOURS)
MOST_CELLS = 20


def plot_history(history: pd.DataFrame, best_epoch: int, path: str | Path) -> None:
    """Draw the losses, and accuracy and MCC on dev, against the epoch; the kept epoch is marked.

    history: as finetuning.finetune makes it.
    """
    figure, (loss, quality) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    epochs = history["epoch"]
    _line(loss, epochs, history["train_loss"], "train", 0)
    _line(loss, epochs, history["dev_loss"], "dev", 1)
    loss.set(title="Loss", ylabel="cross-entropy (nats)")
    _line(quality, epochs, history["dev_mcc"], "MCC", 1)
    _line(quality, epochs, history["dev_accuracy"], "accuracy", 2)
    quality.set(title="Scores on dev", ylabel="score")
    for axes in (loss, quality):
        axes.axvline(best_epoch, color="grey", linestyle=":", label=f"kept (epoch {best_epoch})")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        tidy(axes)
        axes.legend(frameon=False)
    save(figure, path)


def plot_evaluation(truth: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], path: str | Path) -> None:
    """Draw the ROC curve, the precision-recall curve and the confusion matrix.

    truth: (n,) label numbers; probabilities: (n, labels); labels: in the order of the numbers.
    With two labels the curves are those of the second; with more, one against the rest for the first MOST_CURVES.
    """
    figure, (roc, precision, confusion) = plt.subplots(1, 3, figsize=(10.5, 4), layout="constrained")
    for position, number in enumerate(curves(truth, probabilities)[:MOST_CURVES]):
        present, values = truth == number, probabilities[:, number]
        if not present.any() or present.all():
            continue
        false_positive, true_positive, _ = sk.roc_curve(present, values)
        area = sk.roc_auc_score(present, values)
        roc.plot(false_positive, true_positive, color=COLOURS[position], label=f"{shown(labels[number])}: {area:.3f}")
        exact, found, _ = sk.precision_recall_curve(present, values)
        area = sk.average_precision_score(present, values)
        precision.plot(
            found, exact, color=COLOURS[position], drawstyle="steps-post", label=f"{shown(labels[number])}: {area:.3f}"
        )
        if probabilities.shape[1] == 2:
            precision.axhline(present.mean(), color="grey", linestyle=":", label=f"chance: {present.mean():.3f}")
    roc.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance: 0.500")
    roc.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate")
    precision.set(title="Precision-recall", xlabel="recall", ylabel="precision")
    for axes in (roc, precision):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1)
        tidy(axes)
        axes.legend(frameon=False, title="area under curve", loc="lower right" if axes is roc else "lower left")
    _confusion(confusion, truth, probabilities.argmax(axis=1), labels)
    save(figure, path)


def _confusion(axes: Axes, truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str]) -> None:
    counts = sk.confusion_matrix(truth, predicted, labels=np.arange(len(labels)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(title="Confusion", xlabel="predicted label", ylabel="true label", box_aspect=1)
    if len(labels) > MOST_CELLS:
        axes.set(xticks=[], yticks=[])
        return
    names = [shown(label) for label in labels]
    slanted = len(labels) > 4 or max(map(len, names)) > 8
    axes.set_xticks(range(len(labels)), names, rotation=30 if slanted else 0, ha="right" if slanted else "center")
    axes.set_yticks(range(len(labels)), names)
    size = max(5, 12 - len(labels))
    for row, column in np.ndindex(counts.shape):
        text = f"{counts[row, column]}\n{shares[row, column]:.0%}" if len(labels) <= 6 else str(counts[row, column])
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


def _line(axes: Axes, x: pd.Series, y: pd.Series, name: str, colour: int) -> None:
    axes.plot(x, y, color=COLOURS[colour], marker="o", markersize=4, label=name)
