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
ADAPTER_NAME = "the adapter"
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
    learned: how many sequences taught the baseline.
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
    rungs: by baseline. train: how many sequences the training split has.
    """

    table: pd.DataFrame
    rungs: dict[str, Rung]
    train: int

    def text(self, target: Target) -> pd.DataFrame:
        """Return the table as it is written: of p values what is small shows."""
        forms = dict.fromkeys(COLUMNS[COLUMNS.index("value") : -1], target.score_format)
        forms |= dict.fromkeys(("p", "p_adjusted"), ".4g")
        return self.table.assign(
            **{name: [f"{value:{form}}" for value in self.table[name]] for name, form in forms.items()}
        )

    def value(self, model: str, metric: str) -> float:
        rows = self.table[(self.table["model"] == model) & (self.table["metric"] == metric)]
        return float(rows["value"].iloc[0])


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
    sequences that each was trained on. train: size of the training split. seed, clusters: as resample has them.
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
        rungs[model] = Rung(metric, gap, adjusted.get((model, metric), np.nan), tuple(constant), learned[model])
    return Ladder(pd.DataFrame(rows, columns=COLUMNS), rungs, train)


def verdict(ladder: Ladder, baseline: str) -> tuple[str, str]:
    """Say what came of the comparison with a baseline: AHEAD, LEVEL, BEHIND or UNDEFINED; and a sentence on it.

    The adapter is ahead or behind if the adjusted p value is below SIGNIFICANT, which the 95% interval of the
    difference then agrees with. An adapter whose score is not defined is never ahead.
    """
    rung, name = ladder.rungs[baseline], f'"{baseline}"'
    if rung.learned < ladder.train:
        name += f" (which learned from {rung.learned:,} of the {ladder.train:,} training sequences only)"
    gap = rung.difference
    if gap is None:
        return UNDEFINED, f"Whether the adapter beats {name} is not known: none of the scores is defined for both."
    numbers = (
        f"{TITLES[rung.metric]} {ladder.value(ADAPTER_NAME, rung.metric):.3f} against "
        f"{ladder.value(baseline, rung.metric):.3f}, a difference of {gap.value:+.3f}"
    )
    said = [f"95% interval {gap.low:+.3f} to {gap.high:+.3f}"] if np.isfinite([gap.low, gap.high]).all() else []
    if np.isfinite(gap.p):
        said += [p_text("p", gap.p), p_text("adjusted p", rung.p_adjusted)]
    numbers += f" ({'; '.join(said)})." if said else "."
    numbers += _undefined(ladder, rung)
    better = -gap.value if rung.metric in ERRORS else gap.value
    if rung.p_adjusted < SIGNIFICANT:
        if better > 0:
            # A number that is the same for all ranks nothing, however near it is to the truth.
            if ADAPTER_NAME in rung.constant:
                return UNDEFINED, f"The adapter does not beat {name} in ranking the sequences: {numbers}"
            return AHEAD, f"The adapter beats {name}: {numbers}"
        return BEHIND, f"The adapter does worse than {name}: {numbers}"
    return LEVEL, f"The adapter is not told apart from {name}, {_level(gap, better)}: {numbers}"


def _undefined(ladder: Ladder, rung: Rung) -> str:
    """Return a sentence on scores that could not decide, behind a blank; nothing where the first one did."""
    missing = list(dict.fromkeys(ladder.table["metric"]))
    missing = missing[: missing.index(rung.metric)]
    if not missing:
        return ""
    who = " and ".join(name if name == ADAPTER_NAME else f'"{name}"' for name in rung.constant)
    verb = "give" if len(rung.constant) > 1 else "gives"
    why = f", since {who} {verb} every sequence the same number" if who else ""
    return f" The {' and the '.join(TITLES[name] for name in missing)} is not defined{why}."


def _level(gap: Difference, better: float) -> str:
    """Say who is ahead in numbers, and what keeps that from being certain."""
    if better == 0:
        return "with which it is level"
    ahead = f"although it is {'ahead' if better > 0 else 'behind'} in numbers"
    if not np.isfinite(gap.p):
        return f"{ahead}: there is no interval, since some label is too rare"
    if gap.p < SIGNIFICANT:
        return f"{ahead}, and would be by itself: with so many comparisons, one such difference may be chance"
    return f"{ahead}; more test sequences could tell"


def short_verdict(outcome: str, baseline: str) -> str:
    """Return what the adapter does, in a few words, for titles; baseline: what to call it."""
    return {
        AHEAD: f"beats {baseline}",
        LEVEL: f"is not told apart from {baseline}",
        BEHIND: f"does worse than {baseline}",
        UNDEFINED: f"does not beat {baseline}",
    }[outcome]


def judged_by(target: Target, thresholds: Sequence[float] | None) -> str:
    """Say how the models of a ladder are judged, and why that may differ from the adapter's own scores."""
    if target.kind == NUMBER:
        return ""
    what = "the likeliest label" if target.kind == CLASSES else "every label with a probability of 0.5 or more"
    own = (
        "; the thresholds that calibration chose for the adapter are left out here, since the others have none, so "
        "that its scores may differ from those below"
        if thresholds
        else ""
    )
    return f"All are taken to say {what}{own}."
