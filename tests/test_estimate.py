"""Estimates of memory and time: what autograd keeps by hand, sums over batches, limits, and advice that fits."""

import math

import psutil
import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, MixtralConfig

from dna_lm.errors import UserError
from dna_lm.training import estimate as module
from dna_lm.training.estimate import Estimate, Workload, available_memory, check_fits, estimate


class Config:
    vocab_size, hidden_size, num_hidden_layers = 10, 4, 1


class Answer:
    def __init__(self, logits):
        self.logits = logits


class OneLayer(nn.Module):
    """A model whose kept activations are known: the input of a layer of 4 x 6 and the output of its sigmoid."""

    config = Config()

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4).requires_grad_(False)
        self.layer = nn.Linear(4, 6)

    def forward(self, input_ids, attention_mask):
        return Answer(torch.sigmoid(self.layer(self.embedding(input_ids))).mean(1))


class Chosen(module._Trial):
    """A trial in which a step takes 2 s and 0.1 s a token, and scoring 0.01 s a token."""

    def seconds(self, count, width, backward=True):
        tokens = count * width
        return 2 + 0.1 * tokens if backward else 0.01 * tokens


@pytest.fixture
def mixtral():
    torch.manual_seed(1)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 4}
    config = MixtralConfig(**sizes, num_attention_heads=4, num_key_value_heads=2, num_local_experts=2, pad_token_id=3)
    return AutoModelForSequenceClassification.from_config(config)


def test_what_autograd_keeps_by_hand():
    trial = module._Trial(OneLayer(), "fp32")
    # a sequence of 5 tokens: 5 x 4 inputs and 5 x 6 outputs of 4 bytes; the weights are not activations
    assert trial.kept_bytes(1, 5) == 4 * 5 * (4 + 6)
    assert trial.kept_bytes(3, 5) == 3 * 4 * 5 * (4 + 6)


def test_memory_by_hand(monkeypatch):
    monkeypatch.setattr(module, "_memory_in_use", lambda device: 1000)
    needed = estimate(OneLayer(), Workload([3, 5, 4], 2, 1, tokens=99))
    trained = 4 * 6 + 6
    assert needed.sequence == module.ACTIVATIONS["cpu"] * 4 * 5 * (4 + 6)
    assert needed.fixed == 1000 + module.PROCESS["cpu"] + 16 * trained
    assert needed.bytes == needed.fixed + 2 * needed.sequence
    all_three = estimate(OneLayer(), Workload([3, 5, 4], 200, 1, tokens=99))
    assert all_three.bytes == needed.fixed + 3 * needed.sequence
    two = estimate(OneLayer(), Workload([3, 5, 4], 2, 1, tokens=99, processes=2))
    shared = 1000 + module.PROCESS["cpu"] + 4 * trained
    assert two.bytes == shared + 2 * (module.COPIED + (12 + 8) * trained + 2 * needed.sequence)
    assert estimate(OneLayer(), Workload([3, 5, 4], 200, 1, tokens=11)).bytes == needed.bytes  # two of five tokens
    assert estimate(OneLayer(), Workload([3, 5, 4], 200, 1, tokens=4)).at_once == 1
    assert two.bytes == pytest.approx(2 * (two.fixed + 2 * two.sequence), abs=2)


def test_time_by_hand(monkeypatch):
    monkeypatch.setattr(module, "_Trial", Chosen)
    monkeypatch.setitem(module.STEP_SECONDS, "cpu", 0.1)
    # lengths in order: 6 4, 3 2, 2; batches of 2 x 6, 2 x 3 and 1 x 2 tokens
    epoch = 3 * (2 + 30 * 0.1) + 0.1 * (12 + 6 + 2)
    lengths = [6, 2, 4, 2, 3]
    assert estimate(OneLayer(), Workload(lengths, 2, 1, tokens=99)).seconds == pytest.approx(epoch)
    assert estimate(OneLayer(), Workload(lengths, 2, 3, tokens=99)).seconds == pytest.approx(3 * epoch)
    scored = Workload(lengths, 2, 1, tokens=99, scored_tokens=700)
    assert estimate(OneLayer(), scored).seconds == pytest.approx(epoch + 7)
    assert estimate(OneLayer(), Workload(lengths, 2, 2, tokens=99, processes=2)).seconds == pytest.approx(epoch)


def test_the_model_and_the_random_numbers_stay_as_they_were(mixtral):
    mixtral.eval()
    mixtral.gradient_checkpointing_enable()
    before = {name: tensor.clone() for name, tensor in mixtral.state_dict().items()}
    state = torch.get_rng_state()
    assert estimate(mixtral, Workload([8, 9], 2, 1, tokens=99)).checkpointing
    assert torch.equal(torch.get_rng_state(), state)
    assert not mixtral.training
    assert mixtral.is_gradient_checkpointing
    assert all(parameter.grad is None for parameter in mixtral.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in mixtral.state_dict().items())


def test_gradient_checkpointing_and_bf16_need_less(mixtral):
    plain = estimate(mixtral, Workload([50] * 64, 64, 1, tokens=9999))
    assert plain.checkpointed == pytest.approx(module.CHECKPOINTED * plain.sequence, abs=1)
    assert estimate(mixtral, Workload([50] * 64, 64, 1, tokens=9999, precision="bf16")).sequence < plain.sequence
    mixtral.gradient_checkpointing_enable()
    checkpointed = estimate(mixtral, Workload([50] * 64, 64, 1, tokens=9999))
    assert checkpointed.sequence == plain.sequence
    assert checkpointed.bytes == pytest.approx(checkpointed.fixed + 64 * checkpointed.checkpointed, abs=64)


def test_a_real_step_takes_about_as_long(mixtral):
    needed = estimate(mixtral, Workload([40] * 640, 32, 1, tokens=9999))
    assert 0 < needed.seconds < 60
    assert math.isfinite(needed.seconds)


def needs(**changes):
    kept = {"fixed": 10**9, "sequence": 10**8, "checkpointed": 10**7, "at_once": 64, "checkpointing": False}
    kept |= {"longest": 200}
    kept |= changes
    current = kept["checkpointed"] if kept["checkpointing"] else kept["sequence"]
    total = kept.get("processes", 1) * (kept["fixed"] + kept["at_once"] * current)
    return Estimate(bytes=total, seconds=1.0, **kept)


@pytest.mark.parametrize(
    ("changes", "available", "expected"),
    [
        ({}, 7_400_000_000, 64),
        ({}, 3 * 10**9, 20),
        ({}, 1_100_000_000, 1),
        ({}, 1_090_000_000, 0),
        ({}, 9 * 10**8, 0),
        ({"checkpointing": True}, 1_100_000_000, 10),
        ({"processes": 2}, 3 * 10**9, 5),
    ],
)
def test_as_many_sequences_at_once_as_fit(changes, available, expected):
    assert needs(**changes).fitting(available) == expected


def test_a_training_that_fits():
    check_fits(needs(), 7_400_000_000)


FIRST = "the training needs about 1.10 GB of memory for one sequence of 200 tokens at once, and"
ADVICE = [
    (
        {},
        {"quantizable": True},
        1_090_000_000,
        f'{FIRST} 1.09 GB are available: set "Gradient checkpointing" (--gradient-checkpointing yes), reduce the '
        '"Maximum length (tokens)" (--max-length) below 200, set "Quantization of the base model" to 4 bits '
        "(--quantization 4bit-nf4), choose a smaller base model, or give the job more memory",
    ),
    (
        {},
        {"full": True},
        9 * 10**8,
        f'{FIRST} 0.90 GB are available: set "Weights to train" to LoRA matrices (--method lora), choose a smaller '
        "base model, or give the job more memory",
    ),
    (
        {"checkpointing": True, "checkpointed": 10**8, "processes": 2},
        {},
        2 * 10**9 + 1,
        "the training needs about 2.20 GB of memory for one sequence of 200 tokens at once in each of 2 processes, and "
        '2.00 GB are available: reduce the "Maximum length (tokens)" (--max-length) below 200, choose a smaller base '
        "model, or give the job more memory",
    ),
]


@pytest.mark.parametrize(("changes", "options", "available", "message"), ADVICE)
def test_advice(changes, options, available, message):
    with pytest.raises(UserError) as caught:
        check_fits(needs(at_once=1, **changes), available, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")])
def test_the_sentence(seconds, text):
    needed = Estimate(1_640_000_000, seconds, 1, 1, 1, 1, False)
    assert needed.sentence == f"about 1.6 GB of memory and {text}"


def groups(tmp_path, lines, limits):
    for path, text in limits.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "cgroup").write_text(lines)
    return module._group_limits(str(tmp_path / "cgroup"), str(tmp_path))


def test_limits_of_control_groups_version_2(tmp_path):
    limits = {"slurm/job_1/memory.max": "max\n", "slurm/memory.max": "8000000000\n"}
    assert groups(tmp_path, "0::/slurm/job_1/step\n", limits) == [8_000_000_000]


def test_a_container_that_sees_only_its_own_group(tmp_path):
    assert groups(tmp_path, "0::/docker/abc\n", {"memory.max": "4000000000\n"}) == [4_000_000_000]


def test_limits_of_control_groups_version_1(tmp_path):
    limits = {
        "memory/job/memory.limit_in_bytes": "2000000000\n",
        "memory/memory.limit_in_bytes": f"{2**63 - 4096}\n",
    }
    assert groups(tmp_path, "5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n", limits) == [2_000_000_000]


def test_no_control_groups(tmp_path):
    assert module._group_limits(str(tmp_path / "none"), str(tmp_path)) == []


def test_available_memory(monkeypatch):
    monkeypatch.setattr(module, "_group_limits", lambda: [])
    monkeypatch.delenv("GALAXY_MEMORY_MB", raising=False)
    total = psutil.virtual_memory().total
    assert 0 < available_memory() <= total
    monkeypatch.setenv("GALAXY_MEMORY_MB", "256")
    assert available_memory() == 256 << 20
    monkeypatch.setattr(module, "_group_limits", lambda: [1000])
    assert available_memory() == 1000
