"""What training minimizes, for each kind of target."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from ..data.targets import Target
from ..errors import UserError
from ..words import BALANCED, CLASSES, CROSS_ENTROPY, FOCAL, MULTI_LABEL, NONE, NUMBER
from .options import LossOptions


@dataclass(frozen=True)
class Objective:
    """What a training minimizes: of a step's sequences, sum(weight * loss) / sum(weight).

    losses: of outputs, (n, outputs), and what Target.for_training gives, the loss of each sequence, (n,); tensors.
    weights: of what Target.for_training gives, the weight of each sequence, (n,); tensors.

    The sums go over all of a step, however it is cut: into micro-batches, accumulated batches or processes. A mean in
    each part would lose the weights where a part has one sequence, and weigh sequences by the size of their part.
    """

    losses: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    weights: Callable[[torch.Tensor], torch.Tensor]


def objective(options: LossOptions, target: Target, truth: np.ndarray) -> Objective:
    """Return the objective that the options name. The other parameters and the errors are those of loss_function."""
    return loss_function(
        target,
        truth,
        loss=options.loss,
        focal_gamma=options.focal_gamma,
        class_weights=options.class_weights,
        label_smoothing=options.label_smoothing,
    )


def loss_function(
    target: Target,
    truth: np.ndarray,
    *,
    loss: str = CROSS_ENTROPY,
    focal_gamma: float = 2.0,
    class_weights: str = NONE,
    label_smoothing: float = 0.0,
) -> Objective:
    """Return the objective.

    truth: of the training split, as Target.read gives it; the class weights come from its counts.
    The keywords are the options of the same names (see options).

    One of several classes: the cross-entropy, with the smoothed truth of Szegedy et al. 2016 (arXiv:1512.00567); the
    weight of a sequence is that of its class.
    Several labels: the mean over the labels of the binary cross-entropy, in which the class weights weigh what is true
    of the sequences that have the label; all sequences have the weight 1.
    Numbers: the squared error, standardized.
    The focal loss is that of Lin et al. 2017 (arXiv:1708.02002) without their alpha: cross-entropy times (1 - p)^gamma,
    with p the probability of the truth.
    Raises UserError for options that mean nothing for numbers.
    """
    if target.kind == NUMBER:
        if loss == FOCAL or class_weights == BALANCED or label_smoothing:
            raise UserError(
                "the focal loss, class weights and label smoothing are for labels, not for numbers; leave them out, or "
                "choose another kind of target"
            )
        return Objective(lambda outputs, wanted: ((outputs - wanted) ** 2).mean(dim=1), _alike)
    weights = balanced_weights(target, truth) if class_weights == BALANCED else None
    gamma = focal_gamma if loss == FOCAL else 0.0

    def classes(outputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        each = functional.cross_entropy(outputs, wanted, reduction="none", label_smoothing=label_smoothing)
        if gamma:
            probability = torch.softmax(outputs, dim=-1).gather(1, wanted[:, None])[:, 0]
            each = each * _power(1 - probability, gamma)
        return each

    def several(outputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        smooth = wanted * (1 - label_smoothing) + label_smoothing / 2
        weight = None if weights is None else weights.to(outputs.device)
        each = functional.binary_cross_entropy_with_logits(outputs, smooth, reduction="none", pos_weight=weight)
        if gamma:
            probability = torch.sigmoid(outputs)
            each = each * _power(torch.where(wanted > 0.5, 1 - probability, probability), gamma)
        return each.mean(dim=1)

    if target.kind == MULTI_LABEL:
        return Objective(several, _alike)
    return Objective(classes, _alike if weights is None else lambda wanted: weights.to(wanted.device)[wanted])


def _power(base: torch.Tensor, exponent: float) -> torch.Tensor:
    """Return base ** exponent; of 0, and an exponent below 1, the gradient would be infinite."""
    return base.clamp_min(torch.finfo(base.dtype).eps / 2) ** exponent


def _alike(wanted: torch.Tensor) -> torch.Tensor:
    return torch.ones(len(wanted), device=wanted.device)


def balanced_weights(target: Target, truth: np.ndarray) -> torch.Tensor:
    """Return a weight for each label, (labels,) float32.

    One of several classes: n / (classes * count), as scikit-learn's `balanced`. Several labels a sequence: how many
    sequences do not have the label for each that has it, which weighs those that have it.
    """
    if target.kind == CLASSES:
        counts = np.bincount(truth, minlength=len(target.labels))
        return torch.tensor(len(truth) / (len(counts) * np.maximum(counts, 1)), dtype=torch.float32)
    counts = truth.sum(axis=0)
    return torch.tensor((len(truth) - counts) / np.maximum(counts, 1), dtype=torch.float32)
