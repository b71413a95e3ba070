"""Compare the speed of prediction with that of the tutorial's way, on the same machine, in alternating runs.

    python dev/bench/prediction.py speed --data FOLDER --tokenizer FOLDER [--slots 2] [--dense]
    python dev/bench/prediction.py busy  --data FOLDER --tokenizer FOLDER             # one slot, another core kept busy
    python dev/bench/prediction.py start --data FOLDER --tokenizer FOLDER
    python dev/bench/prediction.py parts --data FOLDER --tokenizer FOLDER             # what each part is worth
    python dev/bench/prediction.py rows  --data FOLDER --tokenizer FOLDER [--base-model FOLDER]

data: a folder with train.csv (GUE tf/0); tokenizer: a model's folder whose tokenizer the random model of 17 million
parameters gets (see finetuning.py), which is given random LoRA matrices on its attention. dense: the same model without
experts. Run it with the Python of the tools environment, and nothing else on the machine. Prints tables in Markdown;
memory is the proportional set size of all processes at its highest, in MB.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from dev.bench.finetuning import LOAD, PROJECT, Run, random_model

TUTORIAL = PROJECT / "dev" / "bench" / "tutorial_prediction.py"
PREDICT = PROJECT / "scripts" / "predict.py"


def random_adapter(base_model: Path, path: Path) -> Path:
    """Write an adapter of two labels whose probabilities are spread from 0 to 1."""
    import torch

    from dna_lm.adapters.dataset import Adapter, save_adapter
    from dna_lm.base_models.opening import opened_base_model
    from dna_lm.classifiers.building import adapter_tensors, new_classifier, peft_settings
    from dna_lm.classifiers.options import LoraOptions
    from dna_lm.data.targets import Target

    torch.manual_seed(1)
    with opened_base_model(str(base_model)) as base:
        model = new_classifier(base, 2, 3, LoraOptions(experts="no", embeddings="no"))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.02)
                elif "score" in name and parameter.requires_grad:
                    parameter.normal_(std=0.1)
        task = {"max_length": 200, "strand": "forward"} | Target("classes", ["0", "1"]).task()
        training = {"sequences": {"train": 0, "dev": 0}}
        save_adapter(Adapter(adapter_tensors(model), peft_settings(model), base.identity(), task, training), path)
    return path


class Case:
    """A model, an adapter and sequences."""

    def __init__(self, model: Path, adapter: Path, data: Path, rows: int, folder: Path):
        self.model, self.adapter, self.rows, self.folder = model, adapter, rows, folder
        self.input = folder / "new.csv"
        pd.read_csv(data / "train.csv")[["sequence"]].drop_duplicates().head(rows).to_csv(self.input, index=False)

    def tutorial(self) -> tuple[float, Run, np.ndarray]:
        """Return sequences a second, the run, and the probabilities of the second label."""
        out = self.folder / "tutorial.npy"
        run = Run(
            [sys.executable, TUTORIAL, "--base-model", self.model, "--adapter", self.adapter, "--data", self.input]
            + ["--out", out]
        )
        return self.rows / float(run.found(r"^end ([\d.]+)")[0][1][1]), run, np.load(out)

    def tool(self, slots: int, *options: str) -> tuple[float, Run, np.ndarray]:
        """The same; seconds from the model's being ready to the end of the table."""
        out = self.folder / "predictions.tsv"
        run = Run(
            [sys.executable, PREDICT, "--base-model", self.model, "--adapter", self.adapter, "--input", self.input]
            + ["--input-format", "csv", "--threads", slots, "--predictions-out", out, *options]
        )
        seconds = float(run.found(r"predicted in ([\d.]+) s")[0][1][1])
        table = pd.read_csv(out, sep="\t")
        return self.rows / seconds, run, table[table.columns[-1]].to_numpy()


def compared(ways: dict, times: int) -> None:
    """Run each way in turn, so many times, and print medians and ranges beside the first way's."""
    speeds, peaks, found = {}, {}, {}
    for _ in range(times):
        for name, way in ways.items():
            speed, run, found[name] = way()
            speeds.setdefault(name, []).append(speed)
            peaks.setdefault(name, []).append(run.peak)
            print(f"{name}: {speed:.0f} sequences/s, {run.peak:.0f} MB", file=sys.stderr, flush=True)
    first = next(iter(ways))
    print("| | sequences/s (median, range) | times the tutorial's | peak MB | probabilities moved: median, 99%, most |")
    print("|---|---:|---:|---:|---:|")
    for name, values in speeds.items():
        middle = statistics.median(values)
        moved = np.abs(found[name] - found[first])
        shares = ", ".join(f"{value:.1g}" for value in (*np.quantile(moved, (0.5, 0.99)), moved.max()))
        print(
            f"| {name} | {middle:.0f} ({min(values):.0f} to {max(values):.0f}) | "
            f"{middle / statistics.median(speeds[first]):.1f} | {statistics.median(peaks[name]):.0f} | "
            f"{'' if name == first else shares} |",
            flush=True,
        )


def measure_speed(given, case: Case) -> None:
    slots = given.slots
    compared(
        {
            "tutorial, all cores": case.tutorial,
            f"tool, fp32, {slots} slots": lambda: case.tool(slots, "--precision", "fp32"),
            f"tool, bf16, {slots} slots": lambda: case.tool(slots, "--precision", "bf16"),
            f"tool, as it chooses itself, {slots} slots": lambda: case.tool(slots),
            "tool, fp32, 1 slot": lambda: case.tool(1, "--precision", "fp32"),
        },
        given.times,
    )


def measure_busy(given, case: Case) -> None:
    """The load: one thread that multiplies matrices of 1,500 x 1,500 in float64 without end."""
    load = subprocess.Popen(
        ["env", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1", sys.executable, "-c", LOAD]
    )
    try:
        compared(
            {
                "tutorial, all cores": case.tutorial,
                "tool, fp32, 1 slot": lambda: case.tool(1, "--precision", "fp32"),
                "tool, bf16, 1 slot": lambda: case.tool(1, "--precision", "bf16"),
            },
            given.times,
        )
    finally:
        load.kill()


def measure_start(given, case: Case) -> None:
    """Seconds from the start of the process to the first predictions: the tutorial's first batch, the tool's 16."""
    few = Case(case.model, case.adapter, given.data, 16, case.folder)
    ours, theirs = [], []
    for _ in range(given.times):
        _, run, _ = few.tutorial()
        theirs.append(run.found("^start")[0][0])
        _, run, _ = few.tool(given.slots)
        ours.append(run.seconds)
    for name, values in (("tutorial, first batch", theirs), ("tool, 16 sequences, whole job", ours)):
        print(f"{name}: {statistics.median(values):.1f} s ({min(values):.1f} to {max(values):.1f})")


def measure_parts(given, case: Case) -> None:
    """What merging, batches of like length, larger batches and processes are worth, one after the other."""
    compared(
        {
            "tutorial, all cores": case.tutorial,
            "merged, sorted, batches of 16, 1 process": lambda: case.tool(
                1, "--precision", "fp32", "--batch-size", "16"
            ),
            "and batches of 64": lambda: case.tool(1, "--precision", "fp32"),
            "and batches of 256": lambda: case.tool(1, "--precision", "fp32", "--batch-size", "256"),
            f"batches of 64, {given.slots} processes": lambda: case.tool(given.slots, "--precision", "fp32"),
        },
        given.times,
    )


def measure_rows(given, case: Case) -> None:
    """Random sequences of 30 to 60 nt, no two alike, as FASTA."""
    print("| sequences | seconds | sequences/s | peak MB |\n|---:|---:|---:|---:|")
    numbers = np.random.default_rng(0)
    for rows in (10_000, 100_000, 1_000_000)[: given.sizes]:
        path = case.folder / "many.fa"
        with open(path, "w") as file:
            for number in range(rows):
                dna = "".join(np.array(list("ACGT"))[numbers.integers(0, 4, numbers.integers(30, 61))])
                file.write(f">s{number}\n{dna}\n")
        out = case.folder / "predictions.tsv"
        run = Run(
            [sys.executable, PREDICT, "--base-model", case.model, "--adapter", case.adapter, "--input", path]
            + ["--input-format", "fasta", "--threads", given.slots, "--predictions-out", out]
        )
        with open(out) as file:
            assert sum(1 for _ in file) == rows + 1
        seconds = float(run.found(r"predicted in ([\d.]+) s")[0][1][1])
        print(f"| {rows:,} | {seconds:.0f} | {rows / seconds:.0f} | {run.peak:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "busy", "start", "parts", "rows"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--base-model", type=Path)
    parser.add_argument("--adapter", type=Path, help="of the base model, instead of a random one")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--sizes", type=int, default=3, help="of rows: how many of the sizes")
    parser.add_argument("--dense", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model").mkdir()
        model = given.base_model or random_model(folder / "model", given.tokenizer, given.dense)
        adapter = given.adapter or random_adapter(model, folder / "adapter.safetensors")
        globals()[f"measure_{given.what}"](given, Case(model, adapter, given.data, given.rows, folder))


if __name__ == "__main__":
    main()
