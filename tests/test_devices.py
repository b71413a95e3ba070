import pytest

from dna_lm.processes import devices
from dna_lm.processes.devices import Devices, Gpus, choose_devices
from refusals import refusal

NONE = Gpus(0, 0, False)
FOUR = Gpus(4, 16_000_000_000, True)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name in ("DNA_LM_PROCESSES", "DNA_LM_PARALLEL", "WORLD_SIZE", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "gpus", lambda: NONE)


@pytest.mark.parametrize(
    ("threads", "batch", "processes", "each"),
    [(1, 32, 1, 1), (2, 32, 2, 1), (4, 32, 4, 1), (8, 32, 4, 2), (2, 8, 1, 2), (3, 32, 2, 1), (4, 1, 1, 4)],
)
def test_on_a_cpu_a_process_a_thread_while_each_has_enough_of_a_batch(threads, batch, processes, each):
    assert choose_devices(threads, batch) == Devices(False, processes, each, "ddp")


def test_an_administrator_may_choose_the_processes(monkeypatch):
    monkeypatch.setenv("DNA_LM_PROCESSES", "2")
    assert choose_devices(1, 4) == Devices(False, 2, 1, "ddp")
    assert choose_devices(4, 3).processes == 1  # each has the same part of a batch
    monkeypatch.setenv("DNA_LM_PROCESSES", "two")
    assert "DNA_LM_PROCESSES is 'two'" in refusal(choose_devices, 1, 4)


def test_all_gpus_are_used(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: FOUR)
    assert choose_devices(2, 32) == Devices(True, 4, 2, "ddp")
    assert choose_devices(2, 6).processes == 3
    monkeypatch.setenv("DNA_LM_PROCESSES", "8")
    assert choose_devices(2, 32).processes == 4


def test_a_model_that_does_not_fit_a_gpu_is_cut_into_parts(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: FOUR)
    assert choose_devices(2, 32, model_bytes=7_000_000_000).parallel == "ddp"
    assert choose_devices(2, 32, model_bytes=9_000_000_000).parallel == "fsdp"
    monkeypatch.setenv("DNA_LM_PARALLEL", "ddp")
    assert choose_devices(2, 32, model_bytes=9_000_000_000).parallel == "ddp"


def test_a_quantized_model_is_on_one_gpu(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: FOUR)
    assert choose_devices(2, 32, model_bytes=9_000_000_000, quantized=True) == Devices(True, 1, 2, "ddp")


def test_a_kind_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("DNA_LM_PARALLEL", "tp")
    assert "DNA_LM_PARALLEL is 'tp'; set it to ddp or fsdp" in refusal(choose_devices, 1, 4)


@pytest.mark.parametrize(
    ("size", "rank"), [("WORLD_SIZE", "LOCAL_RANK"), ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID")], ids=["torchrun", "srun"]
)
def test_a_job_that_a_launcher_started_several_times(monkeypatch, size, rank):
    monkeypatch.setenv(size, "4")
    monkeypatch.setenv(rank, "0")
    assert f"one of 4 processes ({size})" in refusal(choose_devices, 1, 4)
    monkeypatch.setenv(size, "1")
    assert choose_devices(1, 4).processes == 1


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (Devices(False, 1, 1, "ddp"), "1 CPU thread"),
        (Devices(False, 2, 2, "ddp"), "2 processes of 2 CPU threads (DDP)"),
        (Devices(True, 1, 1, "ddp"), "a GPU"),
        (Devices(True, 4, 1, "fsdp"), "4 GPUs (FSDP)"),
    ],
)
def test_what_a_user_is_told(chosen, sentence):
    assert chosen.sentence() == sentence
