"""What came of a calibration, in words: for the report and its figure."""

import math

from ..data.targets import Target
from ..reports.number_text import number_text
from ..scores.registry import CALIBRATION_ERROR, TITLES
from ..words import F1, MCC, NO, NONE, PRECISION, RECALL
from .calibrating import Calibrated
from .calibration_folds import Change, score_of

IMPROVED, NOTHING = "Calibration improved", "Nothing gained: keep the old adapter"


def verdict(result: Calibrated) -> str:
    """Return a few words: whether the calibration is worth having."""
    if result.held_out.improved:
        return IMPROVED
    if result.criterion not in (RECALL, PRECISION):
        return NOTHING
    chosen = "Threshold chosen" if len(result.adapter.decision.thresholds) == 1 else "Thresholds chosen"
    return chosen if _kept(result) else f"{chosen}; the probabilities did not improve"


def changes(result: Calibrated) -> str:
    """Return how scores changed on sequences that took no part in choosing, and whether that is more than chance."""
    found, target = result.held_out, result.adapter.target
    parts = [] if _kept(result) else [_change("loss", found.loss, chance=True)]
    parts += [] if _kept(result) else [_change(TITLES[CALIBRATION_ERROR], found.error)]
    if found.chosen is not None and found.criterion != MCC:
        name = _name(target, found.criterion)
        parts.append(_change(name, found.chosen, chance=found.criterion == F1))
        if found.criterion in (RECALL, PRECISION):
            parts[-1] += f" ({result.at:g} was asked for)"
    if found.mcc is not None:
        parts.append(_change(TITLES["mcc"], found.mcc, chance=found.criterion == MCC))
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}"


def short_changes(result: Calibrated) -> str:
    """Return the changes without intervals, for a figure."""
    found = result.held_out
    if _kept(result):
        each = [(_name(result.adapter.target, found.criterion), found.chosen)]
    else:
        each = [("loss", found.loss), (TITLES[CALIBRATION_ERROR], found.error)]
    text = ", ".join(_change(name, change) for name, change in each if change is not None)
    return f"cross-validated: {text}" + ("" if found.improved or _kept(result) else "; no more than chance")


def _kept(result: Calibrated) -> bool:
    """Say whether the probabilities stay as they are, since no temperature was to be fitted."""
    return result.adapter.task["calibration"]["temperature"] == NO


def _name(target: Target, criterion: str) -> str:
    if criterion == NONE:
        return ""
    metric, label = score_of(target, criterion)
    return TITLES[metric] if label is None else f"{TITLES[metric]} of {target.labels[label]}"


def _change(name: str, change: Change, chance: bool = False) -> str:
    text = f"{name} {number_text(change.before)} → {number_text(change.after)}"
    if not chance or math.isnan(change.low):
        return text
    more = "more" if change.low > 0 or change.high < 0 else "no more"
    return f"{text}, {more} than chance (95% interval of the change {change.low:+.3f} to {change.high:+.3f})"
