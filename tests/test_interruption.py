"""A job that is asked to end, by a scheduler or by its own limit, keeps what it has trained."""

import os
import signal
import subprocess

import pytest

from conftest import Finished, command
from dna_lm.adapters.dataset import load_adapter
from dna_lm.training.finetuning import finetune
from small import TRAINING, command_line, training_options

TARGETS = ("adapter", "history", "plot", "report", "state")


@pytest.fixture
def job(two, tmp_path, run_tool):
    """Start a training of many epochs; at a line of its own, `act` on it; returns how it ended and its outputs."""
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    out.mkdir()
    temporary.mkdir()
    (out / "history").write_text("old")

    def run(line, act, processes=1, **changes):
        targets = {f"--{kind}-out": out / kind for kind in TARGETS}
        splits = {name: two.splits[name] for name in ("train", "dev")}
        options = TRAINING | splits | {"epochs": 100_000, "best_metric": "loss"} | changes
        arguments = [*command_line(options), *(part for pair in targets.items() for part in pair)]
        environment = os.environ | {"TMPDIR": str(temporary), "DNA_LM_PROCESSES": str(processes)}
        said = []
        with subprocess.Popen(
            command("finetune", *arguments),
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        ) as process:
            try:
                for text in process.stderr:
                    said.append(text)
                    if text.startswith(line):
                        act(process)
                        break
                said += process.stderr.readlines()
                code = process.wait(timeout=60)
            finally:
                process.kill()
        ended = Finished(code, "", "".join(said))
        assert "Traceback" not in ended.err, ended.err
        assert os.listdir(temporary) == [], ended.err
        with pytest.raises(ProcessLookupError):  # nobody of the session is left
            os.killpg(process.pid, 0)
        return ended, out

    return run


def evaluated(adapter, two, tmp_path, run_tool) -> Finished:
    options = {"base_model": TRAINING["base_model"], "adapter": adapter, "data": two.splits["test"]}
    targets = {f"{kind}_out": tmp_path / kind for kind in ("metrics", "predictions", "plot", "report")}
    return run_tool("evaluate", *command_line(options | targets))


def once(number):
    return lambda process: process.send_signal(number)


def whole_group(process):
    os.killpg(process.pid, signal.SIGTERM)


def twice(process):
    for _ in range(2):
        whole_group(process)
        process.terminate()


@pytest.mark.parametrize(
    ("act", "processes"),
    [(once(signal.SIGINT), 1), (twice, 2)],
    ids=["SIGINT", "two processes, twice"],
)
def test_a_training_that_is_ended_keeps_its_best(job, two, tmp_path, run_tool, act, processes):
    ended, out = job("epoch 2 of", act, processes)
    assert ended.code == 0, ended.err
    adapter = load_adapter(out / "adapter")
    assert 1 < len(adapter.training["history"]) < 1000
    assert sum(row["kept"] == "yes" for row in adapter.training["history"]) == 1
    assert "of 100000 epochs, since the system asked it to end; the best weights until then are kept" in ended.err
    assert "since the system asked it to end" in (out / "report").read_text()
    assert sorted(os.listdir(out)) == sorted(TARGETS)
    if processes == 2 and act is twice:
        assert evaluated(out / "adapter", two, tmp_path, run_tool).code == 0


def test_an_end_before_anything_was_scored(job):
    """The first epoch would take 60 steps, and is not over."""
    ended, out = job("first step", once(signal.SIGTERM), batch_size=1)
    assert ended.code == 0, ended.err
    assert load_adapter(out / "adapter").training["history"][0]["epoch"] <= 1


@pytest.mark.parametrize(
    ("act", "processes"), [(once(signal.SIGTERM), 1), (twice, 2)], ids=["SIGTERM", "two processes, twice"]
)
def test_an_end_after_the_language_model_keeps_it(job, two, tmp_path, run_tool, act, processes):
    ended, out = job("training classifiers", act, processes, branch="yes", epochs=1)
    assert ended.code == 0, ended.err
    adapter = load_adapter(out / "adapter")
    assert adapter.training["stopped"] == ["the training went through its one epoch"]
    assert not adapter.branch and "branch" not in adapter.task
    warning = "the classifiers that read nucleotides were not trained, since the system asked the training to end"
    assert warning in ended.err and warning in (out / "report").read_text()
    assert sorted(os.listdir(out)) == sorted(TARGETS)
    if act is twice:
        assert evaluated(out / "adapter", two, tmp_path, run_tool).code == 0


def test_an_end_of_the_language_model_is_one_of_the_classifiers_too(job):
    ended, out = job("epoch 2 of", once(signal.SIGTERM), branch="yes")
    assert ended.code == 0, ended.err
    assert not load_adapter(out / "adapter").branch
    assert "the adapter has the language model alone" in ended.err


def test_an_end_before_the_training_leaves_nothing_behind(job):
    ended, out = job("the training set", once(signal.SIGTERM), processes=2)
    assert ended.code == 143, ended.err
    assert os.listdir(out) == ["history"]
    assert (out / "history").read_text() == "old"


@pytest.mark.parametrize("processes", [1, 2])
def test_a_limit_of_time(two, monkeypatch, processes):
    monkeypatch.setenv("DNA_LM_PROCESSES", str(processes))
    splits = {name: two.splits[name] for name in ("train", "dev")}
    said = []
    result = finetune(training_options(**splits, epochs=100_000, max_minutes=0.001), said.append)
    (row,) = result.adapter.training["history"]
    assert row["epoch"] < 1 and row["kept"] == "yes"
    (warning,) = [text for text in result.warnings if "since its 0.001 minutes were over" in text]
    assert f"warning: {warning}" in said
