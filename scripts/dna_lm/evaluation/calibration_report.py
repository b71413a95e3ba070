"""The report of a calibration."""

import numpy as np

from ..reports.markdown import bullets, escape, image, link, pipe_table, tool_link, warned
from ..reports.number_text import number_text
from ..scores.calibration_error import reliability
from ..scores.registry import CALIBRATION_ERROR, TITLES
from ..scores.truth import name_of_all
from ..words import CLASSES, F1, MCC, PRECISION, RECALL
from .calibrating import Calibrated
from .calibration_folds import BETTER, FOLDS, MIXED, WORSE
from .calibration_verdict import NOTHING, WORSENED, changes, verdict

CHOSEN_BY = {
    F1: "the threshold with the best F1 of the label",
    MCC: "the threshold with the best MCC of the label",
    RECALL: "the highest threshold with a recall of {at:g} or more",
    PRECISION: "the threshold with the greatest recall of those whose precision is {at:g} or more with 95% confidence",
}

# Rows of the table that the report shows.
MOST_ROWS = 40
# Of both reports.
LABEL_FRACTIONS = (
    "Probabilities, precision, PR-AUC and thresholds depend on the fraction of sequences that have each label. Where a "
    "label is rarer than in these data, as along a genome, a larger fraction of its predictions are false positives."
)


def calibration_report(result: Calibrated) -> list[str]:
    """Return the blocks of the report of a calibration; its outputs are `table` and `plot`."""
    adapter = result.adapter
    return [
        "# Calibration of a DNA classifier",
        f"**{escape(verdict(result))}. {escape(changes(result))}.** These scores are cross-validated ({FOLDS} folds): "
        "the choice was made on four fifths of the sequences, and the rest was scored.",
        *warned(result.warnings),
        "These are not the development set of this adapter's training." if result.other_data else "",
        f"The adapter, on the base model **{escape(adapter.base_model['id'])}**, was calibrated on "
        f"**{len(result.truth):,} sequences**{_role(result)}. {_what(result)}",
        image("plot"),
        "## Scores before and after",
        *_table(result),
        _off(result),
        "## Details",
        bullets(result.notes),
        "## How to read this",
        "The temperature divides the logarithms of the probabilities: above 1 the model was overconfident, below 1 "
        "underconfident. The ranking of the sequences stays the same, and so do ROC curves. A threshold is the minimum "
        "probability, with the temperature, at which a label is predicted. The calibration error is the root mean "
        "square of the distances of the points in the figure from the dotted line, less what chance alone would make "
        "of them; each point has about as many sequences as the others. Scores in the columns before and after are "
        "those of the sequences that the choice was made on, so that those after are optimistic; those of the column "
        "cross-validated are not. "
        f"The interval is the 95% interval of the score after{_units(result)}.",
        LABEL_FRACTIONS,
        "## Next steps",
        _next(result),
    ]


def _role(result: Calibrated) -> str:
    seen = result.adapter.task["calibration"]["seen_in_training"]
    roles = {"train": ", **the training set of the adapter**", "dev": ", the development set of its training"}
    return roles.get(seen or "", "")


def _next(result: Calibrated) -> str:
    evaluate, calibrate, found = tool_link("evaluate"), tool_link("calibrate"), result.held_out
    if verdict(result) == NOTHING:
        return (
            "Use the adapter as it was before. More sequences, or harder ones, could show whether there is anything to "
            "correct."
        )
    if verdict(result) == WORSENED:
        return (
            "Use the adapter as it was before. These sequences are too few, or too different from one another, to "
            "choose a temperature or a threshold that holds for others: calibrate again with more."
        )
    if found.outcome == MIXED and found.probabilities == BETTER:
        return f"Calibrate again without thresholds: {calibrate}."
    if found.probabilities == WORSE:
        return f"Calibrate again without a temperature: {calibrate}."
    return (
        f"Use the calibrated adapter from now on. Score it on a test set that took no part in training or calibration: "
        f"{evaluate}."
    )


def _table(result: Calibrated) -> list[str]:
    """Return the scores as a table, the first ones of many."""
    every = name_of_all(result.adapter.target.labels)
    found = {"loss": result.held_out.loss, CALIBRATION_ERROR: result.held_out.error, "mcc": result.held_out.mcc}
    rows = []
    for row in result.scores.head(MOST_ROWS).itertuples():
        crossed = found.get(row.metric) if row.label == every else None
        interval = "" if np.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
        rows.append(
            [TITLES.get(row.metric, row.metric), row.label, number_text(row.before), number_text(row.after), interval]
            + ["" if crossed is None else number_text(crossed.after)]
        )
    more = len(result.scores) - len(rows)
    return [
        pipe_table(["score", "label", "before", "after", "95% interval", "cross-validated"], rows, texts=2),
        f"{more} more rows are in the table of all scores." if more else "",
        link("table", "All scores before and after (table)"),
    ]


def _units(result: Calibrated) -> str:
    units = result.independence
    if units.clusters is not None:
        return ", which takes sequences of a cluster, by the column `cluster`, as dependent on one another"
    return f"; {escape(units.caveat)}"


def _what(result: Calibrated) -> str:
    parts = []
    if result.adapter.task["calibration"]["temperature"] == "yes":
        parts.append(f"Temperature: **{result.adapter.decision.temperature:.4g}**.")
    thresholds = result.adapter.decision.thresholds
    if thresholds:
        target = result.adapter.target
        labels = target.labels[1:] if target.kind == CLASSES else target.labels
        chosen = ", ".join(f"{cut:.4g} for {escape(label)}" for cut, label in zip(thresholds, labels, strict=True))
        parts.append(
            f"{'Threshold' if len(thresholds) == 1 else 'Thresholds'}: **{chosen}**: "
            f"{CHOSEN_BY[result.criterion].format(at=result.at)}."
        )
    return " ".join(parts)


def _off(result: Calibrated) -> str:
    """Say whether the probabilities were, and are, off by more than chance would make."""
    target, truth = result.adapter.target, result.truth
    low, high = reliability(target, truth, result.before, result.independence.clusters).interval()
    if low > 0:
        return f"Before, the calibration error was more than chance would make (95% interval {low:.3f} to {high:.3f})."
    return (
        f"The calibration error before (95% interval {low:.3f} to {high:.3f}) is no more than chance would make of "
        "perfectly calibrated probabilities: these sequences do not show that a temperature is needed."
    )
