import subprocess
import sys

import numpy as np
import pytest

from conftest import PROJECT
from dna_lm.baselines.kmer_baseline import kmer_classifier, probabilities
from dna_lm.data.sequences import reverse_complement

WITH = ["ACGTAC" * 3 + "T" * number for number in range(6)]
WITHOUT = ["GGATTC" * 3 + "T" * number for number in range(6)]
LABELS = ["site"] * 6 + ["none"] * 6


@pytest.fixture(scope="module")
def trained():
    return kmer_classifier().fit(WITH + WITHOUT, LABELS)


def test_it_tells_words_apart(trained):
    assert trained.classes_.tolist() == ["none", "site"]
    assert trained.predict(["CCACGTACCC", "CCGGATTCCC"]).tolist() == ["site", "none"]


def test_the_strand_does_not_matter(trained):
    turned = [reverse_complement(sequence) for sequence in WITH]
    assert np.array_equal(trained.predict_proba(WITH), trained.predict_proba(turned))


def test_what_has_no_kmers_gets_the_same_answer_as_nothing(trained):
    either = trained.predict_proba(["NNNNNNNN", "AC"])
    assert np.array_equal(either[0], either[1]) and np.isfinite(either).all()


def test_probabilities_in_the_order_asked_for(trained):
    values = probabilities(trained, WITH, ["site", "other", "none"])
    assert np.array_equal(values[:, [2, 0]], trained.predict_proba(WITH))
    assert not values[:, 1].any()


def test_the_same_sequences_give_the_same_classifier(trained):
    again = kmer_classifier().fit(WITH + WITHOUT, LABELS)
    assert np.array_equal(again.predict_proba(WITHOUT), trained.predict_proba(WITHOUT))


def test_the_command(test_data):
    done = subprocess.run(
        [sys.executable, PROJECT / "dev" / "kmer_baseline.py"]
        + ["--train", test_data / "train.csv", "--test", test_data / "test.csv"],
        check=True,
        capture_output=True,
        text=True,
    )
    # As a CountVectorizer of both strands gives, which this took the place of.
    assert done.stdout == (
        "model\taccuracy\tf1_macro\tmcc\troc_auc\n"
        "k-mer logistic regression\t0.8750\t0.8749\t0.7509\t0.9825\n"
        "majority class\t0.5000\t0.3333\t0.0000\t0.5000\n"
    )
