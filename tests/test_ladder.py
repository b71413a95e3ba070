import numpy as np
import pytest

from dna_lm.data.targets import Target
from dna_lm.options import CLASSES, MULTI_LABEL, NUMBER
from dna_lm.scores.bootstrap import paired_difference, resample
from dna_lm.scores.ladder import ADAPTER_NAME, COLUMNS, SCORES, climb, verdict
from dna_lm.scores.metrics import score

BINARY = Target(CLASSES, ["a", "b"])


def guesses(share: float, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    truth = np.arange(count) % 2
    right = np.random.default_rng(seed).random(count) < share
    return truth, np.where((np.where(right, truth, 1 - truth))[:, None] == [0, 1], 0.7, 0.3)


def test_a_ladder_has_each_model_and_score_with_the_difference():
    truth, adapter = guesses(0.8, 200)
    _, other = guesses(0.7, 200, seed=1)
    ladder = climb(BINARY, truth, resample(BINARY, truth, adapter), {"other": other}, 77)
    assert tuple(ladder.table.columns) == COLUMNS
    assert ladder.table["model"].tolist() == ["other"] * 3 + [ADAPTER_NAME] * 3
    assert ladder.table["metric"].tolist() == list(SCORES[CLASSES]) * 2
    assert ladder.value("other", "mcc") == score(BINARY, truth, other)["mcc"]
    first = ladder.table.iloc[0]
    alone = paired_difference(BINARY, truth, adapter, other, metric="mcc")
    assert first[["difference", "difference_low", "difference_high", "p"]].tolist() == [
        *(alone.value, alone.low, alone.high, alone.p)
    ]
    assert ladder.table["difference"].iloc[3:].isna().all()
    assert ladder.trained == 77


@pytest.mark.parametrize(
    ("own", "other", "beaten", "words"),
    [
        (0.95, 0.6, True, 'The adapter beats "k-mers": MCC '),
        (0.6, 0.95, False, 'The adapter does worse than "k-mers": MCC '),
    ],
)
def test_verdicts_that_are_certain(own, other, beaten, words):
    truth, adapter = guesses(own, 300)
    _, kmers = guesses(other, 300, seed=1)
    found, sentence = verdict(
        climb(BINARY, truth, resample(BINARY, truth, adapter), {"k-mers": kmers}, 1), BINARY, "k-mers"
    )
    assert found is beaten
    assert sentence.startswith(words)
    assert "p = 0.002" in sentence


def test_the_same_answers_do_not_beat_one_another():
    truth, adapter = guesses(0.8, 100)
    ladder = climb(BINARY, truth, resample(BINARY, truth, adapter), {"k-mers": adapter}, 1)
    beaten, sentence = verdict(ladder, BINARY, "k-mers")
    assert not beaten
    assert "does not beat" in sentence and "a difference of +0.000" in sentence


def test_a_baseline_whose_score_is_not_defined_is_beaten():
    target, truth = Target(NUMBER, []), np.arange(20.0)
    ladder = climb(target, truth, resample(target, truth, truth[:, None] + 0.1), {"mean": np.full((20, 1), 9.5)}, 1)
    assert verdict(ladder, target, "mean") == (
        True,
        'The adapter beats "mean", of which Spearman correlation is not defined.',
    )


@pytest.mark.parametrize("kind", [CLASSES, MULTI_LABEL, NUMBER])
def test_the_scores_of_a_ladder_are_scores_of_the_target(kind):
    target = Target(kind, [] if kind == NUMBER else ["a", "b"])
    truth = {CLASSES: np.array([0, 1, 1]), MULTI_LABEL: np.eye(3, 2), NUMBER: np.arange(3.0)}[kind]
    answers = np.array([[0.1], [0.5], [0.9]]) if kind == NUMBER else np.full((3, 2), 0.5)
    assert set(SCORES[kind]) <= score(target, truth, answers).keys()
