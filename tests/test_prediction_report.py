"""What the report of predictions counts and says."""

import numpy as np
import pandas as pd
import pytest

from dna_lm.adapters.dataset import Adapter, load_adapter
from dna_lm.data.digests import Digests, digests_of
from dna_lm.data.targets import Target
from dna_lm.prediction.predicted import BINS, MOST_NUMBERS, Predicted
from dna_lm.prediction.prediction_figure import plot_predictions
from dna_lm.prediction.prediction_report import prediction_report
from dna_lm.prediction.screening import SKIPPED_COLUMNS
from dna_lm.prediction.table import prediction_table
from dna_lm.reports.markdown import write
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

TRAINED = ["ACGTACGT", "AAAAGGGG"]


def adapter(kind: str, labels: list[str], **task) -> Adapter:
    """An adapter without tensors that was trained on 8 letters, half of them G and C."""
    target = Target(kind, labels)
    return Adapter(
        tensors={},
        further=[],
        peft={},
        base_model={},
        task=target.task() | task,
        training={
            "sequence_lengths": {"shortest": 8, "median": 8, "longest": 8},
            "sequence_gc": {"lowest": 0.5, "median": 0.5, "highest": 0.5},
            "seen": {"train": Digests.of(digests_of(TRAINED)).record()},
        },
    )


def counted(made: Adapter, values: list, sequences: list[str] | None = None, skipped: int = 0) -> Predicted:
    """What was predicted in blocks of two sequences, and a block in which some were skipped."""
    predicted = Predicted(made)
    sequences = sequences or ["ACGTACGT"] * len(values)
    none = pd.DataFrame(columns=list(SKIPPED_COLUMNS))
    for start in range(0, len(values), 2):
        part = np.array(values[start : start + 2], dtype=float)
        given = sequences[start : start + 2]
        predicted.add(prediction_table(pd.DataFrame({"sequence": given}), part, made), none, given)
    rows = [["x", 1, "empty", "no nucleotides"]] * skipped
    empty = prediction_table(pd.DataFrame({"sequence": []}), np.empty((0, made.target.outputs)), made)
    predicted.add(empty, pd.DataFrame(rows, columns=list(SKIPPED_COLUMNS)), [])
    return predicted


def report(predicted: Predicted, tmp_path) -> str:
    write(tmp_path / "report", *prediction_report(predicted))
    plot_predictions(predicted, tmp_path / "plot")
    assert (tmp_path / "plot").stat().st_size > 5000
    return (tmp_path / "report").read_text(encoding="utf-8")


def test_two_labels_are_counted_by_the_threshold_of_the_adapter(tmp_path):
    made = adapter(CLASSES, ["no", "yes"], thresholds=[0.3])
    predicted = counted(made, [[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]], skipped=2)
    assert predicted.counts.tolist() == [1, 2]
    assert predicted.sums.tolist() == pytest.approx([0.8, 1.3])
    assert [np.flatnonzero(row).tolist() for row in predicted.histograms] == [[5, 30, 40], [10, 20, 45]]
    text = report(predicted, tmp_path)
    assert "**3 sequences**: 2 yes, 1 no." in text
    assert "| yes | 2 | 66.7% | 0.650 |" in text
    assert "2 sequences were not predicted." in text and "| empty | 2 |" in text


def test_probabilities_of_0_and_1_are_in_the_histogram():
    predicted = counted(adapter(CLASSES, ["no", "yes"]), [[0, 1], [1, 0]])
    assert predicted.histograms.sum(axis=1).tolist() == [2, 2]
    assert predicted.histograms[:, [0, BINS - 1]].tolist() == [[1, 1], [1, 1]]


def test_several_labels(tmp_path):
    predicted = counted(adapter(MULTI_LABEL, ["a", "b", "c"]), [[0.9, 0.6, 0.1], [0.2, 0.4, 0.1], [0.2, 0.5, 0.1]])
    assert (predicted.counts.tolist(), predicted.without) == ([1, 2, 0], 1)
    text = report(predicted, tmp_path)
    assert "**3 sequences**: 2 b, 1 a, 1 without a label." in text
    assert "| c | 0 | 0.0% | – |" in text


def test_numbers(tmp_path):
    text = report(counted(adapter(NUMBER, []), [[1], [2], [6]]), tmp_path)
    assert "**3 sequences**: mean 3, from 1 to 6." in text
    assert "fraction" not in text


def test_of_many_numbers_a_sample_of_the_whole_input_is_kept():
    predicted = Predicted(adapter(NUMBER, []))
    for start in range(0, 4 * MOST_NUMBERS, MOST_NUMBERS):
        predicted._add_numbers(np.arange(start, start + MOST_NUMBERS, dtype=float))
    assert len(predicted.numbers) == MOST_NUMBERS
    assert np.mean(predicted.numbers) == pytest.approx(2 * MOST_NUMBERS, rel=0.02)
    assert (predicted.low, predicted.high) == (0, 4 * MOST_NUMBERS - 1)


def test_copies_lengths_and_gc_are_held_against_the_training(tmp_path):
    values = [[0.8, 0.2]] * 4
    # a copy, the reverse complement of one, a longer one, one with more GC
    sequences = ["ACGTACGT", "CCCCTTTT", "ACGTACGTAC", "CCCCCCCC"]
    predicted = counted(adapter(CLASSES, ["no", "yes"]), values, sequences)
    found = predicted.familiarity
    assert (found.copies.seen, found.outside_length, found.outside_gc) == (2, 1, 1)
    text = report(predicted, tmp_path)
    assert "> **Warning:** 2 of 4 sequences (50.0%) are copies of training sequences, on either strand" in text
    assert "Length: 1 of 4 sequences (25.0%) lies outside the range of the training sequences (8 nucleotides)." in text
    assert "GC content: 1 of 4 sequences (25.0%) lies outside the range of the training sequences (50% to 50%)." in text


def test_an_adapter_that_records_nothing(tmp_path):
    made = adapter(CLASSES, ["no", "yes"])
    made.training.clear()
    text = report(counted(made, [[0.8, 0.2]]), tmp_path)
    assert "The adapter does not record what its training sequences were like." in text
    assert "copies" not in text


def test_no_sequence(tmp_path):
    text = report(counted(adapter(CLASSES, ["no", "yes"]), [], skipped=1), tmp_path)
    assert "**No sequence was predicted.**" in text
    assert "as_image" not in text


def test_a_training_records_the_range_of_its_gc_content(two):
    gc = load_adapter(two.adapter).training_gc
    assert 0 <= gc["lowest"] < gc["median"] < gc["highest"] <= 1


@pytest.mark.parametrize(
    "recorded",
    [
        None,
        0.5,
        {"lowest": 0.1},
        {"lowest": 0.6, "median": 0.5, "highest": 0.7},
        {"lowest": 0, "median": 1, "highest": 2},
    ],
)
def test_a_range_that_is_none_is_not_believed(recorded):
    made = adapter(CLASSES, ["no", "yes"])
    made.training["sequence_gc"] = recorded
    assert made.training_gc is None
