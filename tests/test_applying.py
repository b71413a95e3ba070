import gzip
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from dna_lm.adapter import RECORD
from dna_lm.applying import evaluate, predict
from dna_lm.metrics import score
from refusals import refusal
from small import TINY_RANDOM, sequences, write_labelled

COMMON = {"base_model": str(TINY_RANDOM), "base_model_id": None, "batch_size": 8, "progress": lambda _: None}


def evaluated(trained, **changes):
    return evaluate(**COMMON | {"adapter": str(trained.adapter), "data": trained.splits["test"]} | changes)


def predicted(trained, path, **changes):
    keywords = {
        "adapter": str(trained.adapter),
        "input": str(path),
        "input_format": "csv",
        "sequence_column": "sequence",
    }
    return predict(**COMMON | keywords | changes)


def probability_columns(table: pd.DataFrame) -> np.ndarray:
    return table[[name for name in table if name.startswith("p(")]].to_numpy()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """70 sequences of 1 to 90 bases, in no order of length."""
    pairs = sequences(["no", "yes"], 70, seed=9)
    lengths = [1 + number * 37 % 90 for number in range(70)]
    pairs = [((dna * 15)[:length], label) for (dna, label), length in zip(pairs, lengths, strict=True)]
    return write_labelled(tmp_path_factory.mktemp("mixed") / "mixed.csv", pairs)


# --- what is computed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trained", ["two", "three"])
def test_probabilities_are_those_of_the_unmerged_peft_model(trained, request, mixed, tmp_path):
    """The file of the adapter, put into PEFT's own form and loaded by PEFT itself, one sequence at a time."""
    trained = request.getfixturevalue(trained)
    adapter = trained.result.adapter
    save_file(load_file(trained.adapter), tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps(adapter.peft))
    base = AutoModelForSequenceClassification.from_pretrained(
        TINY_RANDOM, num_labels=len(trained.labels), pad_token_id=3
    )
    model = PeftModel.from_pretrained(base, tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(TINY_RANDOM)
    expected = []
    with torch.inference_mode():
        for dna in pd.read_csv(mixed)["sequence"]:
            tokens = tokenizer(dna, return_tensors="pt", truncation=True, max_length=adapter.max_length)
            expected.append(torch.softmax(model(**tokens).logits[0].double(), dim=-1).numpy())
    found = probability_columns(predicted(trained, mixed))
    assert np.abs(found - np.array(expected)).max() < 1e-5
    assert np.ptp(found[:, 0]) > 0.3  # the comparison is not one of constants


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_neither_the_batch_size_nor_padding_changes_anything(two, mixed, batch_size):
    expected = predicted(two, mixed, batch_size=8)
    found = predicted(two, mixed, batch_size=batch_size)
    assert np.abs(probability_columns(found) - probability_columns(expected)).max() < 1e-5
    assert found["id"].tolist() == [f"s{number}" for number in range(70)]


def test_predictions_come_in_the_order_of_the_input(two, mixed, tmp_path):
    table = pd.read_csv(mixed)
    forwards = predicted(two, mixed)
    table[::-1].to_csv(tmp_path / "backwards.csv", index=False)
    backwards = predicted(two, tmp_path / "backwards.csv")[::-1].reset_index(drop=True)
    assert backwards["id"].tolist() == forwards["id"].tolist()
    assert np.abs(probability_columns(backwards) - probability_columns(forwards)).max() < 1e-5


def test_the_predicted_label_is_that_with_the_highest_probability(three):
    table = predicted(three, three.splits["test"])
    columns = [f"p({label})" for label in three.labels]
    assert table["predicted"].tolist() == [name[2:-1] for name in table[columns].idxmax(axis=1)]
    assert table["probability"].tolist() == table[columns].max(axis=1).tolist()
    assert np.abs(table[columns].sum(axis=1) - 1).max() < 1e-12
    assert table["predicted"].nunique() > 1


def test_the_folder_and_the_archive_of_the_base_model_give_the_same(two, mixed, test_data):
    archive = predicted(two, mixed, base_model=str(test_data / "tiny-random.zip"))
    assert archive.equals(predicted(two, mixed))


def test_lower_case_and_u_are_the_same_sequence(two, tmp_path):
    upper, lower = tmp_path / "upper.fa", tmp_path / "lower.fa"
    upper.write_text(">a\nACGTTT\n")
    lower.write_text(">a\nacgutu\n")
    first, second = (predicted(two, path, input_format="fasta") for path in (upper, lower))
    assert first.equals(second)


# --- the columns of predictions --------------------------------------------------------------------------------------


def test_the_columns_of_fasta_predictions(two, tmp_path):
    path = tmp_path / "new.fa.gz"
    path.write_bytes(gzip.compress(b">one description\nACGT\n>two\nTT\nTT\n"))
    table = predicted(two, path, input_format="fasta")
    assert table.columns.tolist() == ["id", "predicted", "probability", "p(no)", "p(yes)"]
    assert table["id"].tolist() == ["one", "two"]


@pytest.mark.parametrize(("separator", "input_format"), [(",", "csv"), ("\t", "tabular")])
def test_other_columns_are_kept_and_the_sequence_is_not(two, tmp_path, separator, input_format):
    path = tmp_path / "new.table"
    rows = [["chrom", "dna", "note"], ["chr1", "ACGT", "x"], ["chr2", "TTTT", "y"]]
    path.write_text("".join(separator.join(row) + "\n" for row in rows))
    table = predicted(two, path, input_format=input_format, sequence_column="2")
    assert table.columns.tolist() == ["id", "chrom", "note", "predicted", "probability", "p(no)", "p(yes)"]
    assert table[["id", "chrom", "note"]].to_numpy().tolist() == [[1, "chr1", "x"], [2, "chr2", "y"]]


def test_a_column_with_the_name_of_one_of_ours_gives_way(two, tmp_path):
    path = tmp_path / "again.csv"
    path.write_text("id,sequence,predicted,p(no),label\na,ACGT,old,old,yes\n")
    table = predicted(two, path)
    assert table.columns.tolist() == ["id", "label", "predicted", "probability", "p(no)", "p(yes)"]
    assert "old" not in table.to_numpy()


def test_the_columns_of_evaluated_predictions(three):
    result = evaluated(three)
    assert result.predictions.columns.tolist() == [
        *("id", "predicted", "probability", "p(1)", "p(9)", "p(10)", "label", "correct")
    ]
    given = pd.read_csv(three.splits["test"], dtype=str)
    assert result.predictions["label"].tolist() == given["label"].tolist()
    assert result.predictions["id"].tolist() == given["id"].tolist()
    right = result.predictions["label"] == result.predictions["predicted"]
    assert result.predictions["correct"].tolist() == ["yes" if one else "no" for one in right]
    assert 0 < right.sum() < 30


# --- evaluation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trained", ["two", "three", "strange"])
def test_scores_are_those_of_the_predictions(trained, request):
    trained = request.getfixturevalue(trained)
    result = evaluated(trained)
    truth = result.predictions["label"].map(trained.labels.index).to_numpy()
    assert result.truth.tolist() == truth.tolist()
    assert result.scores == score(truth, probability_columns(result.predictions))


def test_labels_of_any_text_come_through(strange):
    table = evaluated(strange).predictions
    assert table.columns.tolist()[3:6] == [f"p({label})" for label in strange.labels]
    assert set(table["label"]) == set(strange.labels)
    assert set(table["predicted"]) <= set(strange.labels)


def test_some_of_the_labels_will_do(three, tmp_path):
    data = write_labelled(tmp_path / "some.csv", [("ACGT", "10"), ("TTTT", "1")])
    result = evaluated(three, data=data)
    assert result.truth.tolist() == [2, 0]
    assert np.isnan(result.scores["roc_auc"])


def test_an_unknown_label_is_refused(three, tmp_path):
    data = write_labelled(tmp_path / "new.csv", [("ACGT", "10"), ("TTTT", "01")])
    assert refusal(evaluated, three, data=data) == (
        "the labelled data (new.csv), line 3: the adapter does not know the label '01'; it was trained on 1, 9, 10"
    )


def test_one_label_is_refused(three, tmp_path):
    data = write_labelled(tmp_path / "one.csv", [("ACGT", "10"), ("TTTT", "10")])
    assert refusal(evaluated, three, data=data) == (
        "the labelled data (one.csv) has one label only ('10'); a classifier needs at least two"
    )


def test_cut_and_unknown_sequences_are_warned_of(two, tmp_path):
    said = []
    data = write_labelled(tmp_path / "long.csv", [("ACGT" * 20, "yes"), ("N" * 9, "no")])
    result = evaluated(two, data=data, progress=said.append)
    assert said == [result.read, *(f"warning: {text}" for text in result.warnings)]
    assert len(result.warnings) == 2
    assert "1 of 2 sequences are longer than 50 tokens" in result.warnings[0]
    assert "of the tokens are unknown to the base model" in result.warnings[1]


# --- refused ---------------------------------------------------------------------------------------------------------


def test_the_wrong_base_model_is_refused(two, mixed, tmp_path):
    other = shutil.copytree(TINY_RANDOM, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file({name: weight + 1 for name, weight in weights.items()}, other / "model.safetensors", {"format": "pt"})
    message = refusal(predicted, two, mixed, base_model=str(other))
    assert message.startswith("the adapter was trained on the base model 'tiny-random' (mixtral, weights ")
    assert "but the base model given is 'other' (mixtral, weights " in message
    assert message.endswith("; choose 'tiny-random'")


def test_another_architecture_is_refused_as_the_wrong_base_model(two, mixed, tmp_path):
    other = shutil.copytree(TINY_RANDOM, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"model_type": "mistral"}))
    save_file({"x": torch.zeros(1)}, other / "model.safetensors", {"format": "pt"})
    message = refusal(predicted, two, mixed, base_model=str(other))
    assert "trained on the base model 'tiny-random' (mixtral, " in message
    assert "given is 'other' (mistral, " in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the input (new.csv) is empty; choose a file that holds records"),
        (
            "sequence\n",
            "the input (new.csv) has a header line and no record below it; choose a file that holds records",
        ),
        (
            "dna\nACGT\n",
            "the input (new.csv) has no column 'sequence'; its only column is 'dna': is this a table, with a comma or "
            "a tab between its columns, and is the right column chosen?",
        ),
        (
            "sequence\nACGT\nPROTEIN\n",
            "the input (new.csv), line 3: letter 'P' at position 1 of the sequence is not a DNA letter (A, C, G, T, U "
            "or an IUPAC code such as N); correct or remove the record",
        ),
    ],
)
def test_input_that_cannot_be_read_is_refused(two, tmp_path, content, message):
    path = tmp_path / "new.csv"
    path.write_text(content)
    assert refusal(predicted, two, path) == message


def test_fasta_given_as_a_table_is_refused(two, test_data):
    message = refusal(predicted, two, test_data / "new.fa")
    assert message.startswith("the input (new.fa) has no column 'sequence'; its only column is '>chr")


def test_a_table_given_as_fasta_is_refused(two, mixed):
    assert refusal(predicted, two, mixed, input_format="fasta") == (
        "the input (mixed.csv), line 1: a FASTA file starts with '>', this is 'sequence,label,id'; choose a FASTA file"
    )


def test_a_safetensors_file_without_our_record_is_refused(two, mixed):
    message = refusal(predicted, two, mixed, adapter=str(TINY_RANDOM / "model.safetensors"))
    assert message == (
        "the adapter (model.safetensors) is a safetensors file but no adapter made by dna_lm (it has no "
        f"{RECORD} record); choose the adapter dataset of a fine-tuning job"
    )
