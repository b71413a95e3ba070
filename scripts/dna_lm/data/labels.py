"""Labels: their order, which is that of a model's outputs, those that are missing, and those that are numbers."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable

import pandas as pd

from ..errors import UserError

# What users call the class that is not the one they look for, in lower case.
NEGATIVE = ("negative", "negatives", "neg", "control", "background", "shuffled", "unbound")
# What says that there is no label: what pandas.read_csv takes for a missing value by default, and so what R, pandas and
# spreadsheets write for one (https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html, na_values). Words in
# other cases, such as `none`, are names.
MISSING = frozenset(
    ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"]
    + ["NULL", "NaN", "None", "n/a", "nan", "null"]
)
# With more labels than this that are all numbers, they may well be measured.
MOST_NUMBERS = 20
# With fewer records of each than this, on average, such labels are no classes.
LEAST_RECORDS = 5

# How programs write a whole number, the second form in a column where some are missing.
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0*)?")
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
        number = _number(label)
        # 'nan' and 'inf' are words here: NaN has no place among numbers, and would leave the order to chance.
        if math.isfinite(number):
            return (0, number, label)
        return (1 if label.lower() in NEGATIVE else 2, 0.0, label)

    ordered = sorted(set(labels), key=key)
    if len(ordered) == 2 and _is_negative(*reversed(ordered)) and not _is_negative(*ordered):
        ordered.reverse()
    return ordered


def _is_negative(label: str, other: str) -> bool:
    """Return whether a label of two is called what the negative class is called."""
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

    source: its name in error messages.
    Raises UserError when there are not two labels, or none is called so.
    """
    if len(labels) != 2:
        raise UserError(
            f"{source} has {len(labels)} labels, so that none is the positive one: each is scored against the others; "
            'set "Positive class (of two)" to auto (--positive-label auto)'
        )
    if positive not in labels:
        raise UserError(
            f"{source} has no label {positive!r}, which was chosen as the positive one; its labels are "
            f"{', '.join(labels)}: choose one of them"
        )
    return sorted(labels, key=positive.__eq__)


def require_two_labels(labels: list[str], source: str) -> None:
    """Raise UserError when there is only one label."""
    if len(labels) < 2:
        raise UserError(f"{source} has one label only ({labels[0]!r}); a classifier needs at least two")


def _number(label: str) -> float:
    """Return the number that a label is, or NaN."""
    try:
        return float(label)
    except ValueError:
        return math.nan


def whole_number(label: str) -> str | None:
    """Return how a whole number is written without decimals, `1` for `1.0`; None for all other labels."""
    match = _WHOLE.fullmatch(label)
    return None if match is None else {"-0": "0"}.get(match[1], match[1])


def one_spelling(labels: Iterable[str], where: Callable[[str], str]) -> dict[str, str]:
    """Return how labels are to be written that are the same number: `1.0`, beside `1`, as `1`; others are not named.

    Only if all labels are whole numbers: `1.1` and `1.10` may be the names of two groups.
    where: says where a label stands, for an error message.
    Raises UserError when other labels are the same number.
    """
    distinct = sorted(set(labels))
    values = Counter(number for number in map(_number, distinct) if math.isfinite(number))
    same = [label for label in distinct if values[_number(label)] > 1]
    if not same:
        return {}
    whole = {label: whole_number(label) for label in distinct}
    if None not in whole.values():
        return {label: text for label, text in whole.items() if text != label}
    first = same[0]
    second = next(label for label in same[1:] if _number(label) == _number(first))
    raise UserError(
        f"{where(first)}, and {where(second)}: the labels {first!r} and {second!r} are the same number; write them "
        "alike or, if they are two classes, give them names that are not numbers"
    )


def are_measured(labels: pd.Series, source: str) -> str:
    """Return a sentence if there are more than MOST_NUMBERS classes that are all numbers, or nothing.

    labels: of all records. source: the name of the file in error messages.
    Raises UserError when they have fewer than LEAST_RECORDS records each, on average.
    """
    distinct = labels.unique()
    if len(distinct) <= MOST_NUMBERS or not all(math.isfinite(_number(label)) for label in distinct):
        return ""
    if len(labels) < LEAST_RECORDS * len(distinct):
        raise UserError(
            f"{source}: the labels of {len(labels):,} records are {len(distinct):,} different numbers, such as "
            f"{distinct[0]!r} and {distinct[1]!r}; if they are measured, set "
            '"Type of label" to "Regression (a number per sequence)" (--target number), or if they are classes, '
            "give each more records or a name that is not a number"
        )
    return (
        f"{source}: the {len(distinct):,} labels are all numbers, such as {distinct[0]!r} and {distinct[1]!r}, and are "
        'treated as class names; if they are measured, set "Type of label" to "Regression (a number per sequence)" '
        "(--target number)"
    )
