"""What makes networks faster changes no result but by rounding: DNA_LM_PLAIN=1 leaves it all out."""

import numpy as np
import pytest

from dna_lm.adapters.dataset import save_adapter
from dna_lm.speed import expert_lora, experts, pooled_token, rms_norm
from dna_lm.training.finetuning import finetune
from small import predictions, training_options, write_splits
from tiny_models import letters, write_model

REPLACED = [(expert_lora, "_forward"), (experts, "apply_experts"), (pooled_token, "_Pooled"), (rms_norm, "_forward")]


@pytest.fixture
def used(monkeypatch):
    """The names of the parts of the folder that were used."""
    names = set()

    def counted(original, part):
        def call(*arguments, **keywords):
            names.add(part)
            return original(*arguments, **keywords)

        return call

    for module, name in REPLACED:
        monkeypatch.setattr(module, name, counted(getattr(module, name), module.__name__.rpartition(".")[2]))
    return names


@pytest.mark.parametrize("name", ["mixtral", "llama", "bert"])
def test_training_and_predicting_give_the_same_with_it_and_without(name, monkeypatch, tmp_path, used):
    folder = tmp_path / name
    folder.mkdir()
    write_model(folder, name, letters(folder))
    splits = write_splits(tmp_path, ["no", "yes"])
    sequences = {"input": splits["test"], "input_format": "csv", "base_model": str(folder)}
    found = {}
    for plain in ("", "1"):
        used.clear()
        monkeypatch.setenv("DNA_LM_PLAIN", plain)
        options = training_options(
            base_model=str(folder),
            train=splits["train"],
            dev=splits["dev"],
            epochs=2,
            experts="yes",
            learning_rate=0.01,
        )
        result = finetune(options, lambda _: None)
        save_adapter(result.adapter, tmp_path / f"adapter{plain}")
        table = predictions(adapter=str(tmp_path / f"adapter{plain}"), **sequences)
        found[plain] = result.adapter.tensors, result.history, table["probability"].to_numpy()
        assert bool(used) == (name != "bert" and not plain), used
    (tensors, history, probabilities), (same, like, alike) = found.values()
    assert tensors.keys() == same.keys()
    for part in tensors:
        assert tensors[part].numpy() == pytest.approx(same[part].numpy(), abs=1e-5), part
    assert history["dev_loss"].to_numpy() == pytest.approx(like["dev_loss"].to_numpy(), abs=1e-5)
    assert np.abs(probabilities - alike).max() < 1e-6
