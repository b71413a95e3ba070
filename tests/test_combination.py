"""Fine-tuning with classifiers that read nucleotides: what is trained, recorded, weighed, kept and told."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef

from dna_lm.adapters.dataset import load_adapter, save_adapter, tensors_sha256
from dna_lm.baselines.names import KMERS
from dna_lm.branch.names import CONVOLUTION, LANGUAGE_MODEL, MOTIFS, TOGETHER
from dna_lm.scores.metrics import score
from dna_lm.training import finetuning, launching
from dna_lm.training.finetuning import finetune
from dna_lm.training.loop import ENDED
from dna_lm.training.report import training_report
from refusals import refusal
from small import TRAINING, command_line, predictor, training_options, write_splits

EVERY = [LANGUAGE_MODEL, MOTIFS, KMERS, CONVOLUTION, TOGETHER]


@pytest.fixture(scope="module", autouse=True)
def fewer_epochs():
    """How well a convolutional network learns is seen elsewhere."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dna_lm.training.branch_parts.MOST_EPOCHS", 3)
        yield


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("splits"), ["no", "yes"])


def trained(splits, said=None, **changes):
    options = {"train": splits["train"], "dev": splits["dev"], "branch": "yes", "motifs": "urochordates", "epochs": 2}
    return finetune(training_options(**options | changes), (said if said is not None else []).append)


@pytest.fixture(scope="module")
def first(splits):
    return trained(splits)


def probabilities(result, path, dna, **changes):
    save_adapter(result.adapter, path)
    with predictor(path, **changes) as opened:
        return opened.predictions(opened.outputs(dna).raw)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"strands": "both", "runs": 2, "keep": "ensemble"},
        {"class_weights": "balanced", "motifs": "none", "label_smoothing": 0.1},
        {"loss": "focal", "strands": "both", "max_length": 4},
    ],
    ids=str,
)
def test_the_scores_on_dev_that_are_recorded_are_those_of_the_adapter(splits, tmp_path, changes):
    result = trained(splits, **changes)
    dev = pd.read_csv(splits["dev"])
    found = probabilities(result, tmp_path / "a.safetensors", dev["sequence"].tolist())
    rows = {row["model"]: row for row in result.adapter.training["on_dev"]}
    assert list(rows) == [name for name in EVERY if name != MOTIFS or changes.get("motifs") != "none"]
    target = result.adapter.target
    expected = score(target, target.read(dev["label"], "dev"), found)
    # The members of an ensemble are weighed by the mean of their logits, and used by that of their probabilities.
    near = 0.05 if changes.get("runs") else 1e-4
    assert rows[TOGETHER]["loss"] == pytest.approx(expected["loss"], abs=near)
    if not changes.get("runs"):
        assert rows[TOGETHER]["mcc"] == pytest.approx(expected["mcc"], abs=1e-6)
    # Weights that are fitted to dev lose nothing there to any of the models alone, or to the mean of them.
    if changes.get("loss") != "focal" and not changes.get("label_smoothing"):
        assert rows[TOGETHER]["loss"] <= min(row["loss"] for row in rows.values()) + 0.02


def test_the_language_model_is_trained_as_without(splits, first):
    alone = trained(splits, branch="no")
    assert tensors_sha256(alone.adapter.tensors) == tensors_sha256(first.adapter.tensors)
    assert alone.history.drop(columns="seconds").equals(first.history.drop(columns="seconds"))
    assert not alone.adapter.branch and "branch" not in alone.adapter.task and "on_dev" not in alone.adapter.training
    row = first.adapter.training["on_dev"][0]
    kept = first.history[first.history["kept"] == "yes"].iloc[0]
    assert row["loss"] == pytest.approx(kept["dev_loss"])
    assert row["mcc"] == pytest.approx(kept["dev_mcc"])


@pytest.mark.parametrize("processes", [1, 2])
def test_the_same_seed_gives_the_same_bytes(splits, tmp_path, run_tool, processes):
    """Two threads of one process, too: one that has started threads cannot be forked into processes that have them."""
    options = TRAINING | {name: splits[name] for name in ("train", "dev")}
    options |= {"branch": "yes", "motifs": "urochordates", "epochs": 2, "strands": "both", "threads": 2}
    outputs = {f"{name}_out": tmp_path / name for name in ("history", "plot", "report")}
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        arguments = command_line(options | outputs | {"adapter_out": path})
        done = run_tool("finetune", *arguments, DNA_LM_PROCESSES=str(processes))
        assert done.code == 0, done.err
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [row["model"] for row in load_adapter(paths[0]).training["on_dev"]] == EVERY


def test_classifiers_learn_what_the_language_model_cannot(tmp_path):
    """Labels by a planted word: the base model of random weights does not see it, motifs of it do."""
    random = np.random.default_rng(1)
    word, folder = "TACGGATTCGACAT", tmp_path

    def table(count):
        rows = []
        for number in range(count):
            dna = "".join(random.choice(list("ACGT"), 80))
            at = random.integers(0, 60)
            planted = dna[:at] + word + dna[at + len(word) :]
            rows.append((planted if number % 2 else dna, "yes" if number % 2 else "no"))
        return pd.DataFrame(rows, columns=["sequence", "label"])

    splits = {name: folder / f"{name}.csv" for name in ("train", "dev", "test")}
    for name, path in splits.items():
        table(200 if name == "train" else 60).to_csv(path, index=False)
    counts = np.zeros((4, len(word)), dtype=int)
    counts[["ACGT".index(base) for base in word], range(len(word))] = 100
    own = folder / "own.jaspar"
    own.write_text(">mine mine\n" + "\n".join(" ".join(map(str, row)) for row in counts) + "\n")
    result = trained(splits, motifs="none", motifs_file=str(own), max_length=100)
    test = pd.read_csv(splits["test"])
    found = probabilities(result, folder / "a", test["sequence"].tolist())
    assert matthews_corrcoef(test["label"] == "yes", found[:, 1] > 0.5) > 0.95
    record = result.adapter.task["branch"]
    assert record["motifs"] == {"source": "own motifs", "motifs": [{"id": "mine", "name": "mine"}]}


def test_a_training_that_goes_on_keeps_the_classifiers_and_weighs_them_anew(splits, first, tmp_path):
    path = tmp_path / "before.safetensors"
    save_adapter(first.adapter, path)
    result = trained(splits, resume_from=str(path), motifs="vertebrates", epochs=3)
    before, after = first.adapter, result.adapter
    assert tensors_sha256(before.branch) == tensors_sha256(after.branch)
    assert before.task["branch"]["motifs"] == after.task["branch"]["motifs"]
    assert tensors_sha256(before.tensors) != tensors_sha256(after.tensors)
    assert before.task["branch"]["weights"] != after.task["branch"]["weights"]
    assert after.training["options"]["motifs"] == "urochordates"
    for old, new in zip(before.training["on_dev"][1:-1], after.training["on_dev"][1:-1], strict=True):
        assert old["loss"] == pytest.approx(new["loss"], abs=1e-6)
    assert any("branch yes, motifs urochordates" in note for note in result.notes)


def test_an_adapter_without_classifiers_gets_none_when_it_is_trained_further(splits, tmp_path):
    path = tmp_path / "before.safetensors"
    save_adapter(trained(splits, branch="no").adapter, path)
    assert not trained(splits, resume_from=str(path)).adapter.branch
    assert "has no, which cannot be changed" in refusal(
        trained, splits, resume_from=str(path), given=frozenset({"branch"})
    )


def test_a_file_of_motifs_for_an_adapter_that_has_its_own_is_refused(splits, first, tmp_path, test_data):
    path = tmp_path / "before.safetensors"
    save_adapter(first.adapter, path)
    text = refusal(trained, splits, resume_from=str(path), motifs_file=str(test_data / "motifs.meme"))
    assert text.startswith(
        '"Motifs of your own" (--motifs-file): the adapter that the training continues from keeps its motifs'
    )


def test_a_wrong_file_of_motifs_is_refused_before_anything_is_trained(splits, test_data, monkeypatch):
    monkeypatch.setattr(finetuning, "read_splits", None)
    text = refusal(trained, splits, motifs_file=str(test_data / "train.csv"))
    assert "is not in MEME, JASPAR or TRANSFAC format" in text


def test_own_motifs_take_the_place_of_those_of_the_database_with_the_same_id(splits, test_data):
    result = trained(splits, motifs="vertebrates", motifs_file=str(test_data / "motifs.meme"))
    motifs = result.adapter.task["branch"]["motifs"]
    assert motifs["source"] == "own motifs and JASPAR 2026 CORE, vertebrates"
    ids = [motif["id"] for motif in motifs["motifs"]]
    assert len(ids) == len(set(ids))


def test_motifs_without_classifiers_get_a_warning(splits):
    result = trained(splits, branch="no", given=frozenset({"motifs"}))
    assert "--motifs has no effect: no classifiers that read nucleotides are trained" in result.warnings


@pytest.mark.parametrize("target", ["number", "multi-label"])
def test_other_targets(tmp_path, target):
    random = np.random.default_rng(5)
    paths = {}
    for name, count in {"train": 120, "dev": 60}.items():
        dna = ["".join(random.choice(list("ACGT"), 60)) for _ in range(count)]
        if target == "number":
            labels = [f"{10 + 2.5 * text.count('CG')}" for text in dna]
        else:
            labels = [";".join([base for base in "AG" if text.count(base) > 15]) for text in dna]
        paths[name] = tmp_path / f"{name}.csv"
        pd.DataFrame({"sequence": dna, "label": labels}).to_csv(paths[name], index=False)
    result = trained(paths, target=target)
    assert [row["model"] for row in result.adapter.training["on_dev"]] == EVERY
    dev = pd.read_csv(paths["dev"], keep_default_na=False, dtype=str)
    found = probabilities(result, tmp_path / "a", dev["sequence"].tolist())
    expected = score(result.adapter.target, result.adapter.target.read(dev["label"], "dev"), found)
    assert result.adapter.training["on_dev"][-1]["loss"] == pytest.approx(expected["loss"], rel=1e-4)


def test_what_all_predict_alike_gets_the_warning_not_what_the_language_model_does(splits, monkeypatch):
    """A head that is not trained predicts one label for all; the k-mers do not."""
    result = trained(splits, learning_rate=1e-8)
    assert not any("for every one of the" in text for text in result.warnings)
    alone = trained(splits, learning_rate=1e-8, branch="no")
    assert any("for every one of the" in text for text in alone.warnings)
    monkeypatch.setattr("dna_lm.training.combination.same_prediction", lambda target, predictions: "the label 'yes'")
    result = trained(splits, epochs=1)
    assert any(text.startswith("the adapter predicts the label 'yes' for every one of the") for text in result.warnings)


def test_the_report_shows_what_each_contributes(first):
    text = "\n\n".join(training_report(first))
    rows = first.adapter.training["on_dev"]
    together = rows[-1]
    assert f"the adapter reaches MCC **{together['mcc']:.3f}**" in text
    assert f"Its language model alone reaches MCC {rows[0]['mcc']:.3f}" in text
    count = len(first.adapter.task["branch"]["motifs"]["motifs"])
    assert f"| known motifs ({count}) | {rows[1]['weight']:.2f} | {rows[1]['mcc']:.3f} |" in text


def test_the_report_without_classifiers_has_none_of_it(splits):
    text = "\n\n".join(training_report(trained(splits, branch="no")))
    assert "classifiers that read" not in text and "language model alone" not in text


def test_a_time_limit_leaves_the_classifiers_their_share(splits):
    result = trained(splits, epochs=100_000, max_minutes=0.05)
    assert result.adapter.training["stopped"][0].startswith("the training stopped after")
    assert [row["model"] for row in result.adapter.training["on_dev"]] == EVERY


def test_an_end_during_a_run_that_is_not_kept_is_an_end_all_the_same(splits, monkeypatch):
    runs = []

    def run(*arguments):
        result = launching.trained(*arguments)
        runs.append(result)
        if len(runs) == 2:
            result.stopped = ENDED
            result.rows = [row | {"dev_loss": 99.0} for row in result.rows]
        return result

    monkeypatch.setattr(finetuning, "trained", run)
    monkeypatch.setattr(finetuning, "trained_beside", None)
    result = trained(splits, runs=3)
    assert len(runs) == 2 and not result.adapter.branch
    assert result.history.query("kept == 'yes'")["seed"].tolist() == [42]
    assert any("the adapter has the language model alone" in text for text in result.warnings)


def test_the_record_is_made_of_values_that_json_has(first, tmp_path):
    path = tmp_path / "a.safetensors"
    save_adapter(first.adapter, path)
    again = load_adapter(path)
    assert again.task == first.adapter.task and again.training == first.adapter.training
