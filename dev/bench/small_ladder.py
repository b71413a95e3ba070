"""What adapters score beside simpler models when there are few training sequences: MCC on sequences held out.

    python dev/bench/small_ladder.py --data FOLDER [--scored test.csv] [--rows 100,300,1000] [--draws 3] [OPTION ...]

with the Python of the tools environment. data: a folder with train.csv and the file that is scored. Training sets of so
many rows are drawn from train.csv, and a fifth as many others, 40 at least, for the development set. Further options
are those of scripts/finetune.py. Prints a table in Markdown: for each model of Evaluate's ladder the mean of the draws,
and each.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from dev.bench.accuracy import finetuned, run
from dev.bench.small_data import cell, drawn


def ladder(data: Path, scored: Path, rows: int, draw: int, options: list[str]) -> dict[str, float]:
    """Return the MCC of each model, trained on one draw."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, dev = drawn(data, rows, draw, folder)
        finetuned("built-in", train, dev, folder, "--branch", "yes", "--seed", draw, *options)
        outputs = [f"--{kind}-out={folder}/{kind}" for kind in ("metrics", "predictions", "plot", "report", "ladder")]
        given = ["--base-model", "built-in", "--adapter", folder / "adapter", "--data", scored, "--train", train]
        run("evaluate", *given, *outputs)
        found = pd.read_csv(folder / "ladder", sep="\t")
        found = found[found["metric"] == "mcc"]
        return dict(zip(found["model"], found["value"], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scored", default="test.csv")
    parser.add_argument("--rows", default="100,300,1000")
    parser.add_argument("--draws", type=int, default=3)
    given, options = parser.parse_known_args()
    head = True
    for rows in map(int, given.rows.split(",")):
        draws = range(1, given.draws + 1)
        found = pd.DataFrame([ladder(given.data, given.data / given.scored, rows, draw, options) for draw in draws])
        if head:
            print("| rows | " + " | ".join(found) + " |\n|---:|" + "---:|" * len(found.columns))
            head = False
        cells = [cell(found[name].tolist()) for name in found]
        print(f"| {rows:,} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
