"""Make the data of the workflows' own tests again: pieces of real genomes, and ChIP-seq peaks on them.

    python dev/make_workflow_test_data.py

needs numpy, pandas, the Python package index and, for Debian's package augustus-doc, apt-get and dpkg-deb (40 MB
together, kept in .local/downloads). The same files come out every time.
"""

import gzip
import sys
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path += [str(PROJECT / "dev" / "pretrain"), str(PROJECT / "scripts")]
from fetch import FetchError, debian_package, python_package  # noqa: E402

from dna_lm.data.fasta import read_fasta  # noqa: E402

WORKFLOWS = PROJECT / "workflows"
PEAKS = "BEAF_Kc_Bushey_2009.bed"
CHROMOSOME = "chr2R"
PIECES = 6
LENGTH = 150_000  # nt of a piece
MARGIN = 2_000  # nt from the start of a piece to its first peak
HUMAN = "chr3.42M.fa"
HUMAN_NAME, HUMAN_LENGTH = "chr3_piece", 60_000
REGIONS = [(5_000, 15_000), (30_000, 45_000)]


def read_sequence(path: Path) -> str:
    """Return the only sequence of a FASTA file, in upper case."""
    return read_fasta(path, path.name)["sequence"].item()


def read_peaks(path: Path) -> np.ndarray:
    """Return start and end of each peak on CHROMOSOME, shape (peaks, 2), sorted by start."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return np.array(sorted((int(row[1]), int(row[2])) for row in rows if row[0] == CHROMOSOME))


def densest(peaks: np.ndarray) -> list[int]:
    """Return where the PIECES pieces begin that have the most peaks and do not overlap, the richest first."""
    starts = peaks[:, 0] - MARGIN
    counts = [np.sum((peaks[:, 0] >= start) & (peaks[:, 1] <= start + LENGTH)) for start in starts]
    chosen = []
    for place in np.argsort(counts, kind="stable")[::-1]:
        start = int(starts[place])
        if all(abs(start - other) >= LENGTH for other in chosen):
            chosen.append(start)
    return chosen[:PIECES]


def write_fasta(path: Path, records: dict[str, str]) -> None:
    """Write sequences as gzipped FASTA, 60 letters a line, without a date in it."""
    lines = []
    for name, dna in records.items():
        lines += [f">{name}", *(dna[start : start + 60] for start in range(0, len(dna), 60))]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def main() -> None:
    sequences = debian_package("augustus-doc") / "usr/share/doc/augustus/tutorial/data"
    package = python_package("pybedtools", "0.12.1", source=False)
    chip, scan = (WORKFLOWS / name / "test-data" for name in ("dna-lm-chip-peaks", "dna-lm-scan-genome"))
    for folder in (chip, scan):
        folder.mkdir(parents=True, exist_ok=True)
    peaks = read_peaks(package / "pybedtools" / "test" / "data" / PEAKS)
    chromosome = read_sequence(sequences / f"{CHROMOSOME}.fa")
    pieces, rows = {}, []
    for number, start in enumerate(densest(peaks), start=1):
        pieces[f"piece{number}"] = chromosome[start : start + LENGTH]
        inside = peaks[(peaks[:, 0] >= start) & (peaks[:, 1] <= start + LENGTH)] - start
        rows += [f"piece{number}\t{first}\t{last}\n" for first, last in inside]
        print(f"piece{number}: {CHROMOSOME}:{start}-{start + LENGTH}, {len(inside)} peaks")
    write_fasta(chip / "fly.fa.gz", pieces)
    (chip / "BEAF-32.bed").write_text("".join(rows))
    write_fasta(scan / "human.fa.gz", {HUMAN_NAME: read_sequence(sequences / HUMAN)[:HUMAN_LENGTH]})
    (scan / "regions.bed").write_text("".join(f"{HUMAN_NAME}\t{start}\t{end}\n" for start, end in REGIONS))


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"error: {error}")
