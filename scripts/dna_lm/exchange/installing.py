"""Installing a base model for all users of a server: fetched or unpacked, checked, and described as a row of the table.

A folder that was installed holds the model's files and `installed.json`, which says where they are from, with the
SHA-256 of each. Weights that are pickles were converted to safetensors before anything else looked at them, and are
gone; `installed.json` has their SHA-256.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base_models.archives import is_convertible, unpack
from ..base_models.installed_files import INSTALLED, files_record, note_of
from ..base_models.known_models import BY_REPOSITORY
from ..base_models.licenses import CARD, LICENSE_LETTERS, NOT_STATED, in_words, non_commercial, of_card, spelled
from ..base_models.opening import BaseModel, is_model_file, opened_base_model, read_json
from ..classifiers.options import LoraOptions
from ..errors import UserError
from ..words import HEAD_ONLY, YES
from .conversion import CONVERTED, conversion, conversion_before, pickled_alone
from .hub import fetch
from .options import InstallOptions

if TYPE_CHECKING:
    from ..base_models.encoding import Encoder

TABLE, DOMAIN = "huggingface", "sequence"
# As the hub names models; it becomes a part of a path on the server.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
# Tokens of the longest sequence that is tried.
LONGEST = 512
# Genomes have repeats in lower-case letters and gaps of N: what a tokenizer makes of them is told.
_EXAMPLES = {"lower-case letters": "acgtacgtacgt", "N": "ACGTNNNNACGT"}


@dataclass(frozen=True)
class Installed:
    """An installed model: its row in the table by column, and sentences on how it reads DNA."""

    row: dict[str, str]
    notes: list[str]


def install(options: InstallOptions, into: str, progress: Callable[[str], None]) -> Installed:
    """Put a base model into a folder of its own and check it.

    `progress` is told how it goes, a line at a time.
    Raises UserError for a model that cannot be had, is over the limit, unsafe, incomplete or none that reads DNA.
    """
    if sum(map(bool, (options.hub_model, options.archive, options.folder))) != 1:
        raise UserError("give one of --hub-model, --archive and --folder")
    name = options.model_id or options.hub_model
    if not name:
        raise UserError('give an "Identifier" (--model-id): the name of the model in the table and in adapters')
    for text, option in ((name, '"Identifier" (--model-id)'), (options.hub_model, '"Model on the hub" (--hub-model)')):
        if text and (not _ID.fullmatch(text) or ".." in text):
            raise UserError(f"{option}: {text!r} is not OWNER/NAME; use letters, digits, '.', '_' and '-'")
    for text, option in (
        (options.label, '"Name shown to users" (--label)'),
        (options.license, '"License" (--license)'),
    ):
        if text and not text.isprintable():
            raise UserError(f"{option} contains a control character; use printable characters only")
    if options.license and len(options.license) > LICENSE_LETTERS:
        raise UserError(
            f'"License" (--license) has {len(options.license):,} characters; give the name of the license, '
            f"{LICENSE_LETTERS} characters at most"
        )
    folder, made = _made(into)
    source = f"the model {name!r}"
    tag, version, stated, most = "", "", "", options.max_gb * 1e9
    if options.hub_model:
        before = conversion_before(folder)
        known = {entry["sha256"] for entry in before.values()}
        # What a broken download leaves is kept: the next one continues from there.
        described = fetch(options.hub_model, options.hub_revision, folder, most, progress, known)
        tag, version, stated = described.pipeline_tag, described.commit, described.license
        pickled = [file for file in described.sums if is_convertible(file)]
    elif any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; give a new folder")
    try:
        if not options.hub_model:
            stated = _copy(Path(options.archive or options.folder), folder, most)
            pickled = pickled_alone(folder)
        license, notes = _license(options, name, stated)
        converted = {}
        if any((folder / file).exists() for file in pickled):
            converted = conversion(folder, pickled, source, most, progress)
        elif pickled:
            converted = before
        files = files_record(file for file in sorted(folder.iterdir()) if is_model_file(file.name))
        _write(folder, {"files": files})  # so that the files, which may be large, are not read again to be opened
        with opened_base_model(str(folder), name, version) as base:
            progress(f"{name}: {base.architecture}, weights {base.weights_sha256[:12]}")
            notes += _checked(base, options.load == YES)
            notes += [f"Its weights were converted to safetensors from {', '.join(converted)}."] if converted else []
            tag = tag or _pipeline_tag(read_json(base.folder / "config.json", source))
            version = version or base.weights_sha256[:12]
            origin = options.hub_model or Path(options.archive or options.folder).name
            record = base.identity() | {"source": origin, "files": files, "license": license}
            record |= {CONVERTED: converted} if converted else {}
        _write(folder, record | {"revision": version})
    except BaseException as problem:  # an interruption too: what is left would refuse the next try
        (folder / INSTALLED).unlink(missing_ok=True)
        # The next try continues with what was fetched, unless it was refused.
        if not options.hub_model or (made and isinstance(problem, UserError)):
            _unmake(folder, made)
        raise
    listed = BY_REPOSITORY.get(name)
    row = {
        "value": name,
        "name": _shown(options.label or (listed.name if listed else name), license),
        "pipeline_tag": tag,
        "domain": DOMAIN,
        "free_tag": "dna_lm",
        "version": version,
        "path": str(folder),
    }
    return Installed({**{column: " ".join(text.split()) for column, text in row.items()}, "path": str(folder)}, notes)


def _license(options: InstallOptions, name: str, stated: str) -> tuple[str, list[str]]:
    """Return the license of a model, empty if it is not stated, and sentences on it.

    stated: where it is from, on the hub or in the card beside it. What was given comes first, since an administrator
    may have been granted another one; then what is known of the model, unless it now is for non-commercial use only.
    """
    known = BY_REPOSITORY.get(name)
    of_known = known.license if known else ""
    license = spelled(options.license) or (stated if non_commercial(stated) else of_known) or stated
    notes = [f"License: {in_words(license)}."]
    others = {"the list of known models": of_known, "its page or model card": stated}
    notes += [
        f"Another license is stated in {where}: {other}."
        for where, other in others.items()
        if other not in ("", license)
    ]
    return license, notes


def _shown(label: str, license: str) -> str:
    """Return what users see of a model: its license is in its name, for which the table has no column."""
    shown = in_words(license) if license else f"license {NOT_STATED}"
    return label if shown in label else f"{label} ({shown})"


def data_table(installed: Installed) -> dict[str, Any]:
    """Return what Galaxy's data managers write: the rows that are to be added to a table."""
    return {"data_tables": {TABLE: [installed.row]}}


def _made(into: str) -> tuple[Path, bool]:
    """Make the folder that a model is put into; return its absolute path, as the table needs it, and if it is new."""
    folder = Path(os.path.abspath(into))
    if not str(folder).isprintable():  # a byte that is not UTF-8 too
        raise UserError(f"--into {into!r}: a table cannot contain that name; give a folder of printable characters")
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as problem:
        what = "is a file" if folder.is_file() else f"cannot be made or written to ({problem.strerror or problem})"
        raise UserError(f"--into {into!r} {what}; give a new folder that you may write to") from None
    return folder, new


def _unmake(folder: Path, made: bool) -> None:
    """Remove what was installed, and the folder if it was made for it."""
    if made:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for file in folder.iterdir():
        if _is_wanted(file.name) or file.name == INSTALLED:
            file.unlink(missing_ok=True)


def _is_wanted(name: str) -> bool:
    return is_model_file(name) or is_convertible(name)


def _copy(given: Path, folder: Path, max_bytes: float) -> str:
    """Put the model's files of an archive or a folder into an empty folder; return the license in the card beside them.

    The license is empty if there is no card, or it states none.
    """
    source = f"the model {given.name!r}"
    if not given.exists():
        raise UserError(f"{source}: there is no {given}; give a folder or an archive")
    if not given.is_dir():
        unpack(given, folder, _is_wanted, source, int(max_bytes), beside=CARD)
        license = of_card(folder / CARD)
        (folder / CARD).unlink(missing_ok=True)
        return license
    try:
        files = [file for file in sorted(given.iterdir()) if file.is_file() and _is_wanted(file.name)]
    except OSError as problem:
        raise UserError(f"{source} cannot be read: {problem.strerror or problem}; see its permissions") from None
    total = sum(file.stat().st_size for file in files)
    if total > max_bytes:
        raise UserError(
            f"{source} has {total / 1e9:.3g} GB, more than the {max_bytes / 1e9:g} GB allowed; raise the limit"
        )
    for file in files:
        try:
            shutil.copyfile(file, folder / file.name)
        except OSError as problem:
            if problem.errno == errno.ENOSPC:
                raise
            reason = problem.strerror or problem
            raise UserError(f"{source}: {file.name} cannot be copied ({reason}); see the permissions") from None
    return spelled(note_of(given).get("license")) or of_card(given / CARD)


def _write(folder: Path, record: dict[str, Any]) -> None:
    (folder / INSTALLED).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _checked(base: BaseModel, load: bool) -> list[str]:
    """Raise UserError unless the tokenizer reads DNA and, if that is to be seen, training would take the model."""
    from ..base_models.encoding import Encoder

    encoder = Encoder(base, LONGEST, None)
    notes = [f"It reads k-mers of {encoder.kmer} nucleotides."] if encoder.kmer >= 1 else []
    if encoder.word > 1:
        notes = [f"It reads k-mers of {encoder.word} nucleotides side by side."]
    for what, sequence in _EXAMPLES.items():
        unknown = encoder.encode([sequence]).reading.unknown_share
        read = f"{unknown:.0%} of the tokens unknown or left out" if unknown else "all known"
        notes.append(f"{what}, as in {sequence}: {read}.")
    notes.append("The tools make all letters upper-case before a model reads them.")
    return notes + _tried(base, encoder) if load else notes


def _tried(base: BaseModel, encoder: "Encoder") -> list[str]:
    """Make a classifier as fine-tuning does where nothing else is asked for, and let sequences through it.

    Raises UserError when fine-tuning would refuse it.
    """
    from ..classifiers.building import new_classifier
    from ..classifiers.lora import NoTargets
    from ..classifiers.trial import reason_against, refused

    pad, without = encoder.tokenizer.pad_token_id, []
    try:
        model = new_classifier(base, 2, pad, LoraOptions())
    except NoTargets as problem:
        model = new_classifier(base, 2, pad, LoraOptions(method=HEAD_ONLY))
        without = [f"LoRA does not find by itself where to put its matrices: {problem}."]
    if reason := reason_against(model, encoder):
        raise refused(base.id, base.architecture, reason)
    added = ("lora_", "modules_to_save")  # what PEFT puts beside the classifier's own parameters
    count = sum(one.numel() for name, one in model.named_parameters() if not any(part in name for part in added))
    return [f"It makes a classifier: {count:,} parameters.", *without]


def _pipeline_tag(config: dict) -> str:
    """Return the hub's name for what a model was pretrained for, as its settings name the class."""
    named = config.get("architectures")
    return "fill-mask" if named and "MaskedLM" in str(named) else "text-generation"
