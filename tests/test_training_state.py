import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from dna_lm.adapters.dataset import Adapter, tensors_sha256
from dna_lm.training.loop import Trained
from dna_lm.training.state import load_state, read_trained, save_state, saved_with, write_trained
from refusals import refusal

STATE = {
    "score.weight.step": torch.tensor(3.0),
    "score.weight.exp_avg": torch.tensor([[1.0, -2.0]]),
    "score.weight.exp_avg_sq": torch.tensor([[0.0, 1e-9]]),
}

SMALL = Adapter(
    {"score.weight": torch.tensor([[1.0, 2.0]]), "a": torch.tensor(3, dtype=torch.bfloat16)}, {}, {}, {}, {}
)


def test_the_digest_of_tensors_is_that_of_names_shapes_and_numbers():
    tensors = SMALL.tensors
    assert tensors_sha256(dict(reversed(tensors.items()))) == tensors_sha256(tensors)
    others = [
        {"score.weight": tensors["score.weight"]},
        tensors | {"a": torch.tensor(4, dtype=torch.bfloat16)},
        tensors | {"a": torch.tensor(3.0)},
        tensors | {"score.weight": tensors["score.weight"].T},
    ]
    assert len({tensors_sha256(one) for one in (tensors, *others)}) == 5


def test_a_result_comes_back_as_it_was(tmp_path):
    trained = Trained(
        tensors={"a": torch.tensor([[1.0, 2.0]])},
        state=STATE,
        rows=[{"epoch": 1.0, "dev_loss": float("nan")}, {"epoch": 2.0, "dev_loss": 0.1}],
        best=1,
        stopped="time limit",
        epochs=2.0,
        seconds=1.5,
        sequences=120,
        tokens=1000,
        peak_bytes=10**10,
    )
    write_trained(trained, tmp_path)
    back = read_trained(tmp_path)
    for field in dataclasses.fields(Trained):
        before, after = getattr(trained, field.name), getattr(back, field.name)
        if field.name in ("tensors", "state"):
            assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
        else:
            assert repr(after) == repr(before), field.name


def test_equal_states_give_equal_bytes(tmp_path):
    save_state(STATE, tmp_path / "one", SMALL)
    save_state(dict(reversed(STATE.items())), tmp_path / "other", SMALL)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert saved_with(tmp_path / "one") == tensors_sha256(SMALL.tensors)
    back = load_state(tmp_path / "one")
    assert back.keys() == STATE.keys() and all(torch.equal(back[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "truncated or not in the safetensors format"),
        (b"PK\x03\x04 no safetensors", "truncated or not in the safetensors format"),
    ],
)
def test_another_file(tmp_path, content, said):
    (tmp_path / "state").write_bytes(content)
    assert said in refusal(load_state, tmp_path / "state")


def test_an_adapter_is_no_state(two):
    assert "is no optimizer state that a fine-tuning job saved" in refusal(load_state, two.adapter)


@pytest.mark.parametrize(
    "change",
    [
        {"score.weight.exp_avg": torch.tensor([[float("nan"), 0.0]])},
        {"score.weight.exp_avg": torch.tensor([[1, 2]])},
        {"score.weight.other": torch.tensor([1.0])},
    ],
    ids=["NaN", "whole numbers", "another name"],
)
def test_a_damaged_state(tmp_path, change):
    save_file(STATE | change, tmp_path / "state", metadata={"dna_lm_state": "1"})
    assert f"is damaged at {next(iter(change))!r}" in refusal(load_state, tmp_path / "state")


def test_a_truncated_state(tmp_path):
    save_state(STATE, tmp_path / "state", SMALL)
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-4])
    assert "truncated" in refusal(load_state, tmp_path / "state")
