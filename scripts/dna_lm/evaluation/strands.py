"""What the strand on which a sequence is read changes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data.decision import Decision
from ..data.targets import Target
from ..scores.metrics import score
from ..scores.shares import share_interval
from ..words import BOTH, FORWARD, NUMBER, REVERSE


@dataclass(frozen=True)
class Strands:
    """The predictions on each strand against one another.

    scores: by strand (options.FORWARD, REVERSE and BOTH), each as metrics.score gives them.
    flipped: fraction of the sequences whose predicted label changes with the strand, 0 to 1; low, high: its 95%
    interval. Of numbers: the mean absolute difference of the two, in the user's unit, and no interval (NaN).
    """

    scores: dict[str, dict[str, float]]
    flipped: float
    low: float
    high: float


def of_strand(raw: np.ndarray, strand: str) -> np.ndarray:
    """Return the outputs for a strand, (members, 1 or 2, n, outputs); raw: those for both."""
    return {FORWARD: raw[:, :1], REVERSE: raw[:, 1:], BOTH: raw}[strand]


def compare_strands(
    target: Target,
    truth: np.ndarray,
    raw: np.ndarray,
    predict: Callable[[np.ndarray], np.ndarray],
    decision: Decision,
    clusters: np.ndarray | None = None,
) -> tuple[Strands, dict[str, np.ndarray]]:
    """Return the comparison, and the predictions, (n, outputs), by strand.

    raw: (members, 2, n, outputs), the models' outputs on the strand given and on its reverse complement.
    predict: turns the outputs for any number of strands into predictions, as Predictor.predictions does.
    clusters: as bootstrap.resample has them.
    """
    predictions = {strand: predict(of_strand(raw, strand)) for strand in (FORWARD, REVERSE, BOTH)}
    scores = {strand: score(target, truth, one, decision) for strand, one in predictions.items()}
    forward, reverse = (decision.predicted(target, predictions[strand]) for strand in (FORWARD, REVERSE))
    if target.kind == NUMBER:
        return Strands(scores, float(np.abs(forward - reverse).mean()), float("nan"), float("nan")), predictions
    differ = (forward != reverse).reshape(len(truth), -1).any(axis=1)
    return Strands(scores, float(differ.mean()), *share_interval(differ, clusters)), predictions
