"""What the classifiers that read nucleotides are worth where known motifs say nothing: with and without them.

    python dev/bench/planted.py [--rows 1000] [--seeds 1,2,3] [OPTION ...]

with the Python of the tools environment. The sequences are test-data/background.fa, human DNA of 200 nucleotides, cut,
shuffled and planted with patterns of random letters. Three tasks:

    pattern   the label says whether a pattern of 14 letters, two of them changed, is in the sequence
    order     both labels have two such patterns, at any distance; the label says which comes first
    number    how many times, 0 to 3, the pattern is in the sequence, and a tenth of noise

Further options are those of scripts/finetune.py. Prints a table in Markdown: for each task the score on test sequences
(MCC, or Spearman's correlation) without and with the classifiers, the mean of the seeds, and each.
"""

import argparse
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from dev.bench.accuracy import evaluated, finetuned
from dev.bench.small_data import cell
from dna_lm.data.sequences import BASES

BACKGROUND = Path(__file__).resolve().parents[2] / "test-data" / "background.fa"
LENGTH, PATTERN, CHANGED, NOISE = 200, 14, 2, 0.1
TEST_ROWS = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seeds", default="1,2,3")
    given, options = parser.parse_known_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    print("| task | score | language model alone | with classifiers that read nucleotides |\n|---|---|---:|---:|")
    for name, (task, score) in TASKS.items():
        cells = []
        for branch in ("no", "yes"):
            found = [_measured(task, score, given.rows, seed, [*options, "--branch", branch]) for seed in seeds]
            cells.append(cell(found))
        print(f"| {name} | {score} | {' | '.join(cells)} |", flush=True)


def _measured(task: Callable, score: str, rows: int, seed: int, options: list[str]) -> float:
    numbers = random.Random(seed)
    background = _background()
    patterns = ["".join(numbers.choices(BASES, k=PATTERN)) for _ in range(2)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {}
        for part, count in (("train", rows), ("dev", max(40, rows // 5)), ("test", TEST_ROWS)):
            drawn = [task(_piece(background, numbers), patterns, numbers) for _ in range(count)]
            paths[part] = folder / f"{part}.csv"
            pd.DataFrame(drawn, columns=["sequence", "label"]).to_csv(paths[part], index=False)
        target = ["--target", "number"] if score != "mcc" else []
        finetuned("built-in", paths["train"], paths["dev"], folder, "--seed", seed, *target, *options)
        return float(evaluated("built-in", paths["test"], folder)[score])


def pattern_rows(count: int, seed: int) -> pd.DataFrame:
    """Return sequences of the task `pattern`, with the columns sequence and label; the pattern is always the same."""
    numbers, background = random.Random(seed), _background()
    pattern = "".join(random.Random(0).choices(BASES, k=PATTERN))
    rows = [_pattern(_piece(background, numbers), [pattern], numbers) for _ in range(count)]
    return pd.DataFrame(rows, columns=["sequence", "label"])


def _background() -> str:
    lines = BACKGROUND.read_text(encoding="ascii").splitlines()
    return "".join(line for line in lines if not line.startswith(">")).upper().replace("N", "A")


def _piece(background: str, numbers: random.Random) -> list[str]:
    start = numbers.randrange(len(background) - LENGTH)
    return list(background[start : start + LENGTH])


def _plant(letters: list[str], pattern: str, start: int, numbers: random.Random) -> None:
    planted = list(pattern)
    for place in numbers.sample(range(PATTERN), CHANGED):
        planted[place] = numbers.choice(BASES)
    letters[start : start + PATTERN] = planted


def _pattern(letters: list[str], patterns: list[str], numbers: random.Random) -> tuple[str, str]:
    label = numbers.random() < 0.5
    if label:
        _plant(letters, patterns[0], numbers.randrange(LENGTH - PATTERN), numbers)
    return "".join(letters), "yes" if label else "no"


def _order(letters: list[str], patterns: list[str], numbers: random.Random) -> tuple[str, str]:
    places = sorted(numbers.sample(range(0, LENGTH - PATTERN, PATTERN), 2))
    label = numbers.random() < 0.5
    for pattern, place in zip(patterns, places if label else places[::-1], strict=True):
        _plant(letters, pattern, place, numbers)
    return "".join(letters), "first" if label else "second"


def _number(letters: list[str], patterns: list[str], numbers: random.Random) -> tuple[str, float]:
    places = numbers.sample(range(0, LENGTH - PATTERN, PATTERN), numbers.randrange(4))
    for place in places:
        _plant(letters, patterns[0], place, numbers)
    return "".join(letters), round(len(places) + numbers.gauss(0, NOISE), 3)


TASKS = {"pattern": (_pattern, "mcc"), "order": (_order, "mcc"), "number": (_number, "spearman")}


if __name__ == "__main__":
    main()
