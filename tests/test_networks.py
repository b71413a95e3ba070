"""Networks of this library against what their authors' code gave, and through training and prediction.

The folders in tests/architectures have random weights under the published names; see the README there.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_models
from dev.check_architecture import check
from dna_lm.adapters.dataset import save_adapter
from dna_lm.base_models.opening import opened_base_model
from dna_lm.networks.registry import NETWORKS, PLAIN, network_of, plain_of
from dna_lm.training.finetuning import finetune
from refusals import refusal
from small import training_options, write_splits

FOLDERS = sorted(path for path in (Path(__file__).parent / "architectures").iterdir() if path.is_dir())
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def model_in(folder: Path, place: Path) -> Path:
    """Copy the files of the model alone; return the new folder."""
    place.mkdir()
    for name in (*MODEL_FILES, "vocab.txt"):
        if (folder / name).exists():
            shutil.copyfile(folder / name, place / name)
    return place


def opened(folder: Path) -> str:
    with opened_base_model(str(folder)) as base:
        return base.architecture


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def published(request, tmp_path) -> Path:
    """A model as it is published, in a folder that a test may change."""
    return model_in(request.param, tmp_path / request.param.name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_numbers_of_the_authors_code(folder):
    assert [str(found) for found in check(folder) if not found.passed] == []


def test_every_network_has_a_folder_here():
    named = {network_of(json.loads((folder / "config.json").read_text())) for folder in FOLDERS}
    assert {network.name for network in NETWORKS} <= {network.name for network in named if network}


def with_code(folder: Path) -> None:
    """Let the settings name code where they name none, as other revisions of the same model do."""
    settings = json.loads((folder / "config.json").read_text())
    if "auto_map" not in settings and "model_type" in settings:
        plain = next(one for one in PLAIN if one.model_type == settings["model_type"])
        settings["auto_map"] = {"AutoModelForCausalLM": sorted(plain.classes)[-1]}
        (folder / "config.json").write_text(json.dumps(settings))
        assert plain_of(settings) is plain


def test_trained_and_applied(published, tmp_path, call_tool):
    """Both strands; what a sequence gets does not depend on the others (classifiers/trial.py sees to it)."""
    splits = write_splits(tmp_path, ["no", "yes"])
    result = finetune(
        training_options(base_model=str(published), train=splits["train"], dev=splits["dev"], strands="both"),
        lambda _: None,
    )
    save_adapter(result.adapter, tmp_path / "adapter.safetensors")
    given = ["--base-model", published, "--adapter", tmp_path / "adapter.safetensors", "--input", splits["test"]]
    done = call_tool("predict", *given, "--input-format", "csv", "--predictions-out", tmp_path / "predictions.tsv")
    assert done.code == 0, done.err
    rows = (tmp_path / "predictions.tsv").read_text().splitlines()
    assert len(rows) == 1 + len(Path(splits["test"]).read_text().splitlines()[1:])


def changed(folder: Path, change) -> None:
    """Write the tensors anew, as `change` leaves the dictionary of them."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")


def test_a_renamed_tensor_is_refused(published):
    def rename(tensors):
        name = sorted(name for name in tensors if ".0." in name)[0]
        tensors[f"{name}_"] = tensors.pop(name)

    with_code(published)
    changed(published, rename)
    message = refusal(opened, published)
    assert "is missing" in message and "\n" not in message


def test_a_surplus_tensor_is_refused(published):
    with_code(published)
    changed(published, lambda tensors: tensors.update({"zzz.weight": torch.zeros(2)}))
    assert "no place for the tensor 'zzz.weight'" in refusal(opened, published)


def test_an_unknown_auto_map_is_refused(published):
    settings = json.loads((published / "config.json").read_text())
    settings["auto_map"] = {"AutoModel": "run_me.Model"}
    (published / "config.json").write_text(json.dumps(settings))
    message = refusal(opened, published)
    assert "wants to run code of its own (auto_map in its settings: run_me.Model), which is refused" in message
    assert all(one.title in message for one in (*NETWORKS, *PLAIN))


def test_dnabert_is_a_bert(tmp_path):
    folder = tmp_path / "DNA_bert_3"
    tiny_models.write_model(folder, "bert", tiny_models.words(folder, 3))
    settings = json.loads((folder / "config.json").read_text())
    settings["auto_map"] = {
        "AutoConfig": "configuration_bert.BertConfig",
        "AutoModelForSequenceClassification": "dnabert_layer.DNABertForSequenceClassification",
    }
    (folder / "config.json").write_text(json.dumps(settings))
    assert opened(folder) == "bert"
    changed(folder, lambda tensors: tensors.update({"zzz.weight": torch.zeros(2)}))
    assert "its config.json names the network of DNABERT, but its weights are not those" in refusal(opened, folder)


def test_code_that_is_not_needed_for_one_architecture_is_refused_for_another(tmp_path):
    folder = model_in(next(path for path in FOLDERS if path.name == "generator"), tmp_path / "x")
    settings = json.loads((folder / "config.json").read_text()) | {"model_type": "mistral"}
    (folder / "config.json").write_text(json.dumps(settings))
    assert "wants to run code of its own (auto_map in its settings: modeling_generator." in refusal(opened, folder)
