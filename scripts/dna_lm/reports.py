"""The reports of training and evaluation."""

from pathlib import Path

from .applying import Evaluated
from .finetuning import Finetuned
from .markdown import bullets, escape, image, listed, parameters, table, warned, write


def write_finetuning_report(result: Finetuned, path: str | Path) -> None:
    """Write the report of a fine-tuning job; its outputs are `history` and `plot`."""
    adapter, training = result.adapter, result.adapter.training
    kept = result.history.iloc[result.best_epoch - 1]
    sequences = training["sequences"]
    write(
        path,
        "# Fine-tuning a DNA language model",
        f"An adapter was trained on **{sequences['train']:,} sequences** with the labels "
        f"{listed(adapter.labels)}, on top of the base model **{escape(adapter.base_model['id'])}** "
        f"({escape(adapter.base_model['architecture'])}). It has {training['trainable_parameters']:,} trained "
        "parameters.",
        f"Of {len(result.history)} epochs, **epoch {result.best_epoch}** had the highest MCC on the "
        f"{sequences['dev']:,} dev sequences and is kept: MCC **{kept['dev_mcc']:.3f}**, accuracy "
        f"{kept['dev_accuracy']:.3f}, loss {kept['dev_loss']:.3f}.",
        *warned(result.warnings),
        image("plot"),
        table("history", "Training history"),
        "## What was read",
        bullets(result.read),
        "## What these figures do not say",
        "The dev split chose the epoch, so that its scores are a little too good. Evaluate the adapter on a test split "
        "that took no part in training.",
        "## Options",
        parameters(),
    )


def write_evaluation_report(result: Evaluated, path: str | Path) -> None:
    """Write the report of an evaluation; its outputs are `metrics`, `predictions` and `plot`."""
    adapter, scores = result.adapter, result.scores
    counts = ", ".join(
        f"{int((result.truth == number).sum()):,} {escape(label)}" for number, label in enumerate(adapter.labels)
    )
    largest = max((result.truth == number).mean() for number in range(len(adapter.labels)))
    curve = (
        f"ROC-AUC and PR-AUC are those of the label {escape(adapter.labels[1])}."
        if len(adapter.labels) == 2
        else "ROC-AUC and PR-AUC are means over the labels, each against the rest."
    )
    write(
        path,
        "# Evaluation of a fine-tuned DNA language model",
        f"**{len(result.truth):,} sequences** ({counts}) were classified with an adapter trained on "
        f"{adapter.training['sequences']['train']:,} sequences, on top of the base model "
        f"**{escape(adapter.base_model['id'])}**.",
        f"**MCC {scores['mcc']:.3f}, accuracy {scores['accuracy']:.3f}, ROC-AUC {scores['roc_auc']:.3f}.** "
        f"Always answering with the commonest label would have an accuracy of {largest:.3f} and an MCC of 0.",
        *warned(result.warnings),
        table("metrics", "Metrics"),
        image("plot"),
        "## How to read this",
        "MCC (Matthews correlation coefficient) is 0 for guessing and 1 for perfect answers, whatever the share of the "
        f"labels. Precision, recall and F1 are macro averages: each label counts the same. {curve} The sequences are "
        "read on the strand on which they are given.",
        f"What was read: {escape(result.read)}.",
        "The scores hold for sequences like these. If some resemble sequences of the training split (overlapping "
        "regions, homologs), they are too good.",
        "## Options",
        parameters(),
    )
