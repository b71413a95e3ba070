"""What training minimises, for each kind of target."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from ..data.targets import Target
from ..errors import UserError
from ..options import BALANCED, CLASSES, CROSS_ENTROPY, FOCAL, MULTI_LABEL, NONE, NUMBER


def loss_function(
    target: Target,
    truth: np.ndarray,
    *,
    loss: str = CROSS_ENTROPY,
    focal_gamma: float = 2.0,
    class_weights: str = NONE,
    label_smoothing: float = 0.0,
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return a function of the outputs (n, outputs) and of what Target.for_training gives, both tensors.

    truth: of the training split, as Target.read gives it; the class weights come from its counts.
    The keywords are the options of the same names (see options). The focal loss is that of Lin et al. 2017
    (arXiv:1708.02002) without their alpha: cross-entropy times (1 - p)^gamma, with p the probability of the truth.
    Raises UserError for options that mean nothing for numbers.
    """
    if target.kind == NUMBER:
        if loss == FOCAL or class_weights == BALANCED or label_smoothing:
            raise UserError(
                "the focal loss, class weights and label smoothing are for labels, not for numbers; leave them out, or "
                "choose another kind of target"
            )
        return functional.mse_loss
    weights = balanced_weights(target, truth) if class_weights == BALANCED else None
    gamma = focal_gamma if loss == FOCAL else 0.0

    def classes(outputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        weight = None if weights is None else weights.to(outputs.device)
        if not gamma:
            return functional.cross_entropy(outputs, wanted, weight=weight, label_smoothing=label_smoothing)
        each = functional.cross_entropy(outputs, wanted, reduction="none", label_smoothing=label_smoothing)
        probability = torch.softmax(outputs, dim=-1).gather(1, wanted[:, None])[:, 0]
        each = each * (1 - probability) ** gamma
        # As cross_entropy has it: the mean is one of weights, so that they change no step's size.
        return each.mean() if weight is None else (each * weight[wanted]).sum() / weight[wanted].sum()

    def several(outputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        smooth = wanted * (1 - label_smoothing) + label_smoothing / 2
        weight = None if weights is None else weights.to(outputs.device)
        each = functional.binary_cross_entropy_with_logits(outputs, smooth, reduction="none", pos_weight=weight)
        if gamma:
            probability = torch.sigmoid(outputs)
            each = each * torch.where(wanted > 0.5, 1 - probability, probability) ** gamma
        return each.mean()

    return several if target.kind == MULTI_LABEL else classes


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
