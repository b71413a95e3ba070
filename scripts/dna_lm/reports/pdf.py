"""A report as PDF: what Galaxy shows of it, for readers outside Galaxy.

The pages are drawn with matplotlib, which the figures need anyway: a PDF library would be one more dependency of every
tool for the sake of one optional output. Letters that matplotlib's own font lacks come out as boxes.
"""

import html
import re
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

# A4 and its margins, in inches; sizes of letters in points.
WIDTH, HEIGHT, MARGIN = 8.27, 11.69, 0.75
TEXT, HEADING, TITLE, TABLE, SMALLEST = 9.5, 12.5, 15, 7.5, 5
# Letters of text are so wide on average, as a part of their height, those in bold, and all of those of tables.
PROPORTIONAL, BOLD, FIXED = 0.55, 0.62, 0.602
# A line is this many times as high as its letters.
LEADING = 1.4
# Letters of a cell of a wide table that are shown; rows of a table that is kept on one page.
CELL, KEPT = 26, 30
DIRECTIVE = re.compile(r"```galaxy\n(\w+)\((?:output=\"(\w+)\")?")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def write_pdf(
    path: str | Path,
    blocks: Iterable[str],
    outputs: dict[str, Path],
    parameters: Sequence[tuple[str, str]],
) -> None:
    """Write the blocks of a report (see markdown.write) on A4 pages. Equal reports give equal bytes.

    outputs: PNG files by the name of the output that a directive shows; of others, and of links to outputs, nothing is
    shown.
    parameters: names and values of the job's options, for a table at the end. The page in Galaxy has none: its details
    of the dataset list them.
    """
    with PdfPages(path, metadata={"CreationDate": None, "Producer": None, "Creator": None}) as pdf:
        pages = _Pages(pdf)
        for block in filter(None, blocks):
            directive = DIRECTIVE.match(block)
            if not directive:
                _written(pages, block)
            elif directive[1] == "history_dataset_as_image" and directive[2] in outputs:
                pages.image(outputs[directive[2]])
        if parameters:
            pages.heading("Options of the job", HEADING)
            pages.table([("option", "value"), *parameters])
        pages.close()


def _written(pages: "_Pages", block: str) -> None:
    """Set a block of Markdown of the few kinds that reports have."""
    if block.startswith("#"):
        level, _, text = block.partition(" ")
        pages.heading(_plain(text), TITLE if level == "#" else HEADING)
    elif block.startswith("| "):
        rows = [[_plain(cell).strip() for cell in line[2:-2].split(" | ")] for line in block.splitlines()]
        pages.table([row for number, row in enumerate(rows) if number != 1])
    else:
        for line in filter(None, block.splitlines()):
            bold = line.startswith("> ") or (line.startswith("**") and line.endswith("**"))
            bullet = "• " if line.startswith("- ") else ""
            pages.text(bullet + _plain(line.removeprefix("- ").removeprefix("> ")), bold, bullet)


def _plain(text: str) -> str:
    """Return Markdown as text: what users gave has no marks of its own, since these are entities. Links lose their
    address, which is a form of a Galaxy."""
    return html.unescape(LINK.sub(r"\1", text).replace("**", "").replace("`", "")).replace("\u2002", " ")


class _Pages:
    """Pages that are filled from the top."""

    def __init__(self, pdf: PdfPages):
        self._pdf = pdf
        self._page: Figure | None = None
        self._left = 0.0  # inches of the page that are still empty
        self._heading: list[tuple[str, float]] = []  # what waits for what it stands above

    def heading(self, text: str, size: float) -> None:
        """Set a heading, on the page of what follows it."""
        self._heading += [(line, size) for line in textwrap.wrap(text, _letters(size, BOLD))]

    def text(self, text: str, bold: bool = False, bullet: str = "") -> None:
        """Set a paragraph."""
        lines = textwrap.wrap(text, _letters(TEXT, BOLD if bold else PROPORTIONAL), subsequent_indent=" " * len(bullet))
        self._room(min(len(lines), 3) * _height(TEXT))
        for line in lines:
            self._line(line, TEXT, bold=bold)
        self._left -= _height(TEXT) / 2

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Set a table, the first row in bold, in letters that let it fit the page, or cut at its edge."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        most = _longest_cell(widths)
        cells = [[_short(cell, most) for cell in row] for row in rows]
        widths = [min(width, most) for width in widths]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        longest = max(map(len, lines))
        size = max(SMALLEST, min(TABLE, (WIDTH - 2 * MARGIN) * 72 / (longest * FIXED)))
        most = _letters(size, FIXED)
        self._room((len(lines) if len(lines) <= KEPT else 4) * _height(size))
        for number, line in enumerate(lines):
            self._line(line if len(line) <= most else line[: most - 1] + "…", size, bold=number == 0, fixed=True)
        self._left -= _height(TEXT)

    def image(self, path: Path) -> None:
        """Set a picture as wide as the text, or as high as the page."""
        picture = plt.imread(path, format="png")
        height, width = picture.shape[:2]
        # A heading above it has to stand on the same page.
        scale = min((WIDTH - 2 * MARGIN) / width, (HEIGHT - 2 * MARGIN - 3 * _height(HEADING)) / height)
        wide, high = width * scale, height * scale
        self._room(high)
        axes = self._page.add_axes([MARGIN / WIDTH, (MARGIN + self._left - high) / HEIGHT, wide / WIDTH, high / HEIGHT])
        axes.imshow(picture, interpolation="none")
        axes.set_axis_off()
        self._left -= high + _height(TEXT)

    def close(self) -> None:
        """Write the last page."""
        if self._page is not None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph")  # a letter that the font has not is drawn as a box
                self._pdf.savefig(self._page, dpi=300)

    def _line(self, line: str, size: float, *, bold: bool = False, fixed: bool = False) -> None:
        self._room(_height(size))
        self._page.text(
            *(MARGIN / WIDTH, (MARGIN + self._left) / HEIGHT, line),
            **{"fontsize": size, "va": "top", "parse_math": False},
            fontweight="bold" if bold else "normal",
            family="monospace" if fixed else "sans-serif",
        )
        self._left -= _height(size)

    def _room(self, height: float) -> None:
        """Begin another page if there is no room of so many inches, and set the headings that wait."""
        waiting, self._heading = self._heading, []
        height += sum(_height(size) for _, size in waiting) + bool(waiting) * _height(HEADING)
        if self._page is None or self._left < min(height, HEIGHT - 2 * MARGIN):
            self.close()
            self._page = Figure(figsize=(WIDTH, HEIGHT))
            self._left = HEIGHT - 2 * MARGIN
        for number, (line, size) in enumerate(waiting):
            self._line(line, size, bold=True)
            if number == len(waiting) - 1 or waiting[number + 1][1] != size:
                self._left -= _height(size) / 2


def _height(size: float) -> float:
    """Return the height of a line of letters of a size, in inches."""
    return size * LEADING / 72


def _letters(size: float, width: float) -> int:
    """Return how many letters fit on a line; width: of a letter, as a part of its size."""
    return int((WIDTH - 2 * MARGIN) * 72 / (size * width))


def _longest_cell(widths: Sequence[int]) -> int:
    """Return how many letters of a cell are shown so that columns of these widths fit the page, but at least CELL."""
    room = _letters(TABLE, FIXED) - 2 * (len(widths) - 1)
    fitting = (most for most in range(max(widths), CELL, -1) if sum(min(width, most) for width in widths) <= room)
    return next(fitting, CELL)


def _short(cell: str, longest: int) -> str:
    # The middle of a long one goes: names of a series differ at their end.
    half = (longest - 1) // 2
    return cell if len(cell) <= longest else f"{cell[:half]}…{cell[-half:]}"
