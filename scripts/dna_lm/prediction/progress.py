"""Telling a user how far a prediction is, and in the end how the sequences were read."""

import time
from collections.abc import Callable

from ..base_models.encoding import Encoder, Reading, summary, warnings
from ..processes import inference


class ReadingLog:
    """Keeps the time, and adds up how sequences were read.

    read: of all sequences so far; add each block's. progress: told lines of text.
    """

    def __init__(self, source: str, progress: Callable[[str], None]):
        """source: what to call that which the model reads."""
        self.read = Reading()
        self.progress = progress
        self._source = source
        self._begun = self._told = time.monotonic()

    def begin(self) -> None:
        """Count the seconds from here: the model is ready."""
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds since the beginning."""
        return time.monotonic() - self._begun

    def is_due(self) -> bool:
        """Say whether it is time for another line, which is then taken to be told."""
        now = time.monotonic()
        due = now - self._told > inference.PROGRESS_SECONDS
        self._told = now if due else self._told
        return due

    def tell_reading(self, encoder: Encoder, shorter: str, further: tuple[str, ...] | list[str] = ()) -> None:
        """Tell how all was read, and the warnings of it.

        shorter: how to give the model shorter sequences. further: other warnings, told behind these.
        """
        self.progress(summary(self.read, self._source))
        for text in [*warnings(self.read, encoder, self._source, shorter=shorter), *further]:
            self.progress(f"warning: {text}")
