"""The baselines: what the code calls them, and what tables, reports and figures do."""

from ..words import CLASSES, MULTI_LABEL, NUMBER
from .kmer_lengths import LENGTHS

COMMONEST, GC, LENGTH, KMERS, FROZEN = "commonest", "gc", "length", "kmers", "frozen"
MOTIFS, CONVOLUTION, UNTRAINED = "motifs", "convolution", "untrained"
# In the order of what they know.
TITLES = {
    COMMONEST: "most frequent class",
    GC: "GC content",
    LENGTH: "sequence length",
    KMERS: f"k-mer counts ({min(LENGTHS)}-{max(LENGTHS)})",
    MOTIFS: "known motifs",
    CONVOLUTION: "convolutional network",
    FROZEN: "frozen base model",
    UNTRAINED: "base model without pretraining",
}
# What COMMONEST predicts, by kind of target.
COMMONEST_TITLES = {
    CLASSES: TITLES[COMMONEST],
    MULTI_LABEL: "label frequencies",
    NUMBER: "mean of the training set",
}


def title(name: str, kind: str) -> str:
    """Return what a baseline is called. kind: of the target, words.CLASSES, MULTI_LABEL or NUMBER."""
    return COMMONEST_TITLES[kind] if name == COMMONEST else TITLES[name]
