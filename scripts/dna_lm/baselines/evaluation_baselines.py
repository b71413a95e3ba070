"""What an adapter has to beat: models that know less, trained on the same sequences."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.preprocessing import StandardScaler

from ..data.packing import gc_content, pack
from ..data.sampling import draw
from ..data.targets import Target
from ..words import CLASSES
from .kmer_baseline import kmer_features
from .linear_model import best_strength, fitted, predictions_from_number
from .names import COMMONEST, CONVOLUTION, FROZEN, GC, KMERS, MOTIFS, title

# Those of an evaluation that are trained here, simplest first.
BASELINES = (COMMONEST, GC, KMERS, FROZEN)
# Sequences that they, and those that are trained elsewhere, learn from at most. Of many labels, each of which has a
# regression of its own, they are fewer: LABELS_TRAINED for all labels together, but FEWEST_TRAINED at least. Of a
# frozen base model the states have to be computed, which takes as long as answering for the sequences; the
# scores of 1,019 motifs take 80 MB for 10,000 sequences; a network is trained in many steps.
MOST_TRAINED = {COMMONEST: 100_000, GC: 100_000, KMERS: 100_000, MOTIFS: 10_000, CONVOLUTION: 20_000, FROZEN: 20_000}
LABELS_TRAINED, FEWEST_TRAINED = 500_000, 20_000
# scikit-learn's C of the models, one of several: the best depends on how many sequences there are for how many
# features, and on how easily they are told apart.
STRENGTHS = {KMERS: (1.0, 3.0, 10.0, 30.0), FROZEN: (0.001, 0.01, 0.1, 1.0)}


def baselines(
    target: Target,
    train_sequences: Sequence[str],
    train_truth: np.ndarray,
    sequences: Sequence[str],
    *,
    states: tuple[np.ndarray, np.ndarray] | None = None,
    which: Sequence[str] = BASELINES,
    seed: int = 42,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, np.ndarray]:
    """Train the baselines on one set of sequences; return the predictions of each, (n, outputs), for another.

    COMMONEST: the share of each label in train; the mean of numbers. GC: logistic regression on the GC content and its
    square. KMERS: logistic regression on k-mer counts of both strands (see kmer_baseline). FROZEN: logistic regression
    on the states of the base model, whose weights stay as they are. Of numbers each is a ridge regression, of several
    labels one logistic regression for each.
    target: what is answered. train_sequences, sequences: normalized. train_truth: as target.read gives it.
    states: the base model's pooled states (see frozen_model.pooled_states) of the sequences that FROZEN learns from
    (see learned_from), and of `sequences`; without them there is no FROZEN.
    which: names of those that are wanted. seed: draws the sequences to learn from, see learned_from.
    progress: told which is trained.
    """
    result = {}
    for name in BASELINES:
        if name not in which or (name == FROZEN and states is None):
            continue
        chosen = learned_from(target, train_sequences, train_truth, name, seed)
        train, truth = [train_sequences[number] for number in chosen], train_truth[chosen]
        progress(f"baseline: {title(name, target.kind)}, trained on {len(train):,} sequences")
        if name == COMMONEST:
            result[name] = np.tile(_shares(target, truth), (len(sequences), 1))
        elif name == GC:
            known, asked = (gc_content(pack(list(each))) for each in (train, sequences))
            result[name] = predictions_from_number(target, known, truth, asked)
        else:
            known, asked = _scaled(*states) if name == FROZEN else map(kmer_features, (train, sequences))
            strength = best_strength(target, known, truth, STRENGTHS[name], seed)
            result[name] = fitted(target, known, truth, strength)(asked)
    return result


def learned_from(
    target: Target, train_sequences: Sequence[str], train_truth: np.ndarray, name: str, seed: int = 42
) -> np.ndarray:
    """Return the positions of the sequences that a baseline learns from: all, or as many as MOST_TRAINED allows.

    Of long sequences they are fewer, see sampling.draw. The parameters are those of baselines.
    """
    labels = train_truth if target.kind == CLASSES else None
    most = min(MOST_TRAINED[name], max(FEWEST_TRAINED, LABELS_TRAINED // target.outputs))
    return draw(list(train_sequences), most, seed, labels)


def _shares(target: Target, truth: np.ndarray) -> np.ndarray:
    if target.kind == CLASSES:
        return np.bincount(truth, minlength=len(target.labels)) / len(truth)
    return np.atleast_1d(truth.mean(axis=0))


def _scaled(known: np.ndarray, asked: np.ndarray) -> list[np.ndarray]:
    scaler = StandardScaler().fit(known)
    return [scaler.transform(part) for part in (known, asked)]
