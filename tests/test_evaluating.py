import dataclasses
import json
import math
import struct
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoConfig

from conftest import train as train_adapter
from dna_lm.adapters.dataset import RECORD, load_adapter, save_adapter
from dna_lm.adapters.seen_data import ALLOW_SEEN_DATA
from dna_lm.base_models.token_reader import TokenReader
from dna_lm.baselines.names import CONVOLUTION, MOTIFS, TITLES, UNTRAINED
from dna_lm.classifiers import building
from dna_lm.data.sequences import reverse_complement
from dna_lm.evaluation.evaluating import RUNGS, SPEED
from dna_lm.evaluation.ladder import ADAPTER_NAME, ALONE_NAME
from dna_lm.evaluation.nucleotide_rungs import motif_group
from dna_lm.scores.bootstrap import COLUMNS, bootstrap, resample
from dna_lm.scores.metrics import score
from dna_lm.words import BOTH, FORWARD, RECORDED, REVERSE
from refusals import refusal
from small import TINY_RANDOM, evaluate, sequences, write_labeled
from test_branch_prediction import with_branch


@pytest.fixture(autouse=True)
def fewer_epochs(monkeypatch):
    """What a convolutional network learns is seen elsewhere."""
    monkeypatch.setattr("dna_lm.training.branch_parts.MOST_EPOCHS", 2)


def evaluated(trained, data=None, **changes):
    given = {"base_model": str(TINY_RANDOM), "base_model_id": None, "adapter": str(trained.adapter), "batch_size": 8}
    given |= {"motifs": "none"}
    return evaluate(**given | {"data": data or trained.splits["test"], "progress": lambda _: None} | changes)


# --- strands ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def turned(two, tmp_path):
    """The test set with the reverse complement of each sequence."""
    pairs = sequences(["no", "yes"], 30, seed=3)
    return write_labeled(tmp_path / "turned.csv", [(reverse_complement(dna), label) for dna, label in pairs])


def test_the_strand_that_is_chosen_is_scored(two, turned):
    forward, reverse = (evaluated(two, strand=strand) for strand in (FORWARD, REVERSE))
    assert evaluated(two).strand == forward.strand == FORWARD  # as recorded
    assert np.abs(forward.predictions - reverse.predictions).max() > 0.01
    assert forward.scores == forward.strands.scores[FORWARD]
    assert reverse.scores == reverse.strands.scores[REVERSE]
    other = evaluated(two, turned, strand=FORWARD)
    assert np.abs(other.predictions - reverse.predictions).max() < 1e-6
    assert other.strands.flipped == forward.strands.flipped


def test_both_strands_give_the_same_for_either(two, turned):
    result, other = evaluated(two, strand=BOTH), evaluated(two, turned, strand=BOTH)
    assert np.abs(result.predictions - other.predictions).max() < 1e-6
    assert result.strand == BOTH
    assert result.scores == score(result.adapter.target, result.truth, result.predictions)


def test_the_share_of_flips_is_that_of_the_predictions(two):
    forward, reverse = (evaluated(two, strand=strand).table for strand in (FORWARD, REVERSE))
    flipped = evaluated(two, strand=RECORDED).strands.flipped
    assert flipped == (forward["predicted"] != reverse["predicted"]).mean()
    assert 0 < flipped < 1


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_table_of_metrics(two):
    result = evaluated(two)
    table = result.metrics_table()
    assert tuple(table.columns) == COLUMNS
    scores = bootstrap(result.adapter.target, result.truth, result.predictions)
    assert table["metric"].tolist() == [*scores["metric"], "strand_flips", *SPEED]
    rows = table.set_index(["metric", "label"])
    assert rows.loc[("accuracy", "all"), "value"] == f"{result.scores['accuracy']:.4f}"
    assert rows.loc[("support", "yes")].tolist() == ["15", "nan", "nan"]
    seconds, samples, steps = (float(rows.loc[(name, "all"), "value"]) for name in SPEED)
    assert seconds > 0 and samples == pytest.approx(30 / result.speed[SPEED[0]], rel=1e-3)
    assert steps == pytest.approx(math.ceil(30 / 8) / 30 * samples, rel=1e-3)


def test_the_worst_errors_are_those_of_the_predictions(two):
    result = evaluated(two, worst=3)
    wrong = result.table[result.table["correct"] == "no"]
    assert result.worst["probability"].tolist() == sorted(wrong["probability"], reverse=True)[:3]
    lengths = dict(zip(result.table["id"], result.lengths, strict=True))
    assert result.worst["length"].tolist() == [lengths[name] for name in result.worst["id"]]
    assert int(result.errors.sum()) == len(wrong)


# --- clusters --------------------------------------------------------------------------------------------------------


def clustered(two, path, clusters):
    """The test set with a column `cluster`."""
    table = pd.read_csv(two.splits["test"], dtype=str).assign(cluster=clusters)
    table.to_csv(path, index=False)
    return path


def test_clusters_are_drawn_if_the_table_says_them(two, tmp_path):
    data = clustered(two, tmp_path / "clustered.csv", [f"c{number // 2}" for number in range(30)])
    result, plain = (evaluated(two, each, train=two.splits["train"]) for each in (data, None))
    assert result.independence.drawn == "15 clusters"
    less = ("calibration_error",)  # what chance adds to it is taken off, and is more between clusters
    assert {**result.scores, **dict.fromkeys(less)} == {**plain.scores, **dict.fromkeys(less)}
    assert result.table["cluster"].tolist() == [f"c{number // 2}" for number in range(30)]
    assert "cluster" in result.worst
    expected = resample(
        *(result.adapter.target, result.truth, result.predictions), clusters=np.arange(30) // 2, wanted=[("mcc", None)]
    )
    assert result.resampled.interval(("mcc", None)) == expected.interval(("mcc", None))
    tables = [each.metrics_table().set_index("metric") for each in (result, plain)]
    flips = [table.loc["strand_flips"].tolist() for table in tables]
    assert flips[0][1] == flips[1][1] and flips[0][2:] != flips[1][2:]
    ladders = [each.ladder.table["p"].to_numpy(dtype=float)[:9] for each in (result, plain)]
    assert not np.allclose(*ladders, equal_nan=True)


def test_few_clusters_are_a_caveat(two, tmp_path):
    data = clustered(two, tmp_path / "clustered.csv", ["chr8", "chr9"] * 15)
    result = evaluated(two, data)
    assert result.independence.clusters is None
    assert "it puts them into 2 clusters only" in result.independence.caveat
    assert result.table["cluster"].tolist() == ["chr8", "chr9"] * 15


# --- the training set ----------------------------------------------------------------------------------------------


def test_a_ladder_on_the_training_split(two):
    result = evaluated(two, train=two.splits["train"])
    assert result.ladder.table["model"].nunique() == 6
    assert result.ladder.train == 60
    assert {rung.learned for rung in result.ladder.rungs.values()} == {60}
    assert result.ladder.value(ADAPTER_NAME, "mcc") == result.scores["mcc"]
    assert not [text for text in result.caveats if "not the file" in text]


@pytest.mark.parametrize("strand", [FORWARD, BOTH])
def test_a_ladder_loads_the_base_model_and_encodes_each_sequence_once(two, monkeypatch, strand):
    loaded, read = [], []
    load, read_texts, parse = building._open, TokenReader.read, AutoConfig.from_pretrained
    monkeypatch.setattr(building, "_open", lambda *given: loaded.append("weights") or load(*given))
    monkeypatch.setattr(AutoConfig, "from_pretrained", lambda *some, **o: loaded.append("config") or parse(*some, **o))
    monkeypatch.setattr(TokenReader, "read", lambda reader, some: read.extend(some) or read_texts(reader, some))
    assert evaluated(two, train=two.splits["train"], strand=strand).ladder
    test, train = (pd.read_csv(two.splits[split])["sequence"].tolist() for split in ("test", "train"))
    assert sorted(loaded) == ["config", "weights"]
    once = [*test, *map(reverse_complement, test), *train, *(map(reverse_complement, train) if strand == BOTH else [])]
    assert Counter(read) == Counter(once)


def test_another_training_split_is_told(two, tmp_path):
    data = write_labeled(tmp_path / "other.csv", sequences(["no", "yes"], 40, seed=8))
    (caveat,) = [text for text in evaluated(two, train=data).caveats if "not the file" in text]
    assert caveat.startswith("the training set (other.csv) is not the file that the adapter was trained on")


def test_sequences_that_stand_in_train_too_are_counted_on_either_strand(two, tmp_path):
    pairs = [("ACGTTGCA" + "AC" * number, "yes" if number % 2 else "no") for number in range(1, 9)]
    data = write_labeled(tmp_path / "test.csv", pairs)
    first, second, *_ = pairs
    shared = [first, (reverse_complement(second[0]), "yes")]
    train = write_labeled(tmp_path / "train.csv", shared + sequences(["no", "yes"], 20, seed=8))
    caveats = evaluated(two, data, train=train).caveats
    assert caveats[-1] == (
        "the test set (test.csv): 2 of 8 sequences (25.0%) are also in the training set (train.csv), on either "
        "strand, 1 of them with another label: the scores of all models are too good"
    )


def test_a_test_split_that_is_half_in_train_is_refused(two, tmp_path):
    pairs = sequences(["no", "yes"], 30, seed=8) + sequences(["no", "yes"], 20, seed=9)
    train, data = write_labeled(tmp_path / "other.csv", pairs[:30]), write_labeled(tmp_path / "copy.csv", pairs[10:])
    assert refusal(evaluated, two, data, train=train) == (
        "the test set (copy.csv): 20 of 40 sequences (50.0%) are also in the training set (other.csv), on "
        f"either strand; choose a test set that shares none with it, or set {ALLOW_SEEN_DATA}"
    )
    assert evaluated(two, data, train=train, seen_data="allow").ladder


def test_the_training_split_in_another_order_is_that_of_the_adapter(two, tmp_path):
    table = pd.read_csv(two.splits["train"], dtype=str)
    table[::-1].to_csv(tmp_path / "shuffled.csv", index=False)
    caveats = evaluated(two, train=str(tmp_path / "shuffled.csv")).caveats
    assert not [text for text in caveats if "not the file" in text]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["no", "maybe"], ", line 3: the label 'maybe' does not occur in the training data, whose labels are no, yes"),
        (["no", "no"], " has one label only ('no'); a classifier needs at least two"),
    ],
)
def test_a_training_split_that_does_not_fit_is_refused(two, tmp_path, labels, message):
    train = write_labeled(tmp_path / "train.csv", list(zip(["ACGTA", "TTTTT"], labels, strict=True)))
    assert refusal(evaluated, two, train=train).startswith(f"the training set (train.csv){message}")


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("train", "the file that the adapter was trained on"),
        ("dev", "the development set by which the adapter's weights were chosen"),
    ],
)
def test_data_that_the_adapter_has_seen(two, split, words):
    message = refusal(evaluated, two, two.splits[split])
    assert message.startswith(f"the test set ({split}.csv) is {words}: scores on it would be too good; ")
    said = []
    result = evaluated(two, two.splits[split], seen_data="allow", progress=said.append)
    assert result.seen == [
        f"the test set ({split}.csv) is {words}: the scores are too good, and say nothing of new sequences"
    ]
    assert f"warning: {result.seen[0]}" in said


def test_the_training_split_is_known_in_whatever_form(two, tmp_path):
    table = pd.read_csv(two.splits["train"], dtype=str)
    table["sequence"] = [reverse_complement(text).lower() for text in table["sequence"]]
    disguised = table.sample(frac=1, random_state=1)[["id", "label", "sequence"]]
    more = pd.read_csv(two.splits["test"], dtype=str).iloc[:1]
    path = tmp_path / "other.tsv.gz"
    pd.concat([disguised, more]).to_csv(path, index=False, sep="\t")
    assert refusal(evaluated, two, str(path)) == (
        "the test set (other.tsv.gz): 60 of 61 sequences (98.4%) are in the adapter's training set: scores on "
        f"them would be too good; choose a test set, or set {ALLOW_SEEN_DATA}"
    )


def test_some_sequences_of_the_training_split_are_told(two, tmp_path):
    tables = [pd.read_csv(two.splits[name], dtype=str) for name in ("train", "test")]
    pd.concat([tables[0].iloc[:3], tables[1]]).to_csv(tmp_path / "mixed.csv", index=False)
    said = []
    result = evaluated(two, str(tmp_path / "mixed.csv"), progress=said.append)
    assert result.seen == [
        "the test set (mixed.csv): 3 of 33 sequences (9.1%) are in the adapter's training set: the scores are "
        "too good; take these sequences out"
    ]
    assert f"warning: {result.seen[0]}" in said


def test_seen_data_are_refused_before_anything_is_computed(two):
    message = refusal(evaluated, two, two.splits["dev"], base_model="/no/such/model")
    assert "the development set" in message


def test_data_without_labels_are_refused(two, tmp_path):
    path = tmp_path / "bare.csv"
    path.write_text("sequence,id\nACGT,a\nTTTT,b\n")
    assert refusal(evaluated, two, path) == (
        "the test set (bare.csv) has no column 'label'; its columns are sequence, id: is there a header line, and "
        "is the right column chosen?"
    )


def test_the_wrong_base_model_is_refused(two):
    message = refusal(evaluated, two, base_model="built-in")
    assert message.startswith("the adapter was trained on the base model 'tiny-random', but the base model given is ")
    assert message.endswith('"As recorded in the adapter" (--base-model recorded)')


def test_an_adapter_of_a_newer_format_is_refused(two, tmp_path):
    content = two.adapter.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    record = json.loads(header["__metadata__"][RECORD]) | {"version": 99}
    header["__metadata__"][RECORD] = json.dumps(record)
    text = json.dumps(header).encode()
    path = tmp_path / "newer.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    message = refusal(evaluated, two, adapter=str(path))
    assert message.startswith("the adapter (newer.safetensors) has format version 99, this program reads version ")


def test_an_adapter_whose_weights_are_no_numbers_is_refused(two, tmp_path):
    adapter = load_adapter(two.adapter)
    name = next(iter(adapter.tensors))
    spoilt = adapter.tensors | {name: torch.full_like(adapter.tensors[name], float("nan"))}
    save_adapter(dataclasses.replace(adapter, tensors=spoilt), tmp_path / "nan.safetensors")
    message = refusal(evaluated, two, adapter=str(tmp_path / "nan.safetensors"))
    assert message.startswith("the adapter ") and message.endswith(" contains NaN or infinity); train it again")


def test_a_ladder_without_a_training_split_is_refused(call_tool, two, tmp_path):
    given = ["--base-model", TINY_RANDOM, "--adapter", two.adapter, "--data", two.splits["test"]]
    outputs = [
        part
        for name in ("metrics", "predictions", "plot", "report", "ladder")
        for part in (f"--{name}-out", tmp_path / name)
    ]
    assert call_tool("evaluate", *given, *outputs).error == (
        'simpler models are trained on the "Training set" (--train), which is not given; select it, or set '
        '"Compare with simpler models" to "No" (--baselines no, without --ladder-out and --ladder-plot-out)'
    )
    assert list(tmp_path.iterdir()) == []


# --- the models of the ladder that are networks ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "asked", "group"),
    [
        ("plants", "recorded", "plants"),
        ("none", "recorded", "none"),
        (None, "recorded", "vertebrates"),
        (["plants"], "recorded", "vertebrates"),
        ("plants", "fungi", "fungi"),
        ("plants", "none", "none"),
    ],
)
def test_which_motifs_are_looked_for(two, recorded, asked, group):
    options = {} if recorded is None else {"motifs": recorded}
    adapter = load_adapter(two.adapter)
    assert motif_group(asked, dataclasses.replace(adapter, training={"options": options})) == group
    assert motif_group(asked, dataclasses.replace(adapter, training={})) == (
        "vertebrates" if asked == "recorded" else group
    )


def test_without_motifs_there_is_no_model_of_them(two):
    result = evaluated(two, train=two.splits["train"])
    assert TITLES[MOTIFS] not in result.ladder.rungs and TITLES[CONVOLUTION] in result.ladder.rungs
    assert result.motifs == ""


def test_every_model_is_in_the_ladder_in_its_order(two):
    result = evaluated(two, train=two.splits["train"], motifs="urochordates", without_pretraining="yes")
    assert list(result.ladder.rungs) == [TITLES[name] for name in RUNGS]
    assert {each.learned for each in result.ladder.rungs.values()} == {60}
    assert result.motifs.endswith(", urochordates")
    assert result.ladder.value(TITLES[UNTRAINED], "accuracy") > 0.6


@pytest.mark.parametrize(
    "changes", [{"method": "head"}, {"method": "full", "learning_rate": 0.005}, {"strands": "both"}]
)
def test_the_network_without_pretraining_is_trained_as_the_adapter_was(changes, tmp_path):
    adapter = train_adapter(tmp_path, ["no", "yes"], epochs=2, **changes)
    said = []
    evaluated(adapter, train=adapter.splits["train"], without_pretraining="yes", progress=said.append)
    mine = [text for text in said if text.startswith("base model without pretraining: ")]
    assert any("epoch 2 of 2: training loss" in text for text in mine)


def test_settings_that_are_not_recorded_are_refused(two, tmp_path):
    adapter = load_adapter(two.adapter)
    options = adapter.training["options"] | {"learning_rate": "high"}
    save_adapter(
        dataclasses.replace(adapter, training=adapter.training | {"options": options}), tmp_path / "a.safetensors"
    )
    message = refusal(
        evaluated, two, train=two.splits["train"], adapter=str(tmp_path / "a.safetensors"), without_pretraining="yes"
    )
    assert message.startswith("the adapter does not record the settings of its training (--learning-rate), with which ")
    assert message.endswith('set "Train the base model without pretraining" to "No" (--without-pretraining no)')


def test_the_language_model_of_an_adapter_that_reads_nucleotides_too_has_a_rung_of_its_own(two, tmp_path):
    adapter = with_branch(load_adapter(two.adapter))
    save_adapter(adapter, tmp_path / "branched.safetensors")
    given = {"train": two.splits["train"], "strand": BOTH}
    plain, branched = evaluated(two, **given), evaluated(two, adapter=str(tmp_path / "branched.safetensors"), **given)
    assert list(branched.ladder.rungs)[-1] == ALONE_NAME and ALONE_NAME not in plain.ladder.rungs
    assert not np.allclose(branched.predictions, plain.predictions)
    for metric in ("mcc", "roc_auc", "accuracy"):
        assert branched.ladder.value(ALONE_NAME, metric) == plain.ladder.value(ADAPTER_NAME, metric)
    assert set(branched.ladder.table["sequences"][-6:]) == {"nan"}
