import hashlib

import pytest

from dna_lm.adapters.adapter import Adapter
from dna_lm.adapters.seen_data import check_seen, roles
from refusals import refusal


def adapter(**digests) -> Adapter:
    training = {f"{name}_sha256": digests.get(name) for name in ("train", "dev")}
    task = {"calibration": {"data_sha256": digests["calibration"]} if "calibration" in digests else None}
    return Adapter({}, {}, {}, task, training)


@pytest.fixture
def digest():
    return hashlib.sha256(b"sequence,label\nACGT,a\n").hexdigest()


def test_a_file_that_was_not_seen(digest):
    assert check_seen(adapter(train="0", dev="1", calibration="2"), digest, "refuse", "the data") == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train", "the file that the adapter was trained on"),
        ("dev", "the dev split by which the adapter's weights were chosen"),
        ("calibration", "the file on which the adapter was calibrated"),
    ],
)
def test_a_file_that_was_seen_is_refused_or_told(digest, name, words):
    assert refusal(check_seen, adapter(**{name: digest}), digest, "refuse", "the data") == (
        f"the data is {words}: scores on it would be too good; choose a test split, or allow seen data (--seen-data "
        "allow)"
    )
    assert check_seen(adapter(**{name: digest}), digest, "allow", "the data") == [
        f"the data is {words}: the scores are too good, and say nothing of new sequences"
    ]


def test_a_file_that_was_seen_twice(digest):
    assert roles(adapter(dev=digest, calibration=digest), digest) == [
        "the dev split by which the adapter's weights were chosen",
        "the file on which the adapter was calibrated",
    ]


@pytest.mark.parametrize("calibration", [None, {}, "text", 5])
def test_records_without_a_calibration(calibration):
    assert roles(Adapter({}, {}, {}, {"calibration": calibration}, {}), "0") == []
