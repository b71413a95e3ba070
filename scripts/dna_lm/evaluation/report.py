"""The report of an evaluation."""

from collections.abc import Callable

import numpy as np

from ..adapters.seen_data import knows_all
from ..baselines.evaluation_baselines import BASELINES
from ..baselines.names import KMERS
from ..data.targets import THRESHOLD
from ..data.textfiles import listed
from ..reports.markdown import bullets, escape, image, parameters, pipe_table, table, warned
from ..scores.few_records import LEAST_PREDICTED, LEAST_TRUE, LEAST_UNANIMOUS, rare_labels
from ..scores.registry import CALIBRATION_ERROR, TITLES
from ..scores.truth import missing, present
from ..words import BOTH, CLASSES, FORWARD, NUMBER, REVERSE
from .calibration_report import SHARE_OF_POSITIVES
from .evaluating import SPEED, Evaluated
from .ladder import SCORES, judged_by, short_verdict, verdict

TITLE = "# Evaluation of a fine-tuned DNA language model"
# Below these, chance decides much of a score.
FEW_SEQUENCES, FEW_OF_A_LABEL = 100, 20
# Labels that are listed: with their numbers, and of those that are rare.
MOST_COUNTED, MOST_RARE = 15, 5
# The share of the commonest label above which accuracy says little.
IMBALANCED = 0.8
# A calibration error, and a share of flips, that a user should know of.
UNCALIBRATED, FLIPPING = 0.05, 0.05
# What the tutorial on Mistral-DNA reports beside the accuracy, MCC and the loss.
MACRO = "Precision, recall and F1 with `macro` in their names are defined as in the tutorial on Mistral-DNA"
READ_ON = {
    FORWARD: "The scores are of the answers on the strand on which the sequences are given.",
    REVERSE: "The scores are of the answers on the reverse complement of the sequences.",
    BOTH: "Each was read on both strands, and what the model said of the two was averaged.",
}
STRAND_NAMES = {FORWARD: "as given", REVERSE: "reverse complement", BOTH: "mean of both"}


def report_blocks(result: Evaluated, outputs: set[str]) -> list[str]:
    """Return the report as blocks of Galaxy's Markdown: what was tested, the headline, the ladder, the rest.

    outputs: names of the job's outputs, which the report shows: those of `metrics`, `errors`, `ladder`, `plot`,
    `reliability_plot`, `composition_plot` and `ladder_plot` that there are.
    """

    def shown(show: Callable[..., str], output: str, *arguments: str) -> str:
        return show(output, *arguments) if output in outputs else ""

    given, headline, meaning = {CLASSES: _classes, NUMBER: _numbers}.get(result.adapter.target.kind, _several_labels)(
        result
    )
    against, sentence = _verdict(result)
    ladder = []
    if result.ladder:
        ladder = [
            "## Beside simpler models",
            _judged(result),
            bullets(verdict(result.ladder, name)[1] for name in result.ladder.rungs),
            shown(image, "ladder_plot"),
            shown(table, "ladder", "Simpler models and the adapter"),
            "`difference` is the score of the adapter less that of the other model, with its 95% interval and the p "
            "value of the two-sided paired bootstrap, which is below 0.05 exactly where the interval lies on one side "
            "of 0: how often so large a difference would come about by the choice of the test sequences alone. "
            "`p_adjusted` is the same with all comparisons of the table in mind (Holm); the adapter beats a model, or "
            "does worse, if it is below 0.05. K-mers are counted on both strands and put into a regression. The frozen "
            "base model is the same pretrained model, of which the head alone was trained.",
        ]
    return [
        f"{TITLE}: it {against}" if against else TITLE,
        f"**{escape(sentence)}**" if sentence else "",
        *warned(result.seen),
        _tested(result, given),
        headline,
        *warned(result.warnings),
        *ladder,
        "## Scores",
        shown(table, "metrics", "Scores with 95% intervals"),
        shown(image, "plot"),
        "## How far the answers can be trusted" if "reliability_plot" in outputs else "",
        shown(image, "reliability_plot"),
        _reliability(result) if "reliability_plot" in outputs else "",
        "## Where it errs" if outputs & {"composition_plot", "errors"} else "",
        shown(image, "composition_plot"),
        shown(table, "errors", "The worst errors"),
        "## Strands",
        *_strands(result),
        "## Caveats",
        bullets(_caveats(result)),
        "## How to read this",
        meaning,
        SHARE_OF_POSITIVES if result.adapter.target.kind != NUMBER else "",
        f"The intervals are of the bootstrap: {_draws(result):,} times, {result.independence.drawn} were drawn with "
        f"replacement, as many as there are, and scored.{_clusters(result)} They say how far a score could be off by "
        "the choice of these test sequences, not by that of the training sequences or the seed. A score without one is "
        f"the same in all draws, or not defined in many{_few_of_a_label(result)}.",
        f"What was read: {escape(result.read)}. {_speed(result)}",
        "## Options",
        parameters(),
    ]


def _draws(result: Evaluated) -> int:
    return len(next(iter(result.resampled.draws.values())))


def _few_of_a_label(result: Evaluated) -> str:
    if result.adapter.target.kind == NUMBER:
        return ""
    return (
        f", or depends on a label that fewer than {LEAST_TRUE} sequences have or fewer than {LEAST_PREDICTED} are "
        f"predicted to have, or of which all of fewer than {LEAST_UNANIMOUS} answers are right, or all wrong: so few "
        "say too little of others"
    )


def ladder_title(result: Evaluated) -> str:
    """Return what stands above the figure of the ladder; nothing where there are no k-mers."""
    against, _ = _verdict(result)
    return f"The adapter {against}" if against else ""


def _verdict(result: Evaluated) -> tuple[str, str]:
    """Return what the adapter does beside k-mers, in a few words and in a sentence; both empty without a ladder."""
    if not result.ladder or BASELINES[KMERS] not in result.ladder.rungs:
        return "", ""
    outcome, sentence = verdict(result.ladder, BASELINES[KMERS])
    return short_verdict(outcome, "counting k-mers"), sentence


def _judged(result: Evaluated) -> str:
    """Say from how much the simpler models learned, and how all are judged."""
    ladder, target = result.ladder, result.adapter.target
    fewer = [
        f"{name} from {rung.learned:,} of them" for name, rung in ladder.rungs.items() if rung.learned < ladder.train
    ]
    part = f" ({escape(', '.join(fewer))})" if fewer else ""
    return (
        f"They learned from the {ladder.train:,} sequences of the training split{part}, and answered for the same "
        f"sequences as the adapter. {judged_by(target, result.adapter.decision.thresholds)}"
    ).rstrip()


def _clusters(result: Evaluated) -> str:
    if result.independence.clusters is None:
        return ""
    return (
        " A cluster is drawn with all its sequences: those of a cluster, by the column `cluster` of the table, are not "
        "independent of one another."
    )


def _tested(result: Evaluated, given: str) -> str:
    adapter = result.adapter
    ensemble = (
        f" The adapter is an ensemble of {adapter.members} models; the answers are the means of theirs."
        if adapter.members > 1
        else ""
    )
    return (
        f"**{len(result.truth):,} sequences** ({given}) of {escape(result.source)} were given to an adapter trained on "
        f"{adapter.trained_on}, on top of the base model "
        f"**{escape(adapter.base_model['id'])}**. {READ_ON[result.strand]}{ensemble}"
    )


def _scored(result: Evaluated, metric: str, form: str = ".3f") -> str:
    """Return a score with its interval."""
    low, high = result.resampled.interval((metric, None))
    value = result.scores[metric]
    if not np.isfinite([low, high]).all():
        return f"{TITLES[metric]} {value:{form}}"
    return f"{TITLES[metric]} {value:{form}} ({low:{form}} to {high:{form}})"


def _defined(result: Evaluated, *metrics: str, form: str = ".3f") -> str:
    """Return those of some scores that are defined, with their intervals."""
    return ", ".join(_scored(result, metric, form) for metric in metrics if np.isfinite(result.scores[metric]))


def _undefined(result: Evaluated, metrics: tuple[str, ...], reason: str) -> str:
    """Return a sentence that says which of some scores are not defined, and why; nothing if all are."""
    names = [TITLES[metric] for metric in metrics if not np.isfinite(result.scores[metric])]
    if not names:
        return ""
    return f" {_first_up(' and '.join(names))} {'is' if len(names) == 1 else 'are'} not defined, since {reason}."


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
        else "ROC-AUC and PR-AUC are means over the labels, each against the rest."
    )
    thresholds = result.adapter.decision.thresholds
    said = (
        f" The label {escape(labels[1])} is said from a probability of {thresholds[0]:.3f} on, which was chosen in "
        "calibration."
        if thresholds
        else ""
    )
    areas = "roc_auc" if np.isfinite(result.scores["roc_auc"]) else "balanced_accuracy"
    absent = escape(_not_there(missing(result.adapter.target, result.truth)))
    return (
        _counted(labels, counts),
        f"**{_defined(result, 'mcc', 'accuracy', areas)}.**{_undefined(result, ('roc_auc',), absent)}\n\n"
        "In brackets are 95% intervals. Always answering with the commonest label would have an accuracy of "
        f"{counts.max() / counts.sum():.3f} and an MCC of 0.",
        "MCC (Matthews correlation coefficient) is 0 for guessing and 1 for perfect answers, whatever the share of the "
        "labels. Balanced accuracy is the mean of the labels' recall. Each label counts the same in what is called "
        f"macro; a label that neither occurs nor is predicted does not count. {MACRO}. {curve} The loss is "
        f"the cross-entropy in nats. The Brier score is the mean squared error of the probabilities.{said}",
    )


def _several_labels(result: Evaluated) -> tuple[str, str, str]:
    truth = result.truth
    none = int((truth.sum(axis=1) == 0).sum())
    _, same = np.unique(truth, axis=0, return_counts=True)
    thresholds = result.adapter.decision.thresholds
    said = (
        "A label is predicted if its probability is at least the threshold that was chosen for it in calibration: "
        + ", ".join(
            f"{value:.3f} for {escape(label)}" for label, value in zip(result.adapter.labels, thresholds, strict=True)
        )
        if thresholds
        else f"A label is predicted if its probability is at least {THRESHOLD}"
    )
    return (
        f"any number of labels each: {_counted(result.adapter.labels, truth.sum(axis=0).astype(int))}, {none:,} none",
        f"**{_first_up(_defined(result, 'f1_macro', 'roc_auc'))}, all labels of a sequence right: "
        f"{_scored(result, 'accuracy')}.**\n\nIn brackets are 95% intervals. Always answering with the commonest set "
        f"of labels would be right for {same.max() / same.sum():.3f} of the sequences.",
        f"{said}. Accuracy is the share of sequences of which every label is right. The other scores are computed for "
        f"each label by itself, and their mean is given: each label counts the same, but for one that neither occurs "
        f"nor is predicted. {MACRO}. ROC-AUC, PR-AUC, balanced accuracy and MCC leave out a label that all of these "
        "sequences have, or none. MCC (Matthews correlation coefficient) is 0 for guessing and 1 for perfect answers.",
    )


def _numbers(result: Evaluated) -> tuple[str, str, str]:
    truth = result.truth
    return (
        f"with numbers from {truth.min():g} to {truth.max():g}",
        f"**{_first_up(_defined(result, 'spearman', 'pearson', 'r2'))}, {_scored(result, 'mae', '.4g')}.**"
        f"{_undefined(result, ('spearman', 'pearson'), 'all predictions are the same number')}\n\nIn brackets "
        "are 95% intervals. Always answering with the mean of these numbers would have an R2"
        f" of 0 and a mean absolute error of {np.abs(truth - truth.mean()).mean():.4g}.",
        "Spearman's correlation says how well the predictions put the sequences in order; Pearson's, how well they lie "
        "on a line; both are 1 for perfect answers and 0 for guessing. R2 is the share of the variance that is "
        "explained, below 0 if the mean would be a better answer. The loss is the mean squared error; it and the mean "
        "absolute error are in the unit of the table.",
    )


def _reliability(result: Evaluated) -> str:
    if result.adapter.target.kind == NUMBER:
        return "On the dotted line, the true numbers are on average what was predicted."
    error = result.scores[CALIBRATION_ERROR]
    low, high = result.resampled.interval((CALIBRATION_ERROR, None))
    text = (
        "On the dotted line, of the answers that are given a probability of 70%, 70% are true. Each point is the mean "
        "of about as many probabilities as the others. "
    )
    if np.isfinite(error):
        text += (
            f"The calibration error (`{CALIBRATION_ERROR}`) is {error:.3f} (95% interval {low:.3f} to {high:.3f}): the "
            "root mean square of the distances of the points from the line, less what chance alone would make of them. "
        )
        text += (
            "That is more than chance would make. "
            if low > 0
            else "Probabilities that are right could show it by chance. "
        )
    return f"{text}{_first_up(_calibrated(result))}."


def _calibrated(result: Evaluated) -> str:
    """Say in a sentence without a full stop what became of the probabilities."""
    adapter = result.adapter
    if not isinstance(adapter.task.get("calibration"), dict):
        return "the adapter was not calibrated: its probabilities are as the training left them"
    return f"the adapter was calibrated; its temperature is {adapter.decision.temperature:.3g}"


def _strands(result: Evaluated) -> list[str]:
    strands, kind = result.strands, result.adapter.target.kind
    names = ("spearman", "r2", "mae") if kind == NUMBER else ("f1_macro", "accuracy", "mcc", "roc_auc")
    names = [name for name in names if any(np.isfinite(scores[name]) for scores in strands.scores.values())]

    def cell(value: float) -> str:
        return "not defined" if np.isnan(value) else f"{value:{'.4g' if kind == NUMBER else '.3f'}}"

    rows = [
        (STRAND_NAMES[strand], *(cell(scores[name]) for name in names)) for strand, scores in strands.scores.items()
    ]
    if kind == NUMBER:
        text = (
            f"Read on the other strand, the same sequence gets a number that differs by {strands.flipped:.4g} on "
            "average."
        )
    else:
        text = (
            f"Read on the other strand, {strands.flipped:.1%} of the sequences ({strands.low:.1%} to "
            f"{strands.high:.1%}) get another answer."
        )
    return [text, pipe_table(["strand", *(TITLES[name] for name in names)], rows)]


def _caveats(result: Evaluated) -> list[str]:
    adapter, truth = result.adapter, result.truth
    kind = adapter.target.kind
    found = []
    if (result.predicted == result.predicted[0]).all():
        found.append("the adapter predicts the same for every one of these sequences")
    if result.ladder is None:
        found.append(
            "no training split was given, so that it is not known whether simpler models, such as counts of k-mers, "
            "would do as well"
        )
    found += result.caveats
    if result.independence.caveat:
        found.append(result.independence.caveat)
    if len(truth) < FEW_SEQUENCES:
        found.append(f"{len(truth)} sequences are few: see how wide the intervals are")
    if kind != NUMBER:
        labels = adapter.labels
        counts = np.bincount(truth, minlength=len(labels)) if kind == CLASSES else truth.sum(axis=0).astype(int)
        absent = missing(adapter.target, truth)
        if absent:
            found.append(
                f"{_not_there(absent)}: its scores are not defined, and those of all labels are of the others"
                if len(absent) == 1
                else f"{_not_there(absent)}: their scores are not defined, and those of all labels are of the others"
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
                "accuracy says little: read MCC, balanced accuracy and PR-AUC"
            )
        error = result.scores[CALIBRATION_ERROR]
        low, high = result.resampled.interval((CALIBRATION_ERROR, None))
        if low > 0 and error > UNCALIBRATED:
            found.append(
                f"the probabilities are off by {error:.3f} ({low:.3f} to {high:.3f}), more than chance would make; "
                + (
                    "the adapter was calibrated: are these sequences, or the shares of their labels, unlike those of "
                    "the calibration?"
                    if isinstance(adapter.task.get("calibration"), dict)
                    else "the tool Calibrate a DNA classifier can mend that"
                )
            )
        if result.strands.flipped > FLIPPING and result.strand != BOTH:
            metric = SCORES[kind][0]
            better = result.strands.scores[BOTH][metric] >= result.scores[metric]
            found.append(
                f"{result.strands.flipped:.1%} of the answers change with the strand; "
                + (
                    "the mean of both scores no lower, and is the same for either"
                    if better
                    else "the mean of both scores lower, so that the strand seems to matter here"
                )
            )
    if adapter.training.get("continued_from_sha256") and not knows_all(adapter):
        found.append(
            "the adapter goes on from an earlier one, of whose training data the files alone are known here: take care "
            "that these sequences were not among them"
        )
    found.append(
        "the scores hold for sequences like these: if some resemble sequences of the training split (overlapping "
        "regions, homologs), they are too good"
    )
    return [f"{_first_up(text)}." for text in found]


def _too_few(result: Evaluated) -> list[str]:
    """Say of which labels there are too few for an interval."""
    target, truth, predicted = result.adapter.target, result.truth, result.predicted
    each = []
    for number in rare_labels(target, truth, predicted):
        true, said = (int(present(target, values, number).sum()) for values in (truth, predicted))
        each.append(f"{target.labels[number]} (true of {true:,} sequences, predicted for {said:,})")
    if not each:
        return []
    return [
        f"there are too few sequences for an interval of the scores that depend on the label "
        f"{listed(each, MOST_RARE)}: at least {LEAST_TRUE} that have it and {LEAST_PREDICTED} that are "
        "predicted to have it are needed"
    ]


def _speed(result: Evaluated) -> str:
    seconds, samples, steps = (result.speed[name] for name in SPEED)
    return (
        f"Answering took {seconds:,.2f} s for both strands together: {samples:,.1f} sequences and {steps:,.2f} batches "
        "a second (`eval_runtime`, `eval_samples_per_second`, `eval_steps_per_second`, as the tutorial reports them)."
    )
