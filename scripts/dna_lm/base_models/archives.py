"""Unpacking an archive that a stranger may have made."""

import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import UserError

# Far above any DNA language model of 2026 (the largest published has 40 billion parameters, 80 GB in bf16).
MAX_BYTES = 200 * 10**9
MAX_MEMBERS = 10_000
# Bytes of a text that is taken along, and how many of its name are kept until it is known where the model is.
MOST_BESIDE, MOST_TEXTS = 1 << 16, 16
# Formats that can run code when they are loaded: they are neither unpacked nor opened.
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
# What transformers calls the weights of older models, in one file or in parts; installing converts them (folder
# `pickles`), nothing else reads them.
PICKLED, PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
_PART = re.compile(r"pytorch_model-\d{5}-of-\d{5}\.bin", re.ASCII)
# What a training leaves beside a model's weights, by the beginnings of the names.
OF_TRAINING = ("training_args", "optimizer", "scheduler", "scaler", "rng_state", "random_states")

_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, NotImplementedError, ValueError)


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    problem: str | None
    open: Callable[[], IO[bytes]]


def pickled_weights(names: Iterable[str]) -> str | None:
    """Return the first of some files' names that is one of weights in a format that can run code, if there is one."""
    weights = (name for name in sorted(names) if PurePosixPath(name).suffix.lower() in PICKLES)
    return next((name for name in weights if not name.startswith(OF_TRAINING)), None)


def is_pickled_part(name: str) -> bool:
    """Say whether a file, by its name, is a part of weights that PICKLED_INDEX lists."""
    return bool(_PART.fullmatch(name))


def is_convertible(name: str) -> bool:
    """Say whether a file, by its name, is one of those that installing converts to safetensors."""
    return name in (PICKLED, PICKLED_INDEX) or is_pickled_part(name)


def unpack(
    archive: str | Path,
    folder: Path,
    wanted: Callable[[str], bool],
    source: str,
    most: int | None = None,
    beside: str | None = None,
) -> list[str]:
    """Copy the wanted files of a zip or tar archive (also compressed) into a folder; return the names of the others.

    archive: files at its top, or inside one top folder. Wanted names in deeper folders, such as those of a training's
    checkpoints, stay in the archive as everything that is not wanted does.
    folder: exists and is empty; nothing is written outside it.
    wanted: says of a file name whether it is to be unpacked.
    source: what to call the archive in an error message.
    most: how many bytes it may unpack to, at most MAX_BYTES.
    beside: the name of a text that is unpacked too if it is in the folder of the wanted files: its first MOST_BESIDE
    bytes.
    Raises UserError for a damaged archive, links, device files, absolute paths, `..`, encryption, wanted files in two
    folders or two folders deep, and more than MAX_MEMBERS members or MAX_BYTES of content.
    """
    limit = min(MAX_BYTES, most or MAX_BYTES)
    try:
        with _opened(archive, source) as members:
            return _unpack(members, folder, wanted, source, limit, beside)
    except _DAMAGE as problem:
        raise UserError(f"{source} is a damaged archive ({problem}); upload it again") from None
    except OSError as problem:
        raise UserError(f"{source} cannot be unpacked: {problem.strerror or problem}") from None


def _unpack(
    members: Iterable[_Member],
    folder: Path,
    wanted: Callable[[str], bool],
    source: str,
    limit: int,
    beside: str | None,
) -> list[str]:
    others: list[str] = []
    root: PurePosixPath | None = None  # the archive's folder that the files are from: of those that there are the top
    made: dict[str, Path] = {}
    texts: dict[PurePosixPath, bytes] = {}
    written = 0
    for count, member in enumerate(members, start=1):
        if count > MAX_MEMBERS:
            raise UserError(f"{source} contains more than {MAX_MEMBERS} members; pack the model's files only")
        path = _checked(member, source)
        if not wanted(path.name):
            others.append(path.name)
            if path.name == beside and len(path.parent.parts) <= 1 and len(texts) < MOST_TEXTS:
                with member.open() as content:
                    texts.setdefault(path.parent, content.read(MOST_BESIDE))
            continue
        if root is None or len(path.parent.parts) < len(root.parts):
            root = path.parent
            for file in made.values():
                file.unlink()
            made.clear()
        elif len(path.parent.parts) > len(root.parts):
            continue
        if path.name in made or path.parent != root:
            raise UserError(f"{source} contains {path.name!r} twice; pack one model only")
        made[path.name] = folder / path.name
        with member.open() as content, open(folder / path.name, "wb") as file:
            # Sizes that an archive claims can be lies: what is copied is counted.
            while block := content.read(1 << 20):
                written += len(block)
                if written > limit:
                    raise UserError(f"{source} unpacks to more than {limit / 1e9:g} GB, which is refused")
                file.write(block)
    if root and len(root.parts) > 1:
        raise UserError(
            f"{source}: {str(root / min(made))!r} is two folders deep; pack the model's files alone or in one folder"
        )
    if beside and root in texts:
        (folder / beside).write_bytes(texts[root])
    return others


class _opened:  # noqa: N801 (a context manager, used like a function)
    def __init__(self, archive: str | Path, source: str):
        if zipfile.is_zipfile(archive):
            self.file = zipfile.ZipFile(archive)
        elif tarfile.is_tarfile(archive):
            self.file = tarfile.open(archive)  # noqa: SIM115 (closed by __exit__)
        else:
            raise UserError(
                f"{source} is neither a folder nor a zip or tar archive; choose a Hugging Face folder or one packed"
            )

    def __enter__(self) -> Iterator[_Member]:
        return _zip_members(self.file) if isinstance(self.file, zipfile.ZipFile) else _tar_members(self.file)

    def __exit__(self, *_):
        self.file.close()


def _zip_members(file: zipfile.ZipFile) -> Iterator[_Member]:
    for info in file.infolist():
        if info.filename.endswith("/"):  # is_dir() fails on an empty name
            continue
        kind = info.external_attr >> 28  # the file type of a Unix mode: 8 is a plain file, 0 is not recorded
        problem = "is encrypted" if info.flag_bits & 1 else "is a link or a device file" if kind not in (0, 8) else None
        yield _Member(info.filename, info.file_size, problem, lambda info=info: file.open(info))


def _tar_members(file: tarfile.TarFile) -> Iterator[_Member]:
    for info in file:
        if info.isdir():
            continue
        problem = None if info.isreg() else "is a link or a device file"
        yield _Member(info.name, info.size, problem, lambda info=info: file.extractfile(info))


def _checked(member: _Member, source: str) -> PurePosixPath:
    if member.problem:
        raise UserError(f"{source}: {member.name!r} {member.problem}; pack plain files only")
    path = PurePosixPath(member.name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise UserError(f"{source}: {member.name!r} points outside the archive's folder; pack it again from inside it")
    if member.size > MAX_BYTES:
        raise UserError(f"{source}: {member.name!r} claims {member.size} bytes, which is refused")
    return path
