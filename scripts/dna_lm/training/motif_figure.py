"""The figure of the motifs that favor each label, as sequence logos."""

from pathlib import Path

import logomaker
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from ..branch.motif_effects import MotifEffect, strongest_labels
from ..data.sequences import BASES
from ..data.textfiles import shortened
from ..motifs.motif import Motif
from ..reports.figure_style import COLORS, save, shown

# What is drawn at most; of more labels those with the largest effects.
MOST_LABELS, MOST_MOTIFS = 4, 4
COLUMNS = 2
# Letters of an id; those of JASPAR have 8.
LONGEST_ID = 12
WIDTH, LOGO, TITLE = 8, 1.0, 0.35  # inches: of the figure, high a logo with its name, high a label
# A logo of fewer positions than this has letters of the same width as one of so many.
POSITIONS = 20
# Bits of the lowest letter that is drawn: a pixel, where 2 bits are 90. Each letter takes 5 ms.
LOWEST = 0.02
# The colors that these letters usually have, in shades that color-blind readers can tell apart.
LETTERS = dict(zip(BASES, (COLORS[2], COLORS[0], COLORS[4], COLORS[1]), strict=True))


def plot_motifs(effects: dict[str, list[MotifEffect]], path: str | Path) -> None:
    """Draw the motifs of an adapter that favor each label.

    effects: as motif_effects returns them. If no motif favors a label, the figure says so.
    """
    labels = strongest_labels(effects, MOST_LABELS)
    if not labels:
        figure = plt.figure(figsize=(WIDTH, 1))
        figure.text(0.5, 0.5, "No known motif favors a label", ha="center", va="center")
        save(figure, path)
        return
    rows = [labels[start : start + COLUMNS] for start in range(0, len(labels), COLUMNS)]
    logos = [max(min(len(effects[label]), MOST_MOTIFS) for label in row) for row in rows]
    heights = [TITLE + LOGO * count for count in logos]
    figure = plt.figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    blocks = figure.subfigures(len(rows), COLUMNS, height_ratios=heights, squeeze=False)
    for line, row, count in zip(blocks, rows, logos, strict=True):
        for block, label in zip(line, row, strict=False):
            _block(block, label, effects[label], count)
    save(figure, path)


def information(motif: Motif) -> np.ndarray:
    """Return the height of each letter at each position, (width, 4) float64, in bits.

    The probability times the information content of the position, 2 bits minus its entropy (Schneider and Stephens
    1990, doi:10.1093/nar/18.20.6097).
    """
    probabilities = motif.probabilities
    bits = probabilities * np.log2(np.where(probabilities > 0, probabilities, 1))
    return probabilities * (np.log2(len(BASES)) + bits.sum(axis=1, keepdims=True))


def _block(figure: SubFigure, label: str, effects: list[MotifEffect], rows: int) -> None:
    figure.suptitle(f"toward {shown(label)}", x=0.1, ha="left", fontweight="bold", fontsize="medium")
    for number, axes in enumerate(figure.subplots(rows, 1, squeeze=False)[:, 0]):
        if number < min(len(effects), MOST_MOTIFS):
            _logo(axes, effects[number])
        else:
            _gap(axes)


def _logo(axes: Axes, one: MotifEffect) -> None:
    bits = information(one.motif)
    heights = pd.DataFrame(np.where(bits < LOWEST, 0, bits), columns=list(BASES), index=range(1, len(bits) + 1))
    if heights.any(axis=None):  # logomaker warns of axes without a height
        logomaker.Logo(heights, ax=axes, color_scheme=LETTERS)
    for letter in axes.patches:
        letter.set_in_layout(False)  # they are within the axes, and take long to measure
    id_ = [shown(shortened(one.motif.id, LONGEST_ID))] if one.motif.id != one.motif.name else []
    axes.set_title("  ".join([shown(one.motif.name), *id_, f"effect {one.text}"]), loc="left", fontsize="small")
    axes.set(xlim=(0.5, max(one.motif.width, POSITIONS) + 0.5))
    _scale(axes)
    axes.set_xticks([at for at in range(1, one.motif.width + 1) if at == 1 or at % 5 == 0])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _gap(axes: Axes) -> None:
    """Leave as much room as a logo takes, so that those above are as high as the other labels'."""
    axes.set_title(" ", loc="left", fontsize="small")
    _scale(axes)
    axes.tick_params(colors="none")
    axes.yaxis.label.set_color("none")
    axes.spines[:].set_visible(False)


def _scale(axes: Axes) -> None:
    axes.set(ylim=(0, 2), yticks=(0, 1, 2))
    axes.set_ylabel("bits", fontsize="small")
    axes.tick_params(labelsize="x-small", length=2)
