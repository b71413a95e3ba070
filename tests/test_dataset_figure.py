import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from conftest import STRANGE_LABELS
from dna_lm.preparation import figure as dataset_figure
from dna_lm.preparation import quicklook
from dna_lm.preparation.figure import density, plot_dataset
from dna_lm.preparation.quicklook import Look
from dna_lm.preparation.records import Records
from dna_lm.words import MULTI_LABEL, NUMBER


def look(splits, *arguments, **keywords):
    return quicklook.look({name: Records(table) for name, table in splits.items()}, *arguments, **keywords)


pytestmark = pytest.mark.filterwarnings("error")


def looked(labels: list[str], rows: int = 6, length=lambda number: 30) -> Look:
    numbers = np.random.default_rng(0)
    splits = {}
    for name in ("train", "dev", "test"):
        pairs = [("".join(numbers.choice(list("ACGT"), length(row))), label) for row in range(rows) for label in labels]
        splits[name] = pd.DataFrame(pairs, columns=["sequence", "label"])
    return look(splits, labels, seed=1)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw a figure and return what matplotlib made of it, by title, and the figure."""

    def draw(result: Look):
        made = []

        def figure(*arguments, original=plt.figure, **keywords):
            made.append(original(*arguments, **keywords))
            return made[-1]

        monkeypatch.setattr(dataset_figure.plt, "figure", figure)
        plot_dataset(result, tmp_path / "plot.png")
        assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
        return {axes.get_title(): axes for axes in made[0].get_axes()}, made[0].legends[0]

    return draw


def texts(items) -> list[str]:
    return [text.get_text().replace(r"\$", "$").replace("\u200b", "") for text in items]


def test_two_labels_of_one_length(drawn):
    panels, legend = drawn(looked(["no", "yes"]))
    assert "Length" not in panels
    assert legend.get_title().get_text() == "all sequences have 30 nucleotides"
    assert texts(legend.get_texts()) == ["no", "yes", "training", "development", "test"]
    assert len(panels["GC content"].get_lines()) == 6
    models = texts(panels["Simpler models, scored on the development set"].texts)
    assert [text.split(":")[0] for text in models] == ["GC content", "k-mer counts (3-6)"]
    kmers = panels["3-mers on both strands, against their mean over the labels in the training set"]
    assert texts(kmers.get_yticklabels()) == [
        *("no  training", "  development", "  test"),
        *("yes  training", "  development", "  test"),
    ]
    assert texts(kmers.get_xticklabels())[:2] == ["AAA/TTT", "AAC/GTT"]


def test_the_map_of_3_mers_by_hand(drawn):
    result = looked(["no", "yes"])
    counts = np.zeros(32, dtype=np.int64)
    groups = {
        (split, label): dataclasses.replace(group, kmers=counts + 31 * (np.arange(32) == (label == "yes")))
        for (split, label), group in result.groups.items()
    }
    panels, _ = drawn(dataclasses.replace(result, groups=groups))
    values = (
        panels["3-mers on both strands, against their mean over the labels in the training set"]
        .images[0]
        .get_array()
        .tolist()
    )
    # With one added to each: 32 of 63 against 1 of 63, whose mean is 16.5 of 63.
    assert values[0][:3] == pytest.approx(np.log2([32 / 16.5, 1 / 16.5, 1]).tolist())
    assert values[3][:3] == pytest.approx(np.log2([1 / 16.5, 32 / 16.5, 1]).tolist())


@pytest.mark.parametrize(("longest", "ticks"), [(35, None), (1200, ["30", "100", "300", "1,000"])])
def test_lengths_that_vary(drawn, longest, ticks):
    panels, legend = drawn(looked(["no", "yes"], length=lambda row: longest if row % 2 else 30))
    assert len(panels["Length"].get_lines()) == 6
    assert legend.get_title().get_text() == ""
    if ticks:
        assert texts(panels["Length"].get_xticklabels()) == ticks
    assert texts(panels["Simpler models, scored on the development set"].texts)[1].startswith("sequence length: ")


@pytest.mark.parametrize(
    ("labels", "rows", "shown"), [(4, 12, 4), (5, 15, 5), (12, 36, 12), (13, 13, 13), (40, 30, 30)]
)
def test_any_number_of_labels(drawn, labels, rows, shown):
    panels, legend = drawn(looked([f"label {number}" for number in range(labels)], rows=2, length=lambda row: 20 + row))
    kmers = next(axes for title, axes in panels.items() if title.startswith("3-mers"))
    assert len(kmers.get_yticklabels()) == rows
    assert kmers.get_title().endswith("(only this set is shown)") is (labels > 12)
    names = texts(legend.get_texts())
    if labels > 4:
        assert names == [
            *(f"median, {split}" for split in ("training", "development", "test")),
            *("middle 50%, training", "middle 90%, training"),
        ]
        assert len(panels["GC content"].get_yticklabels()) == shown
    assert legend.get_title().get_text() == ("the first 30 of 40 labels are shown" if labels == 40 else "")


@pytest.mark.parametrize("labels", [["_private", "$x$"], ["a\\$b", "%s {}", "__"], ["深度", "😀"], STRANGE_LABELS])
def test_labels_of_any_text_are_drawn_as_text(drawn, labels):
    _, legend = drawn(looked(labels))
    names = texts(legend.get_texts())[: len(labels)]
    assert names == [label if len(label) <= 20 else f"{label[:10]}…{label[-9:]}" for label in labels]


@pytest.mark.parametrize("labels", [["a", "b"], list("abcdef")])
def test_splits_without_sequences_or_bases(drawn, labels):
    train = pd.DataFrame({"sequence": ["NNN", "NN"] * len(labels), "label": labels * 2})
    for other in (train.iloc[:0], train):
        panels, _ = drawn(look({"train": train, "dev": other, "test": other}, labels, seed=1))
        assert "GC content" in panels
    panels, _ = drawn(look({"train": train, "dev": train.iloc[:0]}, labels, seed=1))
    assert texts(panels["Simpler models, scored on the development set"].texts) == ["none could be trained"]


def test_one_sequence_a_label(drawn):
    panels, _ = drawn(looked(["a", "b"], rows=1))
    assert len(panels["GC content"].get_lines()) == 6


def test_density_by_hand():
    places = np.linspace(-5, 5, 1001)
    # Equal values: a normal curve of the least width, whose peak is 1 / (sd * sqrt(2 pi)).
    one = density(np.zeros(3), places, least=0.5)
    assert one.max() == pytest.approx(1 / (0.5 * np.sqrt(2 * np.pi)), rel=1e-3)
    assert one.sum() * 0.01 == pytest.approx(1, abs=1e-3)
    # Two values with sd 1: Scott's width, 2^(-1/5).
    two = density(np.array([-1.0, 1.0]), places, least=0.1)
    width = 2**-0.2
    assert two[500] == pytest.approx(np.exp(-0.5 / width**2) / (width * np.sqrt(2 * np.pi)), rel=0.02)


def test_equal_results_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        plot_dataset(looked(["no", "yes"]), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert plt.get_fignums() == []


def test_numbers_are_drawn_by_ranges_with_correlations(drawn):
    numbers = np.random.default_rng(0)
    splits = {
        name: pd.DataFrame(
            [("".join(numbers.choice(list("ACGT"), 30)), f"{numbers.normal():.3f}") for _ in range(30)],
            columns=["sequence", "label"],
        )
        for name in ("train", "dev", "test")
    }
    result = look(splits, [], seed=1, kind=NUMBER)
    panels, legend = drawn(result)
    assert texts(legend.get_texts())[:3] == result.labels
    models = panels["Simpler models, scored on the development set"]
    assert models.get_xlabel() == "Spearman correlation (0: guessing)"
    assert [text.split(":")[0] for text in texts(models.texts)] == ["GC content", "k-mer counts (3-6)"]
    assert "3-mers on both strands, against their mean over the ranges of numbers in the training set" in panels


def test_of_two_labels_that_may_be_together_the_mean_area_is_shown(drawn):
    splits = {name: part for name in ("train", "dev", "test") for part in [several()]}
    panels, _ = drawn(look(splits, ["a", "b"], seed=1, kind=MULTI_LABEL))
    assert (
        panels["Simpler models, scored on the development set"].get_xlabel()
        == "ROC-AUC, mean over labels (0.5: guessing)"
    )


def several() -> pd.DataFrame:
    numbers = np.random.default_rng(1)
    labels = ["a", "b", "a;b", "none"] * 5
    return pd.DataFrame(
        {"sequence": ["".join(numbers.choice(list("ACGT"), 30)) for _ in labels], "label": labels}, dtype=object
    )
