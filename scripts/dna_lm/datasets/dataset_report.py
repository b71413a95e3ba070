"""The report of a prepared dataset."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..reports.markdown import bullets, escape, image, listed, parameters, pipe_table, table, warned, write

# A table with more rows than this is no longer read in a report.
MOST_ROWS = 60


@dataclass(frozen=True)
class DatasetReport:
    """What the report says. Sentences are plain text: they may hold what users gave, and are escaped on writing.

    labels: in order.
    read: what the sequences come from, a sentence or phrase for each file.
    split: how the splits were made, a sentence.
    splits: as quicklook.Look.table makes it.
    baselines, trained, scored: as in quicklook.Look.
    warnings: of the leakage check, the quick look, the unknown tokens: the gravest first.
    negatives: how negatives were made, and what that lets a model cheat on; empty if none were made.
    leakage: what the check found, in a sentence or several; its table is the output `leakage`.
    offenders: whether there are any, so that the output `offenders` is worth a look.
    unknown: the sentence on unknown tokens, or empty.
    caveats: what was not checked.
    """

    labels: list[str]
    read: list[str]
    split: str
    splits: pd.DataFrame
    baselines: pd.DataFrame
    trained: int
    scored: int
    leakage: list[str]
    offenders: bool
    warnings: list[str] = field(default_factory=list)
    negatives: list[str] = field(default_factory=list)
    unknown: str = ""
    caveats: list[str] = field(default_factory=list)


def write_dataset_report(result: DatasetReport, path: str | Path) -> None:
    """Write the report of a preparation; its outputs are `summary`, `leakage`, `offenders` and `plot`."""
    sizes = result.splits.groupby("split", sort=False)["sequences"].sum()
    parts = ", ".join(f"{size:,} {escape(split)}" for split, size in sizes.items())
    negatives = ["## How the negatives were made", bullets(result.negatives)] if result.negatives else []
    offenders = [table("offenders", "First sequences found in train and in another split")] if result.offenders else []
    write(
        path,
        "# A dataset for a DNA language model",
        f"**{sizes.sum():,} sequences** with the labels {listed(result.labels)} were divided into {parts}. "
        f"{escape(_sentence(result.split))}",
        *warned(map(_sentence, result.warnings)),
        *negatives,
        "## What was read, and what cleaning left of it",
        bullets(result.read),
        table("summary", "Steps of cleaning"),
        "## The splits",
        _splits(result.splits),
        escape(_sentence(result.unknown)) if result.unknown else "",
        "## Leakage between the splits",
        bullets(result.leakage),
        table("leakage", "Sequences shared with train"),
        *offenders,
        "## How the labels differ",
        image("plot"),
        "GC content and length of each label and split, and how much more or less often each 3-mer (with its reverse "
        "complement) occurs than on average. What differs between the labels here is what a model finds first, "
        "whether or not it is what you ask for. Lines of one colour that differ between the splits mean that dev and "
        "test are not like train.",
        "## What trivial models make of it",
        *_baselines(result),
        *(["## What was not checked", bullets(result.caveats)] if result.caveats else []),
        "## Options",
        parameters(),
    )


def _sentence(text: str) -> str:
    """Return the text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _splits(splits: pd.DataFrame) -> str:
    header = ("split", "label", "sequences", "length (shortest, median, longest)", "GC (mean ± sd)", "other letters")
    rows = [
        (
            row["split"],
            row["label"],
            f"{row['sequences']:,}",
            _lengths(row),
            "–" if pd.isna(row["GC mean"]) else f"{row['GC mean']:.1%} ± {100 * row['GC standard deviation']:.1f}",
            f"{row['other letters']:.2%}",
        )
        for row in splits.head(MOST_ROWS).to_dict("records")
    ]
    more = len(splits) - len(rows)
    return pipe_table(header, rows, texts=2) + (f"\n\nThe table has {more:,} more rows, left out here." if more else "")


def _lengths(row: dict) -> str:
    if not row["sequences"]:
        return "–"
    values = [f"{row[name]:,.0f}" for name in ("shortest", "median length", "longest")]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _baselines(result: DatasetReport) -> list[str]:
    if not len(result.baselines):
        return ["None could be trained and scored, since train or dev is empty."]
    scores = ("accuracy", "mcc", "roc_auc")
    rows = [
        (row["model"], *("–" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in scores))
        for row in result.baselines.to_dict("records")
    ]
    area = (
        f"ROC-AUC is that of the label {escape(result.labels[1])}"
        if len(result.labels) == 2
        else "ROC-AUC is the mean over the labels, each against the rest"
    )
    return [
        f"Logistic regressions, trained on {result.trained:,} sequences of train and scored on {result.scored:,} of "
        "dev, so that test stays unseen. A language model is worth its cost if it does better than these.",
        pipe_table(("model", "accuracy", "MCC", "ROC-AUC"), rows),
        f"MCC is 0 for guessing and 1 for perfect answers; {area}, 0.5 for guessing.",
    ]
