"""The figure of a training."""

from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..reports.figure_style import COLORS, save, tidy
from ..scores.registry import ERRORS, SHOWN, TITLES

# The scores that are drawn, those that the history has: two where the loss chose the epoch, else the one that chose and
# the first of these beside it; and ROC-AUC.
DRAWN = tuple(dict.fromkeys(name for names in SHOWN.values() for name in names if name not in ERRORS))


def plot_training(history: pd.DataFrame, metric: str, path: str | Path) -> None:
    """Draw the losses, and scores on dev, against the epoch; the epochs that are saved are marked.

    history, metric: as finetuning.Finetuned has them. Several runs are drawn over one another.
    """
    figure, (loss, quality) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    others = [name for name in DRAWN if f"dev_{name}" in history and name != metric]
    chosen = [metric] if metric != "loss" else []
    ranking = [name for name in others if name == "roc_auc"]
    drawn = list(dict.fromkeys([*chosen, *others[: 2 - len(chosen)], *ranking]))
    _lines(loss, history, "train_loss", "training", 0)
    _lines(loss, history, "dev_loss", "development", 1)
    for color, name in enumerate(drawn, start=1):
        _lines(quality, history, f"dev_{name}", TITLES[name], color)
    loss.set(title="Loss", ylabel="loss")
    quality.set(title="Scores on the development set", ylabel="score")
    kept = history[history["kept"] == "yes"]
    marked = quality if chosen else loss
    marked.plot(
        kept["epoch"],
        kept[f"dev_{metric}"],
        linestyle="none",
        marker="o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor="black",
        label="saved" if len(kept) > 1 else f"saved (epoch {kept['epoch'].iloc[0]:g})",
    )
    whole = history["epoch"].max() > 2 or (history["epoch"] % 1 == 0).all()
    for axes in (loss, quality):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=whole, min_n_ticks=1 if whole else 2))
        tidy(axes)
        axes.legend(frameon=False)
    save(figure, path)


def _lines(axes: Axes, history: pd.DataFrame, column: str, name: str, color: int) -> None:
    runs = [run for _, run in history.groupby("seed", sort=False)] if "seed" in history else [history]
    style = {"color": COLORS[color], "marker": "o", "markersize": 4, "alpha": 1 if len(runs) == 1 else 0.6}
    for number, run in enumerate(runs):
        axes.plot(run["epoch"], run[column], label=name if number == 0 else None, **style)
