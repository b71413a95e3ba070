"""What all figures share: PNG files that are readable at the width at which Galaxy shows them."""

import warnings
from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from ..data.textfiles import shortened

matplotlib.use("Agg")

DPI = 150
# At this one, a figure as wide as a journal's page is printed sharp.
PRINT_DPI = 300
# Okabe and Ito's palette, told apart by color-blind readers (https://jfly.uni-koeln.de/color/).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
# Labels are names that users give: in a figure a long one is cut, and '$' is not the start of a formula.
LABEL_WIDTH = 20
# Points of the letters of legends: readable where a figure of 10 inches is shown on a page of 1,000 pixels.
LEGEND = 9.5


def shown(label: str) -> str:
    """Return a label as it is printed in a figure."""
    short = shortened(label, LABEL_WIDTH)
    # matplotlib leaves what starts with '_' out of a legend: an invisible character goes before it.
    return ("\u200b" if short.startswith("_") else "") + short.replace("$", r"\$")


def tidy(axes: Axes) -> None:
    """Take away the frame's upper and right side, and draw a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def legend_below(
    axes: Axes, title: str | None = None, columns: int = 1, space: float = 0.5, size: float = LEGEND
) -> None:
    """Put the legend below the axes, where it covers no data.

    space: inches between the axes and the legend, for the ticks and the name of the horizontal axis. size: points of
    the letters.
    """
    place = offset_copy(axes.transAxes, fig=axes.figure, y=-space, units="inches")
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=place,
        ncols=columns,
        title=title,
        **{
            "frameon": False,
            "fontsize": size,
            "title_fontsize": size,
            "borderaxespad": 0,
            "columnspacing": 1,
            "handlelength": 1.4,
        },
    )


def save(figure: Figure, path: str | Path, dpi: int = DPI) -> None:
    """Write a figure as PNG, and forget it."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # a letter of a label that the font has not is drawn as a box
            # No software version or date in the file: equal results give equal bytes.
            figure.savefig(path, format="png", dpi=dpi, metadata={"Software": None})
    finally:
        plt.close(figure)
