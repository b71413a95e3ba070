import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from differences import paired_difference
from dna_lm.data.decision import Decision
from dna_lm.data.targets import Target
from dna_lm.scores.bootstrap import (
    COLUMNS,
    LEAST_P,
    bootstrap,
    difference,
    effective_clusters,
    resample,
)
from dna_lm.scores.metrics import class_scores, score
from dna_lm.scores.registry import CALIBRATION_ERROR, ERRORS, OF_EACH_LABEL, OVERALL, TITLES
from dna_lm.scores.resampled_scores import keys, scorer
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

TWO, FIVE = (Target(CLASSES, [f"L{number}" for number in range(count)]) for count in (2, 5))
SITES = Target(MULTI_LABEL, ["a", "b", "c"])
LEVEL = Target(NUMBER, [])
TARGETS = [pytest.param(target, id=f"{target.kind}-{target.outputs}") for target in (TWO, FIVE, SITES, LEVEL)]


def records(target, count, seed, signal=1.0):
    """What is true, and predictions that know something of it; rounded, so that there are ties."""
    numbers = np.random.default_rng(seed)
    if target.kind == NUMBER:
        truth = numbers.normal(size=count).round(1)
        return truth, (signal * truth + numbers.normal(size=count)).round(1)[:, None]
    outputs = numbers.normal(size=(count, target.outputs))
    if target.kind == CLASSES:
        truth = numbers.integers(target.outputs, size=count)
        outputs[np.arange(count), truth] += signal
    else:
        truth = (numbers.random((count, target.outputs)) < 0.3).astype(float)
        outputs += signal * (2 * truth - 1)
    return truth, target.predictions(outputs.round(1))


# --- scores of weighted records --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 30), st.sampled_from([0.3, 0.5, None]))
def test_weights_count_like_repeated_records(target, seed, count, threshold):
    truth, predictions = records(target, count, seed)
    decided = target.kind == MULTI_LABEL or target == TWO
    thresholds = (threshold,) * (1 if target == TWO else target.outputs) if decided and threshold else None
    decision = Decision(thresholds=thresholds)
    drawn = np.random.default_rng(seed).integers(count, size=(3, count))
    weights = np.array([np.bincount(rows, minlength=count) for rows in drawn], dtype=float)
    found = scorer(target, truth, predictions, decision)(weights)
    found = {key: values for key, values in found.items() if key[0] != "support"}
    assert found.keys() == set(keys(target))
    for number, rows in enumerate(drawn):
        expected = {
            (name, None): value for name, value in score(target, truth[rows], predictions[rows], decision).items()
        }
        expected.pop((CALIBRATION_ERROR, None), None)
        each = class_scores(target, truth[rows], predictions[rows], decision).values()
        for label, scores in enumerate(each):
            expected |= {(name, label): value for name, value in scores.items() if name != "support"}
        assert {key: values[number] for key, values in found.items()} == pytest.approx(expected, nan_ok=True, abs=1e-9)


def test_every_score_has_a_name():
    for kind, names in OVERALL.items():
        assert {*names, *OF_EACH_LABEL, *ERRORS} <= TITLES.keys()
        target = Target(kind, [] if kind == NUMBER else ["a", "b"])
        assert tuple(score(target, *records(target, 9, 1))) == names


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_not_wanted_changes_nothing(target):
    truth, predictions = records(target, 40, 3)
    everything = resample(target, truth, predictions, resamples=20)
    for name in ("loss", "spearman" if target.kind == NUMBER else "roc_auc"):
        (draws,) = resample(target, truth, predictions, resamples=20, wanted=[(name, None)]).draws.values()
        assert np.array_equal(draws, everything.draws[name, None])


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_the_table(target):
    truth, predictions = records(target, 80, 5)
    table = bootstrap(target, truth, predictions, resamples=200)
    assert tuple(table.columns) == COLUMNS
    overall = table[table["label"] == "all"]
    assert dict(zip(overall["metric"], overall["value"], strict=True)) == score(target, truth, predictions)
    each = table[len(overall) :]
    assert each["metric"].tolist() == list(OF_EACH_LABEL) * len(target.labels)
    assert each["label"].tolist() == [label for label in target.labels for _ in OF_EACH_LABEL]
    bounded = table[table["low"].notna()]
    assert len(bounded) > len(table) / 2
    assert (bounded["low"] <= bounded["value"]).all() and (bounded["value"] <= bounded["high"]).all()
    assert table.loc[table["metric"] == "support", ["low", "high"]].isna().all(axis=None)


def test_the_same_seed_gives_the_same_intervals():
    first, again, other = (bootstrap(TWO, *records(TWO, 50, 1), resamples=100, seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_the_interval_of_a_proportion_is_about_that_of_the_binomial_distribution():
    truth = np.zeros(400, dtype=int)
    second = np.where(np.arange(400) < 80, 0.9, 0.1)  # 80 wrong
    table = bootstrap(TWO, truth, np.column_stack([1 - second, second])).set_index(["metric", "label"])
    low, high = table.loc[("accuracy", "all"), ["low", "high"]]
    # 0.8 -+ 1.96 sqrt(0.8 0.2 / 400)
    assert (low, high) == pytest.approx((0.7608, 0.8392), abs=0.006)


@pytest.mark.parametrize("target", TARGETS)
def test_one_record_has_no_interval(target):
    table = bootstrap(target, *records(target, 1, 1), resamples=20)
    assert table[["low", "high"]].isna().all(axis=None)


def test_ten_of_ten_right_have_no_interval_and_what_varies_has():
    truth = np.arange(10) % 2
    second = 0.2 + 0.6 * truth + 0.01 * np.arange(10)
    table = bootstrap(TWO, truth, np.column_stack([1 - second, second])).set_index(["metric", "label"])
    assert table.loc[("accuracy", "all"), "value"] == 1
    assert np.isnan(table.loc[("accuracy", "all"), "low"])
    assert table.loc[("loss", "all"), ["low", "high"]].notna().all()


def test_a_label_that_resamples_often_lack_has_no_interval_of_the_areas():
    truth = np.array([1] + [0] * 19)  # a third of the resamples are without it
    second = np.linspace(0.9, 0.1, 20)
    table = bootstrap(TWO, truth, np.column_stack([1 - second, second])).set_index(["metric", "label"])
    assert table.loc[("roc_auc", "all"), "value"] == 1
    assert np.isnan(table.loc[("roc_auc", "all"), "low"])
    assert not np.isnan(table.loc[("accuracy", "all"), "low"])


def test_intervals_cover_what_is_true_as_often_as_they_say():
    """100 test sets of 100 records; the true scores are those of 200,000.

    Of 100 intervals of 95%, 89 or more cover with a probability of 0.996.
    """

    def drawn(count, seed):
        numbers = np.random.default_rng(seed)
        truth = (numbers.random(count) < 0.3).astype(int)
        return truth, TWO.predictions(
            np.column_stack([np.zeros(count), 2 * (numbers.normal(size=count) + 1.5 * truth - 1.3)])
        )

    wanted = ("loss", "accuracy", "f1_macro", "mcc", "roc_auc", "pr_auc", "brier")
    true = score(TWO, *drawn(200_000, 0))
    covered = dict.fromkeys(wanted, 0)
    for seed in range(1, 101):
        found = resample(TWO, *drawn(100, seed), resamples=400, seed=seed, wanted=[(name, None) for name in wanted])
        for name in wanted:
            low, high = found.interval((name, None))
            covered[name] += low <= true[name] <= high
    assert min(covered.values()) >= 89, covered


# --- differences -----------------------------------------------------------------------------------------------------


def test_a_model_does_not_differ_from_itself():
    truth, predictions = records(FIVE, 60, 1)
    found = paired_difference(FIVE, truth, predictions, predictions, metric="mcc", resamples=100)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("metric", ["loss", "better"])
def test_a_model_that_knows_more(target, metric):
    truth, good = records(target, 300, 1, signal=1.0 if target.kind == NUMBER else 2.0)
    _, poor = records(target, 300, 1, signal=0.0)
    metric = metric if metric == "loss" else ("spearman" if target.kind == NUMBER else "roc_auc")
    found = paired_difference(target, truth, good, poor, metric=metric)
    sign = -1 if metric == "loss" else 1
    assert min(sign * found.low, sign * found.high) > 0
    assert found.value == pytest.approx(score(target, truth, good)[metric] - score(target, truth, poor)[metric])
    # None of the 1,000 resamples has the other sign: that is no reason to give 2 / 1001.
    assert LEAST_P <= found.p < 1e-4
    turned = paired_difference(target, truth, poor, good, metric=metric)
    assert turned.value == pytest.approx(-found.value)
    assert np.log(turned.p) == pytest.approx(np.log(found.p), rel=0.01)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-3 * (1 + abs(found.value)))


def test_pairs_are_compared_on_the_same_records():
    """Two models that are right and wrong on the same records, but for a few, differ by what the few say alone."""
    numbers = np.random.default_rng(1)
    truth = numbers.integers(2, size=500)
    wrong = numbers.random(500) < 0.3
    second = np.where(truth ^ wrong, 0.8, 0.2)
    better = second.copy()
    mended = np.flatnonzero(wrong)[:10]
    better[mended] = 1 - better[mended]
    models = (np.column_stack([1 - values, values]) for values in (better, second))
    found = paired_difference(TWO, truth, *models, metric="accuracy")
    assert found.value == pytest.approx(0.02)
    assert 0.005 < found.low < found.high < 0.04  # the interval of either accuracy is 0.08 wide
    assert found.p < 0.01


def test_models_of_other_resamples_are_not_compared():
    truth, predictions = records(TWO, 30, 1)
    first, second = (resample(TWO, truth, predictions, resamples=10, seed=seed) for seed in (1, 2))
    with pytest.raises(ValueError, match="same resamples"):
        difference(first, second, "mcc")


def test_p_values_of_models_that_are_alike_are_spread_evenly():
    below = 0
    for seed in range(100):
        numbers = np.random.default_rng(seed)
        truth = numbers.integers(2, size=100)
        models = (TWO.predictions(numbers.normal(size=(100, 2)) + np.eye(2)[truth]) for _ in range(2))
        below += paired_difference(TWO, truth, *models, metric="roc_auc", resamples=200).p < 0.1
    assert 3 <= below <= 18  # of 10 expected, with a probability of 0.99


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 60), st.floats(0, 1.5), st.sampled_from([100, 333]), st.booleans())
def test_the_p_value_and_the_interval_never_contradict_each_other(target, seed, count, signal, resamples, clustered):
    truth, good = records(target, count, seed, signal=1.0 + signal)
    _, poor = records(target, count, seed, signal=1.0)
    clusters = np.arange(count) // 2 if clustered else None
    scored = [
        resample(target, truth, predictions, resamples=resamples, seed=seed, clusters=clusters)
        for predictions in (good, poor)
    ]
    for metric, label in scored[0].draws:
        found = difference(*scored, metric, label)
        if np.isfinite(found.low):
            assert (found.p < 0.05) == (found.low > 0 or found.high < 0), (metric, label, found)
            assert found.low <= found.high


def test_a_p_value_tells_far_from_farther_with_few_draws():
    truth, good = records(TWO, 400, 1, signal=2.0)
    each = [
        paired_difference(TWO, truth, good, records(TWO, 400, 1, signal)[1], metric="roc_auc", resamples=100).p
        for signal in (1.5, 1.2, 0.9)
    ]
    assert each == sorted(each, reverse=True)
    assert each[0] < 0.05 and each[-1] < 0.05 / 28


def test_small_p_values_are_as_rare_as_they_say():
    """Of the p values of models that are alike, 1 of 1,000 is below 0.001, though 500 draws say nothing of so few."""
    below, pairs = 0, 0
    for seed in range(250):
        numbers = np.random.default_rng(seed)
        truth = numbers.normal(size=100)
        models = [(truth + numbers.normal(size=100))[:, None] for _ in range(6)]
        scored = [resample(LEVEL, truth, model, resamples=500, wanted=[("pearson", None)]) for model in models]
        for first in range(0, 6, 2):
            below += difference(scored[first], scored[first + 1], "pearson").p < 0.001
            pairs += 1
    assert below <= 5  # of 0.75 expected, with a probability of 0.999


def test_models_that_differ_on_all_records_are_told_apart():
    """All resamples agree that one is always right and the other always wrong: there is no width, and no doubt."""
    truth = np.arange(20) % 2
    right = np.where(truth[:, None] == [0, 1], 0.8, 0.2)
    found = paired_difference(TWO, truth, right, 1 - right, metric="accuracy", resamples=100)
    assert (found.value, found.p) == (1, pytest.approx(2 * 0.5**20))
    assert np.isnan([found.low, found.high]).all()
    few = paired_difference(TWO, truth[:4], right[:4], 1 - right[:4], metric="accuracy", resamples=100)
    assert few.p == pytest.approx(2 * 0.5**4)


def test_few_records_give_no_smaller_p_value_than_a_sign_test():
    """Ten records, of which each says the same."""
    truth = np.linspace(0, 3, 10)
    near, far = (truth + 0.01 * truth**2)[:, None], (truth + 3 + 0.01 * truth)[:, None]
    assert paired_difference(LEVEL, truth, far, near, metric="loss").p == pytest.approx(2 * 0.5**10)


def test_what_is_not_defined_has_no_difference():
    truth, predictions = records(LEVEL, 30, 1)
    found = paired_difference(LEVEL, truth, predictions, np.ones((30, 1)), metric="spearman", resamples=100)
    assert np.isnan([found.value, found.low, found.high, found.p]).all()


# --- clusters --------------------------------------------------------------------------------------------------------


def test_effective_clusters_by_hand():
    assert effective_clusters(np.array([0, 0, 1, 1, 2, 2])) == 3
    assert effective_clusters(np.array([0, 0, 0, 1])) == pytest.approx(16 / 10)


def test_clusters_of_one_are_records():
    truth, predictions = records(TWO, 40, 1)
    alone = resample(TWO, truth, predictions, resamples=50, clusters=np.arange(40))
    plain = resample(TWO, truth, predictions, resamples=50)
    for key, draws in plain.draws.items():
        assert np.array_equal(draws, alone.draws[key], equal_nan=True)
        assert np.array_equal(plain.interval(key), alone.interval(key), equal_nan=True)


@pytest.mark.parametrize("target", TARGETS)
def test_a_repeated_record_says_nothing_new(target):
    truth, predictions = records(target, 40, 2)
    clusters = np.repeat(np.arange(40), 3)
    three = resample(target, np.repeat(truth, 3, axis=0), np.repeat(predictions, 3, axis=0), clusters=clusters)
    once = resample(target, truth, predictions)
    for key, draws in once.draws.items():
        if key[0] != "spearman":  # of weighted ranks, it is not the same to the last digit
            assert np.allclose(draws, three.draws[key], equal_nan=True), key
    assert three.units == 40


def test_models_of_other_clusters_are_not_compared():
    truth, predictions = records(TWO, 30, 1)
    first, second = (
        resample(TWO, truth, predictions, resamples=10, clusters=clusters) for clusters in (None, np.arange(30) // 2)
    )
    with pytest.raises(ValueError, match="same resamples"):
        difference(first, second, "mcc")


@pytest.mark.parametrize("size", [3, 10])
def test_intervals_and_p_values_hold_where_records_depend_on_one_another(size):
    """300 test sets of 40 clusters, whose records are nearly all right or all wrong; a model is right in 0.8.

    Of 300 intervals of 95%, 273 or more cover with a probability of 0.998; of 300 p values, 28 or fewer are below 0.05.
    """
    clusters = np.repeat(np.arange(40), size)
    covered = below = 0
    for seed in range(300):
        numbers = np.random.default_rng((size, seed))
        truth = numbers.integers(2, size=len(clusters))
        right = [numbers.random(len(clusters)) < numbers.beta(0.8, 0.2, size=40)[clusters] for _ in range(2)]
        predictions = [np.where((each == truth)[:, None], [0.2, 0.8], [0.8, 0.2]) for each in right]
        first, second = (
            resample(TWO, truth, each, resamples=300, wanted=[("accuracy", None)], clusters=clusters)
            for each in predictions
        )
        low, high = first.interval(("accuracy", None))
        covered += low <= 0.8 <= high
        below += difference(first, second, "accuracy").p < 0.05
    assert covered >= 273 and below <= 28, (covered, below)
