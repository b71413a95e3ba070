"""Predictions for sequences that come in parts, from ensembles whose models do not all fit in memory."""

import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

from ..base_models.encoding import Reading
from ..errors import UserError
from .predictor import Predictor, mean_predictions, summed_predictions


class Passes:
    """Goes through the sequences once for each group of models that are in memory together.

    So each model is made once, however many parts there are. Between the passes, the sums of predictions wait in a
    temporary file, with 8 bytes for each. Use it as a context, which removes the file:

        with Passes(predictor) as passes:
            for _ in passes:
                for sequences in parts:  # the same ones in each pass
                    found = passes.predictions(sequences)  # None before the last pass

    read: how the sequences of the latest call were read.
    """

    def __init__(self, predictor: Predictor):
        self._predictor = predictor
        self._groups = predictor.groups
        self._group = self._groups[0]
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        self.read: Reading | None = None

    def __enter__(self) -> "Passes":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bool]:
        """Begin one pass after the other, and say whether it is the last."""
        for group in self._groups:
            self._group = group
            self._file.seek(0)
            yield self.last

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def models(self) -> str:
        """Words for the models that are asked in this pass."""
        first, last = self._group[0] + 1, self._group[-1] + 1
        which = f"model {first}" if first == last else f"models {first} to {last}"
        return f"{which} of {self._predictor.adapter.members}"

    @property
    def last(self) -> bool:
        """Whether this is the last pass."""
        return self._group is self._groups[-1]

    def predictions(self, sequences: Sequence[str]) -> np.ndarray | None:
        """Return the calibrated predictions of all members, (n, outputs), for normalized sequences.

        None before the last pass.

        Raises UserError for what Predictor.outputs does, and when the sequences are not those of the pass before.
        """
        adapter = self._predictor.adapter
        outputs = self._predictor.outputs(sequences, self._group)
        self.read = outputs.reading
        total = summed_predictions(adapter, outputs.raw)
        if self._group is not self._groups[0]:
            position = self._file.tell()
            before = np.frombuffer(self._file.read(total.nbytes))
            if len(before) != total.size:
                raise UserError("the input changed while it was read; run the job again")
            total += before.reshape(total.shape)
            self._file.seek(position)
        if self.last:
            self._file.seek(total.nbytes, 1)
            return mean_predictions(adapter, total)
        self._file.write(total.tobytes())
        return None
