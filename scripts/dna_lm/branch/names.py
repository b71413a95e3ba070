"""What an adapter's models are called, in records, tables and reports."""

from ..baselines.names import CONVOLUTION, KMERS, MOTIFS
from ..baselines.names import TITLES as BASELINES

# Beside the parts of a branch, which are called as the baselines are: the language model, and it and they together.
LANGUAGE_MODEL, TOGETHER = "language_model", "together"
TITLES = {
    LANGUAGE_MODEL: "language model",
    **{name: BASELINES[name] for name in (MOTIFS, KMERS, CONVOLUTION)},
    TOGETHER: "all together",
}
