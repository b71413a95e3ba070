"""Installing base models for a server: from a hub on loopback, from archives and folders."""

import hashlib
import io
import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny_models
from dna_lm.base_models.known_models import BY_REPOSITORY
from dna_lm.base_models.opening import opened_base_model
from dna_lm.exchange import installing
from dna_lm.exchange.installing import data_table, install
from dna_lm.exchange.options import InstallOptions
from hub_server import COMMIT, MODEL, Hub, serving
from license_texts import HOSTILE, NON_COMMERCIAL
from refusals import refusal


@pytest.fixture(autouse=True)
def online(monkeypatch):
    """The client library looks for loopback only; between its attempts it waits no seconds."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 500)
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def files(tiny_random) -> dict[str, bytes]:
    own = {path.name: path.read_bytes() for path in tiny_random.iterdir()}
    return own | {
        "README.md": b"# A model",
        "pytorch_model.bin": b"pickle",
        "onnx/model.onnx": b"",
        "run.py": b"exit()",
    }


@pytest.fixture
def hub(files, monkeypatch):
    with serving(Hub(files)) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        yield running


@pytest.fixture
def installed(tmp_path):
    """Install with these options changed; returns the folder and the result."""

    def call(place=None, **changes):
        into = changes.pop("into", None) or place or tmp_path / "into"
        progress = changes.pop("progress", lambda _: None)
        return into, install(InstallOptions(**{"max_gb": 1.0, "load": "no"} | changes), str(into), progress)

    return call


def said(hub: Hub) -> str:
    return f"the model {MODEL!r} on {hub.endpoint}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- from the hub ----------------------------------------------------------------------------------------------------

WANTED = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


def test_a_model_from_the_hub(hub, installed, files):
    into, result = installed(hub_model=MODEL, load="yes")
    assert sorted(path.name for path in into.iterdir()) == sorted([*WANTED, "installed.json"])
    assert all((into / name).read_bytes() == files[name] for name in WANTED)
    assert sorted(hub.fetched()) == WANTED and hub.fetched()[0] == "config.json" and hub.fetched()[-1] == WANTED[1]
    assert all(f"/resolve/{COMMIT}/" in path for _, path, _ in hub.asked if "/resolve/" in path)
    assert result.row == {
        "value": MODEL,
        "name": f"{MODEL} (license not stated)",
        "pipeline_tag": "text-generation",
        "domain": "sequence",
        "free_tag": "dna_lm",
        "version": COMMIT,
        "path": str(into),
    }
    assert result.notes == [
        "License: not stated.",
        "lower-case letters, as in acgtacgtacgt: 100% of the tokens unknown or left out.",
        "N, as in ACGTNNNNACGT: 33% of the tokens unknown or left out.",
        "The tools make all letters upper-case before a model reads them.",
        "It makes a classifier: 2,816 parameters.",
    ]


def test_what_was_installed_is_recorded(hub, installed, files):
    into, _ = installed(hub_model=MODEL)
    record = json.loads((into / "installed.json").read_text())
    assert record["files"] == {
        name: {
            "sha256": sha256(files[name]),
            "bytes": len(files[name]),
            "changed_ns": (into / name).stat().st_mtime_ns,
        }
        for name in WANTED
    }
    assert (record["source"], record["id"], record["revision"]) == (MODEL, MODEL, COMMIT)
    with opened_base_model(str(into), MODEL) as base:
        assert {name: record[name] for name in ("weights_sha256", "tokenizer_sha256")} == {
            name: base.identity()[name] for name in ("weights_sha256", "tokenizer_sha256")
        }


def test_what_is_there_already_is_not_fetched_again(hub, installed):
    installed(hub_model=MODEL)
    hub.asked.clear()
    installed(hub_model=MODEL)
    assert hub.fetched() == []


def test_a_file_that_changed_on_disk_is_fetched_again(hub, installed, files):
    into, _ = installed(hub_model=MODEL)
    (into / "model.safetensors").write_bytes(b"damaged")
    hub.asked.clear()
    installed(hub_model=MODEL)
    assert hub.fetched() == ["model.safetensors"]
    assert (into / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, installed, files):
    hub.breaks["model.safetensors"] = 1500  # of each answer; the client asks for the rest a few times
    into, _ = installed(hub_model=MODEL)
    assert (into / "model.safetensors").read_bytes() == files["model.safetensors"]
    ranges = [asked for method, path, asked in hub.asked if method == "GET" and path.endswith("model.safetensors")]
    assert ranges[0] is None and ranges[1] == "bytes=1500-" and len(ranges) > 2


def test_a_job_goes_on_where_the_one_before_broke_off(hub, installed, files, tmp_path):
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "model.safetensors.partial").write_bytes(files["model.safetensors"][:5000])
    into, _ = installed(hub_model=MODEL)
    (asked,) = [asked for method, path, asked in hub.asked if method == "GET" and path.endswith("model.safetensors")]
    assert asked == "bytes=5000-"
    assert (into / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert not (into / "model.safetensors.partial").exists()


def test_a_job_that_cannot_go_on_keeps_what_it_has(hub, installed, files, tmp_path):
    hub.breaks["model.safetensors"] = 0  # no answer has anything
    (tmp_path / "into").mkdir()
    partial = tmp_path / "into" / "model.safetensors.partial"
    partial.write_bytes(files["model.safetensors"][:5000])
    message = refusal(installed, hub_model=MODEL)
    assert message.startswith(f"{said(hub)} cannot be fetched (")
    assert message.endswith("; run the job again, which goes on where it broke off")
    assert partial.read_bytes() == files["model.safetensors"][:5000]


@pytest.mark.parametrize("content", [b"x" * 20_000, b"x" * 5000])
def test_a_part_that_is_of_another_file_is_not_gone_on_with(hub, installed, files, tmp_path, content):
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "model.safetensors.partial").write_bytes(content)
    if len(content) < len(files["model.safetensors"]):
        assert "is not what the hub says it is" in refusal(installed, hub_model=MODEL)
    into, _ = installed(hub_model=MODEL)
    assert (into / "model.safetensors").read_bytes() == files["model.safetensors"]


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_was_altered_is_refused_and_not_kept(hub, installed, files, tmp_path, name):
    hub.lies[name] = files[name][:-2] + b"}\n"
    assert refusal(installed, hub_model=MODEL) == (
        f"{said(hub)}: {name} is not what the hub says it is (its checksum is another), so it was altered on the way; "
        "fetch it again, from the hub itself"
    )
    assert not (tmp_path / "into" / name).exists()


def test_a_file_that_is_shorter_than_the_hub_says_is_refused(hub, installed, files):
    hub.lies["model.safetensors"] = files["model.safetensors"][:-100]
    assert "Consistency check failed: file should be of size" in refusal(installed, hub_model=MODEL)
    hub.lies.clear()
    into, _ = installed(hub_model=MODEL)
    assert (into / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_file_that_is_listed_and_missing(hub, installed):
    hub.missing.add("model.safetensors")
    message = refusal(installed, hub_model=MODEL)
    assert message.startswith(f"{said(hub)} cannot be fetched (") and "model.safetensors" in message


def test_a_model_over_the_limit_is_not_fetched(hub, installed):
    hub.sizes["model.safetensors"] = 3 * 10**9
    assert refusal(installed, hub_model=MODEL) == (f"{said(hub)} has 3 GB, more than the 1 GB allowed; raise the limit")
    assert hub.fetched() == []


def test_a_model_with_other_pickles_only_is_not_fetched(hub, installed):
    del hub.files["model.safetensors"]
    hub.files["model.pt"] = hub.files.pop("pytorch_model.bin")
    assert refusal(installed, hub_model=MODEL) == (
        f"{said(hub)} has neither safetensors nor a whole pytorch_model.bin: its weights are pickles (model.pt), which "
        "can run code; choose a model that has, or convert it and install an archive"
    )
    for part in ("pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"):
        hub.files[part] = b"{}"
        assert "has neither safetensors nor a whole pytorch_model.bin" in refusal(installed, hub_model=MODEL)
        del hub.files[part]
    assert hub.fetched() == []


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_model_with_code_of_its_own_is_refused_before_its_weights_are_fetched(hub, installed, file):
    hub.files[file] = json.dumps(json.loads(hub.files[file]) | {"auto_map": {"AutoModel": "run.Model"}}).encode()
    assert "wants to run code of its own (auto_map in its settings: run.Model)" in refusal(installed, hub_model=MODEL)
    assert "model.safetensors" not in hub.fetched() and "run.py" not in hub.fetched()


@pytest.mark.parametrize(
    ("error", "revision", "message"),
    [
        ("RepoNotFound", "main", "is not there, or is private; see the spelling, or set HF_TOKEN"),
        ("GatedRepo", "main", "is gated: accept its terms there, and set HF_TOKEN to a token of yours"),
        ("", "v9", "has no revision 'v9'; choose a branch, tag or commit that it has"),
    ],
)
def test_what_the_hub_refuses(hub, installed, error, revision, message):
    hub.error = error
    assert refusal(installed, hub_model=MODEL, hub_revision=revision) == f"{said(hub)} {message}"


def test_a_hub_that_does_not_answer(installed, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    message = refusal(installed, hub_model=MODEL)
    assert message.startswith(f"the model {MODEL!r} on http://127.0.0.1:9 cannot be fetched (ConnectError: ")


def test_one_copy_of_the_weights_is_enough(hub, installed):
    hub.files["model.fp16.safetensors"] = b"another copy"
    hub.files["model.safetensors.index.json"] = b"{}"
    into, _ = installed(hub_model=MODEL)
    assert sorted(path.name for path in into.iterdir()) == sorted([*WANTED, "installed.json"])


def test_weights_in_parts(hub, installed, tiny_random, tmp_path):
    weights = load_file(tiny_random / "model.safetensors")
    names = sorted(weights)
    parts = {"model-00001-of-00002.safetensors": names[:9], "model-00002-of-00002.safetensors": names[9:]}
    for file, part in parts.items():
        save_file({name: weights[name] for name in part}, tmp_path / file, metadata={"format": "pt"})
        hub.files[file] = (tmp_path / file).read_bytes()
    placed = {name: file for file, part in parts.items() for name in part}
    hub.files["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": placed}).encode()
    del hub.files["model.safetensors"]
    _, result = installed(hub_model=MODEL, load="yes")
    assert "It makes a classifier: 2,816 parameters." in result.notes


# --- weights that are pickles ----------------------------------------------------------------------------------------

PICKLED, PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
PARTS = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]


class Attack:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def pickled(value) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.fixture
def weights(tiny_random) -> dict[str, torch.Tensor]:
    return load_file(tiny_random / "model.safetensors")


@pytest.fixture
def old_hub(hub, weights):
    """A hub whose model has its weights as pytorch_model.bin alone."""
    del hub.files["model.safetensors"]
    hub.files[PICKLED] = pickled(weights)
    hub.large.add(PICKLED)
    return hub


def in_parts(weights) -> dict[str, bytes]:
    """The files of weights in two parts."""
    names = sorted(weights)
    placed = {name: PARTS[number >= 9] for number, name in enumerate(names)}
    files = {part: pickled({name: weights[name] for name in names if placed[name] == part}) for part in PARTS}
    return files | {PICKLED_INDEX: json.dumps({"metadata": {}, "weight_map": placed}).encode()}


def assert_weights(folder, weights) -> None:
    found = {}
    for path in folder.glob("*.safetensors"):
        found |= load_file(path)
    assert found.keys() == weights.keys() and all(torch.equal(found[name], weights[name]) for name in weights)


def test_pickled_weights_of_the_hub_are_converted(old_hub, installed, weights):
    told = []
    into, result = installed(hub_model=MODEL, load="yes", progress=told.append)
    assert sorted(path.name for path in into.iterdir()) == sorted([*WANTED, "installed.json"])
    assert_weights(into, weights)
    assert old_hub.fetched()[0] == "config.json" and old_hub.fetched()[-1] == PICKLED
    record = json.loads((into / "installed.json").read_text())
    content = old_hub.files[PICKLED]
    assert record["converted"] == {PICKLED: {"sha256": sha256(content), "bytes": len(content)}}
    assert record["files"].keys() == set(WANTED)
    assert result.notes[-2:] == [
        "It makes a classifier: 2,816 parameters.",
        "Its weights were converted to safetensors from pytorch_model.bin.",
    ]
    assert f"converting pytorch_model.bin ({len(content) / 1e6:.1f} MB) to safetensors" in told


def test_pickled_weights_in_parts_are_converted(old_hub, installed, weights):
    del old_hub.files[PICKLED]
    old_hub.files |= in_parts(weights)
    old_hub.large |= set(PARTS)
    into, _ = installed(hub_model=MODEL, load="yes")
    assert_weights(into, weights)
    assert not list(into.glob("pytorch_model*")) and set(old_hub.fetched()) >= {*PARTS, PICKLED_INDEX}
    assert json.loads((into / "installed.json").read_text())["converted"].keys() == set(PARTS)


def test_one_whole_pickle_is_enough(old_hub, installed, weights):
    old_hub.files |= in_parts(weights)
    installed(hub_model=MODEL)
    assert PICKLED in old_hub.fetched() and not {*PARTS, PICKLED_INDEX} & set(old_hub.fetched())


def test_what_was_converted_is_not_fetched_again(old_hub, installed):
    into, _ = installed(hub_model=MODEL)
    before = json.loads((into / "installed.json").read_text())
    old_hub.asked.clear()
    installed(hub_model=MODEL)
    assert old_hub.fetched() == [] and json.loads((into / "installed.json").read_text()) == before


@pytest.mark.parametrize("changed", ["safetensors", "hub", "note"])
def test_pickles_are_fetched_again_where_something_changed(old_hub, installed, weights, changed):
    into, _ = installed(hub_model=MODEL)
    if changed == "safetensors":
        (into / "model.safetensors").write_bytes(b"damaged")
    elif changed == "note":
        (into / "installed.json").write_text('{"files": 3, "converted": []}')
    else:
        weights = {name: tensor + 1 for name, tensor in weights.items()}
        old_hub.files[PICKLED] = pickled(weights)
    old_hub.asked.clear()
    installed(hub_model=MODEL)
    assert old_hub.fetched() == [PICKLED]
    assert_weights(into, weights)


def test_a_pickle_that_was_altered_is_refused_and_not_converted(old_hub, installed, tmp_path):
    content = old_hub.files[PICKLED]
    old_hub.lies[PICKLED] = content[:-1] + bytes([content[-1] ^ 1])
    assert "pytorch_model.bin is not what the hub says it is" in refusal(installed, hub_model=MODEL)
    assert not (tmp_path / "into" / PICKLED).exists() and not (tmp_path / "into" / "model.safetensors").exists()


@pytest.mark.parametrize("source", ["archive", "folder"])
@pytest.mark.parametrize("parts", [False, True])
def test_pickled_weights_of_an_archive_or_a_folder_are_converted(
    installed, tiny_random, weights, tmp_path, source, parts
):
    given = shutil.copytree(tiny_random, tmp_path / "given")
    (given / "model.safetensors").unlink()
    for name, content in (in_parts(weights) if parts else {PICKLED: pickled(weights)}).items():
        (given / name).write_bytes(content)
    (given / "training_args.bin").write_bytes(b"pickle")
    before = {path.name: path.read_bytes() for path in given.iterdir()}
    path = given if source == "folder" else shutil.make_archive(str(tmp_path / "packed"), "gztar", given)
    into, _ = installed(**{source: str(path)}, model_id="x", load="yes")
    assert_weights(into, weights)
    assert not list(into.glob("*.bin")) and not list(into.glob("pytorch_model*"))
    assert {path.name: path.read_bytes() for path in given.iterdir()} == before
    assert json.loads((into / "installed.json").read_text())["converted"].keys() == set(PARTS if parts else [PICKLED])


def test_pickles_beside_safetensors_are_not_opened(installed, tiny_random, weights, tmp_path):
    given = shutil.copytree(tiny_random, tmp_path / "given")
    (given / PICKLED).write_bytes(pickled(Attack(tmp_path / "made")))
    into, _ = installed(folder=str(given), model_id="x")
    assert sorted(path.name for path in into.iterdir()) == sorted([*WANTED, "installed.json"])
    assert "converted" not in json.loads((into / "installed.json").read_text())
    assert_weights(into, weights)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("source", ["hub", "folder"])
def test_a_pickle_with_code_is_refused_and_not_run(old_hub, installed, tiny_random, tmp_path, source, made):
    content = pickled({"x": torch.zeros(3), "y": Attack(tmp_path / "made")})
    given = shutil.copytree(tiny_random, tmp_path / "given")
    (given / "model.safetensors").unlink()
    (given / PICKLED).write_bytes(content)
    old_hub.files[PICKLED] = content
    into = tmp_path / "into"
    if not made:
        into.mkdir()
    options = {"hub": {"hub_model": MODEL}, "folder": {"folder": str(given), "model_id": MODEL}}[source]
    message = refusal(installed, **options)
    assert message.startswith(
        f"the model {MODEL!r}: pytorch_model.bin cannot be converted to safetensors: it imports io.open, which weights "
        "do not need (opcode GLOBAL at byte "
    )
    assert not (tmp_path / "made").exists()
    if made:
        assert not into.exists()
    else:
        assert not {*WANTED[1:2], PICKLED, "installed.json"} & {path.name for path in into.iterdir()}


def test_a_conversion_that_breaks_off_leaves_the_pickle_for_the_next_try(old_hub, installed, tmp_path, monkeypatch):
    def full(folder, *_):
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr("dna_lm.exchange.conversion.convert_confined", full)
        installed(hub_model=MODEL)
    assert (tmp_path / "into" / PICKLED).exists() and not (tmp_path / "into" / "model.safetensors").exists()
    old_hub.asked.clear()
    installed(hub_model=MODEL)
    assert old_hub.fetched() == []


def test_what_is_converted_is_limited_too(old_hub, installed, weights):
    repeated = {**weights, "again": torch.zeros(1).expand(10**4, 10**4)}
    old_hub.files[PICKLED] = pickled(repeated)
    assert "its tensors have more than the 0.1 GB allowed" in refusal(installed, hub_model=MODEL, max_gb=0.1)


# --- from archives and folders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["archive", "folder"])
def test_a_model_from_an_archive_or_a_folder(installed, tiny_random, test_data, source):
    given = {"archive": test_data / "tiny-random.zip", "folder": tiny_random}[source]
    into, result = installed(**{source: str(given)}, model_id="lab/tiny", label="Tiny <b>model</b>")
    with opened_base_model(str(tiny_random)) as base:
        assert result.row["version"] == base.weights_sha256[:12]
    assert (result.row["value"], result.row["name"]) == ("lab/tiny", "Tiny <b>model</b> (license not stated)")
    assert sorted(path.name for path in into.iterdir()) == sorted([*WANTED, "installed.json"])
    assert not any(path.is_symlink() for path in into.iterdir())
    assert data_table(result) == {"data_tables": {"huggingface": [result.row]}}


def test_only_the_models_files_of_a_folder_are_copied(installed, tiny_random, tmp_path):
    folder = shutil.copytree(tiny_random, tmp_path / "given")
    (folder / "secret.txt").write_text("")
    (folder / "modeling.py").write_text("raise SystemExit")
    into, _ = installed(folder=str(folder), model_id="x")
    assert sorted(path.name for path in into.iterdir()) == sorted([*WANTED, "installed.json"])


def test_archives_and_folders_over_the_limit(installed, tiny_random, test_data, tmp_path):
    message = refusal(installed, folder=str(tiny_random), model_id="x", max_gb=1e-6)
    assert message.endswith(" GB, more than the 1e-06 GB allowed; raise the limit")
    message = refusal(installed, tmp_path / "b", archive=str(test_data / "tiny-random.zip"), model_id="x", max_gb=1e-6)
    assert message == "the model 'tiny-random.zip' unpacks to more than 1e-06 GB, which is refused"


def test_a_masked_language_model_is_called_one(installed, tmp_path):
    tiny_models.letters(tmp_path / "bert")
    tiny_models.write_model(tmp_path / "bert", "bert", 16, max_position_embeddings=64)
    settings = json.loads((tmp_path / "bert" / "config.json").read_text())
    (tmp_path / "bert" / "config.json").write_text(json.dumps(settings | {"architectures": ["BertForMaskedLM"]}))
    _, result = installed(folder=str(tmp_path / "bert"), model_id="lab/bert")
    assert result.row["pipeline_tag"] == "fill-mask"


def test_the_kmers_of_a_tokenizer_are_told(installed, tmp_path):
    tiny_models.words(tmp_path / "three", 3)
    tiny_models.write_model(tmp_path / "three", "bert", 80, max_position_embeddings=64)
    _, result = installed(folder=str(tmp_path / "three"), model_id="lab/three")
    assert result.notes[1] == "It reads k-mers of 3 nucleotides."


# --- licenses --------------------------------------------------------------------------------------------------------


def recorded(into) -> str:
    """The license in the note beside an installed model, which an adapter that is trained on it records too."""
    license = json.loads((into / "installed.json").read_text())["license"]
    with opened_base_model(str(into), "lab/any") as base:
        assert base.license == license
    return license


@pytest.mark.parametrize(
    ("card", "tags", "expected", "shown"),
    [
        ({"license": "apache-2.0"}, [], "Apache-2.0", "Apache-2.0"),
        ({"license": "other", "license_name": "Our own"}, [], "Our own", "Our own"),
        ({"license": ["mit", "cc-by-nc-4.0"]}, [], "MIT, CC-BY-NC-4.0", "MIT, CC-BY-NC-4.0, non-commercial use only"),
        (None, ["dna", "license:cc-by-nc-sa-4.0"], NON_COMMERCIAL, f"{NON_COMMERCIAL}, non-commercial use only"),
        ({"license": {"a": 1}}, ["license:unknown"], "", "license not stated"),
    ],
)
def test_the_license_on_the_hub(hub, installed, card, tags, expected, shown):
    hub.card, hub.tags = card, tags
    into, result = installed(hub_model=MODEL)
    assert recorded(into) == expected
    assert result.row["name"] == f"{MODEL} ({shown})"


def test_the_license_of_a_known_model(hub, installed, monkeypatch):
    known = replace(BY_REPOSITORY["zhihan1996/DNABERT-2-117M"], repository=MODEL)
    monkeypatch.setattr(installing, "BY_REPOSITORY", {MODEL: known})
    hub.card = {"license": "mit"}
    into, result = installed(hub_model=MODEL)
    assert recorded(into) == "Apache-2.0"
    assert result.row["name"] == "DNABERT-2 117M, 135 species (Apache-2.0)"
    assert result.notes[:2] == ["License: Apache-2.0.", "Another license is stated in its page or model card: MIT."]
    # If its author has ruled out commercial use since, that holds.
    hub.card = {"license": "cc-by-nc-4.0"}
    assert recorded(installed(hub_model=MODEL)[0]) == "CC-BY-NC-4.0"


@pytest.mark.parametrize(
    ("label", "license", "expected"),
    [
        ("Tiny (MIT)", "mit", "Tiny (MIT)"),
        ("Tiny, cc-by-nc-4.0", "cc-by-nc-4.0", "Tiny, cc-by-nc-4.0 (CC-BY-NC-4.0, non-commercial use only)"),
    ],
)
def test_a_license_that_the_label_has_already(installed, tiny_random, label, license, expected):
    _, result = installed(folder=str(tiny_random), model_id="x", license=license, label=label)
    assert result.row["name"] == expected


def test_a_license_that_is_given(hub, installed):
    hub.card = {"license": "mit"}
    into, result = installed(hub_model=MODEL, license="granted to us, non-commercial", label="Ours")
    assert recorded(into) == "granted to us, non-commercial"
    assert result.row["name"] == "Ours (granted to us, non-commercial)"
    assert "Another license is stated in its page or model card: MIT." in result.notes


@pytest.mark.parametrize("source", ["archive", "folder"])
def test_the_license_in_the_card_of_an_archive_or_a_folder(installed, tiny_random, tmp_path, source):
    folder = shutil.copytree(tiny_random, tmp_path / "given")
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    given = {"folder": str(folder), "archive": f"{tmp_path / 'given'}.zip"}
    shutil.make_archive(str(tmp_path / "given"), "zip", folder)
    into, result = installed(**{source: given[source]}, model_id="lab/tiny")
    assert recorded(into) == "CC-BY-4.0" and result.row["name"] == "lab/tiny (CC-BY-4.0)"
    assert not (into / "README.md").exists()


@pytest.mark.parametrize("license", HOSTILE)
def test_hostile_text_as_a_license(hub, installed, license):
    hub.card = {"license": license.encode("utf-8", "replace").decode()}
    into, result = installed(hub_model=MODEL)
    name = result.row["name"]
    assert name.isprintable() and len(name) < 250 and "\t" not in name
    assert recorded(into).isprintable() and (into / "installed.json").stat().st_size < 10_000


def test_a_license_that_cannot_be_shown_is_refused(installed, tiny_random):
    given = {"folder": str(tiny_random), "model_id": "x"}
    assert refusal(installed, **given, license="a\x1bb") == (
        '"License" (--license) contains a control character; use printable characters only'
    )
    assert refusal(installed, **given, license="x" * 10_000_000) == (
        '"License" (--license) has 10,000,000 characters; give the name of the license, 100 characters at most'
    )


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../x", "a/../b", "/x", "a/b/c", "", "a b", "$(touch x)", "a\nb", "a'b", ".hidden", "x/..", "a" * 200, "é"]
)
def test_an_identifier_that_would_lead_elsewhere_is_refused(installed, tiny_random, name):
    message = refusal(installed, folder=str(tiny_random), model_id=name)
    assert message.startswith(('"Identifier" (--model-id)', 'give an "Identifier" (--model-id)'))


@pytest.mark.parametrize("given", [{}, {"hub_model": MODEL, "folder": "x"}, {"archive": "x", "folder": "x"}])
def test_one_source_is_demanded(installed, given):
    assert refusal(installed, **given) == "give one of --hub-model, --archive and --folder"


def test_a_model_that_cannot_be_used(installed, tiny_random, test_data, tmp_path):
    assert "there is no" in refusal(installed, folder=str(tmp_path / "gone"), model_id="x")
    spoilt = shutil.copytree(tiny_random, tmp_path / "spoilt")
    weights = load_file(spoilt / "model.safetensors")
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("inf"))
    save_file(weights, spoilt / "model.safetensors", metadata={"format": "pt"})
    assert "contain NaN or infinity" in refusal(installed, tmp_path / "a", folder=str(spoilt), model_id="x", load="yes")
    protein = shutil.copytree(tiny_random, tmp_path / "protein")
    vocabulary = json.loads((protein / "tokenizer.json").read_text())
    vocabulary["model"]["vocab"]["W"] = vocabulary["model"]["vocab"].pop("G")
    (protein / "tokenizer.json").write_text(json.dumps(vocabulary))
    assert "does not know the letter G" in refusal(installed, tmp_path / "b", folder=str(protein), model_id="x")
    used = tmp_path / "used"
    used.mkdir()
    (used / "file").touch()
    assert refusal(installed, used, folder=str(tiny_random), model_id="x") == (
        f"{used} is not empty; give a new folder"
    )


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line(call_tool, tiny_random, tmp_path):
    table, into = tmp_path / "table.json", tmp_path / "into"
    given = ["--folder", tiny_random, "--model-id", "lab/tiny", "--into", into, "--table-out", table]
    done = call_tool("install", *given)
    assert done.code == 0 and "It makes a classifier" in done.out
    (row,) = json.loads(table.read_text())["data_tables"]["huggingface"]
    assert (row["value"], row["path"]) == ("lab/tiny", str(into))
    table.unlink()
    assert "is not empty; give a new folder" in call_tool("install", *given).error
    assert not table.exists()


def test_from_the_hub_to_a_prediction(hub, call_tool, two, test_data, tmp_path):
    into, table, predictions = tmp_path / "into", tmp_path / "table.json", tmp_path / "predictions.tsv"
    assert call_tool("install", "--hub-model", MODEL, "--into", into, "--table-out", table).code == 0
    (row,) = json.loads(table.read_text())["data_tables"]["huggingface"]
    given = ["--adapter", two.adapter, "--input", test_data / "new.fa", "--input-format", "fasta"]
    given += ["--installed", f"{row['value']}={row['path']}"]
    assert call_tool("predict", *given, "--predictions-out", predictions).code == 0
    assert predictions.read_text().count("\n") == 7
