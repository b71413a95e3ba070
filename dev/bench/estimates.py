"""Hold the estimates of memory and time of dna_lm/training/estimate.py against real trainings.

    python dev/bench/estimates.py [--model NAME=FOLDER ...] [--steps 6] [--quick]

Each row of the table is a process of its own: a model with LoRA (rank 16, on attention and experts) trained for some
steps in a plain loop, its moments and gradients laid out as in a training. Memory is the peak of the process (VmHWM),
time is the processor's for the steps after the first, which other programs do not change. Without --model: a Mixtral of
17 million parameters with random weights, and the built-in model.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BUILT_IN = PROJECT / "scripts" / "dna_lm" / "models" / "tiny-human-dna"
RANDOM = "17M, random"
BATCHES = (16, 64, 256)
LENGTHS = (30, 120)


def load(folder: str, method: str, quantization: str, checkpointing: bool):
    import torch
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoModelForSequenceClassification, MixtralConfig

    from dna_lm.classifiers.quantization import prepare, quantization_config
    from dna_lm.speed.expert_lora import apply_to_tokens
    from dna_lm.speed.experts import GROUPED

    torch.manual_seed(0)
    if folder == RANDOM:
        sizes = {"hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 8, "num_attention_heads": 8}
        sizes |= {"num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 1, "vocab_size": 4096}
        config = MixtralConfig(**sizes, max_position_embeddings=256, pad_token_id=3)
        model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    else:
        config = quantization_config(quantization, "no", "auto", "fp32")
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, quantization_config=config, local_files_only=True
        )
    if method == "full":
        return model
    prepare(model, checkpointing)
    model.set_experts_implementation(GROUPED)
    model = get_peft_model(
        model,
        LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=16,
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
            target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] if method == "experts" else None,
        ),
    )
    apply_to_tokens(model)
    return model


def peak() -> int:
    """Return the most bytes that this process has had so far."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def measure(folder: str, method: str, quantization: str, checkpointing: bool, batch: int, length: int, steps: int):
    """Print predicted and measured bytes and seconds as JSON."""
    from dna_lm.processes.threads import configure_torch

    configure_torch(int(os.environ["OMP_NUM_THREADS"]), quantized=quantization != "none")
    import torch

    from dna_lm.training.estimate import Workload, estimate
    from dna_lm.training.optimizer_state import begin_with, gather_gradients

    model = load(folder, method, quantization, checkpointing)
    start = time.perf_counter()
    predicted = estimate(model, Workload([length] * (batch * steps), batch, 1, tokens=batch * length))
    took = time.perf_counter() - start
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad], lr=1e-4)
    begin_with({}, model, optimizer)
    gather_gradients(model)
    times = []
    model.train()
    for _ in range(steps + 1):
        start = time.process_time()
        tokens = torch.randint(5, model.config.vocab_size, (batch, length))
        model(input_ids=tokens, attention_mask=torch.ones_like(tokens), labels=tokens[:, 0] % 2).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.process_time() - start)
    print(json.dumps([predicted.bytes, peak(), predicted.seconds, sum(times[1:]), took]))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER")
    options.add_argument("--steps", type=int, default=6)
    options.add_argument("--quick", action="store_true", help="the largest and the smallest batch only")
    options.add_argument("--one", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        return measure(*json.loads(chosen.one), chosen.steps)
    models = {"17M": RANDOM, "built-in": str(BUILT_IN)} | dict(text.split("=", 1) for text in chosen.model)
    cases = []
    for folder in models.values():
        corners = ((16, 30), (256, 120)) if chosen.quick else itertools.product(BATCHES, LENGTHS)
        cases += [(folder, "attention", "none", False, batch, length) for batch, length in corners]
        cases += [(folder, "experts", "none", False, 64, 30), (folder, "full", "none", False, 64, 30)]
        cases.append((folder, "attention", "none", True, 64, 120))
        if folder != RANDOM:
            cases += [(folder, "attention", kind, False, 64, 30) for kind in ("8bit", "4bit-nf4")]
    names = {folder: name for name, folder in models.items()}
    print("model\ttrained\tquantization\tcheckpoints\tbatch\ttokens\tGB predicted\tGB measured\tratio", end="")
    print("\ts a step predicted\tmeasured\tratio\ts of the estimate")
    for case in cases:
        command = [sys.executable, __file__, "--one", json.dumps(case), "--steps", str(chosen.steps)]
        environment = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | os.environ
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{case}: {done.stderr}")
        predicted, measured, seconds, real, took = json.loads(done.stdout.splitlines()[-1])
        row = [names[case[0]], *case[1:], f"{predicted / 1e9:.2f}", f"{measured / 1e9:.2f}"]
        row += [f"{predicted / measured:.2f}", f"{seconds / chosen.steps:.3f}", f"{real / chosen.steps:.3f}"]
        print(*row, f"{seconds / real:.2f}", f"{took:.1f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
