"""The adapters in test-data belong to base models of this project: they have to be made again when one changes."""

import pytest

from dev.fixtures.make_background import DISTANCE, gc, lower_case, words
from dna_lm.adapters.dataset import check_base_model, load_adapter
from dna_lm.base_models.opening import opened_base_model
from dna_lm.data.fasta import read_records
from dna_lm.data.sequences import reverse_complement
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
    "adapter_dnabert2.safetensors": "test-data/model_dnabert2.zip",
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


def records(test_data, label):
    """Return (name, sequence) of the records of a FASTA file in test-data."""
    return [(name, dna) for _, name, dna in read_records(test_data / f"{label}.fa", label)]


def spans(names):
    """Return [(start, end)] of the names that are on chr22, in ascending order."""
    return sorted(tuple(map(int, name.split(":")[1].split("-"))) for name in names if name.startswith("chr22:"))


def test_neither_gc_nor_repeats_tell_background_and_peaks_apart(test_data):
    peaks, background = records(test_data, "CTCF"), records(test_data, "background")
    assert len(background) == len(peaks) == 500
    for (_, peak), (_, window) in zip(peaks, background, strict=True):
        assert len(window) == len(peak) == 200 and set(window.upper()) <= set("ACGT")
        assert abs(gc(window) - gc(peak)) < 0.0101
        assert abs(lower_case(window) - lower_case(peak)) < 0.1001


def test_background_is_no_peak_and_in_the_file_once(test_data):
    peaks, background = records(test_data, "CTCF"), records(test_data, "background")
    windows = spans(name for name, _ in background)
    assert len(windows) == len(background)
    assert all(end <= start for (_, end), (start, _) in zip(windows, windows[1:], strict=False))
    bound = spans(name for name, _ in peaks)
    assert bound
    assert all(e + DISTANCE <= start or end + DISTANCE <= s for s, e in windows for start, end in bound)
    of_peaks = set().union(*(words(dna) | words(reverse_complement(dna.upper())) for _, dna in peaks))
    assert of_peaks.isdisjoint(set().union(*(words(dna) for _, dna in background)))
