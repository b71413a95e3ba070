"""Reading the tables that reports write out."""

import html
import re


def unpadded(text: str) -> str:
    """Return Markdown without the spaces that widen the headers of tables, and without entities."""
    return html.unescape(re.sub(r"&ensp;(?: \u2002)* | \u2002", "", text))


def cells(text: str) -> list[list[str]]:
    """Return the rows of all tables, without the line below the header."""
    lines = [line for line in unpadded(text).splitlines() if line.startswith("| ")]
    return [line[2:-2].split(" | ") for line in lines if not line.startswith("| ---")]
