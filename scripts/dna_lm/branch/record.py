"""A branch as an adapter keeps it: tensors, and a record in values that JSON has."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import torch
from torch import nn

from ..baselines.kmer_lengths import LENGTHS
from ..baselines.names import KMERS
from ..motifs.motif import Motif
from ..motifs.reading import LONGEST_NAME, MOST_WIDTH
from .convolution import Convolution, Shape
from .names import CONVOLUTION, MOTIFS
from .network import Branch, KmerPart, MotifPart

# The log-odds of the motifs, one below the other, and how many positions each has.
LOG_ODDS, WIDTHS = "log_odds", "widths"
# Limits of what is read: wider layers than any that is trained here would only take memory.
LARGEST = Shape(filters=1024, filter_width=101, channels=1024, width=101, pooled=100)


class WrongRecord(ValueError):
    """A record, or tensors, that no branch was saved with; the text says why."""


def saved(branch: Branch, motifs: Sequence[Motif], source: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors and the record.

    motifs: those of the branch's MotifPart, in its order. source: where they are from, such as the database's name.
    """
    tensors = {name: tensor.detach().clone() for name, tensor in branch.parts.state_dict().items()}
    record: dict[str, Any] = {
        "weights": dict(zip(branch.parts, (float(weight) for weight in branch.weights), strict=True))
    }
    if MOTIFS in branch.parts:
        log_odds = [motif.log_odds() for motif in motifs]
        tensors[LOG_ODDS] = torch.from_numpy(np.concatenate(log_odds))
        tensors[WIDTHS] = torch.tensor(list(map(len, log_odds)))
        named = [{"id": motif.id, "name": motif.name} for motif in motifs]
        record["motifs"] = {"source": source, "motifs": named}
    if KMERS in branch.parts:
        record["kmer_lengths"] = list(LENGTHS)
    if CONVOLUTION in branch.parts:
        record["convolution"] = asdict(branch.parts[CONVOLUTION].shape)
    return tensors, record


def loaded(tensors: Mapping[str, torch.Tensor], record: Mapping[str, Any], outputs: int) -> Branch:
    """Return the branch, in evaluation mode.

    outputs: how many numbers the adapter's target has.
    Raises WrongRecord for what `saved` has not made.
    """
    weights = record.get("weights")
    if not (isinstance(weights, dict) and weights and set(weights) <= {MOTIFS, KMERS, CONVOLUTION}):
        raise WrongRecord("its parts are unknown")
    if not all(type(weight) is float and np.isfinite(weight) and weight >= 0 for weight in weights.values()):
        raise WrongRecord("a weight is no number of 0 or more")
    tensors = dict(tensors)
    parts: dict[str, nn.Module] = {}
    if MOTIFS in weights:
        parts[MOTIFS] = MotifPart(log_odds_of({name: tensors.pop(name, None) for name in (LOG_ODDS, WIDTHS)}), outputs)
        named = record.get("motifs")
        if not (isinstance(named, dict) and isinstance(named.get("motifs"), list)):
            raise WrongRecord("its motifs have no names")
        if len(named["motifs"]) != parts[MOTIFS].features.motifs:
            raise WrongRecord("it has another number of motifs than of names")
        if not all(isinstance(one, dict) and _named(one) for one in named["motifs"]):
            raise WrongRecord("a motif has no id or no name")
    if KMERS in weights:
        if record.get("kmer_lengths") != list(LENGTHS):
            raise WrongRecord("it counts other k-mers")
        parts[KMERS] = KmerPart(outputs)
    if CONVOLUTION in weights:
        parts[CONVOLUTION] = Convolution(outputs, _shape(record.get("convolution")))
    branch = Branch(parts, weights)  # in this order, whatever the order of the record is
    expected = branch.parts.state_dict()
    for name, tensor in expected.items():
        given = tensors.pop(name, None)
        if given is None or given.shape != tensor.shape or given.dtype != tensor.dtype:
            raise WrongRecord(f"tensor {name!r} is missing or has another form")
        if not torch.isfinite(given).all():
            raise WrongRecord(f"tensor {name!r} contains NaN or infinity")
        tensor.copy_(given)
    if tensors:
        raise WrongRecord(f"tensor {min(tensors)!r} belongs to no part")
    if MOTIFS in parts and not (parts[MOTIFS].spread > 0).all():
        raise WrongRecord("the standard deviation of a motif's scores is not above 0")
    return branch.eval()


def _named(motif: Mapping[str, Any]) -> bool:
    texts = [motif.get(key) for key in ("id", "name")]
    return all(isinstance(text, str) and text.isprintable() and len(text) <= LONGEST_NAME for text in texts)


def log_odds_of(tensors: Mapping[str, torch.Tensor | None]) -> list[np.ndarray]:
    """Return the log-odds of each motif, (width, 4) float32. Raises WrongRecord for what `saved` has not made."""
    values, widths = tensors.get(LOG_ODDS), tensors.get(WIDTHS)
    if values is None or widths is None:
        raise WrongRecord("it has no log-odds of its motifs")
    if widths.dtype != torch.int64 or widths.ndim != 1 or not len(widths) or int(widths.min()) < 1:
        raise WrongRecord("the widths of its motifs are no whole numbers above 0")
    if int(widths.max()) > MOST_WIDTH:
        raise WrongRecord(f"a motif has more than {MOST_WIDTH} positions")
    if values.dtype != torch.float32 or values.shape != (int(widths.sum()), 4) or not torch.isfinite(values).all():
        raise WrongRecord("the log-odds of its motifs have another form than their widths say")
    return [part.numpy() for part in values.split(widths.tolist())]


def _shape(record: Any) -> Shape:
    names = {field.name for field in fields(Shape)}
    if not (isinstance(record, dict) and set(record) == names):
        raise WrongRecord("the convolution has no shape")
    if not all(type(value) is int and 1 <= value <= getattr(LARGEST, name) for name, value in record.items()):
        raise WrongRecord("the convolution has a shape beyond its limits")
    shape = Shape(**record)
    if not (shape.filter_width % 2 and shape.width % 2):
        raise WrongRecord("a layer of the convolution has an even width")
    return shape
