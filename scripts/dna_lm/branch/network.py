"""What reads nucleotides beside the language model: its parts, added up."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput

from ..words import BOTH, FORWARD, REVERSE
from .codes import reverse_complement
from .convolution import Convolution
from .kmer_frequencies import KmerFrequencies
from .motif_scores import MotifScores

if TYPE_CHECKING:  # it loads scikit-learn, which only training needs
    from .linear import Linear


class _OfFeatures(nn.Module):
    """A linear model on features that are the same for both strands."""

    def __init__(self, features: nn.Module, width: int, outputs: int):
        super().__init__()
        self.features = features
        self.head = nn.Linear(width, outputs)

    def set(self, model: "Linear") -> None:
        """Take the weights of a model that was trained elsewhere."""
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(model.weight.T))
            self.head.bias.copy_(torch.from_numpy(model.bias))


class MotifPart(_OfFeatures):
    """Known motifs: a linear model on their scores.

    spread: standard deviation of each motif's score in the training set, (motifs,) float32; 1 until `set` knows it.
    """

    def __init__(self, log_odds: Sequence[np.ndarray], outputs: int):
        """log_odds: see MotifScores."""
        super().__init__(MotifScores(log_odds), len(log_odds), outputs)
        self.register_buffer("spread", torch.ones(len(log_odds)))

    def set(self, model: "Linear") -> None:
        super().set(model)
        if model.spread is not None:
            self.spread.copy_(torch.from_numpy(model.spread))

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(codes, lengths))


class KmerPart(_OfFeatures):
    """Counts of k-mers: a linear model on their frequencies."""

    def __init__(self, outputs: int):
        features = KmerFrequencies()
        super().__init__(features, features.width, outputs)

    def forward(self, codes: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(codes))


class Branch(nn.Module):
    """The weighted sum of some parts, each of which gives the outputs of a classifier.

    It is called as transformers' classifiers are, with codes (see nucleotide_codes) for token numbers.
    """

    def __init__(self, parts: Mapping[str, nn.Module], weights: Mapping[str, float]):
        """parts: by name, see names.py; weights: of each."""
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.register_buffer("weights", torch.tensor([float(weights[name]) for name in self.parts]))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SequenceClassifierOutput:
        """Return the outputs for the strand given."""
        lengths = attention_mask.sum(dim=1)
        outputs = [
            weight * part(input_ids, lengths) for weight, part in zip(self.weights, self.parts.values(), strict=True)
        ]
        return SequenceClassifierOutput(logits=torch.stack(outputs).sum(dim=0))


def both_strands(model: Branch, codes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Read out the outputs for the strand given and for the other one, (n, 2 * outputs) float64.

    This is an inference.ReadOut. What is the same for both strands is computed once.
    """
    lengths = mask.sum(dim=1)
    totals = [0.0, 0.0]
    other = reverse_complement(codes, lengths)
    for weight, part in zip(model.weights, model.parts.values(), strict=True):
        found = weight * part(codes, lengths)
        totals[0] = totals[0] + found
        totals[1] = totals[1] + (weight * part(other, lengths) if isinstance(part, Convolution) else found)
    return torch.cat(totals, dim=1).double()


def of_strand(both: np.ndarray, strand: str) -> np.ndarray:
    """Return the outputs for the strands that are read, (strands, ..., outputs), of what both_strands gave.

    both: (..., 2 * outputs). strand: `forward`, `reverse` or `both`.
    """
    given, other = np.split(both, 2, axis=-1)
    return np.stack({FORWARD: [given], REVERSE: [other], BOTH: [given, other]}[strand])
