"""Which of an adapter's motifs favor which label, and how much."""

from dataclasses import dataclass

import numpy as np

from ..adapters.dataset import Adapter
from ..data.targets import Target
from ..motifs.motif import UNIFORM, Motif
from ..words import CLASSES, NUMBER
from .names import MOTIFS
from .of_adapter import branch_of
from .record import log_odds_of

# What motifs favor where the target is a number.
HIGHER, LOWER = "higher numbers", "lower numbers"


@dataclass(frozen=True)
class MotifEffect:
    """A motif that favors a label.

    effect: above 0; what an increase of the motif's score by one standard deviation, that of the training set, adds to
    the log-odds of the label. Of one of three or more classes: to the logarithm of its probability over the geometric
    mean of the others'. Of HIGHER and LOWER: by how much the predicted number increases or decreases.
    """

    motif: Motif
    effect: float

    @property
    def text(self) -> str:
        """Return the effect as reports and figures write it."""
        return f"{self.effect:.3g}"


def motif_effects(adapter: Adapter) -> dict[str, list[MotifEffect]]:
    """Return for each label, or for HIGHER and LOWER, the motifs that favor it, those with the largest effect first.

    The effects are those on what the adapter predicts: multiplied by the weight of the motifs among the adapter's
    classifiers, and divided by the temperature if it is calibrated.
    Returns {} for an adapter that uses no motifs, or with the weight 0.
    Raises UserError for an adapter that this program has not made.
    """
    branch, target = branch_of(adapter), adapter.target
    if branch is None or MOTIFS not in branch.parts:
        return {}
    weight = dict(zip(branch.parts, branch.weights.tolist(), strict=True))[MOTIFS] / adapter.decision.temperature
    part = branch.parts[MOTIFS]
    weights = (part.head.weight.detach() * part.spread).double().numpy() * weight  # (outputs, motifs)
    motifs = [
        Motif(named["id"], named["name"], _probabilities(log_odds))
        for named, log_odds in zip(adapter.task["branch"]["motifs"]["motifs"], log_odds_of(adapter.branch), strict=True)
    ]
    if not weights.any():
        return {}
    return {label: _favoring(motifs, effects) for label, effects in _by_label(target, weights).items()}


def strongest_labels(effects: dict[str, list[MotifEffect]], most: int) -> list[str]:
    """Return the labels with motifs, in their order; of more than `most`, those with the largest effects."""
    favored = [label for label, found in effects.items() if found]
    chosen = set(sorted(favored, key=lambda label: -effects[label][0].effect)[:most])
    return [label for label in favored if label in chosen]


def _by_label(target: Target, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the effects of the motifs, (motifs,), on each label; weights: on the outputs, (outputs, motifs)."""
    if target.kind == NUMBER:
        return {HIGHER: weights[0] * target.spread, LOWER: -weights[0] * target.spread}
    if target.kind == CLASSES:
        # Each class against the mean of the others: of two, the log-odds of one against the other.
        weights = (weights - weights.mean(axis=0)) * len(weights) / (len(weights) - 1)
    return dict(zip(target.labels, weights, strict=True))


def _favoring(motifs: list[Motif], effects: np.ndarray) -> list[MotifEffect]:
    order = np.argsort(-effects, kind="stable")
    return [MotifEffect(motifs[number], float(effects[number])) for number in order if effects[number] > 0]


def _probabilities(log_odds: np.ndarray) -> np.ndarray:
    """Return the probabilities, (width, 4) float64, the pseudocounts included; see Motif.log_odds."""
    found = np.exp(log_odds.astype(np.float64) - log_odds.max(axis=1, keepdims=True)) * UNIFORM
    return found / found.sum(axis=1, keepdims=True)
