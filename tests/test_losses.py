import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from dna_lm.data.targets import learn_target
from dna_lm.training.losses import balanced_weights, loss_function
from dna_lm.words import BALANCED, CLASSES, FOCAL, MULTI_LABEL, NUMBER
from refusals import refusal

TRUTH = np.array([0, 0, 0, 1, 2, 2])


def target_of(kind):
    labels = {CLASSES: ["a", "b", "c"], MULTI_LABEL: ["a;b", "b;c", ""], NUMBER: ["1", "2.5", "4"]}[kind]
    import pandas as pd

    return learn_target(kind, pd.Series(labels), "the table")


def loss_of(*given, **options):
    """The loss of a step: the mean over its sequences, by their weights."""
    objective = loss_function(*given, **options)

    def loss(outputs, wanted):
        losses, weights = objective.losses(outputs, wanted), objective.weights(wanted)
        assert losses.shape == weights.shape == (len(outputs),)
        return (weights * losses).sum() / weights.sum()

    return loss


@pytest.fixture
def classes():
    return target_of(CLASSES)


def test_cross_entropy_by_hand(classes):
    outputs = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]))
    loss = loss_of(classes, TRUTH)(outputs, torch.tensor([0, 2]))
    assert float(loss) == pytest.approx((math.log(2) - math.log(0.6)) / 2)


def test_focal_loss_by_hand(classes):
    outputs = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]))
    loss = loss_of(classes, TRUTH, loss=FOCAL, focal_gamma=2.0)(outputs, torch.tensor([0, 2]))
    assert float(loss) == pytest.approx((0.25 * math.log(2) - 0.16 * math.log(0.6)) / 2)


@pytest.mark.parametrize("kind", [CLASSES, MULTI_LABEL])
@pytest.mark.parametrize("weights", ["none", BALANCED])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_focal_loss_with_hardly_an_exponent_is_hardly_another(kind, weights, smoothing):
    target = target_of(kind)
    truth = TRUTH if kind == CLASSES else np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]])
    outputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    wanted = torch.tensor(TRUTH) if kind == CLASSES else (outputs.flip(0) > 0).float()
    options = {"class_weights": weights, "label_smoothing": smoothing}
    plain = loss_of(target, truth, **options)(outputs, wanted)
    focal = loss_of(target, truth, loss=FOCAL, focal_gamma=1e-6, **options)(outputs, wanted)
    assert float(focal) == pytest.approx(float(plain), rel=1e-4)


def test_class_weights_are_those_of_scikit_learn(classes):
    expected = compute_class_weight("balanced", classes=np.arange(3), y=TRUTH)
    assert balanced_weights(classes, TRUTH).tolist() == pytest.approx(expected.tolist())


def test_weighted_classes_count_alike(classes):
    """Of each class the mean loss counts as much as that of another, however many it has."""
    outputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    wanted = torch.tensor(TRUTH)
    each = functional.cross_entropy(outputs, wanted, reduction="none")
    expected = torch.stack([each[wanted == label].mean() for label in range(3)]).mean()
    for options in ({}, {"loss": FOCAL, "focal_gamma": 1e-7}):
        loss = loss_of(classes, TRUTH, class_weights=BALANCED, **options)(outputs, wanted)
        assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_label_smoothing_by_hand(classes):
    outputs = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    loss = loss_of(classes, TRUTH, label_smoothing=0.3)(outputs, torch.tensor([0]))
    assert float(loss) == pytest.approx(0.8 * math.log(2) + 0.2 * math.log(4))


def test_several_labels_by_hand():
    outputs = torch.logit(torch.tensor([[0.5, 0.8, 0.1]]))
    wanted = torch.tensor([[1.0, 1.0, 0.0]])
    target, truth = target_of(MULTI_LABEL), np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0], [0, 1, 0]])
    plain = loss_of(target, truth)(outputs, wanted)
    assert float(plain) == pytest.approx(-(math.log(0.5) + math.log(0.8) + math.log(0.9)) / 3)
    assert balanced_weights(target, truth).tolist() == pytest.approx([3, 1 / 3, 3])
    weighted = loss_of(target, truth, class_weights=BALANCED)(outputs, wanted)
    assert float(weighted) == pytest.approx(-(3 * math.log(0.5) + math.log(0.8) / 3 + math.log(0.9)) / 3)
    focal = loss_of(target, truth, loss=FOCAL, focal_gamma=1.0)(outputs, wanted)
    assert float(focal) == pytest.approx(-(0.5 * math.log(0.5) + 0.2 * math.log(0.8) + 0.1 * math.log(0.9)) / 3)
    smooth = loss_of(target, truth, label_smoothing=0.2)(outputs[:, 2:], wanted[:, 2:])
    assert float(smooth) == pytest.approx(-(0.9 * math.log(0.9) + 0.1 * math.log(0.1)))


def test_numbers_are_fitted_by_least_squares():
    loss = loss_of(target_of(NUMBER), np.array([1.0, 2.5, 4.0]))
    assert float(loss(torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [1.0]]))) == pytest.approx(2.5)


@pytest.mark.parametrize("options", [{"loss": FOCAL}, {"class_weights": BALANCED}, {"label_smoothing": 0.1}])
def test_what_means_nothing_for_numbers_is_refused(options):
    assert "are for labels, not for numbers" in refusal(
        loss_function, target_of(NUMBER), np.array([1.0, 2.0]), **options
    )


def test_a_label_without_a_sequence_has_a_weight_all_the_same(classes):
    assert torch.isfinite(balanced_weights(classes, np.array([0, 1, 1]))).all()


def test_the_weight_of_a_smoothed_sequence_is_that_of_its_label(classes):
    """Where torch's own cross-entropy weighs the smoothed part by the weights of all labels."""
    outputs = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]))
    weights = [6 / (3 * 3), 6 / (3 * 2)]  # of labels that 3 and 2 of 6 sequences have
    loss = loss_of(classes, TRUTH, class_weights=BALANCED, label_smoothing=0.3)
    each = [0.8 * math.log(2) + 0.2 * math.log(4), -(0.8 * math.log(0.6) + 0.2 * math.log(0.2))]
    assert float(loss(outputs, torch.tensor([0, 2]))) == pytest.approx(sum(np.multiply(weights, each)) / sum(weights))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_focal_loss_that_is_certain_has_a_gradient(classes, gamma):
    outputs = torch.tensor([[100.0, 0.0, 0.0]], requires_grad=True)
    loss_of(classes, TRUTH, loss=FOCAL, focal_gamma=gamma)(outputs, torch.tensor([0])).backward()
    assert torch.isfinite(outputs.grad).all()
