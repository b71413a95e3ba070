"""Adapters with a branch that reads nucleotides, small and not trained."""

from dataclasses import replace

import numpy as np
import torch

from dna_lm.adapters.dataset import Adapter
from dna_lm.baselines.names import KMERS
from dna_lm.branch.codes import nucleotide_codes
from dna_lm.branch.convolution import Convolution, Shape
from dna_lm.branch.names import CONVOLUTION, LANGUAGE_MODEL, MOTIFS
from dna_lm.branch.network import Branch, KmerPart, MotifPart
from dna_lm.branch.record import saved
from dna_lm.data.packing import PAD
from dna_lm.data.sequences import reverse_complement
from dna_lm.motifs.jaspar import DATABASE, jaspar_motifs
from dna_lm.processes.inference import padded

# Of the language model in the sum.
WEIGHT = 0.75


def branch(outputs: int) -> tuple[Branch, list]:
    """Return a branch with every part, and the motifs of one of them."""
    torch.manual_seed(3)
    motifs = jaspar_motifs("urochordates")[:5]
    parts = {
        MOTIFS: MotifPart([motif.log_odds() for motif in motifs], outputs),
        KMERS: KmerPart(outputs),
        CONVOLUTION: Convolution(outputs, Shape(filters=8, filter_width=7, channels=4, width=3, pooled=2)),
    }
    torch.nn.init.normal_(parts[CONVOLUTION].head.weight)
    return Branch(parts, {MOTIFS: 0.5, KMERS: 1.0, CONVOLUTION: 2.0}).eval(), motifs


def with_branch(adapter: Adapter, weight: float = WEIGHT) -> Adapter:
    """Return an adapter with a branch beside it. weight: of the language model."""
    tensors, record = saved(*branch(adapter.target.outputs), DATABASE)
    return replace(adapter, branch=tensors, task=adapter.task | {"branch": {LANGUAGE_MODEL: weight, **record}})


def of_branch(dna: list[str], outputs: int) -> np.ndarray:
    """Return what the branch gives for the strand given, (n, outputs)."""
    with torch.no_grad():
        return branch(outputs)[0](*padded(nucleotide_codes(dna), PAD)).logits.double().numpy()


def summed(raw: np.ndarray, dna: list[str], strand: str) -> np.ndarray:
    """Return the weighted sum of a language model's outputs and the branch's, (members, strands, n, outputs).

    raw: without the branch. strand: `forward`, `reverse` or `both`.
    """
    turned = list(map(reverse_complement, dna))
    read = {"forward": [dna], "reverse": [turned], "both": [dna, turned]}[strand]
    return WEIGHT * raw + np.stack([of_branch(each, raw.shape[-1]) for each in read])
