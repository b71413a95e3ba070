"""pytorch_model.bin converted to safetensors: bit by bit, and only if there is nothing else in it."""

import io
import json
import signal
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_models
from dna_lm.base_models.archives import PICKLED, PICKLED_INDEX
from dna_lm.base_models.opening import INDEX, WEIGHTS
from dna_lm.pickles import confined
from dna_lm.pickles.confined import convert_confined
from dna_lm.pickles.converting import REMEDY, convert
from dna_lm.pickles.unpickling import MOST_OPCODES
from refusals import refusal
from torch_files import OPEN, in_sequence, state, storage, tensor, text, zipped

MOST = 10**9
SOURCE = "the model 'x'"
X = text("x")
NUMBERS = struct.pack("<6f", *range(6))
FORMATS = [True, False]  # of torch.save: zip, and that before torch 1.6


def saved(value, zip_format: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zip_format)
    return buffer.getvalue()


@pytest.fixture
def converted(tmp_path):
    """Convert the content of a pytorch_model.bin; returns the path of what is written."""

    def call(content: bytes, most: float = MOST) -> Path:
        (tmp_path / PICKLED).write_bytes(content)
        convert(tmp_path, SOURCE, most)
        return tmp_path / WEIGHTS

    return call


@pytest.fixture
def refused(converted):
    """Convert what is refused; returns what is said to be wrong."""

    def call(content: bytes, **options) -> str:
        message = refusal(converted, content, **options)
        start = f"{SOURCE}: {PICKLED} cannot be converted to safetensors: "
        assert message.startswith(start) and message.endswith(f"; {REMEDY}")
        return message[len(start) : -len(REMEDY) - 2]

    return call


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, one in expected.items():
        assert (found[name].dtype, found[name].shape) == (one.dtype, one.shape), name
        # Bits, not values: NaN differs from itself, and -0 does not from 0.
        assert found[name].contiguous().numpy(force=True).tobytes() == one.contiguous().numpy(force=True).tobytes()


# --- converted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zip_format", FORMATS)
def test_the_weights_of_a_bert(tmp_path, converted, zip_format):
    tiny_models.write_model(tmp_path / "bert", "bert", 16)
    weights = load_file(tmp_path / "bert" / WEIGHTS)
    assert_same(load_file(converted(saved(weights, zip_format))), weights)


@pytest.mark.parametrize("zip_format", FORMATS)
def test_every_type_of_numbers_and_every_bit(converted, zip_format):
    bits = torch.arange(-(2**15), 2**15).to(torch.int16)  # all halves and bfloat16 that there are, NaN too
    weights = {
        "half": bits.clone().view(torch.half),
        "bool": bits > 0,
        "double": torch.tensor([0.1, float("-inf"), -0.0], dtype=torch.double),
        "float": torch.tensor([float("nan"), 1e-45, -0.0]),
    } | {str(kind): bits.to(kind) for kind in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)}
    found = load_file(converted(saved(weights | {"bfloat16": bits.clone().view(torch.bfloat16)}, zip_format)))
    assert torch.equal(found.pop("bfloat16").view(torch.int16), bits)
    assert_same(found, weights)


@pytest.mark.parametrize("zip_format", FORMATS)
def test_views_of_all_kinds(converted, zip_format):
    numbers = torch.randn(5, 6, 7)
    weights = {
        "whole": numbers,
        "again": numbers,
        "part": numbers[1:3, ::2, 3],
        "transposed": numbers.transpose(0, 2),
        "expanded": numbers[:1, :1, :1].expand(3, 4, 5),
        "a number": numbers[0, 0, 0],
        "empty": numbers[:0],
        "parameter": torch.nn.Parameter(numbers[2]),
    }
    assert_same(load_file(converted(saved(weights, zip_format))), weights)


def test_tensors_that_are_not_contiguous_are_written_piece_by_piece(converted, monkeypatch):
    monkeypatch.setattr("dna_lm.pickles.safetensors_writing.PIECE", 7)
    weights = {"x": torch.randn(11, 5, 3).permute(2, 0, 1)}
    assert_same(load_file(converted(saved(weights))), weights)


def test_the_file_depends_on_the_weights_alone(converted):
    weights = {"b": torch.randn(3, 2), "a": torch.arange(3), "c": torch.zeros(5, dtype=torch.bool)}
    first = converted(saved(weights)).read_bytes()
    other_order = {name: weights[name].clone() for name in "cab"} | {"b": weights["b"].t().contiguous().t()}
    assert converted(saved(other_order, zip_format=False)).read_bytes() == first


def test_it_is_byte_by_byte_as_safetensors_itself_writes_it(converted, tmp_path):
    kinds = [torch.float, torch.double, torch.half, torch.bfloat16, torch.int64, torch.int32, torch.int16]
    kinds += [torch.int8, torch.uint8, torch.bool]
    weights = {f"{name}.{kind}": torch.ones(len(name), dtype=kind) for name in ("a", "Bbb", "é'\"") for kind in kinds}
    path = converted(saved(weights))
    save_file(weights, tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    assert path.read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()


def test_a_file_written_by_hand(converted):
    for content in (
        zipped(state(X, tensor()), {"0": NUMBERS}, byteorder=b"little"),
        in_sequence(state(X, tensor()), ["0"], (6).to_bytes(8, "little") + NUMBERS),
    ):
        assert_same(load_file(converted(content)), {"x": torch.arange(6.0).reshape(2, 3)})


# --- in parts --------------------------------------------------------------------------------------------------------

FIRST, SECOND = "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"


def write_parts(folder: Path, placed: dict | None = None) -> dict[str, torch.Tensor]:
    parts = {FIRST: {"a": torch.randn(2, 3), "b": torch.arange(4)}, SECOND: {"c": torch.randn(3).half()}}
    for file, weights in parts.items():
        torch.save(weights, folder / file)
    placed = {name: file for file, weights in parts.items() for name in weights} if placed is None else placed
    (folder / PICKLED_INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": placed}))
    return parts[FIRST] | parts[SECOND]


def test_parts(tmp_path):
    weights = write_parts(tmp_path)
    convert(tmp_path, SOURCE, MOST)
    index = json.loads((tmp_path / INDEX).read_text())
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert index == {
        "metadata": {"total_size": 62},
        "weight_map": {"a": files[0], "b": files[0], "c": files[1]},
    }
    found = [load_file(tmp_path / file) for file in files]
    assert [set(one) for one in found] == [{"a", "b"}, {"c"}]
    assert_same(found[0] | found[1], weights)


@pytest.mark.parametrize(
    ("placed", "message"),
    [
        ({"a": FIRST, "b": FIRST}, None),  # tested below: a part that the index does not name is not read
        (
            {"a": FIRST, "c": SECOND},
            f"{FIRST} cannot be converted to safetensors: {PICKLED_INDEX} says something else of",
        ),
        (
            {"a": FIRST, "b": FIRST, "c": FIRST},
            f"{FIRST} cannot be converted to safetensors: {PICKLED_INDEX} says someth",
        ),
        ({"a": "../" + FIRST}, f"{PICKLED_INDEX} names the file '../{FIRST}', which is not there"),
        (
            {"a": "pytorch_model-00003-of-00002.bin"},
            f"{PICKLED_INDEX} names the file 'pytorch_model-00003-of-00002.bin'",
        ),
        ({"a": PICKLED}, f"{PICKLED_INDEX} names the file '{PICKLED}', which is not there"),
        ({"a": 1}, f"{PICKLED_INDEX} names the file 1, which is not there; add all parts of the weights"),
        ({"a": [FIRST]}, f"{PICKLED_INDEX} names the file ['{FIRST}'], which is not there"),
        ({}, f"{PICKLED_INDEX} has no weight_map of tensors and files; "),
        ([FIRST], f"{PICKLED_INDEX} has no weight_map of tensors and files; "),
    ],
)
def test_an_index_that_does_not_fit(tmp_path, placed, message):
    write_parts(tmp_path, placed)
    if message:
        assert refusal(convert, tmp_path, SOURCE, MOST).startswith(f"{SOURCE}: {message}")
    else:
        convert(tmp_path, SOURCE, MOST)
        assert [path.name for path in tmp_path.glob("*.safetensors")] == ["model-00001-of-00002.safetensors"]


def test_the_limit_is_for_all_parts(tmp_path):
    write_parts(tmp_path)
    convert(tmp_path, SOURCE, 62)
    assert "its tensors have more than the 6.1e-08 GB allowed" in refusal(convert, tmp_path, SOURCE, 61)


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([torch.zeros(1)], "it is not a dictionary of tensors"),
        (torch.zeros(1), "it is not a dictionary of tensors"),
        ({}, "it is not a dictionary of tensors"),
        ({"model": {"x": torch.zeros(1)}}, "'model' in it is not a tensor, but of the type dict"),
        ({"x": torch.zeros(1), "epoch": 3}, "'epoch' in it is not a tensor, but of the type int"),
        ({"__metadata__": torch.zeros(1)}, "it has a tensor of the name '__metadata__'"),
        ({"": torch.zeros(1)}, "it has a tensor of the name ''"),
        ({"a\nb": torch.zeros(1)}, "it has a tensor of the name 'a\\nb'"),
        ({1: torch.zeros(1)}, "a dictionary has a key that is not text (opcode SETITEM at byte "),
        ({"x": torch.nn.Linear(1, 1)}, "it imports torch.nn.modules.linear.Linear, which weights do not need (opcode "),
        ({"x": torch.zeros(1, dtype=torch.cfloat)}, "it imports torch.ComplexFloatStorage, which weights do not need"),
        (
            {"x": torch.zeros(3).to_sparse()},
            "it imports torch._utils._rebuild_sparse_tensor, which weights do not need",
        ),
        ({"x": 0.5}, "weights do not need this opcode (opcode BINFLOAT at byte "),
    ],
)
def test_what_is_not_weights(refused, value, message):
    for zip_format in FORMATS:
        assert refused(saved(value, zip_format)).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"pickle", "it is not a file of torch.save"),
        (b"PK\3\4", "it is damaged (File is not a zip file)"),
        (b"PK\3\4" + 30 * b"\0", "it is damaged (File is not a zip file)"),
        (OPEN + b"K\1.", "it is not a file of torch.save, or of another version"),
        (zipped(state(X, tensor()), {}), "it is damaged: archive/data/0 is missing"),
        (
            zipped(state(X, tensor()), {"0": NUMBERS[:-1]}),
            "it is damaged: archive/data/0 is smaller than its pickle says",
        ),
        (
            zipped(state(X, tensor(storage(count=2**40))), {"0": NUMBERS}),
            "it is damaged: archive/data/0 is smaller than its pickle says",
        ),
        (
            zipped(state(X, tensor(), text("y"), tensor(storage(kind="IntStorage"))), {"0": NUMBERS}),
            "it uses one storage as if there were two",
        ),
        (zipped(state(X, tensor()), {"0": NUMBERS}, byteorder=b"big"), "its numbers are big-endian"),
        (
            zipped(state(X, tensor()), {"0": bytes(10**7)}, zipfile.ZIP_DEFLATED),
            "archive/data.pkl is compressed or encrypted, which torch.save does not do",
        ),
        (zipped(state(X, tensor()), {"0": NUMBERS}, **{"b/data.pkl": b""}), None),  # deeper, so not that of torch.save
        (zipped(state(X, tensor()), {"../data/0": NUMBERS}), "it is damaged: archive/data/0 is missing"),
        (in_sequence(state(X, tensor()), ["0"], NUMBERS, little=False), "its numbers are not little-endian"),
        (in_sequence(state(X, tensor()), [], b""), "it is damaged: its storages are not those of its tensors"),
        (in_sequence(state(X, tensor()), ["0", "1"], b""), "it is damaged: its storages are not those of its tensors"),
        (in_sequence(state(X, tensor()), ["0", "0"], b""), "it is damaged: its storages are not those of its tensors"),
        (in_sequence(state(X, tensor()), ["0"], (6).to_bytes(8, "little") + NUMBERS[1:]), "it is truncated or damaged"),
        (in_sequence(state(X, tensor()), ["0"], (7).to_bytes(8, "little") + NUMBERS), "it is truncated or damaged"),
        (
            in_sequence(state(X, tensor(storage(count=2**62))), ["0"], (2**62).to_bytes(8, "little") + NUMBERS),
            "it is truncated or damaged",
        ),
    ],
)
def test_a_file_that_lies(refused, converted, content, message):
    if message:
        assert refused(content).startswith(message)
    else:
        converted(content)


def two_members(name: str) -> bytes:
    buffer = io.BytesIO(zipped(state(X, tensor()), {"0": NUMBERS}))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        if name == "archive/data/0":
            archive.writestr(name, NUMBERS)
    return buffer.getvalue()


def test_two_members_of_one_name_are_refused(refused):
    assert refused(two_members("archive/data/0")) == "it has two members of one name"


def test_two_pickles_are_refused(refused):
    buffer = io.BytesIO(zipped(state(X, tensor()), {"0": NUMBERS}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("other/data.pkl", state(X, tensor()))
    assert refused(buffer.getvalue()) == "it is not a file of torch.save: it does not have one data.pkl"


def test_a_storage_that_is_compressed_is_refused(refused):
    """A bomb: megabytes of zeros in a few kilobytes."""
    buffer = io.BytesIO(zipped(state(X, tensor(storage(count=10**6))), {}))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(4 * 10**6))
    assert refused(buffer.getvalue()) == "archive/data/0 is compressed or encrypted, which torch.save does not do"


def test_a_member_that_claims_to_be_larger_than_the_file_is_refused(refused):
    content = bytearray(zipped(state(X, tensor(storage(count=2**28))), {"0": NUMBERS}))
    place = content.rindex(b"archive/data/0") - 46  # its entry in the directory of the zip
    content[place + 20 : place + 28] = struct.pack("<II", 2**30, 2**30)
    assert refused(bytes(content)) == "it is truncated or damaged"


def test_too_many_members_are_refused(refused, monkeypatch):
    monkeypatch.setattr("dna_lm.pickles.torch_file.MOST_MEMBERS", 5)
    storages = {str(number): NUMBERS for number in range(5)}
    assert refused(zipped(state(X, tensor()), storages)) == "it has more than 5 members"


def test_a_directory_of_a_million_members_is_refused_before_it_is_read(refused):
    entry = b"PK\1\2" + 24 * b"\0" + struct.pack("<H", 1) + 16 * b"\0" + b"x"
    directory = entry * 10**6
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, len(directory), 4, 0)
    assert refused(b"PK\3\4" + directory + end) == "its directory has 47,000,000 bytes, more than 5,000,000"


def test_a_pickle_that_is_too_large_is_refused(refused, monkeypatch):
    monkeypatch.setattr("dna_lm.pickles.torch_file.MOST_BYTES", 100)
    assert refused(zipped(state(X, tensor()), {"0": NUMBERS})) == "its pickle has 185 bytes, more than 100"


def test_a_small_file_that_becomes_huge_is_refused(refused, tmp_path):
    huge = state(X, tensor(shape=(10**9, 10**9), strides=(0, 0)))
    assert refused(zipped(huge, {"0": NUMBERS})) == "its tensors have more than the 1 GB allowed"
    assert not (tmp_path / WEIGHTS).exists()


@pytest.mark.parametrize("zip_format", FORMATS)
def test_cut_anywhere_it_is_refused(refused, zip_format):
    whole = saved({"x": torch.randn(3, 4), "y": torch.arange(3)}, zip_format)
    for size in range(0, len(whole), 7):
        refused(whole[:size])


# --- in a process of its own -----------------------------------------------------------------------------------------


def test_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the folder that the job runs in')")
    (tmp_path / "in").mkdir()
    weights = {"x": torch.randn(3, 4)}
    (tmp_path / "in" / PICKLED).write_bytes(saved(weights))
    convert_confined(Path("in"), SOURCE, MOST)
    assert_same(load_file(tmp_path / "in" / WEIGHTS), weights)


def test_what_it_refuses_is_told(tmp_path):
    (tmp_path / PICKLED).write_bytes(zipped(OPEN + b"cos\nsystem\n.", {}))
    assert refusal(convert_confined, tmp_path, "the model 'é\\'", MOST) == (
        f"the model 'é\\': {PICKLED} cannot be converted to safetensors: it imports os.system, which weights do not "
        f"need (opcode GLOBAL at byte 2 of the pickle); {REMEDY}"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"}" * 2_000_000,
        b"N" + b"".join(b"r" + struct.pack("<I", place) for place in range(1_500_000)),
        b")" + b"\x85" * 2_000_000,
        b"}" + b"".join(text(f"{place:07}") + b"Ns" for place in range(400_000)),
    ],
    ids=["dictionaries", "memo", "nested", "items"],
)
def test_pickles_that_would_fill_the_memory_stay_within_its_limits(tmp_path, content):
    (tmp_path / PICKLED).write_bytes(zipped(OPEN + content + b".", {}))
    message = refusal(convert_confined, tmp_path, SOURCE, MOST)
    assert f"cannot be converted to safetensors: its pickle has more than {MOST_OPCODES:,} opcodes; " in message


def limited(folder: Path, **limits) -> int:
    """Convert with other limits; returns the exit code of the process."""
    code = (
        f"import sys; from dna_lm.pickles import confined; vars(confined).update({limits}); sys.exit(confined.main())"
    )
    given = json.dumps([str(folder), SOURCE, MOST])
    return subprocess.run(
        [sys.executable, "-c", code], input=given, text=True, capture_output=True, timeout=300
    ).returncode


@pytest.fixture
def in_library(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(confined._LIBRARY))


def test_its_memory_is_limited(tmp_path, in_library):
    (tmp_path / PICKLED).write_bytes(zipped(OPEN + b"}" * 900_000 + b".", {}))
    assert limited(tmp_path) == confined.REFUSED
    assert limited(tmp_path, MEMORY=150_000_000) == confined.TOO_LARGE


def test_weights_larger_than_its_memory(tmp_path, in_library):
    whole = torch.zeros(50, 10**6)  # 200 MB
    (tmp_path / PICKLED).write_bytes(saved({"whole": whole, "transposed": whole.t()}))
    assert limited(tmp_path, MEMORY=150_000_000) == 0
    assert (tmp_path / WEIGHTS).stat().st_size > 400_000_000


def test_its_computing_time_is_limited(tmp_path, in_library):
    stored = storage(kind="ByteStorage", count=10**5)
    long = state(X, tensor(stored, shape=29 * (2,), strides=29 * (1,)))  # half of MOST, two bytes at a time
    (tmp_path / PICKLED).write_bytes(zipped(long, {"0": bytes(10**5)}))
    assert limited(tmp_path, SECONDS=1, BYTES_A_SECOND=10**12) == -signal.SIGXCPU


def test_what_it_writes_is_limited(tmp_path, in_library):
    (tmp_path / PICKLED).write_bytes(saved({"x": torch.zeros(10**6)}))
    assert limited(tmp_path, ROOM=-(10**9) + 10**6) == confined.FULL_DISK


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("exit 4", "takes more memory than weights need"),
        ("kill -KILL $$", "takes more memory than weights need"),
        ("kill -XCPU $$", "takes more time than weights need"),
    ],
)
def test_how_its_end_is_told(tmp_path, monkeypatch, end, message):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{end}\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))
    assert message in refusal(convert_confined, tmp_path, SOURCE, MOST)
    program.write_text("#!/bin/sh\nexit 5\n")
    with pytest.raises(OSError, match="No space left on device"):
        convert_confined(tmp_path, SOURCE, MOST)
    program.write_text("#!/bin/sh\necho a fault >&2; exit 1\n")
    with pytest.raises(RuntimeError, match="failed with 1: a fault"):
        convert_confined(tmp_path, SOURCE, MOST)
