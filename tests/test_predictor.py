import os
import signal

import numpy as np
import pytest
import torch

from dna_lm.base_models.encoding import Reading
from dna_lm.data.sequences import reverse_complement
from dna_lm.prediction import merged_models
from dna_lm.prediction import predictor as predictor_module
from dna_lm.prediction.passes import Passes
from dna_lm.processes import inference
from dna_lm.processes.inference import batches
from refusals import refusal
from small import predictor, sequences

DNA = [dna for dna, _ in sequences(["no", "yes"], 120, seed=4)]


def raw(adapter, dna=DNA, **changes) -> np.ndarray:
    with predictor(adapter, **changes) as opened:
        return opened.outputs(dna).raw


@pytest.fixture
def processes(monkeypatch):
    def set_to(number: int):
        monkeypatch.setattr(predictor_module, "prediction_processes", lambda _: number)

    return set_to


# --- batches ---------------------------------------------------------------------------------------------------------


def test_sequences_of_like_length_share_a_batch_of_limited_size_and_tokens():
    assert batches([3, 9, 1, 9, 2], batch_size=2) == [[1, 3], [0, 4], [2]]
    assert batches([3, 9, 1, 9, 2], batch_size=8, tokens=10) == [[1], [3], [0, 4, 2]]
    assert batches([30, 20], batch_size=8, tokens=10) == [[0], [1]]
    assert batches([], batch_size=8) == []


# --- processes -------------------------------------------------------------------------------------------------------


def test_outputs_do_not_depend_on_the_number_of_processes(two, processes):
    processes(1)
    expected = raw(two.adapter)
    processes(3)
    assert (raw(two.adapter) == expected).all()


def test_processes_serve_several_calls_and_the_members_of_an_ensemble(test_data, processes, monkeypatch):
    processes(1)
    ensemble = test_data / "adapter_ensemble.safetensors"
    expected = raw(ensemble)
    assert expected.shape == (2, 2, 120, 2)
    processes(2)
    for kept in (2**30, 0):  # the models together in memory, or one at a time
        monkeypatch.setattr(merged_models, "BYTES_KEPT", kept)
        with predictor(ensemble) as opened:
            assert (opened.outputs(DNA).raw == expected).all()
            assert (opened.outputs(DNA[:5]).raw == raw(ensemble, DNA[:5])).all()


def test_a_process_that_the_system_ends_is_one_line(two, processes, monkeypatch):
    def killed(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    processes(2)
    monkeypatch.setattr("dna_lm.processes.engine.batch_outputs", killed)
    assert refusal(raw, two.adapter).startswith(
        "a process that computes predictions was ended by the system, most often"
    )


def test_what_goes_wrong_in_a_process_comes_through(two, processes, monkeypatch):
    def short(*_):
        raise MemoryError

    processes(2)
    monkeypatch.setattr("dna_lm.processes.engine.batch_outputs", short)
    with pytest.raises(MemoryError):
        raw(two.adapter)


# --- what is computed ------------------------------------------------------------------------------------------------


def test_what_occurs_twice_is_computed_once(two, monkeypatch):
    computed = []
    batch_outputs = inference.batch_outputs

    def counted(model, tokens, *rest):
        computed.extend(tokens)
        return batch_outputs(model, tokens, *rest)

    monkeypatch.setattr("dna_lm.processes.engine.batch_outputs", counted)
    once = raw(two.adapter, ["ACGTT", "GGA"])
    assert len(computed) == 2
    assert (raw(two.adapter, ["GGA", "ACGTT", "GGA", "ACGTT"]) == once[:, :, [1, 0, 1, 0]]).all()
    assert len(computed) == 4
    # The strands of two sequences that are reverse complements, and of one that is its own
    raw(two.adapter, ["AAC", "GTT", "ACGT"], strand="both")
    assert len(computed) == 7


def test_strands(two):
    turned = [reverse_complement(dna) for dna in DNA]
    forward, reverse, both = (raw(two.adapter, strand=strand) for strand in ("forward", "reverse", "both"))
    assert np.abs(raw(two.adapter) - forward).max() == 0  # as the adapter records
    assert np.abs(reverse - raw(two.adapter, turned)).max() < 1e-5
    assert np.abs(both - np.concatenate([forward, reverse], axis=1)).max() < 1e-5


def test_no_sequences(two):
    with predictor(two.adapter) as opened:
        assert opened.outputs([]).raw.shape == (1, 1, 0, 2)


# --- precision -------------------------------------------------------------------------------------------------------


@pytest.fixture
def short_numbers(monkeypatch):
    monkeypatch.setattr(merged_models.MergedModels, "_short", lambda _: "bf16")
    monkeypatch.setattr(merged_models, "WORTH_TRYING", 100)


def test_short_numbers_are_chosen_where_they_hardly_move_the_answers(two, short_numbers, monkeypatch):
    monkeypatch.setattr(merged_models, "MOST_MOVED", 0.2)
    said = []
    found = raw(two.adapter, precision="auto", progress=said.append)
    assert said[0].startswith("computing in bf16: probabilities of 120 sequences moved by at most 0.0")
    assert 0 < np.abs(found - raw(two.adapter)).max() < 0.2
    assert (found == raw(two.adapter, precision="bf16")).all()


def test_short_numbers_that_move_the_answers_are_not_chosen(two, short_numbers, monkeypatch):
    monkeypatch.setattr(merged_models, "MOST_MOVED", 0)
    said = []
    found = raw(two.adapter, precision="auto", progress=said.append)
    assert said[0].startswith("computing in fp32, since bf16 moved probabilities by up to 0.0")
    assert (found == raw(two.adapter)).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_what_the_hardware_does_not_have_is_refused(two):
    assert refusal(raw, two.adapter, precision="fp16") == "--precision fp16 needs a GPU; choose fp32 or bf16"


def test_few_sequences_are_computed_in_float32(two, short_numbers):
    said = []
    raw(two.adapter, DNA[:50], precision="auto", progress=said.append)
    assert said == []


def test_narrow_models_are_computed_in_float32(two):
    said = []
    raw(two.adapter, precision="auto", progress=said.append)
    assert said == []


def test_mixtures_of_experts_are_computed_in_float32(two, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(merged_models, "LEAST_WIDTH", 1)
    monkeypatch.setattr(merged_models, "WORTH_TRYING", 1)
    said = []
    raw(two.adapter, precision="auto", progress=said.append)
    assert said == []


@pytest.mark.parametrize("place", ["cpu", "cuda"])
@pytest.mark.parametrize(("mixture", "width", "tried"), [(False, 256, "bf16"), (True, 256, None), (False, 255, None)])
def test_what_is_tried_is_the_same_on_all_devices(two, monkeypatch, place, mixture, width, tried):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(merged_models, "expert_parameters", lambda _: ["experts"] if mixture else [])
    with predictor(two.adapter, precision="auto") as opened:
        opened._models._device = torch.device(place)
        opened.encoder.width = width
        assert opened._models._short() == tried


def test_the_trial_sees_what_moves_one_in_a_hundred(two, monkeypatch):
    assert 0.99**merged_models.TRIED < 0.01
    monkeypatch.setattr(merged_models.MergedModels, "_short", lambda _: "bf16")
    monkeypatch.setattr(merged_models, "WORTH_TRYING", 1000)
    numbers = np.random.default_rng(1)
    tokens = [numbers.integers(5, 9, length).tolist() for length in numbers.integers(3, 40, 1400)]
    asked = []

    def tried(models, model, chosen, added):
        """Each 100th sequence moves when the model is the one in short numbers."""
        asked.append(chosen)
        moves = len(asked) % 2 == 0
        return np.array([[0.02 * (moves and id(one) in moved)] for one in chosen])

    monkeypatch.setattr(merged_models.MergedModels, "_tried", tried)
    tokens.sort(key=len)
    seen = 0
    with predictor(two.adapter, precision="auto") as opened:
        monkeypatch.setattr(opened._models, "_merged", lambda _: None)
        monkeypatch.setattr(opened._models, "_in_precision", lambda model, precision: model)
        for _ in range(20):
            moved = {id(tokens[number]) for number in numbers.choice(1400, 14, replace=False)}
            seen += opened._models._best(tokens) == "fp32"
    assert seen >= 19
    lengths = [len(one) for one in asked[0]]
    assert (len(lengths), lengths[0], lengths[-1]) == (512, len(tokens[0]), len(tokens[-1]))


# --- passes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [2**30, 0])
def test_passes_give_the_predictions_of_all_members(test_data, monkeypatch, kept):
    ensemble = test_data / "adapter_ensemble.safetensors"
    parts = [DNA[:50], [], DNA[50:]]
    with predictor(ensemble) as opened:
        expected = [opened.predictions(opened.outputs(part).raw) for part in parts]
    monkeypatch.setattr(merged_models, "BYTES_KEPT", kept)
    with predictor(ensemble) as opened, Passes(opened) as passes:
        assert len(passes) == (1 if kept else 2)
        for last in passes:
            found = [passes.predictions(part) for part in parts]
            assert last or found == [None, None, None]
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max(initial=0) < 1e-12


def test_sequences_that_change_between_passes_are_refused(test_data, monkeypatch):
    monkeypatch.setattr(merged_models, "BYTES_KEPT", 0)
    with predictor(test_data / "adapter_ensemble.safetensors") as opened, Passes(opened) as passes:
        steps = iter(passes)
        next(steps)
        passes.predictions(DNA[:2])
        next(steps)
        assert refusal(passes.predictions, DNA[:3]) == "the input changed while it was read; run the job again"


# --- counting over blocks --------------------------------------------------------------------------------------------


def test_what_was_read_is_added_up():
    total = Reading() + Reading(1, 0.5, 0, read=10) + Reading(3, 0.0, 2, read=30)
    assert (total.sequences, total.unknown_share, total.cut) == (4, 0.125, 2)
    assert Reading().unknown_share == 0


def test_a_second_predictor_has_the_threads_of_the_job_too(two, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    asked = []
    monkeypatch.setattr(predictor_module, "prediction_processes", lambda threads: asked.append(threads) or 1)
    raw(two.adapter, DNA[:2])
    raw(two.adapter, DNA[:2])
    assert asked == [3, 3]


def test_only_products_of_matrices_are_computed_in_short_numbers(two):
    with predictor(two.adapter, precision="bf16") as opened:
        opened.outputs(DNA[:3])
        model = opened._engine.models[0]
    short = {name for name, parameter in model.named_parameters() if parameter.dtype == torch.bfloat16}
    assert {name.split(".layers.0.")[-1] for name in short if ".layers.0." in name} == {
        *(f"self_attn.{part}_proj.weight" for part in "qkvo"),
        *("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
    }
    assert all(".layers." in name for name in short)
