"""Taking an adapter out: as PEFT's own folder, or merged with its base model into a model of its own."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from ..adapters.dataset import FORMAT_VERSION, PARTS, Adapter, load_adapter, with_license
from ..adapters.recorded_model import opened_base_model_of
from ..base_models.encoding import Encoder
from ..base_models.opening import TOKENIZER_FILES, BaseModel, described_tokenizer
from ..branch.of_adapter import branch_of
from ..classifiers.building import fitted_classifier, trained_classifier
from ..data.decision import CALIBRATION
from ..errors import UserError
from ..words import LORA, MERGE
from .branch_words import BRANCH_WEIGHTS, left_out
from .model_card import RECORD_FILE, model_card
from .options import ExportOptions

PEFT_CONFIG, PEFT_WEIGHTS, CARD = "adapter_config.json", "adapter_model.safetensors", "README.md"
# The date of the files in an archive: the same files give the same archive. Zip has no earlier one.
DATE = (1980, 1, 1, 0, 0, 0)
BLOCK = 1 << 20


@dataclass(frozen=True)
class Exported:
    """What was written.

    adapter: what the archive contains, with the one member that was exported. whole: what it is from.
    member: its number in the ensemble, from 1; members: of how many.
    folder: the folder in the archive. files: name and size in bytes of each file in it.
    warnings: sentences that a user has to read.
    """

    adapter: Adapter
    whole: Adapter
    member: int
    members: int
    folder: str
    files: list[tuple[str, int]]
    warnings: list[str]


def export(path: Path, options: ExportOptions, progress: Callable[[str], None]) -> Exported:
    """Write an archive with PEFT's folder of an adapter or, if the action is MERGE, with a merged model.

    `progress` is told how it goes, a line at a time.
    The folder in the archive has README.md, a model card; RECORD_FILE, the adapter's record; the tokenizer's files; and
    adapter_config.json and adapter_model.safetensors, or config.json and safetensors in float32. Neither form has a
    place for a branch: a merged model is the language model alone; beside PEFT's files, BRANCH_WEIGHTS has the branch
    for import_adapter. Equal adapters give equal bytes.
    Raises UserError for anything wrong with the files, a member that there is not, and what PEFT's form has no place
    for.
    """
    loaded = load_adapter(options.adapter)
    merged = options.action == MERGE
    if not 1 <= options.member <= loaded.members:
        have = f"is an ensemble of {loaded.members} models" if loaded.members > 1 else "has one model"
        number = options.member
        raise UserError(f"the adapter {have}: there is no model {number} in it; choose one from 1 to {loaded.members}")
    if not merged and loaded.peft.get("method", LORA) != LORA:
        raise UserError(
            "the adapter has no LoRA matrices but weights of the model itself, for which PEFT's form has no place; "
            "merge it with its base model instead (action merge)"
        )
    branch_of(loaded)  # raises UserError if it is damaged
    with ExitStack() as stack:
        model = opened_base_model_of(loaded, options.base_model, options.base_model_id, options.installed)
        base = stack.enter_context(model)
        loaded = replace(loaded, base_model=with_license(loaded.base_model, base))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="export_")))
        encoder = Encoder(base, loaded.max_length, loaded.kmer)
        pad = encoder.tokenizer.pad_token_id
        (_write_merged if merged else _write_peft)(loaded, base, pad, options.member - 1, folder)
        _write_tokenizer(base, encoder, folder)
        one = _member(loaded, options.member - 1)
        alone = _language_model(one)
        if merged:
            one = alone
        if one.branch:
            _write_tensors(one.branch, folder / BRANCH_WEIGHTS)
        _write_json({"version": FORMAT_VERSION} | {part: getattr(one, part) for part in PARTS}, folder / RECORD_FILE)
        which = {"member": options.member, "members": loaded.members}
        card = model_card(alone, loaded, pad_token_id=pad, **which, merged=merged)
        (folder / CARD).write_text(card, encoding="utf-8", errors="backslashreplace")
        name = "model" if merged else "adapter"
        files = zip_folder(folder, path, name)
        progress(f"{len(files)} files, {sum(size for _, size in files) / 1e6:.1f} MB")
    warnings = [left_out(loaded, merged=merged)] if loaded.branch else []
    for text in warnings:
        progress(f"warning: {text}")
    return Exported(one, loaded, options.member, loaded.members, name, files, warnings)


def _member(adapter: Adapter, member: int) -> Adapter:
    """Return an adapter with one of an ensemble's models. What was chosen for the ensemble's answers is left out."""
    if adapter.members == 1:
        return adapter
    task = {name: value for name, value in adapter.task.items() if name not in CALIBRATION}
    history = adapter.training.get("history")
    training = adapter.training
    if isinstance(history, list):
        rows = [number for number, row in enumerate(history) if isinstance(row, dict) and row.get("kept") == "yes"]
        kept = rows[member : member + 1]
        # Of the models that were kept, it is this one.
        marked = [
            {**row, "kept": "yes" if number in kept else ""} if isinstance(row, dict) else row
            for number, row in enumerate(history)
        ]
        training = training | {"history": marked}
    training = {name: value for name, value in training.items() if name != "on_dev"}  # scores of the ensemble
    tensors = [adapter.tensors, *adapter.further][member]
    return replace(adapter, tensors=tensors, further=[], task=task | {"members": 1}, training=training)


def _language_model(adapter: Adapter) -> Adapter:
    """Return an adapter without its branch, and without what was chosen and scored for the sum."""
    if not adapter.branch:
        return adapter
    task = {name: value for name, value in adapter.task.items() if name not in ("branch", *CALIBRATION)}
    training = {name: value for name, value in adapter.training.items() if name != "on_dev"}
    return replace(adapter, task=task, training=training, branch={})


def _write_peft(adapter: Adapter, base: BaseModel, pad: int, member: int, folder: Path) -> None:
    model = fitted_classifier(base, adapter, pad, member, trainable=False)  # raises UserError if it does not fit
    config = model.peft_config["default"].to_dict()
    settings = {name: sorted(value) if isinstance(value, set) else value for name, value in config.items()}
    recorded = {name: value for name, value in adapter.peft.items() if name in config}
    named = {"base_model_name_or_path": adapter.base_model["id"]}
    _write_json(settings | recorded | named, folder / PEFT_CONFIG)
    tensors = [adapter.tensors, *adapter.further][member]
    _write_tensors(tensors, folder / PEFT_WEIGHTS)


def _write_tensors(tensors: dict[str, Any], path: Path) -> None:
    save_file({name: tensors[name].contiguous() for name in sorted(tensors)}, path, {"format": "pt"})


def _write_merged(adapter: Adapter, base: BaseModel, pad: int, member: int, folder: Path) -> None:
    model = trained_classifier(base, adapter, pad, member)
    labels = adapter.labels or ["number"]
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: number for number, label in enumerate(labels)}
    model.config.use_cache = True
    model.save_pretrained(folder)


def _write_tokenizer(base: BaseModel, encoder: Encoder, folder: Path) -> None:
    """Copy the tokenizer; one whose files do not say to transformers what it is, as transformers writes it."""
    names = [name for name in TOKENIZER_FILES if (base.folder / name).exists()]
    settings = base.folder / "tokenizer_config.json"
    foreign = described_tokenizer(base.folder, f"the base model {base.id!r}")
    if not foreign and settings.exists() and "tokenizer_class" in json.loads(settings.read_text(encoding="utf-8")):
        for name in names:
            shutil.copyfile(base.folder / name, folder / name)
        return
    encoder.tokenizer.save_pretrained(folder)


def _write_json(content: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def zip_folder(folder: Path, path: str | Path, name: str) -> list[tuple[str, int]]:
    """Write the files of a folder as a zip archive with one folder of that name; returns their names and sizes."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            member = zipfile.ZipInfo(f"{name}/{file.name}", date_time=DATE)
            member.external_attr = 0o100644 << 16
            member.file_size = file.stat().st_size  # for the large ones, zip has another form
            # Weights are random to a compressor, and long.
            member.compress_type = zipfile.ZIP_STORED if file.suffix == ".safetensors" else zipfile.ZIP_DEFLATED
            with open(file, "rb") as content, archive.open(member, "w") as target:
                shutil.copyfileobj(content, target, BLOCK)
    return [(file.name, file.stat().st_size) for file in files]
