import numpy as np
import pandas as pd
import pytest

from dna_lm.evaluation.independence import independence
from dna_lm.scores.shares import mean_interval, share_interval, wilson


def records(clusters):
    return pd.DataFrame({"sequence": ["ACGT"] * len(clusters), "cluster": clusters})


def test_clusters_are_numbered_in_the_order_of_the_table():
    found = independence(records([f"c{number // 2}" for number in range(24)]))
    assert found.clusters.tolist() == [number // 2 for number in range(24)]
    assert (found.drawn, found.caveat) == ("12 clusters", "")


def test_a_sequence_whose_cluster_is_not_known_is_one_by_itself():
    found = independence(records(["", "NA", " a ", "a", *map(str, range(10))]))
    assert found.clusters[:4].tolist() == [0, 1, 2, 2]
    assert found.drawn == "13 clusters"


def test_without_the_column_there_is_a_caveat():
    found = independence(pd.DataFrame({"sequence": ["ACGT"] * 30}))
    assert found.clusters is None and found.drawn == "30 sequences"
    assert found.caveat.startswith(
        "there is no column 'cluster', so that intervals and p values treat these sequences as independent of one "
        "another; if some overlap or resemble one another, the intervals are then too narrow, and the p values too "
        "small"
    )


@pytest.mark.parametrize(
    ("clusters", "why"),
    [
        (["chr8"] * 30, "it puts them into 1 cluster only"),
        (["a", "b"] * 15, "it puts them into 2 clusters only"),
        (["a"] * 300 + list(map(str, range(40))), "one of its 41 clusters has 88% of them"),
    ],
)
def test_few_clusters_are_not_drawn(clusters, why):
    found = independence(records(clusters))
    assert found.clusters is None and found.drawn == f"{len(clusters)} sequences"
    assert f"although the column 'cluster' says which are not: {why}, and so few cannot be resampled; " in found.caveat
    assert found.caveat.endswith("the intervals are then too narrow, and the p values too small")


# --- intervals of shares and means -----------------------------------------------------------------------------------


def test_without_clusters_the_interval_of_a_share_is_wilsons():
    having = np.arange(20) < 7
    assert share_interval(having) == wilson(7, 20)
    assert np.isnan(share_interval(having[:0], np.arange(0))).all()


def test_the_interval_of_a_share_in_clusters_of_like_records_is_that_of_the_clusters():
    having = np.arange(200) < 70
    once, ten = (
        share_interval(having, np.arange(200)),
        share_interval(np.repeat(having, 10), np.repeat(np.arange(200), 10)),
    )
    assert ten == pytest.approx(once, abs=1e-9)
    assert once == pytest.approx(wilson(70, 200), abs=0.002)


@pytest.mark.parametrize("having", [np.zeros(30, bool), np.ones(30, bool), np.arange(30) < 1])
def test_any_share_has_an_interval(having):
    for clusters in (np.zeros(30, int), np.arange(30) // 3, np.arange(30)):
        low, high = share_interval(having, clusters)
        assert 0 <= low <= having.mean() <= high <= 1
        assert low < high


@pytest.mark.parametrize("size", [3, 10])
def test_the_interval_of_a_share_holds_where_records_depend_on_one_another(size):
    clusters, covered = np.repeat(np.arange(30), size), 0
    for seed in range(400):
        numbers = np.random.default_rng(seed)
        low, high = share_interval(numbers.random(30 * size) < numbers.beta(0.3, 0.7, size=30)[clusters], clusters)
        covered += low <= 0.3 <= high
    assert covered >= 370


def test_the_interval_of_a_mean():
    values = np.random.default_rng(1).normal(size=400)
    plain = mean_interval(values)
    assert plain[1] - plain[0] == pytest.approx(2 * 1.96 * values.std(ddof=1) / 20)
    assert mean_interval(values, np.arange(400)) == pytest.approx(plain, abs=0.002)
    four = mean_interval(np.repeat(values, 4), np.repeat(np.arange(400), 4))
    assert four == pytest.approx(mean_interval(values, np.arange(400)))
    assert mean_interval(values[:1]) == mean_interval(values[:1], np.zeros(1, int)) == (values[0], values[0])
