import struct

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from conftest import STRANGE_LABELS
from dna_lm import figures
from dna_lm.figure_style import shown
from dna_lm.figures import plot_evaluation, plot_history

pytestmark = pytest.mark.filterwarnings("error")


def history(epochs: int) -> pd.DataFrame:
    numbers = np.arange(1, epochs + 1)
    columns = ("train_loss", "dev_loss", "dev_accuracy", "dev_mcc")
    return pd.DataFrame({"epoch": numbers, **{name: 1 / numbers for name in columns}})


def answers(labels: int, count: int = 40):
    numbers = np.random.default_rng(0)
    probabilities = numbers.dirichlet(np.ones(labels), size=count)
    return np.arange(count) % labels, probabilities


def size(path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


@pytest.fixture
def kept(monkeypatch):
    """The figures that are drawn, as matplotlib's objects."""
    made = []

    def subplots(*arguments, original=plt.subplots, **keywords):
        figure, axes = original(*arguments, **keywords)
        made.append(figure)
        return figure, axes

    monkeypatch.setattr(figures.plt, "subplots", subplots)
    return made


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("epochs", [1, 2, 100])
def test_curves_of_a_training(tmp_path, kept, epochs):
    plot_history(history(epochs), 1, tmp_path / "plot.png")
    assert min(size(tmp_path / "plot.png")) > 400
    loss, quality = kept[0].axes
    assert legend(loss) == ["train", "dev", "kept (epoch 1)"]
    assert legend(quality) == ["MCC", "accuracy", "kept (epoch 1)"]
    assert loss.get_lines()[0].get_ydata().tolist() == (1 / np.arange(1, epochs + 1)).tolist()


def test_figures_of_two_labels(tmp_path, kept):
    truth = np.array([0, 0, 1, 1])
    second = np.array([0.1, 0.6, 0.4, 0.9])
    plot_evaluation(truth, np.column_stack([1 - second, second]), ["no", "yes"], tmp_path / "plot.png")
    roc, precision, confusion = kept[0].axes
    assert legend(roc) == ["yes: 0.750", "chance: 0.500"]
    assert legend(precision) == ["yes: 0.833", "chance: 0.500"]
    assert [text.get_text() for text in confusion.texts] == ["1\n50%"] * 4
    assert [text.get_text() for text in confusion.get_yticklabels()] == ["no", "yes"]


@pytest.mark.parametrize("labels", [3, 8, 9, 21, 60])
def test_any_number_of_labels(tmp_path, kept, labels):
    truth, probabilities = answers(labels, 240)
    plot_evaluation(truth, probabilities, [f"label {number}" for number in range(labels)], tmp_path / "plot.png")
    roc, _, confusion = kept[0].axes
    assert len(legend(roc)) == min(labels, 8) + 1
    assert len(confusion.texts) == (labels**2 if labels <= 20 else 0)


def test_labels_that_do_not_occur_get_no_curve(tmp_path, kept):
    _, probabilities = answers(3)
    plot_evaluation(np.arange(40) % 2, probabilities, ["a", "b", "c"], tmp_path / "plot.png")
    assert [text.split(":")[0] for text in legend(kept[0].axes[0])] == ["a", "b", "chance"]


def read(text: str) -> str:
    """What a reader sees of matplotlib's text."""
    return text.replace(r"\$", "$").removeprefix("\u200b")


@pytest.mark.parametrize("labels", [["_private", "__x"], ["$x$", "$"], ["a\\$b", "%s {}"], ["深度", "😀"]])
def test_labels_of_any_text_are_drawn_as_text(tmp_path, kept, labels):
    plot_evaluation(*answers(3), [*labels, "third"], tmp_path / "plot.png")
    roc, _, confusion = kept[0].axes
    assert [read(text.rpartition(":")[0]) for text in legend(roc)] == [*labels, "third", "chance"]
    assert [read(text.get_text()) for text in confusion.get_yticklabels()] == [*labels, "third"]


def test_strange_labels_are_drawn(tmp_path):
    plot_evaluation(*answers(3), STRANGE_LABELS, tmp_path / "plot.png")
    assert min(size(tmp_path / "plot.png")) > 400


def test_a_long_label_loses_its_middle():
    assert shown("x" * 20) == "x" * 20
    assert shown("transcription factor 12") == "transcript…factor 12"


def test_equal_results_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        plot_evaluation(*answers(2), ["no", "yes"], tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_figure_stays_in_memory(tmp_path):
    plot_history(history(3), 2, tmp_path / "plot.png")
    plot_evaluation(*answers(2), ["no", "yes"], tmp_path / "plot.png")
    assert plt.get_fignums() == []
