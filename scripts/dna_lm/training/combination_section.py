"""The part of the training report on the language model and the classifiers that read nucleotides."""

from typing import Any

from ..branch.names import LANGUAGE_MODEL, MOTIFS, TITLES, TOGETHER
from ..data.targets import Target
from ..reports.markdown import pipe_table
from ..reports.number_text import number_text
from ..scores.registry import SHOWN, history_title
from ..scores.registry import TITLES as SCORES

# Scores of the table, the loss included.
MOST_SCORES = 4


def combination_headline(rows: list[dict[str, Any]], kind: str, sequences: str) -> str:
    """Return the first sentence of a report.

    rows: Combination.on_dev. kind: of the target. sequences: what was scored, in words.
    """
    of = {row["model"]: row for row in rows}
    scores = ", ".join(
        f"{SCORES[name]} **{number_text(of[TOGETHER][name], '.3f')}**" for name in (*SHOWN[kind], "loss")
    )
    first = SHOWN[kind][0]
    alone = number_text(of[LANGUAGE_MODEL][first], ".3f")
    return (
        f"On the {sequences}, the adapter reaches {scores}. Its language model alone reaches {SCORES[first]} {alone}: "
        "the adapter also contains classifiers that read single nucleotides."
    )


def combination_section(rows: list[dict[str, Any]], target: Target, record: dict[str, Any]) -> list[str]:
    """Return the blocks: how the language model, each classifier and all together score on dev.

    record: what the adapter's task has under `branch`. The other parameters are those of combination_headline.
    """
    return [
        "## Language model and classifiers that read nucleotides",
        "Each was trained on its own; the adapter adds up their outputs (logits), each multiplied by its weight. The "
        "development set determined the weights, so that its scores are slightly optimistic.",
        combination_table(rows, target, record),
    ]


def combination_table(rows: list[dict[str, Any]], target: Target, record: dict[str, Any]) -> str:
    """Return the table of the section; the parameters are those of combination_section."""
    scores = [*[name for name in SHOWN[target.kind] if name != "loss"][: MOST_SCORES - 1], "loss"]
    table = [
        (_title(row["model"], record), _weight(row), *(number_text(row[name], ".3f") for name in scores))
        for row in rows
    ]
    return pipe_table(["model", "weight", *map(history_title, scores)], table)


def _title(name: str, record: dict[str, Any]) -> str:
    if name != MOTIFS:
        return TITLES[name]
    return f"{TITLES[name]} ({len(record['motifs']['motifs'])})"


def _weight(row: dict[str, Any]) -> str:
    return f"{row['weight']:.2f}" if "weight" in row else ""
