"""What an adapter's models are called, in records, tables and reports."""

from ..baselines.names import KMERS
from ..baselines.names import TITLES as BASELINES

# The parts of a branch, with KMERS, whose features are the baseline's.
MOTIFS, CONVOLUTION = "motifs", "convolution"
# The language model, and it and the parts together.
LANGUAGE_MODEL, TOGETHER = "language_model", "together"
TITLES = {
    LANGUAGE_MODEL: "language model",
    MOTIFS: "known motifs",
    KMERS: BASELINES[KMERS],
    CONVOLUTION: "convolutional network",
    TOGETHER: "all together",
}
