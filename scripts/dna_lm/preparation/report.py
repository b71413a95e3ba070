"""The report of a prepared dataset."""

from dataclasses import dataclass, field

import pandas as pd

from ..data.split_files import split_name
from ..reports.markdown import bullets, escape, image, link, listed, pipe_table, tool_link, warned
from ..reports.number_text import UNDEFINED, number_text
from ..words import CLASSES, MULTI_LABEL, NUMBER, SPLIT_NAMES
from .leakage import ALL, K

# A table with more rows than this is no longer read in a report, nor is one with a column for each of more labels.
MOST_ROWS = 60
MOST_LABELS = 6
LENGTHS = "length (shortest, median, longest)"
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
    summary: as Prepared.summary makes it. leakage: as leakage.Leakage.counts.
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
    summary: pd.DataFrame
    leakage: pd.DataFrame
    warnings: list[str] = field(default_factory=list)
    negatives: list[str] = field(default_factory=list)
    unknown: str = ""
    caveats: list[str] = field(default_factory=list)
    target: str = CLASSES
    numbers: tuple[float, float, float] | None = None


def dataset_report(result: DatasetReport) -> list[str]:
    """Return the blocks of the report; other outputs are `summary`, `leakage`, `offenders` and `plot`."""
    one, several = ("range of numbers", "ranges") if result.target == NUMBER else ("label", "labels")
    negatives = ["## How the negatives were made", bullets(result.negatives)] if result.negatives else []
    return [
        "# Prepared DNA dataset",
        f"**{sum(result.sizes.values()):,} sequences** ({_labels(result)}) were split into {_sizes(result.sizes)} "
        f"sequences. {escape(_sentence(result.split))}",
        *warned(map(_sentence, result.warnings)),
        *negatives,
        "## Input and cleaning",
        bullets(result.read),
        _cleaning(result.summary),
        link("summary", "All steps of cleaning (table)"),
        "## The splits",
        *([SEVERAL] if result.target == MULTI_LABEL else []),
        *_splits(result.splits, "numbers" if result.target == NUMBER else "label"),
        escape(_sentence(result.unknown)) if result.unknown else "",
        "## Leakage between the splits",
        *_leakage(result.leakage),
        "## How the labels differ" if result.target != NUMBER else "## How low and high numbers differ",
        image("plot"),
        f"GC content and length of each {one} and split, and how much more or less often each 3-mer (with its reverse "
        f"complement) occurs than on average. What differs between the {several} here is what a model finds first, "
        "whether or not it is what you ask for. Lines of one color that differ between the splits mean that the "
        "development or test set is not like the training set.",
        "## Simpler models",
        *_baselines(result),
        *(["## Not checked", bullets(result.caveats)] if result.caveats else []),
        "## Next steps",
        f"Select the splits in {tool_link('finetune')}, which uses the "
        "training set and the development set. Keep the test set for "
        f"{tool_link('evaluate')}.",
    ]


def _sentence(text: str) -> str:
    """Return the text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _labels(result: DatasetReport) -> str:
    if result.numbers is None:
        return f"labels: {listed(result.labels)}"
    mean, least, greatest = result.numbers
    return f"numbers from {least:.4g} to {greatest:.4g}, mean {mean:.4g}"


def _sizes(sizes: dict[str, int]) -> str:
    *most, last = (f"{size:,} {escape(split_name(split))}" for split, size in sizes.items())
    return f"{', '.join(most)} and {last}"


def _cleaning(summary: pd.DataFrame) -> str:
    """Return the table of what was read and kept, and of the steps that removed, changed or added something."""
    of_labels = [name for name in summary if name.startswith("label ")]
    columns = {name: name.removeprefix("label ") for name in of_labels if len(of_labels) <= MOST_LABELS}
    columns |= {name: name for name in ("mean", "min", "max") if name in summary}
    rows = [
        (row["step"], f"{row['sequences']:,}", *(_number(row[name]) for name in columns), _lengths(row))
        for row in summary.to_dict("records")
        if row["step"] in ("read", "kept") or (row["sequences"] and row["step"] not in SPLIT_NAMES)
    ]
    return pipe_table(("step", "sequences", *columns.values(), LENGTHS), rows)


def _number(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _leakage(counts: pd.DataFrame) -> list[str]:
    """Return what of one split is in another: the rows that are not 0, and a sentence if none of dev or test is."""
    kinds = ["copies", "reverse complements", f"sharing a {K}-mer"]
    searched = "" not in counts["similar"].tolist()
    kinds += ["similar"] * searched
    found = counts[(counts[kinds] != 0).any(axis=1)]
    header = ("split", "also in", "label", "sequences", "copies", "reverse complements", f"share {K} nucleotides")
    header += ("similar",) * searched
    rows = [
        (
            split_name(row["split"]),
            split_name(row["also in"]),
            "all" if row["label"] == ALL else row["label"],
            f"{row['sequences']:,}",
        )
        + tuple(f"{row[kind]:,}" for kind in kinds)
        for row in found.head(MOST_ROWS).to_dict("records")
    ]
    blocks = []
    if not counts.loc[counts["also in"] == "train", kinds[:3]].any(axis=None):
        blocks.append(
            "No sequence of the development or test set is a copy of a training sequence or shares "
            f"{K} nucleotides with one, on either strand."
        )
    if rows:
        blocks.append(pipe_table(header, rows, texts=3))
        blocks += _more(found, rows)
    if searched and found["similar"].any():
        blocks.append("Similar: in one cluster of similar sequences with a sequence of the other split.")
    blocks.append(link("leakage", "Leakage between the splits by label (table)"))
    if counts[kinds[:3]].any(axis=None):
        blocks.append(link("offenders", "Leaking sequences: the first of each label and kind (table)"))
    return blocks


def _more(table: pd.DataFrame, rows: list) -> list[str]:
    more = len(table) - len(rows)
    return [f"The table has {more:,} more rows, left out here."] if more else []


def _splits(splits: pd.DataFrame, what: str) -> list[str]:
    header = ("split", what, "sequences", LENGTHS, "GC (mean ± sd)", "ambiguous")
    rows = [
        (
            split_name(row["split"]),
            row["label"],
            f"{row['sequences']:,}",
            _lengths(row),
            UNDEFINED
            if pd.isna(row["GC mean"])
            else f"{row['GC mean']:.1%} ± {100 * row['GC standard deviation']:.1f}",
            f"{row['other letters']:.2%}",
        )
        for row in splits.head(MOST_ROWS).to_dict("records")
    ]
    return [pipe_table(header, rows, texts=2), *_more(splits, rows)]


def _lengths(row: dict) -> str:
    if not row["sequences"] or row["shortest"] == "":
        return UNDEFINED
    values = [f"{row[name]:,.0f}" for name in ("shortest", "median length", "longest")]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _baselines(result: DatasetReport) -> list[str]:
    if not len(result.baselines):
        return ["None could be trained and scored, since the training or development set is empty."]
    scores = {"spearman": "Spearman", "r2": "R2", "mae": "mean absolute error"}
    if result.target != NUMBER:
        scores = {"accuracy": "accuracy", "mcc": "MCC", "roc_auc": "ROC-AUC"}
    rows = [
        (
            row["model"],
            *(number_text(row[name], ".4g" if name == "mae" else ".3f") for name in scores),
        )
        for row in result.baselines.to_dict("records")
    ]
    if result.target == NUMBER:
        models = "Ridge regressions"
        meaning = "The Spearman correlation and R2 are 0 for guessing and 1 for perfect predictions."
    else:
        models = "Logistic regressions" + ", one for each label" * (result.target == MULTI_LABEL)
        area = (
            f"ROC-AUC is that of the label {escape(result.labels[1])}"
            if len(result.labels) == 2 and result.target == CLASSES
            else "ROC-AUC is the mean over the labels, each against the rest"
        )
        meaning = f"MCC is 0 for guessing and 1 for perfect predictions; {area}, 0.5 for guessing."
    return [
        f"{models}, trained on {result.trained:,} training sequences and scored on {result.scored:,} of the "
        "development set, so that the test set stays unseen. A language model is worth its cost if it does better than "
        "these.",
        pipe_table(("model", *scores.values()), rows),
        meaning,
    ]
