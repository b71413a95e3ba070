"""The model that a training starts from, and what it will take."""

from dataclasses import replace
from typing import Any

import torch
from peft import PeftModel

from ..adapters.dataset import Adapter
from ..base_models.encoding import Encoder
from ..base_models.opening import BaseModel
from ..classifiers.building import fitted_classifier, new_classifier, peft_settings
from ..classifiers.precision import Precision
from ..classifiers.quantization import describe, quantization_config
from ..classifiers.trial import reason_against, refused
from ..errors import MEMORY, UserError, lack
from ..processes.devices import Devices
from ..processes.together import apart
from ..speed.pooled_token import skip_other_tokens
from ..speed.rms_norm import fuse_norms
from ..words import FULL, LORA, NONE, YES
from .estimate import Estimate, available_memory, check_fits, estimate, gigabytes
from .loop import Plan
from .micro_batches import most_at_once, tokens_at_once
from .options import FinetuneOptions
from .splits import TrainingData

# Share of the bytes of a linear layer in fp32 that 4 bits and their scales save.
FOUR_BITS_SAVE = 0.85


def ready_model(
    base: BaseModel,
    encoder: Encoder,
    data: TrainingData,
    options: FinetuneOptions,
    devices: Devices,
    precision: Precision,
    before: Adapter | None,
) -> tuple[torch.nn.Module, dict[str, Any], list[str]]:
    """Return a model that is ready to train, what the adapter records of PEFT, and sentences on what the model is.

    options: the command line's. before: the adapter that is gone on from.
    Raises UserError for what the model cannot have, or the adapter does not fit.
    """
    if options.quantization != NONE and options.method != LORA:
        raise UserError("weights in 8 or 4 bits cannot be trained; choose LoRA, or no quantization")
    quantized = quantization_config(
        options.quantization, options.double_quantization, options.compute_type, precision.name
    )
    # Weights that are trained are float32; in what is computed with them, autocast sees to the precision.
    exact = options.method == FULL or quantized
    keywords = {"precision": replace(precision, name="fp32") if exact else precision, "quantization": quantized}
    pad = encoder.tokenizer.pad_token_id
    if before:
        model = fitted_classifier(base, before, pad, trainable=True, **keywords)
        settings = before.peft
        which = f"the first of the {before.members} models of an adapter" if before.members > 1 else "an adapter"
        notes = [f"going on from {which} that was trained on {before.trained_on}"]
    else:
        model = new_classifier(base, data.target.outputs, pad, options, kind=data.target.kind, **keywords)
        settings = peft_settings(model, options.method)
        notes = []
    if options.gradient_checkpointing == YES:
        if not getattr(model, "supports_gradient_checkpointing", False):
            raise UserError(
                f"models of the architecture {base.architecture!r} have no gradient checkpointing; leave it out"
            )
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    skip_other_tokens(model)
    fuse_norms(model)
    trained, total = parameters(model)
    notes.append(
        f"training {trained:,} of {total:,} parameters on {len(data.sets['train']):,} sequences in batches of "
        f"{options.batch_size}; {devices.sentence()}, {precision.name}"
    )
    if quantized:
        notes.append(describe(model).sentence)
    return model, settings, notes


def check_trainable(
    model: torch.nn.Module,
    base: BaseModel,
    encoder: Encoder,
    data: TrainingData,
    devices: Devices,
    precision: Precision,
    quantized: bool,
) -> None:
    """Raise UserError if the model cannot be trained on sequences as the data's, which is tried.

    It is not known for several GPUs, as with the estimate below.
    """
    if devices.cuda and devices.processes > 1:
        return

    def ask() -> str:
        torch.set_num_threads(devices.threads)
        try:
            return reason_against(
                model.to("cuda" if devices.cuda else "cpu"),
                encoder,
                longest=data.longest,
                precision=precision.name,
                quantized=quantized,
            )
        except Exception as problem:
            if lack(problem):  # the estimate says how much there would have to be
                return ""
            raise

    if reason := apart(ask):
        raise refused(base.id, base.architecture, reason)


def fitted(
    model: torch.nn.Module, data: TrainingData, plan: Plan, devices: Devices, options: FinetuneOptions
) -> tuple[Plan, Devices, list[str]]:
    """Let as many sequences go through the model at once as the memory has room for, in fewer processes if need be.

    None of it changes a result by more than rounding. Returns the plan and the devices that fit, and sentences on that
    and on what a run will take. Neither is known for several GPUs, which can be asked only by the processes that will
    have them.
    Raises UserError when one sequence at once is too much.
    """
    tokens = tokens_at_once(model.config.hidden_size, devices)
    if devices.cuda and devices.processes > 1:
        return replace(plan, tokens_at_once=tokens), devices, []
    needed, available = _estimate(model, data, plan, devices, tokens)
    notes = []
    if needed.bytes > available and not needed.fitting(available) and devices.processes > 1:
        devices = replace(devices, processes=1, threads=devices.processes * devices.threads)
        notes.append(f"several processes would need more memory than the {gigabytes(available)} there are: one trains")
        tokens = tokens_at_once(model.config.hidden_size, devices)
        needed, available = _estimate(model, data, plan, devices, tokens)
    if needed.bytes > available:
        fewer = max(1, needed.fitting(available))
        if fewer < needed.at_once:
            notes.append(
                f"{fewer} of the longest sequences go through the model at once instead of {needed.at_once}, since "
                f"{gigabytes(available)} of memory are available; what is learned does not change"
            )
        tokens = fewer * needed.longest
        each = needed.checkpointed if needed.checkpointing else needed.sequence
        least = needed.processes * (needed.fixed + fewer * each)
        # Another trial, for the time; the memory is reckoned, as two trials never find quite the same.
        needed = replace(_estimate(model, data, plan, devices, tokens)[0], bytes=least, fixed=needed.fixed)
    could_be = options.method == LORA and options.quantization == NONE
    quantizable = could_be and FOUR_BITS_SAVE * _linear_bytes(model) >= needed.bytes - available
    check_fits(needed, available, full=options.method == FULL, quantizable=quantizable)
    return replace(plan, tokens_at_once=tokens), devices, [*notes, f"a run will take {needed.sentence}"]


def _linear_bytes(model: torch.nn.Module) -> int:
    """Return the bytes of the weights that 4 bits would make smaller."""
    layers = (module for module in model.modules() if isinstance(module, torch.nn.Linear))
    return sum(one.weight.nbytes for one in layers if not one.weight.requires_grad)


def _estimate(
    model: torch.nn.Module, data: TrainingData, plan: Plan, devices: Devices, tokens: int
) -> tuple[Estimate, int]:
    """Return what a training will take, and the bytes there are."""
    lengths = {name: part.lengths() for name, part in data.sets.items()}
    place = "cuda" if devices.cuda else "cpu"

    def ask() -> tuple[Estimate, int] | str:
        torch.set_num_threads(devices.threads)
        try:
            needed = estimate(
                model.to(place),
                lengths["train"].max(axis=1),
                most_at_once(plan.batch_size, devices),
                plan.epochs,
                tokens=tokens,
                scored_tokens=int(lengths["dev"].sum()) * plan.evaluations * plan.epochs,
                precision=plan.precision,
                processes=devices.processes,
            )
        except Exception as problem:
            if lack(problem) != MEMORY:
                raise
            return str(problem)
        return needed, available_memory(place)

    found = apart(ask)  # the memory that trying takes is not kept for the training
    if isinstance(found, str):
        raise MemoryError(found)
    return found


def parameters(model: torch.nn.Module) -> tuple[int, int]:
    """Return how many parameters are trained, and how many there are."""
    if isinstance(model, PeftModel):
        return model.get_nb_trainable_parameters()
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)
