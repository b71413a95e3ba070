"""Where moments and gradients lie changes nothing of what an optimizer does."""

import copy

import pytest
import torch

from dna_lm.training.optimizer_state import begin_with, gather_gradients, moments


class Two(torch.nn.Module):
    """A network of which one part is not used and one is not trained."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Linear(3, 4)
        self.second = torch.nn.Linear(4, 1)
        self.unused = torch.nn.Linear(2, 2)
        self.fixed = torch.nn.Linear(4, 4).requires_grad_(False)

    def forward(self, x):
        return self.second(torch.tanh(self.fixed(self.first(x)))).sum()


USED = ["first.weight", "first.bias", "second.weight", "second.bias"]
PARTS = torch.arange(24.0).reshape(2, 4, 3).sin()


def optimizer_of(model) -> torch.optim.AdamW:
    return torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=0.1, weight_decay=0.1)


def trained(model, optimizer, steps: int = 3):
    for _ in range(steps):
        for part in PARTS:
            model(part).backward()
        optimizer.step()
        model.zero_grad()


def test_the_same_weights_are_reached():
    plain = Two()
    laid_out = copy.deepcopy(plain)
    ours, theirs = optimizer_of(laid_out), optimizer_of(plain)
    begin_with({}, laid_out, ours)
    gather_gradients(laid_out)
    trained(plain, theirs)
    trained(laid_out, ours)
    assert not torch.equal(plain.first.weight, Two().first.weight)
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter, laid_out.get_parameter(name)), name
    assert {name.rpartition(".")[0] for name in moments(laid_out, ours)} == set(USED)
    for name, value in moments(plain, theirs).items():
        assert torch.equal(value, moments(laid_out, ours)[name]), name


def test_gradients_stay_in_one_place():
    model = Two()
    gather_gradients(model)
    places = []
    for _ in range(2):
        for part in PARTS:
            model(part).backward()
            places.append([model.get_parameter(name).grad.data_ptr() for name in USED])
        assert len({model.get_parameter(name).grad.untyped_storage().data_ptr() for name in USED}) == 1
        model.zero_grad()
    assert places == places[:1] * 4
    assert model.unused.weight.grad is None and model.fixed.weight.grad is None


def test_a_state_is_gone_on_from():
    whole, first = Two(), Two()
    trained(whole, one := optimizer_of(whole), steps=4)
    trained(first, half := optimizer_of(first), steps=2)
    state = moments(first, half)
    begin_with(state, first, again := optimizer_of(first))
    trained(first, again, steps=2)
    for name, parameter in whole.named_parameters():
        assert torch.equal(parameter, first.get_parameter(name)), name
    assert moments(first, again)["first.bias.step"] == moments(whole, one)["first.bias.step"] == 4
    assert state["first.bias.step"] == 2, "the state that was given is left alone"


@pytest.mark.parametrize("steps", [0, 1])
def test_moments_are_those_of_changed_parameters(steps):
    model = Two()
    begin_with({}, model, optimizer := optimizer_of(model))
    trained(model, optimizer, steps)
    kinds = ("step", "exp_avg", "exp_avg_sq")
    assert sorted(moments(model, optimizer)) == sorted(f"{name}.{kind}" for name in USED * steps for kind in kinds)
