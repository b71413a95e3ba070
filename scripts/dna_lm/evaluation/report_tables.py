"""The tables that reports of evaluations and comparisons write out; the tabular outputs have all of their numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..data.targets import Target
from ..data.textfiles import shortened
from ..reports.markdown import pipe_table
from ..reports.number_text import UNDEFINED, number_text
from ..scores.bootstrap import Resampled
from ..scores.registry import ERRORS, OF_EACH_LABEL, OVERALL, SHOWN, TITLES
from ..scores.truth import present
from ..words import NUMBER
from .ladder import ADAPTER_NAME, SCORES, Ladder

# Wider tables do not fit a page of Galaxy: labels that have a column each, rows of labels, errors.
MOST_LABEL_COLUMNS, MOST_LABEL_ROWS, MOST_ERRORS = 4, 8, 10
# Letters of a cell with a user's text.
CELL = 32
SUPPORT = "support"
# The columns of the table of errors that are shown, and their names.
ERROR_COLUMNS = {
    "id": "sequence",
    "label": "true",
    "predicted": "predicted",
    "mistaken": "wrong label",
    "probability": "probability",
    "error": "error",
    "length": "length (nt)",
    "gc": "GC content",
}


def score_form(target: Target, metric: str, decimals: int = 3) -> str:
    """Return how a score is written; errors of numbers have any size."""
    return ".4g" if target.kind == NUMBER and metric in ERRORS else f".{decimals}f"


def with_interval(value: float, low: float, high: float, form: str) -> str:
    """Return a score with its 95% interval, such as "0.771 (0.636 to 0.871)"; without one, if there is none."""
    if not np.isfinite(value):
        return UNDEFINED
    interval = f" ({low:{form}} to {high:{form}})" if np.isfinite([low, high]).all() else ""
    return f"{value:{form}}{interval}"


def p_cell(value: float) -> str:
    """Return a p value as a table has it."""
    return "< 0.001" if value < 0.001 else number_text(value)


def ladder_table(ladder: Ladder, target: Target) -> str:
    """Return a row for each model: its scores, and the difference of the adapter's to it by the score that decides."""
    names = SCORES[target.kind]
    header = ["model", *(f"{TITLES[name]} (95% CI)" for name in names), f"Δ {TITLES[names[0]]} (95% CI)", "adjusted p"]
    rows = []
    for model in [*ladder.rungs, ADAPTER_NAME]:
        scores = [ladder.row(model, name) for name in names]
        cells = [
            with_interval(row["value"], row["low"], row["high"], score_form(target, name))
            for name, row in zip(names, scores, strict=True)
        ]
        rung = ladder.rungs.get(model)
        gap, difference = rung and rung.difference, UNDEFINED
        if gap:
            form = "+" + score_form(target, rung.metric)
            difference = with_interval(gap.value, gap.low, gap.high, form)
            # The first score is not defined for both.
            if rung.metric != names[0]:
                difference = f"{TITLES[rung.metric]}: {difference}"
        rows.append([model, *cells, difference, p_cell(rung.p_adjusted if rung else np.nan)])
    return pipe_table(header, rows)


def score_tables(target: Target, truth: np.ndarray, resampled: Resampled) -> list[str]:
    """Return the scores with their intervals: a row for each, and a column for each label if there are few.

    Of more labels the commonest have a row each in a table of their own, below a sentence that says how many.
    truth: as target.read gives it.
    """

    def cell(metric: str, label: int | None) -> str:
        if metric == SUPPORT:
            return f"{len(truth) if label is None else int(present(target, truth, label).sum()):,}"
        value = resampled.values.get((metric, label), np.nan)
        return with_interval(value, *resampled.interval((metric, label)), score_form(target, metric))

    overall = _ordered(OVERALL[target.kind], target)
    each = _ordered(OF_EACH_LABEL, target)
    labels = range(len(target.labels))
    if target.kind == NUMBER:
        return [pipe_table(["score", "value (95% CI)"], [[TITLES[name], cell(name, None)] for name in overall])]
    if len(labels) <= MOST_LABEL_COLUMNS:
        rows = [
            [TITLES[name], cell(name, None), *(cell(name, label) for label in labels)]
            for name in dict.fromkeys([*overall, *each])
        ]
        return [pipe_table(["score (95% CI)", "all labels", *(shortened(name, CELL) for name in target.labels)], rows)]
    order = sorted(labels, key=lambda label: -int(present(target, truth, label).sum()))[:MOST_LABEL_ROWS]
    part = "" if len(order) == len(labels) else f"The {len(order)} most frequent of {len(labels):,} labels:"
    return [
        pipe_table(["score", "all labels (95% CI)"], [[TITLES[name], cell(name, None)] for name in overall]),
        part,
        pipe_table(
            ["label", *(TITLES[name] for name in each)],
            [[shortened(target.labels[label], CELL), *(cell(name, label) for name in each)] for label in order],
        ),
    ]


def _ordered(names: Sequence[str], target: Target) -> list[str]:
    """Return names of scores, those that short tables show first."""
    first = [name for name in SHOWN[target.kind] if name in names]
    return [*first, *(name for name in names if name not in first)]


def error_table(target: Target, worst: pd.DataFrame) -> str:
    """Return the first of the worst errors; nothing if there are none. worst: as worst_errors gives them."""
    if not len(worst):
        return ""
    forms = {"probability": ".3f", "length": ",", "gc": ".1%", "error": "+.4g"}
    if target.kind == NUMBER:
        forms["predicted"] = ".4g"
    names = [name for name in ERROR_COLUMNS if name in worst]

    def cell(name: str, value) -> str:
        if name not in forms:
            return shortened(str(value), CELL)
        return number_text(value, forms[name])

    rows = [
        [cell(name, value) for name, value in zip(names, row, strict=True)]
        for row in worst[names][:MOST_ERRORS].itertuples(index=False)
    ]
    texts = sum(name not in forms for name in names)
    return pipe_table([ERROR_COLUMNS[name] for name in names], rows, texts)
