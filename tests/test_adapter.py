import dataclasses
import getpass
import json
import math
import os
import random
import re
import socket
import struct
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from conftest import PROJECT
from dna_lm.adapters.dataset import MAX_HEADER, RECORD, Adapter, load_adapter, save_adapter
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import trained_classifier
from dna_lm.data.targets import Target
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal, returns_or_refuses
from small import TRAINING, command_line

SMALL = Adapter(
    tensors={"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor([[1.5], [-2.0]])},
    peft={"r": 2, "lora_alpha": 4.0},
    base_model={"id": "x", "revision": "", "architecture": "bert", "weights_sha256": "1", "tokenizer_sha256": "2"},
    task={"labels": ["no", 'ζ "q"'], "max_length": 50},
    training={"sequences": {"train": 3, "dev": 2}},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "adapter.safetensors"


def metadata(path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def write_record(path, record: str) -> None:
    save_file(SMALL.tensors, path, metadata={"format": "pt", RECORD: record})


def record(**changes) -> dict:
    parts = {name: getattr(SMALL, name) for name in ("peft", "base_model", "task", "training")}
    return {"version": 1} | parts | changes


# --- the format ------------------------------------------------------------------------------------------------------


def test_it_is_read_back_as_it_was_written(path):
    save_adapter(SMALL, path)
    back = load_adapter(path)
    assert back.tensors.keys() == SMALL.tensors.keys()
    assert all(torch.equal(back.tensors[name], tensor) for name, tensor in SMALL.tensors.items())
    for part in ("peft", "base_model", "task", "training"):
        assert getattr(back, part) == getattr(SMALL, part)
    assert (back.labels, back.max_length) == (["no", 'ζ "q"'], 50)
    assert back.target == Target(CLASSES, ["no", 'ζ "q"'])
    # of adapters that were made before there was a choice
    assert (back.kmer, back.strand, back.members, back.further) == (-1, "forward", 1, [])


@pytest.mark.parametrize(
    "target",
    [Target(CLASSES, ["a", "b", "c"]), Target(MULTI_LABEL, ["a", "b"]), Target(NUMBER, [], 0.1 + 0.2, 1e-300)],
    ids=lambda target: target.kind,
)
def test_what_it_answers_and_how_it_reads(path, target):
    task = {**target.task(), "max_length": 9, "kmer": 6, "strand": "both", "members": 2}
    save_adapter(dataclasses.replace(SMALL, task=task, further=[another()]), path)
    back = load_adapter(path)
    assert (back.target, back.task) == (target, task)
    assert (back.kmer, back.strand, back.members) == (6, "both", 2)


def test_the_lengths_of_the_training_sequences_are_those_of_a_training_or_not_known():
    def of(lengths) -> dict | None:
        return dataclasses.replace(SMALL, training=SMALL.training | {"sequence_lengths": lengths}).training_lengths

    known = {"shortest": 3, "median": 50, "longest": 101}
    assert of(known) == of(known | {"mean": 7}) == known
    assert SMALL.training_lengths is None
    for wrong in (None, 5, [], {}, known | {"median": 200}, known | {"shortest": 0}, known | {"longest": True}):
        assert of(wrong) is None


def another(shift: float = 1.0) -> dict[str, torch.Tensor]:
    """Tensors of the form of SMALL's."""
    return {name: tensor + shift for name, tensor in SMALL.tensors.items()}


def ensemble(*further: dict[str, torch.Tensor], members: int | None = None) -> Adapter:
    task = SMALL.task | {"members": members or 1 + len(further)}
    return dataclasses.replace(SMALL, task=task, further=list(further))


def test_the_tensors_of_an_ensemble(path):
    save_adapter(ensemble(another(1), another(2)), path)
    with safe_open(path, framework="pt") as file:
        assert sorted(file.keys()) == ["a", "b", "member2.a", "member2.b", "member3.a", "member3.b"]
        assert torch.equal(file.get_tensor("member3.a"), SMALL.tensors["a"] + 2)


names = st.text(min_size=1, max_size=8).filter(lambda name: not name.startswith(("member", "__metadata__")))
forms = st.dictionaries(names, st.lists(st.integers(1, 3), max_size=3), min_size=1, max_size=4)


@given(forms, st.integers(1, 12), st.sampled_from([torch.float32, torch.bfloat16]))
def test_an_ensemble_is_read_back_as_it_was_written(tmp_path_factory, form, members, dtype):
    path = tmp_path_factory.getbasetemp() / "ensemble.safetensors"
    first, *further = ({name: torch.randn(shape).to(dtype) for name, shape in form.items()} for _ in range(members))
    adapter = dataclasses.replace(SMALL, tensors=first, further=further, task=SMALL.task | {"members": members})
    save_adapter(adapter, path)
    content = path.read_bytes()
    back = load_adapter(path)
    assert back.members == 1 + len(back.further) == members
    for own, given_back in zip([first, *further], [back.tensors, *back.further], strict=True):
        assert own.keys() == given_back.keys()
        assert all(torch.equal(given_back[name], tensor) for name, tensor in own.items())
    save_adapter(back, path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "adapter",
    [
        ensemble(another(), members=3),
        ensemble(another(), members=10**18),
        ensemble(another(), another(), members=1),
        ensemble(members=2),
        ensemble({"a": another()["a"]}),
        ensemble(another() | {"c": torch.zeros(1)}),
        ensemble({name: tensor[:1].clone() for name, tensor in another().items()}),
        dataclasses.replace(ensemble(), tensors=SMALL.tensors | {"member3.a": torch.zeros(2)}),
        dataclasses.replace(ensemble(another()), tensors=SMALL.tensors | {"member3.a": torch.zeros(2)}),
    ],
)
def test_members_that_do_not_belong_together(path, adapter):
    save_adapter(adapter, path)
    assert refusal(load_adapter, path) == (
        f"the adapter (adapter.safetensors): its tensors are not those of {adapter.members} models of one form, as its "
        "record says; train the adapter again"
    )


def test_the_metadata(path):
    save_adapter(SMALL, path)
    assert metadata(path).keys() == {"format", RECORD}
    assert metadata(path)["format"] == "pt"
    assert json.loads(metadata(path)[RECORD]) == record()


def test_the_tensors_are_aligned_as_the_format_asks(path):
    save_adapter(SMALL, path)
    (length,) = struct.unpack("<Q", path.read_bytes()[:8])
    assert length % 8 == 0


@pytest.mark.parametrize("length", range(8))
def test_the_header_ends_where_galaxy_looks_for_its_end(path, length):
    """Its sniffer takes no file for safetensors whose header ends in the spaces of the alignment."""
    save_adapter(dataclasses.replace(SMALL, training=SMALL.training | {"note": "x" * length}), path)
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    assert content[8 : 8 + size].endswith(b"}")
    assert load_adapter(path).training["note"] == "x" * length


def test_equal_adapters_give_equal_bytes(tmp_path):
    turned = {
        part: dict(reversed(getattr(SMALL, part).items()))
        for part in ("tensors", "peft", "base_model", "task", "training")
    }
    for number in range(8):  # safetensors itself writes its metadata in an order left to chance
        save_adapter(Adapter(**turned) if number % 2 else SMALL, tmp_path / str(number))
    assert len({(tmp_path / str(number)).read_bytes() for number in range(8)}) == 1


def test_numbers_that_json_does_not_have_are_an_error(path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_adapter(dataclasses.replace(SMALL, training={"loss": float("nan")}), path)
    assert not path.exists()


# --- the same seed, the same file ------------------------------------------------------------------------------------


def test_the_command_line_gives_the_same_bytes_for_the_same_seed(two, run_tool, call_tool, tmp_path):
    options = TRAINING | {"train": two.splits["train"], "dev": two.splits["dev"], "epochs": 2, "batch_size": 16}

    def files(run, name, **changes):
        outputs = {kind: tmp_path / f"{name}.{kind}" for kind in ("adapter", "plot", "state", "history", "report")}
        flags = [f"--{kind}-out={output}" for kind, output in outputs.items()]
        done = run("finetune", *command_line(options | changes), *flags)
        assert done.code == 0, done.err
        # The history and the report say how long it took.
        return [outputs[kind].read_bytes() for kind in ("adapter", "plot", "state")]

    # Two processes, each with a hash seed of its own.
    first = files(lambda *arguments: run_tool(*arguments, PYTHONHASHSEED="1"), "first")
    second = files(lambda *arguments: run_tool(*arguments, PYTHONHASHSEED="2"), "second")
    other = files(call_tool, "other", seed=43)
    assert second == first
    assert other[0] != first[0]

    (length,) = struct.unpack("<Q", first[0][:8])
    header = first[0][8 : 8 + length].decode()
    # a name of few letters may be part of a word that has nothing to do with this machine
    names = [name for name in (getpass.getuser(), socket.gethostname(), os.uname().release) if len(name) > 4]
    for text in [str(tmp_path), str(PROJECT), str(Path.home()), "/tmp", *names]:
        assert text not in header


# --- what is refused -------------------------------------------------------------------------------------------------


def test_safetensors_from_elsewhere(path):
    save_file({"x": torch.zeros(2)}, path)
    assert refusal(load_adapter, path) == (
        "the adapter (adapter.safetensors) is a safetensors file but not an adapter of Fine-tune a DNA language model; "
        "select the output Adapter of that tool (the file has no dna_lm record)"
    )


@pytest.mark.parametrize("content", [b"", b"\x00" * 8, b"PK\x03\x04" + bytes(100), b"\xff" * 100, b'{"a": 1}'])
def test_what_is_no_safetensors_file(path, content):
    path.write_bytes(content)
    message = refusal(load_adapter, path)
    assert message.startswith("the adapter (adapter.safetensors) is truncated or not in the safetensors format (")
    assert message.endswith("); choose the adapter dataset of a fine-tuning job, or upload it again")


def test_a_missing_file(path):
    assert "No such file or directory" in refusal(load_adapter, path)


def test_a_folder(tmp_path):
    assert "is truncated or not in the safetensors format (" in refusal(load_adapter, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "3", "[]", '"text"', "[" * 100_000, '{"version": 1}'),
        json.dumps(record(peft=None)),
        json.dumps(record(task=[])),
        json.dumps(record(task={})),
        json.dumps(record(task={"labels": ["a", "b"]})),
        json.dumps(record(task={"labels": ["a", "b"], "max_length": "50"})),
        json.dumps(record(task={"labels": ["a", "b"], "max_length": True})),
        json.dumps(record(task={"labels": ["a", "b"], "max_length": 0})),
        json.dumps(record(task={"labels": "ab", "max_length": 50})),
        json.dumps(record(task={"labels": ["a"], "max_length": 50})),
        json.dumps(record(task={"labels": ["a", 1], "max_length": 50})),
        json.dumps(record(task={"labels": ["a", "a"], "max_length": 50})),
        *(json.dumps(record(task=SMALL.task | {"type": name})) for name in ("regression", "classes", None, 3)),
        *(json.dumps(record(task=SMALL.task | {"kmer": kmer})) for kmer in (0, -2, 13, 6.0, "6", True, None)),
        *(json.dumps(record(task=SMALL.task | {"strand": strand})) for strand in ("reverse", "", None, 3, ["both"])),
        *(json.dumps(record(task=SMALL.task | {"members": members})) for members in (0, -1, 1.0, "1", True, None)),
        *(json.dumps(record(peft={"method": method})) for method in ("adalora", None, 3, ["lora"])),
        json.dumps(record(task=SMALL.task | {"type": "multi_label_classification", "labels": ["a;b", "c"]})),
        json.dumps(record(task={"type": "regression", "labels": [], "mean": 0.0, "spread": 0.0, "max_length": 50})),
        *(
            json.dumps(record(peft=peft))
            for peft in (
                {"target_modules": "(a+)+$"},
                {"target_modules": ["q", 3]},
                {"target_parameters": "experts"},
                {"modules_to_save": {"score": 1}},
                *({"r": rank} for rank in (0, 4097, 10**12, 2.0, True, "8", None)),
                *({"bias": bias} for bias in ("some", None, 1)),
                *({"lora_alpha": alpha} for alpha in ("1", None, True, [1])),
                {"use_dora": 1},
            )
        ),
        *(json.dumps(record(training=SMALL.training | {"loss": loss})) for loss in (math.nan, math.inf)),
        json.dumps(record(training=SMALL.training)).replace('"dev": 2', '"dev": 2, "loss": 1e999'),
        json.dumps(record(training=SMALL.training | {"note": "\ud800"})),
        json.dumps(record(base_model={"id": 3})),
        json.dumps(record(base_model={"id": "x"})),
        json.dumps(record(training={})),
        json.dumps(record(training={"sequences": {"dev": 3}})),
        json.dumps(record(training={"sequences": {"train": "many"}})),
    ],
)
def test_a_damaged_record(path, text):
    write_record(path, text)
    assert refusal(load_adapter, path) == (
        "the adapter (adapter.safetensors): its dna_lm record is damaged; train the adapter again"
    )


def test_a_header_that_would_take_long_to_read_is_not_read(path):
    write_record(path, json.dumps(record(training=SMALL.training | {"note": "x" * MAX_HEADER})))
    started = time.monotonic()
    message = refusal(load_adapter, path)
    assert time.monotonic() - started < 0.1
    assert re.fullmatch(
        r"the adapter \(adapter.safetensors\): its header has 16,000,[0-9]{3} bytes, which is refused: that of an "
        r"adapter has fewer than 16,000,000; choose the adapter dataset of a fine-tuning job",
        message,
    )


def test_a_header_of_an_ordinary_size_is_read(path):
    write_record(path, json.dumps(record(training=SMALL.training | {"note": "x" * (MAX_HEADER - 2000)})))
    assert load_adapter(path).labels == SMALL.labels


def raw(header: dict, content: bytes) -> bytes:
    """A file in safetensors' format that says what it likes."""
    text = json.dumps({"__metadata__": {"format": "pt", RECORD: json.dumps(record())}} | header).encode()
    return struct.pack("<Q", len(text)) + text + content


def tensor(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "content",
    [
        raw({"a": tensor(0, 4 * 10**12, [10**12])}, bytes(8)),
        raw({"a": tensor(0, 8, [3])}, bytes(8)),
        raw({"a": tensor(0, 8, [2**62, 2**62])}, bytes(8)),
        raw({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, bytes(12)),
        raw({"a": tensor(0, 8, [2]), "b": tensor(0, 8, [2])}, bytes(8)),
        raw({"a": tensor(0, 4, [1]), "b": tensor(8, 12, [1])}, bytes(12)),
        raw({"a": tensor(8, 0, [2])}, bytes(8)),
        raw({"a": tensor(0, 8, [2], "F31")}, bytes(8)),
        raw({"a": tensor(0, 8, [-2])}, bytes(8)),
        raw({"a": 3}, bytes(8)),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 10**8) + b"{}",
    ],
)
def test_headers_that_claim_what_is_not_so(path, content):
    path.write_bytes(content)
    message = refusal(load_adapter, path)
    assert message.startswith("the adapter (adapter.safetensors) is truncated or not in the safetensors format (")


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.5])
def test_another_version(path, version):
    write_record(path, json.dumps(record(version=version)))
    assert refusal(load_adapter, path) == (
        f"the adapter (adapter.safetensors) has format version {version!r}, this program reads version 1; use the "
        "tools of the release that made it"
    )


def test_a_label_that_could_not_have_been_trained_on(path):
    write_record(path, json.dumps(record(task={"labels": ["a", "b\nc"], "max_length": 50})))
    assert "the label 'b\\nc' contains a control character" in refusal(load_adapter, path)


def spoiled(name: str, change) -> Adapter:
    """The adapter of the tiny random model with one tensor changed; None takes it out."""
    whole = load_adapter(PROJECT / "test-data" / "adapter_tiny_random.safetensors")
    found = next(key for key in whole.tensors if key.endswith(name))
    changed = {key: value for key, value in whole.tensors.items() if key != found}
    new = change(whole.tensors[found])
    return dataclasses.replace(whole, tensors=changed if new is None else changed | {found: new})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: None, "is missing"),
        (lambda given: given * math.nan, "contains NaN or infinity"),
        (lambda given: given / 0, "contains NaN or infinity"),
        (lambda given: given.to(torch.int64), "is torch.int64 (2, 16), not (2, 16)"),
        (lambda given: given.to(torch.bool), "is torch.bool (2, 16), not (2, 16)"),
        (lambda given: given[:1], "is torch.float32 (1, 16), not (2, 16)"),
        (lambda given: given.T, "is torch.float32 (16, 2), not (2, 16)"),
        (lambda given: given.reshape(-1), "is torch.float32 (32,), not (2, 16)"),
    ],
)
def test_tensors_that_do_not_fit(path, change, reason):
    save_adapter(spoiled("score.weight", change), path)
    assert refusal(apply, path) == (
        f"the adapter does not fit the base model that it names (tensor 'base_model.model.score.weight' {reason}); "
        "train it again"
    )


def test_a_head_that_was_left_random_elsewhere(path):
    whole = spoiled("score.weight", lambda _: None)
    save_adapter(dataclasses.replace(whole, peft=whole.peft | {"modules_to_save": []}), path)
    assert "'base_model.model.score.weight' is missing" in refusal(apply, path)


# --- damage of any kind ----------------------------------------------------------------------------------------------


def apply(path):
    """All that a job does with an adapter before it computes."""
    adapter = load_adapter(path)
    with opened_base_model(TRAINING["base_model"]) as base:
        trained_classifier(base, adapter, 3)


def test_a_file_cut_at_any_length_is_refused(two, path):
    content = two.adapter.read_bytes()
    lengths = {0, 1, 7, 8, 9, len(content) - 1, *random.Random(0).sample(range(len(content)), 60)}
    for length in sorted(lengths):
        path.write_bytes(content[:length])
        refusal(load_adapter, path)


def test_a_file_with_more_at_its_end_is_refused(two, path):
    path.write_bytes(two.adapter.read_bytes() + b"\x00")
    refusal(load_adapter, path)


def test_flipped_bytes_are_refused_or_leave_an_adapter_that_can_be_loaded(two, path):
    """Damage is not always seen (the file has no checksum), but it never ends in another exception."""
    content = two.adapter.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    numbers = random.Random(0)
    loaded = 0
    for count in range(300):
        changed = bytearray(content)
        end = (8, header, len(content))[count % 3]  # the length, the header, anywhere
        for _ in range(numbers.randint(1, 3)):
            changed[numbers.randrange(end)] = numbers.randrange(256)
        path.write_bytes(changed)
        loaded += returns_or_refuses(load_adapter, path) is not None
    assert 0 < loaded < 300


def test_a_record_with_flipped_letters_is_refused_or_can_be_applied(two, path):
    content = two.adapter.read_bytes()
    start = content.index(b'"dna_lm"')
    end = content.index(b'"training\\"')
    numbers = random.Random(1)
    letters = b'abcdefnrstu0123456789"\\{}[],:. -_'
    for _ in range(60):
        changed = bytearray(content)
        changed[numbers.randrange(start, end)] = numbers.choice(letters)
        path.write_bytes(changed)
        returns_or_refuses(apply, path)
