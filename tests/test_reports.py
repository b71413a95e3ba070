import dataclasses
import html
import re

import numpy as np
import pandas as pd
import pytest

from conftest import STRANGE_LABELS
from dna_lm.adapter import Adapter
from dna_lm.evaluating import Evaluated, evaluate
from dna_lm.evaluation_report import write_evaluation_report
from dna_lm.metrics import score
from dna_lm.options import CLASSES, MULTI_LABEL, NUMBER
from dna_lm.targets import Target
from dna_lm.training_report import write_training_report
from small import TINY_RANDOM

TRAINING_DIRECTIVES = [
    'history_dataset_as_image(output="plot")',
    'history_dataset_as_table(output="history", title="Training history", show_column_headers=false)',
    "job_parameters()",
]
EVALUATION_DIRECTIVES = [
    'history_dataset_as_table(output="metrics", title="Metrics", show_column_headers=false)',
    'history_dataset_as_image(output="plot")',
    "job_parameters()",
]


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


def directives(text: str) -> list[str]:
    return re.findall(r"^```galaxy\n(.*)\n```$", text, flags=re.MULTILINE)


def test_the_report_of_a_training(report, two):
    text = report(write_training_report, two.result)
    (kept,) = two.result.history[two.result.history["kept"] == "yes"].itertuples()
    assert directives(text) == TRAINING_DIRECTIVES
    assert (
        "**60 sequences** taught a model to tell apart no, yes, on top of the base model **tiny&#45;random** "
        "(mixtral). What was trained: LoRA matrices of rank 2 (k&#95;proj, o&#95;proj, q&#95;proj, v&#95;proj) and a "
        "head."
    ) in text
    assert (
        f"**Epoch {kept.epoch:g}** had the best MCC on the 30 dev sequences and is kept: MCC **{kept.dev_mcc:.3f}**, "
        f"macro F1 **{kept.dev_f1_macro:.3f}**, accuracy **{kept.dev_accuracy:.3f}**, ROC-AUC "
        f"**{kept.dev_roc_auc:.3f}**, loss **{kept.dev_loss:.3f}**."
    ) in text
    assert re.search(r"^- training sequences a second: [\d,]+$", html.unescape(text), flags=re.MULTILINE)
    assert "seeds" not in text


def test_the_report_of_several_runs(report, two):
    history = pd.concat([two.result.history.assign(seed=seed) for seed in (42, 43)])
    spread = pd.DataFrame({"mean": [0.5], "standard_deviation": [0.25]}, index=["dev_mcc"])
    text = html.unescape(report(write_training_report, dataclasses.replace(two.result, history=history, spread=spread)))
    best = two.result.history["dev_mcc"].max()
    assert (
        "**2 models are kept**, one of each seed, whose answers are averaged. Each had its best MCC on the 30 dev "
        in text
    )
    assert f": {best:.3f}, {best:.3f}." in text
    assert "## 2 seeds: mean and standard deviation on dev\n\n- MCC: 0.500 ± 0.250\n" in text


def test_the_report_of_an_evaluation(report, two):
    result = evaluated(two)
    text = report(write_evaluation_report, result)
    assert directives(text) == EVALUATION_DIRECTIVES
    assert "**30 sequences** (15 no, 15 yes) were given to an adapter trained on 60 sequences" in text
    assert (
        f"**MCC {result.scores['mcc']:.3f}, accuracy {result.scores['accuracy']:.3f}, ROC-AUC "
        f"{result.scores['roc_auc']:.3f}.** Always answering with the commonest label would have an accuracy of 0.500"
    ) in text
    assert "those of the label yes." in text


def test_the_report_of_an_evaluation_with_three_labels(report, three):
    text = report(write_evaluation_report, evaluated(three))
    assert "(10 1, 10 9, 10 10)" in text
    assert "means over the labels, each against the rest." in text


def judged(target: Target, truth, answers, **task) -> Evaluated:
    """An evaluation without a model."""
    truth, answers = np.array(truth), np.array(answers, dtype=float)
    training = {"sequences": {"train": 1234, "dev": 5}}
    adapter = Adapter({}, {}, {"id": "a_model"}, target.task() | task, training)
    return Evaluated(None, adapter, score(target, truth, answers), truth, answers, "what was read", [])


TWO = (Target(CLASSES, ["no", "yes"]), [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])


def test_the_report_says_which_strands_were_read(report):
    assert "read on the strand on which they are given." in report(write_evaluation_report, judged(*TWO))
    text = report(write_evaluation_report, judged(*TWO, strand="both"))
    assert "read on both strands, and what the model said of the two was averaged." in text
    assert "the strand on which they are given" not in text


def test_the_report_says_of_how_many_models_an_ensemble_is(report):
    assert "ensemble" not in report(write_evaluation_report, judged(*TWO))
    text = report(write_evaluation_report, judged(*TWO, members=3))
    assert "The adapter is an ensemble of 3 models; the answers are the means of theirs." in text


def test_the_report_of_an_evaluation_with_several_labels_a_sequence(report):
    target = Target(MULTI_LABEL, ["<a>", "b"])
    truth = [[1.0, 0], [1, 1], [0, 0], [1, 1]]
    text = report(write_evaluation_report, judged(target, truth, [[0.9, 0.2], [0.8, 0.3], [0.1, 0.1], [0.6, 0.7]]))
    assert directives(text) == EVALUATION_DIRECTIVES
    assert "**4 sequences** (any number of labels each: 3 &#60;a&#62;, 2 b, 1 none)" in text
    # a: all right; b: one of two is found. Of the sequences, three have all labels right; two of four have both labels.
    assert f"**Macro F1 {(1 + 2 / 3) / 2:.3f}, ROC-AUC 1.000, all labels of a sequence right 0.750.**" in text
    assert "would be right for 0.500 of the sequences" in text
    assert "A label is predicted if its probability is at least 0.5." in text


def test_the_report_of_an_evaluation_of_numbers(report):
    target = Target(NUMBER, [], mean=0.0, spread=1.0)
    text = report(write_evaluation_report, judged(target, [1.0, 2, 3, 6], [[2], [2], [5], [4]]))
    assert directives(text) == EVALUATION_DIRECTIVES
    assert "**4 sequences** (with numbers from 1 to 6) were given to an adapter" in text
    assert ", R2 0.357, mean absolute error 1.25.**" in text
    assert "R2 of 0 and a mean absolute error of 1.5." in text
    assert "label" not in text


def test_warnings_are_in_the_report(report, two):
    result = dataclasses.replace(two.result, warnings=["the *first* one", "the second one"])
    text = report(write_training_report, result)
    assert "\n> **Warning:** the &#42;first&#42; one\n\n> **Warning:** the second one\n" in text


def test_only_the_first_labels_of_many_are_listed(report, two):
    adapter = dataclasses.replace(two.result.adapter, task={"labels": [f"L{number}" for number in range(30)]})
    text = report(write_training_report, dataclasses.replace(two.result, adapter=adapter))
    assert "L18, L19 and 10 more," in text
    assert "L20" not in text


@pytest.mark.parametrize("write", [write_training_report, write_evaluation_report])
def test_labels_stand_in_the_report_as_text_only(report, strange, write):
    result = evaluated(strange) if write is write_evaluation_report else strange.result
    text = report(write, result)
    for label in STRANGE_LABELS:
        assert label not in text
        assert label in html.unescape(text)
    assert directives(text) == (EVALUATION_DIRECTIVES if write is write_evaluation_report else TRAINING_DIRECTIVES)
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
