import json
import shutil
from dataclasses import replace

import pytest

from dna_lm.adapters.dataset import Adapter
from dna_lm.adapters.recorded_model import opened_base_model_of
from dna_lm.base_models.opening import opened_base_model, tokenizer_sha256
from dna_lm.errors import UserError
from refusals import refusal
from small import sequences


def adapter_of(base_model: str, name: str | None = None) -> Adapter:
    """An adapter of which only the record of its base model matters."""
    with opened_base_model(base_model, name) as base:
        return Adapter({}, {}, base.identity(), {}, {})


def found(adapter, installed=None, base_model="recorded", base_model_id=None):
    with opened_base_model_of(adapter, base_model, base_model_id, installed) as base:
        return base


@pytest.fixture
def other(tiny_random, tmp_path):
    """Another model that reads in the same way: the same tokenizer, other weights."""
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tiny_random, tmp_path / "other")
    weights = load_file(folder / "model.safetensors")
    name = min(weights)
    save_file(weights | {name: weights[name] * 2}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_the_built_in_model_is_found_without_a_table():
    assert found(adapter_of("built-in")).id == "tiny-human-dna"
    assert found(adapter_of("built-in", "called otherwise")).id == "tiny-human-dna"


def test_a_servers_model_is_found_by_its_name_first(tiny_random, other):
    adapter = adapter_of(str(tiny_random), "lab/tiny")
    base = found(adapter, [f"lab/copy={tiny_random}", f"lab/other={other}", f"lab/tiny={tiny_random}"])
    assert base.identity() == adapter.base_model


def test_a_servers_model_is_found_by_its_content_under_any_name(tiny_random, other, tmp_path):
    (tmp_path / "gone=").mkdir()
    installed = [f"lab/other={other}", f"lab/empty={tmp_path / 'gone='}", "lab/missing=/nowhere", f"x={tiny_random}"]
    base = found(adapter_of(str(tiny_random), "my-archive.zip"), installed)
    assert base.id == "x"


def test_the_weights_of_models_with_another_tokenizer_are_not_read(tiny_random, tmp_path):
    different = shutil.copytree(tiny_random, tmp_path / "different")
    settings = json.loads((different / "tokenizer.json").read_text())
    (different / "tokenizer.json").write_text(json.dumps(settings, indent=1))
    (different / "model.safetensors").write_bytes(b"would be refused")
    assert found(adapter_of(str(tiny_random), "a"), [f"b={different}", f"c={tiny_random}"]).id == "c"


def test_the_same_weights_with_other_settings_are_another_model(tiny_random, tmp_path):
    different = shutil.copytree(tiny_random, tmp_path / "different")
    settings = json.loads((different / "config.json").read_text())
    (different / "config.json").write_text(json.dumps(settings | {"hidden_act": "gelu"}))
    adapter = adapter_of(str(tiny_random), "a")
    assert found(adapter, [f"a={different}", f"b={tiny_random}"]).id == "b"
    message = "(the one installed under this name has other settings: hidden_act in its config.json)"
    assert message in refusal(found, adapter, [f"a={different}"])
    identity = {name: value for name, value in adapter.base_model.items() if name != "settings"}
    assert found(replace(adapter, base_model=identity), [f"a={different}"]).id == "a"


def test_a_name_and_a_folder_may_hold_an_equals_sign(tiny_random, tmp_path):
    folder = shutil.copytree(tiny_random, tmp_path / "rate=0.1")
    assert found(adapter_of(str(tiny_random), "lab/a=b"), [f"lab/a=b={folder}"]).id == "lab/a=b"


def test_a_model_that_is_not_there_is_named(tiny_random, other):
    adapter = adapter_of(str(tiny_random), "lab/tiny")
    message = (
        "the adapter was trained on the base model 'lab/tiny' (mixtral), which is neither built in nor installed "
        'here{}; set "Base model" to "An archive in your history" and select an archive of it (--base-model FILE), or '
        "ask the administrator to install it"
    )
    assert refusal(found, adapter) == message.format("")
    assert refusal(found, adapter, [f"lab/other={other}"]) == message.format("")
    another = " (the one installed under this name has other weights or tokenizer)"
    assert refusal(found, adapter, [f"lab/tiny={other}"]) == message.format(another)
    unusable = (
        " (the one installed under this name cannot be used: the base model 'lab/tiny': there is no /nowhere; give a "
        "folder, an archive or 'built-in')"
    )
    assert refusal(found, adapter, ["lab/tiny=/nowhere"]) == message.format(unusable)


def test_a_namesake_that_is_another_does_not_hide_the_right_one(tiny_random, other):
    base = found(adapter_of(str(tiny_random), "lab/tiny"), [f"lab/tiny={other}", f"lab/moved={tiny_random}"])
    assert base.id == "lab/moved"


def test_an_error_in_the_work_with_the_model_is_not_taken_for_one_of_the_model(tiny_random):
    adapter = adapter_of(str(tiny_random), "lab/tiny")

    def work():
        with opened_base_model_of(adapter, "recorded", None, [f"lab/tiny={tiny_random}"]):
            raise UserError("the table is empty")

    assert refusal(work) == "the table is empty"


@pytest.mark.parametrize("text", ["", "lab/tiny", "=", "lab/tiny=", "=/models"])
def test_what_is_no_pair_is_refused(tiny_random, text):
    message = f"--installed {text!r} is not ID=FOLDER; write the model's name, '=' and its folder"
    assert refusal(found, adapter_of(str(tiny_random)), [text]) == message


def test_a_model_that_is_named_is_taken_as_it_is(tiny_random):
    adapter = adapter_of("built-in")
    assert found(adapter, ["nonsense"], str(tiny_random), "lab/tiny").id == "lab/tiny"  # check_base_model refuses it


def test_the_tokenizers_sum_is_that_of_the_model(tiny_random):
    with opened_base_model(str(tiny_random)) as base:
        assert tokenizer_sha256(str(tiny_random)) == base.tokenizer_sha256


def test_the_command_line_finds_the_model_by_itself(two, tiny_random, call_tool, tmp_path):
    fasta, table = tmp_path / "x.fa", tmp_path / "predictions.tsv"
    fasta.write_text("".join(f">{number}\n{dna}\n" for number, (dna, _) in enumerate(sequences(["a", "b"], 4, 1))))
    arguments = ["--adapter", two.adapter, "--input", fasta, "--input-format", "fasta", "--predictions-out", table]
    assert "which is neither built in nor installed here; set" in call_tool("predict", *arguments).error
    assert not table.exists()
    installed = ["--installed", f"lab/other={tmp_path}", "--installed", f"lab/tiny={tiny_random}"]
    assert call_tool("predict", *arguments, *installed).code == 0
    found_by_itself = table.read_bytes()
    assert call_tool("predict", *arguments, "--base-model", tiny_random).code == 0
    assert table.read_bytes() == found_by_itself


def test_a_record_is_compared_in_full(tiny_random):
    adapter = adapter_of(str(tiny_random), "a")
    spoilt = replace(adapter, base_model=adapter.base_model | {"tokenizer_sha256": "0" * 64})
    assert "neither built in nor installed" in refusal(found, spoilt, [f"a={tiny_random}"])
