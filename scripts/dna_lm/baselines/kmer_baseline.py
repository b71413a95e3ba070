"""Logistic regression on k-mer counts: what a language model has to beat."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, normalize

from ..data.packing import Packed, pack
from .kmer_counts import count_kmers

# Shorter words stand for sites with a letter changed. Chosen on sequences held out of GUE tf/0's training split, for
# training splits of 300 to 26,378 sequences (docs/scores.md, dev/bench/kmers.py).
LENGTHS = (3, 4, 5, 6)
# scikit-learn's C: how little the weights are held back. An evaluation tries several (baselines.py); a quick look has
# one, which suits tasks that words tell apart easily.
STRENGTH = 10.0


def kmer_classifier() -> Pipeline:
    """Return an untrained classifier of DNA: `.fit(sequences, labels)`, `.predict_proba(sequences)`, `.classes_`.

    sequences: normalized text. The strand on which they are given does not matter. The same sequences give the same
    classifier.
    """
    return make_pipeline(
        FunctionTransformer(kmer_features),
        LogisticRegression(C=STRENGTH, max_iter=1000),
    )


def kmer_features(sequences: Sequence[str] | Packed) -> csr_matrix:
    """Return what the classifier learns from, (sequences, k-mers), each row of length 1 unless it has no k-mer."""
    packed = sequences if isinstance(sequences, Packed) else pack(list(sequences))
    # The square root keeps repeats from drowning single sites; unit length makes long and short records alike.
    return normalize(np.sqrt(count_kmers(packed, LENGTHS)))


def probabilities(classifier: Pipeline, data, labels: Sequence) -> np.ndarray:
    """Return (n, labels) probabilities in the order of `labels`; 0 for one on which the classifier was not trained.

    classifier: trained; data: what its predict_proba takes; labels: at least those of the training.
    """
    values = classifier.predict_proba(data)
    result = np.zeros((len(values), len(labels)))
    result[:, [list(labels).index(label) for label in classifier.classes_]] = values
    return result
