"""Several processes that train together give what one gives, and end together."""

import math
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest
import torch

from dna_lm.adapters.dataset import save_adapter
from dna_lm.errors import UserError
from dna_lm.processes import together as processes
from dna_lm.processes.together import apart, environment, run_together
from dna_lm.training.finetuning import finetune
from dna_lm.training.losses import Objective
from small import TRAINING, command_line, sequences, training_options, write_labeled

SHORT = {"epochs": 2, "batch_size": 12}


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """Splits for each kind of target; the last step of an epoch of 58 sequences is smaller than the others."""
    folder = tmp_path_factory.mktemp("splits")
    labels = {
        "classes": lambda dna, label, number: label,
        "multi-label": lambda dna, label, number: label + ";third" * (number % 3 == 0),
        "number": lambda dna, label, number: str(dna.count("A") / len(dna)),
    }
    pairs = {"train": sequences(["no", "yes"], 58, 1), "dev": sequences(["no", "yes"], 30, 2)}
    return {
        kind: {
            name: write_labeled(
                folder / f"{kind}_{name}.csv",
                [(dna, label_of(dna, label, number)) for number, (dna, label) in enumerate(rows)],
            )
            for name, rows in pairs.items()
        }
        for kind, label_of in labels.items()
    }


@pytest.fixture
def train(splits, monkeypatch):
    def run(count, parallel="ddp", target="classes", progress=lambda _: None, **changes):
        monkeypatch.setenv("DNA_LM_PROCESSES", str(count))
        monkeypatch.setenv("DNA_LM_PARALLEL", parallel)
        return finetune(training_options(**splits[target], target=target, **SHORT | changes), progress)

    return run


def assert_equal(one, other, tolerance=1e-4):
    assert one.adapter.tensors.keys() == other.adapter.tensors.keys()
    for name, tensor in one.adapter.tensors.items():
        assert type(other.adapter.tensors[name]) is torch.Tensor
        assert torch.allclose(tensor, other.adapter.tensors[name], rtol=0, atol=tolerance), name
    for column in ("train_loss", "dev_loss"):
        assert other.history[column].tolist() == pytest.approx(one.history[column].tolist(), abs=tolerance)
    assert other.history["kept"].tolist() == one.history["kept"].tolist()


# --- the same result -------------------------------------------------------------------------------------------------

SETTINGS = [
    {"experts": "yes", "gradient_checkpointing": "yes"},
    {"accumulation": 3, "strands": "both"},
    {"target": "multi-label", "dora": "yes"},
    {"target": "number", "method": "full", "learning_rate": 0.001, "best_metric": "loss"},
]


@pytest.mark.parametrize("changes", SETTINGS, ids=["experts", "accumulation", "multi-label", "number"])
def test_two_processes_give_what_one_gives(train, changes):
    one = train(1, **changes)
    assert_equal(one, train(2, "ddp", **changes))
    assert_equal(one, train(2, "fsdp", **changes))


def test_frozen_bfloat16_and_trained_float32_in_parts(train):
    """What is cut into parts is what is not; against one process, rounding to 8 bits tells them apart."""
    changes = {"precision": "bf16", "experts": "yes"}
    assert_equal(train(2, "ddp", **changes), train(2, "fsdp", **changes))


def test_4_bit_weights_in_two_processes(train):
    assert_equal(train(1, quantization="4bit-nf4"), train(2, quantization="4bit-nf4"))


def test_each_process_has_a_part_of_the_weights(train, monkeypatch):
    from dna_lm.training import loop as training

    parts = []

    class Watched(training._Training):
        def run(self):
            result = super().run()
            whole = sum(tensor.numel() for tensor in self.parallel.model.parameters())
            here = sum(tensor.to_local().numel() for tensor in self.parallel.model.parameters())
            assert here < 0.6 * whole
            parts.append(here)
            return result

    monkeypatch.setattr(training, "_Training", Watched)
    train(2, "fsdp", epochs=1)  # an AssertionError in a process is one of the parent
    assert not parts


def test_what_is_not_trained_stays_where_the_processes_share_it(train, monkeypatch):
    from dna_lm.training import launching

    def places(model):
        return {name: tensor.data_ptr() for name, tensor in model.named_parameters() if not tensor.requires_grad}

    def train_there(model, *rest):
        before = places(model)
        trained = train_as_ever(model, *rest)
        assert before and places(model) == before
        return trained

    train_as_ever = launching.train
    monkeypatch.setattr(launching, "train", train_there)
    train(2, epochs=1)  # an AssertionError in a process is one of the parent


def test_the_same_seed_gives_the_same_bytes(train, tmp_path):
    for number in range(2):
        save_adapter(train(2, lora_dropout=0.1, experts="no").adapter, tmp_path / str(number))
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_progress_is_told_once(train, capfd):
    """What the processes say, they say themselves: the parent's function is theirs."""
    train(2, progress=lambda text: print(text, flush=True))
    said = [line for line in capfd.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in said] == ["1", "2"]


# --- failures --------------------------------------------------------------------------------------------------------


def left_behind(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


def test_a_training_that_diverges_in_one_process_is_one_line(train, temporary, monkeypatch):
    def losses(outputs, wanted):
        return outputs.sum(dim=1) * (math.nan if torch.distributed.get_rank() == 1 else 1)

    objective = Objective(losses, lambda wanted: torch.ones(len(wanted)))
    monkeypatch.setattr("dna_lm.training.finetuning.objective", lambda *_, **__: objective)
    before = children()
    with pytest.raises(UserError, match="the training diverged: .*smaller learning rate"):
        train(2)
    assert left_behind(temporary) == []
    assert children() == before


def together(temporary, monkeypatch, failing):
    """Two processes, of which the second does what is given, while the first waits for it."""

    def function(rank):
        tempfile.mkdtemp()
        if rank == 1:
            failing()
        torch.distributed.barrier()

    before = children()
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            run_together(function, 2, Path(folder))
    finally:
        assert time.monotonic() - started < 20
        assert left_behind(temporary) == []
        assert children() == before


def raises(problem):
    def failing():
        raise problem

    return failing


def test_a_mistake_of_the_user(temporary, monkeypatch):
    with pytest.raises(UserError, match="give less"):
        together(temporary, monkeypatch, raises(UserError("give less")))


def test_a_process_that_the_system_ends(temporary, monkeypatch):
    with pytest.raises(UserError, match="a training process was ended by the system, .*memory.*DNA_LM_PROCESSES"):
        together(temporary, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.parametrize("failing", [raises(MemoryError()), raises(torch.OutOfMemoryError("CUDA out of memory"))])
def test_too_little_memory(temporary, monkeypatch, failing):
    with pytest.raises(MemoryError):
        together(temporary, monkeypatch, failing)


def test_torch_has_another_exception_for_too_little_memory(temporary, monkeypatch):
    with pytest.raises(MemoryError):
        together(temporary, monkeypatch, lambda: torch.empty(2**60, dtype=torch.float32))


def test_a_full_disk(temporary, monkeypatch):
    with pytest.raises(OSError, match="No space left"):
        together(temporary, monkeypatch, raises(OSError(28, "No space left on device")))


def test_a_bug_is_shown_once(temporary, monkeypatch, capfd):
    with pytest.raises(RuntimeError, match="ValueError: a bug") as caught:
        together(temporary, monkeypatch, raises(ValueError("a bug")))
    assert str(caught.value).count("Traceback") == 1
    assert capfd.readouterr().err.count("Traceback") == 0


def test_a_signal_before_the_training_ends_all(temporary, monkeypatch):
    with pytest.raises(SystemExit) as caught:
        together(temporary, monkeypatch, lambda: (os.kill(os.getppid(), signal.SIGTERM), time.sleep(60)))
    assert caught.value.code == 143


def test_processes_do_not_outlive_the_one_that_started_them(tmp_path):
    def parent(_):
        run_together(lambda rank: ((tmp_path / str(os.getpid())).touch(), time.sleep(60)), 2, tmp_path)

    pid = os.fork()
    if not pid:
        processes.signal.signal(signal.SIGTERM, signal.SIG_DFL)
        parent(0)
        os._exit(0)
    while len(started := [path for path in tmp_path.iterdir() if path.name.isdecimal()]) < 2:
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for _ in range(100):
        if not any(_runs(int(path.name)) for path in started):
            break
        time.sleep(0.05)
    else:
        pytest.fail("they are still there")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- the surroundings ------------------------------------------------------------------------------------------------


def test_what_a_launcher_left_is_hidden_and_comes_back(monkeypatch):
    launcher = {"RANK": "1", "WORLD_SIZE": "4", "ACCELERATE_USE_FSDP": "true", "PMI_SIZE": "4", "MASTER_PORT": "1"}
    for name, value in launcher.items():
        monkeypatch.setenv(name, value)
    with environment(RANK="0"):
        assert {name: os.environ.get(name) for name in launcher} == dict.fromkeys(launcher) | {"RANK": "0"}
    assert {name: os.environ.get(name) for name in launcher} == launcher


def test_variables_of_a_cluster_do_not_make_one_process_wait_for_others(train, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    assert len(train(1, epochs=1).history) == 1


def test_a_question_in_a_process_of_its_own():
    assert apart(lambda: os.getpid()) != os.getpid()
    with pytest.raises(RuntimeError):
        apart(lambda: os._exit(1))
    with pytest.raises(UserError, match="ended by the system, most often since memory ran out"):
        apart(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_a_job_with_two_cores(two, run_tool, tmp_path):
    """A process of its own, in which torch has computed before it is forked: OpenMP's threads do not survive that."""
    outputs = [f"--{kind}-out={tmp_path / kind}" for kind in ("adapter", "history", "plot", "report")]
    given = {"train": two.splits["train"], "dev": two.splits["dev"], "epochs": 1, "batch_size": 32, "threads": 0}
    done = run_tool("finetune", *command_line(TRAINING | given), *outputs, GALAXY_SLOTS="2")
    assert done.code == 0, done.err
    assert "2 processes of 1 CPU thread (DDP), fp32" in done.err
