import csv
import os
import re

import pytest

from conftest import PROJECT, STRANGE_LABELS
from dna_lm import __version__
from dna_lm.command import options_of_tool
from dna_lm.data.tables import read_table
from dna_lm.options import OUTPUT
from dna_lm.tools import PANEL
from small import TINY_RANDOM, TRAINING, command_line, sequences

TOOLS = sorted(PANEL)
HEAVY = {"torch", "transformers", "peft", "safetensors", "tokenizers", "accelerate"}
BASE = ["--base-model", str(TINY_RANDOM)]


def imported(report: str) -> set[str]:
    """The top packages in what `python -X importtime` reports."""
    return {
        line.rpartition("|")[2].strip().split(".")[0] for line in report.splitlines() if line.startswith("import time:")
    }


# Outputs of evaluate for which a training set has to be given.
LADDER = ("ladder_out", "ladder_plot_out")


def outputs(tool: str, folder) -> dict[str, os.PathLike]:
    """Return a place for every output but those of LADDER."""
    names = {option.flag: option.name for option in options_of_tool(tool) if option.kind is OUTPUT}
    return {flag: folder / name for flag, name in names.items() if name not in LADDER}


def flat(options: dict) -> list[str]:
    return [str(part) for pair in options.items() for part in pair]


def tsv(path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


# --- what is imported ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(run_tool, tool, flag):
    done = run_tool(tool, flag, PYTHONPROFILEIMPORTTIME="1")
    assert done.code == 0
    modules = imported(done.err)
    assert "dna_lm" in modules
    assert not modules & (HEAVY | {"numpy", "pandas", "sklearn", "matplotlib"})
    if flag == "--version":
        assert done.out == f"{__version__}\n"
    else:
        assert done.out.startswith(f"usage: {tool}.py ")


def test_preparing_imports_nothing_heavy(run_tool, test_data, tmp_path):
    done = run_tool(
        "prepare",
        *("--fasta", f"CTCF={test_data / 'CTCF.fa'}", "--fasta", f"p73={test_data / 'p73.fa'}"),
        *flat(outputs("prepare", tmp_path)),
        PYTHONPROFILEIMPORTTIME="1",
    )
    assert done.code == 0
    assert "pandas" in imported(done.err)
    # Unknown tokens are counted with the tokenizer's own library.
    assert imported(done.err) & HEAVY == {"tokenizers"}


def test_predicting_does_not_import_scikit_learn(run_tool, test_data, tmp_path):
    """It takes a quarter of the time that everything else takes to import; only training and some figures use it."""
    adapter = test_data / "adapter_branch.safetensors"  # it has parts that scikit-learn trained
    done = run_tool(
        "predict",
        *BASE,
        *("--adapter", adapter, "--input", test_data / "new.fa", "--input-format", "fasta"),
        *flat(outputs("predict", tmp_path)),
        PYTHONPROFILEIMPORTTIME="1",
    )
    assert done.code == 0
    assert imported(done.err) >= {"torch", "transformers"} and "sklearn" not in imported(done.err)


# --- from sequences to predictions -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A folder with a FASTA file for each of the strange labels, of 40 sequences each, no two alike."""
    folder = tmp_path_factory.mktemp("job")
    pairs = {dna: label for dna, label in sequences(STRANGE_LABELS, 200, seed=5) if len(dna) > 8}
    for number, label in enumerate(STRANGE_LABELS):
        own = [dna for dna, given in pairs.items() if given == label][:40]
        text = "".join(f">{number}.{position} a peak\n{dna}\n" for position, dna in enumerate(own))
        (folder / f"{number}.fa").write_text(text)
    return folder


def test_the_whole_way_with_labels_of_any_text(call_tool, job, monkeypatch):
    monkeypatch.chdir(job)
    fasta = [part for number, label in enumerate(STRANGE_LABELS) for part in ("--fasta", f"{label}={number}.fa")]
    split = outputs("prepare", job)
    prepared = call_tool("prepare", *fasta, "--fractions", "0.6,0.2,0.2", *flat(split))
    assert (prepared.code, prepared.out) == (0, "") and "warning" not in prepared.err
    for flag, size in (("--train-out", 24), ("--dev-out", 8), ("--test-out", 8)):
        with split[flag].open(newline="", encoding="utf-8") as file:
            labels = [row["label"] for row in csv.DictReader(file)]
        assert {label: labels.count(label) for label in labels} == dict.fromkeys(STRANGE_LABELS, size)

    trained = outputs("finetune", job)
    options = TRAINING | {"train": split["--train-out"], "dev": split["--dev-out"], "epochs": 2}
    finetuned = call_tool("finetune", *command_line(options), *flat(trained))
    assert (finetuned.code, finetuned.out) == (0, "")
    history = tsv(trained["--history-out"])
    assert len(history) == 3
    scores = ["loss", "accuracy", "f1_macro", "mcc", "roc_auc", "pr_auc"]
    scores = [f"dev_{name}" for name in scores]
    assert history[0] == ["epoch", "kept", "train_loss", *scores, "learning_rate", "seconds"]

    tested = outputs("evaluate", job) | {f"--{name.replace('_', '-')}": job / name for name in LADDER}
    given = ["--adapter", trained["--adapter-out"], "--data", split["--test-out"], "--train", split["--train-out"]]
    evaluated = call_tool("evaluate", *BASE, *given, *flat(tested))
    assert (evaluated.code, evaluated.out) == (0, "")
    ordered = sorted(STRANGE_LABELS)
    columns = ["id", "predicted", "probability", *(f"p({label})" for label in ordered)]
    rows = tsv(tested["--predictions-out"])
    assert rows[0] == [*columns, "label", "correct"]
    assert len(rows) == 25
    assert {row[-2] for row in rows[1:]} == set(STRANGE_LABELS)
    assert {row[1] for row in rows[1:]} <= set(STRANGE_LABELS)
    metrics = {row[0]: row[2] for row in tsv(tested["--metrics-out"]) if row[1] == "all"}
    right = sum(row[-1] == "yes" for row in rows[1:])
    assert float(metrics["accuracy"]) == pytest.approx(right / 24, abs=1e-4)
    assert len(tsv(tested["--errors-out"])) == 1 + 24 - right
    assert len({row[0] for row in tsv(tested["--ladder-out"])[1:]}) == 7

    predicted = call_tool(
        "predict",
        *(*BASE, "--adapter", trained["--adapter-out"], "--input", "1.fa", "--input-format", "fasta"),
        *("--predictions-out", "new.tsv"),
    )
    assert (predicted.code, predicted.out) == (0, "")
    rows = tsv(job / "new.tsv")
    assert rows[0] == columns
    assert [row[0] for row in rows[1:]] == [f"1.{number}" for number in range(40)]
    for row in rows[1:]:
        assert all(re.fullmatch(r"[01]\.\d{6}", number) for number in row[2:])
        assert row[1] in STRANGE_LABELS

    # No label was run by a shell, and nothing but the outputs was written.
    expected = {path.name for table in (split, trained, tested) for path in table.values()}
    assert set(os.listdir(job)) == expected | {"0.fa", "1.fa", "2.fa", "new.tsv"}


def test_a_collection_of_splits_trains_as_its_files_do(call_tool, test_data, tmp_path):
    adapters = []
    for number, given in enumerate((["--splits={}={}"] * 2, ["--{}={}"] * 2)):
        folder = tmp_path / str(number)
        folder.mkdir()
        splits = [
            text.format(name, test_data / f"{name}.csv") for text, name in zip(given, ("train", "dev"), strict=True)
        ]
        done = call_tool("finetune", *BASE, *splits, *flat(outputs("finetune", folder)), "--epochs=1", "--kmer=-1")
        assert done.code == 0, done.err
        adapters.append((folder / "adapter_out").read_bytes())
    assert adapters[0] == adapters[1]


def test_predictions_can_be_read_as_a_table_again(call_tool, two, tmp_path):
    given = [*BASE, "--adapter", two.adapter, "--data", two.splits["test"]]
    done = call_tool("evaluate", *given, *flat(outputs("evaluate", tmp_path)))
    assert done.code == 0
    table = read_table(tmp_path / "predictions_out", "predictions")
    assert table["id"].tolist() == [f"s{number}" for number in range(30)]


def test_standard_error_holds_progress_and_nothing_else(run_tool, strange, tmp_path):
    """In a process of its own: libraries say things when they are imported."""
    given = [*BASE, "--adapter", strange.adapter, "--data", strange.splits["test"]]
    done = run_tool("evaluate", *given, *flat(outputs("evaluate", tmp_path)))
    assert (done.code, done.out) == (0, "")
    said = "the test set (test.csv): 30 sequences\n"
    assert done.err == said


def test_an_error_after_notes_is_the_first_thing_that_galaxy_shows(run_tool, tmp_path):
    """Galaxy shows standard output before standard error, and only the first lines of both."""
    train = PROJECT / "test-data" / "train.csv"
    given = [*BASE, "--train", train, "--dev", train]
    done = run_tool("finetune", *given, *flat(outputs("finetune", tmp_path)))
    assert done.code == 2
    notes = (done.out + done.err).splitlines()
    assert notes[0].startswith("error: the development set (train.csv): 120 of 120 sequences")
    assert done.err.splitlines()[-1] == notes[0]
    assert os.listdir(tmp_path) == []


# --- errors ----------------------------------------------------------------------------------------------------------

ERRORS = {
    "prepare: no input": ("prepare", [], "give the sequences in one way: --table, "),
    "prepare: no such file": (
        "prepare",
        ["--table", "no.csv"],
        "the labeled table (no.csv) cannot be read: No such file or directory",
    ),
    "prepare: a contradiction": (
        "prepare",
        ["--table", "{data}/unclean.csv", "--sequence-column", "dna", "--label-column", "bound"],
        "the labeled table (unclean.csv), line 20, and the labeled table (unclean.csv), line 21: the same sequence",
    ),
    "prepare: one label": ("prepare", ["--fasta", "a={data}/CTCF.fa"], "the input has one label only ('a')"),
    "prepare: fractions": (
        "prepare",
        ["--table", "{data}/train.csv", "--fractions", "1,2,3"],
        "\"Proportions of train, dev and test\" (--fractions '1,2,3') must be above 0 and add up to 1",
    ),
    "finetune: a missing column": (
        "finetune",
        [*BASE, "--train", "{data}/unclean.csv", "--dev", "{data}/dev.csv"],
        "the training set (unclean.csv) has no column 'sequence'; its columns are name, bound, dna",
    ),
    "finetune: a target module": (
        "finetune",
        [*BASE, "--train", "{data}/train.csv", "--dev", "{data}/dev.csv", "--target-modules", "up_proj"],
        "target module 'up_proj' matches no linear layer of the base model; choose from k_proj, o_proj, q_proj, v_proj",
    ),
    "finetune: no base model": (
        "finetune",
        ["--base-model", "{data}/CTCF.fa", "--train", "{data}/train.csv", "--dev", "{data}/dev.csv"],
        "the base model 'CTCF.fa' is neither a folder nor a zip or tar archive",
    ),
    "evaluate: a truncated adapter": (
        "evaluate",
        [*BASE, "--adapter", "cut", "--data", "{data}/test.csv"],
        "the adapter (cut) is truncated or not in the safetensors format",
    ),
    "evaluate: safetensors from elsewhere": (
        "evaluate",
        [*BASE, "--adapter", f"{TINY_RANDOM}/model.safetensors", "--data", "{data}/test.csv"],
        "the adapter (model.safetensors) is a safetensors file but not an adapter of Fine-tune",
    ),
    "evaluate: an unknown label": (
        "evaluate",
        [*BASE, "--adapter", "adapter", "--data", "{data}/test.csv"],
        "the test set (test.csv), line 2: the label 'CTCF' does not occur in the training data, whose labels are "
        "no, yes; correct it or remove the record",
    ),
    "predict: an empty file": (
        "predict",
        [*BASE, "--adapter", "adapter", "--input", "empty", "--input-format", "fasta"],
        "the input (empty) is empty; choose a file with records",
    ),
    "predict: no DNA": (
        "predict",
        [*BASE, "--adapter", "adapter", "--input", "{data}/protein.fa", "--input-format", "fasta"],
        "the input (protein.fa), line 1: letter 'L' at position 3 of the sequence is not a DNA letter",
    ),
    "predict: the wrong base model": (
        "predict",
        ["--base-model", "built-in", "--adapter", "adapter", "--input", "{data}/new.fa", "--input-format", "fasta"],
        "the adapter was trained on the base model 'tiny-random', but the base model given is ",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_one_line_and_leaves_the_outputs_as_they_were(
    call_tool, two, test_data, tmp_path, monkeypatch, name
):
    tool, arguments, message = ERRORS[name]
    content = two.adapter.read_bytes()
    (tmp_path / "adapter").write_bytes(content)
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    targets = outputs(tool, tmp_path)
    for target in list(targets.values())[1:]:
        target.write_text("old")
    before = sorted(os.listdir(tmp_path))
    done = call_tool(tool, *(argument.format(data=test_data) for argument in arguments), *flat(targets))
    assert done.error.startswith(message)
    assert done.out in ("", done.err.splitlines(keepends=True)[-1])
    assert sorted(os.listdir(tmp_path)) == before
    assert all(target.read_text() == "old" for target in list(targets.values())[1:])
    assert os.listdir(tmp_path / "temporary") == []


@pytest.mark.parametrize("tool", TOOLS)
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(call_tool, tool, tmp_path):
    targets = outputs(tool, tmp_path / "no such folder")
    inputs = {
        "prepare": ["--table", "x"],
        "finetune": ["--train", "x", "--dev", "x"],
        "evaluate": ["--adapter", "x", "--data", "x"],
        "calibrate": ["--adapter", "x", "--data", "x"],
        "adapter": ["--action", "export", "--adapter", "x"],
        "compare": ["--adapter", "a=x", "--adapter", "b=x", "--data", "x"],
        "predict": ["--adapter", "x", "--input", "x", "--input-format", "csv"],
        "scan": ["--adapter", "x", "--genome", "x"],
    }
    done = call_tool(tool, *inputs[tool], *flat(targets))
    first = next(iter(targets.values()))
    assert done.error == f"cannot write {first}: No such file or directory; choose another place"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "argument --epochs: 0 is below the least allowed value, 1 (see --help)"),
        (["--learning-rate", "nan"], "argument --learning-rate: nan is not a number to compute with (see --help)"),
        (["--learning-rate", "2"], "argument --learning-rate: 2 is above the greatest allowed value, 1 (see --help)"),
        (
            [],
            "the following arguments are required: --adapter-out, --history-out, --plot-out, --report-out",
        ),
    ],
)
def test_options_that_are_wrong_or_missing(run_tool, arguments, message):
    done = run_tool("finetune", *arguments)
    assert done.error.startswith(message)
    assert done.out == ""
