"""The label whose probability is followed along a genome."""

from ..data.targets import THRESHOLD, Target
from ..errors import UserError
from ..words import AUTO, MULTI_LABEL, NUMBER


def label_number(target: Target, label: str) -> int:
    """Return the number of the output that a label names.

    label: its name, or its number from 1 if none has that name; `auto` is the last. For NUMBER, only that.
    Raises UserError when there is none.
    """
    if target.kind == NUMBER:
        if label != AUTO:
            raise UserError(f"the adapter predicts numbers and has no label {label!r}; leave the label {AUTO!r}")
        return 0
    if label in target.labels:
        return target.labels.index(label)
    if label == AUTO:
        return len(target.labels) - 1
    if label.isdecimal() and 1 <= int(label) <= len(target.labels):
        return int(label) - 1
    raise UserError(f"the adapter has no label {label!r}; its labels are {', '.join(target.labels[:20])}: choose one")


def decided_threshold(target: Target, thresholds: tuple[float, ...] | None, output: int) -> float:
    """Return the least probability at which a label is said, THRESHOLD where nothing was chosen.

    thresholds: those of a decision. The one of two classes is the second's: the first has what is left of 1.
    """
    if thresholds is None:
        return THRESHOLD
    if target.kind == MULTI_LABEL:
        return thresholds[output]
    return thresholds[0] if output == 1 else 1 - thresholds[0]
