"""Compare the built-in base model with the same network with random weights, and with a k-mer baseline.

    python dev/pretrain/compare.py

runs the project's own finetune.py and evaluate.py, prints every run as a TSV row and puts the table of means into the
model card. One core, about 15 minutes; needs the Python package index for the second data set (.local/downloads).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from dev.bench.kmer_baseline import baselines
from dev.pretrain.card import CARD, MODEL, markdown_table, write_block
from dev.pretrain.fetch import FetchError, python_package
from dna_lm.data.fasta import read_fasta
from dna_lm.data.sequences import canonical

PROJECT = Path(__file__).resolve().parents[2]

SEEDS = (1, 2, 3)
METRICS = {"accuracy": "accuracy", "mcc": "MCC", "roc_auc": "ROC-AUC"}
BUILT_IN, RANDOM, KMER = "built-in weights", "random weights", "k-mer logistic regression"
OPTIONS = ("--lora-r", "16", "--learning-rate", "0.002", "--batch-size", "16", "--epochs", "8", "--threads", "1")
# Those that were the defaults when the card's figures were measured.
OPTIONS += ("--lora-dropout", "0.05", "--experts", "no", "--embeddings", "no", "--strands", "forward", "--warmup", "0")
OPTIONS += ("--best-metric", "mcc")


def ctcf_p73() -> dict[str, pd.DataFrame]:
    """Return the peaks of test-data/, by label."""
    return {label: read_fasta(PROJECT / "test-data" / f"{label}.fa", label) for label in ("CTCF", "p73")}


def oct4_mafk() -> dict[str, pd.DataFrame]:
    """Return the peaks that janggu has for its tutorial (GPL-3, so they are fetched and never committed), by label."""
    folder = python_package("janggu", "0.10.2", source=False) / "janggu" / "resources"
    return {
        label: pd.concat([read_fasta(folder / f"{stem}{end}.fa", f"{stem}{end}.fa") for end in ("", "_test")])
        for label, stem in (("Oct4", "sample"), ("Mafk", "sample2"))
    }


# Task -> records by label, and the number of records of each label in train, dev and test.
TASKS = {"CTCF against p73": (ctcf_p73, (300, 50, 150)), "Oct4 against Mafk": (oct4_mafk, (600, 100, 500))}


def write_splits(classes: dict[str, pd.DataFrame], sizes: tuple[int, int, int], seed: int, folder: Path) -> None:
    """Write train.csv, dev.csv and test.csv, as many records of each label; no sequence or position is in two."""
    peaks = pd.concat([records.assign(label=label) for label, records in classes.items()], ignore_index=True)
    either_strand = peaks["sequence"].map(canonical)
    # Of what occurs twice, perhaps with both labels, nothing is kept.
    peaks = peaks[~either_strand.duplicated(keep=False) & ~peaks["id"].duplicated(keep=False)]
    drawn = peaks.groupby("label", sort=False).sample(sum(sizes), random_state=seed)
    place = drawn.groupby("label").cumcount()
    for number, split in enumerate(("train", "dev", "test")):
        start = sum(sizes[:number])
        drawn[place.between(start, start + sizes[number] - 1)].to_csv(folder / f"{split}.csv", index=False)


def write_random_model(seed: int, folder: Path) -> None:
    """Write the built-in model's folder with the weights that its network starts from."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(MODEL), dtype=torch.float32).save_pretrained(folder)
    AutoTokenizer.from_pretrained(MODEL).save_pretrained(folder)


def finetuned_scores(model: Path, seed: int, splits: Path) -> dict[str, float]:
    """Fine-tune and evaluate through the command lines; return the metrics on test."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        model_and_adapter = f"--base-model={model}", f"--adapter={out / 'adapter'}"
        data = [f"--{split}={splits / split}.csv" for split in ("train", "dev")]
        outputs = [f"--{name}-out={out / name}" for name in ("adapter", "history", "plot", "report")]
        run("finetune.py", model_and_adapter[0], *data, *outputs, f"--seed={seed}", *OPTIONS)
        outputs = [f"--{name}-out={out / name}" for name in ("metrics", "predictions", "plot", "report")]
        run("evaluate.py", *model_and_adapter, f"--data={splits / 'test.csv'}", *outputs, "--threads=1")
        return pd.read_csv(out / "metrics", sep="\t", index_col="metric")["value"].to_dict()


def run(script: str, *arguments: str) -> None:
    """Run one of the project's scripts; its own error message ends this program."""
    command = [sys.executable, str(PROJECT / "scripts" / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr}")


def compare(task: str) -> list[dict]:
    """Return a row for each seed and model: task, seed, model and metrics on test. Prints each row as it comes."""
    read, sizes = TASKS[task]
    classes, rows = read(), []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as name:
            splits, random_model = Path(name), Path(name) / "random"
            write_splits(classes, sizes, seed, splits)
            write_random_model(seed, random_model)
            train, test = (pd.read_csv(splits / f"{split}.csv") for split in ("train", "test"))
            scores = {BUILT_IN: finetuned_scores(MODEL, seed, splits)}
            scores[RANDOM] = finetuned_scores(random_model, seed, splits)
            scores[KMER] = baselines(train, test).loc[KMER].to_dict()
        for model, values in scores.items():
            rows.append({"task": task, "seed": seed, "model": model} | {metric: values[metric] for metric in METRICS})
            print(
                *(f"{value:.4f}" if isinstance(value, float) else value for value in rows[-1].values()),
                sep="\t",
                flush=True,
            )
    return rows


def table(runs: pd.DataFrame) -> str:
    """Return mean and standard deviation over the seeds as a Markdown table."""
    groups = runs.groupby(["task", "model"], sort=False)[list(METRICS)]
    mean, deviation = groups.mean(), groups.std()
    rows = [
        [", ".join(key), *(f"{mean.loc[key, metric]:.3f} ± {deviation.loc[key, metric]:.3f}" for metric in METRICS)]
        for key in mean.index
    ]
    return markdown_table(["task, model", *METRICS.values()], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--record",
        type=Path,
        default=Path(__file__).parent / "downstream.json",
        help="where the figure of every run goes (default: beside this file)",
    )
    arguments = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    rows = [row for task in TASKS for row in compare(task)]
    arguments.record.write_text(json.dumps({"options": OPTIONS, "runs": rows}, indent=2) + "\n")
    write_block(CARD, "downstream", table(pd.DataFrame(rows)))


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"error: {error}")
