import random
import sys

import numpy as np
import pandas as pd
import pytest

from dna_lm.baselines import kmer_baseline
from dna_lm.data.packing import Packed, pack
from dna_lm.data.sequences import canonical
from dna_lm.preparation import records as records_module
from dna_lm.preparation import similarity  # noqa: F401 (imported late by others, and `pack` is to be counted in it)
from dna_lm.preparation.inspecting import Inspection
from dna_lm.preparation.options import PrepareOptions
from dna_lm.preparation.preparing import prepare
from dna_lm.preparation.records import Records
from small import TINY_RANDOM

SEQUENCES = ["ACGT", "G", "TTNCA", "AAAC", "CCC"]


def records(sequences=tuple(SEQUENCES)) -> Records:
    return Records(pd.DataFrame({"sequence": list(sequences), "label": "x"}, index=range(2, 2 + len(sequences))))


def require_equal(packed: Packed, sequences: list[str]) -> None:
    expected = pack(sequences)
    assert packed.codes.tolist() == expected.codes.tolist()
    assert packed.starts.tolist() == expected.starts.tolist()


@pytest.fixture
def packed_sets(monkeypatch):
    """The sets of sequences that are packed, in order."""
    sets = []

    def packing(sequences):
        sets.append(tuple(sequences))
        return pack(sequences)

    for name, module in list(sys.modules.items()):
        if name.startswith("dna_lm.") and getattr(module, "pack", None) is pack:
            monkeypatch.setattr(module, "pack", packing)
    return sets


@pytest.mark.parametrize("chosen", [[1, 0, 1, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 1, 0, 0]])
def test_what_was_computed_stays_with_selected_rows(chosen, packed_sets):
    whole, rows = records(), np.array(chosen, dtype=bool)
    _ = whole.packed, whole.canonical
    part = whole.assign(cluster="c").select(rows)
    expected = [text for text, one in zip(SEQUENCES, chosen, strict=True) if one]
    require_equal(part.packed, expected)
    assert part.canonical.tolist() == [canonical(text) for text in expected]
    assert part["sequence"].tolist() == expected
    assert part.table.index.tolist() == (np.flatnonzero(rows) + 2).tolist()
    assert len(packed_sets) == 1


def test_records_are_joined_with_what_was_computed(packed_sets):
    first, second = records(), records(["GG", "TA"])
    _ = first.packed, first.canonical
    together = Records.concat([first, second])
    require_equal(together.packed, [*SEQUENCES, "GG", "TA"])
    assert together.canonical.tolist() == [canonical(text) for text in together["sequence"]]
    assert packed_sets == [tuple(SEQUENCES), ("GG", "TA")]


def test_other_sequences_are_packed_anew():
    whole = records()
    require_equal(whole.packed, SEQUENCES)
    other = whole.rewritten(["A"] * 5)
    require_equal(other.packed, ["A"] * 5)
    assert other.canonical.tolist() == ["A"] * 5
    assert len(Records.of([]).packed) == len(Records.of([]).canonical) == 0


@pytest.mark.parametrize("split", ["random", "similarity"])
def test_nothing_is_packed_or_made_canonical_twice_in_a_run(split, tmp_path, packed_sets, monkeypatch):
    numbers = random.Random(5)
    rows = ["".join(numbers.choices("ACGT", k=60)) for _ in range(200)]
    path = tmp_path / "table.csv"
    path.write_text("sequence,label\n" + "".join(f"{text},{number % 2}\n" for number, text in enumerate(rows)))
    turned = []
    monkeypatch.setattr(records_module, "canonical", lambda text: turned.append(text) or canonical(text))
    prepared = prepare(PrepareOptions(table=str(path), split=split))
    Inspection(prepared, str(TINY_RANDOM), None, seed=1).report()
    # All sequences; those of the search for similar ones; the samples of train and dev for the trivial models.
    assert len(packed_sets) == 4
    assert sorted(len(sequences) for sequences in packed_sets) == [20, 160, 200, 200]
    assert turned == rows


def test_features_are_those_of_packed_sequences_too():
    features = kmer_baseline.kmer_features(SEQUENCES)
    assert (features != kmer_baseline.kmer_features(pack(SEQUENCES))).nnz == 0
