import errno
import os
from argparse import Namespace

import pytest

from dna_lm.command import options_of_tool, run
from dna_lm.errors import LONGEST_MESSAGE, UserError
from dna_lm.tools import TOOLS

ARGUMENTS = ["predict.py", "--adapter", "a", "--input", "b", "--input-format", "csv", "--predictions-out", "c"]

FULL_DISK = (
    "error: the disk is full (no space left on device), or a quota is reached; make room and run the job again\n"
)


@pytest.fixture
def ended(monkeypatch, capsys):
    """Run a job that raises an exception; returns the exit code and what was said."""
    monkeypatch.setattr("sys.argv", ARGUMENTS)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def call(problem: BaseException) -> tuple[int, str]:
        def job(options):
            assert options.predictions_out == "c"
            raise problem

        with pytest.raises(SystemExit) as end:
            monkeypatch.setattr("dna_lm.tools.predict.run", lambda options, _: job(options))
            run("predict")
        out, err = capsys.readouterr()
        assert out == ""
        return end.value.code, err

    return call


def test_what_the_user_can_mend_is_one_line(ended):
    assert ended(UserError("line 3:\n  the label is\r\nempty")) == (2, "error: line 3: the label is empty\n")


def test_a_message_can_be_read_whatever_it_quotes(ended):
    steering = UserError("the label '\x1b[2J\x07\u202e\udcff' is odd")
    assert ended(steering) == (2, "error: the label '\\x1b[2J\\x07\\u202e\\udcff' is odd\n")
    code, said = ended(UserError(f"the label {'A' * 10**6!r} is odd; mend it"))
    assert (code, len(said)) == (2, len("error: ") + LONGEST_MESSAGE + len(" ... ") + 1)
    assert said.startswith("error: the label 'AAA") and said.endswith("AAA' is odd; mend it\n")
    _, said = ended(UserError(f"the label {10**6 * chr(0)} is odd; mend it"))  # each letter becomes four
    assert len(said) == len("error: ") + LONGEST_MESSAGE + len(" ... ") + 1
    assert said.startswith("error: the label \\x00") and said.endswith("x00 is odd; mend it\n")


def test_too_little_memory(ended):
    message = "error: out of memory; give the job more memory, a smaller batch size (now 64) or shorter sequences\n"
    assert ended(MemoryError()) == (2, message)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (
            "",
            "a smaller batch size, gradient checkpointing, quantization or a smaller maximum length (now 200)",
        ),
        (
            "--batch-size 32 --method full",
            "a smaller batch size (now 32), gradient checkpointing, LoRA or a smaller maximum length (now 200)",
        ),
        ("--batch-size 1 --gradient-checkpointing yes --quantization 8bit", "or a smaller maximum length (now 200)"),
        ("--method full --batch-size 1", "gradient checkpointing, LoRA or a smaller maximum length (now 200)"),
    ],
)
def test_too_little_memory_for_a_training(monkeypatch, capsys, options, advice):
    outputs = "--adapter-out a --history-out b --plot-out c --report-out d"
    arguments = f"finetune.py --base-model m --train t --dev d {outputs} {options}"
    monkeypatch.setattr("sys.argv", arguments.split())
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def job(*_):
        raise MemoryError

    with pytest.raises(SystemExit):
        monkeypatch.setattr("dna_lm.tools.finetune.run", job)
        run("finetune")
    said = capsys.readouterr().err
    assert said.startswith("error: out of memory; give the job more memory")
    assert said.endswith(f"{advice}\n")


@pytest.mark.parametrize("tool", TOOLS)
def test_too_little_memory_names_only_options_of_the_tool(monkeypatch, capsys, tool):
    options = options_of_tool(tool)
    given = Namespace(**{option.name: option.default for option in options})
    monkeypatch.setattr("dna_lm.command.parse", lambda *_: given)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def job(*_):
        raise MemoryError

    with pytest.raises(SystemExit):
        monkeypatch.setattr(f"dna_lm.tools.{tool}.run", job)
        run(tool)
    said = capsys.readouterr().err
    assert said.startswith("error: out of memory; give the job more memory")
    names = {option.name for option in options}
    for words, name in (
        ("batch size", "batch_size"),
        ("maximum length", "max_length"),
        ("quantization", "quantization"),
        ("checkpointing", "gradient_checkpointing"),
        ("sequences", "batch_size"),
    ):
        assert words not in said or name in names
    assert "(now 0)" not in said


def test_torch_has_an_exception_of_its_own_for_too_little_memory(ended):
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.float32)
    message = "error: out of memory; give the job more memory, a smaller batch size (now 64) or shorter sequences\n"
    assert ended(caught.value) == (2, message)


def test_a_full_disk(ended):
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        assert ended(OSError(number, os.strerror(number))) == (2, FULL_DISK)


def test_a_full_disk_while_safetensors_are_written(ended):
    from safetensors import SafetensorError

    problem = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert ended(problem) == (2, FULL_DISK)


def test_interrupted(ended):
    assert ended(KeyboardInterrupt()) == (130, "")


@pytest.mark.parametrize("problem", [ValueError("a bug"), RuntimeError("a bug"), OSError(errno.EIO, "broken disk")])
def test_a_bug_is_not_hidden(monkeypatch, problem):
    monkeypatch.setattr("sys.argv", ARGUMENTS)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def job(*_):
        raise problem

    monkeypatch.setattr("dna_lm.tools.predict.run", job)
    with pytest.raises(type(problem)):
        run("predict")


def test_progress_goes_to_stderr(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ARGUMENTS)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("dna_lm.tools.predict.run", lambda _, say: say("epoch 1 of 2"))
    run("predict")
    assert capsys.readouterr() == ("", "epoch 1 of 2\n")
