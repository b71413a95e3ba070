"""Make the small genome of test-data and the peaks on it, all of them made up.

    python dev/make_interval_fixtures.py        # with the Python of the tools environment

The same files come out every time.
"""

import gzip
from pathlib import Path

import numpy as np

TEST_DATA = Path(__file__).resolve().parent.parent / "test-data"
LENGTH = 10_000  # nucleotides of each chromosome
CHROMOSOMES = {"chr1": 0.40, "chr2": 0.48, "chr3": 0.56}  # shares of G and C
UNKNOWN = ("chr2", 9_300, 9_700)
LOWER_CASE = ("chr1", 2_000, 3_000)
COMPLEMENT = str.maketrans("ACGT", "TGCA")
EXCLUDED = [("chr1", 0, 500), ("chr3", 9_000, 10_000)]


def make_genome(random: np.random.Generator) -> dict[str, str]:
    genome = {}
    for name, gc in CHROMOSOMES.items():
        shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
        genome[name] = "".join(random.choice(list("ACGT"), LENGTH, p=shares))
    for (name, start, end), change in ((UNKNOWN, lambda dna: "N" * len(dna)), (LOWER_CASE, str.lower)):
        dna = genome[name]
        genome[name] = dna[:start] + change(dna[start:end]) + dna[end:]
    return genome


def make_peaks(random: np.random.Generator, first: int) -> list[tuple[str, int, int]]:
    """Return 20 intervals of 120 to 280 nucleotides, one at a random place in each stretch of 1,200.

    first: where the first stretch of a chromosome begins.
    """
    peaks = []
    for number in range(20):
        name = list(CHROMOSOMES)[number % 3]
        length = int(random.integers(120, 281))
        start = first + 1_200 * (number // 3) + int(random.integers(0, 200))
        peaks.append((name, start, start + length))
    return peaks


def main() -> None:
    random = np.random.default_rng(42)
    genome = make_genome(random)
    with (TEST_DATA / "genome.fa").open("w") as file:
        for name, dna in genome.items():
            file.write(f">{name} made up\n")
            file.writelines(dna[start : start + 60] + "\n" for start in range(0, LENGTH, 60))
    located = []
    with (TEST_DATA / "peaks_a.narrowPeak").open("w") as file:
        for number, (name, start, end) in enumerate(make_peaks(random, 600), start=1):
            summit = int(random.integers(40, end - start - 40))
            fields = (name, start, end, f"a{number}", 1000 - number, "+-"[number % 2], "12.5", "30.1", "27.4", summit)
            file.write("\t".join(map(str, fields)) + "\n")
            dna = genome[name][start:end].upper()
            if fields[5] == "-":
                dna = dna.translate(COMPLEMENT)[::-1]
            located.append((name, start, end, fields[5], dna))
    # As bedtools getfasta -s writes them.
    (TEST_DATA / "located.fa").write_text(
        "".join(f">{name}:{start}-{end}({strand})\n{dna}\n" for name, start, end, strand, dna in located)
    )
    rows = [f"{name},{start},{end},{strand},{dna},bound\n" for name, start, end, strand, dna in located]
    (TEST_DATA / "located.csv").write_text("chrom,start,end,strand,sequence,label\n" + "".join(rows))
    # The last peak lies at the start of its chromosome: a window of 200 about it reaches past the end.
    peaks = [*make_peaks(random, 1_200)[:-1], ("chr2", 20, 140)]
    bed = "track name=b\n"
    for number, (name, start, end) in enumerate(peaks, start=1):
        bed += "\t".join(map(str, (name, start, end, f"b{number}", 0, "+-"[number % 2]))) + "\n"
    (TEST_DATA / "peaks_b.bed").write_text(bed)
    (TEST_DATA / "peaks_b.bed.gz").write_bytes(gzip.compress(bed.encode(), mtime=0))
    (TEST_DATA / "blacklist.bed").write_text("".join(f"{name}\t{start}\t{end}\n" for name, start, end in EXCLUDED))


if __name__ == "__main__":
    main()
