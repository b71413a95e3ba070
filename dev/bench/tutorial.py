"""The training recipe of the tutorial with a notebook, as it is written there, to be compared with the tool.

    python dev/bench/tutorial.py --base-model FOLDER --train train.csv --dev dev.csv [--epochs 5]

As there: PEFT's add_adapter, so that the head stays random; everything padded to the longest sequence; batches of 16;
bf16 autocast; an evaluation and a checkpoint an epoch; all cores. What differs: no quantization, which the notebook
needs a GPU for; the best epoch is not loaded at the end, which fails with add_adapter in these versions; and MCC is
computed beside its own scores. Prints lines as `start`, `dev` and `end` with figures.
"""

import argparse
import os
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
STARTED = time.monotonic()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from peft import LoraConfig  # noqa: E402
from sklearn.metrics import matthews_corrcoef  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForSequenceClassification,
    AutoTokenizer,
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)


class Lines(TrainerCallback):
    """Says when the first step is done, and what dev scores, with the seconds of training until then."""

    def on_train_begin(self, *_, **__):
        self.begun = time.monotonic()

    def on_step_end(self, args, state, control, **_):
        if state.global_step == 1:
            print(f"start {time.monotonic() - STARTED:.2f}", flush=True)

    def on_evaluate(self, args, state, control, metrics, **_):
        print(
            f"dev {time.monotonic() - self.begun:.1f} {metrics['eval_mcc']:.4f} {metrics['eval_loss']:.4f}", flush=True
        )

    def on_log(self, args, state, control, logs, **_):
        if "loss" in logs:
            print(f"loss {state.epoch:.2f} {logs['loss']:.4f}", flush=True)


def split(path, tokenizer, limit):
    table = pd.read_csv(path).head(limit)
    tokens = tokenizer(table["sequence"].tolist(), padding="longest", truncation=True, max_length=200)
    return [
        {"input_ids": ids, "attention_mask": mask, "labels": int(label)}
        for ids, mask, label in zip(tokens["input_ids"], tokens["attention_mask"], table["label"], strict=True)
    ]


def scores(prediction):
    logits = prediction.predictions[0] if isinstance(prediction.predictions, tuple) else prediction.predictions
    said = np.argmax(logits, axis=-1)
    return {"mcc": matthews_corrcoef(prediction.label_ids, said), "accuracy": (said == prediction.label_ids).mean()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base-model", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--dev", required=True)
    parser.add_argument("--rows", type=int, help="of train, the first ones")
    parser.add_argument("--dev-rows", type=int)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()
    set_seed(given.seed)
    tokenizer = AutoTokenizer.from_pretrained(given.base_model)
    model = AutoModelForSequenceClassification.from_pretrained(
        given.base_model, num_labels=2, dtype=torch.float32, pad_token_id=tokenizer.pad_token_id
    )
    torch.nn.init.normal_(model.score.weight, std=0.02)  # a base model's own head was trained for another task
    # gate_proj is not in a Mixtral, whose experts are single tensors, and nothing says so.
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj"]
    model.add_adapter(LoraConfig(task_type="SEQ_CLS", r=16, lora_alpha=16, lora_dropout=0.05, target_modules=targets))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            learning_rate=1e-5,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=16,
            num_train_epochs=given.epochs,
            weight_decay=0.01,
            bf16=True,
            use_cpu=True,
            eval_strategy="epoch",
            save_strategy="epoch",
            logging_strategy="epoch",
            metric_for_best_model="loss",
            report_to="none",
            disable_tqdm=True,
            seed=given.seed,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=split(given.train, tokenizer, given.rows),
            eval_dataset=split(given.dev, tokenizer, given.dev_rows),
            compute_metrics=scores,
            callbacks=[EarlyStoppingCallback(early_stopping_patience=3), Lines()],
        )
        result = trainer.train()
    print(f"end {result.metrics['train_runtime']:.2f}", flush=True)


if __name__ == "__main__":
    main()
