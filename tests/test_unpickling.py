"""Pickles read without running them: those of torch.save, and those of an attacker."""

import io
import os
import pickle
import pickletools
import zipfile

import pytest
import torch

from dna_lm.pickles.unpickling import (
    _OPERATIONS,
    MOST_TENSORS,
    STORAGES,
    NotWeights,
    Storage,
    Tensor,
    unpickled,
)
from torch_files import GLOBALS, OPEN, number, state, storage, tensor, text

X = text("x")


def read(content: bytes):
    return unpickled(io.BytesIO(content))


def refused(content: bytes) -> str:
    with pytest.raises(NotWeights) as caught:
        read(content)
    return str(caught.value)


def pickle_of(value) -> bytes:
    """The pickle that torch.save writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return archive.read("archive/data.pkl")


# --- what torch.save writes ------------------------------------------------------------------------------------------


def test_a_state_dict():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3))
    found = read(pickle_of(model.state_dict()))
    assert found == {
        "0.weight": Tensor(Storage("0", "F32", 6), 0, (3, 2), (2, 1)),
        "0.bias": Tensor(Storage("1", "F32", 3), 0, (3,), (1,)),
    }


def test_views_and_parameters():
    numbers = torch.arange(12).reshape(3, 4)
    found = read(pickle_of({"t": numbers.t(), "part": numbers[1:, 2:], "p": torch.nn.Parameter(torch.zeros(()))}))
    stored = Storage("0", "I64", 12)
    assert found == {
        "t": Tensor(stored, 0, (4, 3), (1, 4)),
        "part": Tensor(stored, 6, (2, 2), (4, 1)),
        "p": Tensor(Storage("1", "F32", 1), 0, (), ()),
    }


@pytest.mark.parametrize("name", STORAGES)
def test_every_type_of_numbers(name):
    dtype = getattr(
        torch, name.split()[1].removesuffix("Storage").lower().replace("char", "int8").replace("byte", "uint8")
    )
    (found,) = read(pickle_of({"x": torch.zeros(3, dtype=dtype)})).values()
    assert (found.storage.dtype, found.storage.count) == (STORAGES[name], 3)


def test_the_pickles_written_by_hand_are_as_torch_writes_them():
    assert read(state(X, tensor())) == read(pickle_of({"x": torch.zeros(2, 3)}))


# --- what an attacker writes -----------------------------------------------------------------------------------------


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_refused_and_not_run(tmp_path, protocol):
    attack = pickle.dumps({"x": Attack(str(tmp_path / "made"))}, protocol)
    message = refused(attack)
    assert not (tmp_path / "made").exists()
    if protocol == 2:
        assert message == (
            f"it imports {os.mkdir.__module__}.mkdir, which weights do not need (opcode GLOBAL at byte "
            f"{attack.index(b'c' + os.mkdir.__module__.encode())} of the pickle)"
        )
    pickle.loads(attack)
    assert (tmp_path / "made").exists()  # the pickle would do it


# An argument of each kind that opcodes have, as bytes.
ARGUMENTS = {
    "uint1": b"\x01",
    "uint2": b"\x01\0",
    "int4": b"\x01\0\0\0",
    "uint4": b"\x01\0\0\0",
    "uint8": b"\x01" + 7 * b"\0",
    "float8": 8 * b"\0",
    "floatnl": b"1.0\n",
    "decimalnl_short": b"1\n",
    "decimalnl_long": b"1L\n",
    "stringnl": b"'os'\n",
    "stringnl_noescape": b"os\n",
    "stringnl_noescape_pair": b"os\nsystem\n",
    "unicodestringnl": b"os\n",
    "string1": b"\x02os",
    "string4": b"\x02\0\0\0os",
    "bytes1": b"\x02os",
    "bytes4": b"\x02\0\0\0os",
    "bytes8": b"\x02" + 7 * b"\0" + b"os",
    "bytearray8": b"\x02" + 7 * b"\0" + b"os",
    "unicodestring1": b"\x02os",
    "unicodestring4": b"\x02\0\0\0os",
    "unicodestring8": b"\x02" + 7 * b"\0" + b"os",
    "long1": b"\x01\x01",
    "long4": b"\x01\0\0\0\x01",
}


@pytest.mark.parametrize("opcode", pickletools.opcodes, ids=lambda opcode: opcode.name)
def test_every_opcode_that_weights_do_not_need_is_refused(opcode):
    argument = ARGUMENTS[opcode.arg.name] if opcode.arg else b""
    # A call of os.system with a text is on the stack, for those that call.
    message = refused(OPEN + text("os") + text("true") + b"\x85" + opcode.code.encode("latin-1") + argument + b"0.")
    if opcode.name not in _OPERATIONS and opcode.name != "STOP":
        assert (
            message.startswith("weights do not need this opcode (opcode ") and f" {opcode.name} at byte 19" in message
        )


def test_opcodes_that_call_or_import_are_not_among_those_that_are_read():
    calling = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "PERSID", "DUP", "POP"}
    assert not calling & _OPERATIONS.keys()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (OPEN + b"cos\nsystem\n.", "it imports os.system, which weights do not need (opcode GLOBAL at byte 2"),
        (OPEN + b"cbuiltins\neval\n.", "it imports builtins.eval"),
        (OPEN + b"ctorch.storage\n_load_from_bytes\n.", "it imports torch.storage._load_from_bytes"),
        (OPEN + b"ctorch\nload\n.", "it imports torch.load"),
        (OPEN + b"ctorch\nQInt8Storage\n.", "it imports torch.QInt8Storage"),
        (OPEN + GLOBALS["dict"] + X + b"\x85R.", "it calls collections.OrderedDict in an unknown way (opcode REDUCE"),
        (OPEN + b"ctorch\nFloatStorage\n)R.", "it calls torch.FloatStorage in an unknown way"),
        (OPEN + X + b")R.", "it calls what cannot be called in an unknown way"),
        (OPEN + GLOBALS["dict"] + X + b"R.", "it is damaged: a call has no arguments"),
        (
            OPEN + GLOBALS["parameter"] + X + b"\x89N\x87R.",
            "it calls torch._utils._rebuild_parameter in an unknown way",
        ),
        (OPEN + GLOBALS["tensor"] + b")R.", "it has a tensor of an unknown kind"),
        (OPEN + GLOBALS["tensor"] + b"(" + 9 * b"N" + b"tR.", "it has a tensor of an unknown kind"),
        (OPEN + GLOBALS["dict"] + b")R}" + text("__class__") + X + b"sb.", "it sets attributes, which weights do not"),
        (OPEN + b"}}b.", "it sets attributes"),
        (OPEN + X + b"}b.", "it sets attributes"),
        (OPEN + b"NQ.", "it refers to what is not a storage"),
        (OPEN + b"(" + X + b"NNNNtQ.", "it refers to what is not a storage"),
        (OPEN + b"(" + text("storage") + b"cos\nsystem\n" + b"NNNtQ.", "it imports os.system"),
        (OPEN + b"(" + text("storage") + GLOBALS["dict"] + b"NNNtQ.", "it has a storage of an unknown type"),
        (OPEN + storage("../x") + b".", "it has a storage without a number"),
        (OPEN + storage("9" * 21) + b".", "it has a storage without a number"),
        (OPEN + storage(count=-1) + b".", "it has a storage of -1 numbers"),
        (OPEN + storage(count=2**63) + b".", "it has a storage of 9,223,372,036,854,775,808 numbers"),
        (OPEN + storage(count=2**1000) + b".", "it has a storage of an impossible number of numbers"),
        (state(X, tensor(offset=1)), "it has a tensor beyond its storage: number 6 of 6"),
        (state(X, tensor(strides=(4, 1))), "it has a tensor beyond its storage: number 6 of 6"),
        (state(X, tensor(shape=(2**62,), strides=(2**62,))), "it has a tensor beyond its storage: number 21,267,647,9"),
        (state(X, tensor(offset=-1)), "it has a tensor of which a size, stride or offset is not possible"),
        (state(X, tensor(shape=(-2, 3))), "it has a tensor of which a size, stride or offset is not possible"),
        (state(X, tensor(strides=(-3, 1))), "it has a tensor of which a size, stride or offset is not possible"),
        (state(X, tensor(shape=(2**63, 3))), "it has a tensor of which a size, stride or offset is not possible"),
        (state(X, tensor(strides=(1,))), "it has a tensor without a shape"),
        (state(X, tensor(shape=33 * (1,), strides=33 * (1,))), "it has a tensor of 33 dimensions, more than 32"),
        (state(X, tensor(X)), "it has a tensor of an unknown kind"),
        (state(X, tensor()[:-2] + b"}" + text("neg") + b"\x88stR"), "it has a tensor of an unknown kind"),
        (state(X, tensor(), X, tensor()), "a dictionary has the key 'x' twice"),
        (state(number(1), tensor()), "a dictionary has a key that is not text"),
        (state(X), "it puts items into what is not a dictionary"),
        (OPEN + X + X + X + b"s.", "it puts items into what is not a dictionary"),
        (OPEN + X + X + b"a.", "it appends to what is not a list"),
        (
            b"\x80\x04N.",
            "it has protocol 4 of pickles, where torch.save writes 2 (opcode PROTO at byte 0 of the pickle)",
        ),
        (OPEN + b"s.", "it is damaged: a value is missing"),
        (OPEN + X + b"(a.", "it is damaged: a value is missing"),
        (OPEN + b"t.", "it is damaged: a mark is missing"),
        (OPEN + b"h\0.", "it is damaged: a value is missing"),
        (OPEN + b".", "it is damaged: its pickle does not end with one value"),
        (OPEN + b"NN.", "it is damaged: its pickle does not end with one value"),
        (OPEN + b"N(.", "it is damaged: its pickle does not end with one value"),
        (b"", "it is damaged or not a pickle (pickle exhausted before seeing STOP)"),
        (b"\xff", "it is damaged or not a pickle ("),
        (OPEN + b"X\2\0\0\0\xff\xff.", "it is damaged or not a pickle ("),
        (OPEN + b"X\xff\xff\xff\xffabc", "it is damaged or not a pickle ("),
        (OPEN + b"I" + 10_000 * b"9" + b"\n.", "it is damaged or not a pickle ("),
    ],
)
def test_a_pickle_that_is_refused(content, message):
    assert refused(content).startswith(message)


@pytest.mark.parametrize(
    "content",
    [
        OPEN + b"}q\0" + X + b"h\0s.",  # a dictionary in itself
        OPEN + b"]q\0h\0a.",  # a list in itself
        OPEN + GLOBALS["dict"] + b")Rq\0}" + text("_metadata") + b"h\0sb.",
        OPEN + b"]q\0r\1\0\0\0j\1\0\0\0a.",
    ],
)
def test_what_contains_itself_is_refused(content):
    assert refused(content).startswith("it uses one list or dictionary twice (opcode ")


def test_a_million_tensors_are_refused():
    one = b"h\0h\1R"
    arguments = tensor()[len(GLOBALS["tensor"]) : -1] + b"q\1"
    content = OPEN + b"](" + GLOBALS["tensor"] + b"q\0" + arguments + one * 10**6 + b"e."
    assert refused(content).startswith(f"it has more than {MOST_TENSORS:,} tensors (opcode REDUCE at byte ")


def test_what_is_nested_and_doubled_is_no_work():
    """A tuple of two of a tuple of two, a million times: whoever looked at all of it would never end."""
    doubled = b")q\0" + b"h\0\x86q\0" * 100
    assert refused(OPEN + b")q\0" + b"h\0h\0\x86q\0" * 100 + X + b"s.")
    assert refused(OPEN + b"}" + doubled + b"Ns.")
    assert refused(state(X, tensor(b")q\0" + b"h\0h\0\x86q\0" * 100 + b"0")))
    assert refused(OPEN + b")q\0" + b"h\0h\0\x86q\0" * 100 + b"Q.")


def test_cut_anywhere_it_is_refused():
    whole = pickle_of(torch.nn.Sequential(torch.nn.Linear(2, 3)).state_dict())
    for size in range(len(whole)):
        refused(whole[:size])


def test_a_tensor_without_numbers_is_within_bounds():
    assert read(state(X, tensor(shape=(0, 2**62), strides=(2**62, 1))))["x"].shape == (0, 2**62)
