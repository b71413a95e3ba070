"""Values of a record that may be anybody's."""

import json
from typing import Any

LONGEST_VALUE = 300


def shortened(value: Any) -> str:
    """Return any value of a record as one line of text that is not too long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def mapping(value: Any) -> dict[str, Any]:
    """Return a part of a record that should be an object; empty if it is none."""
    return value if isinstance(value, dict) else {}
