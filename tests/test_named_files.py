"""NAME=PATH on the command line, where either may hold a '='."""

import pytest

from dna_lm.data.named_files import NamedPath, divided, repeated
from refusals import refusal


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


def test_two_of_a_name_are_found_and_no_name_is_refused():
    files = [NamedPath.parse(pair, "fasta") for pair in ("a=b", "c=d", "a=e")]
    assert files == [("a", "b"), ("c", "d"), ("a", "e")]
    assert (repeated(files), repeated(files[:2])) == ("a", None)
    assert refusal(NamedPath.parse, "=b", "fasta").startswith("--fasta '=b': the label is empty")
    assert refusal(NamedPath.parse, "a=", "fasta") == (
        "--fasta 'a=' is not LABEL=FILE; write the label, '=' and the name of the file"
    )
