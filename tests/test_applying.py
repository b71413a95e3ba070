import gzip
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from scipy.special import expit, softmax
from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

from dna_lm.adapters.dataset import RECORD, Adapter, load_adapter, save_adapter
from dna_lm.base_models.opening import opened_base_model
from dna_lm.data.sequences import reverse_complement
from dna_lm.data.targets import Target
from dna_lm.errors import UserError
from dna_lm.prediction import merged_models
from dna_lm.scores.metrics import score
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal
from small import TINY_RANDOM, evaluate, predictions, sequences, write_labeled

COMMON = {"base_model": str(TINY_RANDOM), "base_model_id": None, "batch_size": 8, "progress": lambda _: None}


def evaluated(trained, data=None, **changes):
    data = data or trained.splits["test"]
    return evaluate(**COMMON | {"adapter": str(trained.adapter), "data": data} | changes)


def predicted(trained, path, **changes):
    given = {"adapter": str(trained.adapter), "input": str(path), "input_format": "csv", "batch_size": 8}
    return predictions(**given | changes)


def probability_columns(table: pd.DataFrame) -> np.ndarray:
    return table[[name for name in table if name.startswith("p(")]].to_numpy()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """70 sequences of 1 to 90 bases, in no order of length."""
    pairs = sequences(["no", "yes"], 70, seed=9)
    lengths = [1 + number * 37 % 90 for number in range(70)]
    pairs = [((dna * 15)[:length], label) for (dna, label), length in zip(pairs, lengths, strict=True)]
    return write_labeled(tmp_path_factory.mktemp("mixed") / "mixed.csv", pairs)


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
    path.write_bytes(gzip.compress(b">one description\nACGT\n>two\nTT\nTT\n", mtime=0))
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
    assert result.table.columns.tolist() == [
        *("id", "predicted", "probability", "p(1)", "p(9)", "p(10)", "label", "correct")
    ]
    given = pd.read_csv(three.splits["test"], dtype=str)
    assert result.table["label"].tolist() == given["label"].tolist()
    assert result.table["id"].tolist() == given["id"].tolist()
    right = result.table["label"] == result.table["predicted"]
    assert result.table["correct"].tolist() == ["yes" if one else "no" for one in right]
    assert 0 < right.sum() < 30


# --- evaluation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trained", ["two", "three", "strange"])
def test_scores_are_those_of_the_predictions(trained, request):
    trained = request.getfixturevalue(trained)
    result = evaluated(trained)
    truth = result.table["label"].map(trained.labels.index).to_numpy()
    assert result.truth.tolist() == truth.tolist()
    assert result.scores == score(Target(CLASSES, trained.labels), truth, probability_columns(result.table))


def test_labels_of_any_text_come_through(strange):
    table = evaluated(strange).table
    assert table.columns.tolist()[3:6] == [f"p({label})" for label in strange.labels]
    assert set(table["label"]) == set(strange.labels)
    assert set(table["predicted"]) <= set(strange.labels)


def test_some_of_the_labels_will_do(three, tmp_path):
    data = write_labeled(tmp_path / "some.csv", [("ACGT", "10"), ("TTTT", "1")])
    result = evaluated(three, data=data)
    assert result.truth.tolist() == [2, 0]
    assert np.isnan(result.scores["roc_auc"])


def test_an_unknown_label_is_refused(three, tmp_path):
    data = write_labeled(tmp_path / "new.csv", [("ACGT", "10"), ("TTTT", "01")])
    assert refusal(evaluated, three, data=data) == (
        "the test set (new.csv), line 3: the label '01' does not occur in the training data, whose labels are 1, "
        "9, 10; correct it or remove the record"
    )


def test_one_label_is_refused(three, tmp_path):
    data = write_labeled(tmp_path / "one.csv", [("ACGT", "10"), ("TTTT", "10")])
    assert refusal(evaluated, three, data=data) == (
        "the test set (one.csv) has one label only ('10'); a classifier needs at least two"
    )


def test_cut_and_unknown_sequences_are_warned_of(two, tmp_path):
    said = []
    data = write_labeled(tmp_path / "long.csv", [("ACGT" * 20, "yes"), ("N" * 9, "no")])
    result = evaluated(two, data=data, progress=said.append)
    assert said == [result.read, *(f"warning: {text}" for text in result.warnings)]
    assert len(result.warnings) == 2
    assert "1 of 2 sequences are longer than 50 tokens" in result.warnings[0]
    assert "of the tokens are unknown to the base model" in result.warnings[1]


# --- several labels, numbers, both strands, ensembles ----------------------------------------------------------------

SITES = Target(MULTI_LABEL, ["CTCF", "p53", "p73"])
LEVEL = Target(NUMBER, [], mean=10.0, spread=4.0)
BASES = Target(CLASSES, ["A", "C"])
LORA = {
    **{"r": 2, "lora_alpha": 4.0, "lora_dropout": 0.0, "bias": "none", "use_rslora": False, "use_dora": False},
    **{"target_modules": ["q_proj", "v_proj"], "modules_to_save": ["score"], "fan_in_fan_out": False},
}
DNA = ["ACGTTGCAAT", "GATTACA", "TTTTTTTTTTTT", "C", "NRYACGTTTGACN", "CCCCGGA", "AACCAA", "GTGTGTCACACA"]


class Made:
    """An adapter with random weights, its file, and its members as PEFT's own unmerged models."""

    def __init__(self, folder, target: Target, members: int = 1, strand: str = "both", **task):
        self.target, self.models = target, []
        for seed in range(5, 5 + members):  # those from 5 on give predictions of every kind
            set_seed(seed)
            base = AutoModelForSequenceClassification.from_pretrained(
                TINY_RANDOM, num_labels=target.outputs, pad_token_id=3
            )
            model = get_peft_model(base, LoraConfig(task_type="SEQ_CLS", **LORA)).eval()
            with torch.no_grad():
                for parameter in model.parameters():
                    if parameter.requires_grad:
                        parameter.add_(torch.randn_like(parameter) * 0.4)
            self.models.append(model)
        first, *further = (
            {name: tensor.clone() for name, tensor in get_peft_model_state_dict(model).items()} for model in self.models
        )
        with opened_base_model(str(TINY_RANDOM)) as opened:
            identity = opened.identity()
        self.adapter = folder / "made.safetensors"
        task = {"max_length": 50, "strand": strand, "members": members} | target.task() | task
        peft = {"peft_type": "LORA", "task_type": "SEQ_CLS", **LORA}
        training = {"sequences": {"train": 60, "dev": 30}}
        save_adapter(Adapter(first, peft, identity, task, training, further), self.adapter)

    def logits(self, dna: str, member: int = 0) -> np.ndarray:
        tokens = AutoTokenizer.from_pretrained(TINY_RANDOM)(dna, return_tensors="pt")
        with torch.inference_mode():
            return self.models[member](**tokens).logits[0].double().numpy()


def fasta(path, sequences) -> str:
    path.write_text("".join(f">s{number}\n{dna}\n" for number, dna in enumerate(sequences)))
    return str(path)


def answered(made, path, **changes) -> np.ndarray:
    """Probabilities, or numbers as one column."""
    table = predicted(made, path, input_format="fasta", **changes)
    return table[["predicted"]].to_numpy(dtype=float) if made.target.kind == NUMBER else probability_columns(table)


@pytest.mark.parametrize("target", [BASES, SITES, LEVEL], ids=lambda target: target.kind)
def test_the_outputs_of_the_two_strands_are_averaged(tmp_path, target):
    made = Made(tmp_path, target)
    means = np.array([(made.logits(dna) + made.logits(reverse_complement(dna))) / 2 for dna in DNA])
    expected = {
        CLASSES: lambda: softmax(means, axis=1),
        MULTI_LABEL: lambda: expit(means),
        NUMBER: lambda: 10 + 4 * means,
    }[target.kind]()
    found = answered(made, fasta(tmp_path / "new.fa", DNA))
    assert np.abs(found - expected).max() < 1e-5
    alone = answered(Made(tmp_path, target, strand="forward"), tmp_path / "new.fa")
    assert np.abs(found - alone).max() > 0.01


@pytest.mark.parametrize("target", [BASES, SITES, LEVEL], ids=lambda target: target.kind)
def test_a_sequence_and_its_reverse_complement_get_the_same_answer(tmp_path, target):
    forward = fasta(tmp_path / "forward.fa", DNA)
    reverse = fasta(tmp_path / "reverse.fa", map(reverse_complement, DNA))
    made = Made(tmp_path, target)
    assert np.abs(answered(made, forward) - answered(made, reverse)).max() < 1e-5
    made = Made(tmp_path, target, strand="forward")
    assert np.abs(answered(made, forward) - answered(made, reverse)).max() > 0.01


@pytest.mark.parametrize("target", [BASES, SITES, LEVEL], ids=lambda target: target.kind)
def test_the_answers_of_the_members_are_averaged(tmp_path, target):
    made = Made(tmp_path, target, members=3, strand="forward")
    each = [target.predictions(np.array([made.logits(dna, member) for dna in DNA])) for member in range(3)]
    found = answered(made, fasta(tmp_path / "new.fa", DNA))
    assert np.abs(found - np.mean(each, axis=0)).max() < 1e-5
    assert all(np.abs(found - one).max() > 0.01 for one in each)


def test_an_ensemble_that_reads_both_strands(tmp_path):
    made = Made(tmp_path, SITES, members=2)
    both = [[(made.logits(dna, m) + made.logits(reverse_complement(dna), m)) / 2 for dna in DNA] for m in range(2)]
    found = answered(made, fasta(tmp_path / "new.fa", DNA), batch_size=3)
    assert np.abs(found - expit(np.array(both)).mean(axis=0)).max() < 1e-5


def test_what_is_said_of_an_ensemble(tmp_path, monkeypatch):
    monkeypatch.setattr("dna_lm.processes.inference.PROGRESS_SECONDS", -1)
    said = []
    path = fasta(tmp_path / "new.fa", DNA)
    predicted(Made(tmp_path, BASES, members=2), path, input_format="fasta", progress=said.append)
    # 8 sequences on two strands in batches of 8
    assert [text for text in said if text.endswith("done")] == [
        f"model {member} of 2: {share} done" for member in (1, 2) for share in ("50%", "100%")
    ]


def test_what_is_cut_of_both_strands_is_warned_of_once(tmp_path):
    said = []
    path = fasta(tmp_path / "new.fa", ["ACGT" * 20, "ACGT"])
    predicted(Made(tmp_path, BASES), path, input_format="fasta", progress=said.append)
    (warning,) = [text for text in said if text.startswith("warning: ")]
    assert "1 of 2 sequences are longer than 50 tokens" in warning


@pytest.mark.parametrize("kmer", [-1, 6])
def test_sequences_are_cut_into_the_kmers_that_the_record_says(tmp_path, monkeypatch, kmer):
    def encoder(base, max_length, kmer):
        raise UserError(f"{max_length} tokens, {kmer}-mers")

    monkeypatch.setattr(merged_models, "Encoder", encoder)
    path = fasta(tmp_path / "new.fa", DNA)
    message = refusal(predicted, Made(tmp_path, BASES, kmer=kmer), path, input_format="fasta")
    assert message == f"50 tokens, {kmer}-mers"


def test_the_wrong_base_model_is_refused_whether_it_reads_the_kmers_or_not(tmp_path):
    path = fasta(tmp_path / "new.fa", DNA)
    made = Made(tmp_path, BASES, kmer=6)
    message = refusal(predicted, made, path, input_format="fasta", base_model="built-in")
    assert message.startswith("the adapter was trained on the base model 'tiny-random', but the base model given is ")


def test_an_adapter_whose_outputs_are_no_numbers_is_refused(tmp_path):
    made = Made(tmp_path, LEVEL)
    adapter = load_adapter(made.adapter)
    save_adapter(
        replace(adapter, tensors={name: tensor * 1e30 for name, tensor in adapter.tensors.items()}), made.adapter
    )
    assert refusal(predicted, made, fasta(tmp_path / "new.fa", DNA), input_format="fasta") == (
        "the adapter's outputs are no numbers for some of the sequences: its training diverged; train it again with a "
        "smaller learning rate"
    )


def labeled(folder, *labels: str):
    return write_labeled(folder / "labeled.csv", list(zip(DNA, labels, strict=False)))


def test_evaluated_predictions_of_several_labels(tmp_path):
    made = Made(tmp_path, SITES)
    data = labeled(tmp_path, "p73; CTCF", "none", "", "p53;p73;CTCF", "p53", "CTCF", "p73", "p53")
    result = evaluated(made, data=data)
    table = result.table
    assert table.columns.tolist() == ["id", "predicted", "p(CTCF)", "p(p53)", "p(p73)", "label", "correct"]
    assert table["label"].tolist()[:5] == ["CTCF;p73", "", "", "CTCF;p53;p73", "p53"]
    found = probability_columns(table)
    names = np.array(SITES.labels)
    assert table["predicted"].tolist() == [";".join(names[row >= 0.5]) for row in found]
    assert table["predicted"].nunique() > 2
    right = table["label"] == table["predicted"]
    assert table["correct"].tolist() == ["yes" if one else "no" for one in right]
    assert result.truth.tolist()[:2] == [[1, 0, 1], [0, 0, 0]]
    assert result.scores == score(SITES, result.truth, found)
    assert result.scores["accuracy"] == right.mean()


def test_predictions_of_several_labels(tmp_path):
    table = predicted(Made(tmp_path, SITES), fasta(tmp_path / "new.fa", DNA), input_format="fasta")
    assert table.columns.tolist() == ["id", "predicted", "p(CTCF)", "p(p53)", "p(p73)"]


def test_evaluated_predictions_of_numbers(tmp_path):
    made = Made(tmp_path, LEVEL)
    data = labeled(tmp_path, "1", "2.50", "-3e1", "0", "7", "8", "9", "10")
    result = evaluated(made, data=data)
    table = result.table
    assert table.columns.tolist() == ["id", "predicted", "label", "error"]
    assert table["label"].tolist()[:3] == ["1", "2.50", "-3e1"]  # as they are written
    assert result.truth.tolist()[:3] == [1, 2.5, -30]
    assert table["error"].to_numpy() == pytest.approx(table["predicted"].to_numpy() - result.truth)
    assert result.scores == score(LEVEL, result.truth, table[["predicted"]].to_numpy())
    assert np.ptp(table["predicted"]) > 1


def test_predictions_of_numbers(tmp_path):
    table = predicted(Made(tmp_path, LEVEL), fasta(tmp_path / "new.fa", DNA), input_format="fasta")
    assert table.columns.tolist() == ["id", "predicted"]
    assert table["predicted"].dtype == float


@pytest.mark.parametrize(
    ("target", "labels", "message"),
    [
        (
            SITES,
            ["p53", "p53;p74"],
            ", line 3: the label 'p74' does not occur in the training data, whose labels are CTCF, p53, p73; correct "
            "it or remove the record",
        ),
        (
            SITES,
            ["p53", "p53"],
            ": all records have the same labels; a score needs a label that some records have and others",
        ),
        (LEVEL, ["1", "high"], ", line 3: 'high' is not a number; write numbers with a decimal point, such as 0.5 or"),
        (LEVEL, ["1", "1.0"], ": all numbers are 1; a score needs at least two different ones"),
        (LEVEL, ["1", ""], ", line 3: the label is empty; give every sequence a label"),
        (BASES, ["A", ""], ", line 3: the label is empty; give every sequence a label"),
    ],
)
def test_labels_that_do_not_belong_to_the_target(tmp_path, target, labels, message):
    data = labeled(tmp_path, *labels)
    assert refusal(evaluated, Made(tmp_path, target), data=data).startswith("the test set (labeled.csv)" + message)


def test_the_files_that_the_command_lines_write_of_numbers(call_tool, tmp_path):
    made = Made(tmp_path, Target(NUMBER, [], mean=5e-7, spread=1e-7))
    data = labeled(tmp_path, "1e-7", "2e-7", "5e-7", "4e-7")
    common = ["--base-model", TINY_RANDOM, "--adapter", made.adapter]
    outputs = {name: tmp_path / name for name in ("metrics", "predictions", "plot", "report")}
    flags = [part for name, path in outputs.items() for part in (f"--{name}-out", path)]
    done = call_tool("evaluate", *common, "--data", data, *flags)
    assert done.code == 0, done.err
    metrics = {name: value for name, _, value, *_ in map(str.split, outputs["metrics"].read_text().splitlines())}
    assert list(metrics)[:6] == ["metric", "loss", "mae", "spearman", "pearson", "r2"]
    assert 1e-15 < float(metrics["loss"]) < 1e-11
    rows = [line.split("\t") for line in outputs["predictions"].read_text().splitlines()]
    assert rows[0] == ["id", "predicted", "label", "error"]
    assert float(rows[1][3]) == pytest.approx(float(rows[1][1]) - 1e-7, abs=1e-12)
    done = call_tool(
        "predict", *common, "--input", data, "--input-format", "csv", "--predictions-out", tmp_path / "new.tsv"
    )
    assert done.code == 0, done.err
    again = [line.split("\t") for line in (tmp_path / "new.tsv").read_text().splitlines()]
    assert [row[-1] for row in again[1:]] == [row[1] for row in rows[1:]]


# --- refused ---------------------------------------------------------------------------------------------------------


def test_the_wrong_base_model_is_refused(two, mixed, tmp_path):
    other = shutil.copytree(TINY_RANDOM, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file({name: weight + 1 for name, weight in weights.items()}, other / "model.safetensors", {"format": "pt"})
    message = refusal(predicted, two, mixed, base_model=str(other))
    assert message == (
        "the adapter was trained on the base model 'tiny-random', but the base model given is 'other', which has other "
        "weights; set \"Base model\" to 'tiny-random' (--base-model) or, to apply the adapter, to "
        '"As recorded in the adapter" (--base-model recorded)'
    )


def test_another_architecture_is_refused_as_the_wrong_base_model(two, mixed, tmp_path):
    other = shutil.copytree(TINY_RANDOM, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"model_type": "mistral"}))
    save_file({"x": torch.zeros(1)}, other / "model.safetensors", {"format": "pt"})
    message = refusal(predicted, two, mixed, base_model=str(other))
    assert "trained on the base model 'tiny-random', but the base model given is" in message
    assert "given is 'other', which has other weights" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the input (new.csv) is empty; choose a file with records"),
        (
            "sequence\n",
            "the input (new.csv) has a header line and no record below it; choose a file with records",
        ),
        (
            "dna\nACGT\n",
            "the input (new.csv) has no column 'sequence'; its only column is 'dna': is this a table, with a comma or "
            "a tab between its columns, and is the right column chosen?",
        ),
        (
            "sequence\nPROTEIN\nPROTEIN\n",
            "the input (new.csv), line 2: letter 'P' at position 1 of the sequence is not a DNA letter (A, C, G, T, U "
            "or an IUPAC code such as N); correct or remove the record; 2 of the first 2 sequences contain such "
            "letters; is the right column chosen?",
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
        "the adapter (model.safetensors) is a safetensors file but not an adapter of Fine-tune a DNA language model; "
        f"select the output Adapter of that tool (the file has no {RECORD} record)"
    )
