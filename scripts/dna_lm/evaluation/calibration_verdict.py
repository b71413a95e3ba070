"""What came of a calibration, in words: for the report and its figure."""

import math

from ..data.targets import Target
from ..reports.number_text import number_text
from ..scores.registry import CALIBRATION_ERROR, TITLES
from ..words import F1, MCC, NO, NONE, PRECISION, RECALL
from .calibrating import Calibrated
from .calibration_folds import BETTER, MIXED, SAME, WORSE, Change, score_of

IMPROVED, NOTHING = "Calibration improved", "Nothing gained: keep the old adapter"
WORSENED = "Worse after calibration: keep the old adapter"
CHANCE = {BETTER: "better by more than chance", WORSE: "worse by more than chance", SAME: "no more than chance"}


def verdict(result: Calibrated) -> str:
    """Return a few words: whether the calibration is worth having."""
    found = result.held_out
    if result.criterion in (RECALL, PRECISION) and found.outcome != BETTER:
        chosen = "Threshold chosen" if len(result.adapter.decision.thresholds) == 1 else "Thresholds chosen"
        how = "became worse" if found.outcome == WORSE else "did not improve"
        return chosen if _kept(result) else f"{chosen}; the probabilities {how}"
    if found.outcome == MIXED:
        sides = ["loss", _name(result.adapter.target, found.criterion)]
        better, worse = sides if found.probabilities == BETTER else reversed(sides)
        return f"The {better} improved, but the {worse} became worse"
    return {BETTER: IMPROVED, WORSE: WORSENED, SAME: NOTHING}[found.outcome]


def changes(result: Calibrated) -> str:
    """Return how scores changed on sequences that took no part in choosing, and whether that is more than chance."""
    found, target = result.held_out, result.adapter.target
    parts = [] if _kept(result) else [_change("loss", found.loss, CHANCE[found.probabilities])]
    parts += [] if _kept(result) else [_change(TITLES[CALIBRATION_ERROR], found.error)]
    if found.chosen is not None and found.criterion != MCC:
        name = _name(target, found.criterion)
        parts.append(_change(name, found.chosen, CHANCE[found.thresholds] if found.criterion == F1 else ""))
        if found.criterion in (RECALL, PRECISION):
            parts[-1] += f" ({result.at:g} was asked for)"
    if found.mcc is not None:
        parts.append(_change(TITLES["mcc"], found.mcc, CHANCE[found.thresholds] if found.criterion == MCC else ""))
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}"


def short_changes(result: Calibrated) -> str:
    """Return the changes without intervals, for a figure."""
    found = result.held_out
    each = [] if _kept(result) else [("loss", found.loss), (TITLES[CALIBRATION_ERROR], found.error)]
    if _kept(result) or found.criterion in (F1, MCC):
        each.append((_name(result.adapter.target, found.criterion), found.chosen))
    text = ", ".join(_change(name, change) for name, change in each if change is not None)
    return f"cross-validated: {text}" + (f"; {CHANCE[SAME]}" if verdict(result) == NOTHING else "")


def _kept(result: Calibrated) -> bool:
    """Say whether the probabilities stay as they are, since no temperature was to be fitted."""
    return result.adapter.task["calibration"]["temperature"] == NO


def _name(target: Target, criterion: str) -> str:
    if criterion == NONE:
        return ""
    metric, label = score_of(target, criterion)
    return TITLES[metric] if label is None else f"{TITLES[metric]} of {target.labels[label]}"


def _change(name: str, change: Change, chance: str = "") -> str:
    """chance: whether the change is more than chance, if that is to be said."""
    text = f"{name} {number_text(change.before)} → {number_text(change.after)}"
    if not chance or math.isnan(change.low):
        return text
    return f"{text}, {chance} (95% interval of the change {change.low:+.3f} to {change.high:+.3f})"
