import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import binomtest, norm
from sklearn import metrics as sk

from conftest import STRANGE_LABELS
from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.adapters.seen_data import ALLOW_SEEN_DATA
from dna_lm.data.decision import Decision
from dna_lm.data.targets import Target
from dna_lm.evaluation.calibrating import COLDEST, HOTTEST, chosen_thresholds, fitted_temperature, threshold_of
from dna_lm.evaluation.calibration_figure import plot_calibration
from dna_lm.evaluation.calibration_folds import BETTER, MIXED, SAME, WORSE, Change, HeldOut, folds, held_out
from dna_lm.evaluation.calibration_report import calibration_report
from dna_lm.evaluation.calibration_verdict import IMPROVED, NOTHING, WORSENED, changes, verdict
from dna_lm.reports.markdown import write
from dna_lm.words import CLASSES, F1, MCC, MULTI_LABEL, PRECISION, RECALL
from refusals import refusal
from small import TINY_RANDOM, calibrate, evaluate, predictions, sequences, write_labeled

TWO = Target(CLASSES, ["no", "yes"])
SEVERAL = Target(MULTI_LABEL, ["a", "b"])
COMMON = {"base_model": str(TINY_RANDOM), "base_model_id": None, "batch_size": 8, "progress": lambda _: None}
CHOICE = {"temperature": "yes", "threshold": "none", "at": 0.9, "seen_data": "refuse"}


def calibrated(adapter, data, **changes):
    return calibrate(**COMMON | CHOICE | {"adapter": str(adapter), "data": str(data)} | changes)


# --- the temperature -------------------------------------------------------------------------------------------------


def both(second: list[float]) -> np.ndarray:
    """Probabilities of two classes from those of the second."""
    return np.column_stack([1 - np.array(second), second])


def test_the_temperature_by_hand():
    """Four predictions of 0.9, three of them right: at the best temperature the answer is 0.75, sqrt(9) : 1."""
    assert fitted_temperature(TWO, np.array([1, 1, 1, 0]), both([0.9] * 4)) == pytest.approx(2, abs=1e-4)
    truth = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])
    assert fitted_temperature(SEVERAL, truth, np.array([[0.9, 0.1]] * 4)) == pytest.approx(2, abs=1e-4)
    # 0.75 that should be 0.9: odds of 3 and of 9 to 1
    assert fitted_temperature(TWO, np.array([1] * 9 + [0]), both([0.75] * 10)) == pytest.approx(0.5, abs=1e-4)


def test_the_temperature_of_three_classes_by_hand():
    """16 : 4 : 1, where 4 : 2 : 1 would be right."""
    target = Target(CLASSES, ["a", "b", "c"])
    truth, predictions = np.array([0] * 4 + [1] * 2 + [2]), np.tile(np.array([16, 4, 1]) / 21, (7, 1))
    assert fitted_temperature(target, truth, predictions) == pytest.approx(2, abs=1e-4)


def test_a_temperature_that_was_put_on_is_found_again():
    numbers = np.random.default_rng(0)
    outputs = numbers.normal(size=(20_000, 3)) * 2
    truth = np.array([numbers.choice(3, p=row) for row in softmax(outputs, axis=1)])
    target = Target(CLASSES, ["a", "b", "c"])
    assert fitted_temperature(target, truth, softmax(outputs * 3, axis=1)) == pytest.approx(3, rel=0.05)


def test_answers_that_are_all_right_are_left_as_they_are():
    assert fitted_temperature(TWO, np.array([0, 1]), both([0.4, 0.6])) == 1
    assert fitted_temperature(SEVERAL, np.array([[1, 0]]), np.array([[0.5, 0.4]])) == 1


def test_answers_that_are_no_better_than_chance_get_the_highest():
    found = fitted_temperature(TWO, np.array([0, 1] * 10), both([0.9, 0.1] * 10))
    assert found == pytest.approx(HOTTEST, rel=0.01)


def test_answers_that_are_nearly_all_right_get_the_lowest():
    found = fitted_temperature(TWO, np.array([1] * 10_000 + [0]), both([0.6] * 10_000 + [0.5001]))
    assert COLDEST <= found < 0.1


# --- thresholds ------------------------------------------------------------------------------------------------------

HAVING = np.array([True, True, False, True, False, False])
VALUES = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.1])


@pytest.mark.parametrize(
    ("criterion", "at", "expected"),
    [
        # said: 1, 2, 3, 4, 5, 6; right: 1, 2, 2, 3, 3, 3
        (F1, 0, (0.45, 6 / 7)),  # 2/4, 4/5, 4/6, 6/7, 6/8, 6/9
        # by the fourfold tables: (1,0,2,3), (2,0,1,3), (2,1,1,2), (3,1,0,2), (3,2,0,1)
        (MCC, 0, (0.45, 6 / math.sqrt(3 * 4 * 3 * 2))),  # 0.71, as the second has: 0.45 is nearer to 0.5 than 0.75
        (RECALL, 0.3, (0.85, 1)),
        (RECALL, 1 / 3, (0.85, 1)),
        (RECALL, 0.5, (0.75, 1)),
        (RECALL, 1, (0.45, 1)),
        # lower bounds: 0.05, 0.22, 0.14, 0.25, 0.19, 0.15; of k of k they are 0.05 ** (1 / k)
        (PRECISION, 0.23, (0.45, 0.2486046)),
        (PRECISION, 0.1, (0.45, 0.2486046)),  # at 0.2 and 0.05 the recall is the same and the precision less
    ],
)
def test_thresholds_by_hand(criterion, at, expected):
    assert threshold_of(HAVING, VALUES, criterion, at) == pytest.approx(expected)
    turned = np.array([3, 5, 0, 4, 2, 1])
    assert threshold_of(HAVING[turned], VALUES[turned], criterion, at) == pytest.approx(expected)


def test_records_of_one_probability_are_said_together():
    having, values = np.array([True, False, True, False]), np.array([0.6, 0.6, 0.6, 0.2])
    assert threshold_of(having, values, F1, 0) == pytest.approx((0.4, 0.8))
    found, best = threshold_of(having, values, PRECISION, 0.9)
    # Of 2 of 3 the bound b has 1 - (1 - b)^3 - 3 b (1 - b)^2 = 0.05.
    assert (found, best) == (None, pytest.approx(0.13535, abs=1e-5))


def test_all_are_said():
    found, best = threshold_of(np.array([True, True, False, True]), np.array([0.4, 0.4, 0.4, 0.4]), F1, 0)
    assert (found, best) == pytest.approx((0.2, 6 / 7))


def test_neighboring_numbers_have_no_middle():
    low = 0.3
    high = np.nextafter(low, 1)
    found, _ = threshold_of(np.array([True, False]), np.array([high, low]), F1, 0)
    assert found == high


cases = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0.1, 0.2, 0.5, 0.7, 0.9, 1])), min_size=2, max_size=25)


@settings(max_examples=25)
@given(cases.filter(lambda rows: 0 < sum(row[0] for row in rows) < len(rows)), st.floats(0.05, 1))
def test_thresholds_are_the_best_of_all(rows, at):
    having, values = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=float)
    tried = np.unique(np.concatenate([values, [0.0]]))
    scorers = {
        F1: lambda said: sk.f1_score(having, said, zero_division=0),
        MCC: lambda said: sk.matthews_corrcoef(having, said),
    }
    for criterion, scorer in scorers.items():
        found, best = threshold_of(having, values, criterion, at)
        assert scorer(values >= found) == pytest.approx(best)
        assert best == pytest.approx(max(scorer(values >= cut) for cut in tried))
    found, _ = threshold_of(having, values, RECALL, at)
    recalls = {cut: sk.recall_score(having, values >= cut) for cut in tried}
    assert sk.recall_score(having, values >= found) >= at - 1e-9
    assert (values >= found).sum() == (
        values >= max(cut for cut, recall in recalls.items() if recall >= at - 1e-9)
    ).sum()
    found, best = threshold_of(having, values, PRECISION, at)
    assured = {
        cut: binomtest(int((having & (values >= cut)).sum()), int((values >= cut).sum()), alternative="greater")
        .proportion_ci(0.95, "exact")
        .low
        for cut in tried
        if (values >= cut).any()
    }
    reached = [recalls[cut] for cut, bound in assured.items() if bound >= at - 1e-12]
    assert best == pytest.approx(max(assured.values()))
    assert (found is None) == (not reached)
    if found is not None:
        assert sk.recall_score(having, values >= found) == pytest.approx(max(reached))


def test_each_of_several_labels_has_its_own():
    truth = np.column_stack([HAVING, ~HAVING]).astype(float)
    predictions = np.column_stack([VALUES, 1 - VALUES])
    assert chosen_thresholds(SEVERAL, truth, predictions, RECALL, 1, "it") == pytest.approx((0.45, 0.25))
    two = both(VALUES.tolist())
    assert chosen_thresholds(TWO, HAVING.astype(int), two, RECALL, 1, "it") == pytest.approx((0.45,))
    assert refusal(chosen_thresholds, SEVERAL, truth[::-1], predictions, PRECISION, 0.9, "the data") == (
        "the data: 3 of 6 sequences have the label 'a', which can assure it a precision of 0.153 at most, not of 0.9; "
        "ask for no more, or give more sequences"
    )


@pytest.mark.parametrize(("records", "share", "apart"), [(300, 0.1, 3.5), (300, 0.5, 2.0), (1000, 0.1, 2.5)])
def test_the_precision_that_was_wanted_holds_for_other_records(records, share, apart):
    """The values of the label are normal, `apart` standard deviations above those of the others."""
    wanted, reached = 0.9, []
    for seed in range(150):
        numbers = np.random.default_rng(seed)
        having = numbers.random(records) < share
        values = norm.cdf(numbers.normal(size=records) + apart * having - apart)
        cut, _ = threshold_of(having, values, PRECISION, wanted)
        if cut is not None:
            right, wrong = share * norm.sf(norm.ppf(cut)), (1 - share) * norm.sf(norm.ppf(cut) + apart)
            reached.append(right / (right + wrong))
    assert np.mean(reached) >= wanted
    # Each promise holds with 95% confidence; the choice among thresholds takes a little of it.
    assert np.sum(np.array(reached) < wanted) <= 0.1 * 150


# --- the job ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """80 sequences of the kind that the model of `two` was trained on, and a tenth of the labels wrong."""
    pairs = sequences(["no", "yes"], 80, seed=5)
    pairs = [(dna, "no" if number % 20 == 1 else label) for number, (dna, label) in enumerate(pairs)]
    return write_labeled(tmp_path_factory.mktemp("dev") / "more.csv", pairs)


def test_the_new_adapter_is_the_old_one_with_the_choice(two, dev, tmp_path):
    old = load_adapter(two.adapter)
    result = calibrated(two.adapter, dev, threshold=MCC)
    save_adapter(result.adapter, tmp_path / "new")
    new = load_adapter(tmp_path / "new")
    assert all((new.tensors[name] == tensor).all() for name, tensor in old.tensors.items())
    assert (new.peft, new.base_model, new.training) == (old.peft, old.base_model, old.training)
    own = {"temperature", "thresholds", "calibration"}
    assert {name: value for name, value in new.task.items() if name not in own} == {
        name: value for name, value in old.task.items() if name not in own | {"decision_threshold"}
    }
    record = new.task["calibration"]
    assert record == {
        "data_sha256": record["data_sha256"],
        "seen": record["seen"],
        "sequences": 80,
        "temperature": "yes",
        "criterion": "mcc",
        "at": None,
        "seen_in_training": None,
    }
    assert new.decision == Decision(new.task["temperature"], tuple(new.task["thresholds"]))
    assert new.decision.temperature != 1


def predicted(adapter, data) -> pd.DataFrame:
    return predictions(adapter=str(adapter), input=str(data), input_format="csv", batch_size=8)


def test_prediction_uses_it_and_scores_as_the_table_says(two, dev, tmp_path):
    result = calibrated(two.adapter, dev, threshold=F1)
    save_adapter(result.adapter, tmp_path / "new")
    table = result.scores.set_index(["metric", "label"])
    truth = pd.read_csv(dev)["label"]
    for adapter, side, values in ((two.adapter, "before", result.before), (tmp_path / "new", "after", result.after)):
        found = predicted(adapter, dev)
        assert np.abs(found["p(yes)"] - values[:, 1]).max() < 1e-9
        expected = {
            "loss": sk.log_loss(truth, found[["p(no)", "p(yes)"]]),
            "brier": sk.brier_score_loss(truth == "yes", found["p(yes)"]),
            "accuracy": sk.accuracy_score(truth, found["predicted"]),
            "mcc": sk.matthews_corrcoef(truth, found["predicted"]),
        }
        assert table[side].xs("all", level="label")[list(expected)].to_dict() == pytest.approx(expected)
        of_label = sk.precision_recall_fscore_support(truth, found["predicted"], labels=["yes"])
        assert table.loc[[(name, "yes") for name in ("precision", "recall", "f1")], side].tolist() == pytest.approx(
            [float(values[0]) for values in of_label[:3]]
        )
    said = found["p(yes)"] >= result.adapter.decision.thresholds[0]
    assert found["predicted"].tolist() == ["yes" if one else "no" for one in said]
    assert table.loc[("loss", "all"), "after"] < table.loc[("loss", "all"), "before"]
    assert table.loc[("f1", "yes"), "after"] >= table.loc[("f1", "yes"), "before"]
    assert table.loc[("threshold", "yes"), ["before", "after"]].tolist() == [0.5, result.adapter.decision.thresholds[0]]
    assert ("threshold", "no") not in table.index
    assert table[["before", "after"]].notna().all(axis=None)
    bounded = table[table["low"].notna()]
    assert {name for name, _ in bounded.index} == {"precision", "recall", "calibration_error"}
    assert (bounded["low"] <= bounded["after"]).all() and (bounded["after"] <= bounded["high"]).all()


def test_the_precision_that_was_wanted_is_reached(two, dev):
    result = calibrated(two.adapter, dev, threshold=PRECISION, at=0.5)
    said = result.after[:, 1] >= result.adapter.decision.thresholds[0]
    assert sk.precision_score(result.truth == 1, said) > 0.5
    assert "'yes': predicted for " in result.notes[-1] and " (95% interval 0." in result.notes[-1]


def test_the_same_inputs_give_the_same_bytes(two, dev, tmp_path):
    for name in ("first", "second"):
        save_adapter(calibrated(two.adapter, dev, threshold=MCC).adapter, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_second_calibration_forgets_the_first(two, dev, tmp_path):
    save_adapter(calibrated(two.adapter, dev, threshold=RECALL, at=0.99).adapter, tmp_path / "once")
    again = calibrated(tmp_path / "once", dev, threshold=MCC)
    directly = calibrated(two.adapter, dev, threshold=MCC)
    assert again.adapter.task == directly.adapter.task
    assert np.array_equal(again.before, directly.before)
    only = calibrated(tmp_path / "once", dev, temperature="no", threshold=F1)
    assert only.adapter.decision.temperature == 1 and "temperature" not in only.adapter.task
    none = calibrated(tmp_path / "once", dev)
    assert none.adapter.decision.thresholds is None


def test_several_labels(test_data):
    result = calibrated(
        test_data / "adapter_several.safetensors", test_data / "several_dev.tabular", threshold=RECALL, at=1.0
    )
    first, second = result.adapter.decision.thresholds
    table = result.scores.set_index(["metric", "label"])
    assert table.loc[("threshold", "A-rich"), ["before", "after"]].tolist() == [0.5, first]
    assert table.loc[("threshold", "C-rich"), ["before", "after"]].tolist() == [0.5, second]
    assert table.loc[("recall", "A-rich"), "after"] == table.loc[("recall", "C-rich"), "after"] == 1
    assert result.adapter.task["calibration"]["at"] == 1.0
    assert result.adapter.task["calibration"]["seen_in_training"] == "dev"


def test_three_classes_have_a_temperature_only(three):
    result = calibrated(three.adapter, three.splits["dev"])
    assert result.adapter.decision.thresholds is None
    assert "threshold" not in result.scores["metric"].tolist()
    assert refusal(calibrated, three.adapter, three.splits["dev"], threshold=F1) == (
        "the adapter distinguishes 3 classes and predicts the most probable one, without a threshold; choose no "
        "threshold: the temperature alone can be fitted"
    )


def test_an_ensemble_on_both_strands(test_data, tmp_path):
    result = calibrated(test_data / "adapter_ensemble.safetensors", test_data / "test.csv", threshold=MCC)
    save_adapter(result.adapter, tmp_path / "new")
    assert load_adapter(tmp_path / "new").members == 2
    assert result.adapter.task["calibration"]["seen_in_training"] is None


# --- what is refused -------------------------------------------------------------------------------------------------


def test_the_training_split_is_refused_unless_it_is_allowed(two):
    assert refusal(calibrated, two.adapter, two.splits["train"]) == (
        "the labeled data (train.csv) is the file that the adapter was trained on, of which it is too sure; choose "
        f"the development set, or set {ALLOW_SEEN_DATA}"
    )
    result = calibrated(two.adapter, two.splits["train"], seen_data="allow")
    assert result.adapter.task["calibration"]["seen_in_training"] == "train"
    assert "is the file that the adapter was trained on" in result.warnings[0]


def test_the_training_split_is_known_in_whatever_form(two, tmp_path):
    tables = {name: pd.read_csv(two.splits[name], dtype=str) for name in ("train", "dev", "test")}
    tables["train"][::-1].to_csv(tmp_path / "shuffled.csv", index=False)
    what = "the labeled data (shuffled.csv): 60 of 60 sequences (100.0%) are in the adapter's training set"
    assert refusal(calibrated, two.adapter, tmp_path / "shuffled.csv") == (
        f"{what}, of which it is too sure; choose the development set, or set {ALLOW_SEEN_DATA}"
    )
    allowed = calibrated(two.adapter, tmp_path / "shuffled.csv", seen_data="allow")
    assert (
        allowed.warnings[0]
        == f"{what}, of which it is too sure: what was chosen here will not apply to other sequences"
    )
    assert allowed.adapter.task["calibration"]["seen_in_training"] == "train"
    # the development set may be used, and a few that were trained on are told
    pd.concat([tables["dev"][::-1], tables["train"][:2]]).to_csv(tmp_path / "mixed.csv", index=False)
    mixed = calibrated(two.adapter, tmp_path / "mixed.csv")
    assert mixed.warnings[0] == (
        "the labeled data (mixed.csv): 2 of 32 sequences (6.2%) are in the adapter's training set, of which it is "
        "too sure: what is chosen here is a little off; take these sequences out"
    )
    assert mixed.adapter.task["calibration"]["seen_in_training"] == "dev"
    # what was calibrated on is known to evaluation
    new = calibrated(two.adapter, two.splits["test"]).adapter
    tables["test"][::-1].to_csv(tmp_path / "test.csv", index=False)
    save_adapter(new, tmp_path / "new")
    evaluation = {"base_model": str(TINY_RANDOM), "base_model_id": None, "batch_size": 8, "progress": print}
    said = refusal(evaluate, **evaluation, adapter=str(tmp_path / "new"), data=str(tmp_path / "test.csv"))
    assert "30 of 30 sequences (100.0%) are in the data on which it was calibrated" in said


def test_sequences_of_a_cluster_assure_less_precision_and_have_wider_intervals(two, dev, tmp_path):
    table = pd.read_csv(dev)
    alone = calibrated(two.adapter, dev, threshold=PRECISION, at=0.5)
    table["cluster"] = [f"c{number // 3}" for number in range(len(table))]
    table.to_csv(tmp_path / "clusters.csv", index=False)
    together = calibrated(two.adapter, tmp_path / "clusters.csv", threshold=PRECISION, at=0.2)
    assert together.independence.share == pytest.approx(1 / 3, abs=0.01)
    message = refusal(calibrated, two.adapter, tmp_path / "clusters.csv", threshold=PRECISION, at=0.9)
    assert "can assure it a precision of" in message
    write(tmp_path / "report", *calibration_report(together))
    assert "by the column `cluster`, as dependent" in (tmp_path / "report").read_text()
    write(tmp_path / "report", *calibration_report(alone))
    assert "There is no column" not in (tmp_path / "report").read_text()
    having, values = np.arange(60) % 10 > 0, np.linspace(1, 0, 60)
    bounds = [threshold_of(having, values, PRECISION, 0.99, share)[1] for share in (1.0, 1 / 3)]
    assert bounds[1] < bounds[0]


def test_numbers(test_data):
    message = refusal(calibrated, test_data / "adapter_number.safetensors", test_data / "number_dev.tabular")
    assert message == "the adapter predicts numbers, which have neither a temperature nor thresholds; use it as it is"


def test_nothing_to_choose(two, dev):
    assert refusal(calibrated, two.adapter, dev, temperature="no").startswith("neither a temperature nor thresholds")


def test_too_few_sequences(two, dev, tmp_path):
    table = pd.read_csv(dev)

    def written(rows) -> str:
        rows.to_csv(tmp_path / "part.csv", index=False)
        return tmp_path / "part.csv"

    assert refusal(calibrated, two.adapter, written(table.head(19))) == (
        "the labeled data (part.csv) has 19 sequences, too few to choose anything by; give at least 20"
    )
    assert refusal(calibrated, two.adapter, written(table[table["label"] == "no"])) == (
        "the labeled data (part.csv) has one label only ('no'); a classifier needs at least two"
    )
    few = pd.concat([table[table["label"] == "no"], table[table["label"] == "yes"].head(4)])
    calibrated(two.adapter, written(few))
    assert refusal(calibrated, two.adapter, written(few), threshold=F1) == (
        f"the labeled data (part.csv): 4 of {len(few)} sequences have the label 'yes'; a threshold is chosen by at "
        "least 5 that have it and 5 that have not"
    )


def test_a_file_that_is_not_there(two, tmp_path):
    assert "No such file or directory" in refusal(calibrated, two.adapter, tmp_path / "none.csv")


# --- what it is worth on other sequences ------------------------------------------------------------------------------


def test_folds_keep_clusters_together_and_deal_out_each_label():
    truth = np.array([0] * 10 + [1] * 15)
    found = folds(TWO, truth, None)
    assert np.bincount(found[:10]).tolist() == [2] * 5 and np.bincount(found[10:]).tolist() == [3] * 5
    assert (found == folds(TWO, truth, None)).all() and (np.diff(found[:10]) != 1).any()
    clusters = np.arange(25) // 2
    found = folds(TWO, truth, clusters)
    assert all(len(set(found[clusters == number])) == 1 for number in range(13))
    assert set(found) == {0, 1, 2, 3, 4}
    several = np.array([[1, 0]] * 5 + [[0, 1]] * 5, dtype=float)
    assert sorted(folds(SEVERAL, several, None)[:5]) == [0, 1, 2, 3, 4]


def test_each_fold_is_scored_by_what_was_chosen_without_it():
    truth, predictions = np.array([0, 1] * 10), both([0.2, 0.8] * 10)
    given = []

    def choose(rows) -> Decision:
        given.append(rows)
        return Decision(0.5)

    found = held_out(TWO, truth, predictions, None, "none", choose)
    assert [rows.sum() for rows in given] == [16] * 5 and (np.sum(given, axis=0) == 4).all()
    # odds of 4 to 1 become 16 to 1
    assert (found.loss.before, found.loss.after) == pytest.approx((-math.log(0.8), -math.log(16 / 17)))
    assert found.chosen is None and (found.mcc.before, found.mcc.after) == (1, 1)


def test_thresholds_are_scored_where_they_were_not_chosen():
    """Of 20 sequences 10 are `yes`, all with 0.4: a threshold of 0.3 finds them, but those of one fold none."""
    truth, predictions = np.array([0, 1] * 10), both([0.1, 0.4] * 10)
    numbers = iter([0.3, 0.3, 0.3, 0.3, 0.45])
    found = held_out(TWO, truth, predictions, None, F1, lambda rows: Decision(1.0, (next(numbers),)))
    assert (found.chosen.before, found.chosen.after) == pytest.approx((0, 2 * 8 / (8 + 10)))
    assert found.loss.before == found.loss.after and found.chosen.low > 0
    assert (found.probabilities, found.thresholds, found.outcome) == (SAME, BETTER, BETTER)
    reached = held_out(TWO, truth, predictions, None, RECALL, lambda rows: Decision(1.0, (0.3,)))
    assert reached.chosen.after == 1 and replace(reached, chosen=ROSE).outcome == SAME
    # a threshold that one fold lacks
    numbers = iter([(0.3,), None, (0.3,), (0.3,), (0.3,)])
    lacking = held_out(TWO, truth, predictions, None, F1, lambda rows: Decision(1.0, next(numbers)))
    assert lacking.chosen is None and lacking.mcc is None


def overconfident(count: int, factor: float):
    """Probabilities whose log-odds are so many times too large, and what came true."""
    numbers = np.random.default_rng(3)
    chance = numbers.uniform(0.1, 0.9, size=count)
    truth = (numbers.random(count) < chance).astype(int)
    odds = (chance / (1 - chance)) ** factor
    return truth, both(odds / (1 + odds))


OUTCOMES = {IMPROVED: BETTER, WORSENED: WORSE, NOTHING: SAME}
CHANCE = {IMPROVED: "better by more than chance", WORSENED: "worse by more than chance", NOTHING: "no more than chance"}


@pytest.mark.parametrize(
    ("factor", "temperature", "verdict_"), [(4.0, None, IMPROVED), (1.0, None, NOTHING), (1.0, 0.25, WORSENED)]
)
def test_the_verdict_is_that_of_sequences_that_took_no_part(two, dev, tmp_path, kept, factor, temperature, verdict_):
    truth, predictions = overconfident(400, factor)

    def choose(rows) -> Decision:
        return Decision(temperature or fitted_temperature(TWO, truth[rows], predictions[rows]))

    found = held_out(TWO, truth, predictions, None, "none", choose)
    assert found.probabilities == OUTCOMES[verdict_]
    result = replace(calibrated(two.adapter, dev), held_out=found)
    assert verdict(result) == verdict_
    text = "\n".join(calibration_report(result))
    change = f"{found.loss.before:.3f} → {found.loss.after:.3f}"
    assert f"**{verdict_}. Loss {change}, {CHANCE[verdict_]} (95% interval of the" in text
    assert f"; calibration error {found.error.before:.3f} → {found.error.after:.3f}; MCC" in text
    assert ("tool_id=dna_lm_evaluate" in text) == (verdict_ == IMPROVED)
    assert ("Use the adapter as it was before" in text) == (verdict_ != IMPROVED)
    plot_calibration(result, tmp_path / "plot")
    title = kept[0].get_suptitle()
    assert title.startswith(f"{verdict_}\ncross-validated: loss {change}, calibration error ")
    assert ("no more than chance" in title) == (verdict_ == NOTHING)


UNCERTAIN, FELL, ROSE = Change(0.5, 0.5, -0.1, 0.1), Change(0.455, 0.101, -0.5, -0.2), Change(0.1, 0.4, 0.2, 0.4)


@pytest.mark.parametrize(
    ("loss", "mcc", "words", "advice"),
    [
        (UNCERTAIN, FELL, WORSENED, "Use the adapter as it was before."),
        (ROSE, UNCERTAIN, WORSENED, "Use the adapter as it was before."),
        (ROSE, FELL, WORSENED, "Use the adapter as it was before."),
        (FELL, UNCERTAIN, IMPROVED, "Use the calibrated adapter from now on."),
        (FELL, FELL, "The loss improved, but the MCC became worse", "Calibrate again without thresholds"),
        (ROSE, ROSE, "The MCC improved, but the loss became worse", "Calibrate again without a temperature"),
        (UNCERTAIN, Change(0.5, 0.1), NOTHING, "Use the adapter as it was before."),
    ],
)
def test_a_calibration_that_made_a_score_worse_says_so(two, dev, tmp_path, kept, loss, mcc, words, advice):
    found = HeldOut(loss=loss, error=Change(0.1, 0.2), mcc=mcc, chosen=mcc, criterion=MCC)
    assert found.outcome == OUTCOMES.get(words, MIXED)
    result = replace(calibrated(two.adapter, dev, threshold=MCC), held_out=found)
    text = "\n".join(calibration_report(result))
    plot_calibration(result, tmp_path / "plot")
    title = kept[0].get_suptitle().split("\n")
    assert f"**{words}. Loss " in text and title[0] == words
    assert advice in text.partition("## Next steps")[2]
    assert f"MCC {mcc.before:.3f} → {mcc.after:.3f}" in " ".join(title[1:])  # what the verdict may be about
    if mcc is FELL:
        assert "; MCC 0.455 → 0.101, worse by more than chance (95% interval of the change -0.500 to -0.200)." in text
    if loss is ROSE:
        assert "Loss 0.100 → 0.400, worse by more than chance (" in text


def test_a_threshold_for_a_recall_is_no_gain_or_loss_of_the_probabilities(two, dev):
    chosen = calibrated(two.adapter, dev, temperature="no", threshold=RECALL, at=0.75)
    assert verdict(chosen) == "Threshold chosen"
    assert "Loss" not in changes(chosen) and changes(chosen).startswith("Recall of yes ")
    both_of_them = calibrated(two.adapter, dev, threshold=RECALL, at=0.75)
    assert "Calibrate again" not in "\n".join(calibration_report(chosen))
    for loss, words in [(UNCERTAIN, "did not improve"), (Change(0.5, 0.6, 0.05, 0.15), "became worse")]:
        result = replace(both_of_them, held_out=replace(both_of_them.held_out, loss=loss))
        assert verdict(result) == f"Threshold chosen; the probabilities {words}"
        without = "Calibrate again without a temperature" in "\n".join(calibration_report(result))
        assert without == (words == "became worse")


# --- the figure, the report and the command line ---------------------------------------------------------------------


def width_of(path) -> int:
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(content[16:20], "big")


@pytest.mark.filterwarnings("error:.*[gG]lyph")
@pytest.mark.parametrize("criterion", ["none", F1, MCC, RECALL, PRECISION])
def test_the_figure_has_a_panel_for_thresholds(two, dev, tmp_path, criterion):
    result = calibrated(two.adapter, dev, threshold=criterion, at=0.5)
    for name in ("first", "second"):
        plot_calibration(result, tmp_path / name)
    assert width_of(tmp_path / "first") == 1350
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("criterion", [F1, MCC, RECALL])
def test_the_chosen_threshold_is_on_its_curve(two, dev, tmp_path, kept, criterion):
    plot_calibration(calibrated(two.adapter, dev, threshold=criterion, at=0.75), tmp_path / "plot")
    curve, circle = kept[0].axes[1].get_lines()[:2]
    (point,) = circle.get_xydata().tolist()
    assert point in curve.get_xydata().tolist()


def test_the_figure_and_report_of_strange_labels(strange, tmp_path):
    result = calibrated(strange.adapter, strange.splits["dev"])
    plot_calibration(result, tmp_path / "plot")
    assert width_of(tmp_path / "plot") == 675  # the likeliest of three is said: no threshold
    write(tmp_path / "report", *calibration_report(result))
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert not any(label in text for label in STRANGE_LABELS)
    assert "was calibrated on **30 sequences**, the development set of its training. Temperature" in text
    assert "These are not the development set" not in text


def test_the_report_says_what_was_chosen(two, dev, tmp_path):
    result = calibrated(two.adapter, dev, threshold=RECALL, at=0.75)
    write(tmp_path / "report", *calibration_report(result))
    text = (tmp_path / "report").read_text(encoding="utf-8")
    (cut,) = result.adapter.decision.thresholds
    assert f"Threshold: **{cut:.4g} for yes**: the highest threshold with a recall of 0.75 or more." in text
    assert f"Temperature: **{result.adapter.decision.temperature:.4g}**." in text
    for directive in ('history_dataset_link(output="table"', 'history_dataset_as_image(output="plot")'):
        assert directive in text
    assert "\nThese are not the development set of this adapter's training.\n" in text
    found = result.held_out
    assert (
        f"| loss | all | {found.loss.before:.3f} | {result.scores['after'][0]:.3f} |  | {found.loss.after:.3f} |"
        in text
    )
    assert f"recall of yes {found.chosen.before:.3f} → {found.chosen.after:.3f} (0.75 was asked for); MCC" in text


def test_answers_that_are_all_alike_can_be_drawn(two, dev, tmp_path):
    result = calibrated(two.adapter, dev, temperature="no", threshold=F1)
    same = np.full_like(result.before, 0.5)
    plot_calibration(replace(result, before=same, after=same), tmp_path / "plot")
    assert width_of(tmp_path / "plot") == 1350


def test_the_command_line(call_tool, two, dev, tmp_path):
    places = {name: tmp_path / name for name in ("calibrated", "table", "plot", "report")}
    done = call_tool(
        "calibrate",
        *("--adapter", two.adapter, "--data", dev, "--base-model", TINY_RANDOM, "--threshold", "mcc"),
        *(part for name, place in places.items() for part in (f"--{name}-out", place)),
    )
    assert done.code == 0, done.err
    assert load_adapter(places["calibrated"]).decision.thresholds
    lines = places["table"].read_text().splitlines()
    assert lines[0] == "metric\tlabel\tbefore\tafter\tlow\thigh" and len(lines) == 14
    assert "temperature " in done.err and "threshold " in done.err
