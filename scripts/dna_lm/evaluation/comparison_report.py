"""The report of a comparison."""

import numpy as np

from ..adapters.seen_data import same_training_data
from ..reports.markdown import bullets, escape, image, listed, parameters, pipe_table, table, warned
from ..scores.multiple_tests import SIGNIFICANT
from ..scores.registry import ERRORS, SHOWN, TITLES
from ..words import CLASSES, NUMBER
from .comparing import Compared

# The scores that stand in the report itself.
# Adapters that stand in the report itself; all are in the tables.
MOST_ROWS = 30


def comparison_report(result: Compared) -> list[str]:
    """Return the blocks of the report of a comparison; its outputs are `metrics`, `differences` and `plot`."""
    count = len(result.names)
    models = list(dict.fromkeys(adapter.base_model["id"] for adapter in result.adapters))
    return [
        "# Comparison of fine-tuned DNA language models",
        f"**{count} adapters** answered for the same **{len(result.truth):,} sequences** of {escape(result.source)}, "
        f"{_answered(result)}. Base model{'s' if len(models) > 1 else ''}: {listed(models)}.",
        *_headline(result),
        *warned(result.warnings),
        _table(result),
        "" if count <= MOST_ROWS else f"The best {MOST_ROWS} of {count}; the table of scores has all.",
        image("plot"),
        "## Differences",
        table("differences", "Differences in pairs"),
        f"`difference` is the {TITLES[result.metric]} of the first adapter less that of the second, with its 95% "
        "interval; `p` is the p value of the two-sided paired bootstrap: how often so large a difference would come "
        "about by the choice of the test sequences alone. It is below 0.05 exactly where the interval lies on one side "
        "of 0. `p_adjusted` is the same with all pairs in mind (Holm): the more pairs there are, the likelier one of "
        f"them looks different by chance. {_drawn(result)}",
        "## All scores",
        table("metrics", "Scores with 95% intervals"),
        "## Caveats",
        bullets(_caveats(result)),
        "## Options",
        parameters(),
    ]


def _answered(result: Compared) -> str:
    if result.target.kind == NUMBER:
        return "with numbers"
    kind = "one of the labels" if result.target.kind == CLASSES else "any number of the labels"
    return f"with {kind} {listed(result.target.labels)}"


def _drawn(result: Compared) -> str:
    """Say what was resampled, and how often."""
    scores, differences = result.draws
    often = f"{scores:,} times" if scores == differences else f"{scores:,} times, for the differences {differences:,}"
    cluster = (
        " A cluster is drawn with all its sequences: those of a cluster, by the column `cluster` of the table, are not "
        "independent of one another."
        if result.independence.clusters is not None
        else ""
    )
    return f"{often}, {result.independence.drawn} were drawn with replacement, as many as there are.{cluster}"


def _headline(result: Compared) -> list[str]:
    """Return who is ahead, which others may be as good, and why that is not known."""
    metric, names = result.metric, result.names
    value, low, high = result.score(0, metric)
    if np.isnan(value):
        return [f"**The {TITLES[metric]} is not defined for these sequences**; choose another score."]
    interval = f" ({low:.3f} to {high:.3f})" if np.isfinite([low, high]).all() else ""
    lowest = "lowest" if metric in ERRORS else "highest"
    first = f"**{escape(names[0])} has the {lowest} {TITLES[metric]}: {value:.3f}{interval}.**"
    pairs = result.differences[result.differences["first"] == names[0]]
    kinds: dict[str, list[str]] = {}
    for row in pairs.itertuples():
        kinds.setdefault(_kind(row), []).append(str(row.second))
    said = [first]
    for kind, text in _SAID.items():
        if kind in kinds:
            all_of_them = "any of the others" if kind == WIDE else "every other"
            said.append(text.format(them=_them(kinds[kind], names, all_of_them), metric=TITLES[metric]))
    return [" ".join(said)]


# What is said of those that the best one was compared with, by the kind of the outcome.
DIFFERENT, SAME, WIDE, MANY, NO_INTERVAL, NO_SCORE = "different", "same", "wide", "many", "no interval", "no score"
_SAID = {
    DIFFERENT: f"The difference from {{them}} is more than chance (adjusted p < {SIGNIFICANT}).",
    SAME: "It scores the same as {them}.",
    WIDE: f"These sequences do not tell it from {{them}} (adjusted p of at least {SIGNIFICANT}): the interval of the "
    "difference includes 0, and more test sequences could make it narrower.",
    MANY: f"By itself, the difference from {{them}} would be more than chance; with all pairs in mind it is not "
    f"(adjusted p of at least {SIGNIFICANT}): compare fewer adapters, or take more test sequences.",
    NO_INTERVAL: "Whether the difference from {them} is more than chance cannot be said: a label is so rare that many "
    "resamples lack it.",
    NO_SCORE: "It was not compared with {them}: the {metric} of an adapter that gives every sequence the same number "
    "is not defined.",
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
    """Return the names of adapters; of all but the first, "the other" or what is to be said of all of them."""
    if len(some) < len(names) - 1:
        return listed(some)
    return "the other" if len(some) == 1 else all_of_them


def _table(result: Compared) -> str:
    metrics = list(dict.fromkeys([result.metric, *SHOWN[result.target.kind]]))

    def cell(number: int, metric: str) -> str:
        value, low, high = result.score(number, metric)
        form = ".3g" if result.target.kind == NUMBER and metric in ERRORS else ".3f"
        if np.isnan(value):
            return "not defined"
        interval = f" ({low:{form}} to {high:{form}})" if metric == result.metric and np.isfinite(low) else ""
        return f"{value:{form}}{interval}"

    rows = [
        (name, *(cell(number, metric) for metric in metrics)) for number, name in enumerate(result.names[:MOST_ROWS])
    ]
    return pipe_table(["adapter", *(TITLES[metric] for metric in metrics)], rows)


def _caveats(result: Compared) -> list[str]:
    caveats = [
        "The intervals and p values say how far the choice of these test sequences could move a score, not how far "
        "another seed or training split would: to compare settings, train several seeds of each.",
        "The score of the best of several adapters is a little too good, since these sequences chose it: choose on a "
        "dev split, and evaluate the one that is chosen on a test split.",
        "The scores hold for sequences like these; if some resemble sequences that an adapter was trained on, its "
        "scores are too good.",
    ]
    if result.independence.caveat:
        caveats.insert(1, f"{result.independence.caveat[0].upper()}{result.independence.caveat[1:]}.")
    if not same_training_data(result.adapters):
        caveats.append("The adapters were not all trained on the same data; some differences may be due to that.")
    return caveats
