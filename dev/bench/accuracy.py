"""What settings of fine-tuning are worth: dev's MCC, both strands averaged, for one change at a time from the defaults.

    python dev/bench/accuracy.py --base-model FOLDER --data FOLDER                       # all changes, on dev
    python dev/bench/accuracy.py --base-model FOLDER --data FOLDER --only defaults --seeds 42,43,44 --test

with the Python of the tools environment. data: a folder with train.csv, dev.csv and test.csv, such as GUE's tf/0. Each
training is one of scripts/finetune.py on one thread. Settings are chosen on dev; --test scores test.csv as well, and is
for the settings that were chosen. Prints a table in Markdown; seconds are those of training and scoring dev.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CHANGES = {
    "defaults": [],
    "3 epochs": ["--epochs", "3"],
    "embeddings not trained": ["--embeddings", "no"],
    "neither embeddings nor experts": ["--embeddings", "no", "--experts", "no"],
    "learning rate 2e-3": ["--learning-rate", "2e-3"],
    "learning rate 5e-4": ["--learning-rate", "5e-4"],
    "strand as given": ["--strands", "forward"],
    "rank 64, alpha 64": ["--lora-r", "64", "--lora-alpha", "64"],
    "rank 4, alpha 4": ["--lora-r", "4", "--lora-alpha", "4"],
    "label smoothing 0.1": ["--label-smoothing", "0.1"],
    "cosine": ["--schedule", "cosine"],
    "all weights": ["--method", "full"],
    "head alone": ["--method", "head"],
    "as in the tutorial, without quantization": (
        ["--preset", "tutorial", "--quantization", "none", "--double-quantization", "no", "--compute-type", "auto"]
    ),
}


def run(script: str, *arguments) -> None:
    command = [sys.executable, SCRIPTS / f"{script}.py", *arguments, "--threads", "1"]
    subprocess.run(list(map(str, command)), check=True, stderr=subprocess.DEVNULL)


def finetuned(base_model: str | Path, train: Path, dev: Path, folder: Path, *options) -> pd.DataFrame:
    """Train an adapter, folder / "adapter", and return the history."""
    outputs = [f"--{kind}-out={folder}/{kind}" for kind in ("adapter", "history", "plot", "report")]
    splits = ("--train", train, "--dev", dev)
    run("finetune", "--base-model", base_model, *splits, "--branch", "no", *options, *outputs)
    return pd.read_csv(folder / "history", sep="\t")


def evaluated(base_model: str | Path, data: Path, folder: Path) -> pd.Series:
    """Return the overall scores of folder / "adapter", by their names."""
    outputs = [f"--{kind}-out={folder}/{kind}" for kind in ("metrics", "predictions", "plot", "report")]
    run("evaluate", "--base-model", base_model, "--adapter", folder / "adapter", "--data", data, *outputs)
    metrics = pd.read_csv(folder / "metrics", sep="\t")
    return metrics[metrics["label"] == "all"].set_index("metric")["value"]


def measure(base_model: Path, data: Path, change: list[str], seed: str, test: bool) -> dict[str, float]:
    """Return the figures of one training."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = finetuned(base_model, data / "train.csv", data / "dev.csv", folder, "--seed", seed, *change)
        kept = history[history["kept"] == "yes"].iloc[0]
        figures = {"dev MCC": kept["dev_mcc"], "dev loss": kept["dev_loss"], "seconds": history["seconds"].iloc[-1]}
        if test:
            scores = evaluated(base_model, data / "test.csv", folder)
            figures |= {"test MCC": scores["mcc"], "test ROC-AUC": scores["roc_auc"]}
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", help="names of changes, separated by semicolons")
    parser.add_argument("--seeds", default="42")
    parser.add_argument("--test", action="store_true")
    given = parser.parse_args()
    titles = ["dev MCC", "dev loss", "seconds", *(["test MCC", "test ROC-AUC"] if given.test else [])]
    print(f"| | {' | '.join(titles)} |\n|---|{'---:|' * len(titles)}", flush=True)
    for name in given.only.split(";") if given.only else CHANGES:
        runs = [
            measure(given.base_model, given.data, CHANGES[name], seed, given.test) for seed in given.seeds.split(",")
        ]
        cells = []
        for title in titles:
            values = [figures[title] for figures in runs]
            digits = 0 if title == "seconds" else 3
            each = f" ({', '.join(f'{value:.{digits}f}' for value in values)})" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.{digits}f}{each}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
