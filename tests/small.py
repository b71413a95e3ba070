"""Small labeled sequences that the tiny random model learns to tell apart, and the options of a short training."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dna_lm.classifiers.options import LoraOptions
from dna_lm.evaluation.options import CalibrateOptions, CompareOptions, EvaluateOptions
from dna_lm.prediction.options import ApplyingOptions, PredictOptions
from dna_lm.training.options import FinetuneOptions

if TYPE_CHECKING:
    from dna_lm.adapters.dataset import Adapter
    from dna_lm.evaluation.calibrating import Calibrated
    from dna_lm.evaluation.comparing import Compared
    from dna_lm.evaluation.evaluating import Evaluated
    from dna_lm.prediction.predicting import Block
    from dna_lm.prediction.predictor import Predictor

READING = ("strand", "precision", "read_out")
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
    "branch": "no",
    "threads": 1,
}


def silent(text: str) -> None:
    """Tell nothing of how it goes."""


def training_options(**changes) -> FinetuneOptions:
    """Return the options of a training: the defaults, TRAINING, and what changes."""
    return FinetuneOptions(**{"train": "", "dev": ""} | TRAINING | changes)


def lora_options(**changes) -> LoraOptions:
    """Return the options of small LoRA matrices, on the attention's layers alone unless the changes say more."""
    return LoraOptions(**{"lora_r": 2, "lora_alpha": 4.0, "experts": "no", "embeddings": "no"} | changes)


def predicted_blocks(progress: Callable[[str], None] = silent, **options) -> Iterator["Block"]:
    """Give what predicting gives; options: those that are not the defaults."""
    from dna_lm.prediction import predicting

    return predicting.predicted_blocks(PredictOptions(**{"base_model": str(TINY_RANDOM)} | options), progress)


def predictions(progress: Callable[[str], None] = silent, **options) -> pd.DataFrame:
    """Return the table of predictions, see predicted_blocks."""
    return pd.concat([block.predictions for block in predicted_blocks(progress, **options)], ignore_index=True)


@contextmanager
def predictor(adapter: "Adapter | Path", progress: Callable[[str], None] = silent, **changes) -> Iterator["Predictor"]:
    """Open an adapter, or its file, on the tiny random model; changes: options, and what Predictor is given."""
    from dna_lm.adapters.dataset import load_adapter
    from dna_lm.prediction.predictor import opened_predictor

    loaded = load_adapter(adapter) if isinstance(adapter, str | Path) else adapter
    reading = {name: changes.pop(name) for name in READING if name in changes}
    options = ApplyingOptions(**{"base_model": str(TINY_RANDOM), "batch_size": 8} | changes)
    with opened_predictor(loaded, options, progress, **reading) as opened:
        yield opened


def probabilities(adapter: "Adapter | Path", dna: list[str], **changes) -> np.ndarray:
    """Return what an adapter predicts for sequences, see predictor."""
    with predictor(adapter, **changes) as opened:
        return opened.predictions(opened.outputs(dna).raw)


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
    """Write train, dev and test sets; returns their paths by name."""
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


def evaluate(progress: Callable[[str], None] = silent, **options) -> "Evaluated":
    """Evaluate an adapter; options: those that are not the defaults."""
    from dna_lm.evaluation import evaluating

    return evaluating.evaluate(EvaluateOptions(**options), progress)


def compare(progress: Callable[[str], None] = silent, **options) -> "Compared":
    """Compare adapters; options: those that are not the defaults."""
    from dna_lm.evaluation import comparing

    return comparing.compare(CompareOptions(**options), progress)


def calibrate(progress: Callable[[str], None] = silent, **options) -> "Calibrated":
    """Calibrate an adapter; options: those that are not the defaults."""
    from dna_lm.evaluation import calibrating

    return calibrating.calibrate(CalibrateOptions(**options), progress)
