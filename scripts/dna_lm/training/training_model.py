"""The model that a training starts from, and what it will take."""

from argparse import Namespace
from dataclasses import replace
from typing import Any

import torch
from peft import PeftModel

from ..adapters.adapter import Adapter
from ..base_models.base_model import BaseModel
from ..base_models.encoding import Encoder
from ..classifiers.classifier import fitted_classifier, new_classifier, peft_settings
from ..classifiers.devices import Devices
from ..classifiers.lora import LORA_OPTIONS
from ..classifiers.pooled_token import skip_other_tokens
from ..classifiers.precision import Precision
from ..classifiers.processes import apart
from ..classifiers.quantization import describe, quantization_config
from ..classifiers.rms_norm import fuse_norms
from ..classifiers.trial import reason_against, refused
from ..errors import UserError, lack
from ..options import FULL, LORA, NONE
from .estimate import Estimate, available_memory, check_fits, estimate
from .training import Plan, sequences_at_once
from .training_data import TrainingData


def ready_model(
    base: BaseModel,
    encoder: Encoder,
    data: TrainingData,
    options: Namespace,
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
    # Weights that are trained are float32; in what is computed with them, Trainer sees to the precision.
    exact = options.method == FULL or quantized
    keywords = {"precision": replace(precision, name="fp32") if exact else precision, "quantization": quantized}
    pad = encoder.tokenizer.pad_token_id
    if before:
        model = fitted_classifier(base, before, pad, trainable=True, **keywords)
        settings = before.peft
        which = f"the first of the {before.members} models of an adapter" if before.members > 1 else "an adapter"
        notes = [f"going on from {which} that was trained on {before.trained_on}"]
    else:
        lora = {name: getattr(options, name) for name in LORA_OPTIONS} if options.method == LORA else {}
        model = new_classifier(
            base, data.target.outputs, pad, kind=data.target.kind, method=options.method, **keywords, **lora
        )
        settings = peft_settings(model, options.method)
        notes = []
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


def estimated(model: torch.nn.Module, data: TrainingData, plan: Plan, devices: Devices) -> list[str]:
    """Return a sentence on the memory and the time that a run will take; raise UserError if there is too little memory.

    It is not known for several GPUs, which can be asked only by the processes that will have them.
    """
    if devices.cuda and devices.processes > 1:
        return []
    lengths = {name: part.lengths() for name, part in data.sets.items()}
    place = "cuda" if devices.cuda else "cpu"

    def ask() -> tuple[Estimate, int]:
        torch.set_num_threads(devices.threads)
        needed = estimate(
            model.to(place),
            lengths["train"].mean(axis=1).round().astype(int),
            sequences_at_once(plan.batch_size, lengths["train"], model.config.hidden_size, devices),
            plan.epochs,
            scored_tokens=int(lengths["dev"].sum()) * plan.evaluations * plan.epochs,
            precision=plan.precision,
            processes=devices.processes,
        )
        return needed, available_memory(place)

    needed, available = apart(ask)  # the memory that trying takes is not kept for the training
    check_fits(needed, available)
    return [f"a run will take {needed.sentence}"]


def parameters(model: torch.nn.Module) -> tuple[int, int]:
    """Return how many parameters are trained, and how many there are."""
    if isinstance(model, PeftModel):
        return model.get_nb_trainable_parameters()
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)
