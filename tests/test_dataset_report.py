import dataclasses
import html
import re

import pandas as pd
import pytest

from conftest import STRANGE_LABELS
from dev.galaxy.plain_report import plain_report
from dna_lm.preparation import quicklook
from dna_lm.preparation.records import Records
from dna_lm.preparation.report import DatasetReport, dataset_report
from dna_lm.reports.markdown import write
from dna_lm.words import MULTI_LABEL, NUMBER


def look(splits, *arguments, **keywords):
    return quicklook.look({name: Records(table) for name, table in splits.items()}, *arguments, **keywords)


DIRECTIVES = [
    'history_dataset_as_table(output="summary", title="Steps of cleaning", show_column_headers=false)',
    'history_dataset_as_table(output="leakage", title="Sequences shared with train", show_column_headers=false)',
    'history_dataset_as_table(output="offenders", title="First sequences found in train and in another split", '
    "show_column_headers=false)",
    'history_dataset_as_image(output="plot")',
    'job_parameters(collapse="Show the options of this job")',
]
NASTY = "<img src=x> **bold** | cell\n\n```galaxy\njob_metrics()\n```\n# \udcff ${dataset}"


def result(labels=("no", "yes"), **changes) -> DatasetReport:
    train = pd.DataFrame({"sequence": ["ACGT", "AACC", "TTTTGGAA", "AATT"], "label": [labels[0], labels[1]] * 2})
    seen = look({"train": train, "dev": train.iloc[:2], "test": train.iloc[2:3]}, list(labels), seed=1)
    given = {
        "labels": list(labels),
        "read": ["the labeled table (a.csv): 9 sequences"],
        "split": "the splits were drawn at random",
        "sizes": {"train": 4, "dev": 2, "test": 1},
        "splits": seen.table(),
        "baselines": seen.baselines,
        "trained": seen.trained,
        "scored": seen.scored,
        "leakage": ["2 of 2 dev sequences are copies of train's"],
        "offenders": True,
    }
    return DatasetReport(**given | changes)


@pytest.fixture
def written(tmp_path):
    def call(report: DatasetReport) -> str:
        write(tmp_path / "report.md", *dataset_report(report))
        return (tmp_path / "report.md").read_text(encoding="utf-8")

    return call


def directives(text: str) -> list[str]:
    return re.findall(r"^```galaxy\n(.*)\n```$", text, flags=re.MULTILINE)


def test_what_it_says(written):
    text = written(result(unknown="of the tokens, none is unknown", caveats=["homologs were not looked for"]))
    assert directives(text) == DIRECTIVES
    assert (
        "\n**7 sequences** with the labels no, yes were divided into 4 train, 2 dev, 1 test. The splits were drawn at "
        "random.\n"
    ) in text
    assert "\n- the labeled table (a.csv): 9 sequences\n" in text
    assert "\nOf the tokens, none is unknown.\n" in text
    assert "\n- 2 of 2 dev sequences are copies of train's\n" in text
    assert "\n## Not checked\n\n- homologs were not looked for\n" in text
    assert "trained on 4 sequences of train and scored on 2 of dev" in text
    assert "ROC-AUC is that of the label yes, 0.5 for guessing." in text
    assert "negatives" not in text


def test_its_tables(written):
    lines = html.unescape(written(result()).replace("&ensp;", "")).splitlines()
    start = lines.index(
        "| split | label | sequences | length (shortest, median, longest) | GC (mean ± sd) | other letters |"
    )
    assert lines[start + 1 : start + 8] == [
        "| --- | --- | ---: | ---: | ---: | ---: |",
        "| train | no | 2 | 4, 6, 8 | 37.5% ± 12.5 | 0.00% |",
        "| train | yes | 2 | 4 | 25.0% ± 25.0 | 0.00% |",
        "| dev | no | 1 | 4 | 50.0% ± 0.0 | 0.00% |",
        "| dev | yes | 1 | 4 | 50.0% ± 0.0 | 0.00% |",
        "| test | no | 1 | 8 | 25.0% ± 0.0 | 0.00% |",
        "| test | yes | 0 | – | – | 0.00% |",
    ]
    start = lines.index("| model | accuracy | MCC | ROC-AUC |")
    assert lines[start + 2] == "| the commonest label for all | 0.500 | 0.000 | 0.500 |"
    assert [line.split(" | ")[0] for line in lines[start + 3 : start + 6]] == [
        "| GC content alone",
        "| length alone",
        "| k-mers of 3 to 6 letters",
    ]


def test_warnings_come_first_and_negatives_before_the_numbers(written):
    text = written(result(warnings=["leaks", "is trivial."], negatives=["shuffled: a model may tell *order* apart"]))
    assert "\n\n> **Warning:** Leaks.\n\n> **Warning:** Is trivial.\n\n## How the negatives were made\n" in text
    assert "\n- shuffled: a model may tell &#42;order&#42; apart\n" in text


def test_no_table_of_offenders_without_any(written):
    assert directives(written(result(offenders=False))) == [call for call in DIRECTIVES if "offenders" not in call]


def test_no_trivial_models(written):
    text = written(result(baselines=result().baselines.iloc[:0]))
    assert "None could be trained and scored, since train or dev is empty." in text


def test_a_score_that_is_not_defined(written):
    baselines = result().baselines.assign(roc_auc=float("nan"))
    assert "| the commonest label for all | 0.500 | 0.000 | – |" in written(result(baselines=baselines))


def test_three_labels_and_a_long_table(written):
    report = result(labels=("a", "b", "c"))
    splits = pd.concat([report.splits] * 10, ignore_index=True)
    text = written(dataclasses.replace(report, splits=splits))
    assert "mean over the labels, each against the rest, 0.5 for guessing." in text
    assert "\nThe table has 30 more rows, left out here.\n" in text


def test_what_users_give_stands_in_it_as_text_only(written):
    given = dict.fromkeys(("read", "warnings", "negatives", "leakage", "caveats"), [NASTY])
    text = written(result(labels=STRANGE_LABELS, split=NASTY, unknown=NASTY, **given))
    assert directives(text) == DIRECTIVES
    assert "<" not in text and "${" not in text and "**bold" not in text
    for label in STRANGE_LABELS:
        assert label not in text
        assert label in html.unescape(text)


def test_other_viewers_show_it_without_its_directives(written):
    # What Galaxy's interface gives out has the numbers of datasets where the report has names of outputs.
    exported = re.sub(r'output="\w+"', "history_dataset_id=1", written(result()))
    exported = exported.replace("job_parameters(", "job_parameters(job_id=1, ")
    plain = plain_report(exported, {}, lambda job: [("seed", "42")])
    assert "galaxy" not in plain
    assert "| seed | 42 |" in plain
    assert "| &ensp;model&ensp; | &ensp;accuracy&ensp; | &ensp;MCC&ensp; | &ensp;ROC-AUC&ensp; |" in plain


def test_numbers_are_told_by_their_range_and_scored_as_numbers(written):
    train = pd.DataFrame(
        {"sequence": ["ACGT", "AACC", "TTTTGGAA", "AATT", "GGCC"], "label": ["0.5", "1", "2", "3", "8"]}
    )
    seen = look({"train": train, "dev": train.iloc[:4], "test": train.iloc[2:3]}, [], seed=1, kind=NUMBER)
    text = written(
        result(
            labels=("", ""),
            target=NUMBER,
            numbers=seen.numbers,
            splits=seen.table(),
            baselines=seen.baselines,
            trained=5,
            scored=4,
        )
    )
    assert "with numbers from 0.5 to 8 (mean 2.3)" in text
    assert "## How low and high numbers differ" in text and "Ridge regressions, trained on 5 sequences" in text
    assert "mean absolute error" in text and "MCC" not in text and "ROC" not in text


def test_sequences_with_several_labels_are_said_to_be_counted_in_each_row(written):
    text = written(result(target=MULTI_LABEL))
    assert "A sequence with several labels is counted in the row of each" in text
    assert "Logistic regressions, one for each label, trained on" in text
    assert "mean over the labels, each against the rest" in text
