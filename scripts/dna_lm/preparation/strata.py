"""What labels mean to a preparation: how they are written, and which records each split gets a like share of.

Records have the column `label`, text, and `_source`; their index is the `line`.
"""

from collections import Counter

import numpy as np
import pandas as pd

from ..data.columns import SOURCE
from ..data.targets import NO_LABEL, SEPARATOR, Target, labels_of, learn_target
from ..words import CLASSES, NUMBER

# The stratum of all records that are in no other.
REST = ""
# Quantile bins of numbers, and records that a stratum should give the smallest split.
MOST_BINS, LEAST_EACH = 10, 2


def uniform_labels(records: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Write equal predictions alike: `1` and `1.0` as the same number, `A;B` and `B;A` as the same labels.

    kind: words.CLASSES, whose labels stay as they are, MULTI_LABEL or NUMBER.
    Raises UserError, with file and line, at the first label that is no finite number, or both none and some.
    """
    if kind == CLASSES:
        return records
    if kind == NUMBER:
        result = np.empty(len(records), dtype=object)
        for source in records[SOURCE].unique():
            chosen = (records[SOURCE] == source).to_numpy()
            values = Target(NUMBER, []).read(records["label"][chosen], source)
            # The shortest text that gives the number again; adding 0 makes -0 a 0.
            result[chosen] = [repr(value + 0.0).removesuffix(".0") for value in values.tolist()]
    else:
        cells = zip(records["label"], records.index, records[SOURCE], strict=True)
        result = np.array([SEPARATOR.join(labels_of(*cell)) or NO_LABEL for cell in cells], dtype=object)
    return records.assign(label=result)


def target_of(records: pd.DataFrame, kind: str) -> Target:
    """Return what the records' labels say: which labels there are, or how numbers are distributed.

    Raises UserError for a single label or number.
    """
    return learn_target(kind, records["label"], ", ".join(records[SOURCE].unique()))


def has_label(labels: pd.Series, label: str, kind: str) -> np.ndarray:
    """Return for each record, (n,) bool, whether it has a label, as one of several with MULTI_LABEL."""
    if kind == CLASSES:
        return (labels == label).to_numpy()
    return np.fromiter((label in text.split(SEPARATOR) for text in labels), dtype=bool, count=len(labels))


def strata(labels: pd.Series, kind: str, fractions: tuple[float, float, float]) -> np.ndarray:
    """Return the stratum of each record, (n,) text: each split is to get its share of every stratum.

    CLASSES: the label. NUMBER: the quantile bin, MOST_BINS at most. MULTI_LABEL: the set of labels if it is frequent,
    else the rarest label in it (after Sechidis, Tsoumakas & Vlahavas 2011, doi:10.1007/978-3-642-23808-6_10, who
    begin with the rarest label). A stratum that could not give LEAST_EACH records to the smallest split is joined
    with others.
    """
    least = int(np.ceil(LEAST_EACH / min(fractions)))
    if kind == CLASSES:
        return labels.to_numpy(dtype=object)
    if kind == NUMBER:
        values = labels.astype(float)
        bins = int(np.clip(len(values) // least, 1, MOST_BINS))
        # By rank, so that equal numbers do not make uneven bins; a stable sort decides between them.
        ranks = np.empty(len(values), dtype=np.int64)
        ranks[np.argsort(values.to_numpy(), kind="stable")] = np.arange(len(values))
        number = ranks * bins // max(1, len(values))
        ranges = values.groupby(number).agg(["min", "max"])
        names = np.array([f"{low:.4g} to {high:.4g}" for low, high in ranges.to_numpy()], dtype=object)
        return names[number] if bins > 1 else np.full(len(values), REST, dtype=object)
    counts = Counter(labels)
    each = Counter(label for text in labels for label in text.split(SEPARATOR))
    result = pd.Series(
        [
            text if counts[text] >= least else min(text.split(SEPARATOR), key=lambda one: (each[one], one))
            for text in labels
        ],
        dtype=object,
    )
    sizes = result.value_counts()
    result[~result.map(sizes >= least).to_numpy(dtype=bool)] = REST
    sizes = result.value_counts()
    if sizes.get(REST, least) < least:
        result[result == REST] = sizes.drop(REST).index[0] if len(sizes) > 1 else REST
    return result.to_numpy(dtype=object)
