import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from conftest import SCRIPTS
from dna_lm.baselines.names import COMMONEST_TITLES
from dna_lm.data.packing import gc_content, pack
from dna_lm.preparation import quicklook
from dna_lm.preparation.quicklook import GC, KMER_NAMES, KMERS, LENGTH
from dna_lm.preparation.records import Records
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER


def look(splits, *arguments, **keywords):
    return quicklook.look({name: Records(table) for name, table in splits.items()}, *arguments, **keywords)


def records(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["sequence", "label"])


def drawn(count: int, gc: dict[str, float], seed: int, lengths: dict[str, int] | None = None) -> pd.DataFrame:
    """So many random sequences of each label, with its share of G and C, and its length (40 if not given)."""
    numbers = np.random.default_rng(seed)
    pairs = []
    for label, share in gc.items():
        odds = np.array([1 - share, share, share, 1 - share]) / 2
        for _ in range(count):
            pairs.append(("".join(numbers.choice(list("ACGT"), (lengths or {}).get(label, 40), p=odds)), label))
    return records(*pairs)


def splits_of(gc: dict[str, float], count: int = 60, lengths=None) -> dict[str, pd.DataFrame]:
    return {name: drawn(count, gc, seed, lengths) for seed, name in enumerate(("train", "dev", "test"))}


def area(result, model: str) -> float:
    return result.baselines.set_index("model")["roc_auc"][model]


SMALL = {
    "train": records(("ACGT", "a"), ("GGGNNN", "a"), ("AT", "b"), ("AC", "b")),
    "dev": records(("CG", "a"), ("TTTT", "b")),
    "test": records(("NN", "a")),
}


def test_numbers_by_hand():
    result = look(SMALL, ["a", "b"], seed=1)
    table = result.table()
    assert table[["split", "label", "sequences"]].to_numpy().tolist() == [
        ["train", "a", 2],
        ["train", "b", 2],
        ["dev", "a", 1],
        ["dev", "b", 1],
        ["test", "a", 1],
        ["test", "b", 0],
    ]
    first = table.iloc[0]
    assert (first["shortest"], first["median length"], first["longest"]) == (4, 5, 6)
    assert (first["GC mean"], first["GC standard deviation"]) == (0.75, 0.25)
    assert first["other letters"] == 3 / 10
    assert table["GC mean"].iloc[:4].tolist() == [0.75, 0.25, 1, 0]
    assert table["GC mean"].iloc[4:].isna().all()  # no A, C, G or T, and no sequence
    assert table["other letters"].tolist() == [0.3, 0, 0, 0, 1, 0]
    assert table["longest"].iloc[5:].isna().all()
    assert result.splits == ["train", "dev", "test"]
    assert result.one_length is None


def test_3_mers_by_hand():
    kmers = look(SMALL, ["a", "b"], seed=1).groups["train", "a"].kmers
    assert len(KMER_NAMES) == 32
    # ACGT: ACG and CGT, its reverse complement; GGGNNN: GGG, which is CCC
    assert {KMER_NAMES[number]: int(kmers[number]) for number in np.flatnonzero(kmers)} == {"ACG": 2, "CCC": 1}


def test_gc_content():
    assert np.array_equal(gc_content(pack(["ACGT", "GNNC", "N", "AAAC"])), [0.5, 1, np.nan, 0.25], equal_nan=True)


# --- trivial models --------------------------------------------------------------------------------------------------


def test_labels_that_differ_in_nothing():
    result = look(splits_of({"a": 0.5, "b": 0.5}, count=200), ["a", "b"], seed=1)
    assert result.baselines["model"].tolist() == [COMMONEST_TITLES[CLASSES], GC, KMERS]  # all have one length
    assert result.one_length == 40
    assert result.baselines.iloc[0].tolist() == [COMMONEST_TITLES[CLASSES], 0.5, 0, 0.5]
    assert 0.4 < area(result, GC) < 0.6 and 0.4 < area(result, KMERS) < 0.6
    assert result.warnings == []


def test_labels_that_differ_in_gc():
    result = look(splits_of({"a": 0.3, "b": 0.7}), ["a", "b"], seed=1)
    assert area(result, GC) > 0.99
    assert result.warnings == [
        "the task is almost trivial: a logistic regression on k-mer counts (3-6) reaches a ROC-AUC of "
        f"{area(result, KMERS):.3f} on the development set, so that a language model has little to add; check whether "
        "the labels differ in more than they should",
        f"GC content alone separates the labels with a ROC-AUC of {area(result, GC):.3f} on the development set: a "
        "model can score "
        "without learning a motif; choose sequences with similar GC content for each label, such as GC-matched "
        "negatives",
    ]


def test_a_label_in_the_middle_of_the_other_is_told_apart_by_gc():
    middle = drawn(100, {"a": 0.5}, 1)
    parts = {}
    for seed, name in enumerate(("train", "dev")):
        ends = [drawn(50, {"b": share}, 10 * seed + 2) for share in (0.2, 0.8)]
        parts[name] = pd.concat([middle, *ends], ignore_index=True)
    assert area(look(parts, ["a", "b"], seed=1), GC) > 0.95


def test_labels_that_differ_in_length():
    result = look(splits_of({"a": 0.5, "b": 0.5}, lengths={"b": 45}), ["a", "b"], seed=1)
    assert result.baselines["model"].tolist() == [COMMONEST_TITLES[CLASSES], GC, LENGTH, KMERS]
    assert area(result, LENGTH) == 1
    assert (
        "sequence length alone separates the labels with a ROC-AUC of 1.000 on the development set: a model can score "
        "without learning a motif; cut the sequences of all labels to one length"
    ) in result.warnings


def test_three_labels():
    result = look(splits_of({"a": 0.2, "b": 0.5, "c": 0.8}), ["a", "b", "c"], seed=1)
    assert area(result, GC) > 0.95
    assert result.baselines["accuracy"].iloc[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("rare", "warned"), [(7, False), (6, True)])
def test_labels_of_very_different_number(rare, warned):
    splits = splits_of({"a": 0.5, "b": 0.5})
    train = splits["train"]
    splits["train"] = train[(train["label"] == "a") | (train.groupby("label").cumcount() < rare)]
    expected = (
        f"the training set has 60 sequences of 'a' and {rare} of 'b': a model may score well by always predicting the "
        "most frequent label; judge by MCC rather than accuracy, or balance the labels"
    )
    assert (expected in look(splits, ["a", "b"], seed=1).warnings) is warned


@pytest.mark.parametrize(("each", "warned"), [(1, False), (3, False), (4, True), (10, True)])
def test_a_dev_that_chance_could_divide_as_well_gives_no_warning(each, warned):
    splits = splits_of({"a": 0.05, "b": 0.95})
    splits["dev"] = splits["dev"].groupby("label").head(each)
    result = look(splits, ["a", "b"], seed=1)
    assert area(result, GC) == area(result, KMERS) == 1
    assert bool(result.warnings) is warned


def test_labels_that_differ_in_upper_and_lower_case_only():
    splits = splits_of({"Bound": 0.5, "bound": 0.5, "free": 0.5})
    assert look(splits, ["Bound", "bound", "free"], seed=1).warnings == [
        "the labels 'Bound' and 'bound' differ in case only and count as two labels; spell them alike if they mean the "
        "same"
    ]


def test_test_is_not_looked_at_by_the_trivial_models():
    splits = splits_of({"a": 0.4, "b": 0.6})
    other = splits | {"test": records(("ACGT" * 10, "a"))}
    assert look(splits, ["a", "b"], seed=1).baselines.equals(look(other, ["a", "b"], seed=1).baselines)


def test_a_part_of_many_sequences_is_drawn(monkeypatch):
    monkeypatch.setattr(quicklook, "MOST_TRAINED", 50)
    monkeypatch.setattr(quicklook, "MOST_SCORED", 30)
    splits = splits_of({"a": 0.4, "b": 0.6})
    result = look(splits, ["a", "b"], seed=1)
    assert (result.trained, result.scored) == (50, 30)
    assert len(result.groups["train", "a"].lengths) == 60  # the numbers are those of all
    assert result.baselines.equals(look(splits, ["a", "b"], seed=1).baselines)


def test_a_train_with_one_label_or_an_empty_dev():
    splits = splits_of({"a": 0.4, "b": 0.6})
    one = splits | {"train": splits["train"][splits["train"]["label"] == "a"]}
    assert look(one, ["a", "b"], seed=1).baselines["model"].tolist() == [COMMONEST_TITLES[CLASSES]]
    result = look(splits | {"dev": splits["dev"].iloc[:0]}, ["a", "b"], seed=1)
    assert list(result.baselines) == ["model", "accuracy", "mcc", "roc_auc"]
    assert (len(result.baselines), result.scored, result.warnings) == (0, 0, [])


def test_a_dev_with_one_label_has_no_area():
    splits = splits_of({"a": 0.4, "b": 0.6})
    splits["dev"] = splits["dev"][splits["dev"]["label"] == "a"]
    result = look(splits, ["a", "b"], seed=1)
    assert result.baselines["roc_auc"].isna().all()
    assert result.warnings == []


def test_sequences_without_a_base():
    splits = {name: records(("NNNN", "a"), ("NNN", "b"), ("N", "a")) for name in ("train", "dev")}
    result = look(splits, ["a", "b"], seed=1)
    assert result.baselines["accuracy"].notna().all()


def test_looking_imports_nothing_heavy():
    program = (
        "import sys; import dna_lm.preparation.quicklook; "
        "import dna_lm.preparation.figure, dna_lm.preparation.report; "
        "heavy = {'torch', 'transformers', 'peft', 'safetensors', 'tokenizers'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=SCRIPTS).returncode == 0


# --- numbers and several labels --------------------------------------------------------------------------------------


def measured(count: int, seed: int) -> pd.DataFrame:
    """Sequences with a number that is their GC content, in per cent, and some noise."""
    numbers = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        share = numbers.uniform(0.2, 0.8)
        odds = np.array([1 - share, share, share, 1 - share]) / 2
        text = "".join(numbers.choice(list("ACGT"), 40, p=odds))
        gc = (text.count("G") + text.count("C")) / 40
        pairs.append((text, f"{100 * gc + numbers.normal(0, 2):.2f}"))
    return records(*pairs)


def test_numbers_are_shown_by_thirds_and_predicted_by_ridge_regression():
    splits = {name: measured(150, seed) for seed, name in enumerate(("train", "dev", "test"))}
    result = look(splits, [], seed=1, kind=NUMBER)
    assert len(result.labels) == 3 and result.labels[0].startswith("up to ") and result.labels[2].startswith("above ")
    table = result.table()
    assert table[table["split"] == "train"]["sequences"].tolist() == [50, 50, 50]
    assert table.groupby("split")["sequences"].sum().tolist() == [150, 150, 150]
    means = table[table["split"] == "test"]["GC mean"].tolist()
    assert means == sorted(means)
    every = pd.concat(splits.values())["label"].astype(float)
    assert result.numbers == pytest.approx((every.mean(), every.min(), every.max()))
    assert result.baselines.columns.tolist() == ["model", "spearman", "r2", "mae"]
    assert result.baselines["model"].tolist() == [COMMONEST_TITLES[NUMBER], GC, KMERS]
    scores = result.baselines.set_index("model")
    assert np.isnan(scores["spearman"][COMMONEST_TITLES[NUMBER]]) and abs(scores["r2"][COMMONEST_TITLES[NUMBER]]) < 0.1
    assert scores["spearman"][GC] > 0.95 and scores["r2"][GC] > 0.9 and scores["mae"][GC] < 4
    assert any(text.startswith("GC content alone predicts the numbers with a Spearman") for text in result.warnings)


def test_numbers_that_are_nearly_all_equal_have_fewer_ranges():
    part = records(*[("ACGT" * 5, "0")] * 8, ("GGGG", "1"), ("CCCC", "2"))
    result = look({"train": part, "dev": part, "test": part}, [], seed=1, kind=NUMBER)
    assert sum(len(result.groups["train", label].lengths) for label in result.labels) == 10
    one = records(("ACGT", "5"))
    alone = look({"train": one, "dev": one, "test": one}, [], seed=1, kind=NUMBER)
    assert alone.baselines["model"].tolist() == [COMMONEST_TITLES[NUMBER]]


def test_unrelated_numbers_give_no_warning():
    splits = {name: measured(40, seed) for seed, name in enumerate(("train", "dev", "test"))}
    for part in splits.values():
        part["label"] = part["label"].sample(frac=1, random_state=1).tolist()
    assert look(splits, [], seed=1, kind=NUMBER).warnings == []


def test_a_sequence_with_several_labels_is_in_the_group_of_each():
    splits = splits_of({"a": 0.3, "b": 0.7}, count=40)
    for part in splits.values():
        part["label"] = [
            {"a": "a", "b": "b"}[label] if number % 4 else ("a;b" if number % 8 else "none")
            for number, label in enumerate(part["label"])
        ]
    result = look(splits, ["a", "b"], seed=1, kind=MULTI_LABEL)
    counts = result.table().set_index(["split", "label"])["sequences"]
    of_train = splits["train"]["label"]
    assert counts["train", "a"] == of_train.isin(["a", "a;b"]).sum()
    assert counts["train", "b"] == of_train.isin(["b", "a;b"]).sum()
    assert result.baselines["model"].tolist() == [COMMONEST_TITLES[MULTI_LABEL], GC, KMERS]
    assert area(result, GC) > 0.7
    assert not any("commonest label" in text for text in result.warnings)
