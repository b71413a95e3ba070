"""Finding, checking and identifying a base model: a folder in Hugging Face's form, without loading its weights."""

import copy
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..networks.registry import NETWORKS, PLAIN, code_named, network_of, network_with, plain_of
from ..tokenizers.description import SETTINGS as TOKENIZER_SETTINGS
from ..tokenizers.description import Description
from ..tokenizers.registry import CODE as TOKENIZER_CODE
from ..tokenizers.registry import described
from ..words import BUILT_IN
from .architectures import LAYERS
from .archives import is_convertible, pickled_weights, unpack
from .installed_files import sha256_of_model_file
from .licenses import CARD, of_model
from .settings import effective_settings, parsed_config

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

BUILT_IN_FOLDER = Path(__file__).parent.parent / "models" / "tiny-human-dna"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
# Tokenizers of older models come as these instead of tokenizer.json; transformers converts them on loading.
VOCABULARIES = ("vocab.txt", "vocab.json", "merges.txt")
TOKENIZER_FILES = (
    TOKENIZER,
    *VOCABULARIES,
    TOKENIZER_SETTINGS,
    "special_tokens_map.json",
    "added_tokens.json",
)
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
# Tokenizers of the largest vocabularies (256,000 tokens) have 40 MB; safetensors sets this limit to its headers.
MAX_JSON_BYTES = 100 * 10**6
# What settings call the number of layers, and how many are too many: lists as long are made while settings are read.
MOST_LAYERS = 10_000
# The fields of a BaseModel that every adapter records, all text.
IDENTITY = ("id", "revision", "architecture", "weights_sha256", "tokenizer_sha256")


@dataclass(frozen=True)
class BaseModel:
    """A base model on disk.

    folder: holds nothing but config.json, tokenizer files and safetensors.
    id, revision: how it is called in adapters and messages; revision may be empty.
    architecture: transformers' model type, such as `mixtral`.
    license: as licenses.py spells it; empty if it is not stated.
    weights_sha256, tokenizer_sha256, settings: what an adapter is bound to; the last is of config.json (see
    settings.py).
    parsed: config.json as transformers reads it; None if it cannot. Others get a copy (see config).
    """

    folder: Path
    id: str
    revision: str
    architecture: str
    weights_sha256: str
    tokenizer_sha256: str
    settings: dict[str, Any] = field(default_factory=dict)
    license: str = ""
    parsed: "PreTrainedConfig | None" = field(default=None, compare=False, repr=False)

    def config(self) -> "PreTrainedConfig":
        """Return config.json as transformers reads it, to be changed at will; raise UserError if it cannot read it."""
        try:
            return copy.deepcopy(self.parsed) if self.parsed else parsed_config(self.folder)
        except Exception as problem:  # whatever foreign settings make transformers raise
            raise UserError(f"the base model {self.id!r} cannot be loaded: {problem}") from None

    def identity(self) -> dict[str, Any]:
        """What an adapter records of its base model: IDENTITY, the settings and, if it is stated, the license."""
        recorded = {name: getattr(self, name) for name in IDENTITY} | {"settings": self.settings}
        return recorded | ({"license": self.license} if self.license else {})


def is_model_file(name: str) -> bool:
    """Say whether a file, by its name, is one that a base model may consist of."""
    # macOS puts a file `._<name>` of its own beside each in an archive.
    return name in (CONFIG, INDEX, *TOKENIZER_FILES) or (name.endswith(".safetensors") and not name.startswith("."))


@contextmanager
def opened_base_model(base_model: str, model_id: str | None = None, revision: str | None = None) -> Iterator[BaseModel]:
    """Give a checked base model, whose folder lasts as long as the block.

    base_model: `built-in`, a folder, or a zip or tar archive of one.
    model_id: how to call it; without one, the folder's or archive's name.
    Raises UserError for everything that is not a safe and complete model folder.
    """
    with _opened(base_model, model_id, is_model_file, CARD) as (folder, name, source, others):
        with _readable(source):
            license = of_model(_path(base_model), folder, name)
            (folder / CARD).unlink(missing_ok=True)
            base = _check(folder, name, (revision or "").encode("utf-8", "backslashreplace").decode(), source, others)
            base = replace(base, license=license)
        yield base


@contextmanager
def opened_tokenizer(base_model: str, model_id: str | None = None) -> Iterator[tuple[Path, str]]:
    """Give a folder with the tokenizer files alone, for as long as the block lasts, and what messages call the model.

    The parameters are those of opened_base_model, which also looks at the weights.
    Raises UserError for an unsafe archive or folder, and one without a tokenizer.
    """
    with _opened(base_model, model_id, TOKENIZER_FILES.__contains__) as (folder, _, source, _):
        with _readable(source):
            check_settings(_tokenizer_settings(folder, source), source)
            _tokenizer_sha256(folder, source)
        yield folder, source


def tokenizer_sha256(base_model: str, model_id: str | None = None) -> str:
    """Return the SHA-256 that a BaseModel has of its tokenizer, without a look at the weights.

    The parameters and the errors are those of opened_tokenizer.
    """
    with opened_tokenizer(base_model, model_id) as (folder, source), _readable(source):
        return _tokenizer_sha256(folder, source)


@contextmanager
def _opened(
    base_model: str, model_id: str | None, wanted: Callable[[str], bool], beside: str | None = None
) -> Iterator[tuple[Path, str, str, list[str]]]:
    """Give a folder with the wanted files, the model's name, what messages call it, and the names of other files.

    beside: the name of a text of an archive that is put there too.
    """
    path = _path(base_model)
    # What is not UTF-8 in a folder's name stands in Python's text as letters that no record can be written with.
    name = (model_id or path.name).encode("utf-8", "backslashreplace").decode()
    source = f"the base model {name!r}"
    with tempfile.TemporaryDirectory(prefix="base_model_") as temporary:
        folder = Path(temporary)
        with _readable(source):
            if not path.exists():
                raise UserError(f"{source}: there is no {path}; give a folder, an archive or '{BUILT_IN}'")
            if path.is_dir():
                others = _linked(path, folder, wanted)
            else:
                others = unpack(path, folder, wanted, source, beside=beside)
        yield folder, name, source, others


def _path(base_model: str) -> Path:
    return BUILT_IN_FOLDER if base_model == BUILT_IN else Path(base_model)


@contextmanager
def _readable(source: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise UserError(
            f"{source} cannot be read: {problem.strerror or problem}; see the path and its permissions, or choose "
            "another"
        ) from None


def _linked(path: Path, folder: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Link the wanted files of a path into a folder; return the names of the others.

    Links to the wanted files alone: transformers cannot come upon anything else in the folder.
    """
    files = sorted(path.iterdir())
    for file in files:
        if file.is_file() and wanted(file.name):
            os.symlink(file.resolve(), folder / file.name)
    return [file.name for file in files if not wanted(file.name)]


def _check(folder: Path, name: str, revision: str, source: str, others: list[str]) -> BaseModel:
    config = read_json(folder / CONFIG, source)
    for settings in (config, _tokenizer_settings(folder, source)):
        check_settings(settings, source)
    network = network_of(config)
    architecture = network.name if network else config.get("model_type")
    for key, value in _entries(config):
        if key in LAYERS and isinstance(value, int) and value > MOST_LAYERS:
            raise UserError(
                f"{source}: {CONFIG} asks for {value:,} layers ({key}), which is refused; choose another copy of it"
            )
    if not isinstance(architecture, str):
        raise UserError(f"{source}: {CONFIG} names no model_type; choose a folder that transformers saved")
    if config.get("quantization_config"):
        raise UserError(
            f"{source} has quantized weights (quantization_config in {CONFIG}), which cannot be used here; choose "
            "the model as it was before, which fine-tuning quantizes itself if it is asked to"
        )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickled = pickled_weights(others)
        hint = f"; {pickled} is a pickle and never read here: save the model as safetensors" if pickled else ""
        if pickled and is_convertible(pickled):
            hint += ", or ask an administrator to install it, which converts it"
        raise UserError(f"{source} has no .safetensors file{hint or '; add its weights in that format'}")
    found = {file: tensor_shapes(file, source) for file in weights}
    if not (folder / WEIGHTS).exists() and (folder / INDEX).exists():  # transformers looks for them in this order
        _check_index(read_json(folder / INDEX, source), {file.name for file in weights}, source)
    digests = _sha256(weights), _tokenizer_sha256(folder, source)
    try:
        parsed = parsed_config(folder)
    except Exception:  # whatever foreign settings make transformers raise; BaseModel.config tells the user
        parsed = None
    read = [folder / WEIGHTS] if folder / WEIGHTS in found else weights
    shapes = {name: shape for file in read for name, shape in found[file].items()}
    if parsed and (expected := network or plain_of(config)):
        from ..networks.fitting import check_tensors

        check_tensors(expected, parsed, shapes, source)
    # transformers would load what fits of another network's weights, and draw the rest at random.
    if not network and (other := network_with(shapes, architecture)):
        raise UserError(
            f"{source}: its weights are those of {other.title}, but its {CONFIG} describes the architecture "
            f"{architecture!r} of transformers, which is another network; choose an unchanged copy of the model, whose "
            f"{CONFIG} names it"
        )
    settings = effective_settings(parsed) if parsed else {}
    return BaseModel(folder, name, revision, architecture, *digests, settings, parsed=parsed)


def _tokenizer_settings(folder: Path, source: str) -> dict:
    path = folder / TOKENIZER_SETTINGS
    return read_json(path, source) if path.exists() else {}


def described_tokenizer(folder: Path, source: str) -> Description | None:
    """Return the tokenizer of a checked folder, if it is one of this library; None: transformers reads its files."""
    return described(folder, _tokenizer_settings(folder, source), source)


def check_settings(settings: dict, source: str) -> None:
    """Raise UserError when a config.json or tokenizer_config.json wants code that nothing here stands for.

    No code of a model is ever run. What `auto_map` at the top names is known as one of the networks or tokenizers, or
    as not needed; deeper down, it is of none.
    """
    code = code_named(settings)
    known = bool(code) and (network_of(settings) or plain_of(settings) or code <= TOKENIZER_CODE.keys())
    inner = [key for value in settings.values() for key, _ in _entries(value)]
    if "auto_map" in inner or ("auto_map" in settings and not known):
        titles = ", ".join(one.title for one in (*NETWORKS, *PLAIN))
        named = f": {', '.join(sorted(code))}" if code else ""
        raise UserError(
            f"{source} wants to run code of its own (auto_map in its settings{named}), which is refused; choose a "
            f"model whose architecture transformers itself has, or one of {titles}"
        )


def _entries(value: object) -> Iterator[tuple[str, object]]:
    """Give the keys and values of a JSON document at any depth: a model's settings may hold those of its parts."""
    if isinstance(value, dict):
        yield from value.items()
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _entries(part)


def _check_index(index: dict, files: set[str], source: str) -> None:
    """Raise UserError unless the index of weights in parts names the folder's files, and only these."""
    named = index.get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(file, str) for file in named.values()):
        raise UserError(f"{source}: {INDEX} has no weight_map of tensors and files; save the model again")
    for file in sorted(set(named.values())):
        if file not in files:
            raise UserError(
                f"{source}: {INDEX} names the file {file!r}, which is not there; add all parts of the weights"
            )


def _tokenizer_sha256(folder: Path, source: str) -> str:
    """Return the digest of the files that make the tokenizer what it is, or of what is known of its class."""
    description = described_tokenizer(folder, source)
    if description and not description.file:
        return description.sha256()
    return _sha256(_tokenizer_files(folder, source))


def _tokenizer_files(folder: Path, source: str) -> list[Path]:
    """Return the files that make the tokenizer what it is."""
    tokenizer = [folder / TOKENIZER] if (folder / TOKENIZER).exists() else []
    tokenizer = tokenizer or [folder / name for name in VOCABULARIES if (folder / name).exists()]
    if not tokenizer:
        raise UserError(f"{source} has no {TOKENIZER}; add its tokenizer")
    for file in tokenizer:
        if file.suffix == ".json":
            read_json(file, source)
    return tokenizer


def read_json(path: Path, source: str) -> dict:
    """Return the JSON object that a file of a base model holds.

    source: what to call the model in an error message. Raises UserError when there is none, or it is huge.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise UserError(
                f"{source}: {path.name} has more than {MAX_JSON_BYTES / 1e6:.0f} MB, which is refused; choose another"
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{source} has no {path.name}; choose a folder that transformers saved") from None
    except (ValueError, RecursionError) as problem:
        raise UserError(f"{source}: {path.name} is not JSON ({problem}); save the model again") from None
    if not isinstance(content, dict):
        raise UserError(f"{source}: {path.name} is not a JSON object; save the model again")
    return content


def tensor_shapes(path: Path, source: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a safetensors file by name; raise UserError if it is damaged.

    source: what to call the model in an error message.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as problem:
        raise UserError(
            f"{source}: {path.name} is truncated or not in the safetensors format ({problem}); copy it again"
        ) from None


def _sha256(files: list[Path]) -> str:
    """One file: its SHA-256. Several: the SHA-256 of the lines `<name> <SHA-256>`."""
    digests = {file.name: sha256_of_model_file(file) for file in files}
    if len(digests) == 1:
        return next(iter(digests.values()))
    return hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in digests.items()).encode()).hexdigest()
