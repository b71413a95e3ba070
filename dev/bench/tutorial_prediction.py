"""The tutorial's way to predict, to be compared with the tool: Trainer.predict on a PEFT model that is not merged.

    python dev/bench/tutorial_prediction.py --base-model FOLDER --adapter FILE --data FILE [--rows 1000] [--out P.npy]

Batches of 16, everything padded to the longest sequence, float32, all cores, as there. adapter: one of the tool's with
LoRA matrices. Prints lines as `start` (seconds from the start of the process to the first batch) and `end` (seconds of
prediction); out: the probabilities of the second label.
"""

import argparse
import json
import os
import tempfile
import time

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
STARTED = time.monotonic()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from peft import PeftModel  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class First(TrainerCallback):
    """Says when the first batch is done."""

    said = False

    def on_prediction_step(self, *_, **__):
        if not self.said:
            self.said = True
            print(f"start {time.monotonic() - STARTED:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base-model", required=True)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, help="the first ones")
    parser.add_argument("--out")
    given = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(given.base_model)
    base = AutoModelForSequenceClassification.from_pretrained(
        given.base_model, num_labels=2, dtype=torch.float32, pad_token_id=tokenizer.pad_token_id
    )
    with tempfile.TemporaryDirectory() as folder:
        with safe_open(given.adapter, framework="pt") as file:
            record = json.loads(file.metadata()["dna_lm"])["peft"]
            save_file(
                {name: file.get_tensor(name) for name in file.keys()},  # noqa: SIM118 (not a dict)
                f"{folder}/adapter_model.safetensors",
            )
        record.pop("method")
        with open(f"{folder}/adapter_config.json", "w") as file:
            json.dump(record, file)
        model = PeftModel.from_pretrained(base, folder)
        sequences = pd.read_csv(given.data)["sequence"].head(given.rows).tolist()
        tokens = tokenizer(sequences, padding="longest", truncation=True, max_length=200)
        rows = [
            {"input_ids": ids, "attention_mask": mask}
            for ids, mask in zip(tokens["input_ids"], tokens["attention_mask"], strict=True)
        ]
        arguments = TrainingArguments(
            output_dir=folder, per_device_eval_batch_size=16, use_cpu=True, report_to="none", disable_tqdm=True
        )
        trainer = Trainer(model=model, args=arguments, callbacks=[First()])
        begun = time.monotonic()
        found = trainer.predict(rows).predictions
        print(f"end {time.monotonic() - begun:.2f}", flush=True)
    logits = np.asarray(found[0] if isinstance(found, tuple) else found, dtype=np.float64)
    if given.out:
        np.save(given.out, 1 / (1 + np.exp(logits[:, 0] - logits[:, 1])))


if __name__ == "__main__":
    main()
