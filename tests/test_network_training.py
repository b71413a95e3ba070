"""Every network of this library through all that is done with a base model, on the folders of tests/architectures."""

import contextlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from transformers import set_seed
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from dna_lm.adapters.dataset import Adapter, load_adapter, save_adapter
from dna_lm.base_models.architectures import ATTENTION, architecture
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import BaseModel, opened_base_model
from dna_lm.baselines.names import TITLES, UNTRAINED
from dna_lm.classifiers.building import load_base, new_classifier, untrained_classifier
from dna_lm.classifiers.precision import Precision
from dna_lm.classifiers.quantization import quantization_config, quantized_modules
from dna_lm.exchange.exchange_report import export_report
from dna_lm.exchange.exporting import Exported, export
from dna_lm.exchange.facts import facts
from dna_lm.exchange.importing import import_adapter
from dna_lm.exchange.options import ExportOptions, ImportOptions
from dna_lm.networks.registry import BY_NAME, network_of
from dna_lm.processes.inference import padded
from dna_lm.training.estimate import Workload, estimate
from dna_lm.training.finetuning import finetune
from dna_lm.words import HEAD_ONLY
from small import evaluate, lora_options, probabilities, silent, training_options, write_splits
from test_networks import model_in

FOLDERS = [
    path
    for path in sorted((Path(__file__).parent / "architectures").iterdir())
    if path.is_dir() and network_of(json.loads((path / "config.json").read_text()))
]
SEQUENCES = ["ACGT", "GATTACA", "TTTTTTTTTTTT", "C", "ACGTACGTTACGTACGGACGT"]
QUICK = {"epochs": 1, "lora_r": 2}


@dataclass(frozen=True)
class Trained:
    """A model as published, the data, and an adapter trained on it."""

    model: Path
    splits: dict[str, str]
    adapter: Path

    @property
    def base(self) -> dict[str, str | None]:
        return {"base_model": str(self.model), "base_model_id": None, "installed": None}


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda path: path.name)
def trained(request, tmp_path_factory) -> Trained:
    place = tmp_path_factory.mktemp(request.param.name)
    model, splits = model_in(request.param, place / "model"), write_splits(place, ["no", "yes"])
    options = {"base_model": str(model), "train": splits["train"], "dev": splits["dev"]}
    save_adapter(finetune(training_options(**options, epochs=2), silent).adapter, place / "adapter")
    return Trained(model, splits, place / "adapter")


@pytest.fixture
def base(trained) -> BaseModel:
    with opened_base_model(str(trained.model)) as opened:
        yield opened


def pad_of(base: BaseModel) -> int:
    return Encoder(base, 50).tokenizer.pad_token_id


def batch(base: BaseModel) -> dict[str, torch.Tensor]:
    ids, mask = padded(Encoder(base, 50).encode(SEQUENCES).tokens, pad_of(base))
    return {"input_ids": ids, "attention_mask": mask}


def finetuned(trained: Trained, **changes) -> Adapter:
    splits = {name: trained.splits[name] for name in ("train", "dev")}
    return finetune(training_options(**splits, **{"base_model": str(trained.model)} | QUICK | changes), silent).adapter


# --- training ---------------------------------------------------------------------------------------------------------


def test_lora_is_put_on_attention_and_every_matrix_is_trained(base):
    """On a network without attention, on the layers that architectures.py names."""
    set_seed(0)
    model = new_classifier(base, 2, pad_of(base), lora_options()).train()
    linear = {path for path, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    matrices = {path for path, module in model.named_modules() if isinstance(module, LoraLayer)}
    named = architecture(base.architecture).lora_targets
    attention = {
        path.removesuffix(".base_layer")
        for path in linear
        if path.endswith(".base_layer")
        or (not named and any(word in path for word in ATTENTION) and "lora_" not in path)
    }
    assert matrices and attention <= matrices
    if named:
        assert {path.rpartition(".")[2] for path in matrices} <= {*named}
    seen = {}
    for _ in range(2):  # the first matrices get a gradient once the second ones are not 0
        torch.nn.functional.cross_entropy(model(**batch(base)).logits, torch.tensor([0, 1, 0, 1, 1])).backward()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                seen[name] = max(seen.get(name, 0), float(parameter.grad.abs().max()))
                parameter.data -= parameter.grad
    assert [name for name, largest in seen.items() if largest == 0] == []


def test_all_weights_and_the_head_alone(trained, base):
    whole = finetuned(trained, method="full", learning_rate=0.001)
    head = finetuned(trained, method=HEAD_ONLY)
    model = load_base(base, 2, pad_of(base)).model
    assert len(whole.tensors) == len(dict(model.named_parameters()))
    body = f"base_model.model.{model.base_model_prefix}."
    assert head.tensors and all("pooler" in name or not name.startswith(body) for name in head.tensors)
    moved = {
        name
        for name, parameter in model.named_parameters()
        if not torch.equal(whole.tensors[f"base_model.model.{name}"], parameter)
    }
    # all but rows that are not read: of further kinds of tokens, or of unused positions
    assert {name for name, _ in model.named_parameters()} - moved == set()


def test_gradient_checkpointing_changes_nothing(trained):
    plain, checked = (finetuned(trained, gradient_checkpointing=choice) for choice in ("no", "yes"))
    for name, tensor in plain.tensors.items():
        assert torch.allclose(checked.tensors[name], tensor, atol=1e-5), name


def test_training_in_bf16(trained):
    exact, short = (finetuned(trained, precision=precision, learning_rate=0.001) for precision in ("fp32", "bf16"))
    assert all(torch.isfinite(tensor).all() for tensor in short.tensors.values())
    assert any(not torch.equal(short.tensors[name], tensor) for name, tensor in exact.tensors.items())
    (row,), (other,) = exact.training["history"], short.training["history"]
    assert other["dev_loss"] == pytest.approx(row["dev_loss"], rel=0.1)


def test_two_processes_give_what_one_gives(trained, tmp_path, monkeypatch):
    """Without dropout, whose random numbers each process has of its own."""
    model = model_in(trained.model, tmp_path / "model")
    settings = json.loads((model / "config.json").read_text())
    settings |= {name: 0.0 for name in settings if "dropout" in name and settings[name]}
    (model / "config.json").write_text(json.dumps(settings))
    adapters = []
    for count in (1, 2):
        monkeypatch.setenv("DNA_LM_PROCESSES", str(count))
        monkeypatch.setenv("DNA_LM_PARALLEL", "ddp")
        adapters.append(finetuned(trained, base_model=str(model), batch_size=12))
    one, two = adapters
    for name, tensor in one.tensors.items():
        assert torch.allclose(tensor, two.tensors[name], rtol=0, atol=1e-4), name


@pytest.mark.parametrize("kind", ["8bit", "4bit-nf4"])
def test_quantized(base, kind):
    set_seed(0)
    settings = quantization_config(kind, "no", "auto", "fp32")
    exact = new_classifier(base, 2, pad_of(base), lora_options()).eval()
    set_seed(0)
    model = new_classifier(base, 2, pad_of(base), lora_options(), quantization=settings).eval()
    found = quantized_modules(model)
    assert found and not any("classifier" in name or "score" in name or "pooler" in name for name in found)
    logits = model(**batch(base)).logits
    logits.square().sum().backward()
    assert all(torch.isfinite(one.grad).all() for one in model.parameters() if one.requires_grad)
    assert 0 < (exact(**batch(base)).logits - logits).abs().max() < 0.5


def test_both_ways_to_compute_attention_give_the_same(base):
    with torch.no_grad():
        logits = []
        for name in ("eager", "sdpa"):
            set_seed(0)
            try:
                model = load_base(base, 2, pad_of(base), precision=Precision("fp32", name)).model.eval()
            except Exception:
                pytest.skip(f"{base.architecture} has no attention to be computed by {name}")
            assert model.config._attn_implementation == name
            logits.append(model(**batch(base)).logits)
    assert (logits[0] - logits[1]).abs().max() < 1e-5 and logits[0].std() > 1e-4


def test_estimates(base):
    work = Workload(lengths=[12] * 40, most=8, epochs=2, tokens=500)
    model = new_classifier(base, 2, pad_of(base), lora_options())
    plain = estimate(model, work)
    assert plain.sequence > 0 and plain.seconds > 0 and not plain.checkpointing
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    checked = estimate(model, work)
    assert checked.checkpointing and checked.bytes < plain.bytes + 10**8


# --- what is recorded and applied -------------------------------------------------------------------------------------


def test_settings_are_recorded_that_predictions_depend_on(trained, base):
    settings = load_adapter(trained.adapter).base_model["settings"]
    assert settings == base.settings and settings["model_type"] == base.architecture
    assert settings["vocab_size"] and "initializer_range" not in settings and "auto_map" not in settings
    assert not any("dropout" in name for name in settings)
    assert not base.config().name_or_path  # PEFT would look for it on the hub


def test_a_setting_that_predictions_depend_on_binds_the_adapter(trained, tmp_path):
    model = model_in(trained.model, tmp_path / "model")
    settings = json.loads((model / "config.json").read_text())
    name = next(name for name in ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon") if name in settings)
    (model / "config.json").write_text(json.dumps(settings | {name: 0.01}))
    with pytest.raises(Exception, match=name):
        probabilities(trained.adapter, SEQUENCES, **trained.base | {"base_model": str(model)})


def test_evaluated_beside_the_network_without_pretraining(trained):
    given = {"adapter": str(trained.adapter), "data": trained.splits["test"], "train": trained.splits["train"]}
    result = evaluate(**trained.base | given, without_pretraining="yes", motifs="none")
    assert 0 <= result.scores["accuracy"] <= 1
    assert TITLES[UNTRAINED] in result.ladder.rungs


def test_weights_that_are_drawn_are_of_a_size_that_can_be_trained(trained, base):
    set_seed(1)
    model = untrained_classifier(base, load_adapter(trained.adapter), pad_of(base)).eval()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        if parameter.ndim == 2 and not any(word in name for word in ("embedding", "lora_B", "freq")):
            assert 1e-3 < parameter.std() < 1, name
        if name.lower().endswith(("norm.weight", "_ln.weight")):
            assert torch.equal(parameter, torch.ones_like(parameter)), name
    with torch.no_grad():
        logits = model(**batch(base)).logits
    assert 0 < logits.std() < 10


# --- exchange ---------------------------------------------------------------------------------------------------------


def exported(trained: Trained, path: Path, action: str) -> Exported:
    return export(path, ExportOptions(action=action, adapter=str(trained.adapter), **trained.base), silent)


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    (inside,) = folder.iterdir()
    return inside


def test_shown(trained, base):
    rows = dict(facts(load_adapter(trained.adapter)).to_numpy())
    assert rows["base model: architecture"] == base.architecture in BY_NAME


def test_exported_and_imported(trained, tmp_path):
    exported(trained, tmp_path / "peft.zip", "export")
    back = import_adapter(ImportOptions(action="import", archive=str(tmp_path / "peft.zip"), **trained.base), silent)
    adapter = load_adapter(trained.adapter)
    assert back.adapter.peft == adapter.peft
    assert all(torch.equal(back.adapter.tensors[name], tensor) for name, tensor in adapter.tensors.items())


def test_a_merged_model_is_recognized_under_the_published_names(trained, base, tmp_path):
    """And gives the same logits, is a base model again, and is nothing that transformers would load as another one."""
    result = exported(trained, tmp_path / "merged.zip", "merge")
    folder = unpacked(tmp_path / "merged.zip", tmp_path / "merged")
    settings = json.loads((folder / "config.json").read_text())
    assert settings["model_type"] == base.architecture and "auto_map" not in settings
    assert base.architecture not in CONFIG_MAPPING_NAMES
    published = json.loads((trained.model / "config.json").read_text())
    written = {
        "_name_or_path",
        "auto_map",
        "architectures",
        "model_type",
        "torch_dtype",
        "transformers_version",
        "pad_token_id",
    }
    kept = {name: value for name, value in published.items() if name not in written}
    assert {name: settings.get(name) for name in kept} == kept | ({"use_cache": True} if "use_cache" in kept else {})
    names = {
        name for name in load_file(folder / "model.safetensors") if "classifier" not in name and "score" not in name
    }
    assert {name for name in names if "pooler" not in name} <= set(load_file(trained.model / "model.safetensors"))
    adapter = load_adapter(trained.adapter)
    with opened_base_model(str(tmp_path / "merged.zip")) as merged:
        assert merged.architecture == base.architecture
        assert {**merged.settings} == {**base.settings}
    assert any(BY_NAME[base.architecture].title in block for block in export_report(result))
    found = eval(run_card(folder))
    wanted = probabilities(adapter, ["ACGTTGCAACGTAGGATTTACA"], **trained.base)[0]
    assert np.abs(np.array(list(found.values())) - wanted).max() < 1e-5
    again = finetuned(trained, base_model=str(tmp_path / "merged.zip"))
    assert again.base_model["architecture"] == base.architecture


def run_card(folder: Path, base: Path | None = None) -> str:
    """Run the code of a card, in its folder; returns what it prints."""
    (code,) = re.findall(r"```python\n(.*?)\n```", (folder / "README.md").read_text(), flags=re.DOTALL)
    if base:
        code = re.sub(r'^base = ".*"  #', f"base = {str(base)!r}  #", code, flags=re.MULTILINE)
    code = re.sub(r'^sequence = ".*"', "sequence = 'ACGTTGCAACGTAGGATTTACA'", code, flags=re.MULTILINE)
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        exec(code, {})
    return out.getvalue()


def test_the_code_of_the_card_of_an_adapter(trained, tmp_path):
    exported(trained, tmp_path / "peft.zip", "export")
    folder = unpacked(tmp_path / "peft.zip", tmp_path / "peft")
    assert "needs the Python package dna-lm" in (folder / "README.md").read_text()
    found = eval(run_card(folder, trained.model))
    wanted = probabilities(load_adapter(trained.adapter), ["ACGTTGCAACGTAGGATTTACA"], **trained.base)[0]
    assert np.abs(np.array(list(found.values())) - wanted).max() < 1e-5
