"""The splits that a training reads."""

from dataclasses import replace

import pytest

from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.training import splits as training_data


@pytest.mark.parametrize("at_once", [1, 4, 9, 100])
def test_sequences_are_encoded_in_parts_as_they_would_be_together(tiny_random, monkeypatch, at_once):
    sequences = ["ACGGT" * number for number in range(1, 9)] + ["NNNN"]
    with opened_base_model(str(tiny_random)) as base:
        encoder = Encoder(base, max_length=12)
    encoded, reverse = encoder.encode_both(sequences)
    together = encoded.reading
    assert together.cut
    monkeypatch.setattr(training_data, "ENCODED_AT_ONCE", at_once)
    for both, expected in ((False, [encoded.tokens]), (True, [encoded.tokens, reverse])):
        strands, reading, letters = training_data._encoded(encoder, sequences, both)
        assert [[strand[number] for number in range(len(sequences))] for strand in strands] == expected
        assert reading == replace(together, unknown_share=pytest.approx(together.unknown_share))
        assert reading.read == together.read
        assert letters.tolist() == [min(10, len(sequence)) for sequence in sequences]
