"""Files as torch.save writes them, made of a pickle and of storages that a test chooses."""

import io
import struct
import zipfile

from dna_lm.pickles.torch_file import MAGIC_NUMBER, VERSION

OPEN = b"\x80\x02"  # PROTO 2
GLOBALS = {
    "dict": b"ccollections\nOrderedDict\n",
    "tensor": b"ctorch._utils\n_rebuild_tensor_v2\n",
    "parameter": b"ctorch._utils\n_rebuild_parameter\n",
}


def text(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key: str = "0", kind: str = "FloatStorage", count: int = 6) -> bytes:
    """The opcodes that push a storage."""
    kind_of = f"ctorch\n{kind}\n".encode()
    return b"(" + text("storage") + kind_of + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(stored: bytes | None = None, offset: int = 0, shape: tuple = (2, 3), strides: tuple = (3, 1)) -> bytes:
    """The opcodes that push a tensor."""
    stored = storage() if stored is None else stored
    hooks = GLOBALS["dict"] + b")R"
    return (
        GLOBALS["tensor"] + b"(" + stored + number(offset) + numbers(shape) + numbers(strides) + b"\x89" + hooks + b"tR"
    )


def state(*items: bytes) -> bytes:
    """A pickle of a dictionary of names and values that follow each other."""
    return OPEN + GLOBALS["dict"] + b")R(" + b"".join(items) + b"u."


def zipped(pickle: bytes, storages: dict[str, bytes], compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickle)
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key}", content)
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def in_sequence(pickle: bytes, keys: list[str], storages: bytes, little: bool = True) -> bytes:
    """A file of the format before torch 1.6; storages: the count, in 8 bytes, and the numbers of each."""
    machine = OPEN + b"}" + text("little_endian") + (b"\x88" if little else b"\x89") + b"s."
    listed = OPEN + b"](" + b"".join(map(text, keys)) + b"e."
    return OPEN + number(MAGIC_NUMBER) + b"." + OPEN + number(VERSION) + b"." + machine + pickle + listed + storages
