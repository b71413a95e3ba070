"""The report of an evaluation."""

from pathlib import Path

import numpy as np

from .evaluating import Evaluated
from .markdown import escape, image, parameters, table, warned, write
from .options import BOTH, CLASSES, NUMBER
from .targets import THRESHOLD


def write_evaluation_report(result: Evaluated, path: str | Path) -> None:
    """Write the report of an evaluation; its outputs are `metrics`, `predictions` and `plot`."""
    adapter = result.adapter
    given, headline, meaning = {CLASSES: _classes, NUMBER: _numbers}.get(adapter.target.kind, _several_labels)(result)
    strands = (
        "Each was read on both strands, and what the model said of the two was averaged."
        if adapter.strand == BOTH
        else "The sequences are read on the strand on which they are given."
    )
    ensemble = (
        f" The adapter is an ensemble of {adapter.members} models; the answers are the means of theirs."
        if adapter.members > 1
        else ""
    )
    write(
        path,
        "# Evaluation of a fine-tuned DNA language model",
        f"**{len(result.truth):,} sequences** ({given}) were given to an adapter trained on "
        f"{adapter.training['sequences']['train']:,} sequences, on top of the base model "
        f"**{escape(adapter.base_model['id'])}**. {strands}{ensemble}",
        headline,
        *warned(result.warnings),
        table("metrics", "Metrics"),
        image("plot"),
        "## How to read this",
        meaning,
        f"What was read: {escape(result.read)}.",
        "The scores hold for sequences like these. If some resemble sequences of the training split (overlapping "
        "regions, homologs), they are too good.",
        "## Options",
        parameters(),
    )


def _counted(labels: list[str], counts: np.ndarray) -> str:
    return ", ".join(f"{count:,} {escape(label)}" for label, count in zip(labels, counts, strict=True))


def _classes(result: Evaluated) -> tuple[str, str, str]:
    """Return what was given, the headline, and how the scores are to be read."""
    labels, scores = result.adapter.labels, result.scores
    counts = np.bincount(result.truth, minlength=len(labels))
    curve = (
        f"ROC-AUC and PR-AUC are those of the label {escape(labels[1])}."
        if len(labels) == 2
        else "ROC-AUC and PR-AUC are means over the labels, each against the rest."
    )
    return (
        _counted(labels, counts),
        f"**MCC {scores['mcc']:.3f}, accuracy {scores['accuracy']:.3f}, ROC-AUC {scores['roc_auc']:.3f}.** Always "
        f"answering with the commonest label would have an accuracy of {counts.max() / counts.sum():.3f} and an MCC of "
        "0.",
        "MCC (Matthews correlation coefficient) is 0 for guessing and 1 for perfect answers, whatever the share of the "
        f"labels. Precision, recall and F1 are macro averages: each label counts the same. {curve}",
    )


def _several_labels(result: Evaluated) -> tuple[str, str, str]:
    truth, scores = result.truth, result.scores
    none = int((truth.sum(axis=1) == 0).sum())
    _, same = np.unique(truth, axis=0, return_counts=True)
    return (
        f"any number of labels each: {_counted(result.adapter.labels, truth.sum(axis=0).astype(int))}, {none:,} none",
        f"**Macro F1 {scores['f1_macro']:.3f}, ROC-AUC {scores['roc_auc']:.3f}, all labels of a sequence right "
        f"{scores['accuracy']:.3f}.** Always answering with the commonest set of labels would be right for "
        f"{same.max() / same.sum():.3f} of the sequences.",
        f"A label is predicted if its probability is at least {THRESHOLD}. Accuracy is the share of sequences of which "
        "every label is right. The other scores are computed for each label by itself, and their mean is given: each "
        "label counts the same. ROC-AUC and PR-AUC leave out a label that all of these sequences have, or none. MCC "
        "(Matthews correlation coefficient) is 0 for guessing and 1 for perfect answers.",
    )


def _numbers(result: Evaluated) -> tuple[str, str, str]:
    truth, scores = result.truth, result.scores
    return (
        f"with numbers from {truth.min():g} to {truth.max():g}",
        f"**Spearman correlation {scores['spearman']:.3f}, Pearson correlation {scores['pearson']:.3f}, R2 "
        f"{scores['r2']:.3f}, mean absolute error {scores['mae']:.4g}.** Always answering with the mean of these "
        f"numbers would have an R2 of 0 and a mean absolute error of {np.abs(truth - truth.mean()).mean():.4g}.",
        "Spearman's correlation says how well the predictions put the sequences in order; Pearson's, how well they lie "
        "on a line; both are 1 for perfect answers and 0 for guessing. R2 is the share of the variance that is "
        "explained, below 0 if the mean would be a better answer. The loss is the mean squared error; it and the mean "
        "absolute error are in the unit of the table.",
    )
