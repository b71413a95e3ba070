"""Score a bag-of-k-mers logistic regression and the majority class: what a language model has to beat.

    python dev/bench/kmer_baseline.py --train train.csv --test test.csv

prints one TSV row for each of the two, under a header. The columns used are `sequence` and `label`.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from dna_lm.baselines.kmer_baseline import STRENGTH, kmer_features
from dna_lm.baselines.linear_model import fitted
from dna_lm.data.labels import ordered_labels
from dna_lm.data.tables import read_labeled
from dna_lm.data.targets import Target
from dna_lm.scores.metrics import score
from dna_lm.words import CLASSES

METRICS = ("accuracy", "f1_macro", "mcc", "roc_auc")


def baselines(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Score both baselines on `test` after training on `train` (columns `sequence` and `label`).

    Returns one row each for `k-mer logistic regression` and `majority class`, a column for each metric.
    """
    labels = ordered_labels(pd.concat([train["label"], test["label"]]))
    target = Target(CLASSES, labels)
    learned, truth = (table["label"].map(labels.index).to_numpy() for table in (train, test))
    known, asked = (kmer_features(table["sequence"]) for table in (train, test))
    shares = train["label"].value_counts(normalize=True).reindex(labels, fill_value=0)
    predictions = {
        "k-mer logistic regression": fitted(target, known, learned, STRENGTH)(asked),
        "majority class": np.tile(shares, (len(test), 1)),
    }
    rows = {model: score(target, truth, values) for model, values in predictions.items()}
    return pd.DataFrame.from_dict(rows, orient="index")[list(METRICS)].rename_axis("model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True, type=Path, help="table with the columns sequence and label")
    parser.add_argument("--test", required=True, type=Path, help="table with the columns sequence and label")
    arguments = parser.parse_args()
    train, test = (read_labeled(path, str(path)) for path in (arguments.train, arguments.test))
    baselines(train, test).to_csv(sys.stdout, sep="\t", float_format="%.4f")


if __name__ == "__main__":
    main()
