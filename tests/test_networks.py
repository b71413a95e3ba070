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
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import load_base
from dna_lm.networks.registry import NETWORKS, PLAIN, network_of, plain_of
from dna_lm.training.finetuning import finetune
from refusals import refusal, returns_or_refuses
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


# --- which network it is ----------------------------------------------------------------------------------------------


def of(name: str, place: Path) -> Path:
    return model_in(next(folder for folder in FOLDERS if folder.name == name), place / name)


def set_to(folder: Path, **settings) -> None:
    """Change settings in config.json; None removes one."""
    known = json.loads((folder / "config.json").read_text()) | settings
    (folder / "config.json").write_text(json.dumps({name: value for name, value in known.items() if value is not None}))


def renamed(*pairs: tuple[str, str]):
    def rename(tensors):
        for old, new in pairs:
            for name in [name for name in tensors if old in name]:
                tensors[name.replace(old, new)] = tensors.pop(name)

    return rename


@pytest.fixture(params=["gena_lm_bert", "gena_lm_bert_lastln"])
def gena(request, tmp_path) -> Path:
    return of(request.param, tmp_path)


# From pre-LN to BERT's own order of norms.
POST_LN = renamed(("pre_attention_ln", "attention.output.LayerNorm"), ("post_attention_ln", "output.LayerNorm"))


def test_a_gena_lm_without_auto_map_is_known_by_its_settings(gena):
    set_to(gena, auto_map=None)
    assert opened(gena) == "gena_lm"


@pytest.mark.parametrize("settings", [{}, {"auto_map": None}])
def test_a_gena_lm_with_the_norms_of_bert_is_refused(gena, settings):
    set_to(gena, **settings)
    changed(gena, POST_LN)
    message = refusal(opened, gena)
    assert "names the network of GENA-LM (BERT), but its weights are not those" in message and "\n" not in message


def test_a_plain_bert_with_the_tensors_of_gena_lm_is_refused(gena):
    set_to(gena, auto_map=None, pre_layer_norm=None, last_layer_norm=None)
    assert refusal(opened, gena) == (
        f"the base model {gena.name!r}: its weights are those of GENA-LM (BERT), but its config.json describes the "
        "architecture 'bert' of transformers, which is another network; choose an unchanged copy of the model, whose "
        "config.json names it"
    )


@pytest.mark.parametrize("value", [False, None])
def test_a_gena_lm_that_says_nothing_of_its_norms_is_refused(gena, value):
    set_to(gena, pre_layer_norm=value)
    message = refusal(opened, gena)
    assert f"with pre_layer_norm {value}, which is another network (True is supported)" in message


def test_the_last_norm_has_to_be_as_the_settings_say(tmp_path):
    without, with_it = of("gena_lm_bert", tmp_path), of("gena_lm_bert_lastln", tmp_path)
    set_to(without, last_layer_norm=None)  # which means yes
    assert "'bert.encoder.last_layer_ln.weight' is missing" in refusal(opened, without)
    set_to(with_it, last_layer_norm=False)
    assert "no place for the tensor 'bert.encoder.last_layer_ln.bias'" in refusal(opened, with_it)


def test_the_first_gena_lm_with_pooler_and_two_heads(gena):
    """Published as BertForPreTraining, with a misspelt name of the class; its pooler is not drawn anew."""
    set_to(
        gena, architectures=["BertForPretraining"], auto_map={"AutoModel": "AIRI/g--modeling_bert.BertForPreTraining"}
    )
    pooler = torch.randn(48, 48)
    further = {"bert.pooler.dense.weight": pooler, "bert.pooler.dense.bias": torch.zeros(48)}
    further |= {"cls.seq_relationship.weight": torch.zeros(2, 48), "cls.seq_relationship.bias": torch.zeros(2)}
    changed(gena, lambda tensors: tensors.update(further))
    with opened_base_model(str(gena)) as base:
        loaded = load_base(base, 2, 3)
    assert loaded.fresh == [] and torch.equal(loaded.model.bert.pooler.dense.weight, pooler)


def test_a_dnabert2_that_settings_call_a_bert_is_refused(tmp_path):
    folder = of("dnabert2", tmp_path)
    set_to(folder, auto_map=None, model_type="bert")
    assert "its weights are those of DNABERT-2, but" in refusal(opened, folder)


def test_a_gated_network_that_settings_call_an_esm_is_refused(tmp_path):
    folder = of("nt_v2", tmp_path)
    set_to(folder, auto_map=None, model_type="esm")
    with opened_base_model(str(folder)) as base:
        assert "has no fitting weights for esm.encoder.layer.0.intermediate.dense" in refusal(load_base, base, 2, 1)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("dnabert2", "hidden_act", "relu"),
        ("gena_lm_bert", "hidden_act", "gelu_new"),
        ("gena_lm_bert", "position_embedding_type", "relative_key"),
        ("nt_v2", "position_embedding_type", "absolute"),
        ("nt_v2", "token_dropout", True),
        ("nt_v2", "emb_layer_norm_before", True),
        ("nt_v2", "add_bias_fnn", True),
    ],
)
def test_a_setting_of_another_network_is_refused(tmp_path, name, setting, value):
    folder = of(name, tmp_path)
    set_to(folder, **{setting: value})
    assert f"with {setting} {value!r}, which is another network" in refusal(opened, folder)


@pytest.mark.parametrize(("name", "gates"), [("dnabert2", "mlp.gated_layers"), ("nt_v2", "intermediate.dense")])
def test_half_a_gate_is_refused(tmp_path, name, gates):
    def halve(tensors):
        (found,) = [tensor for tensor in tensors if tensor.endswith(f"layer.1.{gates}.weight")]
        tensors[found] = tensors[found][: len(tensors[found]) // 2]

    folder = of(name, tmp_path)
    changed(folder, halve)
    message = refusal(opened, folder)
    assert gates in message and "instead of" in message and "\n" not in message


EMBEDDINGS = {"dnabert2": "bert", "gena_lm_bert": "bert", "nt_v2": "esm"}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_a_vocabulary_that_does_not_fit(tmp_path, name):
    folder = of(name, tmp_path)
    embeddings = f"{EMBEDDINGS[name]}.embeddings.word_embeddings.weight"
    settings = json.loads((folder / "config.json").read_text())
    rows = settings["vocab_size"]

    def shorten(tensors):
        for tensor in list(tensors):
            if tensor.startswith(("cls.", "lm_head.")):
                del tensors[tensor]
        tensors[embeddings] = tensors[embeddings][: rows // 4]

    changed(folder, shorten)
    assert f"'{embeddings}' has the shape ({rows // 4}, 48) instead of ({rows}, 48)" in refusal(opened, folder)
    set_to(folder, vocab_size=rows // 4)
    with opened_base_model(str(folder)) as base:
        message = refusal(lambda: Encoder(base, 50).encode(["ACGTACGTTGCATTTGCAGGACCA" * 2]))
    # A tokenizer that the library builds is counted before it reads anything.
    built = f"its tokenizer has {rows} tokens, but the model has embeddings for {rows // 4}"
    assert (built if name == "nt_v2" else f"embeddings for the numbers below {rows // 4} only") in message


@pytest.mark.parametrize("value", ["x", -1, 0, 1.5, None, [], {}, True, 10**7])
@pytest.mark.parametrize("name", ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"])
def test_strange_settings_are_refused_or_read(published, name, value):
    settings = json.loads((published / "config.json").read_text())
    (published / "config.json").write_text(json.dumps(settings | {name: value}))

    def load():
        with opened_base_model(str(published)) as base:
            return load_base(base, 2, 1)

    returns_or_refuses(load)


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
