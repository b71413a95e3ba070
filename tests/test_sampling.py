import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data import sampling
from dna_lm.data.sampling import draw


def test_all_are_drawn_if_they_are_few():
    assert draw(["A"] * 3, 5, 1).tolist() == [0, 1, 2]
    assert draw([], 5, 1).tolist() == []
    assert draw([], 5, 1, []).tolist() == []


@given(st.lists(st.sampled_from("aab"), max_size=30), st.integers(1, 20), st.integers(0, 5))
def test_positions_rise_and_none_comes_twice(labels, most, seed):
    drawn = draw(["ACGT"] * len(labels), most, seed, labels)
    assert len(drawn) == min(most, len(labels))
    assert (np.diff(drawn) > 0).all()
    assert draw(["ACGT"] * len(labels), most, seed, labels).tolist() == drawn.tolist()


def test_labels_keep_their_shares_and_rare_ones_stay():
    labels = np.array(["a"] * 600 + ["b"] * 399 + ["rare"])
    drawn = labels[draw(["ACGT"] * 1000, 100, 7, labels)]
    assert {label: int((drawn == label).sum()) for label in ("a", "b", "rare")} == {"a": 59, "b": 40, "rare": 1}


def test_another_seed_draws_others():
    assert draw(["A"] * 1000, 10, 1).tolist() != draw(["A"] * 1000, 10, 2).tolist()


def test_fewer_long_sequences_are_drawn(monkeypatch):
    monkeypatch.setattr(sampling, "MOST_LETTERS", 100)
    assert len(draw(["A" * 10] * 50, 20, 1)) == 10
    assert len(draw(["A" * 1000] * 50, 20, 1)) == 1
