"""What an administrator gives a job: wall time and peak memory of each tool, by base model and number of sequences.

    python dev/bench/resources.py --tokenizer FOLDER [--models built-in,1M,17M] [--tools prepare,finetune,evaluate]
        [--rows 1000,10000]
    python dev/bench/resources.py --tokenizer FOLDER --estimates

Each row of the first table is one job with one core on made-up sequences of 100 letters; memory is the peak of its
largest process. A fine-tuning is one epoch with the recommended settings, scored on 1,000 sequences of dev; what is
evaluated and predicted is read on both strands, as the adapter says. The second table is what
dna_lm/training/estimate.py says of models that are too large to be measured in passing: nothing is trained for it.

1M, 17M, 138M: Mixtrals with random weights in the sizes of Mistral-DNA; tokenizer: a model's folder whose tokenizer
they get. BERT and ESM have the sizes of GROVER and of the Nucleotide Transformer 500M. Run it with the Python
of the tools environment, on an otherwise idle machine if time matters.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from dev.bench.finetuning import PROJECT
from dev.bench.preparation import run

BUILT_IN = "built-in"
LENGTH = 100
# Hidden and intermediate size, layers, heads; 8 experts, of which a token takes one.
MIXTRALS = {"1M": (64, 4, 8), "17M": (256, 8, 8), "138M": (768, 8, 8)}
ESTIMATED = ("17M", "138M", "BERT", "ESM")
TOKENS = (25, 250)  # byte pairs of 100 and of 1,000 letters
BATCH = 64


def random_mixtral(folder: Path, tokenizer: Path, name: str) -> Path:
    """Write a model of random weights; return its folder."""
    from transformers import AutoModelForCausalLM, MixtralConfig, set_seed

    set_seed(0)
    AutoModelForCausalLM.from_config(MixtralConfig(**_sizes(name))).save_pretrained(folder / name)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name / file).write_bytes((tokenizer / file).read_bytes())
    return folder / name


def _sizes(name: str) -> dict:
    hidden, layers, heads = MIXTRALS[name]
    sizes = {"hidden_size": hidden, "intermediate_size": hidden, "num_hidden_layers": layers}
    sizes |= {"num_attention_heads": heads, "num_key_value_heads": heads, "num_local_experts": 8}
    return sizes | {"num_experts_per_tok": 1, "vocab_size": 4096, "max_position_embeddings": 512, "pad_token_id": 3}


def write_data(folder: Path, rows: int) -> dict[str, Path]:
    """Write `rows` random sequences as train, 1,000 as dev, other `rows` as test and as FASTA; return the paths."""
    paths = {name: folder / f"{name}_{rows}" for name in ("train", "dev", "test", "fasta")}
    for seed, (name, path) in enumerate(paths.items()):
        random = np.random.default_rng([seed, rows])
        letters = np.frombuffer(b"ACGT", dtype=np.uint8)[
            random.integers(0, 4, (1000 if name == "dev" else rows, LENGTH))
        ]
        with open(path, "w") as file:
            file.write("" if name == "fasta" else "sequence,label\n")
            for number, row in enumerate(letters):
                dna = row.tobytes().decode()
                file.write(f">s{number}\n{dna}\n" if name == "fasta" else f"{dna},{'AC'.find(dna[0]) >= 0:d}\n")
    return paths


def commands(model: str | Path, data: dict[str, Path], folder: Path) -> dict[str, list]:
    """Return the arguments of each tool's job; the later ones take the adapter of fine-tuning."""

    def outputs(*kinds: str) -> list[str]:
        return [f"--{kind}-out={folder}/{kind}" for kind in kinds]

    adapter = ["--base-model", model, "--adapter", folder / "adapter"]
    return {
        "prepare": ["--table", data["train"], "--split", "similarity"]
        + outputs("train", "dev", "test", "summary", "leakage", "offenders", "plot", "report"),
        "finetune": ["--base-model", model, "--train", data["train"], "--dev", data["dev"], "--epochs", 1]
        + outputs("adapter", "history", "plot", "report"),
        "evaluate": [*adapter, "--data", data["test"]] + outputs("metrics", "predictions", "plot", "report"),
        "predict": [*adapter, "--input", data["fasta"], "--input-format", "fasta"] + outputs("predictions"),
    }


def measure(given: argparse.Namespace, folder: Path) -> None:
    """Print the table of wall time and memory."""
    os.environ["GALAXY_SLOTS"] = "1"
    print("| tool | base model | sequences | seconds | peak MB |\n|---|---|---:|---:|---:|")
    for rows in map(int, given.rows.split(",")):
        data = write_data(folder, rows)
        tools = given.tools.split(",")
        if "prepare" in tools:
            _job("prepare", "", rows, commands("", data, folder))
        for name in given.models.split(","):
            model = name if name == BUILT_IN else folder / name
            if model != BUILT_IN and not model.exists():
                random_mixtral(folder, given.tokenizer, name)
            (folder / "adapter").unlink(missing_ok=True)
            jobs = commands(model, data, folder)
            if "finetune" not in tools:  # something to apply
                few = write_data(folder, 100)
                _run("finetune", commands(model, few, folder))
            for tool in [tool for tool in jobs if tool in tools and tool != "prepare"]:
                _job(tool, name, rows, jobs)


def _job(tool: str, name: str, rows: int, jobs: dict[str, list]) -> None:
    seconds, peak = _run(tool, jobs)
    print(f"| {tool} | {name} | {rows:,} | {seconds:.0f} | {peak:,.0f} |", flush=True)


def _run(tool: str, jobs: dict[str, list]) -> tuple[float, float]:
    return run([sys.executable, *map(str, [PROJECT / "scripts" / f"{tool}.py", *jobs[tool]])])


def one_estimate(name: str) -> None:
    """Print parameters, trained ones, and what the estimate says of each length and batch, as JSON."""
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForSequenceClassification, BertConfig, EsmConfig, MixtralConfig

    from dna_lm.classifiers.lora import lora_config
    from dna_lm.classifiers.options import LoraOptions
    from dna_lm.speed.expert_lora import apply_to_tokens
    from dna_lm.speed.experts import GROUPED
    from dna_lm.training.estimate import Workload, estimate

    torch.set_num_threads(1)
    if name in MIXTRALS:
        config = MixtralConfig(**_sizes(name))
    elif name == "BERT":
        config = BertConfig(vocab_size=609)
    else:
        sizes = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 24, "num_attention_heads": 20}
        config = EsmConfig(**sizes, vocab_size=4105, max_position_embeddings=1002, pad_token_id=1, mask_token_id=2)
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32, attn_implementation="eager")
    if name in MIXTRALS:
        model.set_experts_implementation(GROUPED)
    head = [part for part in ("score", "classifier") if hasattr(model, part)]
    options = LoraOptions(experts="yes" if name in MIXTRALS else "no")
    model = get_peft_model(model, lora_config(model, head, options))
    apply_to_tokens(model)
    trained, total = model.get_nb_trainable_parameters()
    found = [estimate(model, Workload([tokens] * BATCH, BATCH, 1, tokens=BATCH * tokens)) for tokens in TOKENS]
    sizes = [[each.fixed, each.sequence, each.checkpointed, each.seconds / BATCH] for each in found]
    print(json.dumps([total, trained, sizes]))


def estimates() -> None:
    """Print the table of estimates, each made by a process of its own, whose memory is part of it."""
    print("| base model | parameters | trained | tokens | GB fixed | MB a sequence | checkpointed | s for 1,000 |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in ESTIMATED:
        command = [sys.executable, __file__, "--one", name]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        total, trained, sizes = json.loads(done.stdout.splitlines()[-1])
        for tokens, (fixed, sequence, checkpointed, seconds) in zip(TOKENS, sizes, strict=True):
            print(
                f"| {name} | {total / 1e6:,.0f}M | {trained / 1e6:.1f}M | {tokens} | {fixed / 1e9:.1f} | "
                f"{sequence / 1e6:.0f} | {checkpointed / 1e6:.0f} | {1000 * seconds:.0f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--models", default=f"{BUILT_IN},1M,17M")
    parser.add_argument("--tools", default="prepare,finetune,evaluate,predict")
    parser.add_argument("--rows", default="1000,10000")
    parser.add_argument("--estimates", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one_estimate(given.one)
    elif given.estimates:
        estimates()
    else:
        with tempfile.TemporaryDirectory() as name:
            measure(given, Path(name))


if __name__ == "__main__":
    main()
