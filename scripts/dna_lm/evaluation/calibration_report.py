"""The report of a calibration."""

from ..reports.markdown import bullets, escape, image, parameters, table, warned
from ..scores.calibration_error import reliability
from ..scores.registry import CALIBRATION_ERROR, TITLES
from ..scores.truth import name_of_all
from ..words import CLASSES, F1, MCC, NONE, PRECISION, RECALL
from .calibrating import Calibrated

CHOSEN_BY = {
    F1: "the threshold with the best F1 of the label",
    MCC: "the threshold with the best MCC of the label",
    RECALL: "the highest threshold with a recall of {at:g} or more",
    PRECISION: "the threshold with the greatest recall of those whose precision is {at:g} or more with 95% confidence",
}


# Of both reports.
SHARE_OF_POSITIVES = (
    "Probabilities, precision, PR-AUC and thresholds belong to the share of each label in the data that they come "
    "from: where a label is rarer, as along a genome, fewer of the sequences that are predicted to have it do have it."
)


def calibration_report(result: Calibrated) -> list[str]:
    """Return the blocks of the report of a calibration; its outputs are `table` and `plot`."""
    adapter = result.adapter
    seen = adapter.task["calibration"]["seen_in_training"]
    role = {"train": "**the training split of the adapter**", "dev": "the dev split of its training"}.get(seen or "")
    return [
        "# Calibration of a DNA classifier",
        *warned(result.warnings),
        f"**{len(result.truth):,} sequences**{f', {role},' if role else ''} chose how the answers of an adapter on the "
        f"base model **{escape(adapter.base_model['id'])}** are put. {_what(result)}",
        _headline(result),
        table("table", "Scores before and after"),
        image("plot"),
        "## What was done",
        bullets(result.notes),
        "## How to read this",
        "The temperature divides the logarithms of the probabilities: above 1 the model was too sure, below 1 not sure "
        "enough. It changes no order of sequences, so that ROC curves stay as they are. A threshold is the least "
        "probability, with the temperature, at which a label is predicted. The calibration error is the root mean "
        "square of the distances of the points in the figure from the dotted line, less what chance alone would make "
        "of them; each point has about as many sequences as the others. In the table, `low` and `high` are the 95% "
        f"interval of what is after{_units(result)}.",
        SHARE_OF_POSITIVES,
        "The scores after are those on the sequences that the choice was made by, so that they are a little too good. "
        "Evaluate the new adapter on a test split that took no part in training or in this.",
        "## Options",
        parameters(),
    ]


def _units(result: Calibrated) -> str:
    units = result.independence
    if units.clusters is not None:
        return ", which counts sequences of a cluster, by the column `cluster`, as dependent on one another"
    return f"; {escape(units.caveat)}"


def _what(result: Calibrated) -> str:
    parts = []
    if result.adapter.task["calibration"]["temperature"] == "yes":
        parts.append(f"Temperature: **{result.adapter.decision.temperature:.4g}**.")
    thresholds = result.adapter.decision.thresholds
    if thresholds:
        target = result.adapter.target
        labels = target.labels[1:] if target.kind == CLASSES else target.labels
        said = ", ".join(f"{cut:.4g} for {escape(label)}" for cut, label in zip(thresholds, labels, strict=True))
        parts.append(
            f"{'Threshold' if len(thresholds) == 1 else 'Thresholds'}: **{said}**: "
            f"{CHOSEN_BY[result.criterion].format(at=result.at)}."
        )
    return " ".join(parts)


def _headline(result: Calibrated) -> str:
    target = result.adapter.target
    overall = result.scores[result.scores["label"] == name_of_all(target.labels)].set_index("metric")
    names = ["loss", CALIBRATION_ERROR] + ([] if result.criterion == NONE else ["f1_macro", "mcc"])
    changes = [
        f"{TITLES[name]} **{overall.loc[name, 'before']:.3f}** before, **{overall.loc[name, 'after']:.3f}** after"
        for name in names
    ]
    text = "; ".join(changes)
    return f"{text[0].upper()}{text[1:]}. {_off(result)}"


def _off(result: Calibrated) -> str:
    """Say whether the probabilities were, and are, off by more than chance would make."""
    target, truth = result.adapter.target, result.truth
    low, high = reliability(target, truth, result.before, result.independence.clusters).interval()
    if low > 0:
        return f"Before, the calibration error was more than chance would make (95% interval {low:.3f} to {high:.3f})."
    return (
        f"The calibration error before (95% interval {low:.3f} to {high:.3f}) is no more than chance would make of "
        "probabilities that are right: these sequences do not show that a temperature was needed."
    )
