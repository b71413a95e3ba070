"""The adapter dataset: PEFT's tensors and one JSON record in a single safetensors file.

The file's metadata holds `format: pt` and `dna_lm`, a JSON document with

- `version`: of this format;
- `peft`: PEFT's adapter configuration;
- `base_model`: id, revision, architecture, SHA-256 of its weights and of its tokenizer;
- `task`: labels in the order of the outputs, maximum length in tokens, pooling, strand, threshold, calibration;
- `training`: options, library versions, SHA-256 of the train and dev files, metric history.

It holds no time, no path and no host: the same inputs and seed give the same bytes.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base_model import IDENTITY, BaseModel
from .errors import UserError
from .tables import check_label
from .textfiles import describe

FORMAT_VERSION = 1
RECORD = "dna_lm"


@dataclass(frozen=True)
class Adapter:
    """An adapter in memory.

    tensors: name as in PEFT's adapter_model.safetensors -> torch.Tensor.
    The other fields are the parts of the record that the module's text describes.
    """

    tensors: dict[str, Any]
    peft: dict[str, Any]
    base_model: dict[str, str]
    task: dict[str, Any]
    training: dict[str, Any]

    @property
    def labels(self) -> list[str]:
        return self.task["labels"]

    @property
    def max_length(self) -> int:
        return self.task["max_length"]


def save_adapter(adapter: Adapter, path: str | Path) -> None:
    """Write an adapter; equal adapters give equal bytes."""
    from safetensors.torch import save

    record = {
        "version": FORMAT_VERSION,
        "peft": adapter.peft,
        "base_model": adapter.base_model,
        "task": adapter.task,
        "training": adapter.training,
    }
    metadata = {"format": "pt", RECORD: json.dumps(record, sort_keys=True, allow_nan=False)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(adapter.tensors.items())}
    Path(path).write_bytes(_with_sorted_metadata(save(tensors, metadata=metadata)))


def _with_sorted_metadata(content: bytes) -> bytes:
    """safetensors writes the metadata in the order of a randomised hash table: write its header again, sorted.

    The format (https://huggingface.co/docs/safetensors): the header's length as 8 bytes, little-endian; the header, a
    JSON object padded with spaces to a multiple of 8; the tensors.
    """
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def load_adapter(path: str | Path) -> Adapter:
    """Read an adapter.

    Raises UserError when the file is damaged, no safetensors, or not an adapter of this project or of this version.
    """
    from safetensors import SafetensorError, safe_open

    source = describe(path, "the adapter")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if RECORD not in metadata:
                raise UserError(
                    f"{source} is a safetensors file but no adapter made by dna_lm (it has no {RECORD} record); choose "
                    "the adapter dataset of a fine-tuning job"
                )
            record = _read_record(metadata[RECORD], source)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UserError(
            f"{source} is truncated or not in the safetensors format ({reason}); choose the adapter dataset of a "
            "fine-tuning job, or upload it again"
        ) from None
    return Adapter(tensors, **{part: record[part] for part in ("peft", "base_model", "task", "training")})


def _read_record(text: str, source: str) -> dict[str, Any]:
    damaged = UserError(f"{source}: its {RECORD} record is damaged; train the adapter again")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(record, dict):
        raise damaged
    if record.get("version") != FORMAT_VERSION:
        raise UserError(
            f"{source} has format version {record.get('version')!r}, this program reads version {FORMAT_VERSION}; use "
            "the tools of the release that made it"
        )
    if not all(isinstance(record.get(part), dict) for part in ("peft", "base_model", "task", "training")):
        raise damaged
    labels, max_length = record["task"].get("labels"), record["task"].get("max_length")
    if not (isinstance(labels, list) and all(isinstance(label, str) for label in labels)):
        raise damaged
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise damaged
    if not (type(max_length) is int and max_length > 0):
        raise damaged
    for label in labels:
        check_label(label, source)
    if not all(isinstance(record["base_model"].get(name), str) for name in IDENTITY):
        raise damaged
    sequences = record["training"].get("sequences")
    if not (isinstance(sequences, dict) and all(type(sequences.get(name)) is int for name in ("train", "dev"))):
        raise damaged
    return record


def check_base_model(adapter: Adapter, base_model: BaseModel) -> None:
    """Raise UserError, naming both, unless the base model is the one that the adapter was trained on."""
    recorded, given = adapter.base_model, base_model.identity()
    for part, key in (("weights", "weights_sha256"), ("tokenizer", "tokenizer_sha256")):
        if recorded[key] != given[key]:
            raise UserError(
                f"the adapter was trained on the base model {recorded['id']!r} ({recorded['architecture']}, "
                f"{part} {recorded[key][:12]}), but the base model given is {given['id']!r} "
                f"({given['architecture']}, {part} {given[key][:12]}); choose {recorded['id']!r}"
            )
