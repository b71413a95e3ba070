"""A training that goes on from an adapter, with or without the optimizer's state."""

import html
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.command import parse, parser
from dna_lm.reports.markdown import write
from dna_lm.training.continuing import DECIDED, continued, decided_by, without_effect
from dna_lm.training.finetuning import finetune
from dna_lm.training.report import training_report
from dna_lm.training.state import save_state
from refusals import refusal
from small import TINY_RANDOM, evaluate, sequences, training_options, write_labeled

# At a constant rate, how many epochs there will be does not matter; the loss falls from epoch to epoch.
STEADY = {"schedule": "constant", "learning_rate": 0.005, "batch_size": 12, "best_metric": "loss", "experts": "yes"}
NEEDED = ["--train=x", "--dev=x", *(f"--{name}-out=x" for name in ("adapter", "history", "plot", "report"))]


@pytest.fixture(scope="module")
def train(two):
    def run(keep_state=False, **changes):
        splits = {name: two.splits[name] for name in ("train", "dev")}
        return finetune(training_options(**STEADY | splits | changes), lambda _: None, keep_state)

    return run


def save(result, folder):
    folder.mkdir(exist_ok=True)
    save_adapter(result.adapter, folder / "adapter")
    save_state(result.state, folder / "state", result.adapter)
    return {"resume_from": str(folder / "adapter"), "resume_state": str(folder / "state")}


@pytest.fixture(scope="module")
def first(train, tmp_path_factory):
    """The adapter and the state after one epoch, as options to go on from them."""
    return save(train(epochs=1, keep_state=True), tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def whole(train):
    result = train(epochs=2)
    assert result.history["kept"].tolist() == ["", "yes"]
    return result


@pytest.mark.parametrize(("processes", "parallel"), [(1, "ddp"), (2, "ddp"), (2, "fsdp")])
def test_going_on_with_the_state_is_training_without_a_break(train, first, whole, monkeypatch, processes, parallel):
    monkeypatch.setenv("DNA_LM_PROCESSES", str(processes))
    monkeypatch.setenv("DNA_LM_PARALLEL", parallel)
    result = train(epochs=1, **first)
    assert result.history["train_loss"].tolist() == pytest.approx(whole.history["train_loss"].tolist()[1:], abs=1e-5)
    assert result.adapter.tensors.keys() == whole.adapter.tensors.keys()
    for name, tensor in whole.adapter.tensors.items():
        assert torch.allclose(result.adapter.tensors[name], tensor, rtol=0, atol=1e-5), name
    assert result.adapter.training["epochs"] == whole.adapter.training["epochs"] == 2


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_the_state_of_two_processes_is_that_of_one(train, first, monkeypatch, tmp_path, parallel):
    monkeypatch.setenv("DNA_LM_PROCESSES", "2")
    monkeypatch.setenv("DNA_LM_PARALLEL", parallel)
    other = save(train(epochs=1, keep_state=True), tmp_path)
    one, two = load_file(first["resume_state"]), load_file(other["resume_state"])
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[name], two[name], rtol=0, atol=1e-5) for name in one)


def test_without_the_state_the_optimizer_begins_anew(train, first, whole):
    result = train(epochs=1, resume_from=first["resume_from"])
    assert result.history["dev_loss"][0] < whole.history["dev_loss"][0]
    assert result.history["dev_loss"][0] != pytest.approx(whole.history["dev_loss"][1], abs=1e-5)
    assert result.adapter.training["continued_from_sha256"]
    assert any(note.startswith("continuing from an adapter that was trained on 60") for note in result.notes)


@pytest.mark.parametrize("method", ["head", "full"])
def test_other_methods_go_on_too(train, tmp_path, method):
    before = train(epochs=1, method=method, keep_state=True)
    after = train(epochs=1, **save(before, tmp_path))
    assert after.adapter.peft["method"] == method
    assert after.history["dev_loss"][0] < before.history["dev_loss"][0]


def given(first, *arguments: str):
    """The options of a command line that goes on from an adapter."""
    return parse(parser("finetune"), [*NEEDED, f"--resume-from={first['resume_from']}", *arguments])


def test_what_the_adapter_has_decided_is_taken_and_recorded(train, first):
    before = load_adapter(first["resume_from"])
    other = {"lora_r": 9, "lora_alpha": 1.0, "target": "number", "strands": "both", "max_length": 12, "experts": "no"}
    result = train(epochs=1, resume_from=first["resume_from"], **other)
    after = result.adapter
    assert (after.peft, after.max_length, after.strand, after.target) == (
        *(before.peft, before.max_length, before.strand, before.target),
    )
    for name in DECIDED:
        assert after.training["options"][name] == before.training["options"][name] or name == "kmer", name
    assert after.training["options"]["epochs"] == 1
    assert any(
        note.startswith("taken from the adapter: target classes, method lora, lora-r 2,") for note in result.notes
    )


def test_the_report_tells_what_the_adapter_has_decided(train, first, two, tmp_path):
    for name, result, told in (("on", train(epochs=1, resume_from=first["resume_from"]), 1), ("new", two.result, 0)):
        write(tmp_path / name, *training_report(result))
        text = html.unescape((tmp_path / name).read_text())
        assert text.count("which determined these options, whatever the form said: target classes, method lora") == told


@pytest.mark.parametrize(
    ("argument", "had"),
    [
        ("--target=number", "classes"),
        ("--method=full", "lora"),
        ("--lora-r=4", "2"),
        ("--lora-alpha=5", "4"),
        ("--lora-dropout=0.1", "0"),
        ("--target-modules=q_proj", "k_proj,o_proj,q_proj,v_proj"),
        ("--experts=no", "yes"),
        ("--embeddings=yes", "no"),
        ("--lora-bias=all", "none"),
        ("--rslora=yes", "no"),
        ("--dora=yes", "no"),
        ("--kmer=3", "-1"),
        ("--strands=both", "forward"),
        ("--max-length=200", "50"),
    ],
)
def test_an_option_that_the_adapter_has_decided_otherwise_is_refused(first, argument, had):
    flag, _, value = argument.partition("=")
    assert refusal(continued, given(first, argument), load_adapter(first["resume_from"])) == (
        f"{flag} {value}: the adapter that the training continues from has {had}, which cannot be changed; leave the "
        "option out, or train a new adapter from the base model"
    )


def test_options_as_the_adapter_has_them_may_be_given(first):
    same = ["--target=classes", "--method=lora", "--lora-r=2", "--lora-alpha=4.0", "--target-modules=auto"]
    same += ["--experts=yes", "--embeddings=no", "--kmer=0", "--strands=forward", "--max-length=50"]
    before = load_adapter(first["resume_from"])
    options, _ = continued(given(first, *same, "--preset=tutorial"), before)
    assert (options.lora_r, options.strands, options.max_length, options.lora_dropout) == (2, "forward", 50, 0.0)
    assert options.learning_rate == 1e-5  # the preset decides what the adapter does not
    options, _ = continued(given(first, "--target-modules=v_proj,k_proj, q_proj,o_proj"), before)
    assert options.target_modules == "auto"


def test_an_adapter_without_lora_has_no_options_of_lora(train, tmp_path):
    head = save(train(epochs=1, method="head", keep_state=True), tmp_path)
    before = load_adapter(head["resume_from"])
    said = refusal(continued, given(head, "--lora-r=16"), before)
    assert said.startswith("--lora-r 16: the adapter that the training continues from has no LoRA matrices; ")
    _, (note,) = continued(given(head), before)
    assert (
        note
        == "taken from the adapter: target classes, method head, branch no, kmer -1, strands forward, max-length 50"
    )


@pytest.mark.parametrize("method", ["head", "full"])
def test_options_of_lora_without_lora_matrices_get_a_warning(method):
    def warned(*arguments):
        return without_effect(parse(parser("finetune"), [*NEEDED, *arguments]))

    trains = f"the method {method} trains no LoRA matrices"
    assert warned(f"--method={method}", "--lora-r=4") == [f"--lora-r has no effect: {trains}"]
    assert warned(f"--method={method}", "--dora=yes", "--lora-r=4") == [f"--lora-r, --dora have no effect: {trains}"]
    for arguments in ([], ["--preset=tutorial"], ["--learning-rate=0.1"]):
        assert warned(f"--method={method}", *arguments) == []
    assert warned("--lora-r=4") == []


def test_the_warning_of_options_without_effect_is_told_and_in_the_result(two):
    lines = []
    options = training_options(train=two.splits["train"], dev=two.splits["dev"], epochs=1, method="head")
    result = finetune(replace(options, given=frozenset({"method", "lora_r"})), lines.append)
    warning = "--lora-r has no effect: the method head trains no LoRA matrices"
    assert warning in result.warnings
    assert lines.count(f"warning: {warning}") == 1


def test_an_adapter_made_elsewhere_decides_by_its_settings(first):
    before = load_adapter(first["resume_from"])
    paths = [f"model.layers.{layer}.self_attn.{name}" for layer in (0, 1) for name in ("q_proj", "v_proj")]
    peft = before.peft | {
        "target_modules": paths,
        "modules_to_save": ["embed_tokens", "score"],
        "target_parameters": [],
    }
    before = replace(before, peft=peft, training={"sequences": {"train": 0, "dev": 0}})
    decided = decided_by(before)
    assert (decided["target_modules"], decided["embeddings"], decided["experts"]) == ("q_proj,v_proj", "yes", "no")
    for fine in ("--target-modules=v_proj,q_proj", "--target-modules=auto", "--embeddings=yes"):
        continued(given(first, fine), before)
    assert "has q_proj,v_proj, which" in refusal(continued, given(first, "--target-modules=q_proj"), before)


def test_what_was_read_is_not_to_be_read_longer(train, first, tmp_path):
    long = write_labeled(tmp_path / "long.csv", [("ACGT" * 20, "no"), ("CCGT" * 20, "yes")] * 5)
    (text,) = [
        text for text in train(epochs=1, resume_from=first["resume_from"], train=long).warnings if "50 tokens" in text
    ]
    assert "raise the maximum length" not in text and "train the adapter anew" in text


def test_what_was_seen_before_is_still_known(train, first, two, tmp_path):
    pairs = sequences(["no", "yes"], 60, 31)
    new = {
        "train": write_labeled(tmp_path / "t.csv", pairs[:40]),
        "dev": write_labeled(tmp_path / "d.csv", pairs[40:]),
    }
    result = train(epochs=1, resume_from=first["resume_from"], **new)
    save_adapter(result.adapter, tmp_path / "second")
    table = pd.read_csv(two.splits["train"], dtype=str)
    table[::-1].to_csv(tmp_path / "shuffled.csv", index=False)
    evaluation = {"base_model": str(TINY_RANDOM), "base_model_id": None, "batch_size": 8, "progress": print}
    said = refusal(evaluate, **evaluation, adapter=str(tmp_path / "second"), data=str(tmp_path / "shuffled.csv"))
    assert "60 of 60 sequences (100.0%) are in the adapter's training set" in said
    # what was trained on before chooses nothing
    said = refusal(train, **new | {"dev": str(tmp_path / "shuffled.csv")}, resume_from=first["resume_from"])
    assert said.startswith(
        "the development set (shuffled.csv): 60 of 60 sequences (100.0%) are in the adapter's training set, from which "
        "this training continues; choose a development set"
    )


def test_an_ensemble_goes_on_from_its_first_model(train, tmp_path):
    ensemble = train(epochs=1, runs=2, keep="ensemble")
    save_adapter(ensemble.adapter, tmp_path / "ensemble")
    save_adapter(
        replace(ensemble.adapter, further=[], task=ensemble.adapter.task | {"members": 1}), tmp_path / "member"
    )
    one, other = (train(epochs=1, resume_from=str(tmp_path / name)) for name in ("ensemble", "member"))
    assert any("the first of the 2 models of an adapter" in note for note in one.notes)
    for name, tensor in one.adapter.tensors.items():
        assert torch.equal(tensor, other.adapter.tensors[name])


# --- refused ---------------------------------------------------------------------------------------------------------


def test_a_state_without_its_adapter(train, first):
    said = refusal(train, resume_state=first["resume_state"])
    assert 'select the "Adapter to train further" (--resume-from) too' in said


def test_other_labels(train, first, tmp_path):
    path = write_labeled(tmp_path / "other.csv", sequences(["no", "perhaps"], 20, 1))
    assert "perhaps" in refusal(train, resume_from=first["resume_from"], train=path)


def test_another_base_model(train, first):
    assert "was trained on the base model" in refusal(train, resume_from=first["resume_from"], base_model="built-in")


def test_the_state_of_another_training(train, first, tmp_path):
    other = save(train(epochs=1, lora_r=3, keep_state=True), tmp_path)
    said = refusal(train, resume_from=first["resume_from"], resume_state=other["resume_state"])
    assert "was saved with another adapter" in said
    head = save(train(epochs=1, method="full", keep_state=True), tmp_path)
    said = refusal(train, resume_from=first["resume_from"], resume_state=head["resume_state"])
    assert said == (
        'the optimizer state (state) was saved with another adapter than the "Adapter to train further" '
        "(--resume-from); choose the state of the same job, or none"
    )


def test_the_state_of_another_seed(train, first, tmp_path):
    other = save(train(epochs=1, seed=43, keep_state=True), tmp_path)
    said = refusal(train, resume_from=first["resume_from"], resume_state=other["resume_state"])
    assert "was saved with another adapter" in said


def test_a_state_of_before_is_taken_with_a_warning(train, first, tmp_path):
    state = load_file(first["resume_state"])
    save_file(state, tmp_path / "state", metadata={"dna_lm_state": "1"})
    result = train(epochs=1, resume_from=first["resume_from"], resume_state=str(tmp_path / "state"))
    assert result.warnings[0].startswith("the optimizer state (state) does not say with which adapter it was saved")
    # not for what the optimizer had of other parameters
    state["other.step"] = torch.tensor(1.0)
    save_file(state, tmp_path / "state", metadata={"dna_lm_state": "1"})
    said = refusal(train, resume_from=first["resume_from"], resume_state=str(tmp_path / "state"))
    assert "the optimizer state does not fit what is trained" in said


def test_the_epochs_of_an_adapter_of_before_are_not_known(first, train, tmp_path):
    adapter = load_adapter(first["resume_from"])
    training = {name: value for name, value in adapter.training.items() if name != "epochs"}
    save_adapter(replace(adapter, training=training), tmp_path / "old")
    assert train(epochs=1, resume_from=str(tmp_path / "old")).adapter.training["epochs"] == 1


def adapter_of(result, folder):
    save_adapter(result.adapter, folder / "adapter")
    return str(folder / "adapter")


def test_more_tokens_than_the_base_model_reads_may_be_asked_for_again(train, tmp_path):
    path = adapter_of(train(epochs=1, max_length=100_000), tmp_path)
    assert load_adapter(path).max_length == 512
    options, _ = continued(given({"resume_from": path}, "--max-length=100000"), load_adapter(path))
    assert options.max_length == 100_000
    message = refusal(continued, given({"resume_from": path}, "--max-length=600"), load_adapter(path))
    assert message.startswith("--max-length 600: the adapter that the training continues from has 512, which cannot be")


def test_a_preset_does_not_quantize_what_has_no_lora(train, tmp_path):
    path = adapter_of(train(epochs=1, method="head"), tmp_path)
    options = {"quantization": "4bit-nf4", "double_quantization": "yes", "compute_type": "bf16"}
    recorded = train(epochs=1, resume_from=path, **options).adapter.training["options"]
    assert recorded["quantization"] == "none"


def test_one_label_is_too_few_to_go_on_with(train, first, two, tmp_path):
    table = pd.read_csv(two.splits["train"])
    table[table["label"] == "yes"].to_csv(tmp_path / "one.csv", index=False)
    assert "has one label only ('yes')" in refusal(
        train, train=str(tmp_path / "one.csv"), resume_from=first["resume_from"]
    )


def test_the_training_file_of_an_adapter_of_before_is_no_dev_split(train, first, two, tmp_path):
    adapter = load_adapter(first["resume_from"])
    old = {name: value for name, value in adapter.training.items() if name != "seen"}
    save_adapter(replace(adapter, training=old), tmp_path / "old")
    splits = {"train": two.splits["test"], "dev": two.splits["train"]}
    message = refusal(train, resume_from=str(tmp_path / "old"), **splits)
    assert (
        "is the file that the adapter was trained on, from which this training continues; choose a development set"
        in message
    )
