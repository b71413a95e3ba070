"""Score a bag-of-k-mers logistic regression and the majority class: what a language model has to beat.

    python dev/kmer_baseline.py --train train.csv --test test.csv

prints one TSV row for each of the two, under a header. The CSV columns used are `sequence` and `label`.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

COMPLEMENT = str.maketrans("ACGT", "TGCA")
KMERS = (3, 6)
METRICS = ("accuracy", "f1_macro", "mcc", "roc_auc")


def both_strands(sequence: str) -> str:
    """Return the sequence and its reverse complement, in upper case, with a blank between them.

    A k-mer and its reverse complement are then counted equally often, so that the strand does not matter.
    """
    sequence = sequence.strip().upper()
    return f"{sequence} {sequence.translate(COMPLEMENT)[::-1]}"


def kmer_probabilities(
    train_sequences: Iterable[str],
    train_labels: Iterable[str],
    test_sequences: Iterable[str],
    kmers: tuple[int, int] = KMERS,
) -> pd.DataFrame:
    """Train a logistic regression on the counts of all k-mers of both strands, and apply it.

    kmers: shortest and longest k.
    Returns the probabilities: a row for each test sequence, a column for each label, in alphabetical order.
    """
    classifier = make_pipeline(
        CountVectorizer(analyzer="char", lowercase=False, ngram_range=kmers, preprocessor=both_strands),
        # The square root keeps repeats from drowning single sites; unit length makes long and short records alike.
        FunctionTransformer(np.sqrt),
        Normalizer(),
        LogisticRegression(C=10.0, max_iter=1000),
    )
    classifier.fit(list(train_sequences), list(train_labels))
    return pd.DataFrame(classifier.predict_proba(list(test_sequences)), columns=classifier.classes_)


def majority_probabilities(train_labels: Iterable[str], rows: int) -> pd.DataFrame:
    """Return the class shares of the training labels, `rows` times, in the form of `kmer_probabilities`."""
    shares = pd.Series(list(train_labels)).value_counts(normalize=True).sort_index()
    return pd.DataFrame([shares] * rows).reset_index(drop=True)


def scores(labels: Iterable[str], probabilities: pd.DataFrame) -> dict[str, float]:
    """Return accuracy, macro F1, Matthews correlation and, for two classes, the area under the ROC curve.

    labels: the true ones; probabilities: a column for each label.
    The area is NaN with more than two classes, or when only one of the two occurs.
    """
    labels = list(labels)
    predicted = probabilities.idxmax(axis="columns")
    area = float("nan")
    if len(probabilities.columns) == 2 and len(set(labels)) == 2:
        positive = probabilities.columns[1]
        area = roc_auc_score([label == positive for label in labels], probabilities[positive])
    values = (
        accuracy_score(labels, predicted),
        f1_score(labels, predicted, average="macro"),
        matthews_corrcoef(labels, predicted),
        area,
    )
    return dict(zip(METRICS, map(float, values), strict=True))


def baselines(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Score both baselines on `test` after training on `train` (columns `sequence` and `label`).

    Returns one row each for `k-mer logistic regression` and `majority class`, a column for each metric.
    """
    kmer = kmer_probabilities(train["sequence"], train["label"], test["sequence"])
    majority = majority_probabilities(train["label"], len(test))
    rows = {
        "k-mer logistic regression": scores(test["label"], kmer),
        "majority class": scores(test["label"], majority),
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True, type=Path, help="CSV with the columns sequence and label")
    parser.add_argument("--test", required=True, type=Path, help="CSV with the columns sequence and label")
    arguments = parser.parse_args()
    # Labels are text: a class called NA or 01 must stay what it is.
    train, test = (
        pd.read_csv(path, dtype=str, keep_default_na=False, usecols=["sequence", "label"])
        for path in (arguments.train, arguments.test)
    )
    baselines(train, test).to_csv(sys.stdout, sep="\t", float_format="%.4f")


if __name__ == "__main__":
    main()
