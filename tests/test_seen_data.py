import hashlib
import random
from dataclasses import replace

import numpy as np
import pytest

from dna_lm.adapters.dataset import Adapter
from dna_lm.adapters.seen_data import (
    ALLOW_SEEN_DATA,
    check_seen,
    in_common,
    is_training_data,
    knows_all,
    roles,
    same_training_data,
    seen_record,
)
from dna_lm.data.digests import Digests, digests_of
from dna_lm.data.sequences import reverse_complement
from dna_lm.data.targets import Target
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal

RANDOM = random.Random(1)
SEQUENCES = ["".join(RANDOM.choices("ACGT", k=30)) for _ in range(300)]
TRAIN, DEV, TEST = SEQUENCES[:100], SEQUENCES[100:200], SEQUENCES[200:]
NO_FILE = "0"


def of_files(**digests) -> Adapter:
    """An adapter of an earlier release, which knows files alone."""
    training = {f"{name}_sha256": digests.get(name) for name in ("train", "dev")}
    task = {"calibration": {"data_sha256": digests["calibration"]} if "calibration" in digests else None}
    return Adapter({}, {}, {}, task, training)


def trained(train=TRAIN, dev=DEV, before=None, files=("8", "9")) -> Adapter:
    adapter = of_files(train=files[0], dev=files[1])
    return replace(
        adapter, training=adapter.training | {"seen": seen_record(digests_of(train), digests_of(dev), before)}
    )


def check(adapter: Adapter, sequences: list[str], seen_data: str = "refuse", sha256: str = NO_FILE) -> list[str]:
    return check_seen(adapter, sha256, digests_of(sequences), seen_data, "the data")


@pytest.fixture
def sha256():
    return hashlib.sha256(b"sequence,label\nACGT,a\n").hexdigest()


# --- by the file -----------------------------------------------------------------------------------------------------


def test_a_file_that_was_not_seen(sha256):
    assert check(of_files(train="1", dev="2", calibration="3"), TRAIN, sha256=sha256) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train", "the file that the adapter was trained on"),
        ("dev", "the development set by which the adapter's weights were chosen"),
        ("calibration", "the file on which the adapter was calibrated"),
    ],
)
def test_a_file_that_was_seen_is_refused_or_told(sha256, name, words):
    adapter = of_files(**{name: sha256})
    assert refusal(check, adapter, TEST, sha256=sha256) == (
        f"the data is {words}: scores on it would be too good; choose a test set, or set {ALLOW_SEEN_DATA}"
    )
    assert check(adapter, TEST, "allow", sha256) == [
        f"the data is {words}: the scores are too good, and say nothing of new sequences"
    ]


def test_a_file_that_was_seen_twice(sha256):
    assert roles(of_files(dev=sha256, calibration=sha256), sha256) == ["dev", "calibration"]


@pytest.mark.parametrize("calibration", [None, {}, "text", 5])
def test_records_without_a_calibration(calibration):
    assert roles(Adapter({}, {}, {}, {"calibration": calibration}, {}), "0") == []


# --- by the sequences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "disguise",
    [
        lambda one: one,
        lambda one: one[::-1],
        lambda one: [*one, TEST[0]],
        lambda one: [*one[: len(one) // 2], *TEST[: len(one) // 2]],
        lambda one: [reverse_complement(text) for text in one],
        lambda one: one * 3,
    ],
    ids=["the same", "another order", "one more", "half of it", "the other strand", "three times"],
)
@pytest.mark.parametrize(
    ("split", "words"),
    [(TRAIN, "the adapter's training set"), (DEV, "the development set by which its weights were chosen")],
    ids=["train", "dev"],
)
def test_a_split_in_another_form_is_refused_or_told(split, words, disguise):
    sequences = disguise(split)
    count = sum(text in split or reverse_complement(text) in split for text in sequences)
    what = f"the data: {count} of {len(sequences)} sequences ({count / len(sequences):.1%}) are in {words}"
    assert refusal(check, trained(), sequences) == (
        f"{what}: scores on them would be too good; choose a test set, or set {ALLOW_SEEN_DATA}"
    )
    assert check(trained(), sequences, "allow") == [
        f"{what}: the scores are too good, and say nothing of new sequences"
    ]


def test_some_sequences_that_were_seen_are_counted():
    assert check(trained(), [*TEST, TRAIN[0], *DEV[:2]]) == [
        "the data: 1 of 103 sequences (1.0%) is in the adapter's training set and 2 of 103 sequences (1.9%) are in "
        "the development set by which its weights were chosen: the scores are too good; take these sequences out"
    ]
    assert check(trained(), TEST) == []


def test_what_is_half_seen_in_several_roles_is_refused():
    assert "40 of 100" in refusal(check, trained(), TRAIN[:40] + DEV[:40] + TEST[:20])


def test_sequences_of_the_calibration():
    adapter = trained()
    seen = {"seen": Digests.of(digests_of(TEST)).record()}
    adapter = replace(adapter, task={"calibration": seen})
    assert "100 of 100 sequences (100.0%) are in the data on which it was calibrated" in refusal(check, adapter, TEST)


def test_of_many_sequences_a_sample_is_kept(monkeypatch):
    monkeypatch.setattr("dna_lm.data.digests.MOST_KEPT", 60)
    adapter = trained()
    (text,) = check(adapter, TEST + TRAIN, "allow")
    assert text.startswith("the data: about ") and "of 200 sequences are in the adapter's training set" in text
    assert refusal(check, adapter, TRAIN[::-1]).startswith("the data: about 100.0% of 100 sequences are in the adapter")
    assert check(adapter, TEST) == []
    # so few that the sample can hardly tell of any
    assert "take these sequences out" in "".join(check(adapter, TRAIN[:20]))


@pytest.mark.parametrize("wrong", [None, 5, [], {}, {"train": "x"}, {"train": {"digests": "?", "below": None}}])
def test_a_record_that_no_training_wrote_tells_nothing(wrong):
    adapter = replace(of_files(), training={"seen": wrong})
    assert check(adapter, TRAIN) == [] and not knows_all(adapter)


# --- going on --------------------------------------------------------------------------------------------------------


def test_what_an_earlier_training_has_seen_is_carried_on():
    first = trained(TRAIN, DEV, files=("1", "2"))
    second = trained(TEST[:50], TEST[50:], first, files=("3", "4"))
    third = trained(TEST[:50], TEST[50:], second, files=("5", "6"))
    for adapter in (second, third):
        assert "the adapter's training set" in refusal(check, adapter, TRAIN)
        assert "the development set" in refusal(check, adapter, DEV)
        assert roles(adapter, "1") == roles(adapter, "3") == ["train"] and roles(adapter, "2") == ["dev"]
        assert knows_all(adapter)


def test_of_an_adapter_of_before_the_files_are_carried_on():
    second = trained(TEST[:50], TEST[50:], of_files(train="1", dev="2"), files=("3", "4"))
    third = trained(TEST[:50], TEST[50:], second, files=("5", "6"))
    for adapter in (second, third):
        assert roles(adapter, "1") == ["train"] and roles(adapter, "2") == ["dev"]
        assert not knows_all(adapter)
    assert roles(third, "3") == ["train"]


# --- two files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "labels", "others", "contrary"),
    [
        (Target(CLASSES, ["a", "b"]), ["a", "b", "a"], ["a", "a", "b"], 2),
        (Target(MULTI_LABEL, ["a", "b"]), ["a;b", "", "a"], ["b;a", "none", "b"], 1),
        (Target(NUMBER, [], 0.0, 1.0), ["1", "-0.0", "2"], ["1.0", "0", "2.5"], 1),
    ],
    ids=["classes", "several labels", "numbers"],
)
def test_labels_are_compared_by_what_they_mean(target, labels, others, contrary):
    import pandas as pd

    truth, other = (target.read(pd.Series(column), "the data") for column in (labels, others))
    found, words = in_common(TEST[:3], truth, [reverse_complement(text) for text in TEST[:3]], other)
    assert (found.seen, found.refused) == (3, True)
    assert words == f", {contrary} of them with another label"


def test_whether_adapters_learned_from_the_same_data():
    one, other = trained(files=("1", "2")), trained(TRAIN[::-1], DEV)
    assert same_training_data([one, other]) and not same_training_data([one, trained(TRAIN[1:], DEV)])
    assert not same_training_data([one, of_files(train="2")]) and same_training_data([of_files(train="2")] * 2)
    assert is_training_data(other, NO_FILE, digests_of(TRAIN)) and not is_training_data(other, NO_FILE, digests_of(DEV))
    assert is_training_data(of_files(train="1"), "1", np.zeros(0, dtype=np.uint64))
