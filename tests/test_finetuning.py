import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import torch
from transformers import set_seed

import tiny_models
from conftest import STRANGE_LABELS
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import adapter_tensors, new_classifier
from dna_lm.command import options_of_tool
from dna_lm.data.sequences import reverse_complement
from dna_lm.options import INPUT, MANY, OUTPUT
from dna_lm.training.finetuning import finetune
from refusals import refusal
from small import TINY_RANDOM, TRAINING, evaluate, sequences, training_options, write_labeled

HEAD = "base_model.model.score.weight"


def train(splits, progress=lambda _: None, **changes):
    return finetune(training_options(**{"train": splits["train"], "dev": splits["dev"]} | changes), progress)


def best_epoch(result) -> int:
    """The number of the one epoch that is kept, from 1."""
    (row,) = result.history.index[result.history["kept"] == "yes"]
    return int(row) + 1


def sha256(path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def start():
    """The tensors with which the training of the fixtures starts."""
    set_seed(42)
    with opened_base_model(str(TINY_RANDOM)) as base:
        return adapter_tensors(new_classifier(base, 2, 3, training_options()))


def test_torch_has_its_threads_again_after_a_training(two):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(two.splits, epochs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# --- what is trained -------------------------------------------------------------------------------------------------


def test_the_head_and_every_lora_matrix_are_trained_and_saved(two):
    before, after = start(), two.result.adapter.tensors
    assert after.keys() == before.keys()
    assert HEAD in after
    for name, tensor in after.items():
        assert not torch.allclose(tensor, before[name], atol=1e-4), name


def test_nothing_of_the_base_model_is_in_the_adapter_or_changed(two, tiny_random):
    for name in two.result.adapter.tensors:
        assert ".lora_A." in name or ".lora_B." in name or name == HEAD
    assert sha256(tiny_random / "model.safetensors") == two.result.adapter.base_model["weights_sha256"]


def test_the_classifier_has_learned_something(two, three):
    assert two.result.history["dev_mcc"].max() > 0.8
    assert three.result.history["dev_mcc"].max() > 0.4


# --- the kept epoch --------------------------------------------------------------------------------------------------


def test_the_kept_epoch_has_the_lowest_loss_on_dev(two):
    history = two.result.history
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert two.result.metric == "loss"
    assert best_epoch(two.result) == history["dev_loss"].argmin() + 1
    assert history["kept"].tolist() == ["yes" if epoch == best_epoch(two.result) else "" for epoch in history["epoch"]]
    # The fixture is such that this is neither where training starts nor where it ends.
    assert 1 < best_epoch(two.result) < 6


@pytest.mark.parametrize("trained", ["two", "three"])
def test_the_adapter_is_that_of_the_kept_epoch(trained, request):
    trained = request.getfixturevalue(trained)
    kept = trained.result.history.iloc[best_epoch(trained.result) - 1]
    scores = evaluate(
        base_model=str(TINY_RANDOM),
        base_model_id=None,
        adapter=str(trained.adapter),
        data=trained.splits["dev"],
        seen_data="allow",
        batch_size=8,
        progress=lambda _: None,
    ).scores
    found = {f"dev_{name}": scores[name] for name in ("loss", "accuracy", "f1_macro", "mcc")}
    assert found == pytest.approx({name: kept[name] for name in found}, abs=1e-5)
    others = trained.result.history["dev_loss"].drop(best_epoch(trained.result) - 1)
    assert (abs(others - kept["dev_loss"]) > 1e-4).all()  # no other epoch would do


def test_of_equal_epochs_the_first_is_kept(two):
    # The rate is so small that every epoch predicts the same labels.
    result = train(two.splits, learning_rate=1e-8, epochs=3, best_metric="mcc")
    assert result.history["dev_mcc"].nunique() == 1
    assert best_epoch(result) == 1


# At this rate no epoch is better than the first by MCC, which does not see small changes.
STILL = {"learning_rate": 1e-8, "best_metric": "mcc"}


def test_patience_ends_the_training(two):
    said = []
    result = train(two.splits, epochs=9, patience=2, progress=said.append, **STILL)
    assert len(result.history) == 3
    why = (
        "the training stopped after 3 of 9 epochs, since MCC on the development set had not improved for 2 epochs (the "
        "patience)"
    )
    assert result.adapter.training["stopped"] == [why]
    assert why in said and why in result.notes and why not in result.warnings


def test_patience_is_counted_in_epochs_however_often_dev_is_scored(two):
    result = train(two.splits, epochs=9, evaluations=4, patience=1, **STILL)
    assert result.history["epoch"].tolist() == [0.25, 0.5, 0.75, 1, 1.25]


def test_without_patience_all_epochs_are_trained(two):
    result = train(two.splits, epochs=4, patience=0, **STILL)
    assert len(result.history) == 4
    assert result.adapter.training["stopped"] == ["the training went through all 4 epochs"]
    assert result.notes[-1] == "the training went through all 4 epochs"


def test_a_score_that_dev_does_not_define_is_said_and_the_loss_chooses(three, tmp_path):
    """Without one of three labels, ROC-AUC is not a number, and would make the first epoch the best."""
    dev = write_labeled(tmp_path / "dev.csv", [pair for pair in sequences(["10", "1", "9"], 30, 2) if pair[1] != "9"])
    said = []
    result = train(three.splits | {"dev": dev}, best_metric="roc_auc", progress=said.append)
    (warning,) = [text for text in result.warnings if "ROC-AUC" in text]
    assert warning == (
        "ROC-AUC is not defined on the development set, since the label '9' is missing from it; the "
        "epoch with the lowest loss is saved"
    )
    assert f"warning: {warning}" in said
    assert result.metric == "loss"
    assert best_epoch(result) == result.history["dev_loss"].argmin() + 1 > 1
    assert train(three.splits | {"dev": dev}, best_metric="mcc", epochs=1).metric == "mcc"


def test_a_model_that_gives_every_sequence_the_same_answer_is_said(two, tmp_path):
    rare = [pair for number, pair in enumerate(sequences(["no", "yes"], 120, 1)) if number % 40 == 1 or pair[1] == "no"]
    assert sum(label == "yes" for _, label in rare) == 3
    path = write_labeled(tmp_path / "rare.csv", rare)
    said = []
    result = train(two.splits | {"train": path}, learning_rate=0.001, epochs=1, progress=said.append)
    assert result.history["dev_mcc"].tolist() == [0]
    (warning,) = [text for text in result.warnings if "every one" in text]
    assert warning.startswith(
        "the kept model predicts the label 'no' for every one of the 30 development sequences: it cannot"
    )
    assert "--class-weights balanced" in warning and f"warning: {warning}" in said
    assert not any("every one" in text for text in two.result.warnings)


# --- gradients -------------------------------------------------------------------------------------------------------


def one_sequence_at_once(monkeypatch):
    monkeypatch.setattr("dna_lm.training.model.tokens_at_once", lambda *_: 1)


@pytest.fixture
def uneven(two, tmp_path):
    rows = [pair for number, pair in enumerate(sequences(["no", "yes"], 60, 1)) if number % 4 != 1]
    return two.splits | {"train": write_labeled(tmp_path / "uneven.csv", rows)}


def test_class_weights_count_also_where_one_sequence_goes_through_the_model_at_once(uneven, monkeypatch):
    options = {"epochs": 1, "class_weights": "balanced"}
    together = train(uneven, **options).adapter.tensors
    one_sequence_at_once(monkeypatch)
    apart, without = (train(uneven, **options | more).adapter.tensors for more in ({}, {"class_weights": "none"}))
    for name, tensor in together.items():
        torch.testing.assert_close(apart[name], tensor, atol=1e-4, rtol=1e-3, msg=name)
    assert (apart[HEAD] - without[HEAD]).abs().max() > 1e-2


def test_gradients_are_clipped_to_the_norm_that_is_asked_for(two):
    """AdamW's steps hardly depend on the size of the gradients, but where they change from one step to the next."""
    heads = {norm: train(two.splits, epochs=1, max_grad_norm=norm).adapter for norm in (0.0, 0.01, 1.0)}
    assert heads[0.01].training["options"]["max_grad_norm"] == 0.01
    assert not torch.equal(heads[0.0].tensors[HEAD], heads[0.01].tensors[HEAD])
    default = train(two.splits, epochs=1).adapter.tensors[HEAD]
    assert torch.equal(default, heads[1.0].tensors[HEAD])


def test_the_learning_rate_falls_linearly(two):
    rates = two.result.history["learning_rate"]
    assert rates.is_monotonic_decreasing
    assert rates.diff().dropna().tolist() == pytest.approx([-TRAINING["learning_rate"] / 6] * 5)


# --- seeds and records -----------------------------------------------------------------------------------------------


def test_the_seed_decides(two):
    same, other = train(two.splits, epochs=1), train(two.splits, epochs=1, seed=2**32 - 1)
    again = train(two.splits, epochs=1)
    assert all(torch.equal(same.adapter.tensors[name], again.adapter.tensors[name]) for name in same.adapter.tensors)
    assert same.adapter.training == again.adapter.training
    assert not torch.equal(same.adapter.tensors[HEAD], other.adapter.tensors[HEAD])


def test_what_is_recorded(two):
    adapter = two.result.adapter
    settings = adapter.base_model["settings"]
    assert settings["rms_norm_eps"] == 1e-5 and settings["hidden_size"] == 16
    assert adapter.base_model == {
        "settings": settings,
        "id": "tiny-random",
        "revision": "",
        "architecture": "mixtral",
        "weights_sha256": sha256(TINY_RANDOM / "model.safetensors"),
        "tokenizer_sha256": sha256(TINY_RANDOM / "tokenizer.json"),
    }
    assert adapter.task == {
        "type": "single_label_classification",
        "labels": ["no", "yes"],
        "max_length": 50,
        "kmer": -1,
        "pooling": "last_token",
        "strand": "forward",
        "members": 1,
        "calibration": None,
    }
    training = adapter.training
    not_recorded = {option.name for option in options_of_tool("finetune") if option.kind in (INPUT, MANY, OUTPUT)}
    not_recorded |= {"base_model_id", "base_model_revision", "threads"}
    options = {name: value for name, value in vars(training_options()).items() if name != "given"}
    assert training["options"] == {name: value for name, value in options.items() if name not in not_recorded}
    assert training["versions"]["torch"] == version("torch")
    assert training["sequences"] == {"train": 60, "dev": 30}
    letters = sorted(map(len, pd.read_csv(two.splits["train"])["sequence"]))
    median = (letters[29] + letters[30]) // 2
    assert adapter.training_lengths == {"shortest": letters[0], "median": median, "longest": letters[-1]}
    assert (training["train_sha256"], training["dev_sha256"]) == (
        sha256(two.splits["train"]),
        sha256(two.splits["dev"]),
    )
    assert training["unknown_token_shares"] == {"train": 0, "dev": 0}
    assert training["seen"].keys() == {"train", "dev", "files", "complete"} and training["seen"]["complete"]
    assert training["continued_from_sha256"] is None
    assert training["history"] == two.result.history.drop(columns="seconds").to_dict("records")


def test_the_length_of_kmers_is_found_and_recorded(two, tmp_path):
    folder = tmp_path / "base"
    tiny_models.write_model(folder, "bert", tiny_models.words(folder, 3))
    adapter = train(two.splits, base_model=str(folder), epochs=1).adapter
    assert (adapter.kmer, adapter.training["options"]["kmer"]) == (3, 0)
    message = refusal(train, two.splits, base_model=str(folder), kmer=-1)
    assert "set the k-mer length to 3" in message


def test_no_path_of_this_machine_is_recorded(two):
    recorded = json.dumps([two.result.adapter.training, two.result.adapter.task, two.result.adapter.base_model])
    for part in (*Path(two.splits["train"]).parts[1:-1], "train.csv", *TINY_RANDOM.parts[1:-1]):
        assert f"/{part}" not in recorded


def test_the_base_model_may_have_a_name_and_a_revision(two):
    result = train(two.splits, base_model_id="lab/model", base_model_revision="v7", epochs=1)
    assert (result.adapter.base_model["id"], result.adapter.base_model["revision"]) == ("lab/model", "v7")


# --- labels ----------------------------------------------------------------------------------------------------------


def test_labels_that_are_numbers_stay_text_and_come_in_numerical_order(three):
    assert three.labels == ["1", "9", "10"]


def test_labels_that_are_names_come_in_alphabetical_order(two):
    assert two.labels == ["no", "yes"]


def test_labels_may_hold_any_printable_text(strange):
    assert strange.labels == sorted(STRANGE_LABELS)


# --- messages --------------------------------------------------------------------------------------------------------


def test_progress_and_warnings(two):
    said = []
    result = train(two.splits, epochs=1, max_length=10, progress=said.append)
    warnings = [line.removeprefix("warning: ") for line in said if line.startswith("warning: ")]
    assert result.warnings == warnings
    assert [text.split(":")[0] for text in warnings] == [
        "the training set (train.csv)",
        "the development set (dev.csv)",
    ]
    assert "sequences are longer than 10 tokens and lose their end" in warnings[0]
    row = result.history.iloc[0]
    assert [line for line in said if line.startswith(("training", "epoch"))] == [
        "training 288 of 3,104 parameters on 60 sequences in batches of 8; 1 CPU thread, fp32",
        f"epoch 1 of 1: training loss {row.train_loss:.4f}, development loss {row.dev_loss:.4f}, mcc {row.dev_mcc:.4f} "
        f"(best), {row.seconds:.0f} s",
    ]
    assert result.adapter.max_length == 10


def test_the_size_of_a_batch_is_chosen_by_the_size_of_the_split_and_recorded(two):
    said = []
    result = train(two.splits, epochs=1, batch_size=0, progress=said.append)
    assert any("on 60 sequences in batches of 8;" in line for line in said)
    assert result.adapter.training["options"]["batch_size"] == 8


def test_the_limit_of_the_model_is_recorded_when_it_is_the_lower_one(two):
    assert train(two.splits, epochs=1, max_length=100_000).adapter.max_length == 512


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "dev"])
def test_one_label_is_refused(two, tmp_path, split):
    one = write_labeled(tmp_path / "one.csv", sequences(["yes"], 9, seed=0))
    name = {"train": "the training set", "dev": "the development set"}[split]
    assert refusal(train, two.splits | {split: one}) == (
        f"{name} (one.csv) has one label only ('yes'); a classifier needs at least two"
    )


def test_a_label_of_dev_that_train_has_not_is_refused(two, tmp_path):
    dev = write_labeled(tmp_path / "dev.csv", [("ACGT", "yes"), ("ACGT", "no"), ("ACGT", "maybe")])
    assert refusal(train, two.splits | {"dev": dev}) == (
        "the development set (dev.csv), line 4: the label 'maybe' does not occur in the training data, whose labels "
        "are no, yes; correct it or remove the record"
    )


def test_a_missing_column_is_refused(two, test_data):
    assert refusal(train, two.splits | {"train": str(test_data / "unclean.csv")}) == (
        "the training set (unclean.csv) has no column 'sequence'; its columns are name, bound, dna: is there a "
        "header line, and is the right column chosen?"
    )


def test_training_that_diverges_is_refused(two):
    assert re.fullmatch(
        r"the training diverged: after \d+ steps the loss is no longer a number, at a learning rate of 0\.\d+; choose "
        "a smaller learning rate or LoRA alpha",
        refusal(train, two.splits, lora_alpha=1e20, learning_rate=1.0, epochs=2),
    )


@pytest.mark.parametrize(
    ("rows", "others", "words"),
    [
        (slice(None), 0, "60 of 60 sequences (100.0%) are"),
        (slice(None, None, -1), 0, "60 of 60 sequences (100.0%) are"),
        (slice(0, 20), 0, "20 of 20 sequences (100.0%) are"),
        (slice(5, 35), 30, "30 of 60 sequences (50.0%) are"),
    ],
    ids=["the same", "another order", "a part", "half"],
)
def test_a_dev_split_that_is_half_in_train_is_refused(two, tmp_path, rows, others, words):
    pairs = sequences(["no", "yes"], 60, seed=1)[rows] + sequences(["no", "yes"], others, seed=77)
    pairs = [(reverse_complement(sequence), label) for sequence, label in pairs]
    dev = write_labeled(tmp_path / "other.csv", pairs)
    assert refusal(train, two.splits | {"dev": dev}) == (
        f"the development set (other.csv): {words} also in the training set (train.csv), on either strand; choose a "
        "development set that shares none with the training set, such as Prepare makes"
    )


def test_some_dev_sequences_that_are_in_train_are_told(two, tmp_path):
    pairs = sequences(["no", "yes"], 60, seed=1)[:4] + sequences(["no", "yes"], 30, seed=77)
    dev = write_labeled(tmp_path / "other.csv", [(pairs[0][0], "yes"), *pairs[1:]])
    said = []
    result = train(two.splits | {"dev": dev}, said.append, epochs=1)
    assert result.warnings[0] == (
        "the development set (other.csv): 4 of 34 sequences (11.8%) are also in the training set (train.csv), on "
        "either strand, 1 of them with another label: the scores on the development set are too good, and select for "
        "memorization; choose a development set that shares none with the training set, such as Prepare makes"
    )
    assert f"warning: {result.warnings[0]}" in said
