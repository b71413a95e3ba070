"""The order of labels, which is that of a model's outputs."""

import math
from collections.abc import Iterable

from ..errors import UserError

# What users call the class that is not the one they look for, in lower case.
NEGATIVE = ("negative", "negatives", "neg", "control", "background", "shuffled", "unbound")


def ordered_labels(labels: Iterable[str]) -> list[str]:
    """Return the distinct labels: numbers in numerical order, then NEGATIVE, then text in alphabetical order.

    With two labels the second one is the positive class of ROC and precision-recall curves, so that it is `1` of `0`
    and `1`, and `CTCF` of `CTCF` and `negative`, as users expect.
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

    return sorted(set(labels), key=key)


def require_two_labels(labels: list[str], source: str) -> None:
    """Raise UserError when there is only one label."""
    if len(labels) < 2:
        raise UserError(f"{source} has one label only ({labels[0]!r}); a classifier needs at least two")
