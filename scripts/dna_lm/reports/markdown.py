"""Galaxy's own Markdown (datatype `tool_markdown`), whose directives show the job's other outputs."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data import textfiles

# Labels that a sentence names.
MOST_LISTED = 20
# What Galaxy calls the tools that reports point to.
TOOLS = {
    "finetune": "Fine-tune a DNA language model",
    "evaluate": "Evaluate a DNA classifier",
    "compare": "Compare DNA classifiers",
    "calibrate": "Calibrate a DNA classifier",
    "predict": "Predict with a DNA classifier",
    "scan": "Scan a genome with a DNA classifier",
}

# Where text stops being text. Anywhere: HTML and entities, code, emphasis, links, tables, mathematics, and Galaxy's
# directives; an underscore at the edge of a word; the ends of lines, for Markdown or for Python, and other control
# characters; what is made a link without brackets (GitHub's Markdown). At the start of a text, which may be that of a
# line: headings, lists, rules, underlines and code that is indented.
_MARKS = re.compile(
    r"[&<>`*\[\]|\\~$]"
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|[\x00-\x1f\x7f\x85\u2028\u2029]"
    r"|:(?=//)|\bwww(?=\.)|@"
    r"|\A(?:[#= ]|[-+](?![^\W_]|\.\d)|\d{1,9}[.)](?!\S))",
    re.IGNORECASE,
)


def escape(text: str) -> str:
    """Return text that a user gave so that Markdown, HTML and Galaxy directives in it stay text.

    Marks that could begin or end something become their HTML entities. Others, such as the comma, the full stop of a
    number and the hyphen in a word, are left as they are: reports are also read without a program that shows Markdown.
    """
    return _MARKS.sub(lambda found: f"{found[0][:-1]}&#{ord(found[0][-1])};", text)


def directive(call: str) -> str:
    """Return a block with one Galaxy directive."""
    return f"```galaxy\n{call}\n```"


def image(output: str) -> str:
    """Return the directive that shows an output that is a picture."""
    return directive(f'history_dataset_as_image(output="{output}")')


def link(output: str, label: str) -> str:
    """Return the directive that links an output.

    label: without commas, which Galaxy leaves out.
    """
    return directive(f'history_dataset_link(output="{output}", label="{label}")')


def tool_link(tool: str) -> str:
    """Return a link to the form of one of TOOLS.

    The address is that of a Galaxy at the root of its server, and finds a tool of any Tool Shed too.
    """
    return f"[{TOOLS[tool]}](/?tool_id=dna_lm_{tool})"


@dataclass(frozen=True)
class WebLink:
    """A cell of a table that links a page.

    text: is escaped. address: https, without brackets, spaces or anything else that a user gave.
    """

    text: str
    address: str

    def __len__(self) -> int:
        return len(self.text)


def pipe_table(header: Sequence[str], rows: Iterable[Sequence[str | WebLink]], texts: int = 1) -> str:
    """Return a table written out, every cell escaped.

    texts: so many columns are text, on the left; the others are numbers, on the right.
    """
    rows = [header, *rows]
    lines = [[_cell(cell) for cell in row] for row in rows]
    # Galaxy draws such tables without space between the columns: spaces make each header wider than its column. Pairs
    # of a wide space and one that lets a line break are half again as wide as a letter. Markdown strips spaces, but not
    # entities, from the edges of a cell.
    for column, name in enumerate(header):
        spaces = " \u2002" * ((max(len(row[column]) for row in rows) - len(name)) * 2 // 3)
        if column >= texts:
            lines[0][column] = f"&ensp;{spaces} {lines[0][column]}"
        elif column + 1 < texts:
            lines[0][column] += f"{spaces} &ensp;"
    lines.insert(1, ["---"] * texts + ["---:"] * (len(header) - texts))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(cell: str | WebLink) -> str:
    return f"[{escape(cell.text)}]({cell.address})" if isinstance(cell, WebLink) else escape(cell)


def listed(labels: Sequence[str]) -> str:
    """Return the labels, escaped, the first ones of many."""
    return textfiles.listed([escape(label) for label in labels], MOST_LISTED)


def warned(sentences: Iterable[str]) -> list[str]:
    """Return a block for each warning, escaped."""
    return [f"> **Warning:** {escape(sentence)}" for sentence in sentences]


def bullets(sentences: Iterable[str]) -> str:
    """Return a list of sentences, escaped."""
    return "\n".join(f"- {escape(sentence)}" for sentence in sentences)


def write(path: str | Path, *blocks: str) -> None:
    """Write the blocks with an empty line between them; empty ones are left out."""
    # What is not UTF-8 in the name of a file stands in Python's text as letters that UTF-8 cannot write.
    text = "\n\n".join(block for block in blocks if block)
    Path(path).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
