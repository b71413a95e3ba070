import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.scores.shares import binned, quantile_edges, wilson


def test_wilsons_interval_of_a_worked_case():
    # p = 8/10, z = 1.96: center (p + z²/2n) / (1 + z²/n), reach z / (1 + z²/n) * sqrt(p (1 - p) / n + z²/4n²).
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


def test_intervals_of_nothing_and_of_all():
    assert np.isnan(wilson(0, 0)).all()
    assert wilson(0, 5)[0] == pytest.approx(0) and wilson(5, 5)[1] == pytest.approx(1)
    assert wilson(0, 5)[1] == pytest.approx(0.4344825, abs=1e-6)


def test_bins_have_their_lower_edge_and_the_last_its_upper():
    values = np.array([0.0, 0.4, 0.5, 1.0, np.nan])
    first, second = binned(values, np.array([0, 0.5, 1]))
    assert first.tolist() == [True, True, False, False, False]
    assert second.tolist() == [False, False, True, True, False]


def test_edges_hold_like_many_values():
    assert quantile_edges(np.arange(9.0), 4).tolist() == [0, 2, 4, 6, 8]
    assert quantile_edges(np.array([1.0, 1, 1, 2, np.nan]), 3).tolist() == [1, 2]
    assert quantile_edges(np.full(5, 3.0), 4).tolist() == [3]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50), st.integers(1, 8))
def test_each_value_lies_in_one_bin(values, bins):
    values = np.array(values)
    edges = quantile_edges(values, bins)
    if len(edges) > 1:
        assert np.sum(binned(values, edges), axis=0).tolist() == [1] * len(values)
