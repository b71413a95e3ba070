"""The report of an evaluation."""

from collections.abc import Callable

import numpy as np

from ..adapters.seen_data import knows_all
from ..data.targets import THRESHOLD
from ..data.textfiles import listed
from ..reports.markdown import bullets, escape, image, link, pipe_table, tool_link, warned
from ..reports.number_text import number_text
from ..scores.few_records import LEAST_PREDICTED, LEAST_TRUE, LEAST_UNANIMOUS, rare_labels
from ..scores.registry import CALIBRATION_ERROR, TITLES
from ..scores.truth import missing, present
from ..words import BOTH, CLASSES, FORWARD, NUMBER, REVERSE
from .calibration_report import LABEL_FRACTIONS
from .evaluating import SPEED, Evaluated
from .ladder import AHEAD, BEHIND, LEVEL, SCORES, UNDEFINED
from .ladder_section import ladder_section, ladder_title, verdict_on_kmers
from .report_tables import error_table, score_form, score_tables, with_interval

# Below these, chance decides much of a score.
FEW_SEQUENCES, FEW_OF_A_LABEL = 100, 20
# Labels that are listed: with their numbers, and of those that are rare.
MOST_COUNTED, MOST_RARE = 15, 5
# The share of the commonest label above which accuracy says little.
IMBALANCED = 0.8
# A calibration error, and a share of flips, that a user should know of.
UNCALIBRATED, FLIPPING = 0.05, 0.05
# What the tutorial on Mistral-DNA reports beside the accuracy, MCC and the loss.
MACRO = "Macro precision, recall and F1 are defined as in the Mistral-DNA tutorial"
READ_ON = {
    FORWARD: "Predictions are for the strand as given.",
    REVERSE: "Predictions are for the reverse complement.",
    BOTH: "Predictions are the mean of both strands.",
}
STRAND_NAMES = {FORWARD: "as given", REVERSE: "reverse complement", BOTH: "mean of both"}


def report_blocks(result: Evaluated, outputs: set[str]) -> list[str]:
    """Return the report as blocks of Galaxy's Markdown: the verdict, the scores, the ladder, the rest.

    outputs: names of the job's outputs, which the report shows or links: those of `metrics`, `predictions`, `errors`,
    `ladder`, `plot`, `reliability_plot`, `composition_plot` and `ladder_plot` that there are.
    """

    def shown(show: Callable[..., str], output: str, *arguments: str) -> str:
        return show(output, *arguments) if output in outputs else ""

    target = result.adapter.target
    given, headline, meaning = {CLASSES: _classes, NUMBER: _numbers}.get(target.kind, _several_labels)(result)
    outcome, sentence = verdict_on_kmers(result)
    errors = error_table(target, result.worst)
    tested = _tested(result, given)
    return [
        _title(result),
        *warned(result.seen),
        *([f"**{escape(sentence)}**", tested, headline] if sentence else [headline, tested]),
        *warned(result.warnings),
        *(ladder_section(result, outputs) if result.ladder else []),
        "## Scores",
        *score_tables(target, result.truth, result.resampled),
        shown(link, "metrics", "All scores (table)"),
        shown(image, "plot"),
        "## Calibration" if "reliability_plot" in outputs else "",
        shown(image, "reliability_plot"),
        _reliability(result) if "reliability_plot" in outputs else "",
        "## Errors",
        shown(image, "composition_plot"),
        _worst(result) if errors else "There are none.",
        errors,
        shown(link, "errors", "Worst errors (table)") if errors else "",
        shown(link, "predictions", "All predictions (table)"),
        "## Strands",
        *_strands(result),
        "## Caveats",
        bullets(_caveats(result)),
        "## How to read this report",
        meaning,
        LABEL_FRACTIONS if target.kind != NUMBER else "",
        f"The intervals are from {_draws(result):,} bootstrap resamples. {result.independence.resample} The intervals "
        "show how much a score depends on the choice of these test sequences, not on the choice of the training "
        "sequences or the seed. A score has no interval if it is the same in all resamples or undefined in many"
        f"{_few_of_a_label(result)}.",
        f"Model input: {escape(result.read)}. {_speed(result)}",
        "## Next steps",
        _next_steps(result, outcome),
    ]


def _title(result: Evaluated) -> str:
    found = ladder_title(result)
    if found:
        return f"# {found}"
    return f"# Evaluation of a DNA {'model' if result.adapter.target.kind == NUMBER else 'classifier'}"


def _next_steps(result: Evaluated, outcome: str) -> str:
    """outcome: of the comparison with k-mers; empty without one."""
    of_labels = result.adapter.target.kind != NUMBER
    finetune = tool_link("finetune")
    steps = {
        "": [
            "Find out whether a simpler model would do: run this tool again and compare with simpler models, which "
            "takes the training set."
        ],
        AHEAD: [],
        LEVEL: [
            f"Train again on a larger base model, or on more sequences: {finetune}. A larger test set could show "
            "smaller differences. Counting k-mers is faster, and its weights can be read."
        ],
        BEHIND: [
            f"Train again on a larger base model, or on more sequences: {finetune}. Until then, counting k-mers is the "
            "better model."
        ],
        UNDEFINED: [f"Train again, on a larger base model or with a higher learning rate: {finetune}."],
    }[outcome]
    if of_labels and _miscalibrated(result) and not _is_calibrated(result):
        steps.append(
            f"The probabilities are off by more than chance. A calibration may correct that: {tool_link('calibrate')}."
        )
    steps += [
        f"Adapters trained with other settings or base models, on the same test set: {tool_link('compare')}.",
        f"New sequences: {tool_link('predict')}. Along a genome: {tool_link('scan')}.",
    ]
    return "\n".join(f"- {step}" for step in steps)


def _worst(result: Evaluated) -> str:
    what = "largest errors" if result.adapter.target.kind == NUMBER else "most confident errors"
    return f"The {what} first. Check here for wrong labels in the data."


def _draws(result: Evaluated) -> int:
    return len(next(iter(result.resampled.draws.values())))


def _few_of_a_label(result: Evaluated) -> str:
    if result.adapter.target.kind == NUMBER:
        return ""
    return (
        f", if it depends on a label that fewer than {LEAST_TRUE} sequences have or that is predicted for fewer than "
        f"{LEAST_PREDICTED}, or if fewer than {LEAST_UNANIMOUS} predictions for a label are all correct or all wrong"
    )


def _tested(result: Evaluated, given: str) -> str:
    adapter = result.adapter
    ensemble = (
        f" The adapter is an ensemble of {adapter.members} models, whose predictions are averaged."
        if adapter.members > 1
        else ""
    )
    return (
        f"Tested on **{len(result.truth):,} sequences** ({given}): {escape(result.source)}. The adapter was trained on "
        f"{adapter.trained_on} with the base model **{escape(adapter.base_model['id'])}**. "
        f"{READ_ON[result.strand]}{ensemble}"
    )


def _scored(result: Evaluated, metric: str) -> str:
    """Return a score with its interval."""
    value, form = result.scores[metric], score_form(result.adapter.target, metric)
    return f"{TITLES[metric]} {with_interval(value, *result.resampled.interval((metric, None)), form)}"


def _defined(result: Evaluated, *metrics: str) -> str:
    """Return those of some scores that are defined, with their intervals."""
    return ", ".join(_scored(result, metric) for metric in metrics if np.isfinite(result.scores[metric]))


def _undefined(result: Evaluated, metrics: tuple[str, ...], reason: str) -> str:
    """Return a sentence that says which of some scores are not defined, and why; nothing if all are."""
    names = [TITLES[metric] for metric in metrics if not np.isfinite(result.scores[metric])]
    if not names:
        return ""
    return f" {_first_up(' and '.join(names))} {'is' if len(names) == 1 else 'are'} undefined, because {reason}."


def _not_there(labels: list[str]) -> str:
    """Say which labels do not occur: a sentence without a full stop."""
    which = f"the label {labels[0]} does" if len(labels) == 1 else f"the labels {listed(labels, MOST_RARE)} do"
    return f"{which} not occur in this test set"


def _counted(labels: list[str], counts: np.ndarray) -> str:
    """Return how many sequences have each of the labels, of many the first ones."""
    each = [f"{count:,} {escape(label)}" for label, count in zip(labels, counts, strict=True)]
    more = f" and those of {len(each) - MOST_COUNTED} more labels" if len(each) > MOST_COUNTED else ""
    return ", ".join(each[:MOST_COUNTED]) + more


def _first_up(text: str) -> str:
    return text[0].upper() + text[1:]


def _classes(result: Evaluated) -> tuple[str, str, str]:
    """Return what was given, the headline, and how the scores are to be read."""
    labels = result.adapter.labels
    counts = np.bincount(result.truth, minlength=len(labels))
    curve = (
        f"ROC-AUC and PR-AUC are those of the label {escape(labels[1])}."
        if len(labels) == 2
        else "ROC-AUC and PR-AUC are means over the labels, each label against the rest."
    )
    thresholds = result.adapter.decision.thresholds
    rule = (
        f" {escape(labels[1])} is predicted if its probability is at least {thresholds[0]:.3f}, the threshold "
        "chosen in the calibration."
        if thresholds
        else ""
    )
    areas = "roc_auc" if np.isfinite(result.scores["roc_auc"]) else "balanced_accuracy"
    absent = escape(_not_there(missing(result.adapter.target, result.truth)))
    return (
        _counted(labels, counts),
        f"**{_defined(result, 'mcc', 'accuracy', areas)}.**{_undefined(result, ('roc_auc',), absent)}\n\n"
        "In parentheses: 95% confidence intervals. Always predicting the most frequent class would give an accuracy of "
        f"{counts.max() / counts.sum():.3f} and an MCC of 0.",
        "MCC (Matthews correlation coefficient) is 0 for guessing and 1 for perfect predictions, whatever the label "
        "frequencies. Balanced accuracy is the mean recall of the labels. In macro averages each label has the same "
        f"weight; labels that neither occur nor are predicted are left out. {MACRO}. {curve} The loss is the "
        f"cross-entropy in nats. The Brier score is the mean squared error of the probabilities.{rule}",
    )


def _several_labels(result: Evaluated) -> tuple[str, str, str]:
    truth = result.truth
    none = int((truth.sum(axis=1) == 0).sum())
    _, same = np.unique(truth, axis=0, return_counts=True)
    thresholds = result.adapter.decision.thresholds
    rule = (
        "A label is predicted if its probability is at least the threshold chosen for it in the calibration: "
        + ", ".join(
            f"{value:.3f} for {escape(label)}" for label, value in zip(result.adapter.labels, thresholds, strict=True)
        )
        if thresholds
        else f"A label is predicted if its probability is at least {THRESHOLD}"
    )
    return (
        f"any number of labels each: {_counted(result.adapter.labels, truth.sum(axis=0).astype(int))}, {none:,} none",
        f"**{_first_up(_defined(result, 'f1_macro', 'roc_auc'))}, every label correct: "
        f"{_scored(result, 'accuracy')}.**\n\nIn parentheses: 95% confidence intervals. Always predicting the most "
        f"frequent set of labels would be correct for {same.max() / same.sum():.3f} of the sequences.",
        f"{rule}. Accuracy is the fraction of sequences with every label correct. The other scores are computed for "
        "each label and averaged: each label has the same weight; labels that neither occur nor are predicted are left "
        f"out. {MACRO}. ROC-AUC, PR-AUC, balanced accuracy and MCC leave out a label that all of these sequences have, "
        "or none. MCC (Matthews correlation coefficient) is 0 for guessing and 1 for perfect predictions.",
    )


def _numbers(result: Evaluated) -> tuple[str, str, str]:
    truth = result.truth
    return (
        f"values from {truth.min():g} to {truth.max():g}",
        f"**{_first_up(_defined(result, 'spearman', 'pearson', 'r2'))}, {_scored(result, 'mae')}.**"
        f"{_undefined(result, ('spearman', 'pearson'), 'all predictions are the same number')}\n\nIn parentheses: "
        "95% confidence intervals. Always predicting the mean of these values would give an R2"
        f" of 0 and a mean absolute error of {np.abs(truth - truth.mean()).mean():.4g}.",
        "The Spearman correlation measures how well the predictions rank the sequences, the Pearson correlation how "
        "well they follow a line; both are 1 for perfect predictions and 0 for guessing. R2 is the fraction of the "
        "variance that is explained, below 0 if the mean would be a better prediction. The loss is the mean squared "
        "error; the mean absolute error is in the unit of the table.",
    )


def _reliability(result: Evaluated) -> str:
    if result.adapter.target.kind == NUMBER:
        return "On the dotted line, the true values are on average as predicted."
    error = result.scores[CALIBRATION_ERROR]
    low, high = result.resampled.interval((CALIBRATION_ERROR, None))
    text = (
        "On the dotted line, 70% of the predictions with a probability of 70% are correct. All points are means of "
        "about equally many predictions. "
    )
    if np.isfinite(error):
        text += (
            f"The calibration error is {error:.3f} (95% CI {low:.3f} to {high:.3f}): the root mean square distance of "
            "the points from the line, minus the distance expected by chance. "
        )
        text += "It is larger than expected by chance. " if low > 0 else "It may be due to chance. "
    return f"{text}{_first_up(_calibrated(result))}."


def _calibrated(result: Evaluated) -> str:
    """Say in a sentence without a full stop whether the adapter was calibrated."""
    if not _is_calibrated(result):
        return "the adapter was not calibrated"
    return f"the adapter was calibrated; its temperature is {result.adapter.decision.temperature:.3g}"


def _is_calibrated(result: Evaluated) -> bool:
    return isinstance(result.adapter.task.get("calibration"), dict)


def _miscalibrated(result: Evaluated) -> bool:
    """Return whether the probabilities are off by more than chance, and by enough to matter."""
    return result.resampled.interval((CALIBRATION_ERROR, None))[0] > 0 and (
        result.scores[CALIBRATION_ERROR] > UNCALIBRATED
    )


def _strands(result: Evaluated) -> list[str]:
    strands, kind = result.strands, result.adapter.target.kind
    names = ("spearman", "r2", "mae") if kind == NUMBER else ("f1_macro", "accuracy", "mcc", "roc_auc")
    names = [name for name in names if any(np.isfinite(scores[name]) for scores in strands.scores.values())]

    form = ".4g" if kind == NUMBER else ".3f"
    rows = [
        (STRAND_NAMES[strand], *(number_text(scores[name], form) for name in names))
        for strand, scores in strands.scores.items()
    ]
    if kind == NUMBER:
        text = f"On the other strand, the prediction for the same sequence differs by {strands.flipped:.4g} on average."
    else:
        text = (
            f"On the other strand, the prediction changes for {strands.flipped:.1%} of the sequences (95% CI "
            f"{strands.low:.1%} to {strands.high:.1%})."
        )
    return [text, pipe_table(["strand", *(TITLES[name] for name in names)], rows)]


def _caveats(result: Evaluated) -> list[str]:
    adapter, truth = result.adapter, result.truth
    kind = adapter.target.kind
    found = []
    if (result.predicted == result.predicted[0]).all():
        found.append("the adapter predicts the same for every sequence")
    if result.ladder is None:
        found.append("the adapter was not compared with simpler models: counting k-mers might perform as well")
    found += result.caveats
    if result.independence.caveat:
        found.append(result.independence.caveat)
    if len(truth) < FEW_SEQUENCES:
        found.append(f"{len(truth)} sequences are few: the intervals are wide")
    if kind != NUMBER:
        labels = adapter.labels
        counts = np.bincount(truth, minlength=len(labels)) if kind == CLASSES else truth.sum(axis=0).astype(int)
        absent = missing(adapter.target, truth)
        if absent:
            found.append(
                f"{_not_there(absent)}: {'its' if len(absent) == 1 else 'their'} scores are undefined, and the scores "
                "over all labels are those of the other labels"
            )
        rare = [
            f"{label} ({count:,})" for label, count in zip(labels, counts, strict=True) if 0 < count < FEW_OF_A_LABEL
        ]
        if rare:
            whose = "its" if len(rare) == 1 else "their"
            found.append(f"few sequences have the label {listed(rare, MOST_RARE)}: {whose} scores are uncertain")
        found += _too_few(result)
        if kind == CLASSES and counts.max() > IMBALANCED * counts.sum():
            found.append(
                f"{counts.max() / counts.sum():.0%} of the sequences are {labels[int(counts.argmax())]}, so that "
                "accuracy is not informative: use MCC, balanced accuracy and PR-AUC"
            )
        if _miscalibrated(result):
            low, high = result.resampled.interval((CALIBRATION_ERROR, None))
            found.append(
                f"the probabilities are off by {result.scores[CALIBRATION_ERROR]:.3f} ({low:.3f} to {high:.3f}), more "
                "than expected by chance; "
                + (
                    "the adapter was calibrated, but these sequences or their label frequencies may differ from those "
                    "of the calibration"
                    if _is_calibrated(result)
                    else "the tool Calibrate a DNA classifier may correct that"
                )
            )
        if result.strands.flipped > FLIPPING and result.strand != BOTH:
            metric = SCORES[kind][0]
            better = result.strands.scores[BOTH][metric] >= result.scores[metric]
            found.append(
                f"{result.strands.flipped:.1%} of the predictions change with the strand; "
                + (
                    "the mean of both strands does not, and scores no lower"
                    if better
                    else "the mean of both strands scores lower, so the strand seems to matter here"
                )
            )
    if adapter.training.get("continued_from_sha256") and not knows_all(adapter):
        found.append(
            "the adapter continues an earlier one, whose training sequences are not recorded: make sure that these "
            "sequences were not among them"
        )
    found.append(
        "the scores are valid for sequences like these, and too good if some resemble training sequences (overlapping "
        "regions, homologs)"
    )
    return [f"{_first_up(text)}." for text in found]


def _too_few(result: Evaluated) -> list[str]:
    """Say of which labels there are too few for an interval."""
    target, truth, predicted = result.adapter.target, result.truth, result.predicted
    each = []
    for number in rare_labels(target, truth, predicted):
        true, assigned = (int(present(target, values, number).sum()) for values in (truth, predicted))
        each.append(f"{target.labels[number]} (true for {true:,} sequences, predicted for {assigned:,})")
    if not each:
        return []
    return [
        "there are too few sequences for an interval of the scores that depend on the label "
        f"{listed(each, MOST_RARE)}: at least {LEAST_TRUE} with the label and {LEAST_PREDICTED} predictions of it are "
        "needed"
    ]


def _speed(result: Evaluated) -> str:
    seconds, samples, steps = (result.speed[name] for name in SPEED)
    return (
        f"Predicting both strands took {seconds:,.2f} s: {samples:,.1f} sequences and {steps:,.2f} batches per second."
    )
