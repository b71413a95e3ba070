"""Which motifs favor which label: by hand, of every kind of target; their section and their figure."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from dna_lm.adapters.dataset import Adapter, load_adapter
from dna_lm.baselines.names import KMERS
from dna_lm.branch.motif_effects import HIGHER, LOWER, motif_effects, strongest_labels
from dna_lm.branch.names import MOTIFS
from dna_lm.branch.network import Branch, KmerPart, MotifPart
from dna_lm.branch.record import saved
from dna_lm.data.targets import Target
from dna_lm.motifs.jaspar import DATABASE
from dna_lm.motifs.motif import Motif
from dna_lm.training.motif_figure import information, plot_motifs
from dna_lm.training.motif_section import motif_section
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal
from test_figures import size

pytestmark = pytest.mark.filterwarnings("error", "ignore:.*torch.jit.script:DeprecationWarning")

TWO = Target(CLASSES, ["no", "yes"])
# The weights of three motifs on the outputs are multiplied by these.
WEIGHT, SPREAD = 0.5, [2.0, 4.0, 1.0]


def motif(number: int, width: int = 6, id_: str | None = None, name: str | None = None) -> Motif:
    probabilities = np.random.default_rng(number).dirichlet([0.3] * 4, size=width)
    return Motif(id_ or f"MA000{number}.1", name or f"F{number}", probabilities)


THREE = [motif(1), motif(2, 12), motif(3, 30)]


@pytest.fixture
def plain(test_data) -> Adapter:
    return load_adapter(test_data / "adapter_tiny_random.safetensors")


def made(plain: Adapter, target: Target, weights, motifs=THREE, spread=SPREAD, weight=WEIGHT, source=DATABASE, **task):
    """An adapter of a target with these weights of motifs, (outputs, motifs)."""
    part = MotifPart([one.log_odds() for one in motifs], target.outputs)
    part.head.weight.data = torch.tensor(weights, dtype=torch.float32)
    part.spread[:] = torch.tensor(spread)
    branch = Branch({MOTIFS: part, KMERS: KmerPart(target.outputs)}, {MOTIFS: weight, KMERS: 1.0})
    tensors, record = saved(branch, motifs, source)
    task = plain.task | target.task() | {"branch": {"language_model": 1.0, **record}} | task
    return replace(plain, branch=tensors, task=task)


def numbers(adapter: Adapter) -> dict[str, list[tuple[str, float]]]:
    return {
        label: [(one.motif.name, pytest.approx(one.effect, rel=1e-6)) for one in found]
        for label, found in motif_effects(adapter).items()
    }


def test_of_two_classes_each_motif_favors_one(plain):
    adapter = made(plain, TWO, [[-1.0, 0.5, 0.0], [1.0, -0.25, 0.0]])
    # F1: 0.5 * 2 * (1 - -1) toward the second; F2: 0.5 * 4 * (0.5 - -0.25) toward the first.
    assert numbers(adapter) == {"no": [("F2", 1.5)], "yes": [("F1", 2.0)]}


def test_an_effect_is_what_a_standard_deviation_adds_to_the_log_odds(plain):
    adapter = made(plain, TWO, [[-1.0, 0.5, 0.1], [1.0, -0.25, 0.3]])
    logits = np.zeros((2, 2))
    logits[1] = WEIGHT * SPREAD[2] * np.array([0.1, 0.3])
    before, after = TWO.predictions(logits)[:, 1]
    found = {one.motif.name: one.effect for one in motif_effects(adapter)["yes"]}
    assert found["F3"] == pytest.approx(math.log(after / (1 - after)) - math.log(before / (1 - before)), rel=1e-6)


def test_the_largest_effects_are_first_whatever_the_weights(plain):
    adapter = made(plain, TWO, [[0.0, 0.0, 0.0], [1.0, 0.75, 1.25]])
    assert numbers(adapter) == {"no": [], "yes": [("F2", 1.5), ("F1", 1.0), ("F3", 0.625)]}


def test_of_more_classes_each_is_against_the_others(plain):
    target = Target(CLASSES, ["a", "b", "c"])
    adapter = made(plain, target, [[3.0, 1.0, 2.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    # F1: 0.5 * 2 * (3 - 0); F2 tells nothing; F3: 0.5 * 1 * (2 - 0.5) toward a, nothing toward c.
    assert numbers(adapter) == {"a": [("F1", 3.0), ("F3", 0.75)], "b": [], "c": []}


def test_of_several_labels_each_is_on_its_own(plain):
    target = Target(MULTI_LABEL, ["a", "b", "c"])
    adapter = made(plain, target, [[3.0, 1.0, 2.0], [0.0, 1.0, 0.0], [-1.0, -1.0, -1.0]])
    assert numbers(adapter) == {"a": [("F1", 3.0), ("F2", 2.0), ("F3", 1.0)], "b": [("F2", 2.0)], "c": []}


def test_numbers_are_in_the_unit_of_the_labels(plain):
    target = Target(NUMBER, [], mean=100.0, spread=10.0)
    assert numbers(made(plain, target, [[1.0, -1.0, 0.0]])) == {HIGHER: [("F1", 10.0)], LOWER: [("F2", 20.0)]}


def test_a_temperature_divides(plain):
    adapter = made(plain, TWO, [[-1.0, 0.5, 0.0], [1.0, -0.25, 0.0]], temperature=2.0)
    assert numbers(adapter) == {"no": [("F2", 0.75)], "yes": [("F1", 1.0)]}


def test_the_motifs_come_back_from_their_log_odds(plain):
    (one,) = motif_effects(made(plain, TWO, [[0.0] * 3, [0.0, 0.0, 1.0]]))["yes"]
    assert (one.motif.id, one.motif.name) == ("MA0003.1", "F3")
    expected = (THREE[2].probabilities + 0.01 * 0.25) / 1.01
    np.testing.assert_allclose(one.motif.probabilities, expected, atol=1e-6)


def test_adapters_that_use_no_motifs_have_no_section(plain):
    others = Branch({KMERS: KmerPart(2)}, {KMERS: 1.0})
    tensors, record = saved(others, [], "")
    without = replace(plain, branch=tensors, task=plain.task | {"branch": {"language_model": 1.0, **record}})
    unused = made(plain, TWO, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], weight=0.0)
    alike = made(plain, TWO, [[1.0, 0.0, 2.0]] * 2)
    for adapter in (plain, without, unused, alike):
        assert not strongest_labels(motif_effects(adapter), 4)
        assert motif_section(adapter, "motifs") == []


def test_a_damaged_branch_is_refused(plain):
    adapter = made(plain, TWO, [[0.0] * 3, [1.0] * 3])
    del adapter.branch["log_odds"]
    assert "record is damaged" in refusal(motif_section, adapter)


def test_labels_with_the_largest_effects_are_chosen_and_stay_in_order(plain):
    target = Target(MULTI_LABEL, list("abcde"))
    weights = np.zeros((5, 3))
    weights[:, 0] = [2, 5, 0, 1, 3]
    effects = motif_effects(made(plain, target, weights.tolist()))
    assert strongest_labels(effects, 3) == ["a", "b", "e"]
    assert strongest_labels(effects, 9) == ["a", "b", "d", "e"]


# --- the section -----------------------------------------------------------------------------------------------------


def test_the_section(plain):
    adapter = made(plain, TWO, [[-1.0, 0.5, 0.0], [1.0, -0.25, 0.125]])
    blocks = motif_section(adapter, "motifs")
    assert blocks[0] == "## Known motifs that favor each label"
    assert blocks[1] == "**Strongest motif toward no: F2; toward yes: F1.**"
    assert blocks[2].startswith(
        "The adapter uses 3 motifs; these have the largest effects. Effect: how much the log-odds"
    )
    assert blocks[3] == '```galaxy\nhistory_dataset_as_image(output="motifs")\n```'
    assert [[cell.strip() for cell in line[1:-1].split("|")] for line in blocks[4].splitlines()[2:]] == [
        ["no", "F2", "[MA0002.1](https://jaspar.elixir.no/matrix/MA0002.1)", "1.5"],
        ["yes", "F1", "[MA0001.1](https://jaspar.elixir.no/matrix/MA0001.1)", "2"],
        ["yes", "F3", "[MA0003.1](https://jaspar.elixir.no/matrix/MA0003.1)", "0.0625"],
    ]
    assert "stand in for one another" in blocks[5] and "do not prove" in blocks[5]
    assert motif_section(adapter)[3] == ""


@pytest.mark.parametrize(
    "target, words",
    [
        (Target(CLASSES, ["a", "b", "c"]), "log-odds of the label against the others increase"),
        (Target(MULTI_LABEL, ["a", "b", "c"]), "how much the log-odds of the label increase"),
        (Target(NUMBER, [], 1.0, 2.0), "the predicted number increases or decreases"),
    ],
    ids=lambda value: value.kind if isinstance(value, Target) else "",
)
def test_effects_are_explained(plain, target, words):
    adapter = made(plain, target, np.eye(3)[: target.outputs].tolist())
    assert words in motif_section(adapter)[2]


def test_only_motifs_of_jaspar_are_linked(plain):
    own = [motif(1, id_="m1"), motif(2), motif(3, id_="MA0003.1)[x](https://example.org")]
    weights = [[0.0] * 3, [1.0] * 3]
    table = motif_section(made(plain, TWO, weights, own, source=f"own motifs and {DATABASE}, vertebrates"))[4]
    assert table.count("](http") == 1 and "[MA0002.1](https://jaspar" in table
    assert "](http" not in motif_section(made(plain, TWO, weights, own, source="own motifs"))[4]


HOSTILE = ["<script>alert(1)</script>", "[x](javascript:y) | z", "$\\frac{1}$ ${x} *b*", "_", "蛋白質", "N" * 200]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(plain, tmp_path, name):
    target = Target(CLASSES, [name[:30], "other"])
    strange = [motif(1, id_=f"id {name}"[:60], name=name), *THREE[1:]]
    adapter = made(plain, target, [[1.0, 0.0, 0.0], [0.0] * 3], strange)
    blocks = motif_section(adapter, "motifs")
    for mark in ("<", "](javascript", "$", "*b*", "N" * 41):
        assert mark not in "\n".join(blocks)
    assert [line.count("|") for line in blocks[4].splitlines()] == [5, 5, 5]
    plot_motifs(motif_effects(adapter), tmp_path / "plot.png")
    nothing_is_cut(tmp_path / "plot.png")


def test_of_many_labels_each_has_fewer_rows(plain):
    target = Target(MULTI_LABEL, [f"label {number:02}" for number in range(50)])
    random = np.random.default_rng(0)
    adapter = made(plain, target, random.random((50, 3)).tolist())
    blocks = motif_section(adapter)
    assert len(blocks[4].splitlines()) == 2 + 40
    assert blocks[1].count("toward") == 4


# --- the figure ------------------------------------------------------------------------------------------------------


def nothing_is_cut(path) -> None:
    image = plt.imread(path)
    edges = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (edges[:, :3] == 1).all()


def test_the_letters_of_a_logo_are_as_high_as_they_tell():
    one = Motif("m", "m", np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0], [0.5, 0.25, 0.25, 0]]))
    expected = [[2, 0, 0, 0], [0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.125, 0.125, 0]]
    np.testing.assert_allclose(information(one), expected, atol=1e-12)


MANY = [motif(number, width, f"m{number}") for number, width in enumerate([3, 8, 20, 33, 64, 12], start=1)]


@pytest.mark.parametrize(
    "target, blocks",
    [
        (TWO, 2),
        (Target(CLASSES, ["liver", "heart", "brain"]), 3),
        (Target(CLASSES, [f"transcription factor {number}" for number in range(5)]), 4),
        (Target(MULTI_LABEL, [f"transcription factor {number}" for number in range(5)]), 4),
        (Target(NUMBER, [], 5.0, 2.0), 2),
    ],
    ids=["two", "three", "five", "several", "number"],
)
def test_the_figure(plain, tmp_path, kept, target, blocks):
    weights = np.random.default_rng(1).normal(size=(target.outputs, len(MANY)))
    effects = motif_effects(made(plain, target, weights.tolist(), MANY, [1.0] * len(MANY)))
    plot_motifs(effects, tmp_path / "plot.png")
    width, height = size(tmp_path / "plot.png")
    assert width == 1200 and 200 < height < 1500
    nothing_is_cut(tmp_path / "plot.png")
    labels = strongest_labels(effects, 4)
    assert len(labels) == blocks
    titles = [axes.get_title("left") for axes in kept[0].axes if axes.get_title("left").strip()]
    heights = [axes.get_window_extent().height for axes in kept[0].axes if axes.get_title("left").strip()]
    assert max(heights) < 1.25 * min(heights)
    expected = [one for label in labels for one in effects[label][:4]]
    assert titles == [f"{one.motif.name}  {one.motif.id}  effect {one.text}" for one in expected]


def test_a_motif_that_tells_nothing_has_no_letters(plain, tmp_path, kept):
    flat = Motif("flat", "flat", np.full((9, 4), 0.25))
    plot_motifs(motif_effects(made(plain, TWO, [[0.0], [1.0]], [flat], [1.0])), tmp_path / "plot.png")
    (axes,) = kept[0].axes
    assert not axes.patches and axes.get_ylim() == (0, 2) and list(axes.get_xticks()) == [1, 5]


def test_the_letters_are_those_of_the_motif(plain, tmp_path, kept):
    one = Motif("m", "m", np.eye(4)[[0, 1, 2, 3, 0]])
    adapter = made(plain, TWO, [[0.0], [1.0]], [one], [1.0])
    plot_motifs(motif_effects(adapter), tmp_path / "plot.png")
    (axes,) = kept[0].axes
    assert axes.get_title("left") == "m  effect 0.5"
    colors = [patch.get_facecolor() for patch in axes.patches]
    assert len(colors) == 5 and len(set(colors)) == 4 and colors[0] == colors[4]
    for position, patch in enumerate(axes.patches, start=1):
        low, high = patch.get_path().get_extents().intervaly
        assert low == pytest.approx(0, abs=0.02) and 1.9 < high < 2
        assert patch.get_path().get_extents().intervalx.mean() == pytest.approx(position, abs=0.01)
