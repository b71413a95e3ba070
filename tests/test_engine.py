"""The engine gives logits or hidden states, of what each model reads, from however many processes."""

import numpy as np
import pytest
import torch

from dna_lm.adapters.dataset import load_adapter
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import new_classifier, trained_classifier
from dna_lm.classifiers.options import LoraOptions
from dna_lm.data.sequences import reverse_complement
from dna_lm.evaluation.frozen_model import pooled_states
from dna_lm.processes import engine
from dna_lm.processes.children import forkable
from dna_lm.processes.engine import Engine
from dna_lm.processes.inference import logits, mean_state
from dna_lm.words import HEAD_ONLY
from refusals import refusal
from small import TINY_RANDOM, predictor, sequences

DNA = [dna for dna, _ in sequences(["no", "yes"], 40, seed=4)]


@pytest.fixture(scope="module")
def base():
    with opened_base_model(str(TINY_RANDOM)) as opened:
        yield opened


@pytest.fixture(scope="module")
def encoder(base):
    return Encoder(base, 50)


@pytest.fixture
def computed(monkeypatch):
    """The token numbers that go through a model in this process."""
    found, batch_outputs = [], engine.batch_outputs
    monkeypatch.setattr(
        engine,
        "batch_outputs",
        lambda model, tokens, *rest: found.extend(tokens) or batch_outputs(model, tokens, *rest),
    )
    return found


def model(base, encoder, seed: int = 0):
    torch.manual_seed(seed)
    return new_classifier(base, 2, encoder.tokenizer.pad_token_id, LoraOptions(method=HEAD_ONLY)).eval()


@pytest.mark.parametrize("read_out", [logits, mean_state])
def test_outputs_do_not_depend_on_the_number_of_processes(base, encoder, read_out):
    tokens = encoder.encode(DNA).tokens
    found = []
    for processes in (1, 3):
        with forkable(), Engine({0: model(base, encoder)}, 3, processes=processes, read_out=read_out) as opened:
            found.append(opened.outputs(tokens))
    assert found[0].shape == (1, 40, 2 if read_out is logits else encoder.width)
    assert (found[0] == found[1]).all()


def test_engines_that_are_open_together_have_models_of_their_own(base, encoder):
    tokens = encoder.encode(DNA).tokens
    with (
        forkable(),
        Engine({0: model(base, encoder, 1)}, 3, processes=2) as one,
        Engine({0: model(base, encoder, 2)}, 3, processes=2) as other,
    ):
        assert np.abs(one.outputs(tokens) - other.outputs(tokens)).max() > 0.01


def test_each_model_sees_all_sequences_before_the_next_one_does(base, encoder, computed):
    tokens = encoder.encode(["ACGTT", "GGA", "ACGTT"]).tokens
    models = {number: model(base, encoder, number) for number in (4, 5)}
    told = []
    with forkable(), Engine(models, 3, batch_size=1) as opened:
        found = opened.outputs(tokens, [5, 4], lambda *share: told.append(share))
        each = [opened.outputs(tokens, [number])[0] for number in (5, 4)]
        assert opened.outputs([], [5, 4]).shape == (2, 0, 0)
    assert computed[:4] == [tuple(tokens[0]), tuple(tokens[1])] * 2
    assert (found == np.array(each)).all() and (found[:, 0] == found[:, 2]).all()
    assert told == []


@pytest.mark.parametrize("processes", [1, 2])
def test_the_frozen_model_computes_what_occurs_twice_once(base, encoder, computed, monkeypatch, processes):
    def states(some):
        encoded, reverse = encoder.encode_both(some)
        return pooled_states(model(base, encoder), encoder.tokenizer.pad_token_id, [encoded.tokens, reverse])

    alone = states(DNA)
    monkeypatch.setattr("dna_lm.evaluation.frozen_model.prediction_processes", lambda _: processes)
    computed.clear()
    found = states([*DNA, *map(reverse_complement, DNA)])
    assert len(computed) == (2 * len(DNA) if processes == 1 else 0)
    assert np.abs(found - np.concatenate([alone, alone])).max() < 1e-5


def test_the_hidden_states_of_an_adapter(two, base, encoder):
    """They are those of all tokens, though the logits need the last layer for one of them only."""
    merged = trained_classifier(base, load_adapter(two.adapter), encoder.tokenizer.pad_token_id)
    with torch.inference_mode():
        expected = [
            merged.base_model(input_ids=torch.tensor([tokens])).last_hidden_state[0].mean(dim=0).numpy()
            for tokens in encoder.encode(DNA[:5]).tokens
        ]
    with predictor(two.adapter, read_out=mean_state) as opened:
        states = opened.outputs(DNA[:5]).raw
        assert opened.outputs([]).raw.shape == (1, 1, 0, encoder.width)
    assert states.dtype == np.float32
    assert np.abs(states[0, 0] - np.array(expected)).max() < 1e-4


def test_torch_has_its_threads_again_when_a_predictor_is_closed(two):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with predictor(two.adapter):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        assert "was trained on the base model" in refusal(
            lambda: predictor(two.adapter, base_model="built-in").__enter__()
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
