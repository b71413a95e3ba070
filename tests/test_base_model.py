import hashlib
import json
import pickle
import shutil
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.installed_files import sha256_of_file
from dna_lm.base_models.opening import BUILT_IN_FOLDER, is_model_file, opened_base_model, opened_tokenizer
from dna_lm.base_models.settings import differing_setting
from dna_lm.classifiers.building import new_classifier
from dna_lm.classifiers.options import LoraOptions
from dna_lm.networks.registry import NETWORKS, PLAIN
from refusals import refusal, returns_or_refuses


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
    identity = opened(folder).identity()
    settings = identity.pop("settings")
    assert (settings["model_type"], settings["rms_norm_eps"], settings["hidden_act"]) == ("mixtral", 1e-5, "silu")
    assert identity == {
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


def test_pickled_weights_alone(folder, tmp_path):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    (folder / "optimizer.pt").write_bytes(b"pickle")
    message = (
        "the base model {!r} has no .safetensors file; pytorch_model.bin is a pickle and never read here: save the "
        "model as safetensors, or ask an administrator to install it, which converts it"
    )
    assert refusal(opened, folder) == message.format("tiny")
    assert refusal(opened, shutil.make_archive(str(tmp_path / "x"), "zip", folder)) == message.format("x.zip")
    (folder / "pytorch_model.bin").rename(folder / "weights.pt")
    assert refusal(opened, folder).endswith(
        "; weights.pt is a pickle and never read here: save the model as safetensors"
    )


def test_what_the_trainer_leaves_is_not_read(folder, tmp_path):
    for name in ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (folder / name).write_bytes(b"pickle")
    (folder / "checkpoint-5").mkdir()
    shutil.copy(folder / "config.json", folder / "checkpoint-5" / "config.json")
    archive = shutil.make_archive(str(tmp_path / "x"), "zip", folder.parent, folder.name)
    assert opened(archive, model_id="x").identity() == opened(folder, model_id="x").identity()


def test_weights_in_4_bits_are_refused(folder):
    change_json(folder / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    assert refusal(opened, folder).startswith("the base model 'tiny' has quantized weights (quantization_config in ")


def test_a_name_that_is_not_utf_8_is_recorded_as_text(folder):
    named = folder.rename(folder.parent / "mod\udce4l")
    assert opened(named).id == "mod\\udce4l"
    assert opened(named, model_id="a\udcff", revision="\udcff").identity()["revision"] == "\\udcff"


def settings_of(folder, **changes) -> dict:
    change_json(folder / "config.json", **changes)
    return opened(folder).settings


def test_settings_are_the_same_however_they_are_written(folder):
    before = settings_of(folder)
    written = AutoConfig.from_pretrained(folder).to_dict()
    notes = {"transformers_version": "4.0.0", "_name_or_path": "/home/x", "use_cache": False, "trained_by": "me"}
    notes |= {"architectures": ["X"], "torch_dtype": "bfloat16", "attention_dropout": 0.5, "eos_token_id": 3}
    assert settings_of(folder, **written) == before
    assert settings_of(folder, **notes, id2label={"0": "a", "1": "b", "2": "c"}) == before
    assert differing_setting(before, before) is None
    assert "/home" not in json.dumps(before)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"rms_norm_eps": 1e-6}, "rms_norm_eps"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}, "rope_parameters.rope_theta"),
        ({"num_experts_per_tok": 2}, "num_experts_per_tok"),
        ({"sliding_window": 4}, "sliding_window"),
    ],
)
def test_a_setting_that_shapes_the_numbers_differs(folder, changes, name):
    before = settings_of(folder)
    assert differing_setting(before, settings_of(folder, **changes))[0] == name


def test_settings_that_one_side_does_not_have_are_not_compared():
    assert differing_setting({}, {"a": 1}) is None
    assert differing_setting({"a": {"b": 1}, "c": 2}, {"a": {"d": 1}, "c": 2.0}) is None
    assert differing_setting({"a": {"b": 1}}, {"a": {"b": 2}}) == ("a.b", 1, 2)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_its_own(folder, file):
    change_json(folder / file, auto_map={"AutoConfig": "tiny--configuration.TinyConfig"})
    assert refusal(opened, folder) == (
        "the base model 'tiny' wants to run code of its own (auto_map in its settings: configuration.TinyConfig), "
        "which is refused; choose a model whose architecture transformers itself has, or one of "
        + ", ".join(one.title for one in (*NETWORKS, *PLAIN))
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


@pytest.mark.parametrize("place", [["auto_map"], ["text_config", "auto_map"], ["parts", 0, "auto_map"]])
def test_code_of_its_own_in_a_part_of_the_settings(folder, place):
    settings = {}
    for step in reversed(place):
        settings = [settings] if isinstance(step, int) else {step: settings}
    change_json(folder / "config.json", **settings)
    assert "wants to run code of its own" in refusal(opened, folder)


class Harmful:
    """What a pickle of a stranger can do: it would make a file when it is loaded."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (open, (self.place, "w"))


@pytest.mark.parametrize("save", [lambda value, path: path.write_bytes(pickle.dumps(value)), torch.save])
@pytest.mark.parametrize(
    "file",
    ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors.index.json"],
)
def test_a_pickle_under_another_name_is_refused_and_not_run(folder, tmp_path, file, save):
    if "index" in file:
        (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    save(Harmful(str(tmp_path / "done")), folder / file)
    assert refusal(opened, folder).startswith(f"the base model 'tiny': {file} is ")
    assert not (tmp_path / "done").exists()


def with_header(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(start: int, end: int, shape: list[int], kind: str = "F32") -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "content",
    [
        with_header({"a": tensor(0, 8, [2])}, bytes(8), length=2**63),
        with_header({"a": tensor(0, 8, [2])}, bytes(8), length=100_000_001),
        with_header({"a": tensor(0, 8, [2])}, bytes(8), length=5),
        with_header({"a": tensor(0, 80, [20])}, bytes(8)),
        with_header({"a": tensor(0, 8, [2])}, bytes(12)),
        with_header({"a": tensor(0, 8, [3])}, bytes(8)),
        with_header({"a": tensor(0, 8, [2**62, 2**62])}, bytes(8)),
        with_header({"a": tensor(8, 0, [2])}, bytes(8)),
        with_header({"a": tensor(-8, 0, [2])}, bytes(8)),
        with_header({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, bytes(12)),
        with_header({"a": tensor(0, 8, [2]), "b": tensor(12, 20, [2])}, bytes(20)),
        with_header({"a": tensor(0, 8, [2], "OBJECT")}, bytes(8)),
        with_header({"a": "tensor"}),
        with_header([]),
        with_header(b"[" * 100_000),
        with_header(b'{"a":{},"a":{}}'),
    ],
    ids=[
        *("length 2^63", "length over the limit", "length too small", "claims more data", "data to spare"),
        *("shape and size differ", "shape overflows", "ends before it starts", "negative", "overlap", "gap"),
        *("unknown dtype", "no tensor", "no object", "deep", "twice the same name"),
    ],
)
def test_a_header_that_lies_is_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    message = refusal(opened, folder)
    assert message.startswith(
        "the base model 'tiny': model.safetensors is truncated or not in the safetensors format ("
    )


def test_weights_that_are_no_numbers_are_refused(folder):
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with opened_base_model(str(folder)) as base:
        message = refusal(new_classifier, base, 2, 3, LoraOptions(method="head"))
    assert message == (
        "the base model 'tiny': its weights model.norm.weight contain NaN or infinity; choose another copy of it"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 17}, "describes 17 layers, but its weights have 16 tensors in all"),
        ({"vocab_size": 10**12}, "describes 16,000,000,002,672 parameters, but its weights have 2,928"),
        ({"num_local_experts": 10**9}, " parameters, but its weights have 2,928"),
        ({"intermediate_size": 10**9}, " parameters, but its weights have 2,928"),
        ({"num_hidden_layers": 3}, "has no fitting weights for model.layers.1"),
        ({"hidden_size": "16"}, "cannot be loaded: "),
    ],
)
def test_settings_that_describe_another_network_than_the_weights_are_refused(folder, changes, message):
    change_json(folder / "config.json", **changes)
    with opened_base_model(str(folder)) as base:
        refused = refusal(new_classifier, base, 2, 3, LoraOptions(method="head"))
    assert refused.startswith("the base model 'tiny'") and message in refused


@pytest.mark.parametrize("place", [["num_hidden_layers"], ["n_layer"], ["text_config", "num_layers"]])
def test_settings_with_a_million_layers_are_refused_before_any_is_made(folder, place):
    settings = 10**6
    for step in reversed(place):
        settings = {step: settings}
    change_json(folder / "config.json", **settings)
    assert refusal(opened, folder) == (
        f"the base model 'tiny': config.json asks for 1,000,000 layers ({place[-1]}), which is refused; choose another "
        "copy of it"
    )


@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
def test_weights_of_another_kind_of_number_are_refused_or_read(folder, kind):
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"].to(kind)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with opened_base_model(str(folder)) as base:
        returns_or_refuses(new_classifier, base, 2, 3, LoraOptions(method="head"))


PARTS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


@pytest.fixture
def in_parts(folder):
    """The folder with its weights in two files, as models of several gigabytes have them."""
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    parts = {PARTS[0]: names[:9], PARTS[1]: names[9:]}
    for file, part in parts.items():
        save_file({name: weights[name] for name in part}, folder / file, metadata={"format": "pt"})
    (folder / "model.safetensors").unlink()
    placed = {name: file for file, part in parts.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    return folder


def test_weights_in_parts_are_those_of_one_file(in_parts, tiny_random, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packed"), "gztar", in_parts)
    states = []
    for path in (tiny_random, in_parts, archive):
        with opened_base_model(str(path)) as base:
            states.append(AutoModelForCausalLM.from_pretrained(base.folder).state_dict())
    for state in states[1:]:
        assert all(torch.equal(state[name], states[0][name]) for name in states[0])


@pytest.mark.parametrize(
    "elsewhere", ["../other.safetensors", "/etc/passwd", "gone.safetensors", "config.json", "sub/x.safetensors", ""]
)
def test_an_index_that_names_other_files_is_refused(in_parts, tmp_path, elsewhere):
    save_file({"lm_head.weight": torch.zeros(9, 16)}, tmp_path / "other.safetensors")
    index = json.loads((in_parts / "model.safetensors.index.json").read_text())
    index["weight_map"]["lm_head.weight"] = elsewhere
    (in_parts / "model.safetensors.index.json").write_text(json.dumps(index))
    assert refusal(opened, in_parts) == (
        f"the base model 'tiny': model.safetensors.index.json names the file {elsewhere!r}, which is not there; add "
        "all parts of the weights"
    )


@pytest.mark.parametrize("content", [{}, {"weight_map": []}, {"weight_map": {"a": 3}}, {"weight_map": {"a": None}}])
def test_an_index_without_files_is_refused(in_parts, content):
    (in_parts / "model.safetensors.index.json").write_text(json.dumps(content))
    assert refusal(opened, in_parts) == (
        "the base model 'tiny': model.safetensors.index.json has no weight_map of tensors and files; save the model "
        "again"
    )


def test_huge_settings_are_refused_before_they_are_read(folder, monkeypatch):
    monkeypatch.setattr("dna_lm.base_models.opening.MAX_JSON_BYTES", 1_000_000)
    for file in ("config.json", "tokenizer_config.json", "tokenizer.json"):
        kept = (folder / file).read_bytes()
        (folder / file).write_text('"' + "A" * 1_000_001 + '"')
        assert refusal(opened, folder) == (
            f"the base model 'tiny': {file} has more than 1 MB, which is refused; choose another"
        )
        (folder / file).write_bytes(kept)


def test_a_tokenizer_is_read_from_the_folder_alone(folder, tmp_path):
    """Settings that name files elsewhere are not followed, and templates of chats are not run."""
    secret = json.loads((folder / "tokenizer.json").read_text())
    secret["model"]["vocab"] = {"[UNK]": 0, "SECRET": 1}
    (tmp_path / "secret.json").write_text(json.dumps(secret))
    (tmp_path / "secret.txt").write_text("[UNK]\nSECRET\n")
    change_json(
        folder / "tokenizer_config.json",
        tokenizer_file=str(tmp_path / "secret.json"),
        vocab_file=str(tmp_path / "secret.txt"),
        special_tokens_map_file=str(tmp_path / "secret.json"),
        chat_template="{{ raise_exception('run') }}{{ ''.__class__.__mro__ }}",
    )
    with opened_base_model(str(folder)) as base:
        encoder = Encoder(base, 50)
    assert "SECRET" not in encoder.tokenizer.get_vocab()
    assert encoder.encode(["ACGT"]).reading.unknown_share == 0


@pytest.mark.parametrize("problem", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
@pytest.mark.parametrize("method", ["iterdir", "read_text", "exists"])
def test_a_model_that_cannot_be_read(folder, monkeypatch, problem, method):
    def fail(*_, **__):
        raise problem

    monkeypatch.setattr("pathlib.Path." + method, fail)
    assert refusal(opened, folder) == (
        f"the base model 'tiny' cannot be read: {problem.strerror}; see the path and its permissions, or choose another"
    )


def test_a_path_that_no_file_can_have(tmp_path):
    assert "cannot be read: File name too long" in refusal(opened, tmp_path / ("A" * 5000))


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
    assert tokenizer_of(folder)[0] == tokenizer_of(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))[0]
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
