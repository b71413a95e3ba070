"""Writing a job's outputs all or none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError


@contextmanager
def staged(*targets: str) -> Iterator[list[Path]]:
    """Give for each target a temporary path beside it, and move all into place when the block ends without an error.

    Raises UserError when a target's folder cannot be written. After any error the targets are as they were before.
    """
    partial = [Path(target).with_name(f".{Path(target).name}.{os.getpid()}.partial") for target in targets]
    try:
        for target, path in zip(targets, partial, strict=True):
            try:
                path.touch()
            except OSError as problem:
                raise UserError(f"cannot write {target}: {problem.strerror}; choose another place") from None
        yield partial
        for target, path in zip(targets, partial, strict=True):
            os.replace(path, target)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
