"""The report of a comparison."""

import numpy as np
import pandas as pd

from ..adapters.seen_data import same_training_data
from ..data.textfiles import shortened
from ..reports.markdown import bullets, escape, image, link, listed, pipe_table, tool_link, warned
from ..scores.multiple_tests import SIGNIFICANT
from ..scores.registry import ERRORS, OVERALL, SHOWN, TITLES
from ..words import CLASSES, NUMBER
from .comparing import Compared
from .report_tables import CELL, p_cell, score_form, with_interval

# Adapters and pairs that stand in the report, the best ones first; all are in the tabular outputs. Of more adapters
# than FEW the scores have two decimals, so that the table fits a page.
MOST_ADAPTERS, FEW = 8, 4
MOST_PAIRS = MOST_ADAPTERS * (MOST_ADAPTERS - 1) // 2


def comparison_report(result: Compared) -> list[str]:
    """Return the blocks of the report of a comparison; its outputs are `metrics`, `differences` and `plot`."""
    count = len(result.names)
    models = list(dict.fromkeys(adapter.base_model["id"] for adapter in result.adapters))
    return [
        f"# Comparison of {count} adapters",
        *_headline(result),
        f"**{count} adapters** were tested on the same **{len(result.truth):,} sequences**: {escape(result.source)}, "
        f"{_task(result)}. Base model{'s' if len(models) > 1 else ''}: {listed(models)}.",
        *warned(result.warnings),
        image("plot"),
        "## Scores",
        _scores(result),
        f"The best {MOST_ADAPTERS} of {count} adapters." if count > MOST_ADAPTERS else "",
        link("metrics", "All scores (table)"),
        "## Differences",
        _pairs(result),
        f"The first {MOST_PAIRS} of {len(result.differences):,} pairs." if len(result.differences) > MOST_PAIRS else "",
        link("differences", "All differences (table)"),
        f"Δ is the {TITLES[result.metric]} of the first adapter minus that of the second. The p values are from a "
        "two-sided paired bootstrap; p is below 0.05 if and only if the interval excludes 0. The adjusted p takes the "
        "number of pairs into account (Holm): with more pairs, it is more likely that one of them differs by chance. "
        f"{_drawn(result)}",
        "## Caveats",
        bullets(_caveats(result)),
        "## Next steps",
        _next_steps(result),
    ]


def _next_steps(result: Compared) -> str:
    best = escape(shortened(result.names[0], CELL))
    steps = [
        f"Test {best} on sequences that took no part in this choice, against simpler models: {tool_link('evaluate')}.",
        f"To compare settings rather than adapters, train each of them with several seeds: {tool_link('finetune')}.",
    ]
    if result.target.kind != NUMBER:
        calibrate = tool_link("calibrate")
        steps.append(f"Probabilities and thresholds for new data, chosen on the development set: {calibrate}.")
    steps.append(f"New sequences: {tool_link('predict')}. Along a genome: {tool_link('scan')}.")
    return "\n".join(f"- {step}" for step in steps)


def _task(result: Compared) -> str:
    if result.target.kind == NUMBER:
        return "regression"
    kind = "classification" if result.target.kind == CLASSES else "multi-label classification"
    return f"{kind} ({listed(result.target.labels)})"


def _drawn(result: Compared) -> str:
    """Say what was resampled, and how often."""
    scores, differences = result.draws
    often = f"{scores:,} times" if scores == differences else f"{scores:,} times, for the differences {differences:,}"
    cluster = (
        " Each cluster (column `cluster` of the table) is drawn with all of its sequences, because they are not "
        "independent."
        if result.independence.clusters is not None
        else ""
    )
    return f"{often}, {result.independence.drawn} were drawn with replacement, as many as there are.{cluster}"


def _headline(result: Compared) -> list[str]:
    """Return who is ahead, which others may be as good, and why that is not known."""
    metric, names = result.metric, result.names
    value, low, high = result.score(0, metric)
    if np.isnan(value):
        return [f"**The {TITLES[metric]} is undefined for these sequences.** Choose another score."]
    scored = with_interval(value, low, high, score_form(result.target, metric))
    lowest = "lowest" if metric in ERRORS else "highest"
    first = f"**{escape(names[0])} has the {lowest} {TITLES[metric]}: {scored}.**"
    pairs = result.differences[result.differences["first"] == names[0]]
    kinds: dict[str, list[str]] = {}
    for row in pairs.itertuples():
        kinds.setdefault(_kind(row), []).append(str(row.second))
    sentences = [first]
    for kind, text in _SENTENCES.items():
        if kind in kinds:
            all_of_them = "any of the others" if kind == WIDE else "every other"
            sentences.append(text.format(them=_them(kinds[kind], names, all_of_them), metric=TITLES[metric]))
    return [" ".join(sentences)]


# Sentences on those that the best one was compared with, by the kind of the outcome.
DIFFERENT, SAME, WIDE, MANY, NO_INTERVAL, NO_SCORE = "different", "same", "wide", "many", "no interval", "no score"
_SENTENCES = {
    DIFFERENT: f"The difference from {{them}} is significant (adjusted p < {SIGNIFICANT}).",
    SAME: "It scores the same as {them}.",
    WIDE: f"It cannot be distinguished from {{them}} on these sequences (adjusted p ≥ {SIGNIFICANT}): the interval of "
    "the difference includes 0. A larger test set could make it narrower.",
    MANY: f"On its own, the difference from {{them}} would be significant; with this many pairs it may be due to "
    f"chance (adjusted p ≥ {SIGNIFICANT}): compare fewer adapters, or use more test sequences.",
    NO_INTERVAL: "Whether the difference from {them} is significant is unknown, because a label is too rare.",
    NO_SCORE: "It was not compared with {them}: the {metric} of an adapter that predicts the same number for every "
    "sequence is undefined.",
}


def _kind(row) -> str:
    """row: of the table of differences."""
    if np.isnan(row.difference):
        return NO_SCORE
    if row.p_adjusted < SIGNIFICANT:
        return DIFFERENT
    if row.difference == 0 and not (row.low or row.high):
        return SAME
    if np.isnan(row.p):
        return NO_INTERVAL
    return MANY if row.p < SIGNIFICANT else WIDE


def _them(some: list[str], names: list[str], all_of_them: str) -> str:
    """Return the names of adapters; of all but the first, "the other" or the words for all of them."""
    if len(some) < len(names) - 1:
        return listed(some)
    return "the other" if len(some) == 1 else all_of_them


def _scores(result: Compared) -> str:
    """Return a row for each score of all labels, a column for each adapter; the score that decides comes first."""
    kind, shown = result.target.kind, range(min(len(result.names), MOST_ADAPTERS))
    metrics = dict.fromkeys([result.metric, *SHOWN[kind], *OVERALL[kind]])
    decimals = 3 if len(shown) <= FEW else 2

    def cell(number: int, metric: str) -> str:
        return with_interval(*result.score(number, metric), score_form(result.target, metric, decimals))

    header = ["score (95% CI)", *(shortened(result.names[number], CELL // 2) for number in shown)]
    return pipe_table(header, [[TITLES[metric], *(cell(number, metric) for number in shown)] for metric in metrics])


def _pairs(result: Compared) -> str:
    form = "+" + score_form(result.target, result.metric)

    def row(pair: pd.Series) -> list[str]:
        difference = with_interval(pair["difference"], pair["low"], pair["high"], form)
        names = (shortened(str(pair[name]), CELL) for name in ("first", "second"))
        return [*names, difference, p_cell(pair["p"]), p_cell(pair["p_adjusted"])]

    header = ["first", "second", f"Δ {TITLES[result.metric]} (95% CI)", "p", "adjusted p"]
    return pipe_table(header, [row(pair) for _, pair in result.differences[:MOST_PAIRS].iterrows()], texts=2)


def _caveats(result: Compared) -> list[str]:
    caveats = [
        "The intervals and p values show how much a score depends on the choice of these test sequences, not on the "
        "seed or the choice of the training sequences.",
        "The score of the best of several adapters is slightly too good, because it was selected on these sequences: "
        "select by the development scores in the training reports, and evaluate the selected adapter on a test set.",
        "The scores are valid for sequences like these; if some resemble training sequences of an adapter, its scores "
        "are too good.",
    ]
    if result.independence.caveat:
        caveats.insert(1, f"{result.independence.caveat[0].upper()}{result.independence.caveat[1:]}.")
    if not same_training_data(result.adapters):
        caveats.append("The adapters were not all trained on the same data, which may explain some of the differences.")
    return caveats
