"""The license of a base model travels: from a model card or a note beside it to the adapter, its reports and cards."""

import json
import re
import shutil
import zipfile
from dataclasses import replace

import pytest

import tiny_models
from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.base_models import licenses
from dna_lm.base_models.archives import MOST_TEXTS
from dna_lm.base_models.installed_files import INSTALLED
from dna_lm.base_models.known_models import AVAILABLE, BY_REPOSITORY, KNOWN_MODELS, NEEDS, PICKLE
from dna_lm.base_models.licenses import CARD, in_words, non_commercial, of_card, of_header, spelled
from dna_lm.base_models.opening import opened_base_model
from dna_lm.exchange.importing import import_adapter
from dna_lm.exchange.options import ImportOptions
from dna_lm.networks.registry import BY_NAME
from dna_lm.training.finetuning import finetune
from dna_lm.training.report import training_report
from license_texts import HOSTILE, NON_COMMERCIAL
from small import TINY_RANDOM, silent, training_options, write_splits

# --- how it is spelled -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("mit", "MIT"),
        ("cc-by-nc-sa-4.0", NON_COMMERCIAL),
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("  Our own\nlicense,\t2024 ", "Our own license, 2024"),
        *((text, "") for text in ("", "unknown", "Other", "not stated", "\x00", None, 3, ["mit"], {"a": "mit"})),
    ],
)
def test_spelling(text, expected):
    assert spelled(text) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_it_says_it_is_a_short_line(text):
    line = spelled(text)
    assert 0 < len(line) <= licenses.LICENSE_LETTERS and line.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NON_COMMERCIAL, True),
        ("CC BY-NC 4.0", True),
        ("fair-noncommercial-research-license", True),
        ("For non-commercial use", True),
        ("academic use only", True),
        ("Apache-2.0", False),
        ("BSD-3-Clause", False),
        ("OpenRAIL", False),
        ("NCSA", False),
        ("Inc. license", False),
        ("", False),
    ],
)
def test_non_commercial(text, expected):
    assert non_commercial(text) is expected


def test_in_words():
    assert in_words("MIT") == "MIT" and in_words("") == "not stated"
    assert in_words(NON_COMMERCIAL) == "CC-BY-NC-SA-4.0, non-commercial use only"
    assert in_words("PolyForm-Noncommercial-1.0.0") == "PolyForm-Noncommercial-1.0.0"


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlicense: mit\n---\n# A model", "MIT"),
        ("---\r\ntags:\r\n- dna\r\nlicense: cc-by-nc-sa-4.0 # see below\r\n---\r\n", NON_COMMERCIAL),
        ('---\nlicense: "apache-2.0"\n---', "Apache-2.0"),
        ('---\nlicense: "\\"Our\\" own\\nlicense" # see below\n---', '"Our" own license'),
        ("---\nlicense:\n- mit\n- cc-by-nc-4.0\n---\n", "MIT, CC-BY-NC-4.0"),
        ("---\nlicense: other\nlicense_name: our-license\n---\n", "our-license"),
        ("---\nlicense: unknown # choose one\nbase_model_license: 'cc-by-nc-4.0'\n---\n", "CC-BY-NC-4.0"),
        ("---\nlicense: # none\ntags: [a]\n---\n", ""),
        ("---\ntags: [a]\n---\nlicense: mit\n", ""),
        ("# A model\n---\nlicense: mit\n---\n", ""),
        ("---\nlicense: mit\n", ""),
        ("", ""),
    ],
)
def test_the_header_of_a_card(tmp_path, card, expected):
    (tmp_path / CARD).write_bytes(card.encode())
    assert of_card(tmp_path / CARD) == expected


def test_cards_that_are_none(tmp_path):
    assert of_card(tmp_path / CARD) == ""
    (tmp_path / CARD).mkdir()
    assert of_card(tmp_path / CARD) == ""
    (tmp_path / "binary").write_bytes(b"---\nlicense: \xff\xfe\n---\n")
    assert of_card(tmp_path / "binary").isprintable()
    assert of_header({"license": {"a": 1}}) == of_header({"license": [["mit"], None]}) == ""


# --- where it is found -----------------------------------------------------------------------------------------------


def license_of(base_model, model_id=None) -> str:
    with opened_base_model(str(base_model), model_id) as base:
        assert not (base.folder / CARD).exists()
        assert base.identity().get("license", "") == base.license
        return base.license


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(TINY_RANDOM, tmp_path / "model")


def test_the_built_in_model_has_the_projects_license():
    assert license_of("built-in") == "MIT"


def test_a_folder(folder):
    assert license_of(folder) == ""
    known = "InstaDeepAI/nucleotide-transformer-v2-50m-multi-species"
    assert license_of(folder, known) == NON_COMMERCIAL
    (folder / CARD).write_text("---\nlicense: bsd-3-clause\n---\n")
    assert license_of(folder, known) == "BSD-3-Clause"
    (folder / INSTALLED).write_text(json.dumps({"license": "apache-2.0"}))
    assert license_of(folder, known) == "Apache-2.0"
    (folder / INSTALLED).write_text(json.dumps({"license": ["x"]}))
    assert license_of(folder, known) == "BSD-3-Clause"


@pytest.mark.parametrize("place", ["", "model/"])
def test_the_card_in_an_archive(folder, tmp_path, place):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr(f"{place}docs/README.md", "---\nlicense: gpl-3.0\n---\n")
        archive.writestr(f"{place}README.md", "---\nlicense: cc-by-nc-sa-4.0\n---\n" + "x" * 10_000_000)
        for file in folder.iterdir():
            archive.write(file, place + file.name)
    assert license_of(tmp_path / "m.zip") == NON_COMMERCIAL


def test_a_card_elsewhere_in_an_archive_is_not_the_models(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("README.md", "---\nlicense: mit\n---\n")
        for file in folder.iterdir():
            archive.write(file, f"model/{file.name}")
    assert license_of(tmp_path / "m.zip") == ""


def test_an_archive_with_many_cards(folder, tmp_path):
    """They are kept in memory until it is known which is the model's."""
    for name, place, expected in (("deep", "docs/{}/README.md", "MIT"), ("wide", "{}/README.md", "")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for number in range(MOST_TEXTS):
                archive.writestr(place.format(number), "---\nlicense: gpl-3.0\n---\n")
            archive.writestr("README.md", "---\nlicense: mit\n---\n")
            for file in folder.iterdir():
                archive.write(file, file.name)
        assert license_of(tmp_path / name) == expected


def test_the_name_of_an_archive_does_not_tell_what_it_is(test_data):
    assert license_of(test_data / "tiny-random.zip", "zhihan1996/DNABERT-2-117M") == ""


# --- the adapter and its texts ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("splits"), ["no", "yes"])


def trained(splits, base_model, **changes):
    given = {"train": splits["train"], "dev": splits["dev"], "epochs": 1, "base_model": str(base_model)}
    return finetune(training_options(**given | changes), silent)


@pytest.fixture(scope="module")
def licensed(splits, tmp_path_factory):
    """A training on a base model that is not for commercial use, the base model and the adapter's file."""
    base = shutil.copytree(TINY_RANDOM, tmp_path_factory.mktemp("licensed") / "tiny-random")
    (base / CARD).write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n")
    result = trained(splits, base)
    save_adapter(result.adapter, base.parent / "adapter")
    return result, base, base.parent / "adapter"


def test_the_adapter_records_it(licensed, splits):
    result, base, path = licensed
    assert result.adapter.base_model["license"] == load_adapter(path).license == NON_COMMERCIAL
    again = path.with_name("again")
    save_adapter(trained(splits, base).adapter, again)
    assert again.read_bytes() == path.read_bytes()


def test_the_training_report_states_it(licensed):
    text = "\n".join(training_report(licensed[0]))
    assert "license: CC-BY-NC-SA-4.0, non-commercial use only)" in text
    assert "**Non-commercial use only:** the license of the base model (CC-BY-NC-SA-4.0)" in text
    adapter = licensed[0].adapter
    plain = {name: value for name, value in adapter.base_model.items() if name != "license"}
    text = "\n".join(training_report(replace(licensed[0], adapter=replace(adapter, base_model=plain))))
    assert "license: not stated)" in text and "commercial" not in text


def test_an_adapter_that_is_gone_on_from_keeps_it(licensed, splits):
    _, _, path = licensed
    assert trained(splits, TINY_RANDOM, resume_from=str(path)).adapter.license == NON_COMMERCIAL


def adapter_tool(call_tool, tmp_path, action, *given) -> str:
    """Return the report, after the adapter tool has done something."""
    report = tmp_path / "report"
    outputs = ["--table-out", tmp_path / "table", "--report-out", report]
    done = call_tool("adapter", "--action", action, *given, *outputs)
    assert done.code == 0, done.err
    return report.read_text(encoding="utf-8")


def test_show(call_tool, licensed, tmp_path, test_data):
    text = adapter_tool(call_tool, tmp_path, "show", "--adapter", licensed[2])
    assert "| license of the base model | CC-BY-NC-SA-4.0, non-commercial use only |" in text
    assert "**Non-commercial use only:** the license of the base model (CC-BY-NC-SA-4.0) does not allow" in text
    assert "base model: license\tCC-BY-NC-SA-4.0, non-commercial use only\n" in (tmp_path / "table").read_text()
    text = adapter_tool(call_tool, tmp_path, "show", "--adapter", test_data / "adapter.safetensors")
    assert "| license of the base model | not stated |" in text and "commercial" not in text


@pytest.mark.parametrize("action", ["export", "merge"])
def test_the_card_of_an_export(call_tool, licensed, tmp_path, action):
    from huggingface_hub.repocard import metadata_load

    _, base, path = licensed
    archive = tmp_path / "out.zip"
    out = {"export": "--exported-out", "merge": "--merged-out"}[action]
    text = adapter_tool(call_tool, tmp_path, action, "--adapter", path, "--base-model", base, out, archive)
    assert "**Non-commercial use only:**" in text
    with zipfile.ZipFile(archive) as files:
        (name,) = (name for name in files.namelist() if name.endswith(CARD))
        card = files.read(name).decode()
    why = {"export": "the adapter cannot be used without it", "merge": "this model contains its weights"}[action]
    assert f"(CC-BY-NC-SA-4.0) does not allow commercial use, and {why}." in card
    (tmp_path / CARD).write_text(card)
    data = metadata_load(tmp_path / CARD)
    assert (data["license"], data["base_model_license"]) == ("unknown", NON_COMMERCIAL)


def test_a_merged_model_hands_it_on(call_tool, licensed, tmp_path):
    _, base, path = licensed
    given = ["--adapter", path, "--base-model", base, "--merged-out", tmp_path / "merged.zip"]
    adapter_tool(call_tool, tmp_path, "merge", *given)
    assert license_of(tmp_path / "merged.zip") == NON_COMMERCIAL


def test_an_adapter_of_an_earlier_release_gets_it_where_its_base_model_is_opened(call_tool, licensed, tmp_path):
    result, base, _ = licensed
    plain = {name: value for name, value in result.adapter.base_model.items() if name != "license"}
    save_adapter(replace(result.adapter, base_model=plain), tmp_path / "earlier")
    archive = tmp_path / "out.zip"
    given = ["--adapter", tmp_path / "earlier", "--base-model", base, "--exported-out", archive]
    assert "CC-BY-NC-SA-4.0" in adapter_tool(call_tool, tmp_path, "export", *given)
    options = ImportOptions(action="import", archive=str(archive), base_model=str(base))
    assert import_adapter(options, silent).adapter.license == NON_COMMERCIAL


def test_a_card_without_it_says_so(call_tool, two, tmp_path):
    given = ["--adapter", two.adapter, "--base-model", TINY_RANDOM, "--exported-out", tmp_path / "out.zip"]
    adapter_tool(call_tool, tmp_path, "export", *given)
    with zipfile.ZipFile(tmp_path / "out.zip") as files:
        card = files.read("adapter/README.md").decode()
    assert "The license of the base model is not stated in the record" in card and "base_model_license" not in card


def test_a_license_that_is_no_text_is_refused(call_tool, licensed, tmp_path):
    adapter = licensed[0].adapter
    save_adapter(replace(adapter, base_model=adapter.base_model | {"license": ["MIT"]}), tmp_path / "bad")
    outputs = ["--table-out", tmp_path / "table", "--report-out", tmp_path / "report"]
    error = call_tool("adapter", "--action", "show", "--adapter", tmp_path / "bad", *outputs).error
    assert "its dna_lm record is damaged" in error


# --- the list of known models ----------------------------------------------------------------------------------------


def test_the_list_is_of_models_that_can_be():
    assert len(BY_REPOSITORY) == len({model.name for model in KNOWN_MODELS}) == len(KNOWN_MODELS)
    for model in KNOWN_MODELS:
        assert re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", model.repository)
        assert re.fullmatch(r"(\d+(\.\d+)?)[kMB]", model.size), model.repository
        assert spelled(model.license) == model.license
        assert model.license or "license" in model.unconfirmed, f"{model.repository}: why is its license not stated?"
        assert re.fullmatch(r"([0-9a-f]{8}|[0-9a-f]{40})?", model.commit), model.repository


def test_each_network_has_known_models():
    assert BY_NAME.keys() <= {model.architecture for model in KNOWN_MODELS if model.architecture in model.needs}
    needed = {need for model in KNOWN_MODELS for need in model.needs} | {PICKLE}
    assert needed == NEEDS.keys() and needed >= AVAILABLE


def test_the_architectures_of_models_that_need_nothing_have_classifiers():
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    plain = {model.architecture for model in KNOWN_MODELS if not model.needs}
    assert plain and plain <= MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.keys()
    assert plain <= tiny_models.ARCHITECTURES.keys()
