"""The processor time that a training takes, which other programs on the machine change less than the time it takes.

    python dev/bench/training_cpu.py --data FOLDER --model FOLDER [--project FOLDER] [--rounds 2]

data: a folder with train.csv and dev.csv, such as GUE's tf/0; model: the 1M Mistral-DNA, whose tokenizer a random model
of 17 million parameters gets (see finetuning.py). project: another checkout of the project, to compare with. One epoch
in batches of 64, one process of one thread, loading left out; the sequences as they are, and each cut to a random
length from 20 letters on. Run it with the Python of the tools environment. Prints a table in Markdown.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

ROWS = {"1M": 2560, "17M": 320}
DEV_ROWS = 32


def cut(sequences: pd.Series) -> list[str]:
    lengths = random.Random(1)
    return [sequence[: lengths.randint(20, len(sequence))] for sequence in sequences]


def write_splits(folder: Path, data: Path, rows: int, mixed: bool) -> dict[str, str]:
    """Write the first rows of both splits; returns their paths by name."""
    folder.mkdir()
    paths = {}
    for split, count in (("train", rows), ("dev", DEV_ROWS)):
        table = pd.read_csv(data / f"{split}.csv").head(count)
        if mixed:
            table["sequence"] = cut(table["sequence"])
        paths[split] = str(folder / f"{split}.csv")
        table.to_csv(paths[split], index=False)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--project", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", GALAXY_SLOTS="1")
    sys.path[:0] = [str(given.project / "scripts")]
    from dev.bench.finetuning import random_model
    from dna_lm.training import finetuning
    from dna_lm.training.options import FinetuneOptions

    spent = []
    train = finetuning.train

    def timed(*positional, **named):
        start = time.process_time()
        result = train(*positional, **named)
        spent.append(time.process_time() - start)
        return result

    finetuning.train = timed
    fixed = {"base_model_id": "model", "threads": 1, "epochs": 1, "patience": 0, "batch_size": 64}
    print("| model | lengths | sequences in a second of processor time |\n|---|---|---:|")
    with tempfile.TemporaryDirectory() as name:
        models = {"1M": given.model, "17M": random_model(Path(name, "17M"), given.model)}
        for size, model in models.items():
            for mixed in (False, True):
                splits = write_splits(Path(name, f"{size}{mixed}"), given.data, ROWS[size], mixed)
                spent.clear()
                for _ in range(given.rounds):
                    options = FinetuneOptions(**fixed | splits | {"base_model": str(model)})
                    finetuning.finetune(options, lambda _: None)
                speeds = ", ".join(f"{ROWS[size] / seconds:.0f}" for seconds in spent)
                print(f"| {size} | {'from 20 letters' if mixed else 'as they are'} | {speeds} |", flush=True)


if __name__ == "__main__":
    main()
