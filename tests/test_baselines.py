import random

import numpy as np
import pytest

from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import BUILT_IN_FOLDER, opened_base_model
from dna_lm.baselines import evaluation_baselines as module
from dna_lm.baselines.evaluation_baselines import BASELINES, baselines, learned_from
from dna_lm.baselines.linear_model import best_strength, fitted, predictions_from_number
from dna_lm.baselines.names import COMMONEST, FROZEN, GC, KMERS, title
from dna_lm.data.targets import Target
from dna_lm.scores.metrics import score
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

CLASS = Target(CLASSES, ["at", "gc", "site"])
SEVERAL = Target(MULTI_LABEL, ["gc", "site"])
LEVEL = Target(NUMBER, [])
TARGETS = [pytest.param(target, id=target.kind) for target in (CLASS, SEVERAL, LEVEL)]


def sequences(count, seed):
    """Sequences that differ in GC content, and in a site that their composition does not show."""
    numbers = random.Random(seed)
    kinds = [number % 3 for number in range(count)]
    result = []
    for kind in kinds:
        weights = [(4, 1, 1, 4), (1, 4, 4, 1), (1, 1, 1, 1)][kind]
        letters = numbers.choices("ACGT", weights, k=60)
        site = numbers.randrange(50)
        if kind == 2:
            letters[site : site + 8] = "ATGACGTC"
        result.append("".join(letters))
    return result, np.array(kinds)


def of(target, kinds):
    if target.kind == CLASSES:
        return kinds
    return np.array([kinds == 1, kinds == 2], dtype=float).T if target.kind == MULTI_LABEL else kinds * 10.0


def gc_and_site(some):
    """Stands for a model: two numbers that say it all, and one that says nothing."""
    return np.array([[each.count("G") + each.count("C"), "ATGACGTC" in each, 7] for each in some], dtype=float)


def states(target, train, truth, test):
    """Those of the sequences that the frozen model learns from, and of the others."""
    learned = [train[number] for number in learned_from(target, train, truth, FROZEN)]
    return gc_and_site(learned), gc_and_site(test)


@pytest.mark.parametrize("target", TARGETS)
def test_each_knows_more_than_the_one_before(target):
    (train, kinds), (test, others) = sequences(300, 1), sequences(90, 2)
    told = []
    found = baselines(
        target,
        train,
        of(target, kinds),
        test,
        states=states(target, train, of(target, kinds), test),
        progress=told.append,
    )
    assert list(found) == list(BASELINES) == [COMMONEST, GC, KMERS, FROZEN]
    assert [text.partition(", trained on ")[0] for text in told] == [
        f"baseline: {title(name, target.kind)}" for name in BASELINES
    ]
    losses = [score(target, of(target, others), predictions)["loss"] for predictions in found.values()]
    assert losses == sorted(losses, reverse=True)
    assert all(predictions.shape == (90, target.outputs) for predictions in found.values())
    assert losses[3] < losses[0] / 4


def test_the_same_answer_for_all():
    def same(target, truth):
        return baselines(target, ["A"] * len(truth), np.array(truth), ["C", "G"], which=[COMMONEST])[COMMONEST].tolist()

    assert same(CLASS, [0, 0, 2, 0]) == [[0.75, 0, 0.25]] * 2
    assert same(SEVERAL, [[1.0, 0], [1, 1], [0, 0], [1, 0]]) == [[0.75, 0.25]] * 2
    assert same(LEVEL, [1.0, 2.0, 6.0]) == [[3.0]] * 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("target", "truth", "expected"),
    [(CLASS, [1, 1, 1, 1], [0, 1, 0]), (SEVERAL, [[1.0, 0]] * 4, [1, 0]), (LEVEL, [5.0] * 4, [5])],
)
def test_a_train_split_without_a_difference_has_one_answer(target, truth, expected):
    given = target, ["ACGT", "NNNN", "A", "GGCG"], np.array(truth), ["ACGT", "NN"]
    for predictions in baselines(*given, states=states(*given)).values():
        assert predictions == pytest.approx(np.array([expected] * 2))


def test_a_label_that_train_lacks_has_the_probability_0():
    (train, kinds), (test, _) = sequences(30, 1), sequences(9, 2)
    given = CLASS, train, np.minimum(kinds, 1), test
    for predictions in baselines(*given, states=states(*given)).values():
        assert not predictions[:, 2].any()
        assert predictions.sum(axis=1) == pytest.approx(1)


def test_without_states_and_without_what_is_not_asked_for():
    (train, kinds), (test, _) = sequences(30, 1), sequences(9, 2)
    assert list(baselines(CLASS, train, kinds, test)) == [COMMONEST, GC, KMERS]
    given = CLASS, train, kinds, test
    assert list(baselines(*given, states=states(*given), which=[FROZEN, GC])) == [GC, FROZEN]


def test_they_learn_from_so_many_at_most_drawn_with_the_seed(monkeypatch):
    monkeypatch.setattr(module, "MOST_TRAINED", {KMERS: 30})
    (train, kinds), (test, _) = sequences(300, 1), sequences(9, 2)
    told = []
    first, again, other = (
        baselines(CLASS, train, kinds, test, which=[KMERS], seed=seed, progress=told.append)[KMERS]
        for seed in (1, 1, 2)
    )
    assert "trained on 30 sequences" in told[0]
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_of_many_labels_they_learn_from_fewer(monkeypatch):
    """Each label has a regression of its own."""
    monkeypatch.setattr(module, "MOST_TRAINED", {KMERS: 60})
    monkeypatch.setattr(module, "LABELS_TRAINED", 100)
    monkeypatch.setattr(module, "FEWEST_TRAINED", 20)
    train, kinds = sequences(80, 1)
    counts = []
    for labels in (1, 2, 3, 30):
        target = Target(MULTI_LABEL, [str(number) for number in range(labels)])
        counts.append(len(learned_from(target, train, np.ones((80, labels)), KMERS)))
    assert counts == [60, 50, 33, 20]


def test_all_of_an_ordinary_training_split_is_learned_from():
    """That of GUE's tf/0; the states of a base model are computed for fewer."""
    train, kinds = ["ACGTACGT"] * 32_378, np.arange(32_378) % 2
    assert [len(learned_from(CLASS, train, kinds, name)) for name in BASELINES] == [32_378] * 3 + [20_000]


def test_the_strength_is_chosen_on_records_left_out():
    numbers = np.random.default_rng(1)
    noise, truth = numbers.normal(size=(60, 40)), numbers.integers(2, size=60)
    two = Target(CLASSES, ["a", "b"])
    assert best_strength(two, noise, truth, (100.0, 0.0001), 1) == 0.0001  # there is nothing to learn
    assert best_strength(two, noise + 3 * truth[:, None], truth, (0.0001, 1.0), 1) == 1.0
    assert best_strength(two, noise, truth, (5.0,), 1) == 5.0
    assert best_strength(two, noise[:3], truth[:3], (5.0, 1.0), 1) == 5.0


def test_one_number_tells_a_label_apart_that_lies_between_the_others():
    number = np.repeat([0.3, 0.5, 0.7, np.nan], [20, 40, 20, 4])
    truth = (number == 0.5).astype(int)
    asked = np.array([0.3, 0.5, 0.7, np.nan])
    predictions = predictions_from_number(Target(CLASSES, ["out", "in"]), number, truth, asked)
    assert (predictions[:, 1] > 0.5).tolist() == [False, True, False, True]  # what has none counts as the median


def test_ridge_regression_of_numbers():
    """One feature 1, 2, 3 and the numbers 2, 4, 6: the slope is 2 * 2 / (2 + alpha) with alpha = 1 / strength."""
    predictions = fitted(LEVEL, np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 6.0]), 0.5)(np.array([[4.0]]))
    assert predictions == pytest.approx(np.array([[4 + 2 * (2 * 2 / (2 + 2))]]))


# --- the frozen base model -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frozen():
    with opened_base_model("built-in") as base:
        yield base, Encoder(base, 60)


def test_states_are_the_mean_over_the_tokens(frozen):
    torch = pytest.importorskip("torch")
    from transformers import AutoModel

    from dna_lm.classifiers.building import load_base
    from dna_lm.evaluation.frozen_model import pooled_states

    base, encoder = frozen
    some = ["ACGTACGTAACC", "G", "TTGACGTCA" * 8, "NNN"]
    model = AutoModel.from_pretrained(BUILT_IN_FOLDER, dtype=torch.float32).eval()
    tokens, pad = encoder.encode(some).tokens, encoder.tokenizer.pad_token_id
    loaded, before = load_base(base, 2, pad).model, torch.get_rng_state()
    found = pooled_states(loaded, pad, [tokens], batch_size=2)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.inference_mode():
        for row, numbers in zip(found, tokens, strict=True):
            expected = model(input_ids=torch.tensor([numbers])).last_hidden_state[0].mean(dim=0)
            assert row == pytest.approx(expected.numpy(), abs=1e-4)


def test_both_strands_give_the_same_states(frozen):
    from dna_lm.classifiers.building import load_base
    from dna_lm.evaluation.frozen_model import pooled_states

    base, encoder = frozen
    pad = encoder.tokenizer.pad_token_id
    model = load_base(base, 2, pad).model
    both = (
        [encoded.tokens, reverse] for encoded, reverse in map(encoder.encode_both, (["AACCGTTTAC"], ["GTAAACGGTT"]))
    )
    either = (pooled_states(model, pad, strands) for strands in both)
    assert next(either) == pytest.approx(next(either), abs=1e-5)
