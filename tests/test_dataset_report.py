import dataclasses
import html
import itertools
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
from written_tables import unpadded


def look(splits, *arguments, **keywords):
    return quicklook.look({name: Records(table) for name, table in splits.items()}, *arguments, **keywords)


DIRECTIVES = [
    'history_dataset_link(output="summary", label="All steps of cleaning (table)")',
    'history_dataset_link(output="leakage", label="Leakage between the splits by label (table)")',
    'history_dataset_link(output="offenders", label="Leaking sequences: the first of each label and kind (table)")',
    'history_dataset_as_image(output="plot")',
]
NASTY = "<img src=x> **bold** | cell\n\n```galaxy\njob_metrics()\n```\n# \udcff ${dataset}"


SUMMARY = pd.DataFrame(
    [
        ("read", 9, 4, 5, 4, 4, 8),
        ("changed: U of RNA written as T", 0, 0, 0, "", "", ""),
        ("removed: copies", 2, 1, 1, 4, 4, 4),
        ("kept", 1007, 3, 1004, 4, 5, 8),
        ("kept, with ambiguous nucleotides", 0, 0, 0, "", "", ""),
        ("train", 4, 2, 2, 4, 5, 8),
    ],
    columns=["step", "sequences", "label no", "label yes", "shortest", "median length", "longest"],
)
NO_LEAKAGE = (
    "No sequence of the development or test set is a copy of a training sequence or shares 32 nucleotides with one, on "
    "either strand."
)


def leakage(copies: list[int], similar: list) -> pd.DataFrame:
    """Counts of dev in train of one label and all, and of test in train and in dev."""
    places = [("dev", "train", "no"), ("dev", "train", "(all)"), ("test", "train", "(all)"), ("test", "dev", "(all)")]
    rows = [(*place, 50, one, 0, 0, one / 50, other) for place, one, other in zip(places, copies, similar, strict=True)]
    columns = ["split", "also in", "label", "sequences", "copies", "reverse complements", "sharing a 32-mer", "share"]
    return pd.DataFrame(rows, columns=[*columns, "similar"])


def rows(text: str, first: str) -> list[str]:
    """The table whose header begins with a cell, without the line below the header."""
    lines = unpadded(text).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    table = list(itertools.takewhile(lambda line: line.startswith("|"), lines[start:]))
    return [table[0], *table[2:]]


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
        "summary": SUMMARY,
        "leakage": leakage([0, 1, 1, 5], [0, 0, 0, ""]),
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
        "\n**7 sequences** (labels: no, yes) were split into 4 training, 2 development and 1 test sequences. The "
        "splits were drawn at random.\n"
    ) in text
    assert "\n- the labeled table (a.csv): 9 sequences\n" in text
    assert "\nOf the tokens, none is unknown.\n" in text
    assert "\n## Not checked\n\n- homologs were not looked for\n" in text
    assert "trained on 4 training sequences and scored on 2 of the development set" in text
    assert "ROC-AUC is that of the label yes, 0.5 for guessing." in text
    assert "negatives" not in text
    assert text.index("## Next steps") > text.index("## Not checked")
    assert "[Fine-tune a DNA language model](/?tool_id=dna_lm_finetune), which uses the training set and" in text
    assert "[Evaluate a DNA classifier](/?tool_id=dna_lm_evaluate)" in text


def test_steps_that_changed_nothing_are_left_out(written):
    assert rows(written(result()), "step") == [
        "| step | sequences | no | yes | length (shortest, median, longest) |",
        "| read | 9 | 4 | 5 | 4, 4, 8 |",
        "| removed: copies | 2 | 1 | 1 | 4 |",
        "| kept | 1,007 | 3 | 1,004 | 4, 5, 8 |",
    ]
    many = SUMMARY.assign(**{f"label {number}": 1 for number in range(5)})
    assert rows(written(result(summary=many)), "step")[1] == "| read | 9 | 4, 4, 8 |"


def test_leakage_of_nothing_is_one_sentence(written):
    text = written(result(leakage=leakage([0] * 4, [0] * 4)))
    assert f"\n{NO_LEAKAGE}\n" in text
    assert "| split | also in" not in unpadded(text)
    assert directives(text) == [call for call in DIRECTIVES if "offenders" not in call]


def test_rows_of_leakage_that_are_not_0(written):
    text = written(result(leakage=leakage([0, 1, 0, 0], [0, 1, 3, 0])))
    assert NO_LEAKAGE not in text and "Similar: in one cluster of similar sequences" in text
    assert directives(text) == DIRECTIVES
    assert rows(text, "split | also in") == [
        "| split | also in | label | sequences | copies | reverse complements | share 32 nucleotides | similar |",
        "| development | training | all | 50 | 1 | 0 | 0 | 1 |",
        "| test | training | all | 50 | 0 | 0 | 0 | 3 |",
    ]
    # of test in dev alone, without a search for similar sequences
    text = written(result(leakage=leakage([0, 0, 0, 2], [""] * 4)))
    assert NO_LEAKAGE in text and "Similar" not in text
    assert rows(text, "split | also in")[1:] == ["| test | development | all | 50 | 2 | 0 | 0 |"]


def test_its_tables(written):
    lines = unpadded(written(result())).splitlines()
    start = lines.index(
        "| split | label | sequences | length (shortest, median, longest) | GC (mean ± sd) | ambiguous |"
    )
    assert lines[start + 1 : start + 8] == [
        "| --- | --- | ---: | ---: | ---: | ---: |",
        "| training | no | 2 | 4, 6, 8 | 37.5% ± 12.5 | 0.00% |",
        "| training | yes | 2 | 4 | 25.0% ± 25.0 | 0.00% |",
        "| development | no | 1 | 4 | 50.0% ± 0.0 | 0.00% |",
        "| development | yes | 1 | 4 | 50.0% ± 0.0 | 0.00% |",
        "| test | no | 1 | 8 | 25.0% ± 0.0 | 0.00% |",
        "| test | yes | 0 | – | – | 0.00% |",
    ]
    start = lines.index("| model | accuracy | MCC | ROC-AUC |")
    assert lines[start + 2] == "| most frequent class | 0.500 | 0.000 | 0.500 |"
    assert [line.split(" | ")[0] for line in lines[start + 3 : start + 6]] == [
        "| GC content",
        "| sequence length",
        "| k-mer counts (3-6)",
    ]


def test_warnings_come_first_and_negatives_before_the_numbers(written):
    text = written(result(warnings=["leaks", "is trivial."], negatives=["shuffled: a model may tell *order* apart"]))
    assert "\n\n> **Warning:** Leaks.\n\n> **Warning:** Is trivial.\n\n## How the negatives were made\n" in text
    assert "\n- shuffled: a model may tell &#42;order&#42; apart\n" in text


def test_no_trivial_models(written):
    text = written(result(baselines=result().baselines.iloc[:0]))
    assert "None could be trained and scored, since the training or development set is empty." in text


def test_a_score_that_is_not_defined(written):
    baselines = result().baselines.assign(roc_auc=float("nan"))
    assert "| most frequent class | 0.500 | 0.000 | – |" in written(result(baselines=baselines))


def test_three_labels_and_a_long_table(written):
    report = result(labels=("a", "b", "c"))
    splits = pd.concat([report.splits] * 10, ignore_index=True)
    text = written(dataclasses.replace(report, splits=splits))
    assert "mean over the labels, each against the rest, 0.5 for guessing." in text
    assert "\nThe table has 30 more rows, left out here.\n" in text


def test_what_users_give_stands_in_it_as_text_only(written):
    given = dict.fromkeys(("read", "warnings", "negatives", "caveats"), [NASTY])
    text = written(result(labels=STRANGE_LABELS, split=NASTY, unknown=NASTY, **given))
    assert directives(text) == DIRECTIVES
    assert "<" not in text and "${" not in text and "**bold" not in text
    for label in STRANGE_LABELS:
        assert label not in text
        assert label in html.unescape(text)


def test_other_viewers_show_it_without_its_directives(written):
    # What Galaxy's interface gives out has the numbers of datasets where the report has names of outputs.
    exported = re.sub(r'output="\w+"', "history_dataset_id=1", written(result()))
    plain = plain_report(exported, {})
    assert "galaxy" not in plain
    assert "| model | accuracy | MCC | ROC-AUC |" in unpadded(plain)


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
    assert "(numbers from 0.5 to 8, mean 2.3) were split" in text
    assert "## How low and high numbers differ" in text and "Ridge regressions, trained on 5 training sequences" in text
    assert "mean absolute error" in text and "MCC" not in text and "ROC" not in text


def test_sequences_with_several_labels_are_said_to_be_counted_in_each_row(written):
    text = written(result(target=MULTI_LABEL))
    assert "A sequence with several labels is counted in the row of each" in text
    assert "Logistic regressions, one for each label, trained on" in text
    assert "mean over the labels, each against the rest" in text
