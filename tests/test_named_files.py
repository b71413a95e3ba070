"""NAME=PATH on the command line, where either may hold a '='."""

import pytest

from dna_lm.data.named_files import divided, named_files
from refusals import refusal

WORDS = {"form": "LABEL=FILE", "mend": "the label", "doubled": "two files of the label", "advice": "give one"}


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("a=b", ("a", "b")),
        (" a =b c", ("a", "b c")),
        ("a=b=c", ("a", "b=c")),  # neither `b=c` nor `c` is there: the first
        ("a", None),
        ("=a", None),
        ("a=", None),
        ("", None),
    ],
)
def test_where_a_pair_is_divided(pair, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert divided(pair) == expected


@pytest.mark.parametrize("name", ["pH", "pH=7", "a=b=c"])
@pytest.mark.parametrize("file", ["reads.fa", "rate=0.1.fa", "x=y=z"])
def test_the_path_is_one_that_is_there(name, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).touch()
    assert divided(f"{name}={file}") == (name, file)
    assert divided(f"{name}={tmp_path / file}") == (name, str(tmp_path / file))


def test_two_of_a_name_and_no_name_are_refused():
    assert named_files(["a=b", "c=d"], "fasta", **WORDS) == {"a": "b", "c": "d"}
    assert refusal(named_files, ["a=b", "a=c"], "fasta", **WORDS) == "two files of the label 'a'; give one"
    assert refusal(named_files, ["=b"], "fasta", **WORDS).startswith("--fasta '=b': the label is empty")
    assert refusal(named_files, ["a="], "fasta", **WORDS) == (
        "--fasta 'a=' is not LABEL=FILE; write the label, '=' and the name of the file"
    )
