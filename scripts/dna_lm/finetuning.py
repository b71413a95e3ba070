"""Fine-tuning: a base model, a train and a dev split in, an adapter out."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from .adapter import Adapter
from .base_model import opened_base_model, sha256_of_file
from .classifier import adapter_tensors, new_classifier, peft_settings
from .encoding import Encoder, summary, warnings
from .errors import UserError
from .inference import PROGRESS_SECONDS
from .labels import ordered_labels, require_two_labels
from .metrics import score
from .tables import read_labelled
from .textfiles import describe

# The score on dev that chooses the epoch. MCC, unlike accuracy, does not reward guessing the larger class.
BEST = "mcc"
RECORDED_LIBRARIES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors")


@dataclass(frozen=True)
class Finetuned:
    """The adapter of the best epoch, and the history, a row an epoch.

    read: a sentence on each split that was read; warnings: sentences that a user has to read.
    """

    adapter: Adapter
    history: pd.DataFrame
    best_epoch: int
    read: list[str]
    warnings: list[str]


def finetune(
    *,
    base_model: str,
    base_model_id: str | None,
    base_model_revision: str | None,
    train: str,
    dev: str,
    lora_r: int,
    lora_alpha: float,
    lora_dropout: float,
    target_modules: str,
    learning_rate: float,
    epochs: int,
    batch_size: int,
    weight_decay: float,
    patience: int,
    max_length: int,
    seed: int,
    progress: Callable[[str], None],
) -> Finetuned:
    """Train LoRA matrices and a head.

    The parameters are the command line's options (see options.py); `progress` is told how it goes, a line at a time.

    Raises UserError for anything wrong with the files or the request.
    """
    options = {
        "lora_r": lora_r,
        "lora_alpha": lora_alpha,
        "lora_dropout": lora_dropout,
        "target_modules": target_modules,
        "learning_rate": learning_rate,
        "epochs": epochs,
        "batch_size": batch_size,
        "weight_decay": weight_decay,
        "patience": patience,
        "max_length": max_length,
        "seed": seed,
    }
    sources = {"train": describe(train, "the training split"), "dev": describe(dev, "the dev split")}
    records = {"train": read_labelled(train, sources["train"]), "dev": read_labelled(dev, sources["dev"])}
    labels = ordered_labels(records["train"]["label"])
    require_two_labels(labels, sources["train"])
    for line, label in records["dev"]["label"].items():
        if label not in labels:
            raise UserError(
                f"{sources['dev']}, line {line}: label {label!r} does not occur in {sources['train']}, whose labels "
                f"are {', '.join(labels)}; make both splits from the same data"
            )
    # With one label in dev, every epoch's MCC is 0 and the first would be kept whatever was learnt.
    require_two_labels(ordered_labels(records["dev"]["label"]), sources["dev"])
    with opened_base_model(base_model, base_model_id, base_model_revision) as base:
        encoder = Encoder(base, max_length)
        datasets, unknown_shares, read, said = {}, {}, [], []
        for name, table in records.items():
            encoded = encoder.encode(table["sequence"].tolist())
            read.append(summary(encoded, sources[name]))
            progress(read[-1])
            unknown_shares[name] = round(encoded.unknown_share, 6)
            said += warnings(encoded, encoder, sources[name])
            numbers = table["label"].map(labels.index)
            datasets[name] = [
                {"input_ids": ids, "labels": number} for ids, number in zip(encoded.tokens, numbers, strict=True)
            ]
        for text in said:
            progress(f"warning: {text}")
        set_seed(seed)  # before the head and the LoRA matrices are drawn
        model = new_classifier(
            base,
            len(labels),
            encoder.tokenizer.pad_token_id,
            lora_r=lora_r,
            lora_alpha=lora_alpha,
            lora_dropout=lora_dropout,
            target_modules=target_modules,
        )
        trainable, total = model.get_nb_trainable_parameters()
        progress(f"training {trainable:,} of {total:,} parameters on {len(datasets['train']):,} sequences")
        history, best_epoch = _train(
            model, encoder, datasets, learning_rate, epochs, batch_size, weight_decay, patience, seed, progress
        )
        adapter = Adapter(
            tensors=adapter_tensors(model),
            peft=peft_settings(model),
            base_model=base.identity(),
            task={
                "type": "single_label_classification",
                "labels": labels,
                "max_length": encoder.max_length,
                "pooling": "last_token",
                "strand": "forward",
                "decision_threshold": None,
                "calibration": None,
            },
            training={
                "options": options,
                "versions": {name: version(name) for name in RECORDED_LIBRARIES},
                "sequences": {name: len(table) for name, table in records.items()},
                "unknown_token_shares": unknown_shares,
                "train_sha256": sha256_of_file(train),
                "dev_sha256": sha256_of_file(dev),
                "trainable_parameters": trainable,
                "best_epoch": best_epoch,
                "history": history.to_dict("records"),
            },
        )
    return Finetuned(adapter, history, best_epoch, read, said)


def _train(
    model: torch.nn.Module,
    encoder: Encoder,
    datasets: dict[str, list[dict[str, Any]]],
    learning_rate: float,
    epochs: int,
    batch_size: int,
    weight_decay: float,
    patience: int,
    seed: int,
    progress: Callable[[str], None],
) -> tuple[pd.DataFrame, int]:
    """Train in place; the model ends with the weights of the best epoch. Returns the history and that epoch."""
    cuda = torch.cuda.is_available()
    with tempfile.TemporaryDirectory(prefix="checkpoints_") as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            learning_rate=learning_rate,
            num_train_epochs=epochs,
            per_device_train_batch_size=batch_size,
            per_device_eval_batch_size=max(batch_size, 64),
            weight_decay=weight_decay,
            lr_scheduler_type="linear",
            # Sequences of like length in a batch: less padding is computed.
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch",
            save_strategy="epoch",
            logging_strategy="epoch",
            save_only_model=True,
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model=BEST,
            greater_is_better=True,
            seed=seed,
            data_seed=seed,
            use_cpu=not cuda,
            bf16=cuda and torch.cuda.is_bf16_supported(),
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        callbacks: list[TrainerCallback] = [_Progress(epochs, progress)]
        if patience:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=patience))
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=datasets["train"],
            eval_dataset=datasets["dev"],
            data_collator=DataCollatorWithPadding(encoder.tokenizer),
            compute_metrics=_dev_scores,
            callbacks=callbacks,
        )
        trainer.remove_callback(PrinterCallback)  # prints dictionaries; _Progress prints sentences
        trainer.train()
        log = trainer.state.log_history
    history = pd.DataFrame(
        {
            "epoch": epoch,
            "train_loss": trained["loss"],
            "dev_loss": tested["eval_loss"],
            "dev_accuracy": tested["eval_accuracy"],
            "dev_f1_macro": tested["eval_f1_macro"],
            "dev_mcc": tested["eval_mcc"],
            "learning_rate": trained["learning_rate"],
        }
        for epoch, (trained, tested) in enumerate(
            zip(
                (entry for entry in log if "loss" in entry),
                (entry for entry in log if "eval_loss" in entry),
                strict=True,
            ),
            start=1,
        )
    )
    # The first of equal epochs, as Trainer has it: only a better score replaces the kept weights.
    best_epoch = int(history["dev_mcc"].idxmax()) + 1
    history.insert(1, "kept", ["yes" if epoch == best_epoch else "" for epoch in history["epoch"]])
    return history, best_epoch


def _dev_scores(prediction) -> dict[str, float]:
    logits = torch.as_tensor(np.asarray(prediction.predictions)).double()
    if not torch.isfinite(logits).all():
        raise UserError(
            "the training diverged: the model's outputs are no longer numbers; choose a smaller learning rate or LoRA "
            "alpha"
        )
    return score(np.asarray(prediction.label_ids), torch.softmax(logits, dim=-1).numpy())


class _Progress(TrainerCallback):
    """A line an epoch, and one every few seconds within it, with the time that is left."""

    def __init__(self, epochs: int, progress: Callable[[str], None]):
        self.epochs = epochs
        self.progress = progress
        self.started = self.said = time.monotonic()

    def on_step_end(self, args, state, control, **_):
        now = time.monotonic()
        if now - self.said > PROGRESS_SECONDS:
            self.said = now
            left = (now - self.started) / state.global_step * (state.max_steps - state.global_step)
            self.progress(f"epoch {state.epoch:.2f} of {self.epochs}, at most {left:.0f} s left")

    def on_evaluate(self, args, state, control, metrics, **_):
        self.progress(
            f"epoch {state.epoch:.0f} of {self.epochs}: dev loss {metrics['eval_loss']:.4f}, "
            f"accuracy {metrics['eval_accuracy']:.3f}, MCC {metrics['eval_mcc']:.3f}"
        )
