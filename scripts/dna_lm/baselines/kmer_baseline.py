"""What the k-mer baseline learns from: counts of k-mers, of both strands."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

from ..data.packing import Packed, pack
from .kmer_counts import count_kmers
from .kmer_lengths import LENGTHS

# scikit-learn's C, the inverse of the regularization strength. An evaluation selects among several
# (evaluation_baselines.py); the quick look uses this one, which suits tasks that k-mers separate easily.
STRENGTH = 10.0


def kmer_features(sequences: Sequence[str] | Packed) -> csr_matrix:
    """Return what the classifier learns from, (sequences, k-mers), each row of length 1 unless it has no k-mer."""
    packed = sequences if isinstance(sequences, Packed) else pack(list(sequences))
    # The square root keeps repeats from drowning single sites; unit length makes long and short records alike.
    return normalize(np.sqrt(count_kmers(packed, LENGTHS)))
