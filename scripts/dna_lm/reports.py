"""Reports in Galaxy's own Markdown (datatype `tool_markdown`), whose directives show the job's other outputs."""

from pathlib import Path

from .applying import Evaluated
from .finetuning import Finetuned


def escape(text: str) -> str:
    """Return text that a user gave so that Markdown, HTML and Galaxy directives in it stay text.

    Every ASCII punctuation mark becomes its HTML entity.
    """
    return "".join(
        f"&#{ord(mark)};" if mark.isascii() and not mark.isalnum() and mark != " " else mark for mark in text
    )


def directive(call: str) -> str:
    """Return a block with one Galaxy directive."""
    return f"```galaxy\n{call}\n```"


def table(output: str, title: str) -> str:
    """Return the directive that shows a tabular output. Galaxy's column headers are numbers: the first row is ours."""
    return directive(f'history_dataset_as_table(output="{output}", title="{title}", show_column_headers=false)')


def write_finetuning_report(result: Finetuned, path: str | Path) -> None:
    """Write the report of a fine-tuning job; its outputs are `history` and `plot`."""
    adapter, training = result.adapter, result.adapter.training
    kept = result.history.iloc[result.best_epoch - 1]
    sequences = training["sequences"]
    _write(
        path,
        "# Fine-tuning a DNA language model",
        f"An adapter was trained on **{sequences['train']:,} sequences** with the labels "
        f"{_listed(adapter.labels)}, on top of the base model **{escape(adapter.base_model['id'])}** "
        f"({escape(adapter.base_model['architecture'])}). It has {training['trainable_parameters']:,} trained "
        "parameters.",
        f"Of {len(result.history)} epochs, **epoch {result.best_epoch}** had the highest MCC on the "
        f"{sequences['dev']:,} dev sequences and is kept: MCC **{kept['dev_mcc']:.3f}**, accuracy "
        f"{kept['dev_accuracy']:.3f}, loss {kept['dev_loss']:.3f}.",
        *_warnings(result.warnings),
        directive('history_dataset_as_image(output="plot")'),
        table("history", "Training history"),
        "## What was read",
        *(f"- {escape(sentence)}" for sentence in result.read),
        "## What these figures do not say",
        "The dev split chose the epoch, so that its scores are a little too good. Evaluate the adapter on a test split "
        "that took no part in training.",
        "## Options",
        directive("job_parameters()"),
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
    _write(
        path,
        "# Evaluation of a fine-tuned DNA language model",
        f"**{len(result.truth):,} sequences** ({counts}) were classified with an adapter trained on "
        f"{adapter.training['sequences']['train']:,} sequences, on top of the base model "
        f"**{escape(adapter.base_model['id'])}**.",
        f"**MCC {scores['mcc']:.3f}, accuracy {scores['accuracy']:.3f}, ROC-AUC {scores['roc_auc']:.3f}.** "
        f"Always answering with the commonest label would have an accuracy of {largest:.3f} and an MCC of 0.",
        *_warnings(result.warnings),
        table("metrics", "Metrics"),
        directive('history_dataset_as_image(output="plot")'),
        "## How to read this",
        "MCC (Matthews correlation coefficient) is 0 for guessing and 1 for perfect answers, whatever the share of the "
        f"labels. Precision, recall and F1 are macro averages: each label counts the same. {curve} The sequences are "
        "read on the strand on which they are given.",
        f"What was read: {escape(result.read)}.",
        "The scores hold for sequences like these. If some resemble sequences of the training split (overlapping "
        "regions, homologs), they are too good.",
        "## Options",
        directive("job_parameters()"),
    )


def _listed(labels: list[str]) -> str:
    most = 20
    listed = ", ".join(escape(label) for label in labels[:most])
    return listed if len(labels) <= most else f"{listed} and {len(labels) - most} more"


def _warnings(sentences: list[str]) -> list[str]:
    return [f"> **Warning:** {escape(sentence)}" for sentence in sentences]


def _write(path: str | Path, *blocks: str) -> None:
    # What is not UTF-8 in the name of a file stands in Python's text as letters that UTF-8 cannot write.
    Path(path).write_text("\n\n".join(blocks) + "\n", encoding="utf-8", errors="backslashreplace")
