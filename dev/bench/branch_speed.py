"""How many sequences a second the classifiers that read nucleotides predict, each alone and all together.

    python dev/bench/branch_speed.py [--motifs 64] [--length 200] [--sequences 1000]

with the Python of the tools environment. Both strands of random sequences, one thread, batches as in a prediction;
seconds are processor time, the fastest of five runs.
"""

import argparse
import time

import numpy as np
import torch

from dna_lm.baselines.names import KMERS
from dna_lm.branch.codes import nucleotide_codes
from dna_lm.branch.convolution import Convolution
from dna_lm.branch.names import CONVOLUTION, MOTIFS
from dna_lm.branch.network import Branch, KmerPart, MotifPart, both_strands
from dna_lm.data.packing import PAD
from dna_lm.data.sequences import BASES
from dna_lm.motifs.jaspar import jaspar_motifs
from dna_lm.processes.engine import Engine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--motifs", type=int, default=64)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--sequences", type=int, default=1000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    motifs = random.permutation(np.array(jaspar_motifs("vertebrates"), dtype=object))[: given.motifs]
    parts = {
        MOTIFS: MotifPart([motif.log_odds() for motif in motifs], 2),
        KMERS: KmerPart(2),
        CONVOLUTION: Convolution(2),
    }
    codes = nucleotide_codes(["".join(random.choice(list(BASES), given.length)) for _ in range(given.sequences)])
    for names in [*([name] for name in parts), list(parts)]:
        branch = Branch({name: parts[name] for name in names}, dict.fromkeys(names, 1.0)).eval()
        with Engine({0: branch}, PAD, read_out=both_strands) as engine:
            seconds = []
            for _ in range(5):
                begun = time.process_time()
                engine.outputs(codes)
                seconds.append(time.process_time() - begun)
        print(f"{', '.join(names)}: {given.sequences / min(seconds):,.0f} sequences a second")


if __name__ == "__main__":
    main()
