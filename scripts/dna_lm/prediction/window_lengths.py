"""The length of the windows that a model reads, and whether sequences are about as long as in its training."""

from collections.abc import Callable, Sequence

import numpy as np

from ..adapters.dataset import Adapter
from ..errors import UserError

# Length of a window in letters where neither the user nor the adapter gives one: the most common length in published
# sets of binding sites. Adapters did not always record the lengths of their training sequences.
WINDOW = 200
LEAST_WINDOW = 10
# A length above this many times the longest training sequence, or below the shortest divided by it, counts as never
# trained on. A round number: smaller differences occur within one data set.
FAR = 1.5


def choose_window(
    adapter: Adapter, window: int, step: int, overlap: int, progress: Callable[[str], None]
) -> tuple[int, int]:
    """Return the length of a window and the step to the next one, both in letters; report the choice and its reason.

    window: as given; 0 takes the median length of the training sequences. step: as given; 0 takes the window divided by
    overlap.
    Raises UserError for a window that is shorter than LEAST_WINDOW, and for a step that skips letters between windows.
    """
    lengths = adapter.training_lengths
    if 0 < window < LEAST_WINDOW:
        raise UserError(
            f'"Window length (nt)" (--window {window}) is below the minimum, {LEAST_WINDOW} nucleotides; choose a '
            "longer window, or leave it empty for the median length of the training sequences"
        )
    if window:
        chosen, why = window, ""
    elif lengths:
        chosen = lengths["median"]
        why = f", the median of the training sequences ({lengths['shortest']:,} to {lengths['longest']:,} nucleotides)"
    else:
        chosen = WINDOW
        why = (
            ", since the adapter does not record how long its training sequences were; if they were much longer or "
            "shorter, set the window to their length"
        )
    if step > chosen:
        raise UserError(
            f'"Step between windows (nt)" (--step {step}) is above the window length, {chosen} nucleotides, so that '
            f"nucleotides between two windows would be skipped; choose a step of at most {chosen}"
        )
    step = step or max(1, chosen // overlap)
    progress(f"windows of {chosen:,} nucleotides at every {step:,}{why}")
    if window and lengths and not lengths["shortest"] / FAR <= window <= lengths["longest"] * FAR:
        progress(
            f"warning: windows of {window:,} nucleotides, but the adapter was trained on sequences of "
            f"{length_range(lengths)} nucleotides: its predictions for other lengths are untested; choose a window "
            "of this length, or leave it empty"
        )
    return chosen, step


class LengthCheck:
    """Counts sequences that are much longer or shorter than the training sequences of an adapter."""

    def __init__(self, adapter: Adapter):
        self._lengths = adapter.training_lengths
        self._count = self._longer = self._shorter = 0

    def add(self, sequences: Sequence[str]) -> None:
        """Count sequences that are predicted."""
        if self._lengths:
            letters = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
            self._count += len(letters)
            self._longer += int((letters > self._lengths["longest"] * FAR).sum())
            self._shorter += int((letters < self._lengths["shortest"] / FAR).sum())

    def warnings(self, source: str, windows: bool) -> list[str]:
        """Return the warnings about them.

        source: what to call the input. windows: whether long sequences were read in windows.
        """
        result = []
        trained = f"the {length_range(self._lengths)} nucleotides of the training sequences" if self._lengths else ""
        if self._longer and not windows:
            result.append(
                f"{source}: {self._longer:,} of {self._count:,} sequences are more than {FAR:g} times as long as "
                f"{trained}; read them in windows, or cut them to that length"
            )
        if self._shorter:
            result.append(
                f"{source}: {self._shorter:,} of {self._count:,} sequences are less than two thirds as long as "
                f"{trained}: the model's predictions for them are untested"
            )
        return result


def length_range(lengths: dict[str, int]) -> str:
    """Return in words from where to where lengths go; lengths: as Adapter.training_lengths."""
    shortest, longest = lengths["shortest"], lengths["longest"]
    return f"{shortest:,}" if shortest == longest else f"{shortest:,} to {longest:,}"
