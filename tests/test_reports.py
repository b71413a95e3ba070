import dataclasses
import html
import re

import numpy as np
import pandas as pd
import pytest

from conftest import STRANGE_LABELS
from dna_lm.adapters.dataset import Adapter
from dna_lm.baselines.names import COMMONEST, KMERS, TITLES
from dna_lm.data.targets import Target
from dna_lm.evaluation.evaluating import SPEED, Evaluated
from dna_lm.evaluation.independence import Independence
from dna_lm.evaluation.ladder import climb
from dna_lm.evaluation.ladder_section import ladder_title
from dna_lm.evaluation.report import report_blocks
from dna_lm.evaluation.strands import Strands
from dna_lm.reports.markdown import escape, write
from dna_lm.scores.bootstrap import resample
from dna_lm.training.report import training_report
from dna_lm.words import BOTH, CLASSES, FORWARD, MULTI_LABEL, NUMBER, REVERSE
from small import TINY_RANDOM, evaluate
from written_tables import cells

TRAINING_DIRECTIVES = [
    'history_dataset_as_image(output="plot")',
    'history_dataset_link(output="history", label="Training history with all scores (table)")',
]
SCORES = 'history_dataset_link(output="metrics", label="All scores (table)")'
WORST = 'history_dataset_link(output="errors", label="Worst errors (table)")'
PREDICTIONS = 'history_dataset_link(output="predictions", label="All predictions (table)")'
LADDER = 'history_dataset_link(output="ladder", label="All scores of the simpler models (table)")'
EVALUATION_DIRECTIVES = [
    SCORES,
    'history_dataset_as_image(output="plot")',
    'history_dataset_as_image(output="reliability_plot")',
    'history_dataset_as_image(output="composition_plot")',
    PREDICTIONS,
]
LADDER_DIRECTIVES = ['history_dataset_as_image(output="ladder_plot")', LADDER]
OUTPUTS = {
    "metrics",
    "predictions",
    "errors",
    "ladder",
    "plot",
    "reliability_plot",
    "composition_plot",
    "ladder_plot",
    "report",
}


def write_evaluation_report(result, path, outputs=frozenset(OUTPUTS)):
    write(path, *report_blocks(result, set(outputs)))


def write_training_report(result, path):
    write(path, *training_report(result))


def evaluated(trained, **changes):
    given = {"base_model": str(TINY_RANDOM), "base_model_id": None, "adapter": str(trained.adapter), "batch_size": 8}
    return evaluate(**given | {"data": trained.splits["test"], "progress": lambda _: None} | changes)


@pytest.fixture
def report(tmp_path):
    """Write a report and return its text."""

    def call(write, result) -> str:
        write(result, tmp_path / "report.md")
        return (tmp_path / "report.md").read_text(encoding="utf-8")

    return call


def with_errors(expected: list[str]) -> list[str]:
    """The directives of a report on an evaluation in which there were errors."""
    place = expected.index(PREDICTIONS)
    return [*expected[:place], WORST, *expected[place:]]


def directives(text: str) -> list[str]:
    return re.findall(r"^```galaxy\n(.*)\n```$", text, flags=re.MULTILINE)


def test_the_report_of_a_training(report, two):
    text = report(write_training_report, two.result)
    (kept,) = two.result.history[two.result.history["kept"] == "yes"].itertuples()
    assert directives(text) == TRAINING_DIRECTIVES
    assert (
        "A model was trained on **60 sequences** to distinguish no from yes. Base model: **tiny-random** (mixtral; "
        "license: not stated).\n"
    ) in text
    assert "- trained: LoRA matrices of rank 2 (k_proj, o_proj, q_proj, v_proj) and a head\n" in text
    assert (
        f"**Epoch {kept.epoch:g}** had the lowest loss on the 30 development sequences and was saved: MCC "
        f"**{kept.dev_mcc:.3f}**, ROC-AUC **{kept.dev_roc_auc:.3f}**, accuracy **{kept.dev_accuracy:.3f}**, macro F1 "
        f"**{kept.dev_f1_macro:.3f}**, PR-AUC **{kept.dev_pr_auc:.3f}**, loss **{kept.dev_loss:.3f}**."
    ) in text
    assert re.search(r"^- training sequences a second: [\d,]+$", html.unescape(text), flags=re.MULTILINE)
    assert "\n- the training went through all 6 epochs\n" in html.unescape(text)
    assert "seeds" not in text and "a run will take" not in text
    assert text.endswith("(/?tool_id=dna_lm_evaluate).\n")
    assert cells(text)[:2] == [
        ["epoch", "saved", "training loss", "development loss", "MCC", "ROC-AUC"],
        ["1", *(["yes"] if kept.epoch == 1 else [""]), *(f"{two.result.history.iloc[0][name]:.3f}" for name in SCORED)],
    ]
    assert len(cells(text)) == 7


SCORED = ["train_loss", "dev_loss", "dev_mcc", "dev_roc_auc"]


def test_of_a_long_training_30_rows_are_shown_and_the_saved_one_among_them(report, two):
    first = two.result.history.iloc[0].to_dict()
    history = pd.DataFrame([first | {"epoch": n, "kept": "yes" if n == 70 else ""} for n in range(1, 101)])
    text = report(write_training_report, dataclasses.replace(two.result, history=history, metric="accuracy"))
    assert "Losses, and scores on the development set, 30 of 100 rows:\n" in text
    table = cells(text)
    assert table[0] == ["epoch", "saved", "training loss", "development loss", "accuracy", "MCC", "ROC-AUC"]
    assert [row[0] for row in table[1:]] == [*map(str, range(1, 30)), "70"]
    assert table[-1][1] == "yes" and table[-2][1] == ""


def test_the_report_of_several_runs(report, two):
    history = pd.concat([two.result.history.assign(seed=seed) for seed in (42, 43)])
    spread = pd.DataFrame({"mean": [0.5], "standard_deviation": [0.25]}, index=["dev_mcc"])
    text = html.unescape(report(write_training_report, dataclasses.replace(two.result, history=history, spread=spread)))
    best = two.result.history["dev_loss"].min()
    assert (
        "**2 models were saved**, one for each seed, whose predictions are averaged. Their lowest loss on the 30 "
        in text
    )
    assert f": {best:.3f}, {best:.3f}." in text
    assert "## 2 seeds: mean and standard deviation on the development set\n\n- MCC: 0.500 ± 0.250\n" in text


def test_the_report_of_an_evaluation(report, two):
    result = evaluated(two)
    text = report(write_evaluation_report, result)
    assert directives(text) == with_errors(EVALUATION_DIRECTIVES)
    assert len(result.worst) > 0 and f"\n| {escape(result.worst['id'][0])} | " in text
    assert text.startswith(f"# Evaluation of a DNA classifier\n\n**MCC {result.scores['mcc']:.3f} (")
    assert "Tested on **30 sequences** (15 no, 15 yes): " in text
    assert "The adapter was trained on 60 sequences with the base model **tiny-random**." in text
    low, high = result.resampled.interval(("mcc", None))
    assert (
        f"**MCC {result.scores['mcc']:.3f} ({low:.3f} to {high:.3f}), accuracy {result.scores['accuracy']:.3f} ("
        in text
    )
    assert "Always predicting the most frequent class would give an accuracy of 0.500" in text
    assert "those of the label yes." in text
    assert "the Mistral-DNA tutorial" in text
    assert "- The adapter was not compared with simpler models: counting k-mers might perform as well." in text
    flipped = result.strands.flipped
    assert f"On the other strand, the prediction changes for {flipped:.1%} of the sequences (95% CI " in text


def test_the_report_shows_the_outputs_that_there_are_only(report, two):
    text = report(lambda *both: write_evaluation_report(*both, outputs={"metrics", "plot", "report"}), evaluated(two))
    assert directives(text) == [
        SCORES,
        'history_dataset_as_image(output="plot")',
    ]
    assert "## Calibration" not in text


def test_the_report_of_an_evaluation_with_three_labels(report, three):
    text = report(write_evaluation_report, evaluated(three))
    assert "(10 1, 10 9, 10 10)" in text
    assert "means over the labels, each label against the rest." in text


def judged(target: Target, truth, predictions, **task) -> Evaluated:
    """An evaluation without a model."""
    truth, predictions = np.array(truth), np.array(predictions, dtype=float)
    training = {"sequences": {"train": 1234, "dev": 5}}
    adapter = Adapter({}, {}, {"id": "a_model"}, target.task() | task, training)
    resampled = resample(target, truth, predictions, adapter.decision)
    scores = {name: value for (name, number), value in resampled.values.items() if number is None}
    return Evaluated(
        table=pd.DataFrame(),
        adapter=adapter,
        source="the data",
        strand=adapter.strand,
        resampled=resampled,
        truth=truth,
        predictions=predictions,
        predicted=adapter.decision.predicted(target, predictions),
        lengths=np.full(len(truth), 200),
        gc=np.full(len(truth), 0.5),
        independence=Independence(None, f"{len(truth):,} sequences", "they may depend on one another"),
        strands=Strands(dict.fromkeys((FORWARD, REVERSE, BOTH), scores), 0.25, 0.1, 0.4),
        worst=pd.DataFrame(),
        ladder=None,
        motifs="",
        speed=dict(zip(SPEED, (2.0, 50.0, 1.5), strict=True)),
        seen=[],
        read="what was read",
        warnings=[],
        caveats=[],
    )


TWO = (Target(CLASSES, ["no", "yes"]), [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])


def test_the_report_says_which_strands_were_read(report):
    text = report(write_evaluation_report, judged(*TWO))
    assert "Predictions are for the strand as given." in text
    assert (
        "25.0% of the predictions change with the strand; the mean of both strands does not, and scores no lower"
        in text
    )
    text = report(write_evaluation_report, judged(*TWO, strand="both"))
    assert "Predictions are the mean of both strands." in text
    assert "the strand as given" not in text
    assert "of the predictions change with the strand" not in text
    text = report(write_evaluation_report, dataclasses.replace(judged(*TWO), strand=REVERSE))
    assert "Predictions are for the reverse complement." in text


def test_a_label_that_does_not_occur_is_named_and_no_headline_is_undefined(report):
    truth = np.arange(40) % 2
    result = judged(Target(CLASSES, ["all", "b", "c"]), truth, 0.9 * np.eye(3)[truth] + 0.1 / 3)
    text = html.unescape(report(write_evaluation_report, result))
    assert "**MCC 1.000, accuracy 1.000, balanced accuracy 1.000.** ROC-AUC is undefined, because the label c" in text
    assert "- The label c does not occur in this test set: its scores are undefined" in text
    assert "nan" not in re.sub(r"[a-z]+nan|nan[a-z]+", "", text)
    table = result.metrics_table()
    assert not table.duplicated(["metric", "label"]).any()
    assert table.set_index(["metric", "label"]).loc[("f1_macro", "(all)"), "value"] == "1.0000"


def test_one_number_for_all_has_no_correlation(report):
    result = judged(Target(NUMBER, []), [1.0, 2.0, 4.0], [[2.0], [2.0], [2.0]])
    text = html.unescape(report(write_evaluation_report, result))
    assert "Spearman correlation and Pearson correlation are undefined, because all predictions are the same" in text
    assert "- The adapter predicts the same for every sequence." in text
    assert "nan" not in text


def test_too_few_of_a_label_for_an_interval(report):
    truth = np.array([1] * 5 + [0] * 95)
    second = np.where(truth == 1, 0.8, 0.2)
    second[[0, 50]] = 1 - second[[0, 50]]
    text = html.unescape(report(write_evaluation_report, judged(TWO[0], truth, np.column_stack([1 - second, second]))))
    assert "the label yes (true for 5 sequences, predicted for 5): at least 10 with the label and 5 predictions" in text
    assert "**MCC 0.789, accuracy 0.980 (0." in text


@pytest.mark.parametrize("off", [0.0, 0.2])
def test_calibration_is_advised_if_the_probabilities_are_off_by_more_than_chance(report, off):
    numbers = np.random.default_rng(1)
    chance = numbers.uniform(0.05, 0.75, size=200)
    truth = (numbers.random(200) < chance).astype(int)
    second = chance + off
    text = html.unescape(report(write_evaluation_report, judged(TWO[0], truth, np.column_stack([1 - second, second]))))
    assert ("It is larger than expected by chance." in text) == bool(off)
    assert ("the tool Calibrate a DNA classifier may correct that" in text) == bool(off)
    assert ("- The probabilities are off by more than chance. A calibration may correct that: [" in text) == bool(off)
    assert ("It may be due to chance." in text) != bool(off)


def test_the_draws_are_counted(report):
    result = judged(*TWO)
    fewer = dataclasses.replace(result, resampled=resample(TWO[0], result.truth, result.predictions, resamples=200))
    assert "The intervals are from 200 bootstrap resamples. Each" in report(write_evaluation_report, fewer)


def test_a_mean_of_both_strands_that_scores_lower_is_not_advised(report):
    result = judged(*TWO)
    scores = result.strands.scores | {BOTH: result.strands.scores[BOTH] | {"mcc": -1.0}}
    text = report(write_evaluation_report, dataclasses.replace(result, strands=Strands(scores, 0.25, 0.1, 0.4)))
    assert "the mean of both strands scores lower, so the strand seems to matter here" in text


def test_the_report_says_of_how_many_models_an_ensemble_is(report):
    assert "ensemble" not in report(write_evaluation_report, judged(*TWO))
    text = report(write_evaluation_report, judged(*TWO, members=3))
    assert "The adapter is an ensemble of 3 models, whose predictions are averaged." in text


def test_the_report_says_how_fast_the_predictions_were(report):
    text = report(write_evaluation_report, judged(*TWO))
    assert "Predicting both strands took 2.00 s: 50.0 sequences and 1.50 batches per second." in text


def test_the_report_begins_with_data_that_were_seen(report):
    result = dataclasses.replace(judged(*TWO), seen=["it was seen"])
    lines = report(write_evaluation_report, result).splitlines()
    assert lines[2] == "> **Warning:** it was seen"


def test_the_report_says_whether_the_adapter_was_calibrated(report):
    text = report(write_evaluation_report, judged(*TWO))
    assert "The adapter was not calibrated" in text
    text = report(
        write_evaluation_report, judged(*TWO, temperature=1.5, thresholds=[0.3], calibration={"data_sha256": "x"})
    )
    assert "its temperature is 1.5." in text
    assert "yes is predicted if its probability is at least 0.300, the threshold chosen in the calibration." in text
    assert "was not calibrated" not in text


def test_rare_labels_and_imbalance_are_caveats(report):
    target = Target(CLASSES, ["no", "yes"])
    truth = [0] * 190 + [1] * 10
    text = html.unescape(report(write_evaluation_report, judged(target, truth, np.tile([0.6, 0.4], (200, 1)))))
    assert "- Few sequences have the label yes (10): its scores are uncertain." in text
    assert "- 95% of the sequences are no, so that accuracy is not informative" in text
    assert "sequences are few" not in text
    assert "- 3 sequences are few" in report(write_evaluation_report, judged(*TWO))


def with_ladder(own: float, other: float, count: int = 400, train: int = 1234, **task) -> Evaluated:
    """An evaluation of which the adapter and the k-mers are right on these shares of the sequences."""
    target, truth = Target(CLASSES, ["no", "yes"]), np.arange(count) % 2

    def right_on(share: float, seed: int) -> np.ndarray:
        # Pairs of one sequence of each label are right or wrong together, so that MCC is 2 * share - 1.
        pairs = np.repeat(np.random.default_rng(seed).permutation(count // 2), 2)
        said = np.where(pairs < share * (count // 2), truth, 1 - truth)
        return np.where(said[:, None] == [0, 1], 0.8, 0.2)

    result = judged(target, truth, right_on(own, 1), **task)
    predictions = {TITLES[COMMONEST]: np.full((count, 2), 0.5), TITLES[KMERS]: right_on(other, 2)}
    ladder = climb(target, truth, result.predictions, predictions, dict.fromkeys(predictions, 1234), train)
    return dataclasses.replace(result, ladder=ladder)


@pytest.mark.parametrize(
    ("own", "other", "words", "numbers"),
    [
        (
            *(0.6, 0.8, "This adapter performs worse than counting k-mers"),
            "MCC 0.200 vs. 0.600, difference -0.400 (95% CI -",
        ),
        (
            *(0.8, 0.79, "This adapter cannot be distinguished from counting k-mers on these 400 sequences"),
            "MCC 0.600 vs. 0.580, difference +0.020 (95% CI -",
        ),
        (
            *(0.79, 0.8, "This adapter cannot be distinguished from counting k-mers on these 400 sequences"),
            "MCC 0.580 vs. 0.600, difference -0.020 (95% CI -",
        ),
        (
            *(0.8, 0.6, "This adapter performs better than counting k-mers"),
            "MCC 0.600 vs. 0.200, difference +0.400 (95% CI +",
        ),
    ],
)
def test_the_first_lines_say_what_came_of_the_comparison_with_kmers(report, own, other, words, numbers):
    result = with_ladder(own, other)
    text = html.unescape(report(write_evaluation_report, result))
    lines = text.splitlines()
    assert lines[0] == f"# {words}"
    assert ladder_title(result) == words
    assert lines[2].startswith(f"**{words}: {numbers}")
    assert lines[4].startswith("Tested on **400 sequences**")
    assert ("A larger test set could resolve the difference.**" in lines[2]) == ("distinguished" in words)
    assert directives(text) == LADDER_DIRECTIVES + EVALUATION_DIRECTIVES
    assert "The simpler models were trained on the 1,234 sequences of the training set and tested on the same" in text
    assert 'performs better than "most frequent class"' in text
    assert text.count("| this adapter | ") == text.count("| most frequent class | 0.000 | 0.500 | 0.500 (") == 1
    last = text.rpartition("## Next steps\n")[2]
    assert ("[Fine-tune a DNA language model](/?tool_id=dna_lm_finetune)" in last) == ("better" not in words)
    assert all(f"(/?tool_id=dna_lm_{tool})" in last for tool in ("compare", "predict", "scan"))


def test_a_threshold_of_the_adapter_is_no_advantage_over_the_simpler_models(report):
    """The k-mers give the same probabilities: with the threshold that was tuned, the adapter would be ahead."""
    target, truth = Target(CLASSES, ["no", "yes"]), np.arange(400) % 2
    second = np.clip(0.3 + 0.15 * truth + 0.1 * np.random.default_rng(1).normal(size=400), 0.01, 0.99)
    predictions = np.column_stack([1 - second, second])
    result = judged(target, truth, predictions, thresholds=[0.375], calibration={})
    assert result.scores["mcc"] > 0.4
    counts = {TITLES[KMERS]: 9}
    ladder = climb(target, truth, result.predictions, {TITLES[KMERS]: predictions.copy()}, counts, 9)
    text = html.unescape(report(write_evaluation_report, dataclasses.replace(result, ladder=ladder)))
    assert text.startswith("# This adapter cannot be distinguished from counting k-mers on these 400 sequences\n")
    assert "difference +0.000 (95% CI +0.000 to +0.000; adjusted p = 1.000)" in text
    assert (
        "Each model predicts the most probable label; the calibrated thresholds of the adapter are ignored here" in text
    )


def test_simpler_models_that_learned_from_less_are_told(report):
    text = html.unescape(report(write_evaluation_report, with_ladder(0.8, 0.6, train=5000)))
    assert "Counting k-mers learned from 1,234 of the 5,000 training sequences." in text.splitlines()[2]
    assert "the 5,000 sequences of the training set (most frequent class: 1,234 of them; k-mer counts" in text


def test_the_report_says_what_was_drawn(report):
    text = html.unescape(report(write_evaluation_report, judged(*TWO)))
    assert (
        "The intervals are from 1,000 bootstrap resamples. Each resample draws 3 sequences with replacement, as many "
        "as the test set has. The intervals show how much"
    ) in text
    assert "- They may depend on one another." in text
    clusters = Independence(np.zeros(3, int), "12 clusters", "")
    text = report(write_evaluation_report, dataclasses.replace(judged(*TWO), independence=clusters))
    assert (
        "Each resample draws 12 clusters (column `cluster` of the table), with all of their sequences, with "
        "replacement, as many as the test set has, because the sequences of a cluster are not independent."
    ) in text


def test_the_report_of_an_evaluation_with_several_labels_a_sequence(report):
    target = Target(MULTI_LABEL, ["<a>", "b"])
    truth = [[1.0, 0], [1, 1], [0, 0], [1, 1]]
    text = report(write_evaluation_report, judged(target, truth, [[0.9, 0.2], [0.8, 0.3], [0.1, 0.1], [0.6, 0.7]]))
    assert directives(text) == EVALUATION_DIRECTIVES
    assert "**4 sequences** (any number of labels each: 3 &#60;a&#62;, 2 b, 1 none)" in text
    # a: all right; b: one of two is found. Of the sequences, three have all labels right; two of four have both labels.
    assert f"**Macro F1 {(1 + 2 / 3) / 2:.3f}" in text
    assert "every label correct: accuracy 0.750" in text
    assert "would be correct for 0.500 of the sequences" in text
    assert "A label is predicted if its probability is at least 0.5." in text
    text = report(write_evaluation_report, judged(target, truth, np.full((4, 2), 0.4), thresholds=[0.3, 0.5]))
    assert "chosen for it in the calibration: 0.300 for &#60;a&#62;, 0.500 for b." in text


def test_the_report_of_an_evaluation_of_numbers(report):
    target = Target(NUMBER, [], mean=0.0, spread=1.0)
    text = report(write_evaluation_report, judged(target, [1.0, 2, 3, 6], [[2], [2], [5], [4]]))
    assert directives(text) == EVALUATION_DIRECTIVES
    assert "**4 sequences** (values from 1 to 6): the data." in text
    assert ", R2 0.357" in text and ", mean absolute error 1.25" in text
    assert "R2 of 0 and a mean absolute error of 1.5." in text
    assert "label" not in text.replace(', label="', "")
    assert "the prediction for the same sequence differs by 0.25 on average." in text


def test_warnings_are_in_the_report(report, two):
    result = dataclasses.replace(two.result, warnings=["the *first* one", "the second one"])
    text = report(write_training_report, result)
    assert "\n> **Warning:** the &#42;first&#42; one\n\n> **Warning:** the second one\n" in text


def test_only_the_first_labels_of_many_are_listed(report, two):
    adapter = dataclasses.replace(two.result.adapter, task={"labels": [f"L{number}" for number in range(30)]})
    text = report(write_training_report, dataclasses.replace(two.result, adapter=adapter))
    assert "L18, L19 and 10 more." in text
    assert "L20" not in text


@pytest.mark.parametrize("write", [write_training_report, write_evaluation_report])
def test_labels_stand_in_the_report_as_text_only(report, strange, write):
    result = evaluated(strange) if write is write_evaluation_report else strange.result
    text = report(write, result)
    for label in STRANGE_LABELS:
        assert label not in text
        assert label in html.unescape(text)
    evaluation = write is write_evaluation_report
    assert directives(text) == (with_errors(EVALUATION_DIRECTIVES) if evaluation else TRAINING_DIRECTIVES)
    assert "<" not in text
    assert "${" not in text


def test_the_name_of_a_base_model_stands_in_the_report_as_text_only(report, two):
    name = (
        "<img src=x>\n\n```galaxy\njob_metrics()\n```\n# \udcff"  # a file name that is not UTF-8 becomes such a letter
    )
    identity = two.result.adapter.base_model | {"id": name}
    adapter = dataclasses.replace(two.result.adapter, base_model=identity)
    text = report(write_training_report, dataclasses.replace(two.result, adapter=adapter))
    assert directives(text) == TRAINING_DIRECTIVES
    assert "<img" not in text
