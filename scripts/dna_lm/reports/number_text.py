"""Numbers as reports and figures write them, also those that are undefined."""

import math

UNDEFINED = "–"


def number_text(value: float | None, form: str = ".3f") -> str:
    """Return a number in a format, or a dash for none, such as NaN."""
    return UNDEFINED if value is None or not math.isfinite(value) else f"{value:{form}}"
