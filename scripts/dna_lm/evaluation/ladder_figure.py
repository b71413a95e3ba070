"""The ladder of baselines and the adapter, with intervals."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from ..reports.figure_style import COLORS, PRINT_DPI, save, tidy

UNDEFINED = {"ha": "center", "va": "center", "fontsize": 9, "color": "gray"}


def plot_ladder(table: pd.DataFrame, names: dict[str, str], path: str | Path, title: str = "") -> None:
    """Draw each model's scores with their intervals, a panel for each metric.

    table: rows with `model`, `metric`, `value`, `low`, `high`; the adapter is the last model.
    names: what to call the metrics; those that are drawn. title: what stands above the panels.
    """
    models = list(dict.fromkeys(table["model"]))
    figure, axes = plt.subplots(
        1, len(names), figsize=(9.5, 1.4 + 0.45 * len(models)), sharey=True, layout="constrained", squeeze=False
    )
    for panel, (metric, name) in zip(axes[0], names.items(), strict=True):
        rows = table[table["metric"] == metric].set_index("model").loc[models]
        for place, (model, row) in enumerate(rows.iterrows()):
            if not np.isfinite(row["value"]):
                panel.text(0.5, place, "undefined", transform=panel.get_yaxis_transform(), **UNDEFINED)
                continue
            color = COLORS[1] if model == models[-1] else COLORS[0]
            known = np.isfinite([row["low"], row["high"]]).all()
            reach = [[max(0, row["value"] - row["low"])], [max(0, row["high"] - row["value"])]] if known else None
            panel.errorbar(row["value"], place, xerr=reach, fmt="o", color=color, capsize=3, markersize=6)
            panel.annotate(
                f"{row['value']:.3g}" if abs(row["value"]) >= 10 else f"{row['value']:.3f}",
                *((row["value"], place), (0, 6)),
                **{"textcoords": "offset points", "ha": "center", "fontsize": 9, "color": color},
            ).set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
        panel.set(title=name, ylim=(len(models) - 0.6, -0.7))
        panel.margins(x=0.15)
        tidy(panel)
        if np.isfinite(rows["value"].iloc[-1]):
            panel.axvline(rows["value"].iloc[-1], color=COLORS[1], linestyle=":", linewidth=1)
    axes[0, 0].set_yticks(range(len(models)), models)
    if title:
        figure.suptitle(title, fontsize="large")
    save(figure, path, PRINT_DPI)
