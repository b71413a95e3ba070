import dataclasses
import html
import re

import pytest

from conftest import STRANGE_LABELS
from dna_lm.applying import evaluate
from dna_lm.reports import write_evaluation_report, write_finetuning_report
from small import TINY_RANDOM

FINETUNING_DIRECTIVES = [
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
    text = report(write_finetuning_report, two.result)
    kept = two.result.history.iloc[two.result.best_epoch - 1]
    assert directives(text) == FINETUNING_DIRECTIVES
    assert "**60 sequences** with the labels no, yes, on top of the base model **tiny&#45;random** (mixtral)" in text
    assert f"Of 6 epochs, **epoch {two.result.best_epoch}** had the highest MCC on the 30 dev sequences" in text
    assert f"MCC **{kept.dev_mcc:.3f}**, accuracy {kept.dev_accuracy:.3f}, loss {kept.dev_loss:.3f}." in text


def test_the_report_of_an_evaluation(report, two):
    result = evaluated(two)
    text = report(write_evaluation_report, result)
    assert directives(text) == EVALUATION_DIRECTIVES
    assert "**30 sequences** (15 no, 15 yes) were classified with an adapter trained on 60 sequences" in text
    assert (
        f"**MCC {result.scores['mcc']:.3f}, accuracy {result.scores['accuracy']:.3f}, ROC-AUC "
        f"{result.scores['roc_auc']:.3f}.** Always answering with the commonest label would have an accuracy of 0.500"
    ) in text
    assert "those of the label yes." in text


def test_the_report_of_an_evaluation_with_three_labels(report, three):
    text = report(write_evaluation_report, evaluated(three))
    assert "(10 1, 10 9, 10 10)" in text
    assert "means over the labels, each against the rest." in text


def test_warnings_are_in_the_report(report, two):
    result = dataclasses.replace(two.result, warnings=["the *first* one", "the second one"])
    text = report(write_finetuning_report, result)
    assert "\n> **Warning:** the &#42;first&#42; one\n\n> **Warning:** the second one\n" in text


def test_only_the_first_labels_of_many_are_listed(report, two):
    adapter = dataclasses.replace(two.result.adapter, task={"labels": [f"L{number}" for number in range(30)]})
    text = report(write_finetuning_report, dataclasses.replace(two.result, adapter=adapter))
    assert "L18, L19 and 10 more," in text
    assert "L20" not in text


@pytest.mark.parametrize("write", [write_finetuning_report, write_evaluation_report])
def test_labels_stand_in_the_report_as_text_only(report, strange, write):
    result = evaluated(strange) if write is write_evaluation_report else strange.result
    text = report(write, result)
    for label in STRANGE_LABELS:
        assert label not in text
        assert label in html.unescape(text)
    assert directives(text) == (EVALUATION_DIRECTIVES if write is write_evaluation_report else FINETUNING_DIRECTIVES)
    assert "<" not in text
    assert "${" not in text


def test_the_name_of_a_base_model_stands_in_the_report_as_text_only(report, two):
    name = (
        "<img src=x>\n\n```galaxy\njob_metrics()\n```\n# \udcff"  # a file name that is not UTF-8 becomes such a letter
    )
    identity = two.result.adapter.base_model | {"id": name}
    adapter = dataclasses.replace(two.result.adapter, base_model=identity)
    text = report(write_finetuning_report, dataclasses.replace(two.result, adapter=adapter))
    assert directives(text) == FINETUNING_DIRECTIVES
    assert "<img" not in text
