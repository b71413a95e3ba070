"""HyenaDNA: its filters, which positions it looks at, shorter numbers, and how weights are drawn."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.networks import hyenadna
from dna_lm.training.loop import _optimizer
from refusals import refusal
from small import training_options

FOLDER = Path(__file__).parent / "architectures" / "hyenadna"


def drawn(**changes) -> hyenadna.ForSequenceClassification:
    torch.manual_seed(1)
    known = {"d_model": 12, "n_layer": 3, "filter_order": 8, "max_seq_len": 50, "num_labels": 2}
    return hyenadna.ForSequenceClassification(hyenadna.Config(**known | changes)).eval()


def batch(*lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.Generator().manual_seed(2)
    rows = [torch.randint(7, 11, (length,), generator=numbers) for length in lengths]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=4)
    return ids, (ids != 4).long()


@pytest.fixture
def published() -> hyenadna.ForSequenceClassification:
    with opened_base_model(str(FOLDER)) as base:
        return hyenadna.ForSequenceClassification.from_pretrained(base.folder, config=base.config()).eval()


def test_the_taps_are_those_of_the_authors_code(published):
    taps = published.hyena.backbone.layers[0].mixer.filter_fn.taps(130)
    torch.testing.assert_close(taps, load_file(FOLDER / "expected.safetensors")["layer_0_implicit_filter"])


@pytest.mark.parametrize("positions", range(1, 40))
def test_transforms_have_room_for_twice_the_positions(positions):
    size = hyenadna._transform_size(positions)
    assert 2 * positions <= size <= max(2, 3 * positions) and size % 2 == 0


@pytest.mark.parametrize("positions", [1, 2, 3, 17, 24, 25, 48, 49, 50])
def test_the_long_convolution(positions):
    """The same as the sum over all positions before; with every number of positions up to max_seq_len."""
    layer = drawn().hyena.backbone.layers[0].mixer.filter_fn.requires_grad_(False)
    values = torch.randn(2, positions, 12)
    taps = layer.taps(positions)
    expected = [
        sum(taps[now - before] * values[:, before] for before in range(now + 1)) + layer.bias * values[:, now]
        for now in range(positions)
    ]
    torch.testing.assert_close(layer(values), torch.stack(expected, dim=1), rtol=1e-4, atol=1e-4)


def counted(monkeypatch) -> list[int]:
    calls = []
    original = hyenadna.Filter.taps
    monkeypatch.setattr(hyenadna.Filter, "taps", lambda self, count: calls.append(count) or original(self, count))
    return calls


def test_filters_that_are_not_trained_are_computed_once(monkeypatch):
    calls = counted(monkeypatch)
    model = drawn()
    model.hyena.requires_grad_(False)
    with torch.inference_mode():
        first = model(*batch(20)).logits
    model(*batch(20)).logits.sum().backward()  # what inference made is of use in training
    model(*batch(19, 3))
    assert len(calls) == 3  # one a layer
    with torch.no_grad():
        for layer in model.hyena.backbone.layers:
            layer.mixer.filter_fn.pos_emb.z.mul_(1.5)
        assert not torch.equal(model(*batch(20)).logits, first)
    assert len(calls) == 6


def test_filters_that_are_trained_are_computed_each_time(monkeypatch):
    calls = counted(monkeypatch)
    model = drawn().train()
    for _ in range(2):
        (model(*batch(20)).logits ** 2).sum().backward()
    assert len(calls) == 6
    without = [name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()]
    assert without == []


def test_a_sequence_gets_in_a_batch_what_it_gets_alone():
    model = drawn()
    ids, mask = batch(9, 23, 1)
    with torch.no_grad():
        together = model(ids, mask).logits
        alone = [model(row[kept][None]).logits[0] for row, kept in zip(ids, mask.bool(), strict=True)]
    torch.testing.assert_close(torch.stack(alone), together, rtol=0, atol=1e-6)


def test_it_reads_as_many_tokens_as_its_filters_have():
    with opened_base_model(str(FOLDER)) as base:
        assert Encoder(base, 1000).model_limit == 130
    with pytest.raises(ValueError, match="51 tokens are more than its filters have: 50"):
        drawn()(*batch(51))


def test_filters_are_computed_in_float32(tmp_path):
    drawn().save_pretrained(tmp_path)
    short = hyenadna.ForSequenceClassification.from_pretrained(tmp_path, dtype=torch.bfloat16).eval()
    kinds = {name: one.dtype for name, one in short.named_parameters()}
    assert all((kind == torch.float32) == ("filter" in name) for name, kind in kinds.items())
    with torch.autocast("cpu", torch.bfloat16):
        logits = short(*batch(9, 23)).logits
    torch.testing.assert_close(logits.float(), drawn()(*batch(9, 23)).logits, rtol=0.05, atol=5e-3)


def test_drawn_weights():
    """The times, waves and falls of the authors' code; they are the ones that the published files have too."""
    named = dict(drawn().named_parameters()) | dict(drawn().named_buffers())
    path = "hyena.backbone.layers.1.mixer.filter_fn"
    places = torch.arange(50) / 50
    waves = [torch.linspace(0, 1, 50)]
    waves += [torch.cos(2 * torch.pi * places * speed) for speed in (1e-4, 1)]
    waves += [-torch.sin(2 * torch.pi * places * speed) for speed in (1e-4, 1)]
    torch.testing.assert_close(named[f"{path}.pos_emb.z"][0], torch.stack(waves, dim=1))
    assert (named[f"{path}.implicit_filter.1.freq"] == 10).all()
    assert all(torch.isfinite(one).all() for one in named.values())
    tensors = load_file(FOLDER / "model.safetensors")
    config = hyenadna.Config(d_model=32, max_seq_len=130)
    torch.testing.assert_close(hyenadna._deltas(config), tensors[f"{path}.modulation.deltas"])
    torch.testing.assert_close(hyenadna._times(config), tensors[f"{path}.pos_emb.t"])


def test_weight_decay_leaves_alone_what_was_trained_without():
    model = drawn()
    decaying, others = _optimizer(model, training_options(weight_decay=0.1)).param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0)
    left_alone = {id(one) for one in others["params"]}
    for name, parameter in model.named_parameters():
        assert (id(parameter) in left_alone) == (parameter.ndim == 1 or "filter_fn" in name), name


@pytest.mark.parametrize("changes", [{"hyena_order": 3}, {"use_bias": False}, {"emb_dim": 4}, {"num_inner_mlps": 1}])
def test_settings_of_another_network_are_refused(changes, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(FOLDER, folder)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | changes))

    def read():
        with opened_base_model(str(folder)) as base:
            base.config()

    message = refusal(read)
    assert "\n" not in message and (next(iter(changes)) in message or "implicit_filter" in message)
