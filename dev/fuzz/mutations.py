"""Hypothesis strategies that spoil valid files: bytes, lines, JSON values, safetensors headers, archives, pickles."""

import copy
import io
import json
import pickletools
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

# What parsers stumble over: limits of numbers, quotes, separators, other encodings, words with a meaning of their own.
TOKENS = [
    *(b"", b"\n", b"\r", b"\r\n", b"\t", b",", b";", b'"', b"'", b"\0", b"\x1b[2J", b"\x85", b"\xef\xbb\xbf", b"\xff"),
    *(
        b"\xe2\x80\xa8",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98\x80",
        b"\x1f\x8b\x08",
        b"PK\x03\x04",
        b"BZh9",
        b">",
        b"#",
        b"\\",
    ),
    *(b"-1", b"0", b"1e999", b"nan", b"inf", b"9" * 30, b"18446744073709551616", b"1_000", b"\xd9\xa3", b"\xc2\xb2"),
    *(b"=cmd|'/C calc'!A0", b"$(touch x)", b"`touch x`", b"${x}", b"<script>", b"```galaxy", b"#if", b"N" * 300),
    *(
        b"chr1\t0\t5",
        b"track name=x",
        b"browser x",
        b"sequence",
        b"label",
        b"sep=;",
        b".",
        b"+",
        b"{",
        b"}",
        b"[",
        b"null",
    ),
]
DEEP = "very deep"
SURPRISES = [
    DEEP,
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**30),
    *("", "x", "\n", "\0", "\ud800", "A" * 5000, "../x", "/etc/passwd", "$(touch x)", "cpu", "F32", "bert", "nan"),
    *([], {}, [[]], {"": None}, [None], [-1], [2**62, 2**62], {"a": {"b": {"c": []}}}),
]


@st.composite
def spoilt_bytes(draw, content: bytes, most: int = 4) -> bytes:
    """Change up to `most` places: cut, insert a token, overwrite, repeat, remove."""
    for _ in range(draw(st.integers(1, most))):
        place = draw(st.integers(0, len(content)))
        end = min(len(content), place + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["token", "byte", "overwrite", "repeat", "remove", "cut", "flip"]))
        if kind == "token":
            content = content[:place] + draw(st.sampled_from(TOKENS)) + content[place:]
        elif kind == "byte":
            content = content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]
        elif kind == "overwrite":
            content = content[:place] + draw(st.sampled_from(TOKENS)) + content[end:]
        elif kind == "repeat":
            content = content[:place] + content[place:end] * draw(st.sampled_from([2, 3, 50])) + content[end:]
        elif kind == "remove":
            content = content[:place] + content[end:]
        elif kind == "cut":
            content = content[:place]
        elif place < len(content):
            changed = content[place] ^ (1 << draw(st.integers(0, 7)))
            content = content[:place] + bytes([changed]) + content[place + 1 :]
    return content


@st.composite
def spoilt_fields(draw, content: bytes, delimiter: bytes) -> bytes:
    """Change up to 3 fields of a delimited file, or move or repeat a line."""
    lines = content.split(b"\n")
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["field", "field", "repeat", "remove", "more", "less"]))
        fields = lines[number].split(delimiter)
        if kind == "field":
            fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(TOKENS))
        elif kind == "more":
            fields.append(draw(st.sampled_from(TOKENS)))
        elif kind == "less":
            fields.pop()
        lines[number] = delimiter.join(fields)
        if kind == "repeat":
            lines.insert(number, lines[number])
        elif kind == "remove" and len(lines) > 1:
            del lines[number]
    return b"\n".join(lines)


def _places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*path, key))
    elif isinstance(value, list):
        for number in range(min(len(value), 8)):  # a vocabulary's thousand entries are all alike
            yield from _places(value[number], (*path, number))


@st.composite
def spoilt_json(draw, value: Any, most: int = 3) -> Any:
    """Replace, remove, repeat or nest up to `most` values of a JSON document."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, most))):
        path = draw(st.sampled_from(list(_places(value))))
        new = copy.deepcopy(draw(st.sampled_from(SURPRISES)))
        kind = draw(st.sampled_from(["replace", "replace", "remove", "rename", "nest", "scale"]))
        if not path:
            if kind == "replace" and draw(st.integers(0, 9)) == 0:
                return new
            continue
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        last = path[-1]
        old = holder[last]
        if kind == "remove":
            del holder[last]
        elif kind == "rename" and isinstance(holder, dict):
            holder[
                draw(st.sampled_from(["", "x", "__metadata__", "auto_map", "quantization_config", "dtype", "\n"]))
            ] = old
        elif kind == "nest":
            for _ in range(draw(st.sampled_from([1, 3, 20]))):
                old = [old]
            holder[last] = old
        elif kind == "scale" and isinstance(old, int | float):
            holder[last] = old * draw(st.sampled_from([-1, 0, 2, 0.5, 10**3, 10**9]))
        else:
            holder[last] = new
    return value


def dumped(value: Any) -> bytes:
    """JSON text; DEEP becomes what is nested deeper than Python's own encoder goes."""
    return json.dumps(value).replace(f'"{DEEP}"', "[" * 20_000 + "]" * 20_000).encode()


@st.composite
def spoilt_safetensors(draw, content: bytes, record: str | None = None) -> bytes:
    """Spoil the bytes, the header's JSON, the JSON record in its metadata, the claimed length, or the numbers."""
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    kind = draw(st.sampled_from(["bytes", "header", "record", "record", "length", "numbers"]))
    if kind == "bytes" or (kind == "record" and not record):
        return draw(spoilt_bytes(content))
    if kind == "numbers" and data:
        place = draw(st.integers(0, max(0, len(data) // 4 - 1))) * 4
        numbers = [b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f", b"\x01\0\0\0"]  # NaN, inf, largest, denormal
        data = data[:place] + draw(st.sampled_from(numbers)) + data[place + 4 :]
    if kind == "header":
        header = draw(spoilt_json(header))
    if kind == "record":
        header["__metadata__"][record] = dumped(draw(spoilt_json(json.loads(header["__metadata__"][record])))).decode()
    text = dumped(header)
    text += b" " * (-len(text) % 8)
    claimed = len(text)
    if kind == "length":
        claimed = draw(st.sampled_from([0, 1, 7, claimed - 8, claimed + 8, 10**8, 10**8 + 1, 2**32, 2**63, 2**64 - 1]))
    return struct.pack("<Q", claimed) + text + data


# What opcodes have that torch.save writes and that it does not, with arguments that mean too much.
OPCODES = [
    *(
        b"(",
        b")",
        b"]",
        b"}",
        b"N",
        b"0",
        b"2",
        b"R",
        b"b",
        b"Q",
        b"s",
        b"u",
        b"a",
        b"e",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
    ),
    *(b"h\0", b"h\1", b"q\0", b"q\1", b"r\xff\xff\xff\xff", b"J\xff\xff\xff\xff", b"J\xff\xff\xff\x7f", b"K\0", b"K\1"),
    *(
        b"M\xff\xff",
        b"\x8a\x08" + b"\xff" * 7 + b"\x7f",
        b"\x8a\x09" + b"\xff" * 8 + b"\0",
        b"\x8a\xff" + b"\x7f" * 255,
    ),
    *(
        b"\x88",
        b"\x89",
        b"X\0\0\0\0",
        b"X\1\0\0\0x",
        b"X\3\0\0\0\xed\xa0\x80",
        b"X\xff\xff\xff\xff",
        b"\x80\4",
        b".",
        b"",
    ),
    *(
        b"cos\nsystem\n",
        b"ccollections\nOrderedDict\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch\nHalfStorage\n",
    ),
    *(
        b"ios\nsystem\n",
        b"\x81",
        b"\x93",
        b"o",
        b"Px\n",
        b"I1\n",
        b"G" + b"\0" * 8,
        b"\x82\1",
        b"\x95" + b"\xff" * 8,
        b"\x94",
    ),
]


@st.composite
def spoilt_pickle(draw, content: bytes) -> bytes:
    """Change up to 4 opcodes of a pickle: remove, repeat, replace, insert or swap them."""
    starts = [place for _, _, place in pickletools.genops(content)]
    parts = [content[start:end] for start, end in zip(starts, [*starts[1:], len(content)], strict=True)]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(parts) - 1))
        kind = draw(st.sampled_from(["remove", "repeat", "replace", "replace", "insert", "swap"]))
        if kind == "remove" and len(parts) > 1:
            del parts[place]
        elif kind == "repeat":
            parts[place:place] = parts[place : place + draw(st.integers(1, 12))]
        elif kind == "swap":
            other = draw(st.integers(0, len(parts) - 1))
            parts[place], parts[other] = parts[other], parts[place]
        elif kind == "insert":
            parts.insert(place, draw(st.sampled_from(OPCODES)))
        else:
            parts[place] = draw(st.sampled_from(OPCODES))
    return b"".join(parts)


NAMES = ["../x", "/x", "a/b/c", "", ".", "C:x", "x\0y", "config.json", "tokenizer.json", "x.pt", "\n", "é", "A" * 300]


@st.composite
def spoilt_archive(draw, files: dict[str, bytes], spoil: Callable) -> bytes:
    """Pack files as zip or tar, one of them spoilt, one perhaps named otherwise, and perhaps spoil the archive."""
    names = sorted(files)
    chosen = draw(st.sampled_from(names))
    files = files | {chosen: draw(spoil(chosen, files[chosen]))} if draw(st.booleans()) else dict(files)
    if draw(st.integers(0, 3)) == 0:
        files[draw(st.sampled_from(NAMES))] = files.pop(chosen)
    buffer = io.BytesIO()
    kind = draw(st.sampled_from(["zip", "stored", "tar", "tar:gz", "tar:xz"]))
    if kind in ("zip", "stored"):
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if kind == "zip" else zipfile.ZIP_STORED) as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name), content)
    else:
        with tarfile.open(fileobj=buffer, mode="w" + kind[3:]) as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                member.type = draw(st.sampled_from([tarfile.REGTYPE] * 12 + [tarfile.SYMTYPE, tarfile.LNKTYPE, b"x"]))
                archive.addfile(member, io.BytesIO(content))
    packed = buffer.getvalue()
    return draw(spoilt_bytes(packed)) if draw(st.booleans()) else packed
