"""What the networks of this library take at their smallest published sizes, with random weights, on two cores.

    python dev/bench/networks.py [--only WORD] [--threads 2]

with the Python of the tools environment. For each: seconds to load, one step of LoRA with 16 sequences of 200
nucleotides, prediction of 100 such sequences on both strands, and the peak memory, each network in a process of its
own. Prints a table in Markdown.
"""

import argparse
import itertools
import json
import multiprocessing
import random
import resource
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ARCHITECTURES = PROJECT / "tests" / "architectures"
STEP, PREDICTED, LENGTH = 16, 100, 200
# The published sizes, by the folder of the same network in tests/architectures; tokens: of the published vocabulary.
SIZES = {
    "DNABERT-2 117M": (
        "dnabert2",
        {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
        | {"intermediate_size": 3072, "vocab_size": 4096},
    ),
    "GENA-LM base 110M": (
        "gena_lm_bert",
        {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
        | {"intermediate_size": 3072, "vocab_size": 32000, "max_position_embeddings": 512},
    ),
    "Nucleotide Transformer v2 50M": (
        "nt_v2",
        {"hidden_size": 512, "num_hidden_layers": 12, "num_attention_heads": 16}
        | {"intermediate_size": 2048, "vocab_size": 4107},
    ),
    "HyenaDNA tiny-1k": (
        "hyenadna",
        {"d_model": 128, "n_layer": 2, "d_inner": 512, "filter_order": 64} | {"max_seq_len": 1026},
    ),
    "Caduceus-Ph 1k, width 256": ("caduceus_ph", {"d_model": 256, "n_layer": 4}),
    "Caduceus-PS 1k, width 118": ("caduceus_ps", {"d_model": 118, "n_layer": 4}),
    "Caduceus-PS 1k, width 256": ("caduceus_ps", {"d_model": 256, "n_layer": 4}),
    "GenomeOcean 100M": (
        "genomeocean",
        {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
        | {"num_key_value_heads": 12, "intermediate_size": 3072, "vocab_size": 4096},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    print("| network | parameters | load (s) | step (s) | predict 100 (s) | peak memory (GB) |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    context = multiprocessing.get_context("spawn")
    for name in SIZES:
        if given.only in name:
            with context.Pool(1) as pool:
                print(pool.apply(measured, (name, given.threads)), flush=True)


def measured(name: str, threads: int) -> str:
    """Return the line of a network."""
    import torch

    from dna_lm.base_models.encoding import Encoder
    from dna_lm.base_models.opening import opened_base_model
    from dna_lm.classifiers.building import new_classifier
    from dna_lm.classifiers.options import LoraOptions
    from dna_lm.processes.inference import forward, padded

    torch.set_num_threads(threads)
    numbers = random.Random(0)
    sequences = ["".join(numbers.choices("ACGT", k=LENGTH)) for _ in range(PREDICTED)]
    with tempfile.TemporaryDirectory() as folder:
        parameters = write(name, Path(folder))
        started = time.monotonic()
        with opened_base_model(folder) as base:
            encoder = Encoder(base, 512, None)
            pad = encoder.tokenizer.pad_token_id
            model = new_classifier(base, 2, pad, LoraOptions())
        loaded = time.monotonic() - started
        tokens = encoder.encode(sequences).tokens
        optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-4)

        def step() -> None:
            logits = forward(model, *padded(tokens[:STEP], pad)).logits
            torch.nn.functional.cross_entropy(logits, torch.arange(STEP) % 2).backward()
            optimizer.step()
            optimizer.zero_grad()

        def predict() -> None:
            with torch.inference_mode():
                for _ in range(2):  # strands
                    for first in range(0, PREDICTED, STEP):
                        forward(model, *padded(tokens[first : first + STEP], pad))

        model.train()
        step_seconds = _median(step)
        model.eval()
        predict_seconds = _median(predict)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    cells = [
        f"{parameters / 1e6:,.1f}M",
        f"{loaded:.1f}",
        f"{step_seconds:.2f}",
        f"{predict_seconds:.1f}",
        f"{peak:.2f}",
    ]
    return f"| {name} | {' | '.join(cells)} |"


def write(name: str, folder: Path) -> int:
    """Write a model with random weights; return how many parameters it has.

    Its tokens are as long as the published ones: byte pairs are those of the built-in model.
    """
    import torch
    from safetensors.torch import save_file

    from dna_lm.base_models.opening import BUILT_IN_FOLDER
    from dna_lm.base_models.settings import parsed_config
    from dna_lm.networks.as_pretrained import new_pretrained

    source, sizes = ARCHITECTURES / SIZES[name][0], SIZES[name][1]
    for file in source.iterdir():
        if file.suffix in (".json", ".txt") and file.name not in ("config.json", "inputs.json"):
            (folder / file.name).write_bytes(file.read_bytes())
    if (folder / "tokenizer.json").exists():
        for file in ("tokenizer.json", "tokenizer_config.json"):
            (folder / file).write_bytes((BUILT_IN_FOLDER / file).read_bytes())
        (folder / "special_tokens_map.json").unlink(missing_ok=True)
    elif (folder / "vocab.txt").exists():
        special = (folder / "vocab.txt").read_text(encoding="ascii").split()[:6]
        words = map("".join, itertools.product("ATCG", repeat=6))
        (folder / "vocab.txt").write_text("\n".join([*special, *words, *"ATCGN"]), encoding="ascii")
    settings = json.loads((source / "config.json").read_text(encoding="utf-8")) | sizes
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    torch.manual_seed(0)
    model = new_pretrained(parsed_config(folder))
    tied = set(model.all_tied_weights_keys)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name not in tied}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return sum(parameter.numel() for parameter in model.parameters())


def _median(function, times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        started = time.monotonic()
        function()
        seconds.append(time.monotonic() - started)
    return sorted(seconds)[times // 2]


if __name__ == "__main__":
    main()
