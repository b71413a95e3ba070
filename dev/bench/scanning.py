"""What share of a scan's time each part takes, for an adapter with classifiers that read nucleotides.

    python dev/bench/scanning.py --adapter FILE [--base-model FOLDER] [--letters 250000] [--window 200] [--step 50]

with the Python of the tools environment. Random DNA, one process, one thread; shares are of processor time, loading
included.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dna_lm.base_models.encoding import Encoder
from dna_lm.branch.convolution import Convolution
from dna_lm.branch.network import KmerPart, MotifPart
from dna_lm.data.sequences import BASES
from dna_lm.prediction.branch_reader import BranchReader
from dna_lm.prediction.options import ScanOptions
from dna_lm.prediction.scanning import scanned
from dna_lm.prediction.tracks import Track
from dna_lm.processes import inference

PARTS = {
    "language model": (inference, "forward"),
    "tokenizing": (Encoder, "_each"),
    "classifiers that read nucleotides": (BranchReader, "outputs"),
    "of these, motifs": (MotifPart, "forward"),
    "of these, k-mers": (KmerPart, "forward"),
    "of these, convolution": (Convolution, "forward"),
}


def timed(owner: Any, name: str) -> list[float]:
    """Have a function note what it takes; returns the list of its seconds."""
    function, seconds = getattr(owner, name), []

    def noting(*arguments, **options):
        begun = time.process_time()
        result = function(*arguments, **options)
        seconds.append(time.process_time() - begun)
        return result

    setattr(owner, name, noting)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--base-model")
    parser.add_argument("--letters", type=int, default=250_000)
    parser.add_argument("--window", type=int, default=200)
    parser.add_argument("--step", type=int, default=50)
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["DNA_LM_PROCESSES"] = "1"
    base_model = {"base_model": given.base_model} if given.base_model else {}
    parts = {name: timed(*place) for name, place in PARTS.items()}
    with tempfile.TemporaryDirectory() as folder, Track() as track:
        genome = Path(folder) / "genome.fa"
        dna = np.random.default_rng(0).choice(list(BASES), given.letters)
        genome.write_text(f">random\n{''.join(dna)}\n")
        options = ScanOptions(
            adapter=given.adapter, genome=str(genome), window=given.window, step=given.step, **base_model
        )
        begun = time.process_time()
        scanned(track, options, lambda _: None)
    whole = time.process_time() - begun
    for name, seconds in parts.items():
        print(f"{name}: {sum(seconds) / whole:.1%}")
    print(f"the whole scan: {whole:.1f} s")


if __name__ == "__main__":
    main()
