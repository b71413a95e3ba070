import os
import subprocess

from conftest import command
from small import TRAINING, command_line


def test_a_training_that_is_ended_leaves_nothing_behind(two, tmp_path):
    """Galaxy and every scheduler end a job with SIGTERM."""
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    out.mkdir()
    temporary.mkdir()
    targets = {f"--{kind}-out": out / kind for kind in ("adapter", "history", "plot", "report")}
    (out / "history").write_text("old")
    options = TRAINING | {"train": two.splits["train"], "dev": two.splits["dev"], "epochs": 100_000}
    arguments = [*command_line(options), *(part for pair in targets.items() for part in pair)]
    with subprocess.Popen(
        command("finetune", *arguments),
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    ) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if line.startswith("epoch 3 of"):
                    assert os.listdir(temporary)  # the checkpoints and the base model
                    process.terminate()
                    break
            rest = process.stderr.read()
            assert process.wait(timeout=60) == 143, "".join(said) + rest
        finally:
            process.kill()
    assert "Traceback" not in rest
    assert "error" not in rest
    assert os.listdir(out) == ["history"]
    assert (out / "history").read_text() == "old"
    assert os.listdir(temporary) == []
