import random

import pandas as pd
import pytest

from dna_lm.preparation.inspecting import LEAKAGE_WARNING, Inspection, leakage_warnings
from dna_lm.preparation.leakage import check_leakage
from dna_lm.preparation.options import PrepareOptions
from dna_lm.preparation.preparing import prepare
from dna_lm.preparation.records import Records
from dna_lm.preparation.report import dataset_report
from small import TINY_RANDOM
from written_tables import cells

SPLITS = ("train", "dev", "test")


def dna(seed, length=60) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


def leakage(leaking: int, of: int):
    """What is found in a test of so many sequences with the label `b`, some of which share 32 letters with train.

    A tenth as many again have the label `a`, of which none leaks.
    """
    train = [(dna(f"train {number}"), "a") for number in range(max(1, leaking))]
    test = [(text[:40] + dna(f"more {number}", 20), "b") for number, (text, _) in enumerate(train[:leaking])]
    test += [(dna(f"test {number}"), "b") for number in range(of - leaking)]
    test += [(dna(f"other {number}"), "a") for number in range(of // 10)]
    parts = {"train": train, "dev": [], "test": test}
    tables = {name: pd.DataFrame(part, columns=["sequence", "label"], dtype=object) for name, part in parts.items()}
    return check_leakage({name: Records(table.assign(_source="x")) for name, table in tables.items()}, ["a", "b"])


def test_one_in_a_hundred_is_borne_and_more_are_warned_of():
    assert LEAKAGE_WARNING == 0.01
    assert leakage_warnings(leakage(1, 91)) == []  # of 100 with the other label
    assert leakage_warnings(leakage(2, 91)) == [
        "2.0% of the test sequences have a copy in the training set or share 32 consecutive nucleotides with it; the "
        "share is highest for label 'b', with 2.2%: a model can score on these by memorizing the training set; choose "
        "the split by similarity"
    ]


@pytest.fixture(scope="module")
def inspect(test_data):
    """Prepare the annotated table by its own split and inspect the result."""

    def inspected(base_model=str(TINY_RANDOM), **changes) -> Inspection:
        given = {"table": str(test_data / "annotated.csv"), "sequence_column": "site", "label_column": "class"}
        given |= {"split": "column", "split_column": "part", "duplicates": "keep", "max_ambiguous": 1.0}
        return Inspection(prepare(PrepareOptions(**given | changes)), base_model, None, seed=1)

    return inspected


def test_the_report_says_what_was_found_in_the_order_of_its_weight(inspect):
    inspection = inspect()
    report = inspection.report()
    assert report.labels == ["at", "gc"]
    assert report.read == ["the labeled table (annotated.csv): 60 sequences"]
    assert report.split == "the splits are those of the input"
    assert report.negatives == []
    assert report.leakage is inspection.leakage.counts
    assert inspection.leakage.row("test", "train") == {
        "split": "test",
        "also in": "train",
        "label": "(all)",
        "sequences": 10,
        "copies": 0,
        "reverse complements": 1,
        "sharing a 32-mer": 2,
        "share": 0.2,
        "similar": 2,
    }
    assert report.summary.equals(inspection.prepared.summary())
    assert report.warnings[0] == (
        "20.0% of the test sequences have a copy in the training set or share 32 consecutive nucleotides with it; the "
        "share is highest for label 'at', with 20.0%: a model can score on these by memorizing the training set; "
        "choose the split by similarity"
    )
    assert [text.partition(" separates")[0].partition(":")[0] for text in report.warnings[1:]] == [
        "the task is almost trivial",
        "GC content alone",
    ]
    assert report.splits[["split", "label", "sequences"]].to_numpy().tolist() == [
        [split, label, size] for split, size in zip(SPLITS, (20, 5, 5), strict=True) for label in ("at", "gc")
    ]
    assert (report.trained, report.scored) == (40, 10)


def test_augmentation_is_neither_counted_nor_called_leakage(inspect):
    plain, augmented = inspect(), inspect(augment="reverse-complement")
    assert len(augmented.prepared.splits["train"]) == 80
    assert augmented.leakage.counts.equals(plain.leakage.counts)
    assert augmented.look.table().equals(plain.look.table())


def test_unknown_letters_of_the_base_model_are_counted_in_all_splits(inspect):
    # r4 has 12 N and r6 an R; r8 has 50 letters, r10 has 81 and the others 60: 13 of 3,611 letters.
    assert inspect().report().unknown == (
        "Of the tokens of the 60 sequences, 0.36% are unknown to the base model 'tiny-random'"
    )
    # Filled up to 70, but for r10: 613 of 4,211.
    inspection = inspect(length=70, longer="keep", shorter="pad")
    assert inspection.report().unknown == (
        "Of the tokens of the 60 sequences, 14.56% are unknown to the base model 'tiny-random'"
    )
    assert inspection.warnings()[-1] == (
        "the dataset: 14.6% of the tokens are unknown to the base model (N and other ambiguous nucleotides); the "
        "model cannot read them, so remove such sequences"
    )


def test_how_negatives_were_made_is_told_with_what_a_model_can_cheat_on(test_data, inspect):
    positives = {"table": None, "fasta": [f"CTCF={test_data / 'CTCF.fa'}"], "split": "random", "split_column": None}
    how, caveat = inspect(**positives, negatives="shuffle", negative_ratio=0.1).report().negatives
    assert how == "50 sequences were generated by shuffling the given ones, with the same dinucleotide counts"
    assert caveat.startswith("The negatives are shuffles of the positives with the same dinucleotide counts. No genome")


def test_nothing_is_looked_at_before_it_is_asked_for(inspect):
    inspection = inspect(base_model="nowhere")
    assert not {"leakage", "look", "unknown"} & inspection.__dict__.keys()
    assert len(inspection.leakage.counts) == 9
    assert not {"look", "unknown"} & inspection.__dict__.keys()


def test_what_resembles_train_is_counted_and_warned_of_after_any_split(inspect, tmp_path):
    rows = ["sequence,label"]
    for number in range(100):
        text = dna(number, 36)
        other = text[:18] + ("C" if text[18] != "C" else "G") + text[19:]
        rows += [f"{text},{'ab'[number % 2]}", f"{other},{'ab'[number % 2]}"]
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(rows) + "\n")
    given = {"table": str(path), "sequence_column": "sequence", "label_column": "label", "split_column": None}
    random, similar = inspect(**given, split="random"), inspect(**given, split="similarity")
    # Half of 36 letters: no 32 are shared.
    assert random.leakage.row("test", "train")["copies"] == 0 == random.leakage.row("test", "train")["share"]
    assert random.leakage.row("test", "train")["similar"] > 10
    assert any("of the test sequences are in a cluster of similar" in text for text in random.warnings())
    assert similar.leakage.row("test", "train")["similar"] == 0
    assert not any("cluster" in text for text in similar.warnings())
    assert any(text.startswith("Similar sequences are found by rule") for text in random.report().caveats)


def test_a_large_dataset_is_not_searched_for_similar_sequences(inspect, monkeypatch):
    monkeypatch.setattr("dna_lm.preparation.inspecting.MOST_SEARCHED", 100)
    assert inspect().leakage.row("test", "train")["similar"] == ""
    assert not any("similar" in row for row in cells("\n".join(dataset_report(inspect().report()))))
