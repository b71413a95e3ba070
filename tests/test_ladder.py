import numpy as np
import pytest

from differences import paired_difference
from dna_lm.data.targets import Target
from dna_lm.evaluation.ladder import (
    ADAPTER_NAME,
    AHEAD,
    BEHIND,
    COLUMNS,
    LEVEL,
    SCORES,
    UNDEFINED,
    climb,
    short_verdict,
    verdict,
)
from dna_lm.scores.metrics import score
from dna_lm.scores.multiple_tests import holm
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

BINARY = Target(CLASSES, ["a", "b"])
LEVEL_OF = Target(NUMBER, [])
RANKING = (CLASSES, MULTI_LABEL, NUMBER)


def guesses(share: float, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    truth = np.arange(count) % 2
    right = np.random.default_rng(seed).random(count) < share
    return truth, np.where((np.where(right, truth, 1 - truth))[:, None] == [0, 1], 0.7, 0.3)


def against(target, truth, adapter, other, **changes):
    """Return the ladder with one baseline."""
    return climb(target, truth, adapter, {"k-mers": other}, {"k-mers": 77}, **{"train": 77} | changes)


def test_a_ladder_has_each_model_and_score_with_the_difference():
    truth, adapter = guesses(0.8, 200)
    _, other = guesses(0.7, 200, seed=1)
    ladder = climb(BINARY, truth, adapter, {"other": other, "same": adapter}, {"other": 77, "same": 80}, 80)
    table = ladder.table
    assert tuple(table.columns) == COLUMNS
    assert table["model"].tolist() == ["other"] * 3 + ["same"] * 3 + [ADAPTER_NAME] * 3
    assert table["metric"].tolist() == list(SCORES[CLASSES]) * 3
    assert table["sequences"].tolist() == [77] * 3 + [80] * 3 + ["nan"] * 3
    assert ladder.value("other", "mcc") == score(BINARY, truth, other)["mcc"]
    first = table.iloc[0]
    alone = paired_difference(BINARY, truth, adapter, other, metric="mcc")
    assert first[["difference", "difference_low", "difference_high", "p"]].tolist() == [
        *(alone.value, alone.low, alone.high, alone.p)
    ]
    assert table["p_adjusted"][:6].tolist() == holm(table["p"][:6]).tolist()
    assert table[["difference", "p_adjusted"]].iloc[6:].isna().all(axis=None)


def test_small_p_values_show_in_the_table():
    truth, adapter = guesses(0.99, 300)
    ladder = against(BINARY, truth, adapter, guesses(0.6, 300, seed=1)[1])
    first = ladder.text(BINARY).iloc[0]
    assert first["value"] == f"{ladder.value('k-mers', 'mcc'):.4f}"
    assert 0 < float(first["p"]) < float(first["p_adjusted"]) < 1e-6
    assert ladder.text(BINARY).iloc[-1][["difference", "p"]].tolist() == ["nan", "nan"]


@pytest.mark.parametrize(
    ("own", "other", "outcome", "words"),
    [
        (0.95, 0.6, AHEAD, "This adapter performs better than k-mers: MCC "),
        (0.6, 0.95, BEHIND, "This adapter performs worse than k-mers: MCC "),
        (0.8, 0.79, LEVEL, "This adapter cannot be distinguished from k-mers on these 300 sequences: MCC "),
        (0.8, 0.74, LEVEL, "This adapter cannot be distinguished from k-mers on these 300 sequences: MCC "),
    ],
)
def test_three_outcomes_have_three_wordings(own, other, outcome, words):
    truth, adapter = guesses(own, 300)
    ladder = against(BINARY, truth, adapter, guesses(other, 300, seed=1)[1])
    found, sentence = verdict(ladder, "k-mers")
    assert found == outcome
    assert sentence.startswith(words)
    rung = ladder.rungs["k-mers"]
    gap = rung.difference
    assert f"(95% CI {gap.low:+.3f} to {gap.high:+.3f}; adjusted p " in sentence
    assert sentence.endswith(" A larger test set could resolve the difference.") == (outcome == LEVEL)
    assert (outcome == AHEAD) == (gap.low > 0) and (outcome == BEHIND) == (gap.high < 0)


def test_each_outcome_has_a_title():
    titles = {short_verdict(outcome, "counting k-mers", 1500) for outcome in (AHEAD, LEVEL, BEHIND, UNDEFINED)}
    assert titles == {
        "performs better than counting k-mers",
        "cannot be distinguished from counting k-mers on these 1,500 sequences",
        "performs worse than counting k-mers",
        "cannot be compared with counting k-mers",
    }


@pytest.mark.parametrize("kind", RANKING)
def test_the_same_predictions_are_level(kind):
    numbers = np.random.default_rng(5)
    target = Target(kind, [] if kind == NUMBER else ["a", "b"])
    truth = {
        CLASSES: numbers.integers(2, size=100),
        MULTI_LABEL: (numbers.random((100, 2)) < 0.3).astype(float),
        NUMBER: numbers.normal(size=100),
    }[kind]
    predictions = numbers.normal(size=(100, 1)) if kind == NUMBER else target.predictions(numbers.normal(size=(100, 2)))
    ladder = against(target, truth, predictions, predictions.copy())
    for row in ladder.table[:3].itertuples():
        assert (row.difference, row.difference_low, row.difference_high, row.p, row.p_adjusted) == (0, 0, 0, 1, 1)
    outcome, sentence = verdict(ladder, "k-mers")
    assert outcome == LEVEL
    assert sentence.startswith("This adapter cannot be distinguished from k-mers on these 100 sequences: ")
    assert sentence.endswith(", difference +0.000 (95% CI +0.000 to +0.000; adjusted p = 1.000).")


def test_a_difference_of_many_that_may_be_chance_is_no_win():
    """One of ten comparisons has p of about 0.03: what is ahead by itself is not with all in mind."""
    truth, adapter = guesses(0.8, 300)
    near = next(
        predictions
        for predictions in (guesses(0.7, 300, seed=seed)[1] for seed in range(1, 100))
        if 0.01 < paired_difference(BINARY, truth, adapter, predictions, metric="mcc").p < 0.04
    )
    models = {"k-mers": near} | {f"same {number}": adapter for number in range(9)}
    ladder = climb(BINARY, truth, adapter, models, dict.fromkeys(models, 5), 5)
    assert ladder.rungs["k-mers"].difference.low > 0
    outcome, sentence = verdict(ladder, "k-mers")
    assert outcome == LEVEL
    assert " On its own the difference would be significant; with this many comparisons it may be due to" in sentence


def test_a_baseline_that_learned_from_less_is_told_in_the_verdict():
    truth, adapter = guesses(0.95, 300)
    sentence = verdict(against(BINARY, truth, adapter, guesses(0.6, 300, seed=1)[1], train=80_000), "k-mers")[1]
    assert sentence.startswith("This adapter performs better than k-mers: MCC ")
    assert sentence.endswith(" K-mers learned from 77 of the 80,000 training sequences.")


# --- scores that are not defined -------------------------------------------------------------------------------------


def line(count=200, noise=0.5, seed=1):
    truth = np.random.default_rng(0).normal(size=count)
    return truth, (truth + noise * np.random.default_rng(seed).normal(size=count))[:, None]


def test_a_constant_adapter_does_not_beat_what_ranks():
    truth, kmers = line()
    outcome, sentence = verdict(against(LEVEL_OF, truth, np.full((200, 1), 0.4), kmers), "k-mers")
    assert outcome == BEHIND
    assert sentence.startswith("This adapter performs worse than k-mers: R2 -0.")
    assert sentence.endswith(
        " The Spearman correlation is undefined, because this adapter predicts the same number for every sequence."
    )


def test_a_constant_adapter_does_not_beat_a_model_that_ranks_on_another_scale():
    truth, kmers = line()
    outcome, sentence = verdict(against(LEVEL_OF, truth, np.full((200, 1), 0.0), 20 * kmers), "k-mers")
    assert outcome == UNDEFINED
    assert sentence.startswith("This adapter cannot be compared with k-mers: R2 ")
    assert "The Spearman correlation is undefined, because this adapter predicts the same number" in sentence


def test_a_model_that_beats_a_constant_one_does_so_by_a_score_that_both_have():
    truth, adapter = line()
    outcome, sentence = verdict(against(LEVEL_OF, truth, adapter, np.full((200, 1), truth.mean())), "k-mers")
    assert outcome == AHEAD
    assert sentence.startswith("This adapter performs better than k-mers: R2 ") and " vs. 0.000" in sentence
    assert sentence.endswith(' undefined, because "k-mers" predicts the same number for every sequence.')


def test_a_perfect_adapter_beats_one_answer_for_all():
    truth = np.arange(40) % 2
    perfect = np.where(truth[:, None] == [0, 1], 0.9, 0.1)
    outcome, sentence = verdict(against(BINARY, truth, perfect, np.full((40, 2), 0.5)), "k-mers")
    assert outcome == AHEAD
    assert "MCC 1.000 vs. 0.000, difference +1.000 (adjusted p < 0.001)" in sentence


@pytest.mark.parametrize("kind", RANKING)
def test_the_scores_of_a_ladder_are_scores_of_the_target(kind):
    target = Target(kind, [] if kind == NUMBER else ["a", "b"])
    truth = {CLASSES: np.array([0, 1, 1]), MULTI_LABEL: np.eye(3, 2), NUMBER: np.arange(3.0)}[kind]
    predictions = np.array([[0.1], [0.5], [0.9]]) if kind == NUMBER else np.full((3, 2), 0.5)
    assert set(SCORES[kind]) <= score(target, truth, predictions).keys()
