"""Where each tensor of a pytorch_model.bin is in the file, in both formats of torch.save.

Since torch 1.6: a zip whose members are not compressed, `<name>/data.pkl` with the pickle and `<name>/data/<key>` with
the numbers of each storage. Before, and with `_use_new_zipfile_serialization=False`: the pickles of a magic number, of
the format's version, of the machine's byte order and of the tensors, that of the storages' keys, and in their order
each storage: the count of its numbers, in 8 bytes, and the numbers.
"""

import io
import mmap
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .unpickling import BYTES, MOST_BYTES, MOST_TENSORS, NotWeights, Storage, Tensor, unpickled

MAGIC_NUMBER, VERSION = 0x1950A86A20F9469CFC6C, 1001
# Beside the storages of a zip: data.pkl, version, byteorder and a few more.
MOST_MEMBERS = MOST_TENSORS + 100
# Of what a zip says of its members at its end: twice what so many take.
MOST_DIRECTORY_BYTES = 5_000_000
LONGEST_NAME = 1000
_ZIP, _LOCAL = b"PK\x03\x04", struct.Struct("<4s5H3I2H")


@dataclass(frozen=True)
class TorchFile:
    """An open file. content: its bytes, which are read from the disk when they are looked at.

    tensors: by name, in the order of the file. starts: the byte at which each storage begins, by key.
    """

    content: mmap.mmap
    tensors: dict[str, Tensor]
    starts: dict[str, int]


@contextmanager
def opened_torch_file(path: Path) -> Iterator[TorchFile]:
    """Give the tensors of a file, for as long as the block lasts. All are within the file.

    Raises NotWeights if there is anything but a dictionary of tensors in the file.
    """
    with open(path, "rb") as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise NotWeights("it is empty") from None
        with content:
            described, starts = _in_zip(file, content) if content[:4] == _ZIP else _in_sequence(content)
            yield TorchFile(content, described, starts)


def _in_zip(file: io.BufferedReader, content: mmap.mmap) -> tuple[dict[str, Tensor], dict[str, int]]:
    members = _members(file)
    pickles = [name for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise NotWeights("it is not a file of torch.save: it does not have one data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}byteorder" in members:
        start, size = _place(content, members[f"{folder}byteorder"])
        if size != 6 or content[start : start + size] != b"little":
            raise NotWeights("its numbers are big-endian")
    start, size = _place(content, members[pickles[0]])
    if size > MOST_BYTES:
        raise NotWeights(f"its pickle has {size:,} bytes, more than {MOST_BYTES:,}")
    tensors = _tensors(unpickled(io.BytesIO(content[start : start + size])))
    starts = {}
    for storage in _storages(tensors):
        name = f"{folder}data/{storage.key}"
        if name not in members:
            raise NotWeights(f"it is damaged: {name} is missing")
        start, size = _place(content, members[name])
        if storage.count * BYTES[storage.dtype] > size:
            raise NotWeights(f"it is damaged: {name} is smaller than its pickle says")
        starts[storage.key] = start
    return tensors, starts


class _Sparing(io.BufferedReader):
    """A file of which zipfile cannot read much at once: it would read a directory of any size."""

    def read(self, size: int | None = -1) -> bytes:
        if size and size > MOST_DIRECTORY_BYTES:
            raise NotWeights(f"its directory has {size:,} bytes, more than {MOST_DIRECTORY_BYTES:,}")
        return super().read(size)


def _members(file: io.BufferedReader) -> dict[str, zipfile.ZipInfo]:
    """Return the members of a zip by name; no two have the same."""
    try:
        with zipfile.ZipFile(_Sparing(file)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, struct.error) as problem:
        raise NotWeights(f"it is damaged ({problem})") from None
    if len(infos) > MOST_MEMBERS:
        raise NotWeights(f"it has more than {MOST_MEMBERS:,} members")
    members = {info.filename: info for info in infos}
    if len(members) < len(infos):
        raise NotWeights("it has two members of one name")
    return members


def _place(content: mmap.mmap, member: zipfile.ZipInfo) -> tuple[int, int]:
    """Return the first byte of a member's content and the number of its bytes."""
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 or member.compress_size != member.file_size:
        raise NotWeights(f"{member.filename} is compressed or encrypted, which torch.save does not do")
    header = member.header_offset
    if not 0 <= header <= len(content) - _LOCAL.size:
        raise NotWeights("it is truncated or damaged")
    signature, *_, name, extra = _LOCAL.unpack(content[header : header + _LOCAL.size])
    start = header + _LOCAL.size + name + extra
    if signature != _ZIP or start + member.file_size > len(content):
        raise NotWeights("it is truncated or damaged")
    return start, member.file_size


def _in_sequence(content: mmap.mmap) -> tuple[dict[str, Tensor], dict[str, int]]:
    values, place = [], 0
    for kind in ("magic", "version", "machine", "tensors", "keys"):
        pickle = io.BytesIO(content[place : place + MOST_BYTES])
        try:
            value = unpickled(pickle)
        except NotWeights:
            if kind == "magic":
                raise NotWeights("it is not a file of torch.save") from None
            raise
        if kind == "magic" and value != MAGIC_NUMBER or kind == "version" and value != VERSION:
            raise NotWeights("it is not a file of torch.save, or of another version")
        if kind == "machine" and not (isinstance(value, dict) and value.get("little_endian") is True):
            raise NotWeights("its numbers are not little-endian")
        values.append(value)
        place += pickle.tell()
    tensors, keys = _tensors(values[3]), values[4]
    storages = {storage.key: storage for storage in _storages(tensors)}
    if not isinstance(keys, list) or not all(type(key) is str for key in keys) or sorted(keys) != sorted(storages):
        raise NotWeights("it is damaged: its storages are not those of its tensors")
    starts = {}
    for key in keys:
        count = content[place : place + 8]
        starts[key] = place + 8
        place += 8 + storages[key].count * BYTES[storages[key].dtype]
        if count != storages[key].count.to_bytes(8, "little") or place > len(content):
            raise NotWeights("it is truncated or damaged")
    return tensors, starts


def _tensors(value: Any) -> dict[str, Tensor]:
    """Return the value of the pickle of the tensors, if it is what it should be."""
    if not isinstance(value, dict) or not value:
        raise NotWeights("it is not a dictionary of tensors")
    for name, tensor in value.items():
        if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME or name == "__metadata__":
            raise NotWeights(f"it has a tensor of the name {name[:LONGEST_NAME]!r}")
        if not isinstance(tensor, Tensor):
            raise NotWeights(f"{name!r} in it is not a tensor, but of the type {type(tensor).__name__}")
    return dict(value)


def _storages(tensors: dict[str, Tensor]) -> list[Storage]:
    """Return the storages of tensors, each once; no two have the same key."""
    storages = {}
    for tensor in tensors.values():
        if storages.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise NotWeights("it uses one storage as if there were two")
    return list(storages.values())
