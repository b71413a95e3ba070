"""Comparing adapters: their scores and differences, the figure, the report, the command line, and what is refused."""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from dna_lm.adapters import recorded_model
from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.adapters.seen_data import ALLOW_SEEN_DATA
from dna_lm.command import options_of_tool
from dna_lm.data.targets import Target
from dna_lm.evaluation.comparing import DIFFERENCES, Compared, _differences, draws_for
from dna_lm.evaluation.comparison_figure import _mean_curve, plot_comparison, precision_curve, roc_curve
from dna_lm.evaluation.comparison_report import comparison_report
from dna_lm.evaluation.independence import Independence
from dna_lm.options import OUTPUT
from dna_lm.reports.markdown import write
from dna_lm.scores.bootstrap import resample
from dna_lm.scores.metrics import score
from dna_lm.scores.multiple_tests import SIGNIFICANT, holm
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal
from small import command_line, compare

DEFAULTS = {
    option.name: option.default
    for option in options_of_tool("compare")
    if option.kind is not OUTPUT and option.name != "threads"
}


def compared(test_data, data="test.csv", **changes):
    """Compare adapters of the test data; adapters: names of files, without what they have in common."""
    files = changes.pop("adapters", ["", "_ensemble", "_tiny_random"])
    changes.setdefault("adapter", [f"name of {file}={test_data}/adapter{file}.safetensors" for file in files])
    changes.setdefault("installed", [f"dna-lm/tiny-random={test_data}/tiny-random"])
    said = changes.pop("said", [])
    return compare(**DEFAULTS | {"data": str(test_data / data)} | changes, progress=said.append)


@pytest.fixture(scope="module")
def three(test_data):
    said = []
    return compared(test_data, resamples=200, said=said), said


# --- scores and differences ------------------------------------------------------------------------------------------


def test_the_best_comes_first(three):
    result, said = three
    assert result.names == ["name of _tiny_random", "name of _ensemble", "name of"]
    assert [adapter.members for adapter in result.adapters] == [1, 2, 1]
    scores = [result.score(number, "mcc")[0] for number in range(3)]
    assert scores == sorted(scores, reverse=True)
    for number in range(3):
        assert scores[number] == score(result.target, result.truth, result.predictions[number])["mcc"]
    assert [line for line in said if line.startswith("adapter")][0] == "adapter 1 of 3: name of"
    assert len([line for line in said if line.startswith("warning: name of _tiny_random: ")]) == 1


def test_the_tables(three):
    result, _ = three
    table = result.metrics_table()
    assert table.columns.tolist() == ["adapter", "metric", "label", "value", "low", "high"]
    assert len(table) == 3 * (11 + 2 * 6)
    assert set(table["label"]) == {"all", "CTCF", "p73"}
    rows = table[(table["adapter"] == "name of") & (table["metric"] == "support")]
    assert rows["value"].tolist() == ["20", "20"]
    differences = result.differences
    assert tuple(differences.columns) == DIFFERENCES
    assert list(zip(differences["first"], differences["second"], strict=True)) == [
        (result.names[0], result.names[1]),
        (result.names[0], result.names[2]),
        (result.names[1], result.names[2]),
    ]
    for row in differences.itertuples():
        first, second = (result.score(result.names.index(name), "mcc")[0] for name in (row.first, row.second))
        assert row.difference == pytest.approx(first - second)
        assert row.low <= row.difference <= row.high
        assert 0 < row.p <= row.p_adjusted <= 1


def test_adapters_with_another_positive_label_answer_the_same_question(test_data, tmp_path):
    before = load_adapter(test_data / "adapter_tiny_random.safetensors")
    tensors = {name: tensor.flip(0) if "score" in name else tensor for name, tensor in before.tensors.items()}
    paths = []
    for name, labels, threshold, weights in (("one", 1, 0.3, before.tensors), ("other", -1, 0.7, tensors)):
        task = before.task | {"labels": before.labels[::labels], "temperature": 2.0, "thresholds": [threshold]}
        save_adapter(replace(before, tensors=weights, task=task), tmp_path / name)
        paths.append(f"{name}={tmp_path / name}")
    result = compared(
        test_data, adapter=paths, installed=[f"dna-lm/tiny-random={test_data}/tiny-random"], resamples=100
    )
    assert np.abs(result.predictions[0] - result.predictions[1]).max() < 1e-6
    for one, other in zip(*(scores.values.items() for scores in result.resampled), strict=True):
        assert one[0] == other[0] and (
            one[1] == pytest.approx(other[1], abs=1e-6) or np.isnan([one[1], other[1]]).all()
        )
    assert result.differences["difference"].tolist() == [0]


def test_of_a_loss_the_lowest_comes_first(test_data):
    result = compared(test_data, adapters=["", "_brief"], metric="loss", resamples=100)
    assert result.names == ["name of", "name of _brief"]
    assert result.score(0, "loss")[0] < result.score(1, "loss")[0]
    assert result.differences["difference"][0] < 0


def test_a_name_may_hold_what_divides(test_data):
    adapter = [f"r=4={test_data}/adapter.safetensors", f"r=1={test_data}/adapter_brief.safetensors"]
    assert compared(test_data, adapter=adapter, resamples=100).names == ["r=4", "r=1"]


def test_holm_by_hand():
    # In order 0.01, 0.02, 0.03, 0.5: times 4, 3, 2, 1; 0.03 * 2 is not below the one before it.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, math.nan, 0.8]) == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)
    assert holm([]).tolist() == []


# --- how many adapters can be told apart -----------------------------------------------------------------------------


def skilled(signals, count=300, kind=CLASSES, metric="mcc", resamples=1000, seed=1):
    """Compare models that know so much, in this order."""
    numbers = np.random.default_rng(seed)
    target = Target(kind, [] if kind == NUMBER else ["a", "b"])
    truth = numbers.normal(size=count) if kind == NUMBER else numbers.integers(2, size=count)
    scores = []
    for signal in signals:
        if kind == NUMBER:
            predictions = (signal * truth + numbers.normal(size=count))[:, None]
        else:
            predictions = target.predictions(numbers.normal(size=(count, 2)) + signal * np.eye(2)[truth])
        scores.append(resample(target, truth, predictions, resamples=resamples, wanted=[(metric, None)]))
    return _differences([str(number) for number in range(len(signals))], scores, metric)


@pytest.mark.parametrize("others", [7, 19])
@pytest.mark.parametrize("resamples", [100, 1000])
def test_a_much_better_one_of_many_is_told_apart(others, resamples):
    pairs = skilled([2.5] + [0.3] * others, resamples=resamples)
    assert len(pairs) == (others + 1) * others // 2
    best = pairs["first"] == "0"
    assert (pairs["p_adjusted"][best] < SIGNIFICANT).all()
    assert (pairs["p_adjusted"][~best] > SIGNIFICANT).all()


def test_of_adapters_that_are_alike_hardly_any_differ():
    """In 40 comparisons of eight: one false difference among all 28 pairs in 5% of them."""
    false = sum((skilled([1.0] * 8, 200, seed=seed)["p_adjusted"] < SIGNIFICANT).any() for seed in range(40))
    assert false <= 6  # with a probability of 0.997


def test_the_draws_suffice_for_the_pairs():
    assert draws_for(1, 1000, 1000) == 1000
    assert draws_for(28, 1000, 1000) == 11_200  # ten of them in either tail of 0.05 / 28
    assert draws_for(190, 1000, 1000) == 76_000
    assert draws_for(190, 1000, 100_000) == 100_000
    assert draws_for(190, 100_000, 1000) == 1000  # the time that they take is bounded
    assert draws_for(190, 20_000, 1000) == 5000


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adapters": [""]}, "only one adapter is given ('name of'); a comparison needs two or more"),
        ({"adapters": ["", "_brief", ""]}, "two adapters have the name 'name of'; give each dataset a name of its own"),
        (
            {"adapter": ["a", "b"]},
            "--adapter 'a' is not NAME=FILE; write what to call it, '=' and the name of the file",
        ),
        (
            {"adapters": ["", "_several"]},
            "the adapters 'name of' and 'name of _several' cannot be compared: the first answers with one of several "
            "classes (CTCF, p73), the second with any number of labels (A-rich, C-rich); choose adapters that were "
            "trained for the same labels",
        ),
        (
            {"adapters": ["", "_number"]},
            "the adapters 'name of' and 'name of _number' cannot be compared: the first answers with one of several "
            "classes (CTCF, p73), the second with numbers; choose adapters that were trained for the same labels",
        ),
        (
            {"metric": "r2"},
            "r2 is no score of adapters that answer with one of several classes; choose mcc, roc_auc, accuracy, "
            "f1_macro, pr_auc, loss or auto",
        ),
        (
            {"data": "dev.csv"},
            "adapter 'name of': the test set (dev.csv) is the development set by which the adapter's weights were "
            f"chosen: scores on it would be too good; choose a test set, or set {ALLOW_SEEN_DATA}",
        ),
    ],
)
def test_one_line_says_what_is_wrong(test_data, changes, message):
    assert refusal(compared, test_data, **changes) == message


def test_an_error_names_the_adapter_that_it_is_about(test_data):
    message = refusal(compared, test_data, adapters=["", "_tiny_random"], base_model="built-in")
    assert message.startswith("adapter 'name of _tiny_random': the adapter was trained on the base model 'tiny-random'")
    files = [f"a={test_data}/adapter.safetensors", f"b={test_data}/foreign.safetensors"]
    assert refusal(compared, test_data, adapter=files).startswith("adapter 'b': ")


def test_seen_data_may_be_allowed_and_are_told(test_data):
    said = []
    result = compared(
        *(test_data, "number_dev.tabular"),
        **{"adapters": ["_number", "_number_brief"], "seen_data": "allow", "resamples": 100, "said": said},
    )
    assert result.metric == "spearman"
    assert len(result.warnings) == 2 and all("the scores are too good" in text for text in result.warnings)
    assert [f"warning: {text}" for text in result.warnings] == [text for text in said if text.startswith("warning: ")]


# --- the figure ------------------------------------------------------------------------------------------------------


def made(kind, labels, count, adapters, metric, names="r = {}"):
    numbers = np.random.default_rng(1)
    target = Target(kind, [f"label ${number}" for number in range(labels)])
    truth = numbers.normal(size=count)
    if kind == CLASSES:
        truth = np.arange(count) % labels
    elif kind == MULTI_LABEL:
        truth = (numbers.random((count, labels)) < 0.4).astype(float)
    predictions = []
    for number in range(adapters):
        signal = 2 - 2 * number / adapters
        if kind == NUMBER:
            predictions.append((signal * truth + numbers.normal(size=count))[:, None])
            continue
        outputs = numbers.normal(size=(count, labels))
        if kind == CLASSES:
            outputs[np.arange(count), truth] += signal
        else:
            outputs += signal * (2 * truth - 1)
        predictions.append(target.predictions(outputs))
    scores = [resample(target, truth, each, resamples=100) for each in predictions]
    named = [names.format(number) for number in range(adapters)]
    pairs = _differences(named, scores, metric)
    single = Independence(None, f"{count} sequences", "there is a caveat")
    return Compared(named, [], target, truth, predictions, scores, metric, pairs, "test.csv", [], single, (100, 100))


CASES = [
    pytest.param((CLASSES, 2, 200, 3, "mcc"), id="two"),
    pytest.param((CLASSES, 12, 240, 17, "roc_auc"), id="many"),
    pytest.param((CLASSES, 2, 10, 2, "mcc", "_a <name> that is $long$ enough to be cut {}"), id="few"),
    pytest.param((MULTI_LABEL, 3, 100, 2, "f1_macro"), id="several"),
    pytest.param((NUMBER, 0, 100, 4, "mae"), id="numbers"),
    pytest.param((CLASSES, 2, 40, 61, "loss"), id="sweep"),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
def test_any_comparison_can_be_drawn(case, tmp_path):
    plot_comparison(made(*case), tmp_path / "plot.png")
    image = plt.imread(tmp_path / "plot.png")
    assert image.shape[1] == 2850
    # Nothing is cut off: the edges are white.
    edges = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (edges[:, :3] == 1).all()
    assert plt.get_fignums() == []


def test_the_area_under_a_mean_curve_is_the_mean_of_the_areas():
    target = Target(CLASSES, ["a", "b", "c"])
    numbers = np.random.default_rng(3)
    truth = np.arange(300) % 3
    predictions = target.predictions(numbers.normal(size=(300, 3)) + 1.5 * np.eye(3)[truth])
    scores = score(target, truth, predictions)
    for metric, curve in (("roc_auc", roc_curve), ("pr_auc", precision_curve)):
        across, up = _mean_curve([curve(truth == number, predictions[:, number]) for number in range(3)], metric)
        area = np.trapezoid(up, across) if metric == "roc_auc" else up.mean()
        assert area == pytest.approx(scores[metric], abs=0.003)


# --- the report ------------------------------------------------------------------------------------------------------


def report(result, tmp_path):
    write(tmp_path / "report.md", *comparison_report(result))
    return (tmp_path / "report.md").read_text()


def test_the_report_says_first_what_the_sequences_can_tell(three, tmp_path):
    text = report(three[0], tmp_path)
    assert text.startswith("# Comparison of 3 adapters\n\n**name of &#95;tiny_random has the highest MCC: 0.816 (")
    headline = text.split("\n\n")[1]
    assert headline.endswith(
        "** It cannot be distinguished from any of the others on these sequences (adjusted p ≥ 0.05): the interval of "
        "the difference includes 0. A larger test set could make it narrower."
    )
    assert (
        "The intervals of the scores are from 200 bootstrap resamples, those of the differences and the p values from "
        "1,200. Each resample draws 40 sequences with replacement, as many as the test set has.\n"
    ) in text
    assert "- There is no column 'cluster'" in text
    for output in ("metrics", "differences", "plot"):
        assert f'output="{output}"' in text
    row = next(line for line in text.splitlines() if line.startswith("| MCC |"))
    assert re.fullmatch(r"\| MCC \| 0\.816 \(0\.\d{3} to 0\.\d{3}\) \| 0\.657 \(.*\) \| 0\.6\d\d \(.*\) \|", row)
    assert text.count("| name of &#95;tiny_random | name of ") == 2
    assert "Next steps\n\n- Test name of &#95;tiny_random on sequences that took no part in this choice" in text


DIFFERENT, WIDE, MANY, SAME, RARE, UNDEFINED = (
    (0.2, 0.1, 0.3, 0.001, 0.01),
    (0.2, -0.1, 0.5, 0.2, 0.4),
    (0.2, 0.01, 0.4, 0.04, 0.08),
    (0.0, 0.0, 0.0, 1.0, 1.0),
    (0.2, math.nan, math.nan, math.nan, math.nan),
    (math.nan,) * 5,
)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ((DIFFERENT, DIFFERENT), ["The difference from every other is significant (adjusted p < 0.05)."]),
        (
            (WIDE, DIFFERENT),
            [
                "The difference from c is significant (adjusted p < 0.05). It cannot be distinguished from b&#42; on "
                "these sequences (adjusted p ≥ 0.05): the interval of the difference includes 0. A larger test set "
                "could make it narrower."
            ],
        ),
        (
            (MANY, SAME),
            [
                "It scores the same as c. On its own, the difference from b&#42; would be significant; with this many "
                "pairs it may be due to chance (adjusted p ≥ 0.05): compare fewer adapters, or use more"
            ],
        ),
        (
            (RARE, UNDEFINED),
            [
                "Whether the difference from b&#42; is significant is unknown, because a label is too rare.",
                "It was not compared with c: the MCC of an adapter that predicts the same number for every sequence is",
            ],
        ),
    ],
)
def test_what_is_said_of_those_that_may_be_as_good_as_the_best(pairs, expected, tmp_path, three):
    result = three[0]
    table = pd.DataFrame(
        [("mcc", "a", other, *numbers) for other, numbers in zip(("b*", "c"), pairs, strict=True)], columns=DIFFERENCES
    )
    changed = {name: getattr(result, name) for name in result.__dataclass_fields__}
    changed |= {"names": ["a", "b*", "c"], "differences": table}
    text = report(Compared(**changed), tmp_path)
    for sentence in expected:
        assert sentence in text
    assert ("A larger test set could" in text) == (WIDE in pairs)


def test_an_adapter_whose_score_is_not_defined_comes_last(tmp_path, monkeypatch):
    numbers = np.random.default_rng(1)
    target, truth = Target(NUMBER, []), numbers.normal(size=50)
    predictions = [(truth + numbers.normal(size=50))[:, None], np.zeros((50, 1))]
    scores = [resample(target, truth, each, resamples=100) for each in predictions]
    pairs = _differences(["a", "constant"], scores, "spearman")
    result = Compared(
        *(["a", "constant"], [], target, truth, predictions, scores, "spearman", pairs, "test.csv", []),
        *(Independence(None, "50 sequences", ""), (100, 100)),
    )
    text = report(result, tmp_path)
    assert (
        "It was not compared with the other: the Spearman correlation of an adapter that predicts the same number for "
        "every sequence is undefined." in text
    )
    assert re.search(r"^\| Spearman correlation \| 0\.\d.* \| – \|$", text, re.MULTILINE)
    assert "| a | constant | – | – | – |" in text
    plot_comparison(result, tmp_path / "plot.png")


def test_clusters_are_drawn_if_the_table_says_them(test_data, tmp_path):
    lines = (test_data / "test.csv").read_text().splitlines()
    clustered = tmp_path / "clustered.csv"
    rows = [f"{line},{'cluster' if number == 0 else (number - 1) // 2}" for number, line in enumerate(lines)]
    clustered.write_text("\n".join(rows) + "\n")
    adapters = {"adapters": ["", "_brief"], "resamples": 400}
    result, plain = compared(test_data, data=clustered, **adapters), compared(test_data, **adapters)
    assert result.independence.drawn == "20 clusters"
    assert np.array_equal(result.resampled[0].clusters, np.arange(40) // 2)
    assert result.score(0, "mcc")[0] == plain.score(0, "mcc")[0]
    assert result.score(0, "mcc")[1:] != plain.score(0, "mcc")[1:]
    text = report(result, tmp_path)
    assert "The intervals of the scores" not in text  # all are from as many resamples
    assert (
        "The intervals and p values are from 400 bootstrap resamples. Each resample draws 20 clusters (column "
        "`cluster` of the table), with all of their sequences, with replacement, as many as the test set has"
    ) in text
    assert "independent of one another&#59;" not in text


def test_names_and_labels_stay_text(test_data, tmp_path):
    adapter = [f"<b>x</b>={test_data}/adapter.safetensors", f"`y`={test_data}/adapter_brief.safetensors"]
    text = report(compared(test_data, adapter=adapter, resamples=100), tmp_path)
    assert "<b>" not in text and "`y`" not in text


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_writes_all_or_nothing(test_data, tmp_path, call_tool):
    outputs = {f"{name}_out": tmp_path / name for name in ("metrics", "differences", "plot", "report")}
    common = [
        "--adapter",
        f"a={test_data}/adapter.safetensors",
        "--adapter",
        f"b={test_data}/adapter_brief.safetensors",
    ]
    common += command_line(outputs | {"resamples": 100, "threads": 1})
    refused = call_tool("compare", *common, "--data", test_data / "train.csv")
    assert "adapter 'a': " in refused.error and "scores on it would be too good" in refused.error
    assert list(tmp_path.iterdir()) == []
    done = call_tool("compare", *common, "--data", test_data / "test.csv")
    assert done.code == 0, done.err
    assert {path.name for path in tmp_path.iterdir()} == {"metrics", "differences", "plot", "report"}
    lines = (tmp_path / "differences").read_text().splitlines()
    assert lines[0].split("\t") == list(DIFFERENCES)
    assert len(lines) == 2
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert call_tool("compare", *common, "--data", test_data / "test.csv").code == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_base_model_that_several_adapters_have_is_opened_once(test_data, monkeypatch):
    opened = []
    original = recorded_model.opened_base_model_of

    def counted(adapter, *arguments):
        opened.append(adapter.base_model["id"])
        return original(adapter, *arguments)

    monkeypatch.setattr(recorded_model, "opened_base_model_of", counted)
    compared(test_data, adapters=["", "_ensemble", "_brief", "_tiny_random"])
    assert len(opened) == len(set(opened)) == 2
