"""Measure which planted homologs the similarity split keeps together, what it joins by chance, and what it costs.

    python dev/bench/similarity.py [--rows 20000] [--lengths [--weight 11|13|15]] [--gue FOLDER]

Rows are random sequences of 200 letters. Half of them are planted pairs, as many of each kind: the second is the first
with substitutions, with a few short gaps too, or shifted by a quarter or a half, on either strand. With --lengths, the
same for whole sequences of 20 to 200 letters, each length a dataset of so many rows, and more identities; --weight
takes the seeds of larger datasets. With --gue, a folder with train.csv, dev.csv and test.csv, also the groups in there,
and what is in one group across the splits.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from dna_lm.data.sequences import normalize, reverse_complement
from dna_lm.preparation import similarity
from dna_lm.preparation.records import Records
from dna_lm.preparation.similarity import PATTERNS, similar_groups

SEED = 42
LENGTH = 200
IDENTITIES = (95, 90, 85)
GAPS = 3
LENGTHS = (20, 25, 30, 36, 50, 75, 101, 150, 200)
MORE_IDENTITIES = (97, 95, 90, 85, 80)
# Letters for each gap in the pairs with gaps.
LETTERS_A_GAP = 34
SHAPES = {"whole": 0, "whole, gaps": 0, "shifted by 50": 50, "shifted by 100": 100}
STRANDS = ("same", "opposite")


def text(codes: np.ndarray) -> str:
    return np.array(list("ACGT"))[codes].astype(object).sum()


def homolog(rng: np.random.Generator, codes: np.ndarray, identity: int, shape: str, gaps: int = GAPS) -> np.ndarray:
    """Return a sequence that has this percentage of the letters of another, where they overlap."""
    result = codes[SHAPES[shape] :].copy()
    places = rng.choice(len(result), round(len(result) * (100 - identity) / 100), replace=False)
    result[places] = (result[places] + rng.integers(1, 4, len(places))) % 4
    for _ in range(gaps if "gaps" in shape else 0):
        place, size = rng.integers(5, len(result) - 5), rng.integers(1, 4)
        if rng.random() < 0.5:
            result = np.delete(result, np.arange(place, place + size))
        else:
            result = np.insert(result, place, rng.integers(0, 4, size))
    return np.concatenate([result, rng.integers(0, 4, SHAPES[shape])])


def planted(rows: int) -> tuple[list[str], pd.DataFrame]:
    """Return shuffled sequences, and the kind of each planted pair with the rows of its `first` and its `second`."""
    rng = np.random.default_rng(SEED)
    kinds = [(identity, shape, strand) for identity in IDENTITIES for shape in SHAPES for strand in STRANDS]
    sequences, pairs = [], []
    for kind in kinds:
        for _ in range(rows // (2 * 2 * len(kinds))):
            identity, shape, strand = kind
            first = rng.integers(0, 4, LENGTH)
            second = text(homolog(rng, first, identity, shape))
            pairs.append((*kind, len(sequences), len(sequences) + 1))
            sequences += [text(first), second if strand == "same" else reverse_complement(second)]
    sequences += [text(rng.integers(0, 4, LENGTH)) for _ in range(rows - len(sequences))]
    order = rng.permutation(rows)
    place = np.argsort(order)
    frame = pd.DataFrame(pairs, columns=["identity", "shape", "strand", "first", "second"])
    frame[["first", "second"]] = place[frame[["first", "second"]]]
    return [sequences[row] for row in order], frame


def timed(sequences: list[str]) -> np.ndarray:
    """Return the groups; say how long it took and what the process needed at most."""
    start = time.perf_counter()
    groups = similar_groups(Records.of(sequences))
    seconds = time.perf_counter() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(sequences)} sequences: {seconds:.1f} s, peak memory of the process {megabytes:.0f} MB")
    print(f"{groups.max() + 1} groups, the largest of {', '.join(map(str, sorted(np.bincount(groups))[:-6:-1]))}")
    return groups


def measure_planted(rows: int) -> None:
    sequences, pairs = planted(rows)
    groups = timed(sequences)
    pairs["together"] = groups[pairs["first"]] == groups[pairs["second"]]
    joined = rows - (groups.max() + 1)
    print(f"joined by chance: {joined - pairs['together'].sum()} of {rows}\n")
    print(f"pairs put together, of {len(pairs) // pairs.groupby(['identity', 'shape', 'strand']).ngroups} of each kind")
    table = pairs.pivot_table(index=["shape", "strand"], columns="identity", values="together", sort=False)
    print(table.rename(columns="{}%".format).to_string(float_format="{:.3f}".format))


def measure_lengths(rows: int) -> None:
    """Print the share of planted pairs of each length that are put together, without and with gaps."""
    rng = np.random.default_rng(SEED)
    kinds = [(identity, shape) for shape in ("whole", "whole, gaps") for identity in MORE_IDENTITIES]
    table = []
    for length in LENGTHS:
        sequences, pairs = [], []
        for number in range(rows // (2 * 2 * len(kinds)) * len(kinds)):
            identity, shape = kinds[number % len(kinds)]
            first = rng.integers(0, 4, length)
            second = text(homolog(rng, first, identity, shape, max(1, round(length / LETTERS_A_GAP))))
            pairs.append((identity, shape, len(sequences), len(sequences) + 1))
            sequences += [text(first), second if rng.random() < 0.5 else reverse_complement(second)]
        sequences += [text(rng.integers(0, 4, length)) for _ in range(rows - len(sequences))]
        start = time.process_time()
        groups = similar_groups(Records.of(sequences))
        seconds = time.process_time() - start
        together = pd.DataFrame(pairs, columns=["identity", "shape", "first", "second"])
        together["found"] = groups[together["first"]] == groups[together["second"]]
        shares = together.groupby(["shape", "identity"], sort=False)["found"].mean()
        false = rows - (groups.max() + 1) - together["found"].sum()
        table.append({"length": length, **shares.to_dict(), "false joins": false, "seconds": seconds})
    print(f"pairs put together, of {len(pairs) // len(kinds)} of each kind among {rows} sequences of each length")
    print(pd.DataFrame(table).set_index("length").to_string(float_format="{:.3f}".format))


def measure_splits(folder: Path) -> None:
    splits = {name: pd.read_csv(folder / f"{name}.csv").assign(split=name) for name in ("train", "dev", "test")}
    records = pd.concat(splits.values(), ignore_index=True)
    records["group"] = timed(records["sequence"].map(normalize).tolist())
    in_train = set(records.loc[records["split"] == "train", "group"])
    others = records[records["split"] != "train"]
    shared = others["group"].isin(in_train).groupby([others["split"], others["label"]]).agg(["sum", "size"])
    print("\nin one group with a sequence of train")
    print(shared.rename(columns={"sum": "sequences", "size": "of"}).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, metavar="N", help="random sequences (default: 20000)")
    parser.add_argument("--lengths", action="store_true", help="also sequences of 20 to 200 letters")
    parser.add_argument("--weight", type=int, choices=PATTERNS, help="of the seeds, for --lengths")
    parser.add_argument("--gue", type=Path, metavar="FOLDER", help="folder with train.csv, dev.csv and test.csv")
    options = parser.parse_args()
    measure_planted(options.rows)
    if options.lengths:
        print()
        if options.weight:
            similarity.patterns_for = lambda lengths: PATTERNS[options.weight]
        measure_lengths(options.rows)
    if options.gue:
        print()
        measure_splits(options.gue)


if __name__ == "__main__":
    main()
