"""Human DNA out of two Debian packages, as pieces of plain A, C, G, T, with one region held out."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

from dev.pretrain.fetch import debian_package

COMPLEMENT = str.maketrans("ACGT", "TGCA")
# 1 Mb in the middle of chr22 (GRCh37), away from the telomere; what is in it is never trained on.
HELD_OUT = (36_000_000, 37_000_000)
# Pieces are at most this long (the tokenizer's time grows faster than the length), and shorter ones than SHORTEST are
# left out: they hold no whole training window.
LONGEST, SHORTEST = 10_000, 500


@dataclass
class Corpus:
    """Pieces of human DNA, forward strand, upper case, A C G T only."""

    train: list[str]
    held_out: list[str]


def reverse_complement(sequence: str) -> str:
    return sequence.translate(COMPLEMENT)[::-1]


def read_corpus() -> Corpus:
    """Fetch the packages if need be and read them: 2 Mb each of chr3, chr4, chr5 and 21.5 Mb of chr22."""
    train, held_out = [], []
    folder = debian_package("augustus-doc") / "usr/share/doc/augustus/tutorial/data"
    for name in ("chr3.42M.fa", "chr4.103M.fa", "chr5.124M.fa"):
        train += pieces("".join((folder / name).read_text().splitlines()[1:]))
    for start, sequence in human_rows(chr22_alignment()):
        if start >= HELD_OUT[0] and start + len(sequence) <= HELD_OUT[1]:
            held_out += pieces(sequence)
        elif start + len(sequence) <= HELD_OUT[0] or start >= HELD_OUT[1]:
            train += pieces(sequence)
        # A block across the border belongs to neither.
    return Corpus(train, held_out)


def chr22_alignment() -> Path:
    """Fetch the package if need be; return its alignment of primates on human chr22 (GRCh37)."""
    folder = debian_package("maffilter-examples") / "usr/share/doc/maffilter/examples/Gorilla"
    (alignment,) = folder.glob("*.maf.gz")
    return alignment


def human_rows(path: Path) -> list[tuple[int, str]]:
    """Return start (zero-based, on chr22) and bases of the human row of every alignment block, gaps taken out.

    Repeats are in lower case.
    """
    rows = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if line.startswith("s Hsap.22 "):
                _, _, start, _, strand, _, bases = line.split()
                assert strand == "+", "this alignment is projected on human: the strand is always forward"
                rows.append((int(start), bases.replace("-", "")))
    return rows


def pieces(sequence: str) -> list[str]:
    """Upper-case a sequence, cut it at letters other than A, C, G, T and at LONGEST; leave short rests out."""
    runs = re.findall("[ACGT]+", sequence.upper())
    cut = [run[start : start + LONGEST] for run in runs for start in range(0, len(run), LONGEST)]
    return [piece for piece in cut if len(piece) >= SHORTEST]
