import pytest

from dna_lm.training.loop import Trained
from dna_lm.training.runs import history, spread


def run(best: int, *scores: float) -> Trained:
    rows = [
        {"epoch": epoch, "train_loss": 1.0, "dev_loss": 1 - score, "dev_mcc": score, "seconds": 0.0}
        for epoch, score in enumerate(scores, start=1)
    ]
    return Trained(rows=rows, best=best)


RUNS = [run(1, 0.1, 0.4), run(0, 0.6, 0.5), run(1, 0.2, 0.6)]
SEEDS = [7, 8, 9]


def test_one_run_has_no_column_for_the_seed():
    table, kept = history(RUNS[:1], [7], "best", "mcc")
    assert list(table) == ["epoch", "kept", "train_loss", "dev_loss", "dev_mcc", "seconds"]
    assert table["kept"].tolist() == ["", "yes"]
    assert kept == [0]


@pytest.mark.parametrize("metric", ["mcc", "loss"])
def test_the_best_of_several_runs(metric):
    """Of equal ones the first; a loss is better when it is lower."""
    table, kept = history(RUNS, SEEDS, "best", metric)
    assert kept == [1]
    assert table["seed"].tolist() == [7, 7, 8, 8, 9, 9]
    assert table["kept"].tolist() == ["", "", "yes", "", "", ""]


def test_all_of_several_runs_with_the_best_first():
    table, kept = history(RUNS, SEEDS, "ensemble", "mcc")
    assert kept == [1, 2, 0]
    assert table["kept"].tolist() == ["", "yes", "yes", "", "", "yes"]


def test_mean_and_standard_deviation_are_those_of_what_each_run_keeps():
    table = spread([run(1, 0.1, 0.4), run(0, 0.6, 0.5)])
    assert table.loc["dev_mcc", "mean"] == pytest.approx(0.5)
    assert table.loc["dev_mcc", "standard_deviation"] == pytest.approx(0.1 * 2**0.5)
