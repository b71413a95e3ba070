"""The classifiers that read nucleotides: exact values by hand, padding and strands without influence."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from dna_lm.baselines.kmer_baseline import kmer_features
from dna_lm.baselines.names import KMERS
from dna_lm.branch.codes import nucleotide_codes, reverse_complement
from dna_lm.branch.combining import combined_weights
from dna_lm.branch.convolution import Convolution, Shape
from dna_lm.branch.kmer_frequencies import KmerFrequencies
from dna_lm.branch.linear import linear
from dna_lm.branch.lookups import CODES, looked_up, word_table
from dna_lm.branch.motif_scores import TOGETHER, MotifScores
from dna_lm.branch.names import CONVOLUTION, MOTIFS
from dna_lm.branch.network import Branch, KmerPart, MotifPart, both_strands
from dna_lm.branch.selecting import MOST_KEPT, STEPS, selected
from dna_lm.data.packing import PAD
from dna_lm.data.sequences import reverse_complement as reversed_text
from dna_lm.data.targets import Target
from dna_lm.motifs.jaspar import jaspar_motifs
from dna_lm.processes.children import forkable
from dna_lm.processes.devices import Devices
from dna_lm.processes.engine import Engine
from dna_lm.processes.inference import padded
from dna_lm.scores.registry import EVERY_EPOCH
from dna_lm.training.batches import Sequences
from dna_lm.training.branch_parts import trained_parts
from dna_lm.training.loop import Plan
from dna_lm.training.losses import loss_function
from dna_lm.training.options import OptimizationOptions
from dna_lm.words import BOTH, CLASSES, FORWARD, MULTI_LABEL, NUMBER

TWO = Target(CLASSES, ["a", "b"])
DNA = st.text("ACGTN", min_size=1, max_size=60)


def batch(*sequences: str) -> tuple[torch.Tensor, torch.Tensor]:
    codes, mask = padded(nucleotide_codes(sequences), PAD)
    return codes, mask.sum(dim=1)


def random_dna(count: int, length: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return ["".join(random.choice(list("ACGT"), length)) for _ in range(count)]


def branch(outputs: int = 2) -> Branch:
    """A branch of all parts with random weights."""
    torch.manual_seed(1)
    log_odds = [motif.log_odds() for motif in jaspar_motifs("urochordates")[:12]]
    parts = {
        MOTIFS: MotifPart(log_odds, outputs),
        KMERS: KmerPart(outputs),
        CONVOLUTION: Convolution(outputs),
    }
    torch.nn.init.normal_(parts[CONVOLUTION].head.weight)
    return Branch(parts, {MOTIFS: 0.5, KMERS: 0.25, CONVOLUTION: 1.0}).eval()


# --- codes -----------------------------------------------------------------------------------------------------------


@given(st.lists(DNA, min_size=1, max_size=5))
def test_the_codes_of_the_other_strand_are_those_of_its_text(sequences):
    codes, lengths = batch(*sequences)
    expected, _ = batch(*map(reversed_text, sequences))
    assert reverse_complement(codes, lengths).equal(expected)


# --- motifs ----------------------------------------------------------------------------------------------------------


def by_hand(log_odds: np.ndarray, sequence: str) -> float:
    """The definition, site by site."""
    total = 1.0
    for strand in (sequence, reversed_text(sequence)):
        for start in range(len(sequence) - len(log_odds) + 1):
            site = strand[start : start + len(log_odds)]
            known = ((row, base) for row, base in zip(log_odds, site, strict=True) if base in "ACGT")
            total += math.exp(sum(row["ACGT".index(base)] for row, base in known))
    return math.log(total)


@settings(max_examples=30)
@given(st.lists(DNA, min_size=1, max_size=4))
def test_the_scores_of_motifs_are_those_of_their_definition(sequences):
    motifs = [motif.log_odds() for motif in jaspar_motifs("vertebrates")[::150]]
    found = MotifScores(motifs)(*batch(*sequences))
    expected = [[by_hand(motif, sequence) for motif in motifs] for sequence in sequences]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_the_motif_with_a_site_has_the_highest_score():
    motifs = jaspar_motifs("vertebrates")
    ctcf = next(number for number, motif in enumerate(motifs) if motif.name == "CTCF")
    (sequence,) = random_dna(1, 150)
    site = motifs[ctcf].consensus
    without, given, reverse = MotifScores([motif.log_odds() for motif in motifs])(
        *batch(sequence, *(sequence[:60] + part + sequence[60 : -len(site)] for part in (site, reversed_text(site))))
    )
    assert given[ctcf] > 10 > without[ctcf]
    np.testing.assert_allclose(given[ctcf], reverse[ctcf], atol=0.1)  # the sites that overlap it are others


def test_a_motif_that_is_longer_than_the_sequence_has_the_score_0():
    found = MotifScores([np.ones((5, 4), np.float32), np.ones((3, 4), np.float32)])(*batch("ACG", "ACGTA"))
    np.testing.assert_allclose(found[0], [0, math.log(1 + 2 * math.exp(3))], rtol=1e-6, atol=1e-6)
    assert found[1, 0] == pytest.approx(math.log(1 + 2 * math.exp(5)))


def test_each_motif_gets_among_many_what_it_gets_alone():
    motifs = [motif.log_odds() for motif in jaspar_motifs("vertebrates")][:: 1019 // (2 * TOGETHER)]
    assert len(motifs) > TOGETHER
    codes = batch(*random_dna(3, 60), "ACGTNNNTTGACGTCA")
    alone = torch.cat([MotifScores([motif])(*codes) for motif in motifs], dim=1)
    torch.testing.assert_close(MotifScores(motifs)(*codes), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("highest", [0.5, 1.3863, 5.0])
def test_the_longest_motifs_are_scored_without_overflow(highest):
    motif = np.full((64, 4), -4.615, np.float32)
    motif[:, 2] = highest
    sequences = ["G" * 100, "G" * 40 + "T" + "G" * 40, "ACCT" * 25, "N" * 70]
    found = MotifScores([motif, motif[:5]])(*batch(*sequences))
    expected = [[by_hand(one, sequence) for one in (motif, motif[:5])] for sequence in sequences]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


# --- k-mers ----------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(DNA, min_size=1, max_size=5))
def test_frequencies_of_kmers_are_those_of_the_baseline(sequences):
    codes, _ = batch(*sequences)
    np.testing.assert_allclose(KmerFrequencies()(codes), kmer_features(sequences).toarray(), atol=1e-6)


# --- lookups ---------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(DNA, min_size=1, max_size=4), st.integers(1, 14), st.integers(0, 8))
def test_what_is_looked_up_is_what_a_convolution_gives(sequences, width, before):
    codes, _ = batch(*sequences)
    filters = torch.randn(3, CODES, width, generator=torch.Generator().manual_seed(width))
    around = functional.pad(codes, (before, width), value=PAD)
    expected = functional.conv1d(functional.one_hot(around, CODES).float().transpose(1, 2), filters).transpose(1, 2)
    positions = expected.shape[1]
    found = looked_up(codes, word_table(filters), before, positions)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


# --- the network -----------------------------------------------------------------------------------------------------


def test_a_sequence_gets_in_a_batch_what_it_gets_alone():
    sequences = ["ACGTNNACG", *random_dna(4, 90), "A", "GATTACA" * 20]
    model = branch()
    with torch.no_grad():
        codes, mask = padded(nucleotide_codes(sequences), PAD)
        together = model(codes, mask).logits
        alone = [model(*padded(nucleotide_codes([sequence]), PAD)).logits[0] for sequence in sequences]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-4, atol=1e-5)
    assert together.std(dim=0).min() > 0.01


@pytest.mark.parametrize("shape", [Shape(), Shape(filters=6, filter_width=9, channels=5, width=3, pooled=3)])
def test_the_convolution_gives_the_same_with_and_without_gradients(shape):
    torch.manual_seed(2)
    model = Convolution(2, shape).eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    names = list(model.state_dict())
    for change in (
        lambda: None,
        lambda: torch.nn.init.normal_(model.filters.weight),
        lambda: torch.nn.init.normal_(model.filters.bias),
        lambda: model.load_state_dict(Convolution(2, shape).state_dict() | {"head.weight": model.head.weight}),
    ):
        change()
        for sequences in ([*random_dna(3, 70), "ACGTNNACGTTNA", "G", "NNN", "GATTACA" * 13], ["ACG"], ["A"]):
            expected = model(*batch(*sequences)).detach()
            with torch.no_grad():
                torch.testing.assert_close(model(*batch(*sequences)), expected, rtol=1e-4, atol=1e-4)
        assert expected.abs().min() > 1e-3
    assert list(model.state_dict()) == names  # an adapter has the weights alone


def test_both_strands_are_what_each_strand_gets():
    sequences = [*random_dna(3, 70), "ACGTTTGACCATG", "NACG"]
    model = branch(outputs=3)
    with Engine({0: model}, PAD, read_out=both_strands) as engine:
        (both,) = engine.outputs(nucleotide_codes(sequences))
    with torch.no_grad():
        for strand, texts in enumerate((sequences, list(map(reversed_text, sequences)))):
            expected = model(*padded(nucleotide_codes(texts), PAD)).logits
            np.testing.assert_allclose(both[:, 3 * strand : 3 * strand + 3], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(both[:, :3] - both[:, 3:]).max() > 1e-3  # the convolution reads the strands apart


def test_the_sum_is_weighted():
    model, sequences = branch(), random_dna(3, 50)
    codes, mask = padded(nucleotide_codes(sequences), PAD)
    with torch.no_grad():
        each = {name: part(codes, mask.sum(dim=1)) for name, part in model.parts.items()}
        total = 0.5 * each[MOTIFS] + 0.25 * each[KMERS] + each[CONVOLUTION]
        torch.testing.assert_close(model(codes, mask).logits, total)


# --- what is fitted --------------------------------------------------------------------------------------------------


def features(seed: int, records: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(records, width))


def test_linear_models_give_the_outputs_of_their_kind():
    known = features(0, 400, 3)
    number = known @ [2.0, 0.0, -1.0] + 5
    target = Target(NUMBER, [], mean=float(number.mean()), spread=float(number.std()))
    found = target.predictions(linear(target, known, number, 1e6).outputs(known))[:, 0]
    np.testing.assert_allclose(found, number, rtol=1e-4)
    for labels in ("ab", "abc"):
        classes = Target(CLASSES, list(labels))
        truth = known[:, : len(labels)].argmax(axis=1)
        outputs = linear(classes, known, truth, 100.0).outputs(known)
        assert outputs.shape == (400, len(labels))
        assert (outputs.argmax(axis=1) == truth).mean() > 0.97
    several = Target(MULTI_LABEL, ["x", "all", "never"])
    truth = np.column_stack([known[:, 0] > 0, np.ones(400), np.zeros(400)]).astype(float)
    outputs = linear(several, known, truth, 100.0).outputs(known)
    assert ((outputs[:, 0] > 0) == (truth[:, 0] > 0)).mean() > 0.97
    assert outputs[:, 1].min() > 6 and outputs[:, 2].max() < -6 and np.isfinite(outputs).all()


def test_two_classes_have_the_probabilities_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    known = features(1, 200, 4)
    truth = (known[:, 0] + 0.5 * features(2, 200, 1)[:, 0] > 0).astype(int)
    expected = LogisticRegression(C=0.3, max_iter=1000).fit(known, truth).predict_proba(known)
    np.testing.assert_allclose(TWO.predictions(linear(TWO, known, truth, 0.3).outputs(known)), expected, atol=1e-9)


def test_weights_of_records_count():
    known, truth = features(3, 300, 2), np.random.default_rng(4).integers(2, size=300)
    weights = np.where(truth == 1, 9.0, 1.0)
    outputs = linear(TWO, known, truth, 1.0, weights).outputs(known)
    assert TWO.predictions(outputs)[:, 1].mean() == pytest.approx(0.9, abs=0.03)


def test_the_motifs_that_matter_are_kept():
    random = np.random.default_rng(5)
    scores = random.normal(3.0, 2.0, size=(600, 300))
    scores[:, 7] = 4.0  # the same for all
    truth = (scores[:, 100] - scores[:, 200] + random.normal(size=600) > 0).astype(int)

    def loss(outputs: np.ndarray) -> float:
        return float(-np.log(TWO.predictions(outputs)[np.arange(200), truth[400:]]).mean())

    kept, model = selected(TWO, (scores[:400].copy(), scores[400:].copy()), truth[:400], loss)
    assert {100, 200} <= set(kept) and len(kept) == min(STEPS)
    np.testing.assert_allclose(model.spread, np.where(kept == 7, 1, scores[:400, kept].std(axis=0)))
    telling = kept[np.argsort(-np.abs(model.weight[:, 1]))[:2]]
    assert set(telling) == {100, 200}
    assert (model.outputs(scores[400:][:, kept]).argmax(axis=1) == truth[400:]).mean() > 0.7


def test_no_more_motifs_are_kept_than_prediction_has_time_for():
    scores = features(9, 120, 2 * MOST_KEPT)
    truth = (scores[:, 0] > 0).astype(int)
    kept, _ = selected(TWO, (scores[:80].copy(), scores[80:].copy()), truth[:80], lambda outputs: 0.0)
    assert len(kept) == MOST_KEPT  # the first of those that are equally good


def test_selecting_motifs_takes_little_memory_beside_their_scores():
    scores = features(10, 4000, 600), features(11, 500, 600)
    truth = (scores[0][:, 0] > 0).astype(int)
    tracemalloc.start()
    selected(TWO, scores, truth, lambda outputs: 0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.7 * scores[0].nbytes


def test_few_motifs_are_all_kept_if_that_is_best():
    scores = features(6, 500, 3) + 1
    truth = (scores.sum(axis=1) > 3).astype(int)
    kept, _ = selected(TWO, (scores[:400].copy(), scores[400:].copy()), truth[:400], lambda outputs: 0.0)
    assert list(kept) == [0, 1, 2]


def cross_entropy(truth: np.ndarray):
    return lambda outputs: torch.nn.functional.cross_entropy(outputs, torch.from_numpy(truth), reduction="none")


def test_combined_weights_favor_what_is_right_and_are_never_negative():
    random = np.random.default_rng(7)
    truth = random.integers(2, size=500)
    signs = np.stack([-(2 * truth - 1), 2 * truth - 1], axis=1) / 2.0
    good, noise, wrong = signs * 2 + random.normal(size=(500, 2)), random.normal(size=(500, 2)), -signs
    weights = combined_weights([good, noise, wrong], cross_entropy(truth))
    assert weights[0] > 0.5 and abs(weights[1]) < 0.1 and weights[2] == 0
    assert (weights >= 0).all()


def test_without_records_that_tell_the_weights_are_equal():
    truth = np.zeros(0, dtype=np.int64)
    weights = combined_weights([np.zeros((0, 2))] * 4, cross_entropy(truth))
    np.testing.assert_allclose(weights, 0.25)


def test_combined_weights_are_those_of_a_grid():
    random = np.random.default_rng(8)
    truth = random.integers(2, size=60)
    outputs = [random.normal(size=(60, 2)) + np.eye(2)[truth] * strength for strength in (1.0, 0.5)]
    loss = cross_entropy(truth)

    def total(first: float, second: float) -> float:
        value = loss(torch.from_numpy(first * outputs[0] + second * outputs[1])).sum()
        return float(value) + (first - 0.5) ** 2 + (second - 0.5) ** 2

    grid = itertools.product(np.linspace(0, 2, 81), repeat=2)
    best = min(grid, key=lambda one: total(*one))
    np.testing.assert_allclose(combined_weights(outputs, loss), best, atol=0.02)


# --- training --------------------------------------------------------------------------------------------------------


def planted(site: str, count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Sequences of which every second one has the site, on either strand."""
    random = np.random.default_rng(seed)
    sequences = random_dna(count, 60, seed)
    truth = np.arange(count) % 2
    for number in np.flatnonzero(truth):
        at = int(random.integers(60 - len(site)))
        text = site if random.random() < 0.5 else reversed_text(site)
        sequences[number] = sequences[number][:at] + text + sequences[number][at + len(site) :]
    return sequences, truth


def plan_for(target: Target, train: np.ndarray, dev: np.ndarray, processes: int = 1) -> Plan:
    return Plan(
        options=OptimizationOptions(),
        devices=Devices(cuda=False, processes=processes, threads=1, parallel="ddp"),
        train_set=Sequences([], target.for_training(train)),
        dev_set=Sequences([], target.for_training(dev)),
        pad_token_id=PAD,
        target=target,
        truth=dev,
        loss=loss_function(target, train),
        scores=EVERY_EPOCH[target.kind],
        seed=42,
        deadline=math.inf,
        precision="fp32",
        keep_state=False,
        tokens_at_once=0,
    )


@pytest.fixture(scope="module")
def ctcf() -> list:
    motifs = jaspar_motifs("vertebrates")
    return [*motifs[:20], *(motif for motif in motifs if motif.name == "CTCF")]


@pytest.fixture(autouse=True)
def fewer_epochs(monkeypatch):
    """Enough for sites that are planted."""
    monkeypatch.setattr("dna_lm.training.branch_parts.MOST_EPOCHS", 25)


def test_each_part_finds_a_planted_site(ctcf):
    site = next(motif.consensus for motif in ctcf if motif.name == "CTCF")
    (train, truth), (dev, dev_truth) = planted(site, 200, 1), planted(site, 60, 2)
    said: list[str] = []
    with forkable():
        plan = plan_for(TWO, truth, dev_truth)
        parts = trained_parts(plan, {"train": train, "dev": dev}, truth, ctcf, "JASPAR", BOTH, said.append)
        again = trained_parts(plan, {"train": train, "dev": dev}, truth, ctcf, "JASPAR", BOTH, said.append)
    assert list(parts.modules) == [MOTIFS, KMERS, CONVOLUTION]
    for name, outputs in parts.outputs.items():
        assert (outputs.argmax(axis=1) == dev_truth).mean() > 0.85, name
        np.testing.assert_array_equal(outputs, again.outputs[name])
    weights = parts.modules[MOTIFS].head.weight.detach()[1]
    assert parts.record["motifs"]["motifs"][int(weights.argmax())]["name"] == "CTCF"
    scores = parts.modules[MOTIFS].features(*batch(*train)).std(dim=0, correction=0)
    torch.testing.assert_close(parts.modules[MOTIFS].spread, scores, rtol=1e-4, atol=1e-5)
    assert any("known motifs" in text for text in said)
    # What was trained gives, as a network, what was scored on dev.
    codes, mask = padded(nucleotide_codes(dev), PAD)
    with torch.no_grad():
        for name, module in parts.modules.items():
            given, other = both_strands(Branch({name: module}, {name: 1.0}).eval(), codes, mask).chunk(2, dim=1)
            np.testing.assert_allclose((given + other) / 2, parts.outputs[name], rtol=1e-3, atol=1e-4)


def test_a_number_is_learned_without_known_motifs():
    sequences = [random_dna(1, 40, number)[0] for number in range(160)]
    sequences = ["G" * (number % 20) + text for number, text in enumerate(sequences)]
    truth = np.array([100 + 5.0 * (number % 20) for number in range(160)])
    target = Target(NUMBER, [], mean=float(truth.mean()), spread=float(truth.std()))
    with forkable():
        parts = trained_parts(
            plan_for(target, truth[:120], truth[120:]),
            *({"train": sequences[:120], "dev": sequences[120:]}, truth[:120], [], "", FORWARD, lambda text: None),
        )
    assert list(parts.modules) == [KMERS, CONVOLUTION] and "motifs" not in parts.record
    for name, outputs in parts.outputs.items():
        predicted = target.predictions(outputs)[:, 0]
        assert np.corrcoef(predicted, truth[120:])[0, 1] > 0.9, name


def test_two_processes_train_as_one_does():
    (train, truth), (dev, dev_truth) = planted("TTGACGTCAA", 64, 3), planted("TTGACGTCAA", 32, 4)
    found = []
    with forkable():
        for processes in (1, 2):
            plan = plan_for(TWO, truth, dev_truth, processes)
            found.append(trained_parts(plan, {"train": train, "dev": dev}, truth, [], "", BOTH, lambda text: None))
    np.testing.assert_allclose(found[0].outputs[KMERS], found[1].outputs[KMERS], atol=1e-5)
    assert (found[1].outputs[CONVOLUTION].argmax(axis=1) == dev_truth).mean() > 0.7


def test_after_a_step_of_the_fused_optimizer_the_filters_are_the_new_ones():
    """It changes weights in place without raising their _version."""
    torch.manual_seed(0)
    network = Convolution(1)
    torch.nn.init.normal_(network.head.weight)
    codes, lengths = torch.randint(0, 4, (3, 60)), torch.tensor([60, 60, 60])
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, fused=True)
    with torch.no_grad():
        before = network.eval()(codes, lengths)
    network.train()(codes, lengths).sum().backward()
    optimizer.step()
    network.eval()
    with torch.no_grad():
        after = network(codes, lengths)
    torch.testing.assert_close(after, network(codes, lengths).detach(), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(after, before)
