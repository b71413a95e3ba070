"""Dividing records into train, dev and test."""

import numpy as np
import pandas as pd

from .errors import UserError

SPLITS = ("train", "dev", "test")


def parse_fractions(text: str) -> tuple[float, float, float]:
    """Return the shares of train, dev and test from text such as `0.8,0.1,0.1`.

    Raises UserError unless there are three positive numbers with the sum 1.
    """
    try:
        train, dev, test = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(
            f"--fractions {text!r} is not three numbers; give the shares of train, dev and test, such as 0.8,0.1,0.1"
        ) from None
    if not (min(train, dev, test) > 0 and abs(train + dev + test - 1) < 1e-6):
        raise UserError(
            f"--fractions {text!r}: the shares of train, dev and test must be above 0 and sum to 1, such as 0.8,0.1,0.1"
        )
    return train, dev, test


def split_random(records: pd.DataFrame, fractions: tuple[float, float, float], seed: int) -> dict[str, pd.DataFrame]:
    """Split at random, with the same share of each label in each split (to a record).

    records: with the column `label`.
    fractions: the shares of train, dev and test.
    Returns train, dev and test, each in the order of `records`.
    Raises UserError when a label has too few records for one in each split.
    """
    random = np.random.default_rng(seed)
    labels = records["label"].to_numpy()
    split_of = np.empty(len(records), dtype=object)
    for label in sorted(set(labels)):
        positions = random.permutation(np.flatnonzero(labels == label))
        dev, test = (int(len(positions) * fraction + 0.5) for fraction in fractions[1:])
        train = len(positions) - dev - test
        if min(train, dev, test) < 1:
            raise UserError(
                f"label {label!r} has {len(positions)} of {len(records)} sequences left after cleaning, too few for "
                f"one in each split (train {max(train, 0)}, dev {dev}, test {test}); add sequences with this label or "
                "choose other fractions"
            )
        split_of[positions] = np.repeat(np.array(SPLITS, dtype=object), (train, dev, test))
    return {name: records[split_of == name] for name in SPLITS}
