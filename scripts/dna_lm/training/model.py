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
from ..processes.children import torch_threads
from ..processes.together import apart
from ..speed.pooled_token import skip_other_tokens
from ..speed.rms_norm import fuse_norms
from ..words import FULL, LORA, NONE, YES
from .estimate import Estimate, Workload, available_memory, check_fits, estimate, gigabytes
from .loop import Plan
from .micro_batches import most_at_once, tokens_at_once
from .options import ModelOptions

# Share of the bytes of a linear layer in fp32 that 4 bits and their scales save.
FOUR_BITS_SAVE = 0.85


def ready_model(
    base: BaseModel, plan: Plan, options: ModelOptions, precision: Precision, before: Adapter | None
) -> tuple[torch.nn.Module, dict[str, Any], list[str]]:
    """Return a model that is ready to train, what the adapter records of PEFT, and sentences on what the model is.

    before: the adapter that is gone on from.
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
    if before:
        model = fitted_classifier(base, before, plan.pad_token_id, trainable=True, **keywords)
        settings = before.peft
        which = f"the first of the {before.members} models of an adapter" if before.members > 1 else "an adapter"
        notes = [f"continuing from {which} that was trained on {before.trained_on}"]
    else:
        model = new_classifier(base, plan.target.outputs, plan.pad_token_id, options, kind=plan.target.kind, **keywords)
        settings = peft_settings(model, options.method)
        notes = []
    if plan.options.gradient_checkpointing == YES:
        if not getattr(model, "supports_gradient_checkpointing", False):
            raise UserError(
                f"models of the architecture {base.architecture!r} have no gradient checkpointing; leave it out"
            )
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    skip_other_tokens(model)
    fuse_norms(model)
    trained, total = parameters(model)
    notes.append(
        f"training {trained:,} of {total:,} parameters on {len(plan.train_set):,} sequences in batches of "
        f"{plan.options.batch_size}; {plan.devices.sentence()}, {precision.name}"
    )
    if quantized:
        notes.append(describe(model).sentence)
    return model, settings, notes


def check_trainable(
    model: torch.nn.Module,
    base: BaseModel,
    encoder: Encoder,
    plan: Plan,
    longest: int,
    quantized: bool,
) -> None:
    """Raise UserError if the model cannot be trained on sequences of up to so many tokens, which is tried.

    It is not known for several GPUs, as with the estimate below.
    """
    devices = plan.devices
    if devices.cuda and devices.processes > 1:
        return

    def ask() -> str:
        try:
            with torch_threads(devices.threads):
                return reason_against(
                    model.to("cuda" if devices.cuda else "cpu"),
                    encoder,
                    longest=longest,
                    precision=plan.precision,
                    quantized=quantized,
                )
        except Exception as problem:
            if lack(problem):  # the estimate says how much there would have to be
                return ""
            raise

    if reason := apart(ask):
        raise refused(base.id, base.architecture, reason)


def fitted(model: torch.nn.Module, plan: Plan, options: ModelOptions) -> tuple[Plan, list[str], list[str]]:
    """Let as many sequences go through the model at once as the memory has room for, in fewer processes if need be.

    None of it changes a result by more than rounding. Returns the plan that fits, sentences on that, and sentences on
    what a run will take. Neither is known for several GPUs, which can be asked only by the processes that will
    have them.
    Raises UserError when one sequence at once is too much.
    """
    devices = plan.devices
    plan = replace(plan, tokens_at_once=tokens_at_once(model.config.hidden_size, devices))
    if devices.cuda and devices.processes > 1:
        return plan, [], []
    needed, available = _estimate(model, plan)
    notes = []
    if needed.bytes > available and not needed.fitting(available) and devices.processes > 1:
        devices = replace(devices, processes=1, threads=devices.processes * devices.threads)
        notes.append(f"several processes would need more memory than the {gigabytes(available)} there are: one trains")
        plan = replace(plan, devices=devices, tokens_at_once=tokens_at_once(model.config.hidden_size, devices))
        needed, available = _estimate(model, plan)
    if needed.bytes > available:
        fewer = max(1, needed.fitting(available))
        if fewer < needed.at_once:
            notes.append(
                f"{fewer} of the longest sequences go through the model at once instead of {needed.at_once}, since "
                f"{gigabytes(available)} of memory are available; what is learned does not change"
            )
        plan = replace(plan, tokens_at_once=fewer * needed.longest)
        each = needed.checkpointed if needed.checkpointing else needed.sequence
        least = needed.processes * (needed.fixed + fewer * each)
        # Another trial, for the time; the memory is reckoned, as two trials never find quite the same.
        needed = replace(_estimate(model, plan)[0], bytes=least, fixed=needed.fixed)
    could_be = options.method == LORA and options.quantization == NONE
    quantizable = could_be and FOUR_BITS_SAVE * _linear_bytes(model) >= needed.bytes - available
    check_fits(needed, available, full=options.method == FULL, quantizable=quantizable)
    return plan, notes, [f"a run will take {needed.sentence}"]


def _linear_bytes(model: torch.nn.Module) -> int:
    """Return the bytes of the weights that 4 bits would make smaller."""
    layers = (module for module in model.modules() if isinstance(module, torch.nn.Linear))
    return sum(one.weight.nbytes for one in layers if not one.weight.requires_grad)


def _estimate(model: torch.nn.Module, plan: Plan) -> tuple[Estimate, int]:
    """Return what a training will take, and the bytes there are."""
    options, devices = plan.options, plan.devices
    place = "cuda" if devices.cuda else "cpu"
    work = Workload(
        plan.train_set.lengths().max(axis=1),
        most_at_once(options.batch_size, devices),
        options.epochs,
        plan.tokens_at_once,
        scored_tokens=int(plan.dev_set.lengths().sum()) * options.evaluations * options.epochs,
        precision=plan.precision,
        processes=devices.processes,
    )

    def ask() -> tuple[Estimate, int] | str:
        try:
            with torch_threads(devices.threads):
                needed = estimate(model.to(place), work)
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
