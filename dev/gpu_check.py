"""Try on a GPU what the tools do there: train, predict, compare with the CPU. A few minutes; no Galaxy, no network.

    python dev/gpu_check.py [--only WORD] [--rows 512]

with the Python of an environment that has the tools' packages and PyTorch for the GPU (dev/requirements/tools.txt).
Run it once where the tools are new, before users do. Models have random weights: a Mixtral of the size of Mistral-DNA
17M, and the networks in tests/architectures. Each is trained in float32, bfloat16, 8 and 4 bits, and, where there are
two GPUs, by DDP and FSDP; the adapters are applied on the GPU and on the CPU, and one model is trained on both. A
training without enough memory has to end with advice. Prints a table in Markdown; ends with 1 if anything failed.
Without a GPU it says so and ends with 0.

    --only     models whose names contain this
    --anyway   on the CPU if there is no GPU: to try this script
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from dev.bench.planted import pattern_rows
from dev.bench.resources import random_mixtral
from dna_lm.base_models.opening import BUILT_IN_FOLDER
from dna_lm.words import BUILT_IN

PROJECT = Path(__file__).resolve().parents[1]
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
WAYS = {
    "fp32": ["--precision", "fp32"],
    "auto": ["--precision", "auto"],
    "bf16": ["--precision", "bf16"],
    "8 bits": ["--quantization", "8bit"],
    "4 bits": ["--quantization", "4bit-nf4"],
}
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
# How far probabilities from the GPU and from the CPU may be apart. Both are computed in float32 unless asked otherwise;
# GPUs of compute capability 8 and above round products of float32 matrices to 10 bits (TF32) if they are allowed to.
PREDICTIONS = 2e-3
# How far apart the losses on the development set may be after two trainings of the same data on GPU and CPU.
LOSSES = 0.05
# What is left of the GPU's memory where training is to run out of it: PyTorch itself takes half of that.
LEFT_BYTES = 900 * 10**6
EPOCHS = 2
MOST_SECONDS = 400


@dataclass
class Row:
    """A line of the table."""

    model: str
    way: str
    speed: str = ""
    memory: str = ""
    result: str = ""
    failed: bool = False

    def __str__(self) -> str:
        mark = "FAILED: " if self.failed else ""
        return f"| {self.model} | {self.way} | {self.speed} | {self.memory} | {mark}{self.result} |"


class Failed(Exception):
    """A command that ended with an error; its text is the last line that it wrote."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--anyway", action="store_true")
    given = parser.parse_args()
    gpus = torch.cuda.device_count()
    if not gpus and not given.anyway:
        print("There is no GPU that PyTorch can use: nothing was tried.")
        return
    for number in range(gpus):
        print(torch.cuda.get_device_name(number))
    print(f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}\n", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        checks = Checks(Path(name), given.rows, gpus)
        print("| model | trained in | sequences a second | peak memory | result |\n|---|---|---:|---:|---|")
        for row in checks.all(given.only):
            rows.append(row)
            print(row, flush=True)
    sys.exit(any(row.failed for row in rows))


class Checks:
    """Trainings and predictions in a folder that is thrown away."""

    def __init__(self, folder: Path, rows: int, gpus: int):
        self.folder, self.rows, self.gpus = folder, rows, gpus
        self.data = {}
        for number, (part, count) in enumerate((("train", rows), ("dev", 128), ("test", 128))):
            self.data[part] = folder / f"{part}.csv"
            pattern_rows(count, seed=number).to_csv(self.data[part], index=False)

    def all(self, only: str):
        """Give the rows, one by one."""
        models = {"Mixtral 17M": random_mixtral(self.folder, BUILT_IN_FOLDER, "17M")}
        for folder in sorted(path for path in (PROJECT / "tests" / "architectures").iterdir() if path.is_dir()):
            models[folder.name] = self._copied(folder)
        for name, model in models.items():
            if only in name:
                yield from self._model(name, str(model))
        if only in BUILT_IN:
            yield self._guarded(Row(BUILT_IN, "with classifiers that read nucleotides"), self._nucleotides)
            yield self._guarded(Row(BUILT_IN, "fp32, on GPU and CPU"), self._both)
            if self.gpus > 1:
                for way in ("ddp", "fsdp"):
                    yield self._guarded(Row(BUILT_IN, f"{self.gpus} GPUs, {way.upper()}"), self._parallel, way)
        if self.gpus and only in "Mixtral 17M":
            yield self._guarded(
                Row("Mixtral 17M", "all weights, without memory"), self._too_large, models["Mixtral 17M"]
            )

    def _copied(self, folder: Path) -> Path:
        place = self.folder / folder.name
        place.mkdir()
        for name in (*MODEL_FILES, "vocab.txt"):
            if (folder / name).exists():
                (place / name).write_bytes((folder / name).read_bytes())
        return place

    def _model(self, name: str, model: str):
        for way, options in WAYS.items():
            yield self._guarded(Row(name, way), self._trained_and_applied, model, options)

    def _guarded(self, row: Row, check, *arguments) -> Row:
        try:
            check(row, *arguments)
        except Failed as problem:
            row.result, row.failed = str(problem), True
        return row

    def _trained_and_applied(self, row: Row, model: str, options: list[str]) -> None:
        history = self._finetuned(row, model, options)
        there = self._predicted(model, {})
        here = self._predicted(model, NO_GPU)
        apart = float((there - here).abs().max())
        row.result = f"dev loss {history['dev_loss'].min():.4f}; GPU and CPU differ by {apart:.1g}"
        row.failed = not apart <= PREDICTIONS

    def _nucleotides(self, row: Row) -> None:
        history = self._finetuned(row, BUILT_IN, ["--branch", "yes"])
        apart = float((self._predicted(BUILT_IN, {}) - self._predicted(BUILT_IN, NO_GPU)).abs().max())
        row.result = f"dev loss {history['dev_loss'].min():.4f}; GPU and CPU differ by {apart:.1g}"
        row.failed = not apart <= PREDICTIONS

    def _both(self, row: Row) -> None:
        losses = [self._finetuned(row, BUILT_IN, WAYS["fp32"], where)["dev_loss"].min() for where in (NO_GPU, {})]
        row.result = f"dev loss {losses[1]:.4f} on the GPU, {losses[0]:.4f} on the CPU"
        row.failed = not abs(losses[0] - losses[1]) <= LOSSES

    def _parallel(self, row: Row, way: str) -> None:
        several = self._finetuned(row, BUILT_IN, [], {"DNA_LM_PARALLEL": way})["dev_loss"].min()
        one = self._finetuned(Row("", ""), BUILT_IN, [], {"DNA_LM_PROCESSES": "1"})["dev_loss"].min()
        row.result = f"dev loss {several:.4f}, with one GPU {one:.4f}"
        row.failed = not abs(several - one) <= LOSSES

    def _too_large(self, row: Row, model: Path) -> None:
        """Nearly all memory is taken by this process meanwhile, so that no batch fits, whatever the GPU."""
        free, _ = torch.cuda.mem_get_info()
        taken = torch.empty(max(0, free - LEFT_BYTES), dtype=torch.uint8, device="cuda")
        try:
            self._finetuned(row, str(model), ["--method", "full", "--batch-size", "512"])
            row.result = "was made to fit by smaller micro-batches"
        except Failed as problem:
            row.result = f"refused: {problem}"
            row.failed = "memory" not in str(problem)
        finally:
            del taken
            torch.cuda.empty_cache()

    def _finetuned(self, row: Row, model: str, options: list[str], environment: dict[str, str] | None = None):
        """Train an adapter, folder / "adapter"; fill in the row's speed and memory; return the history."""
        outputs = [f"--{kind}-out={self.folder}/{kind}" for kind in ("adapter", "history", "plot", "report")]
        sets = ["--train", self.data["train"], "--dev", self.data["dev"]]
        branch = [] if "--branch" in options else ["--branch", "no"]
        self._run(
            "finetune",
            *("--base-model", model, *sets, *branch, "--epochs", EPOCHS, "--patience", 0, *options, *outputs),
            environment=environment,
        )
        history = pd.read_csv(self.folder / "history", sep="\t")
        seconds = history["seconds"].iloc[-1] - history["seconds"].iloc[0]
        row.speed = f"{self.rows * (EPOCHS - 1) / seconds:,.0f}" if seconds > 0 else ""
        found = re.search(r"peak memory of a process\W+([\d,]+ MB)", (self.folder / "report").read_text())
        row.memory = found[1] if found else ""
        return history

    def _predicted(self, model: str, environment: dict[str, str]) -> pd.Series:
        """Return the probabilities of the first label."""
        path = self.folder / "predictions.tsv"
        given = ["--base-model", model, "--adapter", self.folder / "adapter", "--input", self.data["test"]]
        self._run("predict", *given, "--input-format", "csv", "--predictions-out", path, environment=environment)
        table = pd.read_csv(path, sep="\t")
        return table[next(name for name in table if name.startswith("p("))]

    def _run(self, tool: str, *arguments, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, PROJECT / "scripts" / f"{tool}.py", *arguments]
        try:
            done = subprocess.run(
                list(map(str, command)),
                capture_output=True,
                text=True,
                env=os.environ | (environment or {}),
                timeout=MOST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{tool} took longer than {MOST_SECONDS} s") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [""]
            raise Failed(f"{tool} ended with {done.returncode}: {lines[-1]}")


if __name__ == "__main__":
    main()
