"""Small labeled sequences that the tiny random model learns to tell apart, and the options of a short training."""

import random
from pathlib import Path
from typing import Any

import pandas as pd

from dna_lm.command import options_of_tool
from dna_lm.options import OUTPUT
from dna_lm.training.options import FinetuneOptions

TINY_RANDOM = Path(__file__).resolve().parent.parent / "test-data" / "tiny-random"
TRAINING = {
    "base_model": str(TINY_RANDOM),
    "lora_r": 2,
    "lora_alpha": 4.0,
    "experts": "no",
    "embeddings": "no",
    "warmup": 0.0,
    "learning_rate": 0.05,
    "epochs": 6,
    "batch_size": 8,
    "patience": 0,
    "max_length": 50,
    "strands": "forward",
    "threads": 1,
}


def training_options(**changes) -> FinetuneOptions:
    """Return the options of a training: the defaults, TRAINING, and what changes."""
    return FinetuneOptions(**{"train": "", "dev": ""} | TRAINING | changes)


def predictions(**options) -> pd.DataFrame:
    """Return the table of predictions; options: those of predict that are not the defaults, and `progress`."""
    from dna_lm.prediction.predicting import predicted_blocks

    left_out = ("threads", *options)
    defaults = {option.name: option.default for option in options_of_tool("predict") if option.kind is not OUTPUT}
    defaults = {name: value for name, value in defaults.items() if name not in left_out}
    return pd.concat([block.predictions for block in predicted_blocks(**defaults, **options)], ignore_index=True)


def sequences(labels: list[str], count: int, seed: int) -> list[tuple[str, str]]:
    """Return pairs of a sequence of 6 to 24 bases and its label; each label favors a base of its own."""
    numbers = random.Random(seed)
    pairs = []
    for position in range(count):
        number = position % len(labels)
        length = numbers.randint(6, 24)
        dna = ("ACGT"[number] if numbers.random() < 0.35 else numbers.choice("ACGT") for _ in range(length))
        pairs.append(("".join(dna), labels[number]))
    return pairs


def write_labeled(path: Path, pairs: list[tuple[str, str]]) -> str:
    """Write a CSV with the columns sequence, label and id; returns its path."""
    rows = []
    for number, (dna, label) in enumerate(pairs):
        quoted = label.replace('"', '""')
        rows.append(f'{dna},"{quoted}",s{number}\n')
    path.write_text("sequence,label,id\n" + "".join(rows), encoding="utf-8")
    return str(path)


def write_splits(folder: Path, labels: list[str]) -> dict[str, str]:
    """Write train, dev and test splits; returns their paths by name."""
    sizes = {"train": 60, "dev": 30, "test": 30}
    return {
        name: write_labeled(folder / f"{name}.csv", sequences(labels, size, seed))
        for seed, (name, size) in enumerate(sizes.items(), start=1)
    }


def command_line(options: dict[str, Any]) -> list[str]:
    """Return keywords of the library as arguments of a command line."""
    arguments = []
    for name, value in options.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments
