import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from dna_lm.base_model import BUILT_IN_FOLDER, is_model_file, opened_base_model, opened_tokenizer, sha256_of_file
from refusals import refusal


@pytest.fixture
def folder(tiny_random, tmp_path):
    """A copy of the tiny random model, to be spoilt."""
    return shutil.copytree(tiny_random, tmp_path / "tiny")


def opened(path, **keywords):
    with opened_base_model(str(path), **keywords) as base:
        return base


def change_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_identity(folder):
    assert opened(folder).identity() == {
        "id": "tiny",
        "revision": "",
        "architecture": "mixtral",
        "weights_sha256": sha256((folder / "model.safetensors").read_bytes()),
        "tokenizer_sha256": sha256((folder / "tokenizer.json").read_bytes()),
    }


def test_it_can_be_given_a_name_and_a_revision(folder):
    identity = opened(folder, model_id="lab/tiny", revision="v2").identity()
    assert (identity["id"], identity["revision"]) == ("lab/tiny", "v2")


def test_an_archive_and_its_folder_are_the_same_model(tiny_random, test_data):
    assert opened(test_data / "tiny-random.zip", model_id="x") != opened(tiny_random, model_id="x")  # other folders
    assert (
        opened(test_data / "tiny-random.zip", model_id="x").identity() == opened(tiny_random, model_id="x").identity()
    )


def test_the_identity_of_weights_in_parts_is_that_of_all_parts(folder):
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    parts = {"model-00001-of-00002.safetensors": names[:9], "model-00002-of-00002.safetensors": names[9:]}
    for file, part in parts.items():
        save_file({name: weights[name] for name in part}, folder / file, metadata={"format": "pt"})
    (folder / "model.safetensors").unlink()
    lines = "".join(f"{file} {sha256((folder / file).read_bytes())}\n" for file in sorted(parts))
    assert opened(folder).weights_sha256 == sha256(lines.encode())


def test_the_identity_of_an_older_tokenizer_is_that_of_its_vocabulary(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("[UNK]\nA\n")
    (folder / "special_tokens_map.json").write_text("{}")  # not what an adapter depends on
    assert opened(folder).tokenizer_sha256 == sha256(b"[UNK]\nA\n")


def test_only_model_files_are_seen(folder):
    (folder / "modeling_tiny.py").write_text("raise SystemExit")
    (folder / "README.md").write_text("")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with opened_base_model(str(folder)) as base:
        seen = sorted(path.name for path in base.folder.iterdir())
    assert seen == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert not base.folder.exists()


def test_links_in_a_folder_are_followed(folder, tmp_path):
    # The cache of the Hugging Face hub consists of links.
    (folder / "config.json").rename(tmp_path / "blob")
    (folder / "config.json").symlink_to("../blob")
    assert opened(folder).architecture == "mixtral"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("config.json", True),
        ("tokenizer.json", True),
        ("model-00001-of-00002.safetensors", True),
        ("model.safetensors.index.json", True),
        ("._model.safetensors", False),
        ("pytorch_model.bin", False),
        ("configuration.py", False),
        ("generation_config.json", False),
        ("trainer_state.json", False),
    ],
)
def test_is_model_file(name, expected):
    assert is_model_file(name) is expected


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "a") == sha256(b"abc")


# --- refused ---------------------------------------------------------------------------------------------------------


def test_a_missing_path(tmp_path):
    assert refusal(opened, tmp_path / "x") == (
        f"the base model 'x': there is no {tmp_path / 'x'}; give a folder, an archive or 'built-in'"
    )


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "the base model 'tiny' has no config.json; choose a folder that transformers saved"),
        ("tokenizer.json", "the base model 'tiny' has no tokenizer.json; add its tokenizer"),
        ("model.safetensors", "the base model 'tiny' has no .safetensors file; add its weights in that format"),
    ],
)
def test_a_missing_file(folder, missing, message):
    (folder / missing).unlink()
    assert refusal(opened, folder) == message


def test_pickled_weights_alone(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert refusal(opened, folder) == (
        "the base model 'tiny' has no .safetensors file; pytorch_model.bin is a pickle and never read: save the model "
        "as safetensors"
    )


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_its_own(folder, file):
    change_json(folder / file, auto_map={"AutoConfig": "tiny--configuration.TinyConfig"})
    assert refusal(opened, folder) == (
        "the base model 'tiny' wants to run code of its own (auto_map in its settings), which is refused; choose a "
        "model whose architecture transformers itself has"
    )


def test_truncated_weights(folder):
    content = (folder / "model.safetensors").read_bytes()
    for length in (0, 4, 100, len(content) - 1):
        (folder / "model.safetensors").write_bytes(content[:length])
        message = refusal(opened, folder)
        assert message.startswith(
            "the base model 'tiny': model.safetensors is truncated or not in the safetensors format ("
        )
        assert message.endswith("); copy it again")


@pytest.mark.parametrize("content", [b"", b"{", b"not JSON", b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_settings_that_are_not_json(folder, file, content):
    (folder / file).write_bytes(content)
    message = refusal(opened, folder)
    assert message.startswith(f"the base model 'tiny': {file} is not JSON (")
    assert message.endswith("); save the model again")


@pytest.mark.parametrize("content", ["[]", "3", "null", '"mixtral"'])
def test_settings_that_are_no_json_object(folder, content):
    (folder / "config.json").write_text(content)
    assert refusal(opened, folder) == "the base model 'tiny': config.json is not a JSON object; save the model again"


@pytest.mark.parametrize("model_type", [None, 3, ["mixtral"]])
def test_settings_without_a_model_type(folder, model_type):
    change_json(folder / "config.json", model_type=model_type)
    assert refusal(opened, folder) == (
        "the base model 'tiny': config.json names no model_type; choose a folder that transformers saved"
    )


# --- the tokenizer alone ---------------------------------------------------------------------------------------------


def tokenizer_of(path, **keywords):
    with opened_tokenizer(str(path), **keywords) as (folder, source):
        return sorted(file.name for file in folder.iterdir()), source


def test_the_tokenizer_without_the_weights(folder, test_data):
    (folder / "model.safetensors").write_bytes(b"damaged")
    for path in (folder, test_data / "tiny-random.zip"):
        names, source = tokenizer_of(path, model_id="lab/tiny")
        assert names == ["tokenizer.json", "tokenizer_config.json"]
        assert source == "the base model 'lab/tiny'"


def test_a_tokenizer_is_refused_as_the_model_would_be(folder, tmp_path):
    assert refusal(tokenizer_of, tmp_path / "x") == (
        f"the base model 'x': there is no {tmp_path / 'x'}; give a folder, an archive or 'built-in'"
    )
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    assert refusal(tokenizer_of, archive) == (
        "the base model 'packed.zip': 'pytorch_model.bin' is a pickle, which can run code: save the model as "
        "safetensors"
    )
    change_json(folder / "tokenizer_config.json", auto_map={})
    assert refusal(tokenizer_of, folder) == refusal(opened, folder)
    (folder / "tokenizer_config.json").unlink()
    (folder / "tokenizer.json").unlink()
    assert refusal(tokenizer_of, folder) == "the base model 'tiny' has no tokenizer.json; add its tokenizer"


# --- names of weights ------------------------------------------------------------------------------------------------

OLD_EXPERTS = "model.layers.0.block_sparse_moe"


def test_older_names_of_a_mixtrals_experts(tiny_random, folder):
    model = AutoModelForCausalLM.from_pretrained(tiny_random).eval()
    weights = dict(model.state_dict())
    experts = "model.layers.0.mlp"
    gate_and_up = weights.pop(f"{experts}.experts.gate_up_proj")
    down = weights.pop(f"{experts}.experts.down_proj")
    weights[f"{OLD_EXPERTS}.gate.weight"] = weights.pop(f"{experts}.gate.weight")
    for number in range(2):
        gate, up = gate_and_up[number].chunk(2)
        weights[f"{OLD_EXPERTS}.experts.{number}.w1.weight"] = gate.clone()
        weights[f"{OLD_EXPERTS}.experts.{number}.w2.weight"] = down[number].clone()
        weights[f"{OLD_EXPERTS}.experts.{number}.w3.weight"] = up.clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with opened_base_model(str(folder)) as base:
        older = AutoModelForCausalLM.from_pretrained(base.folder).eval()
    tokens = torch.tensor([[1, 5, 6, 7, 8, 8, 7, 2], [1, 8, 8, 8, 5, 6, 5, 2]])
    with torch.inference_mode():
        expected, logits = model(tokens).logits, older(tokens).logits
    assert torch.equal(logits, expected)
    assert expected.std() > 0.01  # the comparison is not one of zeros


def test_the_built_in_model():
    base = opened("built-in")
    assert (base.id, base.architecture) == ("tiny-human-dna", "mixtral")
    assert max(file.stat().st_size for file in BUILT_IN_FOLDER.iterdir()) < 1_000_000
