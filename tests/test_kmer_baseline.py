import os
import subprocess
import sys

import numpy as np

from conftest import PROJECT
from dev.environments import import_path
from dna_lm.baselines.kmer_baseline import STRENGTH, kmer_features
from dna_lm.baselines.linear_model import fitted
from dna_lm.data.sequences import reverse_complement
from dna_lm.data.targets import Target
from dna_lm.words import CLASSES

WITH = ["ACGTAC" * 3 + "T" * number for number in range(6)]
WITHOUT = ["GGATTC" * 3 + "T" * number for number in range(6)]
TRUTH = np.repeat([0, 1], 6)


def trained(labels="ab"):
    model = fitted(Target(CLASSES, list(labels)), kmer_features(WITH + WITHOUT), TRUTH, STRENGTH)
    return lambda sequences: model(kmer_features(sequences))


def test_it_tells_words_apart():
    assert trained()(["CCACGTACCC", "CCGGATTCCC"]).argmax(axis=1).tolist() == [0, 1]


def test_the_strand_does_not_matter():
    turned = [reverse_complement(sequence) for sequence in WITH]
    assert np.array_equal(trained()(WITH), trained()(turned))


def test_what_has_no_kmers_gets_the_same_answer_as_nothing():
    either = trained()(["NNNNNNNN", "AC"])
    assert np.array_equal(either[0], either[1]) and np.isfinite(either).all()


def test_a_label_that_was_not_learned_has_no_probability():
    values = trained("abc")(WITH)
    assert np.array_equal(values[:, :2], trained()(WITH))
    assert not values[:, 2].any()


def test_the_same_sequences_give_the_same_classifier():
    assert np.array_equal(trained()(WITHOUT), trained()(WITHOUT))


def test_the_command(test_data):
    done = subprocess.run(
        [sys.executable, PROJECT / "dev" / "bench" / "kmer_baseline.py"]
        + ["--train", test_data / "train.csv", "--test", test_data / "test.csv"],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": import_path()},
    )
    # As a CountVectorizer of both strands gives, which this took the place of.
    assert done.stdout == (
        "model\taccuracy\tf1_macro\tmcc\troc_auc\n"
        "k-mer logistic regression\t0.8750\t0.8749\t0.7509\t0.9825\n"
        "majority class\t0.5000\t0.3333\t0.0000\t0.5000\n"
    )
