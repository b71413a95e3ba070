"""The tables that reports of evaluations write out."""

import numpy as np
import pandas as pd
import pytest

from dna_lm.data.targets import Target
from dna_lm.evaluation.ladder import climb
from dna_lm.evaluation.report_tables import error_table, ladder_table, p_cell, score_tables, with_interval
from dna_lm.scores.bootstrap import resample
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from written_tables import cells


def guesses(labels: int, count: int = 300) -> tuple[Target, np.ndarray, np.ndarray]:
    """A target, the truth, of which the first labels are the commonest, and predictions that know something."""
    numbers = np.random.default_rng(0)
    shares = np.linspace(2, 1, labels)
    truth = numbers.choice(labels, p=shares / shares.sum(), size=count)
    truth[:labels] = np.arange(labels)
    outputs = numbers.normal(size=(count, labels)) + 2 * np.eye(labels)[truth]
    target = Target(CLASSES, [f"label {number}" for number in range(labels)])
    return target, truth, target.predictions(outputs)


def test_a_score_its_interval_and_what_there_is_not():
    assert with_interval(0.7714, 0.6361, 0.8712, ".3f") == "0.771 (0.636 to 0.871)"
    assert with_interval(0.7714, np.nan, np.nan, ".3f") == "0.771"
    assert with_interval(np.nan, np.nan, np.nan, ".3f") == "–"
    assert [p_cell(value) for value in (0.0004, 0.0414, 1.0, np.nan)] == ["< 0.001", "0.041", "1.000", "–"]


@pytest.mark.parametrize("labels", [2, 4])
def test_few_labels_have_a_column_each(labels):
    target, truth, predictions = guesses(labels)
    found = resample(target, truth, predictions, resamples=100)
    (table,) = score_tables(target, truth, found)
    header, *rows = cells(table)
    assert header == ["score (95% CI)", "all labels", *target.labels]
    by_name = {row[0]: row[1:] for row in rows}
    low, high = found.interval(("mcc", None))
    assert rows[0][0] == "MCC" and rows[0][1] == f"{found.values['mcc', None]:.3f} ({low:.3f} to {high:.3f})"
    assert by_name["MCC"][1:] == ["–"] * labels
    assert by_name["recall"][0] == "–" and by_name["recall"][1].startswith(f"{found.values['recall', 0]:.3f} (")
    assert by_name["sequences"] == [f"{count:,}" for count in (len(truth), *np.bincount(truth))]


def test_the_commonest_of_many_labels_have_a_row_each():
    target, truth, predictions = guesses(12)
    overall, part, each = score_tables(target, truth, resample(target, truth, predictions, resamples=100))
    assert all(len(row) == 2 for row in cells(overall))
    assert part == "The 8 most frequent of 12 labels:"
    header, *rows = cells(each)
    counts = np.bincount(truth)
    order = sorted(range(12), key=lambda label: -counts[label])[:8]
    assert [row[0] for row in rows] == [target.labels[label] for label in order]
    assert [row[-1] for row in rows] == [str(counts[label]) for label in order]
    assert header[-1] == "sequences"


def test_all_of_five_labels_are_shown():
    target, truth, predictions = guesses(5)
    _, part, each = score_tables(target, truth, resample(target, truth, predictions, resamples=100))
    assert part == "" and len(cells(each)) == 6


def test_numbers_have_one_column():
    truth = np.random.default_rng(0).normal(size=50) * 1000
    (table,) = score_tables(Target(NUMBER, []), truth, resample(Target(NUMBER, []), truth, truth[:, None] + 300.25))
    rows = {row[0]: row[1] for row in cells(table)}
    assert rows["mean absolute error"] == "300.2" and rows["Spearman correlation"].startswith("1.000")


def test_a_model_has_one_row_with_the_difference_by_the_score_that_decides():
    numbers = np.random.default_rng(0)
    truth = numbers.normal(size=200)
    models = {"mean": np.full((200, 1), truth.mean()), "k-mers": (truth + 3 * numbers.normal(size=200))[:, None]}
    adapter = (truth + 0.5 * numbers.normal(size=200))[:, None]
    ladder = climb(Target(NUMBER, []), truth, adapter, models, dict.fromkeys(models, 5), 5)
    header, mean, kmers, own = cells(ladder_table(ladder, Target(NUMBER, [])))
    assert header[-2:] == ["Δ Spearman correlation (95% CI)", "adjusted p"]
    assert [row[0] for row in (mean, kmers, own)] == ["mean", "k-mers", "this adapter"]
    # The mean of all ranks nothing: R2 decides.
    assert mean[1] == "–" and mean[4].startswith("R2: +0.") and mean[5] == "< 0.001"
    gap = ladder.rungs["k-mers"].difference
    assert kmers[4] == f"{gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
    assert own[4:] == ["–", "–"] and own[1].startswith("0.8")


def test_ten_errors_are_shown_with_long_names_cut():
    worst = pd.DataFrame(
        {
            "id": ["chr1:" + "9" * 60] * 12,
            "label": "a|b",
            "predicted": "c",
            "probability": 0.98765,
            "length": 1200,
            "gc": [np.nan] + [0.465] * 11,
            "note": "of the user",
        }
    )
    header, first, second, *rest = cells(error_table(Target(CLASSES, ["a|b", "c"]), worst))
    assert header == ["sequence", "true", "predicted", "probability", "length (nt)", "GC content"]
    assert len(first[0]) == 32 and "…" in first[0]
    assert first[1:] == ["a|b", "c", "0.988", "1,200", "–"] and second[-1] == "46.5%"
    assert len(rest) == 8
    assert error_table(Target(CLASSES, ["a", "b"]), worst[:0]) == ""


def test_errors_of_several_labels_and_of_numbers():
    several = pd.DataFrame(
        {"id": ["1"], "label": [""], "predicted": ["a;b"], "mistaken": ["b"], "probability": [0.9], "length": [5]}
    )
    header, row = cells(error_table(Target(MULTI_LABEL, ["a", "b"]), several))
    assert header[3] == "wrong label" and row[2:5] == ["a;b", "b", "0.900"]
    numbers = pd.DataFrame({"id": ["1"], "label": ["2.5"], "predicted": [12.34567], "error": [9.84567], "length": [5]})
    assert cells(error_table(Target(NUMBER, []), numbers))[1] == ["1", "2.5", "12.35", "+9.846", "5"]
