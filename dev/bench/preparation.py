"""Time and memory of scripts/prepare.py on made-up tables, and how both grow with the number of rows.

    python dev/bench/preparation.py                                  # 10^4, 10^5 and 10^6 rows
    python dev/bench/preparation.py --rows 10000,100000 --only random

with the Python of the tools environment, on one thread. Prints a table in Markdown: seconds and peak memory of the
whole process, median of the runs. Times depend on the machine and on what else it does: compare rows of one table.

The rows have 200 random nucleotides, a label and an id; of 100, 2 are copies of an earlier row, 2 its reverse
complement, 4 share 90 to 95% of their letters with one on either strand, and 1 has lower case.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "prepare.py"
LENGTH = 200
BASES = np.frombuffer(b"ACGT", dtype=np.uint8)
COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")
SPLITS = ("train", "dev", "test", "summary")
LOOKS = ("leakage", "offenders", "plot", "report")
# What is measured: the arguments besides the table, and the outputs asked for.
CASES = {
    "random": (["--split", "random"], SPLITS),
    "random, all outputs": (["--split", "random"], (*SPLITS, *LOOKS)),
    "similarity": (["--split", "similarity"], SPLITS),
    "similarity, all outputs": (["--split", "similarity"], (*SPLITS, *LOOKS)),
}


def write_table(path: Path, rows: int, seed: int = 1) -> None:
    """Write the table described above; its labels are those of the rows' first letter, A and C against G and T."""
    random = np.random.default_rng(seed)
    letters = BASES[random.integers(0, 4, size=(rows, LENGTH), dtype=np.uint8)]
    kinds = random.integers(0, 100, size=rows)
    with open(path, "wb") as file:
        file.write(b"sequence,label,id\n")
        for number in range(rows):
            kind = kinds[number]
            if number > 100 and kind < 8:
                letters[number] = letters[random.integers(0, number)]
                if kind >= 4:
                    changed = random.random(LENGTH) < random.uniform(0.05, 0.1)
                    letters[number, changed] = np.frombuffer(b"ACGT", dtype=np.uint8)[
                        random.integers(0, 4, changed.sum())
                    ]
            text = letters[number].tobytes()
            label = b"1" if min(text, text[::-1].translate(COMPLEMENT))[0] in b"AC" else b"0"
            if kind in (2, 3, 6, 7):
                text = text[::-1].translate(COMPLEMENT)
            file.write(b"%s,%s,r%d\n" % (text.lower() if kind == 99 else text, label, number))


def run(arguments: list[str]) -> tuple[float, float]:
    """Run a command on one thread; return its seconds and its peak memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    message = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(arguments)}\n{message}")
    return seconds, usage.ru_maxrss / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="10000,100000,1000000", help="numbers of rows, separated by commas")
    parser.add_argument("--only", choices=CASES, help="one of the cases")
    parser.add_argument("--runs", type=int, default=1, help="runs of each, of which the median is printed")
    options = parser.parse_args()
    python = sys.executable
    helps = [run([python, str(SCRIPT), "--help"])[0] for _ in range(5)]
    print(f"`prepare.py --help`: {statistics.median(helps):.2f} s\n")
    print("| rows | case | seconds | peak MB |\n|---:|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for rows in map(int, options.rows.split(",")):
            table = Path(folder) / "table.csv"
            write_table(table, rows)
            for case, (arguments, outputs) in CASES.items():
                if options.only not in (None, case):
                    continue
                targets = [part for name in outputs for part in (f"--{name}-out", f"{folder}/{name}")]
                command = [python, str(SCRIPT), "--table", str(table), "--contradictory", "drop", "--threads", "1"]
                measured = [run([*command, *arguments, *targets]) for _ in range(options.runs)]
                seconds, memory = (statistics.median(values) for values in zip(*measured, strict=True))
                print(f"| {rows:,} | {case} | {seconds:.1f} | {memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
