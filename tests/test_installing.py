"""Installing base models for a server: from a hub on loopback, from archives and folders."""

import hashlib
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


def test_a_model_with_pickles_only_is_not_fetched(hub, installed):
    del hub.files["model.safetensors"]
    assert refusal(installed, hub_model=MODEL) == (
        f"{said(hub)} has no safetensors: its weights are pickles (pytorch_model.bin), which can run code; choose a "
        "model that has, or convert it and install an archive"
    )
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
