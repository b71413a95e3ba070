"""The tutorial as its pictures and tests read it: what its hands-on boxes say to do, and the figures that it quotes.

A figure stands in the text with the place that it is from, as a comment that no reader sees:

    0.650<!--evaluate|MCC|all labels-->      the row that begins with these cells, and the column of that name
    0.498<!--evaluate|MCC|all labels|low-->  there, the lower end of the interval in brackets; `high`: the upper end
    173,760<!--finetune~training # of-->     the number in the place of # in the text of the page
    6<!--predict again#chr3:;CTCF-->         how many rows have cells that begin so

The first word is a name in VIEWS.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "tutorial.md"
# Which page a figure is read on: the output of the tool's first or second job, as the tutorial goes.
VIEWS = {
    "random": ("prepare", 1),
    "prepare": ("prepare", 2),
    "finetune": ("finetune", 1),
    "finetune again": ("finetune", 2),
    "evaluate": ("evaluate", 1),
    "evaluate again": ("evaluate", 2),
    "calibrate": ("calibrate", 1),
    "compare": ("compare", 1),
    "predict": ("predict", 1),
    "predict again": ("predict", 2),
    "workflow": ("evaluate", 3),
}
OPTIONAL = "Optional"  # what the title of a hands-on box begins with that needs data of the reader's own
NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?%?"

Table = list[list[str]]  # rows of cells as they are on the page, the names of the columns in one of the first


@dataclass
class Field:
    """A line of a hands-on box that sets a field of a form."""

    label: str
    values: list[str]  # texts in backticks: of a select what is chosen, of a dataset its name or the start of it
    section: str = ""  # title of the section that has to be opened first
    data: bool = False  # whether the values are datasets


@dataclass
class Step:
    """A tool that is run, and what is done with its outputs."""

    tool: str  # `prepare` of dna_lm_prepare
    name: str
    fields: list[Field] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # start of the output's name -> new name
    opened: list[str] = field(default_factory=list)  # starts of the names of outputs


@dataclass
class Figure:
    """A number that the tutorial quotes, and where it is from."""

    quoted: str
    view: str
    place: str  # with its sign: `|MCC|all labels`, `~training # of` or `#chr3:;CTCF`
    line: int


def boxes(text: str) -> list[tuple[str, list[str]]]:
    """Return the title and the lines of every hands-on box, without the signs of the quotation."""
    found = []
    inside = False
    for line in text.splitlines():
        plain = re.sub(r"^(> ?)+", "", line)
        title = re.match(r"<hands-on-title>(.*)</hands-on-title>", plain)
        if title:
            found.append((title[1], []))
            inside = True
        elif plain.strip() == "{: .hands_on}":
            inside = False
        elif inside:
            found[-1][1].append(plain)
    return found


def steps(lines: list[str]) -> list[Step]:
    """Return what a hands-on box says to do with tools.

    Raises ValueError where a line is none of the forms that the tutorial has.
    """
    found: list[Step] = []
    section = ("", 0)
    for line in lines:
        if tool := re.search(r"{% tool \[(.*?)\]\(dna_lm_(\w+)\) %}", line):
            found.append(Step(tool[2], tool[1]))
        elif renamed := re.search(r"Rename the output \*\*(.*?)\*\* to `(.*?)`", line):
            found[-1].renamed[renamed[1]] = renamed[2]
        elif opened := re.search(r"Open the output \*\*(.*?)\*\*", line):
            if found:  # a workflow's box has no tool
                found[-1].opened.append(opened[1])
        elif inside := re.match(r'( *)- In \*"(.*?)"\*:', line):
            section = (inside[2], len(inside[1]))
        elif setting := re.match(r'( *)- ({% icon param-(?:files?|collection) %} )?\*"(.*?)"\*: (.*)', line):
            if len(setting[1]) <= section[1]:
                section = ("", 0)
            values = re.findall(r"`(.*?)`", setting[4])
            found[-1].fields.append(Field(setting[3], values, section[0], bool(setting[2])))
        elif '*"' in line:
            raise ValueError(f"a field in a line of no known form: {line.strip()}")
    return found


def figures(text: str) -> list[Figure]:
    """Return every figure of the text that has a place.

    Raises ValueError for a comment that is none.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for comment in re.finditer(r"(\S*?)<!--(.*?)-->", line):
            quoted = re.fullmatch(rf".*?({NUMBER})", comment[1])
            place = re.fullmatch(r"([a-z ]+)([|~#].+)", comment[2])
            if not quoted or not place or place[1] not in VIEWS:
                raise ValueError(f"line {number}: no figure with a known place: {comment[0]}")
            found.append(Figure(quoted[1], place[1], place[2], number))
    return found


def cell(tables: list[Table], begins: list[str], column: str) -> str | None:
    """Return the cell of the first row that begins so, in the column of that name; None if there is none."""
    for table in tables:
        header: list[str] = []
        for row in table:
            if column in row:
                header = row
            elif header and row[: len(begins)] == begins:
                return row[header.index(column)]
    return None


def actual(figure: Figure, text: str, tables: list[Table]) -> str | None:
    """Return what a page has in the place of a figure, written as the figure is; None if the place is not there."""
    kind, place = figure.place[0], figure.place[1:]
    if kind == "~":
        before, after = place.split("#")
        found = re.search(re.escape(before) + f"({NUMBER})" + re.escape(after), text)
        return found and found[1]
    if kind == "#":
        wanted = place.split(";")
        return str(sum(all(any(c.startswith(w) for c in row) for w in wanted) for table in tables for row in table))
    cells, column, *end = place.split("|")
    found = cell(tables, cells.split(";"), column)
    if found is not None and end:
        interval = re.search(rf"\(({NUMBER}) to ({NUMBER})\)", found)
        found = interval and interval[1 if end == ["low"] else 2].removeprefix("+")
    if found is None:
        return None
    try:
        value = float(found.replace(",", ""))
    except ValueError:  # such as `58.8% ± 8.2` and `+0.160 (0.010 to 0.310)`
        return found.split()[0].removeprefix("+")
    decimals = len(figure.quoted.partition(".")[2])
    return f"{value:,.{decimals}f}" if "." in found or "," in figure.quoted else f"{value:.{decimals}f}"
