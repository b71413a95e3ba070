"""What an adapter's record says, in words: for a table, a report and a model card.

The record may be anybody's: what is not of the kind that a training writes is left out, or shown as it is.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..adapters.dataset import FORMAT_VERSION, Adapter
from ..base_models.licenses import in_words
from ..words import BOTH, CLASSES, FULL, HEAD_ONLY, LORA, MULTI_LABEL, SPLIT_NAMES
from .branch_words import branch_facts, on_dev
from .values import mapping, shortened

METHODS = {
    LORA: "LoRA matrices and the head",
    HEAD_ONLY: "the head alone",
    FULL: "all weights of the base model, and the head",
}
# Settings of PEFT that are shown if they are not the usual ones.
UNUSUAL = {"use_rslora": "rank-stabilised LoRA", "use_dora": "DoRA", "bias": "biases that are trained"}


def facts(adapter: Adapter) -> pd.DataFrame:
    """Return the columns `field` and `value`, both text."""
    parts = (_base_model, _task, _decision, _trained, branch_facts, _training)
    rows = [row for part in parts for row in part(adapter)]
    return pd.DataFrame([(name, shortened(value)) for name, value in rows], columns=["field", "value"])


def task(adapter: Adapter) -> str:
    """Return what the adapter predicts, without the labels."""
    count = len(adapter.labels)
    kinds = {CLASSES: f"one of {count} classes", MULTI_LABEL: f"any of {count} labels"}
    return kinds.get(adapter.target.kind, "a number")


def thresholds(adapter: Adapter) -> list[tuple[str, float]]:
    """Return the labels that have a threshold, with it."""
    target = adapter.target
    labels = target.labels[1:] if target.kind == CLASSES else target.labels
    return list(zip(labels, adapter.decision.thresholds or (), strict=False))


def calibration(adapter: Adapter) -> dict[str, Any]:
    """Return what the record says of a calibration; empty if there was none."""
    return mapping(adapter.task.get("calibration"))


def history(adapter: Adapter) -> pd.DataFrame:
    """Return the rows that were recorded while the adapter was trained; empty if there are none."""
    rows = adapter.training.get("history")
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        return pd.DataFrame()
    plain = [{name: value for name, value in row.items() if not isinstance(value, dict | list)} for row in rows]
    return pd.DataFrame(plain)


def dev_scores(adapter: Adapter, member: int = 0) -> dict[str, float]:
    """Return the scores on dev of what was kept, by name.

    member: which model of an ensemble, from 0.
    """
    rows = history(adapter)
    kept = rows[rows["kept"] == "yes"] if "kept" in rows else rows.iloc[:0]
    if not 0 <= member < len(kept):
        return {}
    row = kept.iloc[member]
    found = {name: value for name, value in row.items() if str(name).startswith("dev_")}
    return {
        name.removeprefix("dev_"): float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value
    }


def _base_model(adapter: Adapter) -> Iterator[tuple[str, Any]]:
    recorded = adapter.base_model
    yield "format", f"dna_lm adapter, version {FORMAT_VERSION}"
    yield "base model", recorded["id"]
    if recorded["revision"]:
        yield "base model: revision", recorded["revision"]
    yield "base model: architecture", recorded["architecture"]
    yield "base model: license", in_words(adapter.license)
    yield "base model: SHA-256 of the weights", recorded["weights_sha256"]
    yield "base model: SHA-256 of the tokenizer", recorded["tokenizer_sha256"]


def _task(adapter: Adapter) -> Iterator[tuple[str, Any]]:
    target = adapter.target
    yield "predicts", task(adapter)
    for number, label in enumerate(target.labels, start=1):
        yield f"label {number}", label
    if not target.labels:
        yield "mean of the training numbers", f"{target.mean:.7g}"
        yield "standard deviation of the training numbers", f"{target.spread:.7g}"
    yield "tokens of a sequence that are read", adapter.max_length
    yield "k-mers", "none" if adapter.kmer == -1 else adapter.kmer
    yield "strands", "both, whose outputs are averaged" if adapter.strand == BOTH else "the one that is given"
    yield "models whose predictions are averaged", adapter.members


def _decision(adapter: Adapter) -> Iterator[tuple[str, Any]]:
    record = calibration(adapter)
    yield "temperature", f"{adapter.decision.temperature:.6g}" if record else "not calibrated"
    for label, cut in thresholds(adapter):
        yield f"threshold of {label}", f"{cut:.6g}"
    for name, value in record.items():
        if value is not None and name != "seen":  # the digests of its sequences
            yield f"calibration: {name}", value


def _trained(adapter: Adapter) -> Iterator[tuple[str, Any]]:
    peft = adapter.peft
    method = peft.get("method", LORA)
    yield "trained", METHODS[method]
    if method == LORA:
        for name, words in (("r", "LoRA rank"), ("lora_alpha", "LoRA alpha"), ("lora_dropout", "LoRA dropout")):
            if name in peft:
                yield words, peft[name]
        yield "layers with LoRA matrices", ", ".join(peft.get("target_modules", []))
        if peft.get("target_parameters"):
            yield "parameters with LoRA matrices", ", ".join(peft["target_parameters"])
        yield "trained whole", ", ".join(peft.get("modules_to_save", []))
        for name, words in UNUSUAL.items():
            if peft.get(name, "none") not in (False, "none"):
                yield words, peft[name]
    yield "numbers in the adapter", f"{sum(tensor.numel() for tensor in _tensors(adapter)):,}"
    yield "kinds of numbers", ", ".join(sorted({str(tensor.dtype).rpartition(".")[2] for tensor in _tensors(adapter)}))


def _tensors(adapter: Adapter) -> list[Any]:
    return [tensor for part in (adapter.tensors, *adapter.further, adapter.branch) for tensor in part.values()]


def _training(adapter: Adapter) -> Iterator[tuple[str, Any]]:
    training = adapter.training
    for split in ("train", "dev"):
        count = training["sequences"][split]
        yield f"{SPLIT_NAMES[split]} sequences", count if count > 0 else "not known"
    if lengths := adapter.training_lengths:
        yield "length of a training sequence (nt)", "{shortest} to {longest}, median {median}".format(**lengths)
    names = {
        "train_sha256": "SHA-256 of the file of the training set",
        "dev_sha256": "SHA-256 of the file of the development set",
        "epochs": "epochs",
        "continued_from_sha256": "continued from the adapter with the SHA-256",
        "imported_from": "imported from",
    }
    for key, words in names.items():
        if training.get(key) is not None:
            yield words, training[key]
    alone = ", language model" if adapter.branch else ""
    for member in range(adapter.members) if not (alone and adapter.members == 1 and on_dev(adapter)) else ():
        which = f" of model {member + 1}{alone}" if adapter.members > 1 else alone
        for name, value in dev_scores(adapter, member).items():
            yield f"{name} on the development set{which}", f"{value:.4g}"
    for name, value in mapping(training.get("options")).items():
        yield f"option {name}", value
    for name, value in mapping(training.get("versions")).items():
        yield f"version of {name}", value
