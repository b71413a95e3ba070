"""The order of labels, which is that of a model's outputs."""

import math
import re
from collections.abc import Iterable

from ..errors import UserError

# What users call the class that is not the one they look for, in lower case.
NEGATIVE = ("negative", "negatives", "neg", "control", "background", "shuffled", "unbound")
# Words that make a label of two the negative one, wherever they stand in it, and those that do so where they come
# first; and what one label of two may have in front of the other one: "inactive", "non-enhancer", "unmethylated".
_NEGATIVE_WORDS = {*NEGATIVE, "controls", "ctrl", "bg", "shuffle", "inactive", "random", "decoy", "decoys", "none"}
_NEGATIONS = {"no", "non", "not"}
_PREFIX = re.compile(r"(?:non|not|no|un|in|anti)[-_. ]*")


def ordered_labels(labels: Iterable[str]) -> list[str]:
    """Return the distinct labels: numbers in numerical order, then NEGATIVE, then text in alphabetical order.

    With two labels the second one is the positive class of ROC and precision-recall curves, thresholds and tracks. If
    one of them alone is called what a negative class is called, it comes first, whatever the alphabet says: `1` is the
    positive class of `0` and `1`, `CTCF` of `CTCF` and `negative`, `enhancer` of `enhancer` and `non-enhancer`.
    """

    def key(label: str) -> tuple[int, float, str]:
        try:
            number = float(label)
        except ValueError:
            number = math.nan
        # 'nan' and 'inf' are words here: NaN has no place among numbers, and would leave the order to chance.
        if math.isfinite(number):
            return (0, number, label)
        return (1 if label.lower() in NEGATIVE else 2, 0.0, label)

    ordered = sorted(set(labels), key=key)
    if len(ordered) == 2 and _is_negative(*reversed(ordered)) and not _is_negative(*ordered):
        ordered.reverse()
    return ordered


def _is_negative(label: str, other: str) -> bool:
    """Say whether a label of two is called what the negative class is called."""
    text = label.lower()
    words = [word for word in re.split(r"[-_.\s]+", text) if word]
    if not words:
        return False
    if _NEGATIVE_WORDS & set(words) or words[0] in _NEGATIONS:
        return True
    prefix = _PREFIX.match(text)
    return prefix is not None and text[prefix.end() :] == other.lower()


def with_positive(labels: list[str], positive: str, source: str) -> list[str]:
    """Return two labels with the positive one last.

    source: what to call the data in an error message.
    Raises UserError when there are not two labels, or none is called so.
    """
    if len(labels) != 2:
        raise UserError(
            f"{source} has {len(labels)} labels, of which none is the positive one: each is judged against the others; "
            "choose no positive label (--positive-label auto)"
        )
    if positive not in labels:
        raise UserError(
            f"{source} has no label {positive!r}, which is to be the positive one; its labels are {', '.join(labels)}: "
            "choose one of them"
        )
    return sorted(labels, key=positive.__eq__)


def require_two_labels(labels: list[str], source: str) -> None:
    """Raise UserError when there is only one label."""
    if len(labels) < 2:
        raise UserError(f"{source} has one label only ({labels[0]!r}); a classifier needs at least two")
