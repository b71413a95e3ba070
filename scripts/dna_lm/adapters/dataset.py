"""The adapter dataset: PEFT's tensors and one JSON record in a single safetensors file.

The file's metadata holds `format: pt` and `dna_lm`, a JSON document with

- `version`: of this format;
- `peft`: PEFT's adapter configuration, and `method`: what was trained beside the head (without it, LoRA matrices);
- `base_model`: id, revision, architecture, SHA-256 of its weights and of its tokenizer, the settings that its answers
  depend on, which adapters of earlier releases lack, and its license, if that was stated;
- `task`: the target (see targets.py); how a sequence is read: maximum length in tokens, k-mers, strands, pooling; of
  how many members an ensemble is; temperature and thresholds, if they were chosen (see decision.py); `branch`, if
  classifiers that read nucleotides are added to the language model: its record (see branch/record.py), and as
  `language_model` the weight of the language model's outputs in the sum;
- `training`: options, library versions, SHA-256 of the train and dev files, lengths of the training sequences, metric
  history; `on_dev`, with a branch: the dev scores of the language model, of each part and of all together.

The tensors of an ensemble's first member have PEFT's names, those of the others `member2.<name>` and so on; those of
the branch, which all members share, are `branch.<name>`.

It holds no time, no path and no host: the same inputs and seed give the same bytes.
"""

import json
import math
import re
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..base_models.licenses import spelled
from ..base_models.opening import IDENTITY, BaseModel
from ..base_models.settings import differing_setting
from ..data.decision import Decision
from ..data.tables import check_label
from ..data.targets import Target
from ..data.textfiles import describe
from ..errors import UserError
from ..words import BOTH, FORWARD, FULL, HEAD_ONLY, LARGEST_RANK, LONGEST_KMER, LORA, NONE

FORMAT_VERSION = 1
RECORD = "dna_lm"
PARTS = ("peft", "base_model", "task", "training")
# Bytes of the file's header, with the record in it: far above that of any training, and read before it is looked at.
MAX_HEADER = 16 * 10**6
_BRANCH = "branch."
_FURTHER = re.compile(r"member([2-9]|[1-9]\d{1,5})\.(.+)", re.DOTALL)


@dataclass(frozen=True)
class Adapter:
    """An adapter in memory.

    tensors: name as in PEFT's adapter_model.safetensors -> torch.Tensor.
    further: the same of the second and later members of an ensemble.
    branch: tensors of the classifiers that read nucleotides, if there are any.
    The other fields are the parts of the record that the module's text describes.
    """

    tensors: dict[str, Any]
    peft: dict[str, Any]
    base_model: dict[str, Any]
    task: dict[str, Any]
    training: dict[str, Any]
    further: list[dict[str, Any]] = field(default_factory=list)
    branch: dict[str, Any] = field(default_factory=dict)

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
    def trained_on(self) -> str:
        """Words for the number of training sequences, which is not known of an adapter made elsewhere."""
        count = self.training["sequences"]["train"]
        return f"{count:,} sequences" if count > 0 else "an unknown number of sequences"

    @property
    def training_lengths(self) -> dict[str, int] | None:
        """Letters of the `shortest`, `median` and `longest` training sequence; None where they were not recorded."""
        lengths = self.training.get("sequence_lengths")
        names = ("shortest", "median", "longest")
        if not (isinstance(lengths, dict) and all(type(lengths.get(name)) is int for name in names)):
            return None
        known = {name: lengths[name] for name in names}
        return known if 0 < known["shortest"] <= known["median"] <= known["longest"] else None

    @property
    def training_gc(self) -> dict[str, float] | None:
        """`lowest`, `median` and `highest` GC content of a training sequence, 0 to 1; None where not recorded."""
        gc = self.training.get("sequence_gc")
        names = ("lowest", "median", "highest")
        if not (isinstance(gc, dict) and all(type(gc.get(name)) in (int, float) for name in names)):
            return None
        known = {name: float(gc[name]) for name in names}
        return known if 0 <= known["lowest"] <= known["median"] <= known["highest"] <= 1 else None

    @property
    def license(self) -> str:
        """The license of the base model; empty where it was not recorded."""
        return spelled(self.base_model.get("license"))

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
    named |= {f"{_BRANCH}{name}": tensor for name, tensor in adapter.branch.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(named.items())}
    Path(path).write_bytes(with_sorted_metadata(save(tensors, metadata=metadata)))


def tensors_sha256(tensors: dict[str, Any]) -> str:
    """Return the SHA-256 of a model's trained tensors: of their names, kinds, shapes and numbers."""
    import torch

    digest = sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def with_sorted_metadata(content: bytes) -> bytes:
    """Return a safetensors file with its header written again: the metadata sorted, and nothing after the last brace.

    safetensors writes the metadata in the order of a randomised hash table.

    The format (https://huggingface.co/docs/safetensors): the header's length as 8 bytes, little-endian; the header, a
    JSON object padded with spaces to a multiple of 8; the tensors. The spaces stand before the last brace: Galaxy takes
    an uploaded file for safetensors only if that is the header's last byte.
    """
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text = text[:-1] + b" " * (-len(text) % 8) + b"}"
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def load_adapter(path: str | Path) -> Adapter:
    """Read an adapter.

    Raises UserError when the file is damaged, no safetensors, or not an adapter of this project or of this version.
    """
    from safetensors import SafetensorError, safe_open

    source = describe(path, "the adapter")
    try:
        _check_header(Path(path), source)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if RECORD not in metadata:
                raise UserError(
                    f"{source} is a safetensors file but not an adapter of Fine-tune a DNA language model; select the "
                    f"output Adapter of that tool (the file has no {RECORD} record)"
                )
            record = _read_record(metadata[RECORD], source)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UserError(
            f"{source} is truncated or not in the safetensors format ({reason}); choose the adapter dataset of a "
            "fine-tuning job, or upload it again"
        ) from None
    branch = {name.removeprefix(_BRANCH): tensors.pop(name) for name in list(tensors) if name.startswith(_BRANCH)}
    if bool(branch) != ("branch" in record["task"]):
        raise damaged(source)
    first, *further = _members(tensors, record["task"].get("members", 1), source)
    parts = {part: record[part] for part in PARTS}
    return Adapter(first, **parts, further=further, branch=branch)


def damaged(source: str) -> UserError:
    """Return the error of an adapter whose record says what nothing here writes."""
    return UserError(f"{source}: its {RECORD} record is damaged; train the adapter again")


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


def _check_header(path: Path, source: str) -> None:
    """Raise UserError for a header that would take long to read; one longer than the file, safetensors refuses itself.

    Raises OSError when the file cannot be read.
    """
    with open(path, "rb") as file:
        start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if MAX_HEADER < length <= path.stat().st_size - 8:
        raise UserError(
            f"{source}: its header has {length:,} bytes, which is refused: that of an adapter has fewer than "
            f"{MAX_HEADER:,}; choose the adapter dataset of a fine-tuning job"
        )


def _read_record(text: str, source: str) -> dict[str, Any]:
    try:
        record = json.loads(text, parse_constant=finite, parse_float=finite)
        json.dumps(record, ensure_ascii=False).encode()  # a half of a surrogate pair could be written nowhere
    except (ValueError, RecursionError):
        raise damaged(source) from None
    if not isinstance(record, dict):
        raise damaged(source)
    if record.get("version") != FORMAT_VERSION:
        raise UserError(
            f"{source} has format version {record.get('version')!r}, this program reads version {FORMAT_VERSION}; use "
            "the tools of the release that made it"
        )
    try:
        check_record(record)
    except ValueError:
        raise damaged(source) from None
    for label in record["task"]["labels"]:
        check_label(label, source)
    return record


def finite(text: str) -> float:
    """Read a number of JSON; raise ValueError for NaN and infinity, which the record could not be written with."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number


def check_record(record: dict[str, Any]) -> None:
    """Raise ValueError unless the PARTS of a record are there and are such that everything can be read from them.

    What the training record says of its course is not looked at beyond the counts of sequences.
    """
    if not all(isinstance(record.get(part), dict) for part in PARTS):
        raise ValueError("a part is missing")
    task = record["task"]
    Decision.from_task(task, Target.from_task(task))
    # True and False are no numbers here, though Python counts with them.
    whole = {"max_length": task.get("max_length"), "kmer": task.get("kmer", -1), "members": task.get("members", 1)}
    if not all(type(value) is int for value in whole.values()):
        raise ValueError("a length is no whole number")
    if whole["max_length"] < 1 or whole["members"] < 1:
        raise ValueError("a length is below 1")
    if whole["kmer"] != -1 and not 1 <= whole["kmer"] <= LONGEST_KMER:
        raise ValueError("there are no such k-mers")
    if task.get("strand", FORWARD) not in (FORWARD, BOTH):
        raise ValueError("there are no such strands")
    if "branch" in task:
        branch = task["branch"]
        weight = branch.get("language_model") if isinstance(branch, dict) else None
        if not (type(weight) is float and weight >= 0):
            raise ValueError("the language model has no weight beside its branch")
    _check_peft(record["peft"])
    if not all(isinstance(record["base_model"].get(name), str) for name in IDENTITY):
        raise ValueError("the base model is not told")
    if not isinstance(record["base_model"].get("settings", {}), dict):
        raise ValueError("the base model's settings are none")
    if not isinstance(record["base_model"].get("license", ""), str):
        raise ValueError("the base model's license is no text")
    sequences = record["training"].get("sequences")
    if not (isinstance(sequences, dict) and all(type(sequences.get(name)) is int for name in ("train", "dev"))):
        raise ValueError("the sequences are not counted")


def _check_peft(peft: dict[str, Any]) -> None:
    """Raise ValueError for settings that fine-tuning never writes.

    In the place of a list of names, PEFT would take a pattern, and search the names of all modules for it, however long
    that takes.
    """
    if peft.get("method", LORA) not in (LORA, HEAD_ONLY, FULL):
        raise ValueError("there is no such method")
    for name in ("target_modules", "target_parameters", "modules_to_save"):
        names = peft.get(name, [])
        if not (isinstance(names, list) and all(isinstance(one, str) for one in names)):
            raise ValueError(f"{name} is no list of names")
    rank, bias = peft.get("r", 1), peft.get("bias", NONE)
    if type(rank) is not int or not 1 <= rank <= LARGEST_RANK:
        raise ValueError("there is no such rank")
    if bias not in (NONE, "all", "lora_only"):
        raise ValueError("there are no such biases")
    for name in ("lora_alpha", "lora_dropout"):
        if type(peft.get(name, 1.0)) not in (int, float):
            raise ValueError(f"{name} is no number")
    for name in ("use_rslora", "use_dora", "fan_in_fan_out"):
        if type(peft.get(name, False)) is not bool:
            raise ValueError(f"{name} is neither true nor false")


def with_license(recorded: dict[str, Any], base_model: BaseModel) -> dict[str, Any]:
    """Return the record of a base model with the license that it has here, unless it has one."""
    return ({"license": base_model.license} if base_model.license else {}) | recorded


def check_base_model(adapter: Adapter, base_model: BaseModel) -> None:
    """Raise UserError, naming both, unless the base model is the one that the adapter was trained on."""
    recorded, given = adapter.base_model, base_model.identity()
    for part, key in (("other weights", "weights_sha256"), ("another tokenizer", "tokenizer_sha256")):
        if recorded[key] != given[key]:
            raise UserError(
                f"the adapter was trained on the base model {recorded['id']!r}, but the base model given is "
                f'{given["id"]!r}, which has {part}; set "Base model" to {recorded["id"]!r} (--base-model) or, to '
                'apply the adapter, to "As recorded in the adapter" (--base-model recorded)'
            )
    if differing := differing_setting(recorded.get("settings", {}), base_model.settings):
        name, before, now = differing
        raise UserError(
            f"the adapter was trained on the base model {recorded['id']!r} with {name} {_short(before)} in its "
            f"config.json, but that of the base model given, {given['id']!r}, has {_short(now)}, so that the same "
            f"weights answer otherwise; choose the copy of {recorded['id']!r} that the adapter was trained on"
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
