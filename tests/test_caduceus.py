"""Caduceus: its scan, its convolution, what it does with padding and in shorter numbers, and how weights are drawn."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from dna_lm.base_models.opening import opened_base_model
from dna_lm.networks import caduceus, selective_scan
from dna_lm.networks.causal_convolution import CausalConvolution
from dna_lm.training.loop import _optimizer
from refusals import refusal
from small import training_options

ARCHITECTURES = Path(__file__).parent / "architectures"
COMPLEMENTS = {"3": 6, "4": 5, "5": 4, "6": 3}


def config(**changes) -> caduceus.Config:
    known = {"vocab_size": 8, "d_model": 12, "n_layer": 3, "rcps": True, "complement_map": COMPLEMENTS}
    return caduceus.Config(**known | {"num_labels": 2} | changes)


def drawn(kind=caduceus.ForSequenceClassification, **changes) -> torch.nn.Module:
    torch.manual_seed(1)
    return kind(config(**changes)).eval()


def batch(*lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.Generator().manual_seed(2)
    rows = [torch.randint(3, 7, (length,), generator=numbers) for length in lengths]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return ids, (ids > 0).long()


# --- the scan --------------------------------------------------------------------------------------------------------


def plain_scan(values, steps, rates, entry, exit):
    """The recurrence, position by position, with the gradients of autograd."""
    state, found = torch.zeros(len(values), *rates.shape, dtype=values.dtype), []
    for value, step, into, out in zip(*(one.unbind(1) for one in (values, steps, entry, exit)), strict=True):
        state = torch.exp(step[..., None] * rates) * state + (step * value)[..., None] * into[:, None]
        found.append((state * out[:, None]).sum(-1))
    return torch.stack(found, dim=1)


@pytest.mark.parametrize("at_once", [1, 200, 2**20])
@pytest.mark.parametrize("count, positions, channels, states", [(3, 37, 6, 4), (1, 1, 5, 3), (2, 16, 3, 2)])
def test_the_scan_and_its_gradients(count, positions, channels, states, at_once, monkeypatch):
    monkeypatch.setattr(selective_scan, "NUMBERS_AT_ONCE", at_once)
    torch.manual_seed(0)
    shapes = [(count, positions, channels)] * 2 + [(channels, states)] + [(count, positions, states)] * 2
    values, steps, rates, entry, exit = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    given = [one.requires_grad_() for one in (values, steps.sigmoid(), -rates.exp(), entry, exit)]
    weights = torch.randn(count, positions, channels, dtype=torch.float64)
    found = []
    for scan in (selective_scan.selective_scan, plain_scan):
        result = scan(*given)
        found.append([result, *torch.autograd.grad((result * weights).sum(), given)])
    for mine, expected in zip(*found, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("positions", [1, 2, 9])
def test_the_convolution_looks_back_only(positions):
    torch.manual_seed(0)
    layer = CausalConvolution(5, 4)
    torch.nn.init.normal_(layer.weight), torch.nn.init.normal_(layer.bias)
    states = torch.randn(2, positions, 5)
    expected = functional.conv1d(states.transpose(1, 2), layer.weight, layer.bias, padding=3, groups=5)
    torch.testing.assert_close(layer(states), expected.transpose(1, 2)[:, :positions])


# --- padding, checkpoints, shorter numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"n_layer": 2}, {"rcps": False}, {"d_model": 17, "n_layer": 1}])
def test_a_sequence_gets_in_a_batch_what_it_gets_alone(changes):
    model = drawn(**changes)
    ids, mask = batch(9, 23, 1)
    with torch.no_grad():
        together, states = model(ids, mask).logits, model.base_model(ids, mask).last_hidden_state
        for number, (row, kept) in enumerate(zip(ids, mask.bool(), strict=True)):
            alone = row[kept][None]
            torch.testing.assert_close(model(alone).logits[0], together[number], rtol=0, atol=1e-6)
            expected = model.base_model(alone).last_hidden_state[0]
            torch.testing.assert_close(states[number][kept], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rcps", [True, False])
def test_gradient_checkpointing_changes_no_gradient(rcps):
    ids, mask = batch(9, 23)
    found = []
    for checkpointing in (False, True):
        model = drawn(rcps=rcps).train()
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        (model(ids, mask).logits ** 2).sum().backward()
        found.append({name: one.grad for name, one in model.named_parameters()})
    assert all(gradient is not None and gradient.any() for gradient in found[0].values())
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, msg=name)


def test_the_scan_is_computed_in_float32(tmp_path):
    drawn().save_pretrained(tmp_path)
    short = caduceus.ForSequenceClassification.from_pretrained(tmp_path, dtype=torch.bfloat16).eval()
    kept = {name.rpartition("mamba_")[2] for name, one in short.named_parameters() if one.dtype == torch.float32}
    assert {"fwd.A_log", "rev.A_log", "fwd.D", "rev.dt_proj.bias", "fwd.x_proj.weight", "rev.conv1d.bias"} <= kept
    assert not any("in_proj" in name or "norm" in name for name in kept)
    ids, mask = batch(9, 23)
    seen = []
    original = selective_scan._Scan.forward
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selective_scan._Scan, "forward", lambda ctx, *given: seen.extend(given) or original(ctx, *given))
        with torch.autocast("cpu", torch.bfloat16):
            logits = short(ids, mask).logits
    assert seen and {one.dtype for one in seen} == {torch.float32}
    torch.testing.assert_close(logits.float(), drawn()(ids, mask).logits, rtol=0.05, atol=2e-3)
    # As on a GPU, where merged models are turned into short numbers as a whole.
    torch.testing.assert_close(short.to(torch.bfloat16)(ids, mask).logits, logits, rtol=0.05, atol=2e-3)


# --- weights that are drawn ------------------------------------------------------------------------------------------


def test_drawn_weights_are_as_mamba_draws_them():
    model = drawn(d_model=64)
    named = dict(model.named_parameters())
    for direction in ("fwd", "rev"):
        path = f"caduceus.backbone.layers.2.mixer.submodule.mamba_{direction}"
        torch.testing.assert_close(named[f"{path}.A_log"].exp(), torch.arange(1.0, 17).expand(128, -1))
        assert (named[f"{path}.D"] == 1).all()
        steps = functional.softplus(named[f"{path}.dt_proj.bias"])
        assert 0.00099 < steps.min() < 0.002 and 0.05 < steps.max() < 0.101
    assert all(torch.isfinite(one).all() for one in named.values())


def test_other_weights_than_those_that_are_loaded_are_drawn(tmp_path):
    drawn(caduceus.Model).save_pretrained(tmp_path)
    model = caduceus.ForPretraining.from_pretrained(tmp_path)
    assert model.lm_head.complement_map.tolist() == [0, 1, 2, 6, 5, 4, 3, 7]


# --- settings --------------------------------------------------------------------------------------------------------


def test_weight_decay_leaves_alone_what_was_trained_without():
    model = drawn()
    decaying, others = _optimizer(model, training_options(weight_decay=0.1)).param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0)
    left_alone = {id(one) for one in others["params"]}
    for name, parameter in model.named_parameters():
        assert (id(parameter) in left_alone) == (parameter.ndim == 1 or "A_log" in name), name


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"bidirectional_strategy": "ew_multiply"}, "bidirectional_strategy"),
        ({"bidirectional_weight_tie": False}, "bidirectional_weight_tie"),
        ({"bidirectional": False}, "bidirectional"),
        ({"rms_norm": False}, "rms_norm"),
        ({"fused_add_norm": False}, "fused_add_norm"),
        ({"complement_map": None}, "complement_map"),
        ({"ssm_cfg": {"bias": True}}, "ssm_cfg.bias"),
        ({"ssm_cfg": {"d_state": 8}}, "shape"),
    ],
)
def test_settings_of_another_network_are_refused(changes, words, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(ARCHITECTURES / "caduceus_ps", folder)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | changes))

    def read():
        with opened_base_model(str(folder)) as base:
            base.config()

    message = refusal(read)
    assert words in message and "\n" not in message


def test_without_strands_in_common_the_norm_need_not_be_fused(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(ARCHITECTURES / "caduceus_ph", folder)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"fused_add_norm": False}))
    with opened_base_model(str(folder)) as base:
        assert base.config().hidden_size == 40
