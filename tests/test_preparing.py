import pandas as pd
import pytest

from dna_lm.options import PREPARE
from dna_lm.preparing import prepare
from refusals import refusal

DEFAULTS = {"table": None, "fasta": None} | {
    option.name: option.default
    for option in PREPARE
    if option.name in ("sequence_column", "label_column", "contradictory", "fractions", "seed")
}


def prepared(**options):
    return prepare(**DEFAULTS | options)


def unclean(test_data, **options):
    columns = {"sequence_column": "dna", "label_column": "bound", "fractions": "0.5,0.25,0.25"}
    return prepared(table=str(test_data / "unclean.csv"), **columns | options)


def rows(table: pd.DataFrame) -> list[list[str]]:
    return table.to_numpy().tolist()


def test_a_table_is_cleaned_and_split(test_data):
    result = unclean(test_data, contradictory="drop")
    for name, size in (("train", 8), ("dev", 4), ("test", 4)):
        split = result.splits[name]
        assert split.columns.tolist() == ["sequence", "label", "name"]
        assert split["label"].value_counts().to_dict() == {"yes": size // 2, "no": size // 2}
    everything = pd.concat(result.splits.values())
    assert sorted(everything["name"]) == sorted(f"s{number}" for number in range(1, 17))


def test_the_summary(test_data):
    summary = unclean(test_data, contradictory="drop").summary
    assert summary.columns.tolist() == [
        *("step", "sequences", "label no", "label yes", "shortest", "median length", "longest")
    ]
    assert rows(summary) == [
        ["read", 20, 10, 10, 12, 12, 12],
        ["duplicates removed", 2, 1, 1, 12, 12, 12],
        ["contradictory labels removed", 2, 1, 1, 12, 12, 12],
        ["kept", 16, 8, 8, 12, 12, 12],
        ["kept, with letters other than A, C, G, T", 0, 0, 0, "", "", ""],
        ["train", 8, 4, 4, 12, 12, 12],
        ["dev", 4, 2, 2, 12, 12, 12],
        ["test", 4, 2, 2, 12, 12, 12],
    ]


def test_a_contradiction_is_refused_with_its_lines(test_data):
    message = refusal(unclean, test_data)
    assert message.startswith(
        "the labelled table (unclean.csv), line 20, and the labelled table (unclean.csv), line 21:"
    )
    assert "is labelled 'yes' and 'no', one of 1 such sequences" in message


def test_one_fasta_for_each_label(test_data):
    result = prepared(fasta=[f"CTCF={test_data / 'CTCF.fa'}", f"p73={test_data / 'p73.fa'}"])
    assert result.splits["train"].columns.tolist() == ["sequence", "label", "id"]
    assert {name: len(split) for name, split in result.splits.items()} == {"train": 1200, "dev": 150, "test": 150}
    assert result.splits["test"]["label"].value_counts().to_dict() == {"p73": 100, "CTCF": 50}


def fasta(folder, name: str, *sequences: str) -> str:
    path = folder / name
    path.write_text("".join(f">{number}\n{sequence}\n" for number, sequence in enumerate(sequences)))
    return str(path)


def test_a_label_may_hold_any_printable_text(tmp_path):
    left = fasta(tmp_path, "a.fa", "AAAA", "AAAC", "AAAG")
    right = fasta(tmp_path, "b.fa", "CCCC", "CCCA", "CCCT")
    labels = ['"><script>', "a=b, $(touch x)"]
    result = prepared(fasta=[f"{labels[0]}={left}", f" {labels[1]} ={right}"], fractions="0.34,0.33,0.33")
    assert sorted(set(result.splits["train"]["label"])) == labels
    assert result.summary.columns.tolist()[2:4] == [f"label {label}" for label in labels]


def test_sequences_in_two_files_contradict_each_other(tmp_path):
    left, right = fasta(tmp_path, "a.fa", "AAAA"), fasta(tmp_path, "b.fa", "CCCC", "TTTT")
    message = refusal(prepared, fasta=[f"x={left}", f"y={right}"])
    assert message.startswith("the FASTA file of x (a.fa), line 1, and the FASTA file of y (b.fa), line 3:")


def test_a_label_that_loses_all_its_sequences_is_refused(tmp_path):
    left, right = fasta(tmp_path, "a.fa", "AAAA"), fasta(tmp_path, "b.fa", "CCCC", "TTTT", "CCCA")
    assert refusal(prepared, fasta=[f"x={left}", f"y={right}"], contradictory="drop") == (
        "no sequence with label 'x' is left after cleaning; check the labels of the input"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give either one --table or one --fasta LABEL=FILE for each label"),
        ({"table": "a", "fasta": ["x=b"]}, "give either one --table or one --fasta LABEL=FILE for each label"),
        ({"fasta": ["reads.fa"]}, "--fasta 'reads.fa' is not LABEL=FILE"),
        ({"fasta": ["=reads.fa"]}, "--fasta '=reads.fa': the label is empty; give every sequence a label"),
        (
            {"fasta": ["a\tb=reads.fa"]},
            "--fasta 'a\\tb=reads.fa': the label 'a\\tb' holds a control character; use printable characters only",
        ),
        (
            {"fasta": ["x=/nowhere/reads.fa"]},
            "the FASTA file of x (reads.fa) cannot be read: No such file or directory",
        ),
        ({"table": "/nowhere/t.csv"}, "the labelled table (t.csv) cannot be read: No such file or directory"),
        (
            {"table": "t.csv", "fractions": "1,1"},
            "--fractions '1,1' is not three numbers; give the shares of train, dev and test, such as 0.8,0.1,0.1",
        ),
    ],
)
def test_impossible_requests(options, message):
    assert refusal(prepared, **options) == message


def test_one_label_is_refused(test_data):
    assert refusal(prepared, fasta=[f"CTCF={test_data / 'CTCF.fa'}"]) == (
        "the input has one label only ('CTCF'); a classifier needs at least two"
    )


def test_the_same_label_twice_is_refused(test_data):
    pairs = [f"x={test_data / 'CTCF.fa'}", f"x={test_data / 'p73.fa'}"]
    assert refusal(prepared, fasta=pairs) == (
        "two FASTA files have the label 'x'; join them, or give each a name of its own"
    )


def test_a_column_with_a_name_of_the_program_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("sequence,label,_source\nA,0,x\n")
    assert refusal(prepared, table=str(path)) == (
        "the labelled table (t.csv): rename the column '_source', a name that this program uses itself"
    )
