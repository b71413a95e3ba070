"""A training that goes on from an adapter: what the adapter has decided already, and the optimizer's state with it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from ..adapters.dataset import Adapter, tensors_sha256
from ..base_models.architectures import HEADS
from ..classifiers.options import LORA_OPTIONS
from ..data.textfiles import describe
from ..errors import UserError
from ..words import AUTO, LORA, NO, NONE, YES
from .options import FinetuneOptions
from .state import load_state, saved_with

# Options that say what an adapter is and how it reads: one that is gone on from has decided them.
DECIDED = ("target", "method", *LORA_OPTIONS, "branch", "motifs", "kmer", "strands", "max_length")
# Names of the embeddings in the architectures of transformers that do not have `emb` in them.
EMBEDDINGS = ("wte", "w")


def continued(options: FinetuneOptions, before: Adapter | None) -> tuple[FinetuneOptions, list[str]]:
    """Return the options of a training, with those that the adapter has decided as it has them, and a sentence on them.

    options: the command line's; `given`, if it is there, has the names of those that the user gave. before: the adapter
    that is gone on from, if there is one.
    Raises UserError for an option that the user gave and that is not as the adapter has it.
    """
    if before is None:
        return options, []
    decided = decided_by(before)
    if options.motifs_file:
        raise UserError(
            '"Motifs of your own" (--motifs-file): the adapter that the training continues from keeps its motifs; '
            "leave the file out, or train a new adapter from the base model"
        )
    for name in DECIDED:
        if name not in options.given:
            continue
        value = getattr(options, name)
        flag = f"--{name.replace('_', '-')}"
        mend = "leave the option out, or train a new adapter from the base model"
        if name not in decided:
            raise UserError(
                f"{flag} {value}: the adapter that the training continues from has no LoRA matrices; {mend}"
            )
        if not _same(name, value, decided[name], before):
            has = ",".join(_modules(before)) if name == "target_modules" else _text(decided[name])
            raise UserError(
                f"{flag} {_text(value)}: the adapter that the training continues from has {has}, which cannot be "
                f"changed; {mend}"
            )
        if name == "max_length":
            decided[name] = value  # above what the base model reads, it is cut to that again
    if decided["method"] != LORA and "quantization" not in options.given:
        # A preset may ask for it, which holds for LoRA only.
        decided |= {"quantization": NONE, "double_quantization": NO, "compute_type": AUTO}
    return replace(options, **decided), [f"taken from the adapter: {decisions(decided)}"]


def without_effect(options: FinetuneOptions) -> list[str]:
    """Return warnings of options that the user gave and that the others leave without effect.

    They are for a new training: one that continues an adapter refuses them.
    """
    return [
        *_idle(options, LORA_OPTIONS, options.method == LORA, f"the method {options.method} trains no LoRA matrices"),
        *_idle(
            options,
            ("motifs", "motifs_file"),
            options.branch == YES,
            "no classifiers that read nucleotides are trained",
        ),
    ]


def _idle(options: FinetuneOptions, names: Sequence[str], heeded: bool, reason: str) -> list[str]:
    flags = [f"--{name.replace('_', '-')}" for name in names if name in options.given]
    if heeded or not flags:
        return []
    return [f"{', '.join(flags)} {'has' if len(flags) == 1 else 'have'} no effect: {reason}"]


def decisions(options: dict[str, Any]) -> str:
    """Return the options that an adapter decides, of all of a training, as a command line gives them."""
    names = [name for name in DECIDED if name in options]
    if options.get("branch", NO) == NO:
        names = [name for name in names if name != "motifs"]
    if options.get("method", LORA) != LORA:
        names = [name for name in names if name not in LORA_OPTIONS]
    return ", ".join(f"{name.replace('_', '-')} {_text(options[name])}" for name in names)


def decided_by(adapter: Adapter) -> dict[str, Any]:
    """Return the options that an adapter has decided, by name; those of LoRA only if it has LoRA matrices."""
    peft = adapter.peft
    method = peft.get("method", LORA)
    found = {
        "target": adapter.target.kind,
        "method": method,
        "kmer": adapter.kmer,
        "strands": adapter.strand,
        "max_length": adapter.max_length,
        "branch": YES if adapter.branch else NO,
        "motifs": _recorded(adapter, "motifs") or NONE,
    }
    if method != LORA:
        return found
    found |= {
        "lora_r": peft.get("r", 8),  # without a record, PEFT's own defaults are meant
        "lora_alpha": float(peft.get("lora_alpha", 8)),
        "lora_dropout": float(peft.get("lora_dropout", 0)),
        "target_modules": _recorded(adapter, "target_modules") if _auto(adapter) else ",".join(_modules(adapter)),
        "experts": YES if peft.get("target_parameters") else NO,
        "embeddings": YES if any(map(_is_embedding, peft.get("modules_to_save") or [])) else NO,
        "lora_bias": peft.get("bias", NONE),
        "rslora": YES if peft.get("use_rslora") else NO,
        "dora": YES if peft.get("use_dora") else NO,
    }
    if found["experts"] == NO and _recorded(adapter, "experts") == YES:
        found["experts"] = YES  # was asked for, of a base model without experts
    return found


def state_of(path: str, before: Adapter | None) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Read the state of the optimizer with which an adapter was saved, and sentences that a user has to read.

    Raises UserError when the file is damaged or something else, belongs to another adapter, or there is no adapter.
    """
    if not before:
        raise UserError(
            'an optimizer state continues an adapter; select the "Adapter to train further" (--resume-from) too, or '
            "neither"
        )
    state, owner = load_state(path), saved_with(path)
    source = describe(path, "the optimizer state")
    if owner is None:
        return state, [
            f"{source} does not say with which adapter it was saved, as those of earlier releases do not: take care "
            "that it is this one"
        ]
    if owner != tensors_sha256(before.tensors):
        raise UserError(
            f'{source} was saved with another adapter than the "Adapter to train further" (--resume-from); choose '
            "the state of the same job, or none"
        )
    return state, []


def _same(name: str, value: Any, decided: Any, adapter: Adapter) -> bool:
    """Say whether an option that the user gave is as the adapter has it."""
    if name == "kmer" and value == 0:
        return True  # what the tokenizer reads, as ever
    if name == "experts" and not adapter.peft.get("target_parameters") and decided == YES:
        return True  # of a base model without experts, it is the same either way
    if name == "target_modules":
        given = {part.strip() for part in value.split(",") if part.strip()}
        chosen_before = _recorded(adapter, "target_modules")
        return given == set(_modules(adapter)) or (value == AUTO and chosen_before in (None, AUTO))
    if name == "max_length" and value > decided:
        return value == _recorded(adapter, "max_length")  # more than the base model reads, which cut it
    return value == decided


def _auto(adapter: Adapter) -> bool:
    return _recorded(adapter, "target_modules") == AUTO


def _modules(adapter: Adapter) -> list[str]:
    """Return the names of the layers with LoRA matrices; of adapters made elsewhere, their paths are recorded."""
    return sorted({path.rpartition(".")[2] for path in adapter.peft.get("target_modules") or []})


def _is_embedding(module: str) -> bool:
    return module not in HEADS and ("emb" in module.lower() or module in EMBEDDINGS)


def _recorded(adapter: Adapter, option: str) -> Any:
    """Return an option of the adapter's own training; None for one made elsewhere."""
    options = adapter.training.get("options")
    return options.get(option) if isinstance(options, dict) else None


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
