"""Compare the speed of fine-tuning with that of the tutorial's recipe, on the same machine, in alternating runs.

    python dev/bench/finetuning.py speed   --data FOLDER --tokenizer FOLDER [--slots 2]
    python dev/bench/finetuning.py busy    --data FOLDER --tokenizer FOLDER          # one slot, another core kept busy
    python dev/bench/finetuning.py start   --data FOLDER --tokenizer FOLDER
    python dev/bench/finetuning.py rows    --data FOLDER --tokenizer FOLDER
    python dev/bench/finetuning.py quality --data FOLDER --base-model FOLDER

data: a folder with train.csv and dev.csv (GUE tf/0); tokenizer: a model's folder whose tokenizer the random model of
17 million parameters gets (a Mixtral, hidden size 256, 8 layers, 8 experts, one of them a token). Run it with the
Python of the tools environment, and nothing else on the machine. Prints a table in Markdown; memory is the proportional
set size of all processes at its highest, in MB.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd
import psutil

PROJECT = Path(__file__).resolve().parent.parent.parent
TUTORIAL = PROJECT / "dev" / "bench" / "tutorial.py"
FINETUNE = PROJECT / "scripts" / "finetune.py"
LIKE_THE_TUTORIAL = ["--preset", "tutorial", "--quantization", "none", "--double-quantization", "no"]
LIKE_THE_TUTORIAL += ["--compute-type", "auto"]
# What a large training split has: the few rows that are timed here would get smaller batches.
LARGE = ["--batch-size", "64"]


def random_model(folder: Path, tokenizer: Path, dense: bool = False) -> Path:
    """Write the 17M configuration with random weights; dense: with one block for all tokens instead of experts."""
    from transformers import AutoModelForCausalLM, MistralConfig, MixtralConfig, set_seed

    set_seed(0)
    experts = {} if dense else {"num_local_experts": 8, "num_experts_per_tok": 1}
    config = (MistralConfig if dense else MixtralConfig)(
        vocab_size=4096,
        hidden_size=256,
        intermediate_size=256,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=512,
        pad_token_id=3,
        sliding_window=None,
        **experts,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, folder / name)
    return folder


class Run:
    """One run of a command: its lines with the seconds at which each came, its wall time and its peak memory."""

    def __init__(self, command: list):
        self.lines: list[tuple[float, str]] = []
        self.peak = 0
        started = time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=None
        )
        watcher = threading.Thread(target=self._watch, args=(psutil.Process(process.pid),), daemon=True)
        watcher.start()
        for line in process.stdout:
            self.lines.append((time.monotonic() - started, line.rstrip()))
        self.seconds = time.monotonic() - started
        if process.wait():
            raise SystemExit("\n".join(line for _, line in self.lines))

    def _watch(self, process: psutil.Process) -> None:
        while True:
            try:
                family = [process, *process.children(recursive=True)]
                self.peak = max(self.peak, sum(each.memory_full_info().pss for each in family) / 1e6)
            except psutil.Error:
                if not process.is_running():
                    return
            time.sleep(2)  # adding up the pages of a process takes a core a while

    def found(self, pattern: str) -> list[tuple[float, re.Match]]:
        matches = ((moment, re.search(pattern, line)) for moment, line in self.lines)
        return [(moment, match) for moment, match in matches if match]


def tutorial(model: Path, data: Path, rows: int, epochs: int, dev_rows: int) -> tuple[float, Run]:
    """Return training sequences a second, evaluation left out, and the run."""
    run = Run(
        [sys.executable, TUTORIAL, "--base-model", model, "--train", data / "train.csv", "--dev", data / "dev.csv"]
        + ["--rows", rows, "--dev-rows", dev_rows, "--epochs", epochs]
    )
    return rows * epochs / float(run.found(r"^end ([\d.]+)")[0][1][1]), run


def tool(
    model: Path, data: Path, rows: int, epochs: int, dev_rows: int, slots: int, *options: str
) -> tuple[float, Run]:
    """Return training sequences a second, with the few of dev that are scored, and the run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split, count in (("train", rows), ("dev", dev_rows)):
            table = pd.read_csv(data / f"{split}.csv")
            table = pd.concat([table] * (count // len(table) + 1)).head(count)
            table.to_csv(folder / f"{split}.csv", index=False)
        outputs = [f"--{kind}-out={folder}/{kind}" for kind in ("adapter", "history", "plot", "report")]
        run = Run(
            [sys.executable, FINETUNE, "--base-model", model, "--train", folder / "train.csv"]
            + ["--dev", folder / "dev.csv", "--threads", slots, "--epochs", epochs, "--patience", 0, *options, *outputs]
        )
        history = pd.read_csv(folder / "history", sep="\t")
        run.history = history
        return rows * epochs / float(history["seconds"].iloc[-1]), run


def compared(ways: dict, times: int) -> None:
    """Run each way in turn, so many times, and print medians and ranges beside the first way's."""
    speeds = {name: [] for name in ways}
    peaks = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            speed, run = way()
            speeds[name].append(speed)
            peaks[name].append(run.peak)
            print(f"{name}: {speed:.1f} sequences/s, {run.peak:.0f} MB", file=sys.stderr, flush=True)
    first = statistics.median(next(iter(speeds.values())))
    print("| | sequences/s (median, range) | times the tutorial's | peak MB |\n|---|---:|---:|---:|")
    for name, values in speeds.items():
        middle = statistics.median(values)
        print(
            f"| {name} | {middle:.0f} ({min(values):.0f} to {max(values):.0f}) | {middle / first:.1f} | "
            f"{statistics.median(peaks[name]):.0f} |"
        )


LOAD = "import numpy\na = numpy.random.rand(1500, 1500)\nwhile True: a @ a"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "busy", "start", "rows", "quality"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--base-model", type=Path)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--options", default="", help="further options of the tool, separated by blanks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = given.base_model or random_model(Path(folder), given.tokenizer)
        globals()[f"measure_{given.what}"](given, model)


def measure_speed(given, model) -> None:
    rows, slots, data, more = given.rows, given.slots, given.data, given.options.split()
    compared(
        {
            "tutorial, all cores": lambda: tutorial(model, data, rows, 1, 50),
            "tool, as the tutorial": lambda: tool(model, data, rows, 1, 50, slots, *LIKE_THE_TUTORIAL, *more),
            "tool, without experts": lambda: tool(model, data, rows, 1, 50, slots, *LARGE, "--experts", "no", *more),
            "tool, defaults": lambda: tool(model, data, rows, 1, 50, slots, *LARGE, *more),
        },
        given.times,
    )


def measure_busy(given, model) -> None:
    """The load: one thread that multiplies matrices of 1,500 x 1,500 in float64 without end."""
    load = subprocess.Popen(
        ["env", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1", sys.executable, "-c", LOAD]
    )
    try:
        given.slots, given.rows = 1, min(given.rows, 500)
        measure_speed(given, model)
    finally:
        load.kill()


def measure_start(given, model) -> None:
    """Seconds from the start of the process to the end of the first step."""
    ours, theirs = [], []
    for _ in range(given.times):
        _, run = tutorial(model, given.data, 64, 1, 50)
        theirs.append(run.found("^start")[0][0])
        _, run = tool(model, given.data, given.rows, 1, 50, given.slots, *given.options.split())
        ours.append(run.found("^first step")[0][0])
    for name, values in (("tutorial", theirs), ("tool", ours)):
        print(f"{name}: first step after {statistics.median(values):.1f} s ({min(values):.1f} to {max(values):.1f})")


def measure_rows(given, model) -> None:
    print("| rows | seconds of training | sequences/s | peak MB |\n|---:|---:|---:|---:|")
    for rows in (1_000, 10_000, 100_000):
        speed, run = tool(model, given.data, rows, 1, 100, given.slots, *LARGE, *given.options.split())
        print(f"| {rows:,} | {rows / speed:.0f} | {speed:.0f} | {run.peak:.0f} |", flush=True)


def measure_quality(given, model) -> None:
    """Seconds of training until dev's MCC is the best of the tutorial's five epochs."""
    for _ in range(given.times):
        _, run = tutorial(model, given.data, 10**9, 5, 10**9)
        theirs = [(float(match[1]), float(match[2])) for _, match in run.found(r"^dev ([\d.]+) (-?[\d.]+)")]
        best = max(mcc for _, mcc in theirs)
        reached = next(seconds for seconds, mcc in theirs if mcc == best)
        _, run = tool(model, given.data, 32_378, 1, 1_000, given.slots, "--evaluations", "50", *given.options.split())
        table = run.history[run.history["dev_mcc"] >= best]
        ours = table["seconds"].iloc[0] if len(table) else float("nan")
        print(
            f"the tutorial's best MCC on dev, {best:.3f}, after {reached:.0f} s; the tool is there after {ours:.1f} s: "
            f"{reached / ours:.0f} times less",
            flush=True,
        )


if __name__ == "__main__":
    main()
