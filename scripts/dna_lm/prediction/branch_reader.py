"""What an adapter's branch, which reads nucleotides, gives for sequences."""

from collections.abc import Sequence

import numpy as np

from ..branch.codes import nucleotide_codes
from ..branch.network import Branch, both_strands, of_strand
from ..data.packing import PAD
from ..processes.engine import Engine


class BranchReader:
    """Applies a branch; its processes live until it is closed."""

    def __init__(self, branch: Branch, batch_size: int, processes: int):
        """batch_size: maximum number of sequences in a batch. processes: on a CPU."""
        self._branch, self._batch_size, self._processes = branch, batch_size, processes
        self._engine: Engine | None = None

    def outputs(self, sequences: Sequence[str], strand: str) -> np.ndarray:
        """Return the weighted sums of the parts' outputs, (strands, n, outputs) float64.

        sequences: normalized. strand: `forward`, `reverse` or `both`.
        """
        if self._engine is None:
            self._engine = Engine(
                {0: self._branch}, PAD, batch_size=self._batch_size, processes=self._processes, read_out=both_strands
            )
        (both,) = self._engine.outputs(nucleotide_codes(sequences))
        return of_strand(both, strand)

    def close(self) -> None:
        """End the processes."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
