"""The ladder's last model: the network of the base model, trained as the adapter was but from random weights."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from transformers import set_seed

from ..adapters.dataset import Adapter
from ..base_models.encoding import Encoder
from ..base_models.opening import BaseModel
from ..baselines.names import TITLES, UNTRAINED
from ..classifiers.building import load_tensors, untrained_classifier
from ..classifiers.precision import choose_precision
from ..errors import UserError
from ..options import Option, SeedOptions, options_of
from ..processes.children import forkable
from ..processes.engine import Engine
from ..scores.registry import EVERY_EPOCH
from ..speed.pooled_token import skip_other_tokens
from ..speed.rms_norm import fuse_norms
from ..training.batches import Sequences, Tokens, batch_size_for
from ..training.choosing import chosen_metric
from ..training.launching import trained
from ..training.loop import ENDED, Plan
from ..training.losses import objective
from ..training.micro_batches import tokens_at_once
from ..training.options import FinetuneOptions, LossOptions, OptimizationOptions
from ..words import AUTO, BOTH, FULL, LORA, YES
from .held_out import held_out
from .nucleotide_rungs import ended, training_devices

# What a training depends on beside the adapter's task and PEFT's settings.
SETTINGS = (*options_of(OptimizationOptions), *options_of(LossOptions), *options_of(SeedOptions))

# Those without which it is another training; the others, adapters of earlier releases may lack.
NEEDED = ("learning_rate", "epochs", "batch_size")


def settings_of(adapter: Adapter) -> FinetuneOptions:
    """Return the options that an adapter was trained with: those of SETTINGS that it records, else the defaults.

    Raises UserError for an adapter that does not record those NEEDED, or records what no option allows.
    """
    recorded = adapter.training.get("options")
    recorded = recorded if isinstance(recorded, dict) else {}
    defaults = {option.name: option.default for option in SETTINGS if option.name not in NEEDED}
    values = defaults | {option.name: recorded[option.name] for option in SETTINGS if option.name in recorded}
    missing = [option.flag for option in SETTINGS if not _allowed(option, values.get(option.name))]
    if missing:
        raise UserError(
            f"the adapter does not record the settings of its training ({missing[0]}), with which the base model "
            'without pretraining would be trained; set "Train the base model without pretraining" to "No" '
            "(--without-pretraining no)"
        )
    return FinetuneOptions(**values)


def _allowed(option: Option, value: Any) -> bool:
    """Return whether a recorded value is one that the option has."""
    if option.choices:
        return value in option.choices if isinstance(value, str) else False
    if type(value) is not option.kind and not (option.kind is float and type(value) is int):
        return False
    low, high = option.minimum, option.maximum
    return not (
        isinstance(value, int | float) and ((low is not None and value < low) or (high is not None and value > high))
    )


def untrained_rung(
    base: BaseModel,
    adapter: Adapter,
    train_sequences: Sequence[str],
    train_truth: np.ndarray,
    sequences: Sequence[str],
    strand: str,
    batch_size: int,
    progress: Callable[[str], None],
) -> np.ndarray:
    """Train the network; return its predictions, (n, outputs), for sequences.

    The layers that are trained, how sequences are read, and the settings are the adapter's. A part of the training set
    that is held out chooses the epoch, as the development set did for the adapter.
    train_sequences, sequences: normalized. train_truth: as Target.read gives it. strand: the one that is scored.
    batch_size: maximum number of sequences in a batch of predictions.
    Raises UserError for an adapter that does not record its settings, a training that diverges, and when the system
    asks the job to end.
    """
    options, target = settings_of(adapter), adapter.target
    encoder = Encoder(base, adapter.max_length, adapter.kmer)
    learned, out = held_out(target, list(train_sequences), train_truth, options.seed)
    sets = {}
    for name, numbers in (("train", learned), ("dev", out)):
        texts = [train_sequences[number] for number in numbers]
        read = encoder.encode_both(texts) if encoder.computed(adapter.strand) == BOTH else (encoder.encode(texts), None)
        strands = [Tokens(read[0].tokens), *([Tokens(read[1])] if read[1] is not None else [])]
        sets[name] = Sequences(strands, target.for_training(train_truth[numbers]))
    size = options.batch_size or batch_size_for(len(learned))
    devices = training_devices(size)
    precision = choose_precision(AUTO, devices.cuda, int(sets["train"].lengths().max()))
    pad = encoder.tokenizer.pad_token_id
    progress(f"{TITLES[UNTRAINED]}: training on {len(train_sequences):,} sequences")
    with forkable():
        set_seed(options.seed)
        # Weights that are trained are float32.
        kept = replace(precision, name="fp32") if adapter.peft.get("method", LORA) == FULL else precision
        model = untrained_classifier(base, adapter, pad, kept)
        if options.gradient_checkpointing == YES and getattr(model, "supports_gradient_checkpointing", False):
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        skip_other_tokens(model)
        fuse_norms(model)
        metric, _ = chosen_metric(target, train_truth[out], options.best_metric)
        result = trained(
            model,
            Plan(
                options=replace(options, batch_size=size, best_metric=metric),
                devices=devices,
                train_set=sets["train"],
                dev_set=sets["dev"],
                pad_token_id=pad,
                target=target,
                truth=train_truth[out],
                loss=objective(options, target, train_truth[learned]),
                scores=EVERY_EPOCH[target.kind],
                seed=options.seed,
                deadline=math.inf,
                precision=precision.name,
                keep_state=False,
                tokens_at_once=tokens_at_once(model.config.hidden_size, devices),
            ),
            lambda text: progress(f"{TITLES[UNTRAINED]}: {text}"),
        )
        if result.stopped == ENDED:
            raise ended()
        load_tensors(model, result.tensors)
        asked = encoder.encode_strands(list(sequences)).tokens(encoder.computed(strand), adapter.strand)
        with Engine({0: model.eval()}, pad, batch_size=batch_size, processes=devices.processes) as engine:
            (outputs,) = engine.outputs([tokens for one in asked for tokens in one])
    return target.predictions(outputs.reshape(len(asked), len(sequences), -1).mean(axis=0))
