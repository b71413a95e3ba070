"""The ladder: what simpler models, trained on the same data, score beside the adapter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.targets import Target
from ..scores.bootstrap import Difference, Resampled, difference, resample
from ..scores.multiple_tests import SIGNIFICANT, holm, p_text
from ..scores.registry import ERRORS, SHOWN, TITLES
from ..words import CLASSES, NUMBER

# The scores that a ladder has. The first that both models have decides.
SCORES = {kind: names[:3] for kind, names in SHOWN.items()}
ADAPTER_NAME = "this adapter"
# What an adapter is without the classifiers that read nucleotides, if it has any.
ALONE_NAME = "language model of this adapter"
COLUMNS = (
    *("model", "metric", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "p", "p_adjusted", "sequences"),
)
# What a comparison with a simpler model can end with.
AHEAD, LEVEL, BEHIND, UNDEFINED = "ahead", "level", "behind", "undefined"


@dataclass(frozen=True)
class Rung:
    """The adapter against one baseline.

    metric: the score that decides: the first of SCORES that both have; None if there is none.
    difference: the adapter's score less the baseline's; p_adjusted: its p value with all comparisons of the ladder in
    mind. constant: ADAPTER_NAME, or the baseline, where it gives every sequence the same number.
    learned: how many sequences taught the baseline; of one that was not trained for the ladder, the training set's.
    """

    metric: str | None
    difference: Difference | None
    p_adjusted: float
    constant: tuple[str, ...]
    learned: int


@dataclass(frozen=True)
class Ladder:
    """The baselines and the adapter.

    table: a row for each model and score, columns COLUMNS, the adapter last; the differences are the adapter's score
    less the baseline's, and the p values are adjusted for all of the table. `sequences`: how many taught the model;
    "nan" for the adapter.
    rungs: by baseline. train: how many sequences the training set has. sequences: how many were scored.
    """

    table: pd.DataFrame
    rungs: dict[str, Rung]
    train: int
    sequences: int

    def text(self, target: Target) -> pd.DataFrame:
        """Return the table as it is written: of p values what is small shows."""
        forms = dict.fromkeys(COLUMNS[COLUMNS.index("value") : -1], target.score_format)
        forms |= dict.fromkeys(("p", "p_adjusted"), ".4g")
        return self.table.assign(
            **{name: [f"{value:{form}}" for value in self.table[name]] for name, form in forms.items()}
        )

    def value(self, model: str, metric: str) -> float:
        """Return a score of a model."""
        return float(self.row(model, metric)["value"])

    def row(self, model: str, metric: str) -> pd.Series:
        """Return a row of the table."""
        return self.table[(self.table["model"] == model) & (self.table["metric"] == metric)].iloc[0]


def climb(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    baselines: dict[str, np.ndarray],
    learned: dict[str, int],
    train: int,
    *,
    seed: int = 42,
    clusters: np.ndarray | None = None,
) -> Ladder:
    """Score the adapter and the baselines on the same resamples.

    All are judged by what they hold likeliest (of several labels, by what has a probability of 0.5): thresholds that
    were chosen for the adapter on other data are something that the baselines have not.
    predictions: the adapter's, (n, outputs). baselines: predictions by name, simplest first; learned: number of
    sequences that each was trained on, but for one that was not trained for the ladder. train: size of the training
    split. seed, clusters: as resample has them.
    """
    names = SCORES[target.kind]

    def scored(given: np.ndarray) -> Resampled:
        return resample(target, truth, given, seed=seed, clusters=clusters, wanted=[(name, None) for name in names])

    adapter, models = scored(predictions), {model: scored(given) for model, given in baselines.items()}
    gaps = {(model, name): difference(adapter, own, name) for model, own in models.items() for name in names}
    adjusted = dict(zip(gaps, holm([gap.p for gap in gaps.values()]), strict=True))
    rows = []
    for model, own in (models | {ADAPTER_NAME: adapter}).items():
        for name in names:
            gap = gaps.get((model, name), Difference(*[np.nan] * 4))
            scores = own.values[name, None], *own.interval((name, None))
            last = gap.value, gap.low, gap.high, gap.p, adjusted.get((model, name), np.nan)
            rows.append((model, name, *scores, *last, learned.get(model, "nan")))
    rungs = {}
    for model, given in baselines.items():
        metric = next((name for name in names if np.isfinite(gaps[model, name].value)), None)
        both = ((ADAPTER_NAME, predictions), (model, given))
        constant = [who for who, each in both if target.kind == NUMBER and np.ptp(each) == 0]
        gap = None if metric is None else gaps[model, metric]
        p_adjusted = adjusted.get((model, metric), np.nan)
        rungs[model] = Rung(metric, gap, p_adjusted, tuple(constant), learned.get(model, train))
    return Ladder(pd.DataFrame(rows, columns=COLUMNS), rungs, train, len(truth))


def verdict(ladder: Ladder, baseline: str, called: str = "") -> tuple[str, str]:
    """Say what came of the comparison with a baseline: AHEAD, LEVEL, BEHIND or UNDEFINED; and a sentence on it.

    The adapter is ahead or behind if the adjusted p value is below SIGNIFICANT, which the 95% interval of the
    difference then agrees with. An adapter whose score is not defined is never ahead.
    called: what the sentence calls the baseline; its name if empty.
    """
    rung = ladder.rungs[baseline]
    called = called or baseline
    gap = rung.difference
    if gap is None:
        return UNDEFINED, f"{verdict_sentence(ladder, UNDEFINED, called)}: no score is defined for both."
    parts = [f"95% CI {gap.low:+.3f} to {gap.high:+.3f}"] if np.isfinite([gap.low, gap.high]).all() else []
    if np.isfinite(gap.p):
        parts.append(p_text("adjusted p", rung.p_adjusted))
    numbers = (
        f"{TITLES[rung.metric]} {ladder.value(ADAPTER_NAME, rung.metric):.3f} vs. "
        f"{ladder.value(baseline, rung.metric):.3f}, difference {gap.value:+.3f}"
    )
    numbers += f" ({'; '.join(parts)})." if parts else "."
    numbers += _fewer(ladder, rung, called) + _undefined(ladder, rung)
    better = -gap.value if rung.metric in ERRORS else gap.value
    if not rung.p_adjusted < SIGNIFICANT:
        outcome = LEVEL
        numbers += _level(gap)
    elif better < 0:
        outcome = BEHIND
    else:
        # A number that is the same for all ranks nothing, however near it is to the truth.
        outcome = UNDEFINED if ADAPTER_NAME in rung.constant else AHEAD
    return outcome, f"{verdict_sentence(ladder, outcome, called)}: {numbers}"


def verdict_sentence(ladder: Ladder, outcome: str, called: str) -> str:
    """Return the verdict with its subject, without a full stop."""
    return f"{ADAPTER_NAME.capitalize()} {short_verdict(outcome, called, ladder.sequences)}"


def short_verdict(outcome: str, baseline: str, sequences: int) -> str:
    """Return what the adapter does, in a few words, for titles.

    baseline: what to call it. sequences: how many both were scored on.
    """
    return {
        AHEAD: f"performs better than {baseline}",
        LEVEL: f"cannot be distinguished from {baseline} on these {sequences:,} sequences",
        BEHIND: f"performs worse than {baseline}",
        UNDEFINED: f"cannot be compared with {baseline}",
    }[outcome]


def _fewer(ladder: Ladder, rung: Rung, called: str) -> str:
    """Return a sentence on a baseline that was trained on a part of the training set, behind a blank."""
    if rung.learned >= ladder.train:
        return ""
    return f" {called[0].upper()}{called[1:]} learned from {rung.learned:,} of the {ladder.train:,} training sequences."


def _undefined(ladder: Ladder, rung: Rung) -> str:
    """Return a sentence on scores that could not decide, behind a blank; nothing where the first one did."""
    missing = list(dict.fromkeys(ladder.table["metric"]))
    missing = missing[: missing.index(rung.metric)]
    if not missing:
        return ""
    who = " and ".join(name if name == ADAPTER_NAME else f'"{name}"' for name in rung.constant)
    verb = "predict" if len(rung.constant) > 1 else "predicts"
    why = f", because {who} {verb} the same number for every sequence" if who else ""
    return f" The {' and the '.join(TITLES[name] for name in missing)} is undefined{why}."


def _level(gap: Difference) -> str:
    """Return what keeps a difference from being certain, a sentence behind a blank; nothing if there is none."""
    if gap.value == 0:
        return ""
    if not np.isfinite(gap.p):
        return " There is no interval, because a label is too rare."
    if gap.p < SIGNIFICANT:
        return " On its own the difference would be significant; with this many comparisons it may be due to chance."
    return " A larger test set could resolve the difference."


def judged_by(target: Target, thresholds: Sequence[float] | None) -> str:
    """Say how the models of a ladder are judged, and why that may differ from the adapter's own scores."""
    if target.kind == NUMBER:
        return ""
    what = "the most probable label" if target.kind == CLASSES else "every label with a probability of at least 0.5"
    own = (
        "; the calibrated thresholds of the adapter are ignored here, because the other models have none, so that its "
        "scores may differ from those below"
        if thresholds
        else ""
    )
    return f"Each model predicts {what}{own}."
