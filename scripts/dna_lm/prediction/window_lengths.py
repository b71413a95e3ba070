"""How long the windows are that a model reads, and whether sequences are as long as those of its training."""

from collections.abc import Callable, Sequence

import numpy as np

from ..adapters.dataset import Adapter
from ..errors import UserError

# Letters of a window where neither the user nor the adapter says how long it is to be: as published sets of binding
# sites have most often. Adapters did not always record the lengths of their training sequences.
WINDOW = 200
LEAST_WINDOW = 10
# Beyond so many times the longest training sequence, or this part of the shortest, a length was never trained on. A
# round number: shorter differences are those of sequences within one data set.
FAR = 1.5


def choose_window(
    adapter: Adapter, window: int, step: int, overlap: int, progress: Callable[[str], None]
) -> tuple[int, int]:
    """Return the letters of a window, and from the start of one to that of the next; say what was chosen, and why.

    window: as the option says; 0 takes the median length of the training sequences. step: as the option says; 0 takes
    the window divided by overlap.
    Raises UserError for a window too short to be meant, and a step that would leave letters between windows.
    """
    lengths = adapter.training_lengths
    if 0 < window < LEAST_WINDOW:
        raise UserError(
            f"--window {window} is below the least length of a window, {LEAST_WINDOW} letters; choose a longer one, or "
            "0 for that of the training sequences"
        )
    if window:
        chosen, why = window, ""
    elif lengths:
        chosen = lengths["median"]
        why = f", the median of the training sequences ({lengths['shortest']:,} to {lengths['longest']:,} letters)"
    else:
        chosen = WINDOW
        why = (
            ", since the adapter does not record how long its training sequences were; if they were much longer or "
            "shorter, choose windows as long as these"
        )
    if step > chosen:
        raise UserError(
            f"--step {step} is above the length of a window, {chosen} letters, so that the letters between two windows "
            f"would not be read; choose a step of {chosen} at most"
        )
    step = step or max(1, chosen // overlap)
    progress(f"windows of {chosen:,} letters at every {step:,}{why}")
    if window and lengths and not lengths["shortest"] / FAR <= window <= lengths["longest"] * FAR:
        progress(
            f"warning: windows of {window:,} letters, but the adapter was trained on sequences of {_between(lengths)} "
            "letters: what it answers for other lengths was never tested; choose windows as long as these, or 0"
        )
    return chosen, step


class LengthCheck:
    """Counts sequences that are much longer or shorter than those that an adapter was trained on."""

    def __init__(self, adapter: Adapter):
        self._lengths = adapter.training_lengths
        self._count = self._longer = self._shorter = 0

    def add(self, sequences: Sequence[str]) -> None:
        """Take sequences that are predicted."""
        if self._lengths:
            letters = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
            self._count += len(letters)
            self._longer += int((letters > self._lengths["longest"] * FAR).sum())
            self._shorter += int((letters < self._lengths["shortest"] / FAR).sum())

    def warnings(self, source: str, windows: bool) -> list[str]:
        """Return the sentences about them that a user has to read.

        source: what to call the input. windows: whether long sequences were read in windows.
        """
        result = []
        trained = f"the {_between(self._lengths)} letters of the training sequences" if self._lengths else ""
        if self._longer and not windows:
            result.append(
                f"{source}: {self._longer:,} of {self._count:,} sequences are more than {FAR:g} times as long as "
                f"{trained}; read them in windows, or cut them to that length"
            )
        if self._shorter:
            result.append(
                f"{source}: {self._shorter:,} of {self._count:,} sequences are less than two thirds as long as "
                f"{trained}: what the model answers for them was never tested"
            )
        return result


def _between(lengths: dict[str, int]) -> str:
    shortest, longest = lengths["shortest"], lengths["longest"]
    return f"{shortest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
