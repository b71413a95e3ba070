"""Dividing records into train, dev and test."""

import pandas as pd
from sklearn.model_selection import train_test_split

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
    counts = records["label"].value_counts()
    total = len(records)
    sizes = {"dev": round(total * fractions[1]), "test": round(total * fractions[2])}
    sizes["train"] = total - sum(sizes.values())
    for label, count in counts.items():
        if count < len(SPLITS) or min(count / total * size for size in sizes.values()) < 0.5:
            listed = ", ".join(f"{name} {sizes[name]}" for name in SPLITS)
            raise UserError(
                f"label {label!r} has {count} of {total} sequences left after cleaning, too few for one in each split "
                f"({listed} sequences in all); add sequences with this label or choose other fractions"
            )
    positions = pd.Series(range(total))
    labels = records["label"].reset_index(drop=True)
    rest, test = train_test_split(positions, test_size=sizes["test"], stratify=labels, random_state=seed)
    train, dev = train_test_split(rest, test_size=sizes["dev"], stratify=labels[rest.index], random_state=seed)
    result = {name: records.iloc[sorted(part)] for name, part in zip(SPLITS, (train, dev, test), strict=True)}
    for name, part in result.items():
        missing = set(counts.index) - set(part["label"])
        if missing:
            raise UserError(
                f"the {name} split of {len(part)} sequences would hold none with label {min(missing)!r}; "
                "add sequences with this label or choose other fractions"
            )
    return result
