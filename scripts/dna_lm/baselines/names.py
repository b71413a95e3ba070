"""The baselines: what the code calls them, and what tables, reports and figures do."""

from .kmer_baseline import LENGTHS

COMMONEST, GC, LENGTH, KMERS, FROZEN = "commonest", "gc", "length", "kmers", "frozen"
# In the order of what they know.
TITLES = {
    COMMONEST: "the same answer for all",
    GC: "GC content alone",
    LENGTH: "length alone",
    KMERS: f"k-mers of {min(LENGTHS)} to {max(LENGTHS)} letters",
    FROZEN: "frozen base model with a linear head",
}
# COMMONEST where a table is of labels alone, or of numbers alone.
COMMONEST_LABEL, MEAN_NUMBER = "the commonest label for all", "the mean of train for all"
