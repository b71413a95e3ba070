"""Networks that answer the same for both strands: Caduceus-PS. Training and prediction read one strand of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dna_lm.adapters.dataset import Adapter
from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.data.sequences import reverse_complement
from dna_lm.networks import caduceus
from dna_lm.prediction import predictor as predictor_module
from dna_lm.processes.inference import mean_state, padded
from dna_lm.training.finetuning import finetune
from small import predictor, sequences, silent, training_options, write_splits

ARCHITECTURES = Path(__file__).parent / "architectures"
SYMMETRIC, OTHER = (str(ARCHITECTURES / name) for name in ("caduceus_ps", "caduceus_ph"))
DNA = [dna for dna, _ in sequences(["no", "yes"], 20, seed=4)] + ["A", "ACGTNNACGTTTTTTTT"]


@pytest.fixture(scope="module")
def splits(tmp_path_factory) -> dict[str, str]:
    return write_splits(tmp_path_factory.mktemp("splits"), ["no", "yes"])


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.setattr(predictor_module, "prediction_processes", lambda _: 1)


@pytest.fixture
def passes(monkeypatch) -> list[int]:
    """The number of sequences in each forward pass of this process, which trials before a training do not count in."""
    counts = []
    forward = caduceus.Model.forward

    def counting(self, input_ids, *given, **named):
        counts.append(len(input_ids))
        return forward(self, input_ids, *given, **named)

    monkeypatch.setattr(caduceus.Model, "forward", counting)
    return counts


def trained(splits: dict[str, str], base_model: str, strands: str, **changes) -> Adapter:
    given = {"base_model": base_model, "strands": strands, "epochs": 1, "max_length": 30} | changes
    return finetune(training_options(train=splits["train"], dev=splits["dev"], **given), silent).adapter


# --- the network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"d_model": 20, "n_layer": 1},
        {"d_model": 17, "n_layer": 2},
        {"d_model": 32, "n_layer": 3},
        # As PlantCaduceus: other numbers of tokens, complements of its own.
        {"vocab_size": 8, "n_layer": 2, "complement_map": {3: 6, 4: 5, 5: 4, 6: 3}, "residual_in_fp32": True},
    ],
)
def test_both_strands_get_the_same(changes):
    torch.manual_seed(0)
    known = {"d_model": 20, "rcps": True, "complement_map": {7: 10, 8: 9, 9: 8, 10: 7}, "num_labels": 3}
    config = caduceus.Config(**known | changes)
    model = caduceus.ForSequenceClassification(config).eval()
    torch.nn.init.normal_(model.score.weight)
    other = torch.tensor(config.complements())
    bases = torch.tensor([token for token in range(len(other)) if other[token] != token])
    rows = [bases[torch.randint(len(bases), (length,))] for length in (1, 2, 30, 61)]
    with torch.no_grad():
        given = model(*padded([row.tolist() for row in rows], 0)).logits
        reverse = model(*padded([other[row].flip(0).tolist() for row in rows], 0)).logits
    assert given.abs().max() > 0.1
    assert (given - reverse).abs().max() <= 1e-6


def test_special_tokens_are_left_out_where_they_would_break_the_symmetry():
    with opened_base_model(SYMMETRIC) as base:
        encoder = Encoder(base, 10)
        assert encoder.symmetric and encoder.width == 80
        assert encoder.encode(["ACGTN"]).tokens == [[7, 8, 9, 10, 11]]
        given, reverse = encoder.encode_both(["A" * 10 + "C" * 10])
        assert (given.tokens, reverse) == ([[7] * 10], [[10] * 10])
    with opened_base_model(OTHER) as base:
        encoder = Encoder(base, 10)
        assert not encoder.symmetric and encoder.width == 40
        assert encoder.encode(["ACGTN"]).tokens == [[7, 8, 9, 10, 11, 1]]


# --- training --------------------------------------------------------------------------------------------------------


def test_training_reads_one_strand(splits, passes):
    both = trained(splits, SYMMETRIC, "both")
    count = sum(passes)
    passes.clear()
    one = trained(splits, SYMMETRIC, "forward")
    assert count == sum(passes)
    assert (both.strand, one.strand) == ("both", "forward")
    assert all(torch.equal(tensor, one.tensors[name]) for name, tensor in both.tensors.items())
    passes.clear()
    trained(splits, OTHER, "both")
    evaluations = 1
    assert sum(passes) == count + 30 * evaluations  # the other strand of the development set


# --- prediction ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adapter(splits) -> Adapter:
    return trained(splits, SYMMETRIC, "both", epochs=2)


def raw(adapter: Adapter, base_model: str = SYMMETRIC, **changes) -> np.ndarray:
    with predictor(adapter, base_model=base_model, **changes) as opened:
        return opened.outputs(DNA).raw


def test_prediction_reads_one_strand_and_gives_what_both_give(adapter, passes, monkeypatch):
    found = raw(adapter)
    assert sum(passes) == len(DNA)
    assert found.shape == (1, 2, len(DNA), 2)
    passes.clear()
    monkeypatch.setattr(Encoder, "computed", lambda self, strand: strand)
    each = raw(adapter)
    assert sum(passes) == 2 * len(DNA)
    np.testing.assert_allclose(each, found, rtol=0, atol=1e-6)
    assert np.ptp(found[0, 0], axis=0).min() > 1e-4


def test_the_other_strand_gets_the_same(adapter):
    with predictor(adapter, base_model=SYMMETRIC) as opened:
        given = opened.predictions(opened.outputs(DNA).raw)
        reverse = opened.predictions(opened.outputs([reverse_complement(dna[:30]) for dna in DNA]).raw)
    np.testing.assert_allclose(reverse, given, rtol=0, atol=1e-6)


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_one_strand_alone_gives_the_same_too(adapter, strand):
    np.testing.assert_allclose(raw(adapter, strand=strand)[:, 0], raw(adapter)[:, 0], rtol=0, atol=1e-6)


def test_of_other_networks_both_strands_are_read(splits, passes):
    adapter = trained(splits, OTHER, "both")
    passes.clear()
    found = raw(adapter, OTHER)
    assert sum(passes) == 2 * len(DNA)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 1e-3


def test_hidden_states_differ_between_the_strands(adapter, passes):
    states = raw(adapter, read_out=mean_state)
    assert states.shape == (1, 2, len(DNA), 80) and sum(passes) == 2 * len(DNA)
    np.testing.assert_allclose(states[0, 0], states[0, 1][:, ::-1], rtol=0, atol=1e-5)


def test_classifiers_of_nucleotides_beside_it_read_both_strands(splits, passes):
    adapter = trained(splits, SYMMETRIC, "both", branch="yes")
    passes.clear()
    with predictor(adapter, base_model=SYMMETRIC) as opened:
        opened.every_part = True
        outputs = opened.outputs(DNA)
    assert sum(passes) == len(DNA)
    assert (outputs.language_model[:, 0] == outputs.language_model[:, 1]).all()
    assert outputs.raw.shape == (1, 2, len(DNA), 2)
