"""Taking an adapter in that is in PEFT's own form, whoever made it.

Nothing in the archive is believed: only known settings are taken, all others must be as usual; which layers have LoRA
matrices is read from the names of the tensors where the settings say it by a pattern; and all tensors have to fit.
"""

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from peft import LoraConfig

from ..adapters.dataset import PARTS, Adapter, check_base_model, check_record, finite, with_license
from ..adapters.recorded_model import opened_base_model_of
from ..base_models.archives import pickled_weights, unpack
from ..base_models.encoding import Encoder
from ..base_models.opening import CONFIG, BaseModel
from ..branch.record import WrongRecord, loaded
from ..classifiers.building import PREFIX, Misfit, fitted_classifier, peft_settings
from ..classifiers.lora import PEFT_SETTINGS
from ..data.tables import check_label
from ..data.targets import PROBLEM_TYPES, Target
from ..data.textfiles import describe
from ..errors import UserError
from ..training.options import FinetuneOptions
from ..words import AUTO, CLASSES, FORWARD, LORA, NUMBER, RECORDED
from .branch_words import BRANCH_WEIGHTS, parts
from .exporting import PEFT_CONFIG, PEFT_WEIGHTS
from .model_card import RECORD_FILE
from .options import ImportOptions

WANTED = (PEFT_CONFIG, PEFT_WEIGHTS, RECORD_FILE, BRANCH_WEIGHTS, CONFIG)
# Settings that say where an adapter is from and how it began, or how something else is done that is not done here.
WITHOUT_MEANING = (
    "task_type",
    "peft_type",
    "peft_version",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "init_lora_weights",
    "loftq_config",
    "eva_config",
    "corda_config",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "qalora_group_size",
    "ensure_weight_tying",
    "runtime_config",
)
# Settings that say where the LoRA matrices are, which the names of the tensors say too.
PLACES = ("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern")
# Bytes of a JSON file.
LARGEST_JSON = 16 * 10**6
DEFAULT_LENGTH = FinetuneOptions.max_length
_LORA_NAME = re.compile(r"(.+)\.lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)(?:\.weight)?")
_UNNAMED = re.compile(r"LABEL_\d+")


@dataclass(frozen=True)
class Imported:
    """An adapter that was taken in. notes: sentences on what was read; warnings: sentences that a user has to read."""

    adapter: Adapter
    notes: list[str]
    warnings: list[str]


def import_adapter(options: ImportOptions, progress: Callable[[str], None]) -> Imported:
    """Check an archive in PEFT's form against a base model.

    options: the command line's (see options).
    Raises UserError for an archive that is damaged or unsafe, settings that are not supported, tensors that do not fit
    the base model, and labels that are not given or too few.
    """
    source = describe(options.archive, "the archive")
    with tempfile.TemporaryDirectory(prefix="import_") as name:
        folder = Path(name)
        pickled = pickled_weights(unpack(options.archive, folder, WANTED.__contains__, source))
        what = f"{pickled} is a pickle and never read: " if pickled else ""
        for file, advice in (
            (PEFT_CONFIG, "is it an adapter in PEFT's form?"),
            (PEFT_WEIGHTS, f"{what}save it as safetensors"),
        ):
            if not (folder / file).exists():
                raise UserError(f"{source} has no {file}; {advice}")
        settings = _settings(_read_json(folder / PEFT_CONFIG, source), source)
        tensors = _read_tensors(folder / PEFT_WEIGHTS, source)
        recorded = _recorded(folder, source)
        branch, warnings = _branch(folder, recorded, source)
        kind, named = _config(folder, source)
    target = _target(options, recorded, kind, named, source)
    # Where the archive does not record its base model, this one passes for any until it is known.
    shell = Adapter(
        tensors=tensors,
        peft={"method": LORA, "peft_type": "LORA", **settings},
        base_model=recorded["base_model"] if recorded else {},
        task=_task(options, recorded, target),
        training=_training(recorded),
        branch=branch,
    )
    if options.base_model == RECORDED and not recorded:
        raise UserError(
            f"{source} does not record its base model as this program's archives do; choose the base model, on which "
            "it will be checked"
        )
    with opened_base_model_of(shell, options.base_model, options.base_model_id, options.installed) as base:
        if recorded:
            check_base_model(shell, base)
            shell = replace(shell, base_model=with_license(shell.base_model, base))
        else:
            shell = replace(shell, base_model=base.identity())
        encoder = Encoder(base, shell.max_length, shell.kmer or None)
        shell = replace(shell, task=shell.task | {"kmer": encoder.kmer})
        adapter = _fitted(shell, base, encoder, source)
    notes = [f"{source}: {len(tensors)} tensors fit the base model {base.id!r}"]
    if branch:
        notes.append(f"{source}: it contains classifiers that read nucleotides: {parts(adapter)}")
    if not recorded:
        given = "tokens of the strand that is given" if adapter.strand == FORWARD else "tokens of both strands"
        warnings.append(
            f"{source} does not say how sequences are to be read: {adapter.max_length} {given}, unless you choose "
            "otherwise; compare a prediction with one that you know"
        )
    if kind and not recorded and target.kind != kind:
        warnings.append(
            f"the config.json in {source} says {PROBLEM_TYPES[kind]} (problem_type); "
            f'"Type of label" (--target {target.kind}) is taken instead'
        )
    for text in notes:
        progress(text)
    for text in warnings:
        progress(f"warning: {text}")
    return Imported(adapter, notes, warnings)


def _read_json(path: Path, source: str) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_JSON:
        raise UserError(f"{source}: {path.name} has more than {LARGEST_JSON:,} bytes, which is refused")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=finite, parse_float=finite)
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise UserError(f"{source}: {path.name} is not JSON that could be read; export the adapter again") from None
    if not isinstance(content, dict):
        raise UserError(f"{source}: {path.name} is not a JSON object; export the adapter again")
    return content


def _settings(config: dict[str, Any], source: str) -> dict[str, Any]:
    """Return PEFT_SETTINGS of a configuration; target_modules is a list or None, if the tensors have to say it.

    Raises UserError for other kinds of adapters, code of its own, and settings that change what the adapter computes
    and are not supported.
    """
    kind, task = config.get("peft_type"), config.get("task_type")
    if kind != "LORA":
        raise UserError(f"{source}: its kind is {_short(kind)}, but only LORA can be imported")
    if config.get("auto_mapping"):
        raise UserError(f"{source} wants code of its own (auto_mapping in {PEFT_CONFIG}), which is refused")
    if task not in ("SEQ_CLS", None):
        raise UserError(
            f"{source}: its task is {_short(task)}, but only SEQ_CLS, classifiers of sequences, can be imported"
        )
    usual = LoraConfig().to_dict()
    for name, value in config.items():
        if name in PEFT_SETTINGS or name in PLACES or name in WITHOUT_MEANING:
            continue
        # Settings of other releases of PEFT: those that are off change nothing.
        if value not in (None, False, {}, [], usual.get(name)):
            raise UserError(f"{source}: the setting {_short(name)} is {_short(value)}, which is not supported")
    names = config.get("target_modules")
    by_name = isinstance(names, list) and all(isinstance(one, str) for one in names)
    restricted = any(config.get(name) for name in PLACES if name != "target_modules")
    result = {name: config.get(name, usual[name]) for name in PEFT_SETTINGS}
    result["target_modules"] = sorted(names) if by_name and not restricted else None
    for name in ("target_parameters", "modules_to_save"):
        result[name] = [] if result[name] is None else result[name]
        if not (isinstance(result[name], list) and all(isinstance(one, str) for one in result[name])):
            raise UserError(f"{source}: its settings are not supported: {name} is no list of names")
    return result


def _read_tensors(path: Path, source: str) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as problem:
        raise UserError(f"{source}: {path.name} is truncated or not in the safetensors format ({problem})") from None


def _recorded(folder: Path, source: str) -> dict[str, Any] | None:
    """Return the record that this program's archives have, if there is one."""
    path = folder / RECORD_FILE
    if not path.exists():
        return None
    record = _read_json(path, source)
    try:
        check_record(record)
        if record["task"].get("members", 1) != 1:
            raise ValueError("an archive has one model")
    except ValueError:
        raise UserError(f"{source}: {RECORD_FILE} is damaged; export the adapter again") from None
    return record


def _branch(folder: Path, recorded: dict[str, Any] | None, source: str) -> tuple[dict[str, Any], list[str]]:
    """Return the tensors of the branch that the record describes, and warnings; none where there is no branch."""
    path = folder / BRANCH_WEIGHTS
    described = bool(recorded) and "branch" in recorded["task"]
    if described and not path.exists():
        raise UserError(
            f"{source} has no {BRANCH_WEIGHTS}, the classifiers that read nucleotides, without which the adapter "
            f"predicts something else; export the adapter again, or remove {RECORD_FILE} from the archive to import "
            "the language model alone"
        )
    if described:
        return _read_tensors(path, source), []
    if not path.exists():
        return {}, []
    return {}, [
        f"{source}: {BRANCH_WEIGHTS} is not imported, as no {RECORD_FILE} describes it: the adapter is the language "
        "model alone"
    ]


def _config(folder: Path, source: str) -> tuple[str | None, list[str]]:
    """Return what a config.json beside the adapter says that it answers, a Target's kind, and its labels.

    None and no labels where there is no such file, or it does not say.
    """
    path = folder / CONFIG
    config = _read_json(path, source) if path.exists() else {}
    kind = next((kind for kind, name in PROBLEM_TYPES.items() if name == config.get("problem_type")), None)
    names = config.get("id2label")
    if not isinstance(names, dict):
        return kind, []
    labels = [names.get(str(number)) for number in range(len(names))]
    usable = all(isinstance(label, str) and not _UNNAMED.fullmatch(label) for label in labels)
    return kind, [str(label).strip() for label in labels] if usable else []


def _target(
    options: ImportOptions, recorded: dict[str, Any] | None, stated: str | None, named: list[str], source: str
) -> Target:
    """Return what the adapter answers: as the options say, or else the record, or else a config.json.

    stated, named: what the latter says. Where nothing says what it answers, one of several classes is meant.
    """
    before = Target.from_task(recorded["task"]) if recorded else None
    usual = before.kind if before else stated or CLASSES
    kind = options.target if options.target != AUTO else usual
    if kind == NUMBER:
        if options.labels != AUTO:
            raise UserError(
                f'"Class names" (--labels {options.labels!r}): a regression adapter has none; set them to auto, or '
                'choose another "Type of label" (--target)'
            )
        return before if before and before.kind == NUMBER else Target(NUMBER, [])
    labels = [label.strip() for label in options.labels.split(",")]
    where = f'"Class names" (--labels {options.labels!r})'
    if options.labels == AUTO:
        labels, where = (before.labels if before else []) or named, source
    if not labels:
        raise UserError(
            f'{source} does not name its labels; give "Class names" (--labels) in the order of the outputs, separated '
            'by commas, or set "Type of label" to "Regression (a number per sequence)" (--target number)'
        )
    for label in labels:
        check_label(label, where)
    try:
        return Target.from_task({"type": PROBLEM_TYPES[kind], "labels": labels})
    except ValueError as problem:
        raise UserError(f"{where}: {problem}; give two or more different class names") from None


def _task(options: ImportOptions, recorded: dict[str, Any] | None, target: Target) -> dict[str, Any]:
    before = recorded["task"] if recorded else {}
    same = bool(before) and Target.from_task(before).kind == target.kind and len(before["labels"]) == len(target.labels)
    kept = before if same else {}  # what was chosen for other labels does not hold for these
    if "branch" in before:
        kept = kept | {"branch": before["branch"]}
    strand = options.strands if options.strands != AUTO else before.get("strand", FORWARD)
    return (
        {"pooling": "last_token"}
        | kept
        | target.task()
        | {
            "max_length": options.max_length or before.get("max_length", DEFAULT_LENGTH),
            # 0, what the tokenizer reads, is found out where the base model is opened.
            "kmer": options.kmer if options.kmer != -1 else before.get("kmer", -1),
            "strand": strand,
            "members": 1,
        }
    )


def _training(recorded: dict[str, Any] | None) -> dict[str, Any]:
    if recorded:
        return recorded["training"]
    return {"sequences": {"train": 0, "dev": 0}, "imported_from": "an archive in PEFT's form"}


def _fitted(adapter: Adapter, base: BaseModel, encoder: Encoder, source: str) -> Adapter:
    """Return the adapter with the settings as this program records them, and tensors that were tried."""
    if adapter.peft["target_modules"] is None:
        parents = [name.rpartition(".")[0] for name in adapter.peft["target_parameters"]]
        adapter = replace(adapter, peft=adapter.peft | {"target_modules": _modules(adapter.tensors, parents, source)})
    parts = {part: getattr(adapter, part) for part in PARTS}
    try:
        check_record(parts)
    except ValueError as problem:
        raise UserError(f"{source}: its settings are not supported: {problem}") from None
    try:
        model = fitted_classifier(base, adapter, encoder.tokenizer.pad_token_id, trainable=False)
    except Misfit as problem:
        raise UserError(
            f"{source} does not fit the base model {base.id!r} with {_outputs(adapter)} ({problem.reason}); choose the "
            "base model that it was trained on, and as many labels as it has outputs"
        ) from None
    try:
        if "branch" in adapter.task:
            loaded(adapter.branch, adapter.task["branch"], adapter.target.outputs)
    except WrongRecord as problem:
        raise UserError(f"{source}: {BRANCH_WEIGHTS} is damaged ({problem}); export the adapter again") from None
    peft = peft_settings(model)
    # As it was given: what PEFT adds is not in it.
    peft["target_modules"] = adapter.peft["target_modules"]
    task = adapter.task | {"max_length": encoder.max_length}
    return replace(adapter, peft=peft, task=task)


def _outputs(adapter: Adapter) -> str:
    return f"{adapter.target.outputs} output" + ("" if adapter.target.outputs == 1 else "s")


def _modules(tensors: dict[str, Any], parents: list[str], source: str) -> list[str]:
    """Return the paths of the modules that have LoRA matrices, by the names of the tensors.

    parents: the modules whose parameters have some, such as a mixture's experts; they are not among them.
    """
    names = (_LORA_NAME.fullmatch(name.removeprefix(PREFIX)) for name in tensors)
    found = {match[1].removesuffix(".base_layer") for match in names if match}
    if not found:
        raise UserError(f"{source}: no tensor has the name of a LoRA matrix; export the adapter again")
    return sorted(path for path in found if not any(f".{path}".endswith(f".{parent}") for parent in parents))


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
