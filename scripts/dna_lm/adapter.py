"""The adapter dataset: PEFT's tensors and one JSON record in a single safetensors file.

The file's metadata holds `format: pt` and `dna_lm`, a JSON document with

- `version`: of this format;
- `peft`: PEFT's adapter configuration, and `method`: what was trained beside the head (without it, LoRA matrices);
- `base_model`: id, revision, architecture, SHA-256 of its weights and of its tokenizer;
- `task`: the target (see targets.py); how a sequence is read: maximum length in tokens, k-mers, strands, pooling; of
  how many members an ensemble is; temperature and thresholds, if they were chosen (see decision.py);
- `training`: options, library versions, SHA-256 of the train and dev files, metric history.

The tensors of an ensemble's first member have PEFT's names, those of the others `member2.<name>` and so on.

It holds no time, no path and no host: the same inputs and seed give the same bytes.
"""

import json
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .base_model import IDENTITY, BaseModel
from .decision import Decision
from .errors import UserError
from .options import BOTH, FINETUNE, FORWARD, FULL, HEAD_ONLY, LORA
from .tables import check_label
from .targets import Target
from .textfiles import describe

FORMAT_VERSION = 1
RECORD = "dna_lm"
LONGEST_KMER = next(option.maximum for option in FINETUNE if option.name == "kmer")
_FURTHER = re.compile(r"member([2-9]|[1-9]\d{1,5})\.(.+)", re.DOTALL)


@dataclass(frozen=True)
class Adapter:
    """An adapter in memory.

    tensors: name as in PEFT's adapter_model.safetensors -> torch.Tensor.
    further: the same of the second and later members of an ensemble.
    The other fields are the parts of the record that the module's text describes.
    """

    tensors: dict[str, Any]
    peft: dict[str, Any]
    base_model: dict[str, str]
    task: dict[str, Any]
    training: dict[str, Any]
    further: list[dict[str, Any]] = field(default_factory=list)

    @property
    def target(self) -> Target:
        return Target.from_task(self.task)

    @property
    def labels(self) -> list[str]:
        return self.task["labels"]

    @property
    def max_length(self) -> int:
        return self.task["max_length"]

    @property
    def kmer(self) -> int:
        """Length of the k-mers that sequences are cut into; -1 for none."""
        return self.task.get("kmer", -1)

    @property
    def strand(self) -> str:
        """options.BOTH or FORWARD."""
        return self.task.get("strand", FORWARD)

    @property
    def decision(self) -> Decision:
        return Decision.from_task(self.task, self.target)

    @property
    def members(self) -> int:
        """Of how many models the answers are the mean."""
        return self.task.get("members", 1)


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
    named = adapter.tensors | {
        f"member{number}.{name}": tensor
        for number, tensors in enumerate(adapter.further, start=2)
        for name, tensor in tensors.items()
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(named.items())}
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
    first, *further = _members(tensors, record["task"].get("members", 1), source)
    parts = {part: record[part] for part in ("peft", "base_model", "task", "training")}
    return Adapter(first, **parts, further=further)


def _members(tensors: dict[str, Any], members: int, source: str) -> list[dict[str, Any]]:
    """Take the tensors of an ensemble's members apart; the first member's are what no other member's name has."""
    apart: dict[int, dict[str, Any]] = {1: {}}
    for name, tensor in tensors.items():
        match = _FURTHER.fullmatch(name)
        number, own = (int(match[1]), match[2]) if match else (1, name)
        apart.setdefault(number, {})[own] = tensor
    forms = [{name: tensor.shape for name, tensor in own.items()} for own in apart.values()]
    if len(apart) != members or max(apart) != members or any(form != forms[0] for form in forms):
        raise UserError(
            f"{source}: its tensors are not those of {members} models of one form, as its record says; train the "
            "adapter again"
        )
    return [apart[number] for number in sorted(apart)]


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
    task = record["task"]
    try:
        target = Target.from_task(task)
        Decision.from_task(task, target)
    except ValueError:
        raise damaged from None
    for label in target.labels:
        check_label(label, source)
    # True and False are no numbers here, though Python counts with them.
    whole = {"max_length": task.get("max_length"), "kmer": task.get("kmer", -1), "members": task.get("members", 1)}
    if not all(type(value) is int for value in whole.values()):
        raise damaged
    if whole["max_length"] < 1 or whole["members"] < 1:
        raise damaged
    if whole["kmer"] != -1 and not 1 <= whole["kmer"] <= LONGEST_KMER:
        raise damaged
    if task.get("strand", FORWARD) not in (FORWARD, BOTH):
        raise damaged
    if record["peft"].get("method", LORA) not in (LORA, HEAD_ONLY, FULL):
        raise damaged
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
