"""What all figures share: PNG files that are readable at the width at which Galaxy shows them."""

import warnings
from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

matplotlib.use("Agg")

DPI = 150
# At this one, a figure as wide as a journal's page is printed sharp.
PRINT_DPI = 300
# Okabe and Ito's palette, told apart by color-blind readers (https://jfly.uni-koeln.de/color/).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
# Labels are names that users give: in a figure a long one is cut, and '$' is not the start of a formula.
LABEL_WIDTH = 20


def shown(label: str) -> str:
    """Return a label as it is printed in a figure."""
    # The middle of a long one goes: names of a series differ at their end.
    end = (LABEL_WIDTH - 1) // 2
    short = label if len(label) <= LABEL_WIDTH else f"{label[: LABEL_WIDTH - 1 - end]}…{label[-end:]}"
    # matplotlib leaves what starts with '_' out of a legend: an invisible character goes before it.
    return ("\u200b" if short.startswith("_") else "") + short.replace("$", r"\$")


def tidy(axes: Axes) -> None:
    """Take away the frame's upper and right side, and draw a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def save(figure: Figure, path: str | Path, dpi: int = DPI) -> None:
    """Write a figure as PNG, and forget it."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # a letter of a label that the font has not is drawn as a box
            # No software version or date in the file: equal results give equal bytes.
            figure.savefig(path, format="png", dpi=dpi, metadata={"Software": None})
    finally:
        plt.close(figure)
