"""The ladder: what simpler models, trained on the same data, score beside the adapter."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.targets import Target
from ..options import CLASSES, MULTI_LABEL, NUMBER
from .bootstrap import Difference, Resampled, difference, resample
from .metrics import NAMES

# The scores that a ladder has, the first of which decides.
SCORES = {
    CLASSES: ("mcc", "roc_auc", "accuracy"),
    MULTI_LABEL: ("f1_macro", "roc_auc", "accuracy"),
    NUMBER: ("spearman", "r2", "mae"),
}
ADAPTER_NAME = "the adapter"
COLUMNS = ("model", "metric", "value", "low", "high", "difference", "difference_low", "difference_high", "p")


@dataclass(frozen=True)
class Ladder:
    """The baselines and the adapter.

    table: a row for each model and score, columns COLUMNS, the adapter last; the differences are the adapter's score
    less the baseline's. differences: of the deciding score, by baseline.
    trained: how many sequences taught the baselines.
    """

    table: pd.DataFrame
    differences: dict[str, Difference]
    trained: int

    def value(self, model: str, metric: str) -> float:
        rows = self.table[(self.table["model"] == model) & (self.table["metric"] == metric)]
        return float(rows["value"].iloc[0])


def climb(
    target: Target, truth: np.ndarray, adapter: Resampled, baselines: dict[str, np.ndarray], trained: int
) -> Ladder:
    """Score baselines on the resamples of the adapter.

    adapter: resampled with at least the scores of SCORES. baselines: answers, (n, outputs), by name, simplest first.
    """
    names = SCORES[target.kind]
    rows, deciding = [], {}
    for model, answers in baselines.items():
        own = resample(target, truth, answers, seed=adapter.seed, wanted=[(name, None) for name in names])
        for name in names:
            gap = difference(adapter, own, name)
            deciding.setdefault(model, gap)
            rows.append(
                (model, name, own.values[name, None], *own.interval((name, None)), gap.value, gap.low, gap.high, gap.p)
            )
    for name in names:
        rows.append((ADAPTER_NAME, name, adapter.values[name, None], *adapter.interval((name, None)), *[np.nan] * 4))
    return Ladder(pd.DataFrame(rows, columns=COLUMNS), deciding, trained)


def verdict(ladder: Ladder, target: Target, baseline: str) -> tuple[bool, str]:
    """Say whether the adapter beats a baseline, and the sentence that tells so.

    It does if its deciding score is higher and the interval of the difference does not reach 0.
    """
    metric = SCORES[target.kind][0]
    gap = ladder.differences[baseline]
    name = f'"{baseline}"'
    if np.isnan(gap.value):
        return True, f"The adapter beats {name}, of which {NAMES[metric]} is not defined."
    numbers = (
        f"{NAMES[metric]} {ladder.value(ADAPTER_NAME, metric):.3f} against {ladder.value(baseline, metric):.3f}, a "
        f"difference of {gap.value:+.3f}"
    )
    if np.isfinite([gap.low, gap.high]).all():
        numbers += f" (95% interval {gap.low:+.3f} to {gap.high:+.3f}"
        numbers += f"; p = {gap.p:.3f})" if np.isfinite(gap.p) else ")"
    if gap.low > 0:
        return True, f"The adapter beats {name}: {numbers}."
    if gap.high < 0:
        return False, f"The adapter does worse than {name}: {numbers}."
    if gap.value > 0:
        return False, f"The adapter does not beat {name} for certain: {numbers}; more test sequences could tell."
    return False, f"The adapter does not beat {name}: {numbers}."
