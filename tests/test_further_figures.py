"""The figures of an evaluation beside its first one: reliability, composition, ladder."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.legend import Legend

from conftest import STRANGE_LABELS
from dna_lm.data.decision import Decision
from dna_lm.data.targets import Target
from dna_lm.evaluation.composition_figure import plot_composition
from dna_lm.evaluation.ladder_figure import plot_ladder
from dna_lm.evaluation.reliability_figure import plot_reliability
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

pytestmark = pytest.mark.filterwarnings("error")


def reliability(target, truth, predictions, path, decision=None):
    decision = decision or Decision()
    plot_reliability(target, truth, predictions, decision.predicted(target, predictions), decision, path)


def points(axes) -> list[list[float]]:
    """Places and heights of what was observed."""
    container = axes.containers[0]
    return np.column_stack(container.lines[0].get_data()).tolist()


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_reliability_of_two_labels(tmp_path, kept):
    second = np.repeat([0.05, 0.07, 0.62, 0.64, 0.66, 0.68], 4)  # three bins of eight
    truth = np.repeat([0, 0, 1, 1, 1, 0], 4)
    reliability(
        *(Target(CLASSES, ["no", "yes"]), truth, np.column_stack([1 - second, second]), tmp_path / "plot.png"),
        Decision(thresholds=(0.63,)),
    )
    left, right = kept[0].axes
    assert points(left) == pytest.approx(np.array([[0.06, 0], [0.63, 1], [0.67, 0.5]]))
    assert left.get_xlabel() == right.get_xlabel() == "probability of yes"
    assert legend(right) == ["no (12)", "yes (12)", "threshold: 0.630"]


def test_reliability_of_three_labels_is_that_of_what_is_said(tmp_path, kept):
    predictions = np.repeat([[0.72, 0.2, 0.08], [0.1, 0.74, 0.16], [0.3, 0.3, 0.4]], 8, axis=0)
    reliability(Target(CLASSES, ["a", "b", "c"]), np.repeat([0, 0, 2], 8), predictions, tmp_path / "plot.png")
    left, right = kept[0].axes
    assert points(left) == pytest.approx(np.array([[0.4, 1], [0.72, 1], [0.74, 0]]))
    assert legend(right) == ["wrong (8)", "correct (16)"]


def test_reliability_of_several_labels_takes_all_together(tmp_path, kept):
    predictions, truth = (np.tile(rows, (4, 1)) for rows in ([[0.12, 0.14], [0.92, 0.94]], [[0.0, 1], [1, 1]]))
    reliability(Target(MULTI_LABEL, ["a", "b"]), truth, predictions, tmp_path / "plot.png")
    assert points(kept[0].axes[0]) == pytest.approx(np.array([[0.13, 0.5], [0.93, 1]]))
    assert legend(kept[0].axes[1]) == ["label absent (4)", "label present (12)"]


def test_reliability_of_numbers(tmp_path, kept):
    predicted = np.arange(10.0)
    reliability(Target(NUMBER, []), predicted * 2, predicted[:, None], tmp_path / "plot.png")
    assert points(kept[0].axes[0]) == pytest.approx(np.array([[2.0, 4], [7, 14]]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_reliability_of_numbers_that_are_all_equal(tmp_path, count):
    reliability(Target(NUMBER, []), np.ones(count), np.ones((count, 1)), tmp_path / "plot.png")


@pytest.mark.parametrize("labels", [STRANGE_LABELS[:2], STRANGE_LABELS])
def test_reliability_of_labels_of_any_text(tmp_path, labels):
    truth = np.arange(30) % len(labels)
    predictions = np.random.default_rng(0).dirichlet(np.ones(len(labels)), 30)
    reliability(Target(CLASSES, labels), truth, predictions, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_errors_by_length_and_gc(tmp_path, kept):
    lengths = np.repeat([100, 300], 40)
    gc = np.tile([0.2, 0.4, 0.6, 0.8], 20)
    errors = lengths == 300
    plot_composition(errors, lengths, gc, tmp_path / "plot.png")
    by_length, by_gc, *_ = kept[0].axes
    shares = [[container.lines[0].get_ydata()[0] for container in axes.containers] for axes in (by_length, by_gc)]
    assert shares == [[0, 1], [0.5] * 4]
    assert by_length.get_lines()[0].get_ydata()[0] == 0.5  # of all


@pytest.mark.parametrize(
    ("errors", "lengths", "gc"),
    [
        ([True], [5], [0.5]),
        ([True, False], [5, 5], [0.5, 0.5]),
        ([True, False], [5, 500], [np.nan, 0.5]),
        ([False] * 3, [1, 2, 3], [np.nan] * 3),
        ([True] * 100, range(1, 101), np.linspace(0, 1, 100)),
    ],
)
def test_errors_of_any_sequences_are_drawn(tmp_path, errors, lengths, gc):
    plot_composition(np.array(errors), np.array(lengths), np.array(gc), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_what_is_the_same_for_all_sequences_has_no_panel(tmp_path, kept):
    errors, lengths, gc = np.array([True, False] * 2), np.arange(1, 5), np.linspace(0.2, 0.8, 4)
    for given in ((lengths, gc), (np.full(4, 9), gc), (lengths, np.full(4, np.nan)), (np.full(4, 9), np.full(4, 0.5))):
        plot_composition(errors, *given, tmp_path / "plot.png")
    titles = [[axes.get_title() for axes in figure.axes if axes.get_title()] for figure in kept]
    both = ["Errors by length", "Errors by GC content"]
    assert titles == [both, both[1:], both[:1], both[:1]]


def test_no_legend_covers_data(tmp_path, kept):
    numbers = np.random.default_rng(0)
    truth, second = numbers.integers(2, size=100), numbers.random(100)
    reliability(
        Target(CLASSES, ["no", "yes"]), truth, np.column_stack([1 - second, second]), tmp_path / "reliability.png"
    )
    plot_composition(truth == 1, numbers.integers(50, 90, 100), second, tmp_path / "composition.png")
    legends = [(figure, found) for figure in kept for found in figure.findobj(Legend)]
    assert len(legends) == 3
    for figure, found in legends:
        box = found.get_window_extent()
        assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)
        assert box.y0 >= 0


def test_errors_of_numbers_are_means(tmp_path, kept):
    errors = np.array([1.0, 3, 2, 2])
    plot_composition(errors, np.full(4, 9), np.full(4, 0.5), tmp_path / "plot.png", of_numbers=True)
    (container,) = kept[0].axes[0].containers
    assert container.lines[0].get_ydata().tolist() == [2]
    assert kept[0].axes[0].get_ylabel().startswith("mean absolute error")


def test_a_ladder(tmp_path, kept):
    rows = [
        ("one answer", "mcc", 0.0, np.nan, np.nan),
        ("one answer", "mae", np.nan, np.nan, np.nan),
        ("the adapter", "mcc", 0.5, 0.4, 0.6),
        ("the adapter", "mae", 12.3, 11.0, 13.0),
    ]
    table = pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high"])
    plot_ladder(table, {"mcc": "MCC", "mae": "error"}, tmp_path / "plot.png", "The adapter does this")
    first, second = kept[0].axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["one answer", "the adapter"]
    assert [text.get_text() for text in first.texts] == ["0.000", "0.500"]
    assert [text.get_text() for text in second.texts] == ["undefined", "12.3"]
    assert first.get_title() == "MCC"
    assert kept[0].get_suptitle() == "The adapter does this"


def test_a_ladder_of_an_adapter_whose_score_is_not_defined(tmp_path, kept):
    rows = [("k-mers", "spearman", 0.5, 0.4, 0.6), ("the adapter", "spearman", np.nan, np.nan, np.nan)]
    table = pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high"])
    plot_ladder(table, {"spearman": "Spearman"}, tmp_path / "plot.png")
    assert [text.get_text() for text in kept[0].axes[0].texts] == ["0.500", "undefined"]


def test_intervals_of_errors_in_clusters_are_wider(tmp_path, kept):
    errors, clusters = np.repeat(np.arange(30) % 3 == 0, 5), np.repeat(np.arange(30), 5)
    given = errors, np.full(150, 9), np.full(150, 0.5)
    for drawn in (None, clusters):
        plot_composition(*given, tmp_path / "plot.png", clusters=drawn)
    widths = []
    for figure in kept:
        (container,) = figure.axes[0].containers
        (segment,) = container.lines[2][1].get_segments()
        widths.append(segment[1, 1] - segment[0, 1])
    assert 1.8 < widths[1] / widths[0] < 2.8  # sqrt(5) = 2.2


def test_no_figure_stays_in_memory(tmp_path):
    plot_composition(np.array([True, False]), np.array([5, 6]), np.array([0.5, 0.6]), tmp_path / "plot.png")
    assert plt.get_fignums() == []
