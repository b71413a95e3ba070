"""The splits of a collection, or each by an option of its own."""

from dataclasses import dataclass

import pytest

from dna_lm.data.split_files import with_splits
from dna_lm.errors import UserError
from dna_lm.options import SplitsOptions


@dataclass(frozen=True, kw_only=True)
class Options(SplitsOptions):
    train: str | None = None
    dev: str | None = None


READ = {"train": "train", "dev": "dev"}


def test_a_collection_is_read_by_the_names_of_its_elements():
    given = with_splits(Options(splits=["test=c.csv", "dev=b.csv", "train=a.csv"]), **READ)
    assert given == Options(train="a.csv", dev="b.csv")
    assert with_splits(given, **READ) == given


@pytest.mark.parametrize("train, dev", [("train.csv", "validation.tsv"), ("Train", "VAL"), ("training", "dev.tabular")])
def test_other_usual_names_of_the_elements(train, dev):
    given = with_splits(Options(splits=[f"{train}=a.csv", f"{dev}=b.csv"]), **READ)
    assert given == Options(train="a.csv", dev="b.csv")


def test_datasets_one_by_one():
    assert with_splits(Options(train="a.csv", dev="b.csv"), **READ) == Options(train="a.csv", dev="b.csv")


@pytest.mark.parametrize(
    "options, message",
    [
        (
            Options(train="a.csv"),
            'no "Development set" (--dev) is selected; select the dev dataset that Prepare DNA sequences made',
        ),
        (
            Options(splits=["train=a.csv", "x=b.csv"]),
            "the splits collection has no element 'dev' (development set); its elements are 'train', 'x': select "
            "the collection that Prepare DNA sequences made, or each dataset by itself",
        ),
        (
            Options(train="a.csv", splits=["train=b.csv", "dev=c.csv"]),
            'the "Training set" is given twice, by --train and by --splits; give one of them',
        ),
        (
            Options(splits=["dev=b.csv", "validation=c.csv"]),
            "the splits collection has two elements 'dev'; it needs one for each split",
        ),
        (
            Options(splits=["dev"]),
            "--splits 'dev' is not NAME=FILE; write the name of the split, '=' and the name of the file",
        ),
    ],
)
def test_what_is_wrong_is_said(options, message):
    with pytest.raises(UserError) as problem:
        with_splits(options, **READ)
    assert str(problem.value) == message
