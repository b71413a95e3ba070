"""Writing a job's outputs all or none."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import UserError
from .options import asked_outputs


@contextmanager
def staged(*targets: str) -> Iterator[list[Path]]:
    """Give for each target a temporary path beside it, and move all into place when the block ends without an error.

    Raises UserError when a target cannot be written. After any error the targets are as they were before.
    """
    finals = [Path(os.path.realpath(target)) for target in targets]
    partial: list[Path] = []
    try:
        for target, final in zip(targets, finals, strict=True):
            try:
                if not str(target):
                    raise UserError("the name of a file to write is empty; give one")
                if final.exists() and not final.is_file():
                    raise UserError(f"cannot write {target}: it is a folder or a device; choose another place")
                if finals.count(final) > 1:
                    raise UserError(f"cannot write {target}: two outputs have this place; choose another place")
                path = final.with_name(f".{final.name}.{os.getpid()}.partial")
                path.touch()
            except OSError as problem:
                raise UserError(f"cannot write {target}: {problem.strerror}; choose another place") from None
            partial.append(path)
        yield partial
        for path, final in zip(partial, finals, strict=True):
            os.replace(path, final)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)


@contextmanager
def staged_outputs(options: Any, among: Collection[str] | None = None) -> Iterator[dict[str, Path]]:
    """Give the temporary path of each output of a job that is asked for, by its option `..._out` (see staged).

    among: the only options that count; None: all.
    """
    asked = {name: path for name, path in asked_outputs(options).items() if among is None or name in among}
    with staged(*asked.values()) as paths:
        yield dict(zip(asked, paths, strict=True))
