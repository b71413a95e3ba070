import struct

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from conftest import STRANGE_LABELS
from dna_lm.data.decision import Decision
from dna_lm.data.targets import Target
from dna_lm.evaluation.figure import plot_evaluation
from dna_lm.reports.figure_style import shown
from dna_lm.training.figure import plot_training
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER

pytestmark = pytest.mark.filterwarnings("error")


def history(epochs: int, seeds: int = 1, scores=("accuracy", "mcc")) -> pd.DataFrame:
    """Rows as a training leaves them; the second evaluation of each run is kept, or the only one."""
    rows = []
    for seed in range(seeds):
        for epoch in range(1, epochs + 1):
            row = {"seed": seed} if seeds > 1 else {}
            row |= {"epoch": epoch, "kept": "yes" if epoch == min(2, epochs) else ""}
            rows.append(
                row | {name: 1 / (epoch + seed) for name in ("train_loss", "dev_loss", *map("dev_{}".format, scores))}
            )
    return pd.DataFrame(rows)


def answers(labels: int, count: int = 40):
    numbers = np.random.default_rng(0)
    probabilities = numbers.dirichlet(np.ones(labels), size=count)
    return np.arange(count) % labels, probabilities


def several(labels: int, count: int = 200):
    """A target with so many labels, of which the last is rare, and answers that know something."""
    numbers = np.random.default_rng(0)
    truth = (numbers.random((count, labels)) < np.linspace(0.5, 0.1, labels)).astype(float)
    target = Target(MULTI_LABEL, [f"transcription factor {number}" for number in range(labels)])
    return target, truth, np.clip(0.3 * truth + numbers.random((count, labels)) * 0.7, 0, 1)


def plot(target: Target, truth, answers, path) -> None:
    plot_evaluation(target, truth, answers, Decision().predicted(target, answers), path)


def drawn(labels: list[str], truth, probabilities, path) -> None:
    plot(Target(CLASSES, labels), truth, probabilities, path)


def size(path) -> tuple[int, int]:
    """Width and height of a PNG file."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", content[16:24])


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("epochs", [1, 2, 100])
def test_curves_of_a_training(tmp_path, kept, epochs):
    plot_training(history(epochs), "mcc", tmp_path / "plot.png")
    assert min(size(tmp_path / "plot.png")) > 400
    loss, quality = kept[0].axes
    assert legend(loss) == ["training", "development"]
    assert legend(quality) == ["MCC", "accuracy", f"saved (epoch {min(2, epochs)})"]
    assert loss.get_lines()[0].get_ydata().tolist() == (1 / np.arange(1, epochs + 1)).tolist()
    assert quality.get_lines()[-1].get_xdata().tolist() == [min(2, epochs)]
    low, high = loss.get_xlim()
    assert all(tick == round(tick) for tick in loss.get_xticks() if low <= tick <= high)


def test_parts_of_an_epoch_have_ticks_of_their_own(tmp_path, kept):
    rows = history(4)
    rows["epoch"] /= 4
    plot_training(rows, "mcc", tmp_path / "plot.png")
    low, high = kept[0].axes[0].get_xlim()
    assert sum(low <= tick <= high for tick in kept[0].axes[0].get_xticks()) > 2


def test_curves_of_several_runs(tmp_path, kept):
    plot_training(history(3, seeds=2), "loss", tmp_path / "plot.png")
    loss, quality = kept[0].axes
    assert legend(loss) == ["training", "development", "saved"]
    assert legend(quality) == ["MCC", "accuracy"]
    assert len(loss.get_lines()) == 2 * 2 + 1
    assert loss.get_lines()[-1].get_ydata().tolist() == [1 / 2, 1 / 3]


def test_curves_of_a_training_on_numbers(tmp_path, kept):
    plot_training(history(3, scores=("mae", "r2", "pearson", "spearman")), "spearman", tmp_path / "plot.png")
    assert legend(kept[0].axes[1]) == ["Spearman correlation", "R2", "saved (epoch 2)"]


@pytest.mark.parametrize("metric", ["loss", "accuracy", "mcc", "roc_auc"])
def test_the_area_is_among_the_curves_if_it_is_known(tmp_path, kept, metric):
    plot_training(history(3, scores=("accuracy", "f1_macro", "mcc", "roc_auc")), metric, tmp_path / "plot.png")
    shown = [name for name in legend(kept[0].axes[1]) if not name.startswith("saved")]
    assert set(shown) == {"MCC", "ROC-AUC"} | ({"accuracy"} if metric == "accuracy" else set())


def test_figures_of_two_labels(tmp_path, kept):
    truth = np.array([0, 0, 1, 1])
    second = np.array([0.1, 0.6, 0.4, 0.9])
    drawn(["no", "yes"], truth, np.column_stack([1 - second, second]), tmp_path / "plot.png")
    roc, precision, confusion = kept[0].axes
    assert legend(roc) == ["yes", "chance: 0.500"]
    assert legend(precision) == ["yes", "chance: 0.500"]
    assert roc.get_title() == "ROC (AUC 0.750)"
    assert precision.get_title() == "Precision-recall (AUC 0.833)"
    assert [text.get_text() for text in confusion.texts] == ["1\n50%"] * 4
    assert [text.get_text() for text in confusion.get_yticklabels()] == ["no", "yes"]


@pytest.mark.parametrize("labels", [3, 8, 9, 21, 60])
def test_any_number_of_labels(tmp_path, kept, labels):
    truth, probabilities = answers(labels, 240)
    drawn([f"label {number}" for number in range(labels)], truth, probabilities, tmp_path / "plot.png")
    roc, _, confusion = kept[0].axes
    assert len(legend(roc)) == min(labels, 16) + 1
    assert len(confusion.texts) == (labels**2 if labels <= 20 else 0)
    mean = np.mean([float(text.rpartition(":")[2]) for text in legend(roc)[:-1]])
    assert roc.get_title() == (f"ROC (16 of {labels} labels)" if labels > 16 else f"ROC (mean AUC {mean:.3f})")


@pytest.mark.parametrize("labels", [2, 6, 7, 12])
def test_nothing_is_cut_off_at_the_edges(tmp_path, labels):
    truth, probabilities = answers(labels, 240)
    drawn([f"transcription factor {number}" for number in range(labels)], truth, probabilities, tmp_path / "plot.png")
    image = plt.imread(tmp_path / "plot.png")
    edges = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (edges[:, :3] == 1).all()


def test_labels_that_do_not_occur_get_no_curve(tmp_path, kept):
    _, probabilities = answers(3)
    drawn(["a", "b", "c"], np.arange(40) % 2, probabilities, tmp_path / "plot.png")
    assert [text.split(":")[0] for text in legend(kept[0].axes[0])] == ["a", "b", "chance"]


@pytest.mark.parametrize("labels", [2, 12, 20, 21])
def test_figures_of_several_labels_a_sequence(tmp_path, kept, labels):
    target, truth, probabilities = several(labels)
    plot(target, truth, probabilities, tmp_path / "plot.png")
    roc, precision, bars = kept[0].axes
    assert len(legend(roc)) == min(labels, 16) + 1
    assert len(legend(precision)) == min(labels, 16)
    assert len(bars.patches) == labels
    named = [text.get_text() for text in bars.get_yticklabels()]
    counts = truth.sum(axis=0).astype(int)
    expected = [f"{shown(label)} ({count})" for label, count in zip(target.labels, counts, strict=True)]
    assert named == (expected if labels <= 20 else [])
    said = probabilities >= 0.5
    f1 = 2 * (truth * said).sum(axis=0) / (truth.sum(axis=0) + said.sum(axis=0))
    assert [bar.get_width() for bar in bars.patches] == pytest.approx(f1.tolist())


@pytest.mark.parametrize("labels", [2, 12, 30])
def test_no_legend_lies_on_the_curves_of_several_labels_or_outside_the_figure(tmp_path, kept, labels):
    plot(*several(labels), tmp_path / "plot.png")
    for axes in kept[0].axes[:2]:
        box = axes.get_legend().get_window_extent()
        assert box.y1 < axes.get_window_extent().y0
        assert box.y0 >= 0


def test_a_label_that_no_sequence_has_gets_a_bar_but_no_curve(tmp_path, kept):
    target, truth, probabilities = several(3)
    truth[:, 1] = 0
    plot(target, truth, probabilities, tmp_path / "plot.png")
    assert [text.rpartition(":")[0] for text in legend(kept[0].axes[0])] == [
        *(shown(target.labels[number]) for number in (0, 2)),
        "chance",
    ]
    assert kept[0].axes[2].patches[1].get_width() == 0


@pytest.mark.parametrize("count", [2, 50, 2000])
def test_figures_of_numbers(tmp_path, kept, count):
    truth = np.linspace(-2, 5, count)
    predicted = truth + np.sin(np.arange(count)) / 2
    plot(Target(NUMBER, []), truth, predicted[:, None], tmp_path / "plot.png")
    pairs, errors = kept[0].axes
    assert pairs.collections[0].get_offsets().tolist() == np.column_stack([truth, predicted]).tolist()
    line = pairs.get_lines()[0]
    assert list(line.get_xdata()) == list(line.get_ydata())
    assert sum(bar.get_height() for bar in errors.patches) == count
    assert min(size(tmp_path / "plot.png")) > 400


def test_figures_of_numbers_that_are_all_equal(tmp_path):
    plot(Target(NUMBER, []), np.ones(3), np.ones((3, 1)), tmp_path / "plot.png")
    assert min(size(tmp_path / "plot.png")) > 400


def read(text: str) -> str:
    """What a reader sees of matplotlib's text."""
    return text.replace(r"\$", "$").removeprefix("\u200b")


@pytest.mark.parametrize("labels", [["_private", "__x"], ["$x$", "$"], ["a\\$b", "%s {}"], ["深度", "😀"]])
def test_labels_of_any_text_are_drawn_as_text(tmp_path, kept, labels):
    drawn([*labels, "third"], *answers(3), tmp_path / "plot.png")
    roc, _, confusion = kept[0].axes
    assert [read(text.rpartition(":")[0]) for text in legend(roc)] == [*labels, "third", "chance"]
    assert [read(text.get_text()) for text in confusion.get_yticklabels()] == [*labels, "third"]


def test_strange_labels_are_drawn(tmp_path):
    drawn(STRANGE_LABELS, *answers(3), tmp_path / "plot.png")
    assert min(size(tmp_path / "plot.png")) > 400


def test_a_long_label_loses_its_middle():
    assert shown("x" * 20) == "x" * 20
    assert shown("transcription factor 12") == "transcript…factor 12"


def test_equal_results_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        drawn(["no", "yes"], *answers(2), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_figure_stays_in_memory(tmp_path):
    plot_training(history(3), "mcc", tmp_path / "plot.png")
    drawn(["no", "yes"], *answers(2), tmp_path / "plot.png")
    assert plt.get_fignums() == []
