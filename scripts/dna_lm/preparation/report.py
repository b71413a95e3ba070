"""The report of a prepared dataset."""

from dataclasses import dataclass, field

import pandas as pd

from ..reports.markdown import bullets, escape, image, listed, parameters, pipe_table, table, warned
from ..words import CLASSES, MULTI_LABEL, NUMBER

# A table with more rows than this is no longer read in a report.
MOST_ROWS = 60
SEVERAL = "A sequence with several labels is counted in the row of each; one without a label is in none."


@dataclass(frozen=True)
class DatasetReport:
    """What the report says. Sentences are plain text: they may hold what users gave, and are escaped on writing.

    labels: in order; none of numbers.
    read: what the sequences come from, a sentence or phrase for each file.
    split: how the splits were made, a sentence.
    sizes: how many sequences each split has.
    splits: as quicklook.Look.table makes it.
    baselines, trained, scored: as in quicklook.Look.
    warnings: of the leakage check, the quick look, the unknown tokens: the gravest first.
    negatives: how negatives were made, and what that lets a model cheat on; empty if none were made.
    leakage: what the check found, in a sentence or several; its table is the output `leakage`.
    offenders: whether there are any, so that the output `offenders` is worth a look.
    unknown: the sentence on unknown tokens, or empty.
    caveats: what was not checked.
    target: what labels are: words.CLASSES, MULTI_LABEL or NUMBER.
    numbers: the mean, the least and the greatest of all numbers, or None for labels.
    """

    labels: list[str]
    read: list[str]
    split: str
    sizes: dict[str, int]
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
    target: str = CLASSES
    numbers: tuple[float, float, float] | None = None


def dataset_report(result: DatasetReport) -> list[str]:
    """Return the blocks of the report; other outputs are `summary`, `leakage`, `offenders` and `plot`."""
    sizes = pd.Series(result.sizes)
    parts = ", ".join(f"{size:,} {escape(split)}" for split, size in sizes.items())
    one, several = ("range of numbers", "ranges") if result.target == NUMBER else ("label", "labels")
    negatives = ["## How the negatives were made", bullets(result.negatives)] if result.negatives else []
    offenders = [table("offenders", "First sequences found in train and in another split")] if result.offenders else []
    return [
        "# A dataset for a DNA language model",
        f"**{sizes.sum():,} sequences** with {_answers(result)} were divided into {parts}. "
        f"{escape(_sentence(result.split))}",
        *warned(map(_sentence, result.warnings)),
        *negatives,
        "## Input and cleaning",
        bullets(result.read),
        table("summary", "Steps of cleaning"),
        "## The splits",
        *([SEVERAL] if result.target == MULTI_LABEL else []),
        _splits(result.splits, "numbers" if result.target == NUMBER else "label"),
        escape(_sentence(result.unknown)) if result.unknown else "",
        "## Leakage between the splits",
        bullets(result.leakage),
        table("leakage", "Sequences shared with train"),
        *offenders,
        "## How the labels differ" if result.target != NUMBER else "## How low and high numbers differ",
        image("plot"),
        f"GC content and length of each {one} and split, and how much more or less often each 3-mer (with its reverse "
        f"complement) occurs than on average. What differs between the {several} here is what a model finds first, "
        "whether or not it is what you ask for. Lines of one color that differ between the splits mean that dev and "
        "test are not like train.",
        "## Trivial baselines",
        *_baselines(result),
        *(["## Not checked", bullets(result.caveats)] if result.caveats else []),
        "## Options",
        parameters(),
    ]


def _sentence(text: str) -> str:
    """Return the text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _answers(result: DatasetReport) -> str:
    if result.numbers is None:
        return f"the labels {listed(result.labels)}"
    mean, least, greatest = result.numbers
    return f"numbers from {least:.4g} to {greatest:.4g} (mean {mean:.4g})"


def _splits(splits: pd.DataFrame, what: str) -> str:
    header = ("split", what, "sequences", "length (shortest, median, longest)", "GC (mean ± sd)", "other letters")
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
    scores = {"spearman": "Spearman", "r2": "R2", "mae": "mean absolute error"}
    if result.target != NUMBER:
        scores = {"accuracy": "accuracy", "mcc": "MCC", "roc_auc": "ROC-AUC"}
    rows = [
        (
            row["model"],
            *("–" if pd.isna(row[name]) else f"{row[name]:{'.4g' if name == 'mae' else '.3f'}}" for name in scores),
        )
        for row in result.baselines.to_dict("records")
    ]
    if result.target == NUMBER:
        models = "Ridge regressions"
        meaning = "The Spearman correlation and R2 are 0 for guessing and 1 for perfect answers."
    else:
        models = "Logistic regressions" + ", one for each label" * (result.target == MULTI_LABEL)
        area = (
            f"ROC-AUC is that of the label {escape(result.labels[1])}"
            if len(result.labels) == 2 and result.target == CLASSES
            else "ROC-AUC is the mean over the labels, each against the rest"
        )
        meaning = f"MCC is 0 for guessing and 1 for perfect answers; {area}, 0.5 for guessing."
    return [
        f"{models}, trained on {result.trained:,} sequences of train and scored on {result.scored:,} of "
        "dev, so that test stays unseen. A language model is worth its cost if it does better than these.",
        pipe_table(("model", *scores.values()), rows),
        meaning,
    ]
