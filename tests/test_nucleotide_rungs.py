"""The models of the ladder that read nucleotides with a network."""

import numpy as np
import pytest

from dna_lm.baselines.evaluation_baselines import baselines
from dna_lm.baselines.names import CONVOLUTION, KMERS, MOTIFS
from dna_lm.data.sequences import reverse_complement
from dna_lm.data.targets import Target
from dna_lm.evaluation.held_out import held_out
from dna_lm.evaluation.nucleotide_rungs import nucleotide_rungs
from dna_lm.motifs.jaspar import jaspar_motifs
from dna_lm.words import BOTH, CLASSES, FORWARD, MULTI_LABEL, NUMBER, REVERSE

TWO = Target(CLASSES, ["no", "yes"])
SEVERAL = Target(MULTI_LABEL, ["yes", "never"])


@pytest.fixture(scope="module")
def motifs() -> list:
    every = jaspar_motifs("vertebrates")
    return [*every[:20], *(motif for motif in every if motif.name == "CTCF")]


def planted(count: int, seed: int, flank: int = 60) -> tuple[list[str], np.ndarray]:
    """Sequences of which every second one has a site of CTCF, drawn from its motif, the others its letters shuffled."""
    random = np.random.default_rng(seed)
    motif = next(motif for motif in jaspar_motifs("vertebrates") if motif.name == "CTCF")
    truth = np.arange(count) % 2
    found = []
    for number in truth:
        site = [str(random.choice(list("ACGT"), p=row)) for row in motif.probabilities]
        text = "".join(site if number else random.permutation(site))
        dna = "".join(random.choice(list("ACGT"), flank))
        at = int(random.integers(flank))
        dna = dna[:at] + text + dna[at:]
        found.append(dna if random.random() < 0.5 else reverse_complement(dna))
    return found, truth


@pytest.mark.parametrize("strand", [FORWARD, REVERSE, BOTH])
def test_known_motifs_find_a_site_that_k_mers_do_not(motifs, strand, monkeypatch):
    monkeypatch.setattr("dna_lm.training.branch_parts.MOST_EPOCHS", 2)
    (train, truth), (test, wanted) = planted(100, 1), planted(100, 2)
    found = nucleotide_rungs(TWO, train, truth, test, motifs=motifs, strand=strand)
    found |= baselines(TWO, train, truth, test, which=[KMERS])
    right = {name: (each.argmax(axis=1) == wanted).mean() for name, each in found.items()}
    assert list(found) == [MOTIFS, CONVOLUTION, KMERS]
    assert right[MOTIFS] > 0.9 and right[KMERS] < 0.75


def test_a_convolution_learns_a_site_that_is_no_known_motif():
    (train, truth), (test, wanted) = planted(400, 3, 40), planted(80, 4, 40)
    told: list[str] = []
    found = nucleotide_rungs(TWO, train, truth, test, motifs=[], strand=BOTH, progress=told.append)
    assert list(found) == [CONVOLUTION]
    assert (found[CONVOLUTION].argmax(axis=1) == wanted).mean() > 0.85
    assert told[0] == "baseline: convolutional network, trained on 400 sequences"


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("count", [2, 4, 20])
@pytest.mark.parametrize("target", [TWO, Target(CLASSES, ["a", "no", "yes"]), SEVERAL, Target(NUMBER, [])], ids=str)
def test_few_sequences_and_a_label_that_is_missing(motifs, target, count, monkeypatch):
    monkeypatch.setattr("dna_lm.training.branch_parts.MOST_EPOCHS", 1)
    train, truth = planted(count, 1)
    test = [*planted(3, 2)[0], "ACGT", "N" * 50, "ACGTN" * 400]
    truth = {
        CLASSES: truth,
        MULTI_LABEL: np.column_stack([truth, np.zeros(count)]),
        NUMBER: truth * 3.0,
    }[target.kind]
    for predictions in nucleotide_rungs(target, train, truth, test, motifs=motifs, strand=BOTH).values():
        assert predictions.shape == (6, target.outputs) and np.isfinite(predictions).all()
        if target.kind == CLASSES:
            np.testing.assert_allclose(predictions.sum(axis=1), 1)


def test_each_class_is_learned_from_though_a_part_is_held_out():
    truth = np.array([1] + [0] * 19)
    learned, out = held_out(TWO, ["ACGT"] * 20, truth, 42)
    assert len(learned) == 16 and sorted([*learned, *out]) == list(range(20))
    assert 0 in learned
    assert [len(held_out(TWO, ["A"] * n, np.arange(n) % 2, 1)[1]) for n in (4, 5, 100, 150, 5000)] == [
        4,
        1,
        20,
        20,
        500,
    ]
