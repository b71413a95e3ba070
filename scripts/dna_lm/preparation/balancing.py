"""Leaving sequences out until each label has as many."""

import numpy as np

from ..words import DOWNSAMPLE_ALL
from .ledger import Ledger
from .options import SplittingOptions
from .records import Records
from .splitting import SPLITS

# What balancing means for scores, by whether dev and test were balanced too.
BALANCED = {
    False: (
        "; the training set was then balanced, while the development and test sets keep the label frequencies of the "
        "data"
    ),
    True: (
        "; all splits were then balanced, so that precision, PR-AUC and thresholds measured on the development "
        "and test sets do not apply to the label frequencies of the data"
    ),
}


def balance(
    records: Records, split: np.ndarray, options: SplittingOptions, ledger: Ledger
) -> tuple[Records, np.ndarray, str]:
    """Balance the splits that the options name.

    split: (n,) the split of each record. Returns the records that are left, their splits, and a phrase for the
    sentence that says how they were made.
    """
    all_splits = options.balance == DOWNSAMPLE_ALL
    names = tuple(sorted(SPLITS)) if all_splits else ("train",)
    return *downsample(records, split, names, options.seed, ledger), BALANCED[all_splits]


def downsample(
    records: Records, split: np.ndarray, splits: tuple[str, ...], seed: int, ledger: Ledger
) -> tuple[Records, np.ndarray]:
    """Leave at random as many records of every label in a split as the rarest one has there.

    split: (n,) the split of each record; splits: those that lose records. Returns the records and their splits.
    """
    random = np.random.default_rng(seed)
    labels = records["label"].to_numpy()
    leaving = np.zeros(len(records), dtype=bool)
    for name in splits:
        inside = split == name
        present, counts = np.unique(labels[inside].astype(str), return_counts=True)
        for label in present:
            positions = np.flatnonzero(inside & (labels == label))
            leaving[random.permutation(positions)[counts.min() :]] = True
    return ledger.remove("to balance the labels", records, leaving), split[~leaving]
