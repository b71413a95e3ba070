"""The order of labels, which is that of a model's outputs."""

import math
from collections.abc import Iterable

from .errors import UserError


def ordered_labels(labels: Iterable[str]) -> list[str]:
    """Return the distinct labels, numbers in numerical order before text in alphabetical order.

    With two labels the second one is the positive class of ROC and precision-recall curves, so that of `0` and `1`
    it is `1`, as users expect.
    """

    def key(label: str) -> tuple[int, float, str]:
        try:
            number = float(label)
        except ValueError:
            number = math.nan
        # 'nan' and 'inf' are words here: NaN has no place among numbers, and would leave the order to chance.
        return (0, number, label) if math.isfinite(number) else (1, 0.0, label)

    return sorted(set(labels), key=key)


def require_two_labels(labels: list[str], source: str) -> None:
    """Raise UserError when there is only one label."""
    if len(labels) < 2:
        raise UserError(f"{source} has one label only ({labels[0]!r}); a classifier needs at least two")
