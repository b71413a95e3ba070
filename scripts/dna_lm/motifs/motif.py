"""A motif: how probable each nucleotide is at each position of a binding site."""

from dataclasses import dataclass

import numpy as np

from ..data.sequences import BASES

# All nucleotides as probable as one another.
UNIFORM = (0.25,) * len(BASES)
# One pseudocount to 100 sites. Most matrices of JASPAR count more; files of probabilities often do not say how many.
PSEUDOCOUNT = 0.01


@dataclass(frozen=True, eq=False)
class Motif:
    """A motif.

    id: unique among the motifs of a file or of a database.
    name: what people call it, usually the protein that binds.
    probabilities: float64, shape (width, 4), columns A, C, G, T; the sum of each row is 1.
    """

    id: str
    name: str
    probabilities: np.ndarray

    @property
    def width(self) -> int:
        """Return the number of positions."""
        return len(self.probabilities)

    @property
    def consensus(self) -> str:
        """Return the most probable nucleotide of each position, the first in alphabetical order of equal ones."""
        return "".join(BASES[column] for column in self.probabilities.argmax(axis=1))

    def log_odds(
        self, background: tuple[float, float, float, float] = UNIFORM, pseudocount: float = PSEUDOCOUNT
    ) -> np.ndarray:
        """Return the log-odds of each nucleotide at each position: float32, shape (width, 4), in nats.

        ln(((p + s b) / (1 + s)) / b), with p the probability in the motif, b that in the background and s the
        pseudocount. The sum over a site is the logarithm of how much more probable the site is under the motif than
        under the background. This is the position weight matrix of Wasserman and Sandelin 2004
        (doi:10.1038/nrg1315), with the natural logarithm, and pseudocounts in proportion to the background as in
        Stormo 2000 (doi:10.1093/bioinformatics/16.1.16).

        background: probabilities of A, C, G, T, above 0, with the sum 1.
        pseudocount: pseudocounts at a position as a fraction of its sites. With the defaults a nucleotide that never
        occurs has ln(0.01 / 1.01) = -4.6.
        """
        share = np.asarray(background, dtype=np.float64)
        mixed = (self.probabilities + pseudocount * share) / (1 + pseudocount)
        return np.log(mixed / share).astype(np.float32)

    def reverse_complement(self) -> "Motif":
        """Return the motif as it stands on the other strand, with the same id and name."""
        return Motif(self.id, self.name, self.probabilities[::-1, ::-1].copy())
