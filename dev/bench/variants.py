"""What ways of training are worth that the tool does not offer: pooling, losses, learning rates, averages of weights.

    python dev/bench/variants.py --base-model FOLDER --data FOLDER [--only "mean pooling;..."] [--seeds 42,43]

with the Python of the tools environment. data: a folder with train.csv and dev.csv, such as GUE's tf/0. The training is
a plain loop over the tool's own parts (its model, encoder and order of sequences) with the recommended settings, on one
thread. dev.csv has 1,000 sequences, which leave a standard error of 0.025: the last 3,000 of train are held out as a
second dev split, and the figures are those of both together, both strands averaged. Prints a table in Markdown.
"""

import argparse
import copy
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from torch.nn.functional import cross_entropy, kl_div, log_softmax
from transformers import get_linear_schedule_with_warmup, set_seed

from dna_lm.base_models.encoding import Encoder
from dna_lm.base_models.opening import opened_base_model
from dna_lm.classifiers.building import new_classifier
from dna_lm.classifiers.options import LoraOptions
from dna_lm.command import options_of_tool
from dna_lm.processes.inference import padded
from dna_lm.training.batches import Sequences, Steps, Tokens, batch_size_for

HELD_OUT = 3_000
DEFAULT = {option.name: option.default for option in options_of_tool("finetune")}


@dataclass(frozen=True)
class Variant:
    """pooling: of the states of the tokens; strands: `one` at random, `consistent` (one, and the divergence between the
    two is added to the loss) or `both` (the loss of their mean); layer_decay: factor of the learning rate from a layer
    to the one below; average: decay of a moving average of the weights, or 0."""

    pooling: str = "last"
    strands: str = "one"
    layer_decay: float = 1.0
    average: float = 0.0


VARIANTS = {
    "as the tool": Variant(),
    "mean over tokens": Variant(pooling="mean"),
    "attention over tokens": Variant(pooling="attention"),
    "strands made to agree": Variant(strands="consistent"),
    "loss of the mean of both strands": Variant(strands="both"),
    "learning rate 0.7 times in each lower layer": Variant(layer_decay=0.7),
    "moving average of the weights (0.999)": Variant(average=0.999),
}


class Classifier(torch.nn.Module):
    """The tool's classifier, with another pooling between the base model and its head."""

    def __init__(self, model, pooling: str):
        super().__init__()
        self.model = model
        self.pooling = pooling
        whole = model.base_model.model
        self.backbone, self.head = whole.model, whole.score
        if pooling == "attention":
            self.query = torch.nn.Parameter(torch.zeros(whole.config.hidden_size))

    def forward(self, ids, mask):
        states = self.backbone(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.pooling == "last":
            pooled = states[torch.arange(len(ids)), mask.sum(dim=1) - 1]
        elif self.pooling == "mean":
            pooled = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        else:
            weights = (states @ self.query).masked_fill(mask == 0, -torch.inf).softmax(dim=1)
            pooled = (weights[..., None] * states).sum(dim=1)
        return self.head(pooled)


def loss_of(model, data: Sequences, batch: list[tuple[int, int]], variant: Variant, pad: int) -> torch.Tensor:
    wanted = torch.tensor([data.wanted[number] for number, _ in batch])
    one = model(*padded([data.strands[strand][number] for number, strand in batch], pad))
    if variant.strands == "one":
        return cross_entropy(one, wanted)
    other = model(*padded([data.strands[1 - strand][number] for number, strand in batch], pad))
    if variant.strands == "both":
        return cross_entropy((one + other) / 2, wanted)
    first, second = log_softmax(one, dim=1), log_softmax(other, dim=1)
    apart = kl_div(first, second, reduction="batchmean", log_target=True)
    apart = apart + kl_div(second, first, reduction="batchmean", log_target=True)
    return (cross_entropy(one, wanted) + cross_entropy(other, wanted)) / 2 + apart / 2


def groups(model: Classifier, variant: Variant) -> list[dict]:
    """The trained parameters with their learning rates."""
    layers = model.backbone.config.num_hidden_layers
    result = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            depth = next((int(part) for part in name.split(".") if part.isdecimal()), None)
            depth = layers if depth is None and "embed" not in name else -1 if depth is None else depth
            below = 0 if depth == layers else layers - 1 - depth
            result.append({"params": [parameter], "lr": DEFAULT["learning_rate"] * variant.layer_decay**below})
    return result


@torch.inference_mode()
def outputs(model: Classifier, data: Sequences, pad: int) -> np.ndarray:
    """Mean of both strands, (n, labels)."""
    total = np.zeros((len(data), 2))
    for strand in data.strands:
        order = np.argsort(strand.lengths(), kind="stable")
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            total[chosen] += model(*padded([strand[number] for number in chosen], pad)).double().numpy()
    return total / 2


def measure(base, encoder: Encoder, train: Sequences, dev: Sequences, variant: Variant, seed: int) -> dict[str, float]:
    set_seed(seed)
    pad = encoder.tokenizer.pad_token_id
    model = Classifier(new_classifier(base, 2, pad, LoraOptions()), variant.pooling)
    model.train()
    optimizer = torch.optim.AdamW(groups(model, variant), weight_decay=DEFAULT["weight_decay"])
    size, epochs = batch_size_for(len(train)), DEFAULT["epochs"]
    steps = -(-len(train) // size) * epochs
    schedule = get_linear_schedule_with_warmup(optimizer, round(DEFAULT["warmup"] * steps), steps)
    drawn = Steps(train.lengths(), size, seed)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    average = [parameter.detach().clone() for parameter in trained]
    best, started = {"MCC": -1.0}, time.monotonic()
    truth = dev.wanted
    for epoch in range(epochs):
        for numbers, strand in drawn.of(epoch):
            items = list(zip(numbers.tolist(), strand.tolist(), strict=True))
            loss = loss_of(model, train, items, variant, pad)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            if variant.average:
                torch._foreach_lerp_(average, [each.detach() for each in trained], 1 - variant.average)
        scored = model
        if variant.average:
            scored = copy.deepcopy(model)
            with torch.no_grad():
                for place, value in zip(
                    (parameter for parameter in scored.parameters() if parameter.requires_grad), average, strict=True
                ):
                    place.copy_(value)
        difference = np.diff(outputs(scored.eval(), dev, pad), axis=1)[:, 0]
        model.train()
        mcc = matthews_corrcoef(truth, difference > 0)
        if mcc > best["MCC"]:
            best = {"MCC": mcc, "ROC-AUC": roc_auc_score(truth, difference), "epoch": epoch + 1}
    return best | {"seconds": time.monotonic() - started}


def read(data: Path, encoder: Encoder) -> tuple[Sequences, Sequences]:
    """Train without its last HELD_OUT sequences, and dev with them."""
    train, dev = (pd.read_csv(data / f"{name}.csv") for name in ("train", "dev"))
    dev = pd.concat([dev, train.tail(HELD_OUT)])
    parts = []
    for table in (train.head(len(train) - HELD_OUT), dev):
        encoded, reverse = encoder.encode_both(table["sequence"].str.upper().tolist())
        parts.append(Sequences([Tokens(encoded.tokens), Tokens(reverse)], table["label"].to_numpy()))
    return parts[0], parts[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-model", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", help="names of variants, separated by semicolons")
    parser.add_argument("--seeds", default="42")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| | MCC | ROC-AUC | best epoch | seconds |\n|---|---:|---:|---:|---:|", flush=True)
    with opened_base_model(given.base_model) as base:
        encoder = Encoder(base, DEFAULT["max_length"])
        train, dev = read(given.data, encoder)
        for name in given.only.split(";") if given.only else VARIANTS:
            runs = [measure(base, encoder, train, dev, VARIANTS[name], int(seed)) for seed in given.seeds.split(",")]
            mean = {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
            single = ", ".join(format(run["MCC"], ".3f") for run in runs)
            each = f" ({single})" if len(runs) > 1 else ""
            print(
                f"| {name} | {mean['MCC']:.3f}{each} | {mean['ROC-AUC']:.3f} | {mean['epoch']:.1f} | "
                f"{mean['seconds']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
