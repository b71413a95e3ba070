"""Installing a base model for all users of a server: fetched or unpacked, checked, and described as a row of the table.

A folder that was installed holds the model's files and `installed.json`, which says where they are from, with the
SHA-256 of each.
"""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base_models.archives import unpack
from ..base_models.base_model import BaseModel, is_model_file, opened_base_model, read_json, sha256_of_file
from ..errors import UserError
from ..options import YES
from .hub import fetch

RECORD_FILE = "installed.json"
TABLE, DOMAIN = "huggingface", "sequence"
# As the hub names models; it becomes a part of a path on the server.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
# Genomes have repeats in lower-case letters and gaps of N: what a tokenizer makes of them is told.
_EXAMPLES = {"lower-case letters": "acgtacgtacgt", "N": "ACGTNNNNACGT"}


@dataclass(frozen=True)
class Installed:
    """An installed model: its row in the table by column, and sentences on how it reads DNA."""

    row: dict[str, str]
    said: list[str]


def install(
    *,
    hub_model: str | None,
    hub_revision: str,
    archive: str | None,
    folder: str | None,
    model_id: str | None,
    label: str | None,
    max_gb: float,
    load: str,
    into: str,
    progress: Callable[[str], None],
) -> Installed:
    """Put a base model into a folder of its own and check it.

    The parameters are the command line's options (see options); `progress` is told how it goes, a line at a time.
    Raises UserError for a model that cannot be had, is over the limit, unsafe, incomplete or none that reads DNA.
    """
    if sum(map(bool, (hub_model, archive, folder))) != 1:
        raise UserError("give one of --hub-model, --archive and --folder")
    name = model_id or hub_model
    if not name:
        raise UserError("give --model-id: what the table and adapters are to call the model")
    for text, option in ((name, "--model-id"), (hub_model, "--hub-model")):
        if text and (not _ID.fullmatch(text) or ".." in text):
            raise UserError(f"{option} {text!r} is not OWNER/NAME; use letters, digits, '.', '_' and '-'")
    if label and not label.isprintable():
        raise UserError("--label holds a control character; use printable characters only")
    place = Path(into)
    place.mkdir(parents=True, exist_ok=True)
    tag, version = "", ""
    if hub_model:
        described = fetch(hub_model, hub_revision, place, max_gb * 1e9, progress)
        tag, version = described.pipeline_tag, described.commit
    else:
        _copy(Path(archive or folder), place, max_gb * 1e9)
    with opened_base_model(str(place), name, version) as base:
        progress(f"{name}: {base.architecture}, weights {base.weights_sha256[:12]}")
        said = _checked(base, load == YES)
        tag = tag or _pipeline_tag(read_json(base.folder / "config.json", f"the model {name!r}"))
        version = version or base.weights_sha256[:12]
        record = base.identity() | {"source": hub_model or Path(archive or folder).name, "files": _sums(place)}
    (place / RECORD_FILE).write_text(json.dumps(record | {"revision": version}, indent=1, sort_keys=True) + "\n")
    row = {
        "value": name,
        "name": label or name,
        "pipeline_tag": tag,
        "domain": DOMAIN,
        "free_tag": "dna_lm",
        "version": version,
        "path": str(place),
    }
    return Installed({column: " ".join(text.split()) for column, text in row.items()}, said)


def data_table(installed: Installed) -> dict[str, Any]:
    """Return what Galaxy's data managers write: the rows that are to be added to a table."""
    return {"data_tables": {TABLE: [installed.row]}}


def _copy(given: Path, place: Path, max_bytes: float) -> None:
    """Put the model's files of an archive or a folder into an empty folder."""
    source = f"the model {given.name!r}"
    if any(place.iterdir()):
        raise UserError(f"{place} is not empty; give a new folder")
    if not given.exists():
        raise UserError(f"{source}: there is no {given}; give a folder or an archive")
    if not given.is_dir():
        unpack(given, place, is_model_file, source, int(max_bytes))
        return
    files = [file for file in sorted(given.iterdir()) if file.is_file() and is_model_file(file.name)]
    total = sum(file.stat().st_size for file in files)
    if total > max_bytes:
        raise UserError(
            f"{source} has {total / 1e9:.3g} GB, more than the {max_bytes / 1e9:g} GB allowed; raise the limit"
        )
    for file in files:
        shutil.copyfile(file, place / file.name)


def _sums(place: Path) -> dict[str, dict[str, Any]]:
    return {
        file.name: {"sha256": sha256_of_file(file), "bytes": file.stat().st_size}
        for file in sorted(place.iterdir())
        if is_model_file(file.name)
    }


def _checked(base: BaseModel, load: bool) -> list[str]:
    """Raise UserError unless the tokenizer reads DNA and, if that is to be seen, the weights make a classifier."""
    import torch

    from ..base_models.encoding import Encoder
    from ..classifiers.classifier import new_classifier

    encoder = Encoder(base, 64, None)
    said = [f"It reads k-mers of {encoder.kmer} letters."] if encoder.kmer >= 1 else []
    for what, sequence in _EXAMPLES.items():
        encoded = encoder.encode([sequence])
        read = (
            f"{encoded.unknown_share:.0%} of the tokens unknown or left out" if encoded.unknown_share else "all known"
        )
        said.append(f"{what}, as in {sequence}: {read}.")
    said.append("The tools make all letters upper-case before a model reads them.")
    if load:
        model = new_classifier(base, 2, encoder.tokenizer.pad_token_id, method="head").eval()
        tokens = torch.tensor(encoder.encode(["ACGTTGCA" * 4]).tokens)
        with torch.inference_mode():
            logits = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
        if logits.shape != (1, 2) or not torch.isfinite(logits).all():
            raise UserError(f"the model {base.id!r} gives no numbers for a sequence; choose another copy of it")
        said.append(f"It makes a classifier: {sum(map(torch.numel, model.parameters())):,} parameters.")
    return said


def _pipeline_tag(config: dict) -> str:
    """Return the hub's name for what a model was pretrained for, as its settings name the class."""
    named = config.get("architectures")
    return "fill-mask" if named and "MaskedLM" in str(named) else "text-generation"
