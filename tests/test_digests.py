import base64
import json
import random

import numpy as np
import pytest

from dna_lm.data import digests
from dna_lm.data.digests import SIZE, Digests, digests_of
from dna_lm.data.sequences import reverse_complement

RANDOM = random.Random(7)
SEQUENCES = ["".join(RANDOM.choices("ACGTN", k=40)) for _ in range(500)]


def test_a_sequence_and_its_reverse_complement_have_one_digest():
    found = digests_of(SEQUENCES)
    assert len(set(found.tolist())) == 500 and found.max() < 2**48
    assert (digests_of(map(reverse_complement, SEQUENCES)) == found).all()


def test_a_digest_is_what_it_was():
    # what an adapter records has to be found by later releases
    assert digests_of(["ACCT"]).tolist() == digests_of(["AGGT"]).tolist() == [160480313948606]


def test_a_set_is_the_same_in_any_order_and_comes_back():
    one, other = (Digests.of(digests_of(order)) for order in (SEQUENCES, SEQUENCES[::-1] + SEQUENCES[:9]))
    record = json.loads(json.dumps(one.record()))
    assert record == other.record()
    assert len(base64.b64decode(record["digests"])) == 500 * SIZE
    back = Digests.from_record(record)
    assert (back.numbers == one.numbers).all() and back.below is None
    assert back.has(digests_of(["ACGT", SEQUENCES[3]])).tolist() == [False, True]


def test_the_lowest_of_many_are_kept(monkeypatch):
    monkeypatch.setattr(digests, "MOST_KEPT", 100)
    numbers = digests_of(SEQUENCES)
    part = Digests.from_record(Digests.of(numbers).record())
    assert len(part.numbers) == 100 and part.below == np.sort(numbers)[100]
    assert (part.known(numbers) == part.has(numbers)).all() and part.known(numbers).sum() == 100
    # of two sets, what both tell of
    other = Digests.of(digests_of(SEQUENCES[:50]))
    both = part | other
    assert both.below == part.below and (both.numbers == part.numbers).all()
    assert (Digests.of(numbers[:250]) | Digests.of(numbers[250:])).record() == part.record()


@pytest.mark.parametrize(
    "record",
    [
        *(None, 5, "text", [], {}),
        *({"digests": text, "below": None} for text in (5, None, "?", "QUJD", "é")),
        *({"digests": "", "below": below} for below in (0, -1, 2**48, 1.5, "1", True)),
    ],
)
def test_anything_else_is_no_set(record):
    assert Digests.from_record(record) is None
