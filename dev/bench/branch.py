"""What classifiers that read nucleotides score, alone and combined: known motifs, k-mers, a convolution.

    python dev/bench/branch.py --data FOLDER [--group vertebrates] [--seed 42] [--predictions dev.tsv,test.tsv]

with the Python of the tools environment, on one thread. data: a folder with train.csv, dev.csv and test.csv, and, if
they are to be combined with those of a language model, its predictions for dev and test (scripts/predict.py).
Prints a table in Markdown: loss on dev, loss and MCC on test, of each part and of their combinations.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dna_lm.branch.codes import nucleotide_codes
from dna_lm.branch.combining import combined_weights
from dna_lm.branch.network import Branch, both_strands, of_strand
from dna_lm.data.packing import PAD
from dna_lm.data.tables import read_labeled
from dna_lm.data.targets import learn_target
from dna_lm.motifs.jaspar import jaspar_motifs
from dna_lm.processes.children import forkable
from dna_lm.processes.devices import Devices
from dna_lm.processes.engine import Engine
from dna_lm.scores.metrics import score
from dna_lm.scores.registry import EVERY_EPOCH
from dna_lm.training.batches import Sequences
from dna_lm.training.branch_parts import trained_parts
from dna_lm.training.loop import Plan
from dna_lm.training.losses import loss_function
from dna_lm.training.options import OptimizationOptions
from dna_lm.words import BOTH, CLASSES

LANGUAGE_MODEL = "language model"


@forkable()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--group", default="vertebrates")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--predictions", default="")
    given = parser.parse_args()
    torch.set_num_threads(1)
    tables = {name: read_labeled(given.data / name, name) for name in ("train.csv", "dev.csv", "test.csv")}
    texts = [table["sequence"].tolist() for table in tables.values()]
    target = learn_target(CLASSES, tables["train.csv"]["label"], "train")
    train, dev, test = (target.read(table["label"], name) for name, table in tables.items())
    objective = loss_function(target, train)
    plan = Plan(
        options=OptimizationOptions(),
        devices=Devices(cuda=False, processes=1, threads=1, parallel="ddp"),
        train_set=Sequences([], target.for_training(train)),
        dev_set=Sequences([], target.for_training(dev)),
        pad_token_id=PAD,
        target=target,
        truth=dev,
        loss=objective,
        scores=EVERY_EPOCH[target.kind],
        seed=given.seed,
        deadline=math.inf,
        precision="fp32",
        keep_state=False,
        tokens_at_once=0,
    )
    started = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - started:.0f} s: {text}", file=sys.stderr)

    sequences = {"train": texts[0], "dev": texts[1]}
    parts = trained_parts(plan, sequences, train, jaspar_motifs(given.group), given.group, BOTH, tell)
    tell(f"trained in {time.monotonic() - started:.0f} s")
    on_dev, on_test = dict(parts.outputs), {}
    for name, module in parts.modules.items():
        begun = time.monotonic()
        with Engine({0: Branch({name: module}, {name: 1.0}).eval()}, PAD, read_out=both_strands) as engine:
            (both,) = engine.outputs(nucleotide_codes(texts[2]))
        on_test[name] = of_strand(both, BOTH).mean(axis=0)
        tell(f"{name}: {len(test) / (time.monotonic() - begun):,.0f} sequences a second")
    combinations = [[name] for name in parts.modules] + [list(parts.modules)]
    if given.predictions:
        files = [given.data / name for name in given.predictions.split(",")]
        on_dev[LANGUAGE_MODEL], on_test[LANGUAGE_MODEL] = (logits(file, target.labels) for file in files)
        combinations += [[LANGUAGE_MODEL], [LANGUAGE_MODEL, *parts.modules]]
    print("| classifier | weights | dev loss | test loss | test MCC |\n|---|---:|---:|---:|---:|")
    wanted = torch.as_tensor(dev)
    for names in combinations:
        weights = [1.0]
        if len(names) > 1:
            weights = combined_weights(
                [on_dev[name] for name in names], lambda outputs: objective.losses(outputs, wanted)
            )
        sums = [
            sum(weight * found[name] for weight, name in zip(weights, names, strict=True))
            for found in (on_dev, on_test)
        ]
        scores = [
            score(target, known, target.predictions(found)) for known, found in zip((dev, test), sums, strict=True)
        ]
        cells = [", ".join(names), ", ".join(f"{weight:.2f}" for weight in weights)]
        cells += [f"{scores[0]['loss']:.3f}", f"{scores[1]['loss']:.3f}", f"{scores[1]['mcc']:.3f}"]
        print(f"| {' | '.join(cells)} |")


def logits(file: Path, labels: list[str]) -> np.ndarray:
    """Return the logarithms of the probabilities in a table of predictions, (n, labels)."""
    table = pd.read_csv(file, sep="\t")
    return np.log(table[[f"p({label})" for label in labels]].to_numpy().clip(1e-6))


if __name__ == "__main__":
    main()
