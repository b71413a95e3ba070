"""What the size of a batch is worth on small training splits: MCC on sequences held out, after the recommended epochs.

    python dev/bench/small_data.py --data FOLDER [--base-model FOLDER] [--rows 100,300,1000] [--batches 64,32,16,8]

with the Python of the tools environment. data: a folder with train.csv and dev.csv, such as GUE's tf/0. Training splits
of so many rows are drawn from train.csv, and a fifth as many others, 40 at least, to choose the epoch; dev.csv is what
is scored, both strands averaged. Prints a table in Markdown: mean of the draws, and each.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import pandas as pd

from dev.bench.accuracy import evaluated, finetuned


def drawn(data: Path, rows: int, draw: int, folder: Path) -> tuple[Path, Path]:
    """Write a draw's training and development set into a folder; return their paths."""
    table = pd.read_csv(data / "train.csv").sample(rows + max(40, rows // 5), random_state=draw)
    train, dev = folder / "train.csv", folder / "dev.csv"
    table[:rows].to_csv(train, index=False)
    table[rows:].to_csv(dev, index=False)
    return train, dev


def cell(found: list[float]) -> str:
    """Return the mean of the draws, and each."""
    return f"{statistics.mean(found):.2f} ({', '.join(f'{value:.2f}' for value in found)})"


def measure(base_model: str, data: Path, rows: int, batch: int, draw: int) -> float:
    """Return the MCC of one training."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = ["--batch-size", batch, "--seed", draw]
        finetuned(base_model, *drawn(data, rows, draw, folder), folder, *options)
        return float(evaluated(base_model, data / "dev.csv", folder)["mcc"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base-model", default="built-in")
    parser.add_argument("--rows", default="100,300,1000")
    parser.add_argument("--batches", default="64,32,16,8")
    parser.add_argument("--draws", type=int, default=3)
    given = parser.parse_args()
    batches = [int(batch) for batch in given.batches.split(",")]
    print("| rows | " + " | ".join(f"batches of {batch}" for batch in batches) + " |")
    print("|---:|" + "---:|" * len(batches), flush=True)
    for rows in map(int, given.rows.split(",")):
        cells = []
        for batch in batches:
            found = [measure(given.base_model, given.data, rows, batch, draw) for draw in range(1, given.draws + 1)]
            cells.append(cell(found))
        print(f"| {rows:,} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
