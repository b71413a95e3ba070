"""The adapters in test-data belong to base models of this project: they have to be made again when one changes."""

import pytest

from dna_lm.adapters.dataset import check_base_model, load_adapter
from dna_lm.base_models.opening import opened_base_model
from refusals import refusal

PAIRS = {
    "adapter.safetensors": "built-in",
    "adapter_tiny_random.safetensors": "test-data/tiny-random",
    "adapter_several.safetensors": "test-data/tiny-random",
    "adapter_number.safetensors": "test-data/tiny-random",
    "adapter_brief.safetensors": "built-in",
    "adapter_several_brief.safetensors": "test-data/tiny-random",
    "adapter_number_brief.safetensors": "test-data/tiny-random",
    "adapter_ensemble.safetensors": "test-data/tiny-random",
}


OF_OTHER_LABELS = ("adapter_several", "adapter_number")


@pytest.mark.parametrize("name", PAIRS)
def test_an_adapter_belongs_to_its_base_model(test_data, monkeypatch, name):
    monkeypatch.chdir(test_data.parent)
    adapter = load_adapter(test_data / name)
    with opened_base_model(PAIRS[name]) as base:
        check_base_model(adapter, base)
    if not name.startswith(OF_OTHER_LABELS):
        assert adapter.labels == ["CTCF", "p73"]


@pytest.mark.parametrize("name", ["truncated.safetensors", "foreign.safetensors"])
def test_broken_files_are_refused(test_data, name):
    refusal(load_adapter, test_data / name)
