"""Adapters shown, exported, merged and imported."""

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, set_seed

import tiny_models
from branched import with_branch
from conftest import STRANGE_LABELS
from dna_lm.adapters.dataset import Adapter, load_adapter, save_adapter
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import adapter_tensors, new_classifier, peft_settings
from dna_lm.data.targets import Target
from dna_lm.exchange.adapter_report import adapter_report
from dna_lm.exchange.branch_words import BRANCH_WEIGHTS
from dna_lm.exchange.exchange_report import export_report, import_report
from dna_lm.exchange.exporting import PEFT_CONFIG, PEFT_WEIGHTS, export
from dna_lm.exchange.facts import facts
from dna_lm.exchange.importing import import_adapter
from dna_lm.exchange.model_card import RECORD_FILE
from dna_lm.exchange.options import ExportOptions, ImportOptions
from dna_lm.motifs.jaspar import DATABASE
from dna_lm.reports.markdown import write
from dna_lm.training.finetuning import finetune
from dna_lm.words import CLASSES
from refusals import refusal
from small import TINY_RANDOM, calibrate, lora_options, predictor, probabilities, training_options, write_splits
from written_tables import cells

SEQUENCE = "ACGTTGCAACGTAGGATTTACA"
RECORDED = {"base_model": "recorded", "base_model_id": None, "installed": [f"dna-lm/tiny-random={TINY_RANDOM}"]}


def silent(_: str) -> None:
    pass


def exported(adapter, path, action="export", member=1, **changes):
    options = ExportOptions(**{"action": action, "adapter": str(adapter), "member": member} | RECORDED | changes)
    return export(path, options, silent)


def imported(archive, **changes):
    return import_adapter(ImportOptions(**{"action": "import", "archive": str(archive)} | RECORDED | changes), silent)


def unpacked(archive, folder):
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    (inside,) = folder.iterdir()
    return inside


def packed(folder, path):
    with zipfile.ZipFile(path, "w") as file:
        for one in folder.iterdir():
            file.write(one, one.name)
    return path


def outputs(adapter, dna: list[str], **changes) -> np.ndarray:
    """The logits of an adapter in memory."""
    with predictor(adapter, **RECORDED | changes) as opened:
        return opened.outputs(dna).raw


# --- out, and used by other programs ---------------------------------------------------------------------------------


def outside(code: str, *arguments, folder) -> str:
    """Run Python that knows nothing of this project; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PLAIN_PEFT = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer
base, sequences, *folders = sys.argv[1:]
found = []
for folder in folders:
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, pad_token_id=3)
    model = PeftModel.from_pretrained(model, folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        tokens = [tokenizer(sequence, return_tensors="pt") for sequence in sequences.split(",")]
        found.append([model(**each).logits[0].tolist() for each in tokens])
assert not any(name.startswith("dna_lm") for name in sys.modules)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def with_experts(two, tmp_path_factory):
    path = tmp_path_factory.mktemp("experts") / "adapter"
    options = training_options(train=two.splits["train"], dev=two.splits["dev"], epochs=1, experts="yes")
    save_adapter(finetune(options, silent).adapter, path)
    return path


def test_plain_peft_gives_the_same_logits(test_data, with_experts, tmp_path):
    adapters = [test_data / "adapter_tiny_random.safetensors", test_data / "adapter_several.safetensors", with_experts]
    folders = []
    for number, adapter in enumerate(adapters):
        exported(adapter, tmp_path / f"{number}.zip")
        folders.append(unpacked(tmp_path / f"{number}.zip", tmp_path / str(number)))
    dna = [SEQUENCE, "A", "CCGT"]
    found = json.loads(outside(PLAIN_PEFT, TINY_RANDOM, ",".join(dna), *folders, folder=tmp_path))
    for logits, adapter in zip(found, adapters, strict=True):
        assert np.abs(np.array(logits) - outputs(load_adapter(adapter), dna)[0, 0]).max() < 1e-5


def code_of(card: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)\n```", card, flags=re.DOTALL)
    return code


@pytest.fixture
def run_card(monkeypatch, capsys):
    """Run the code of a card, in its folder, for SEQUENCE; returns what it prints."""

    def run(folder, base=None) -> str:
        code = code_of((folder / "README.md").read_text(encoding="utf-8"))
        if base:
            code = re.sub(r'^base = ".*"  #', f"base = {str(base)!r}  #", code, flags=re.MULTILINE)
        code = re.sub(r'^sequence = ".*"', f"sequence = {SEQUENCE!r}", code, flags=re.MULTILINE)
        monkeypatch.chdir(folder)
        capsys.readouterr()
        exec(code, {})
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def strange_calibrated(strange, tmp_path_factory):
    """Labels of any text, and a temperature."""
    path = tmp_path_factory.mktemp("calibrated") / "adapter"
    choice = {"temperature": "yes", "threshold": "none", "at": 0.9, "seen_data": "refuse", "batch_size": 8}
    result = calibrate(**RECORDED | choice, adapter=str(strange.adapter), data=strange.splits["dev"], progress=silent)
    assert result.adapter.decision.temperature != 1
    save_adapter(result.adapter, path)
    return path


@pytest.mark.parametrize("action", ["export", "merge"])
def test_the_code_of_the_card_gives_the_same_probabilities(strange_calibrated, run_card, tmp_path, action):
    exported(strange_calibrated, tmp_path / "out.zip", action)
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    found = eval(run_card(folder, TINY_RANDOM if action == "export" else None))
    adapter = load_adapter(strange_calibrated)
    assert list(found) == adapter.labels and set(adapter.labels) == set(STRANGE_LABELS)
    assert np.abs(np.array(list(found.values())) - probabilities(adapter, [SEQUENCE], **RECORDED)[0]).max() < 1e-5


def test_the_code_of_the_card_of_a_number(test_data, run_card, tmp_path):
    adapter = test_data / "adapter_number.safetensors"
    exported(adapter, tmp_path / "out.zip", "merge")
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    assert float(run_card(folder)) == pytest.approx(
        probabilities(load_adapter(adapter), [SEQUENCE], **RECORDED)[0, 0], abs=1e-3
    )


def test_the_code_of_the_card_of_several_labels_on_both_strands_and_k_mers(run_card, tmp_path, test_data):
    """An adapter of the model that reads 3-mers, trained for a moment."""
    options = training_options(
        base_model=str(test_data / "tiny-3-mers.zip"),
        train=str(test_data / "several_train.tabular"),
        dev=str(test_data / "several_dev.tabular"),
        target="multi-label",
        strands="both",
        kmer=3,
        epochs=1,
    )
    adapter = finetune(options, silent).adapter
    save_adapter(adapter, tmp_path / "adapter")
    base = {"base_model": str(test_data / "tiny-3-mers.zip")}
    exported(tmp_path / "adapter", tmp_path / "out.zip", "merge", **base)
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    found = list(eval(run_card(folder)).values())
    raw = outputs(adapter, [SEQUENCE], **base)
    assert found == pytest.approx(adapter.target.predictions(raw[0].mean(axis=0))[0], abs=1e-5)


def test_a_merged_model_says_its_labels_and_is_a_base_model(three, tmp_path):
    exported(three.adapter, tmp_path / "merged.zip", "merge")
    folder = unpacked(tmp_path / "merged.zip", tmp_path / "elsewhere")
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {str(number): label for number, label in enumerate(three.labels)}
    assert config["label2id"] == {label: number for number, label in enumerate(three.labels)}
    assert str(tmp_path) not in (folder / "config.json").read_text()
    with opened_base_model(str(tmp_path / "merged.zip")) as base:
        assert Encoder(base, 10).encode(["ACGT"]).reading.unknown_share == 0
    for labels in (["no", "yes"], ["1", "9", "10"]):  # as many as the model's own, and others
        splits = write_splits(tmp_path, labels)
        options = training_options(
            base_model=str(tmp_path / "merged.zip"), train=splits["train"], dev=splits["dev"], epochs=1
        )
        assert finetune(options, silent).adapter.base_model["id"] == "merged.zip"


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "qwen3_moe"])
def test_every_kind_of_weights_comes_through(architecture, tmp_path):
    """Layers that store their weights turned (GPT-2), a layer that the base model lacks (BERT), experts, embeddings."""
    folder = tmp_path / "base"
    tiny_models.write_model(folder, architecture, tiny_models.letters(folder))
    given = {"base_model": str(folder), "base_model_id": None, "installed": None}
    with opened_base_model(str(folder)) as base:
        encoder = Encoder(base, 50)
        pad, (ids,) = encoder.tokenizer.pad_token_id, encoder.encode([SEQUENCE]).tokens
        set_seed(0)
        model = new_classifier(base, 3, pad, lora_options(experts="yes", embeddings="yes")).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        adapter = Adapter(
            adapter_tensors(model),
            peft_settings(model),
            base.identity(),
            Target(CLASSES, ["a", "b", "c"]).task() | {"max_length": 50},
            {"sequences": {"train": 1, "dev": 1}},
        )
    save_adapter(adapter, tmp_path / "adapter")
    tokens = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
    expected = model(**tokens).logits.detach()
    exported(tmp_path / "adapter", tmp_path / "peft.zip", **given)
    exported(tmp_path / "adapter", tmp_path / "merged.zip", "merge", **given)
    plain = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3, pad_token_id=pad)
    peft = PeftModel.from_pretrained(plain, unpacked(tmp_path / "peft.zip", tmp_path / "peft")).eval()
    merged = AutoModelForSequenceClassification.from_pretrained(unpacked(tmp_path / "merged.zip", tmp_path / "merged"))
    for other in (peft, merged.eval()):
        assert (other(**tokens).logits - expected).abs().max() < 1e-5
    back = imported(tmp_path / "peft.zip", **given).adapter
    assert back.peft == adapter.peft
    assert all(torch.equal(back.tensors[name], tensor) for name, tensor in adapter.tensors.items())


@pytest.mark.parametrize("action", ["export", "merge"])
def test_the_same_adapter_gives_the_same_bytes(two, tmp_path, action):
    for name in ("first", "second"):
        exported(two.adapter, tmp_path / name, action)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_what_is_in_the_archive(two, tmp_path):
    result = exported(two.adapter, tmp_path / "out.zip")
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    names = sorted(file.name for file in folder.iterdir())
    expected = ["README.md", PEFT_CONFIG, PEFT_WEIGHTS, RECORD_FILE, "tokenizer.json", "tokenizer_config.json"]
    assert names == sorted(expected) == [name for name, _ in result.files]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (folder / name).read_bytes() == (TINY_RANDOM / name).read_bytes()
    config = json.loads((folder / PEFT_CONFIG).read_text())
    assert (config["peft_type"], config["task_type"], config["base_model_name_or_path"]) == (
        "LORA",
        "SEQ_CLS",
        "tiny-random",
    )
    assert config["inference_mode"] is True and config["modules_to_save"] == ["score"]
    record = json.loads((folder / RECORD_FILE).read_text())
    adapter = load_adapter(two.adapter)
    assert record["task"]["labels"] == adapter.labels and record["training"] == adapter.training


def test_a_tokenizer_whose_files_do_not_say_what_it_is(run_card, tmp_path):
    """PEFT's folder has no config.json by which transformers could tell."""
    folder = tmp_path / "base"
    tiny_models.write_model(folder, "bert", 69)
    (folder / "vocab.txt").write_text("\n".join([*tiny_models.SPECIAL, *tiny_models.all_kmers(3)]))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    splits = write_splits(tmp_path, ["no", "yes"])
    options = training_options(base_model=str(folder), train=splits["train"], dev=splits["dev"], epochs=1, kmer=3)
    adapter = finetune(options, silent).adapter
    save_adapter(adapter, tmp_path / "adapter")
    exported(tmp_path / "adapter", tmp_path / "out.zip", base_model=str(folder))
    elsewhere = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    found = list(eval(run_card(elsewhere, folder)).values())
    raw = outputs(adapter, [SEQUENCE], base_model=str(folder))
    assert found == pytest.approx(adapter.target.predictions(raw[0, 0])[0], abs=1e-5)


def test_a_member_of_an_ensemble(test_data, tmp_path):
    ensemble = load_adapter(test_data / "adapter_ensemble.safetensors")
    raw = outputs(ensemble, [SEQUENCE, "ACCA"])
    for member in (1, 2):
        result = exported(test_data / "adapter_ensemble.safetensors", tmp_path / "out.zip", member=member)
        back = imported(tmp_path / "out.zip").adapter
        assert (back.members, result.member, result.members) == (1, member, 2)
        assert np.abs(outputs(back, [SEQUENCE, "ACCA"])[0] - raw[member - 1]).max() < 1e-5
        card = zipfile.ZipFile(tmp_path / "out.zip").read("adapter/README.md").decode()
        assert f"It is model {member} of an ensemble of 2" in card and "score on the development set" in card
    message = refusal(exported, test_data / "adapter_ensemble.safetensors", tmp_path / "x", member=3)
    assert message == "the adapter is an ensemble of 2 models: there is no model 3 in it; choose one from 1 to 2"


def test_weights_of_the_model_itself_have_no_place_in_pefts_form(test_data, tmp_path):
    message = refusal(exported, test_data / "adapter_number.safetensors", tmp_path / "out.zip")
    assert message.endswith("merge it with its base model instead (action merge)")
    assert not (tmp_path / "out.zip").exists()


def test_the_wrong_base_model(two, tmp_path):
    message = refusal(exported, two.adapter, tmp_path / "out.zip", base_model="built-in")
    assert message.startswith("the adapter was trained on the base model 'tiny-random', but the base model given is ")


# --- and back in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adapter_several", "adapter_ensemble"])
def test_what_was_exported_comes_back(test_data, tmp_path, name):
    exported(test_data / f"{name}.safetensors", tmp_path / "out.zip")
    back = imported(tmp_path / "out.zip")
    assert back.warnings == []
    save_adapter(back.adapter, tmp_path / "back")
    if name == "adapter_several":
        assert (tmp_path / "back").read_bytes() == (test_data / f"{name}.safetensors").read_bytes()
    dna = [SEQUENCE, "TTAG"]
    one = replace(back.adapter, further=[])
    assert np.array_equal(outputs(load_adapter(tmp_path / "back"), dna), outputs(one, dna))


def test_a_calibrated_adapter_comes_back_with_its_calibration(strange_calibrated, tmp_path):
    exported(strange_calibrated, tmp_path / "out.zip")
    back, before = imported(tmp_path / "out.zip").adapter, load_adapter(strange_calibrated)
    assert back.decision == before.decision and back.task == before.task
    assert (
        np.abs(probabilities(back, [SEQUENCE], **RECORDED) - probabilities(before, [SEQUENCE], **RECORDED)).max() < 1e-5
    )
    renamed = imported(tmp_path / "out.zip", labels="a,b,c", strands="both", max_length=20).adapter
    assert (renamed.labels, renamed.strand, renamed.max_length) == (["a", "b", "c"], "both", 20)


@pytest.fixture
def foreign(two, tmp_path):
    """A folder as PEFT's own save_pretrained leaves it, and the archive of what a test makes of it."""
    exported(two.adapter, tmp_path / "out.zip")
    folder = unpacked(tmp_path / "out.zip", tmp_path / "foreign")
    for name in (RECORD_FILE, "README.md", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()

    def changed(**settings):
        config = json.loads((folder / PEFT_CONFIG).read_text())
        (folder / PEFT_CONFIG).write_text(json.dumps(config | settings))
        return packed(folder, tmp_path / "foreign.zip")

    changed.folder = folder
    return changed


GIVEN = {"base_model": str(TINY_RANDOM), "labels": "no,yes"}


def test_an_adapter_from_elsewhere(foreign, two, tmp_path):
    result = imported(foreign(base_model_name_or_path="/home/someone/model"), **GIVEN)
    save_adapter(result.adapter, tmp_path / "new")
    adapter, before = load_adapter(tmp_path / "new"), load_adapter(two.adapter)
    assert np.array_equal(outputs(adapter, [SEQUENCE]), outputs(before, [SEQUENCE]))
    assert adapter.base_model == before.base_model | {"id": "tiny-random"}
    assert (adapter.labels, adapter.max_length, adapter.kmer, adapter.strand) == (["no", "yes"], 200, -1, "forward")
    assert adapter.trained_on == "an unknown number of sequences"
    assert "does not say how sequences are to be read: 200 tokens of the strand that is given" in result.warnings[0]
    assert "someone" not in (tmp_path / "new").read_bytes().decode(errors="replace")


def test_another_target(foreign):
    adapter = imported(foreign(), **GIVEN | {"target": "multi-label", "labels": "x, y"}).adapter
    assert (adapter.target.kind, adapter.labels) == ("multi-label", ["x", "y"])


def test_labels_from_a_config_beside_it(foreign):
    (foreign.folder / "config.json").write_text(json.dumps({"id2label": {"0": "no", "1": "yes"}}))
    assert imported(foreign(), **GIVEN | {"labels": "auto"}).adapter.labels == ["no", "yes"]
    (foreign.folder / "config.json").write_text(json.dumps({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}))
    assert "does not name its labels" in refusal(imported, foreign(), **GIVEN | {"labels": "auto"})


@pytest.mark.parametrize(
    ("stated", "kind"),
    [("multi_label_classification", "multi-label"), ("single_label_classification", "classes"), ("other", "classes")],
)
def test_what_an_adapter_answers_is_what_a_config_beside_it_says(foreign, stated, kind):
    config = {"id2label": {"0": "no", "1": "yes"}, "problem_type": stated}
    (foreign.folder / "config.json").write_text(json.dumps(config))
    result = imported(foreign(), **GIVEN | {"labels": "auto"})
    assert (result.adapter.target.kind, result.adapter.labels) == (kind, ["no", "yes"])
    assert not any("problem_type" in text for text in result.warnings)


def test_an_option_goes_before_a_config_beside_it(foreign):
    config = {"id2label": {"0": "no", "1": "yes"}, "problem_type": "multi_label_classification"}
    (foreign.folder / "config.json").write_text(json.dumps(config))
    result = imported(foreign(), **GIVEN | {"target": "classes"})
    assert result.adapter.target.kind == "classes"
    assert (
        'says multi_label_classification (problem_type); "Type of label" (--target classes) is taken instead'
        in result.warnings[-1]
    )


def test_the_kmers_that_the_tokenizer_reads_may_be_found_out(foreign):
    assert imported(foreign(), **GIVEN | {"kmer": 0}).adapter.kmer == -1


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": "(.*a)*.*_proj"},
        {"target_modules": None, "exclude_modules": "(a+)+$"},
        {"layers_to_transform": [0]},
        {"target_modules": "all-linear"},
    ],
)
def test_a_pattern_of_layers_is_never_searched_for(foreign, two, settings):
    """The names of the tensors say where the matrices are."""
    adapter = imported(foreign(**settings), **GIVEN).adapter
    assert adapter.peft["target_modules"] == [f"model.layers.0.self_attn.{name}_proj" for name in ("k", "o", "q", "v")]
    assert np.array_equal(outputs(adapter, [SEQUENCE]), outputs(load_adapter(two.adapter), [SEQUENCE]))


def test_experts(with_experts, tmp_path):
    before, dna = load_adapter(with_experts), [SEQUENCE, "GGCA"]
    exported(with_experts, tmp_path / "out.zip")
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    config = json.loads((folder / PEFT_CONFIG).read_text()) | {"target_modules": ".*_proj"}
    assert config["target_parameters"]
    (folder / PEFT_CONFIG).write_text(json.dumps(config))
    back = imported(packed(folder, tmp_path / "back.zip")).adapter
    assert np.abs(outputs(back, dna) - outputs(before, dna)).max() < 1e-6


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"peft_type": "IA3"}, 'the archive (foreign.zip): its kind is "IA3", but only LORA can be imported'),
        ({"peft_type": None}, "the archive (foreign.zip): its kind is null, but only LORA can be imported"),
        ({"peft_type": ["LORA"]}, 'the archive (foreign.zip): its kind is ["LORA"], but only LORA can be imported'),
        (
            {"auto_mapping": {"base_model_class": "os.system"}},
            "the archive (foreign.zip) wants code of its own (auto_mapping in adapter_config.json), which is refused",
        ),
        (
            {"task_type": "CAUSAL_LM"},
            'the archive (foreign.zip): its task is "CAUSAL_LM", but only SEQ_CLS, classifiers of sequences, can be '
            "imported",
        ),
        *(
            ({name: value}, f'the archive (foreign.zip): the setting "{name}" is {shown}, which is not supported')
            for name, value, shown in (
                ("rank_pattern", {"q_proj": 4}, '{"q_proj": 4}'),
                ("alpha_pattern", {"q_proj": 4}, '{"q_proj": 4}'),
                ("lora_bias", True, "true"),
                ("use_qalora", True, "true"),
                ("layer_replication", [[0, 1]], "[[0, 1]]"),
                ("something_new", {"a": 1}, '{"a": 1}'),
            )
        ),
        *(
            (settings, f"the archive (foreign.zip): its settings are not supported: {reason}")
            for settings, reason in (
                ({"r": 10**9}, "there is no such rank"),
                ({"r": "2"}, "there is no such rank"),
                ({"bias": "some"}, "there are no such biases"),
                ({"lora_alpha": "big"}, "lora_alpha is no number"),
                ({"modules_to_save": "score"}, "modules_to_save is no list of names"),
                ({"target_parameters": 3, "target_modules": ".*"}, "target_parameters is no list of names"),
                ({"target_parameters": "x"}, "target_parameters is no list of names"),
            )
        ),
    ],
)
def test_settings_that_are_not_supported(foreign, settings, message):
    assert refusal(imported, foreign(**settings), **GIVEN) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "a,b,c"}, "does not fit the base model 'tiny-random' with 3 outputs (tensor '"),
        ({"labels": "auto", "target": "number"}, "does not fit the base model 'tiny-random' with 1 output (tensor '"),
        (
            {"labels": "auto"},
            'does not name its labels; give "Class names" (--labels) in the order of the outputs, separated by',
        ),
        (
            {"labels": "a"},
            "\"Class names\" (--labels 'a'): there are fewer than two different labels; give two or "
            "more different class names",
        ),
        (
            {"labels": "a,a"},
            "\"Class names\" (--labels 'a,a'): there are fewer than two different labels; give two or "
            "more different class names",
        ),
        ({"labels": "a,,b"}, "\"Class names\" (--labels 'a,,b'): the label is empty"),
        ({"target": "number"}, "\"Class names\" (--labels 'no,yes'): a regression adapter has none; set them to auto"),
        ({"base_model": "built-in"}, "does not fit the base model 'tiny-human-dna' with 2 outputs (tensor '"),
        ({"base_model": "recorded"}, "does not record its base model as this program's archives do; choose the base"),
    ],
)
def test_what_does_not_fit(foreign, changes, message):
    assert message in refusal(imported, foreign(), **GIVEN | changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensor: tensor * float("nan"), "contains NaN or infinity"),
        (lambda tensor: tensor.to(torch.int32), "is torch.int32 (2, 16), not (2, 16)"),
        (lambda tensor: tensor[:1].clone(), "is torch.float32 (1, 16), not (2, 16)"),
        (None, "is missing"),
    ],
)
def test_tensors_that_do_not_fit(foreign, change, reason):
    """Without its head, an adapter is what `add_adapter` of transformers leaves: the head was left random."""
    tensors = load_file(foreign.folder / PEFT_WEIGHTS)
    head = tensors.pop("base_model.model.score.weight")
    if change:
        tensors["base_model.model.score.weight"] = change(head)
    save_file(tensors, foreign.folder / PEFT_WEIGHTS)
    message = refusal(imported, foreign(), **GIVEN)
    assert f"(tensor 'base_model.model.score.weight' {reason})" in message


def test_a_layer_that_was_left_random(tmp_path):
    """This BERT comes without the layer that pools, which PEFT does not save unless it is told to."""
    folder = tmp_path / "base"
    tiny_models.write_model(folder, "bert", tiny_models.letters(folder))
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    for saved in (None, ["pooler"]):
        config = LoraConfig(task_type="SEQ_CLS", target_modules=["query"], modules_to_save=saved)
        get_peft_model(model, config).save_pretrained(tmp_path / "peft")
        archive = packed(tmp_path / "peft", tmp_path / "peft.zip")
        given = {"base_model": str(folder), "labels": "no,yes"}
        if saved:
            assert imported(archive, **given).adapter.labels == ["no", "yes"]
        else:
            reason = "(it has no weights for bert.pooler.dense, which the base model lacks too)"
            assert reason in refusal(imported, archive, **given)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (PEFT_CONFIG, b"{", "the archive (foreign.zip): adapter_config.json is not JSON that could be read"),
        (PEFT_CONFIG, b"[]", "the archive (foreign.zip): adapter_config.json is not a JSON object"),
        (
            "adapter_config.json",
            b"[" * 100_000,
            "the archive (foreign.zip): adapter_config.json is not JSON that could",
        ),
        (
            "adapter_config.json",
            b"\xff",
            "the archive (foreign.zip): adapter_config.json is not JSON that could be read",
        ),
        (
            "adapter_config.json",
            b'{"r": 1e999}',
            "the archive (foreign.zip): adapter_config.json is not JSON that could",
        ),
        (
            "adapter_config.json",
            b" " * 16_000_001,
            "the archive (foreign.zip): adapter_config.json has more than 16,000",
        ),
        (
            "adapter_config.json",
            None,
            "the archive (foreign.zip) has no adapter_config.json; is it an adapter in PEFT's",
        ),
        (PEFT_WEIGHTS, None, "the archive (foreign.zip) has no adapter_model.safetensors; save it as"),
        (
            "adapter_model.safetensors",
            b"x" * 99,
            "the archive (foreign.zip): adapter_model.safetensors is truncated or",
        ),
        ("dna_lm.json", b"{}", "the archive (foreign.zip): dna_lm.json is damaged; export the adapter again"),
        ("config.json", b"3", "the archive (foreign.zip): config.json is not a JSON object"),
    ],
)
def test_damaged_and_unsafe_archives(foreign, name, content, message):
    if content is None:
        (foreign.folder / name).unlink()
    else:
        (foreign.folder / name).write_bytes(content)
    archive = packed(foreign.folder, foreign.folder.parent / "foreign.zip")
    assert refusal(imported, archive, **GIVEN).startswith(message)


def test_no_archive(test_data):
    assert "is neither a folder nor a zip or tar archive" in refusal(imported, test_data / "train.csv", **GIVEN)


# --- what is shown ---------------------------------------------------------------------------------------------------


def shown(adapter) -> dict[str, str]:
    table = facts(adapter)
    assert not table["field"].duplicated().any()
    return dict(zip(table["field"], table["value"], strict=True))


def test_what_an_adapter_is(test_data):
    table = shown(load_adapter(test_data / "adapter_several.safetensors"))
    assert table["base model"] == "tiny-random"
    assert (table["predicts"], table["label 1"], table["label 2"]) == ("any of 2 labels", "A-rich", "C-rich")
    assert table["temperature"] == "not calibrated"
    assert (table["LoRA rank"], table["layers with LoRA matrices"]) == ("4", "k_proj, o_proj, q_proj, v_proj")
    assert (table["training sequences"], table["development sequences"]) == ("80", "40")
    assert float(table["mcc on the development set"]) > 0.9
    assert table["option seed"] == "42"
    assert table["version of peft"] == "0.21.0"


def test_adapters_of_other_kinds(test_data, strange_calibrated):
    assert shown(load_adapter(test_data / "adapter_number.safetensors"))["predicts"] == "a number"
    ensemble = shown(load_adapter(test_data / "adapter_ensemble.safetensors"))
    assert (
        ensemble["models whose predictions are averaged"] == "2" and "mcc on the development set of model 2" in ensemble
    )
    old = shown(load_adapter(test_data / "adapter.safetensors"))  # of before there were methods and k-mers
    assert (old["trained"], old["k-mers"]) == ("LoRA matrices and the head", "none")
    calibrated = shown(load_adapter(strange_calibrated))
    assert float(calibrated["temperature"]) > 0 and calibrated["calibration: sequences"] == "30"


ODD = [
    {"history": "x", "options": [1], "versions": None},
    {"history": [{"kept": "yes", "dev_x": {"a": 1}, "dev_y": "z", "dev_z": True}], "options": {"a\tb\n": "c\x00\n| d"}},
    {"history": [1, 2]},
    {"history": [{"kept": "yes"}, {}], "epochs": {"a": []}, "train_sha256": 3},
    {"history": []},
]


@pytest.mark.parametrize("odd", ODD)
def test_records_of_any_kind_can_be_shown_and_exported(two, tmp_path, odd):
    before = load_adapter(two.adapter)
    task = before.task | {"calibration": {"sequences": "many", "x": [1]}}
    save_adapter(replace(before, training=before.training | odd, task=task), tmp_path / "odd")
    adapter = load_adapter(tmp_path / "odd")
    assert all("\n" not in value and "\t" not in value for value in shown(adapter).values())
    write(tmp_path / "report", *adapter_report(adapter))
    exported(tmp_path / "odd", tmp_path / "out.zip")
    assert imported(tmp_path / "out.zip").adapter.training == adapter.training


def test_the_reports(strange_calibrated, foreign, tmp_path):
    adapter = load_adapter(strange_calibrated)
    write(tmp_path / "report", *adapter_report(adapter))
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert "It was calibrated: temperature " in text and "## How it was trained" in text
    assert text.startswith("# Adapter: ") and "tool_id=dna_lm_evaluate" in text and "SHA-256" not in text
    assert "| training sequences | 60 |" in text and "| trained | LoRA matrices of rank 2 and the head |" in text
    assert "MCC on the development set | " in text and 'history_dataset_link(output="table"' in text
    first, *_ = cells(text.partition("## How it was trained")[2])
    assert first[:6] == ["epoch", "saved", "training loss", "development loss", "accuracy", "macro F1"]
    for action in ("export", "merge"):
        write(tmp_path / action, *export_report(exported(strange_calibrated, tmp_path / "out.zip", action)))
        text += (tmp_path / action).read_text(encoding="utf-8")
        text += (
            zipfile.ZipFile(tmp_path / "out.zip")
            .read(f"{'adapter' if action == 'export' else 'model'}/README.md")
            .decode()
        )
    write(tmp_path / "import", *import_report(imported(foreign(), **GIVEN)))
    text += (tmp_path / "import").read_text(encoding="utf-8")
    assert "an unknown number of sequences" in text
    for label in STRANGE_LABELS:
        assert label not in text and "<script>" not in text


def test_the_card_can_be_read_by_a_model_hub(strange_calibrated, tmp_path):
    from huggingface_hub import ModelCardData
    from huggingface_hub.repocard import metadata_load

    exported(strange_calibrated, tmp_path / "out.zip")
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    data = metadata_load(folder / "README.md")
    assert data["license"] == "unknown" and data["library_name"] == "peft"
    assert data["base_model"] == "tiny-random"
    assert ModelCardData(**data).tags == ["biology", "dna", "genomics", "lora"]


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show"], "the action show needs --adapter; give it"),
        (["export", "--adapter", "x"], "the action export needs --exported-out; give it"),
        (["merge", "--adapter", "x"], "the action merge needs --merged-out; give it"),
        (["import", "--imported-out", "x"], "the action import needs --archive; give it"),
        (["show", "--adapter", "x"], "the adapter (x) is truncated or not in the safetensors format (No such file"),
    ],
)
def test_what_an_action_needs(call_tool, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = call_tool("adapter", "--action", *arguments, "--table-out", "table", "--report-out", "report")
    assert done.error.startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_showing_imports_no_models(run_tool, test_data, tmp_path):
    given = ["--action", "show", "--adapter", test_data / "adapter.safetensors"]
    places = ["--table-out", tmp_path / "table", "--report-out", tmp_path / "report"]
    done = run_tool("adapter", *given, *places, PYTHONPROFILEIMPORTTIME="1")
    assert done.code == 0
    assert not re.search(r"\| +(transformers|peft)$", done.err, flags=re.MULTILINE)


def test_the_way_out_and_in(call_tool, test_data, tmp_path):
    both = ["--table-out", tmp_path / "table", "--report-out", tmp_path / "report"]
    base = ["--base-model", TINY_RANDOM]
    given = ["--adapter", test_data / "adapter_several.safetensors"]
    assert call_tool("adapter", "--action", "show", *given, *both).code == 0
    table = (tmp_path / "table").read_text()
    assert table.startswith("field\tvalue\nformat\tdna_lm adapter, version 1\n")
    done = call_tool("adapter", "--action", "export", *given, *base, *both, "--exported-out", tmp_path / "out.zip")
    assert done.code == 0 and done.err.startswith("6 files, ")
    done = call_tool(
        "adapter",
        "--action",
        "import",
        "--archive",
        tmp_path / "out.zip",
        *base,
        *both,
        "--imported-out",
        tmp_path / "in",
    )
    assert done.code == 0
    assert (tmp_path / "in").read_bytes() == (test_data / "adapter_several.safetensors").read_bytes()
    assert (tmp_path / "table").read_text() == table


# --- with classifiers that read nucleotides --------------------------------------------------------------------------

ON_DEV = [
    {"model": "language_model", "weight": 0.75, "loss": 0.4421, "mcc": 0.551, "roc_auc": None},
    {"model": "motifs", "weight": 0.5, "loss": 0.5, "mcc": 0.4},
    {"model": "kmers", "weight": 1.0, "loss": 0.45, "mcc": 0.5},
    {"model": "convolution", "weight": 2.0, "loss": 0.47, "mcc": 0.45},
    {"model": "together", "loss": 0.4272, "mcc": 0.594},
]
PARTS = "known motifs, k-mer counts (3-6), convolutional network"
COMPARED = "the language model alone has loss 0.442 and MCC 0.551; with them: loss 0.427 and MCC 0.594."


@pytest.fixture
def branched(test_data, tmp_path):
    """Return the path of an adapter, calibrated, with a branch; or of another one of test-data."""

    def made(name="adapter_tiny_random", **training):
        adapter = with_branch(load_adapter(test_data / f"{name}.safetensors"))
        task = adapter.task | {"temperature": 2.0, "calibration": {"sequences": 30}}
        path = tmp_path / f"{name}.safetensors"
        save_adapter(replace(adapter, task=task, training=adapter.training | {"on_dev": ON_DEV} | training), path)
        return path

    return made


@pytest.mark.parametrize("name", ["adapter_tiny_random", "adapter_several"])
def test_the_archive_restores_an_adapter_with_its_branch(branched, tmp_path, name):
    before = branched(name)
    exported(before, tmp_path / "out.zip")
    back = imported(tmp_path / "out.zip")
    assert back.warnings == [] and back.notes[-1].endswith(f"classifiers that read nucleotides: {PARTS}")
    save_adapter(back.adapter, tmp_path / "back")
    if name == "adapter_several":  # the record of the other one lacks what later releases wrote
        assert (tmp_path / "back").read_bytes() == before.read_bytes()
    dna = [SEQUENCE, "TTAG"]
    found, wanted = (probabilities(path, dna, **RECORDED) for path in (tmp_path / "back", before))
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("action", ["export", "merge"])
def test_the_code_of_the_card_is_that_of_the_language_model_alone(branched, test_data, run_card, tmp_path, action):
    """Neither the branch nor the temperature, which was chosen for the sum, has a part in it."""
    exported(branched(), tmp_path / "out.zip", action)
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    found = eval(run_card(folder, TINY_RANDOM if action == "export" else None))
    alone = load_adapter(test_data / "adapter_tiny_random.safetensors")
    assert list(found.values()) == pytest.approx(probabilities(alone, [SEQUENCE], **RECORDED)[0], abs=1e-5)


def test_what_the_archives_contain_of_a_branch(branched, tmp_path):
    files, records = {}, {}
    for action in ("export", "merge"):
        exported(branched(), tmp_path / "out.zip", action)
        folder = unpacked(tmp_path / "out.zip", tmp_path / action)
        files[action] = {file.name for file in folder.iterdir()}
        records[action] = json.loads((folder / RECORD_FILE).read_text())
    assert BRANCH_WEIGHTS in files["export"] and BRANCH_WEIGHTS not in files["merge"]
    whole = load_adapter(branched())
    assert records["export"]["task"] == whole.task and records["export"]["training"]["on_dev"] == ON_DEV
    assert not {"branch", "temperature", "calibration"} & set(records["merge"]["task"])
    assert "on_dev" not in records["merge"]["training"]


@pytest.mark.parametrize("action", ["export", "merge"])
def test_what_is_left_out_is_said(branched, tmp_path, action):
    said = []
    options = ExportOptions(**{"action": action, "adapter": str(branched())} | RECORDED)
    result = export(tmp_path / "out.zip", options, said.append)
    write(tmp_path / "report", *export_report(result))
    report = (tmp_path / "report").read_text(encoding="utf-8")
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    card = (folder / "README.md").read_text(encoding="utf-8")
    (warning,) = result.warnings
    assert said[-1] == f"warning: {warning}" and "> **Warning:** " in report
    for text in (warning, report, card):
        assert f"cannot contain the classifiers that read nucleotides ({PARTS}): " in text
        assert " is the language model alone, and its predictions differ" in text
        assert COMPARED in text and "The calibration was made for all of them together" in text
        assert (f"{BRANCH_WEIGHTS} in the archive contains these classifiers" in text) == (action == "export")
    for text in (report, card):
        rows = {row[0]: row[1:] for row in cells(text) if row}
        assert rows["language model"] == ["0.75", "0.551", "–", "–", "0.442"]
        assert rows["all together"] == ["", "0.594", "–", "–", "0.427"]
    assert ("It was calibrated: temperature 2" in report) == (action == "export")
    assert "Calibrated" not in card and 'task["temperature"]' not in card


@pytest.mark.parametrize("action", ["export", "merge"])
def test_of_an_adapter_without_a_branch_nothing_is_said_of_it(two, tmp_path, action):
    result = exported(two.adapter, tmp_path / "out.zip", action)
    write(tmp_path / "report", *export_report(result))
    card = (unpacked(tmp_path / "out.zip", tmp_path / "elsewhere") / "README.md").read_text(encoding="utf-8")
    for text in (card, (tmp_path / "report").read_text(encoding="utf-8"), "".join(shown(result.adapter))):
        assert "nucleotides" not in text and "language model" not in text and "Warning" not in text
    assert result.warnings == []


def test_an_uncalibrated_adapter_has_no_calibration_to_leave_out(test_data, tmp_path):
    save_adapter(with_branch(load_adapter(test_data / "adapter_several.safetensors")), tmp_path / "adapter")
    (warning,) = exported(tmp_path / "adapter", tmp_path / "out.zip").warnings
    assert "cannot contain" in warning and "calibration" not in warning


def test_a_member_of_an_ensemble_keeps_the_branch(branched, tmp_path):
    path = branched("adapter_ensemble")
    raw = outputs(load_adapter(path), [SEQUENCE, "ACCA"])
    result = exported(path, tmp_path / "out.zip", member=2)
    back = imported(tmp_path / "out.zip").adapter
    assert np.abs(outputs(back, [SEQUENCE, "ACCA"])[0] - raw[1]).max() < 1e-5
    assert "the language models of the ensemble have loss 0.442" in result.warnings[0]
    assert "on_dev" not in back.training and "temperature" not in back.task
    card = zipfile.ZipFile(tmp_path / "out.zip").read("adapter/README.md").decode()
    assert "score on the development set" in card and "| all together |" not in card


def changed_archive(path, tmp_path, change):
    """Return an exported archive after a change of the folder in it."""
    exported(path, tmp_path / "out.zip")
    folder = unpacked(tmp_path / "out.zip", tmp_path / "elsewhere")
    change(folder)
    return packed(folder, tmp_path / "changed.zip")


def _without_a_tensor(folder):
    tensors = load_file(folder / BRANCH_WEIGHTS)
    del tensors["kmers.head.bias"]
    save_file(tensors, folder / BRANCH_WEIGHTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: (folder / BRANCH_WEIGHTS).unlink(),
            "the archive (changed.zip) has no branch.safetensors, the classifiers that read nucleotides, without which "
            "the adapter predicts something else; export the adapter again, or remove dna_lm.json from the archive to "
            "import the language model alone",
        ),
        (
            lambda folder: (folder / BRANCH_WEIGHTS).write_bytes(b"x" * 99),
            "the archive (changed.zip): branch.safetensors is truncated or not in the safetensors format",
        ),
        (
            _without_a_tensor,
            "the archive (changed.zip): branch.safetensors is damaged (tensor 'kmers.head.bias' is missing or has "
            "another form); export the adapter again",
        ),
    ],
)
def test_a_branch_that_is_missing_or_damaged_is_refused(branched, tmp_path, change, message):
    assert refusal(imported, changed_archive(branched(), tmp_path, change)).startswith(message)


def test_a_branch_that_no_record_describes_is_named(branched, test_data, tmp_path):
    archive = changed_archive(branched(), tmp_path, lambda folder: (folder / RECORD_FILE).unlink())
    result = imported(archive, **GIVEN)
    alone = load_adapter(test_data / "adapter_tiny_random.safetensors")
    assert "branch.safetensors is not imported, as no dna_lm.json describes it" in result.warnings[0]
    assert result.adapter.branch == {}
    assert np.array_equal(outputs(result.adapter, [SEQUENCE]), outputs(alone, [SEQUENCE]))


def test_another_target_keeps_the_branch(branched, tmp_path):
    exported(branched(), tmp_path / "out.zip")
    other = imported(tmp_path / "out.zip", target="multi-label").adapter
    assert other.target.kind == "multi-label" and other.decision.temperature == 1
    assert np.array_equal(outputs(other, [SEQUENCE]), outputs(load_adapter(branched()), [SEQUENCE]))


@pytest.mark.parametrize("action", ["export", "merge"])
def test_an_adapter_with_a_damaged_branch_is_not_exported(branched, tmp_path, action):
    adapter = load_adapter(branched())
    adapter.branch["kmers.head.bias"] = torch.zeros(7)
    save_adapter(adapter, tmp_path / "damaged")
    assert "record is damaged" in refusal(exported, tmp_path / "damaged", tmp_path / "out.zip", action)


def test_what_is_shown_of_a_branch(branched, test_data, tmp_path):
    adapter = load_adapter(branched())
    table = shown(adapter)
    assert (table["weight of language model"], table["weight of convolutional network"]) == ("0.75", "2.0")
    assert table["known motifs"] == f"5 of {DATABASE}" and table["lengths of counted k-mers"] == "[3, 4, 5, 6]"
    assert table["mcc on the development set, all together"] == "0.594"
    assert table["loss on the development set, language model"] == "0.4421"
    assert not any(name.endswith("on the development set") for name in table)
    alone = shown(load_adapter(test_data / "adapter_tiny_random.safetensors"))
    count = sum(tensor.numel() for tensor in adapter.branch.values())
    assert int(table["numbers in the adapter"].replace(",", "")) == count + int(
        alone["numbers in the adapter"].replace(",", "")
    )
    write(tmp_path / "report", *adapter_report(adapter))
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert f"| classifiers that read nucleotides | {PARTS} |" in text and f"The known motifs: 5 of {DATABASE}." in text
    rows = {row[0]: row[1:] for row in cells(text) if row}
    assert rows["k-mer counts (3-6)"] == ["1.00", "0.500", "–", "–", "0.450"]
    assert "scores on the development set (language model):" in text


def test_a_branch_without_scores_is_shown_too(branched, tmp_path):
    adapter = load_adapter(branched(on_dev=None))
    write(tmp_path / "report", *adapter_report(adapter))
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert "| known motifs (5) | 0.50 |" in text and "MCC on the development set (language model) |" in text
    assert "mcc on the development set, language model" in shown(adapter)
    assert "On the development set" not in exported(branched(on_dev=None), tmp_path / "out.zip").warnings[0]


@pytest.mark.parametrize(
    ("branch", "on_dev"),
    [
        ({"weights": 3, "motifs": [1]}, "x"),
        ({"weights": {"a|b\n<script>": "<b>", "motifs": None}, "motifs": {"motifs": "x"}}, [1, {"model": ["x"]}]),
        ({"motifs": {"source": {"a\n": 1}, "motifs": [1]}}, [{"model": "together", "loss": True, "mcc": "y"}]),
        ({"motifs": {"source": "<script>|", "motifs": []}}, [{"model": "together", "mcc": 1}, {"model": None}]),
    ],
)
def test_records_of_a_branch_of_any_kind_can_be_shown(branched, tmp_path, branch, on_dev):
    before = load_adapter(branched(on_dev=on_dev))
    task = before.task | {"branch": {"language_model": 0.5, **branch}}
    save_adapter(replace(before, task=task), tmp_path / "odd")
    adapter = load_adapter(tmp_path / "odd")
    assert all("\n" not in value and "\t" not in value for value in shown(adapter).values())
    write(tmp_path / "report", *adapter_report(adapter))
    assert "<script>" not in (tmp_path / "report").read_text(encoding="utf-8")
