"""Make the built-in base model again, from the download of the DNA to the committed files.

    python dev/pretrain/pretrain.py

takes about 20 minutes on one idle core, and the internet for 100 MB of Debian packages (kept in .local/downloads).
Same seed, same library versions, same kind of CPU: the same weights.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # sums depend on the number of threads, and so would the weights
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import torch
import transformers
from transformers import MixtralConfig, MixtralForCausalLM, PreTrainedTokenizerFast

from dev.pretrain.card import CARD, MODEL, markdown_table, write_block
from dev.pretrain.corpus import HELD_OUT, Corpus, read_corpus
from dev.pretrain.fetch import FetchError
from dev.pretrain.tokenizer import train_tokenizer
from dev.pretrain.validation import (
    both_strands,
    encode,
    markov_nats_per_base,
    model_nats_per_base,
    token_unigram_nats_per_base,
)

RECORD = Path(__file__).resolve().parent / "validation.json"
LARGEST = 1_000_000  # bytes of model.safetensors
IGNORED = -100


@dataclass
class Stage:
    """One round of training.

    separators: put one more [SEP] at a random place of each window.
    summary_loss: weight of the loss that makes the last [SEP] sum its window up.
    """

    steps: int
    learning_rate: float
    separators: bool
    summary_loss: float


# First the language. Then the pooling: a classifier reads the state at the last [SEP], which a language model leaves
# untrained, since nothing follows it. After the first stage alone it holds what comes next, not what has been there,
# and a classifier then does no better than one on random weights, whose attention is even.
STAGES = (Stage(5000, 3e-3, separators=True, summary_loss=0.0), Stage(1000, 1.5e-3, separators=False, summary_loss=0.5))


@dataclass
class Settings:
    """Everything that decides what the model becomes, apart from the data and the library versions."""

    seed: int = 42
    vocabulary: int = 512
    hidden: int = 96
    layers: int = 3
    heads: int = 4
    key_value_heads: int = 2
    experts: int = 4
    experts_per_token: int = 2
    expert_width: int = 96
    stages: tuple[Stage, ...] = STAGES
    tokens_per_step: int = 2048
    windows: tuple[int, ...] = (32, 64, 128)  # tokens, [CLS] and [SEP] included; each step draws one of them
    warmup: float = 0.05  # share of a stage's steps
    weight_decay: float = 0.1
    router_loss: float = 0.01


def configuration(settings: Settings) -> MixtralConfig:
    """Return the network's configuration, as it is written beside the weights."""
    return MixtralConfig(
        vocab_size=settings.vocabulary,
        hidden_size=settings.hidden,
        intermediate_size=settings.expert_width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.key_value_heads,
        head_dim=settings.hidden // settings.heads,
        num_local_experts=settings.experts,
        num_experts_per_tok=settings.experts_per_token,
        router_aux_loss_coef=settings.router_loss,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=3,
        bos_token_id=1,
        eos_token_id=2,
        attention_dropout=0.0,
    )


class Windows:
    """Random windows of tokens from both strands, each inside one piece of DNA."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, pieces: list[str], settings: Settings, seed: int):
        encoded = encode(tokenizer, both_strands(pieces))
        self.tokens = np.concatenate(encoded).astype(np.int16)
        # Tokens from each position to the end of its piece: a window may start where enough of them are left.
        left = np.concatenate([np.arange(len(ids), 0, -1, dtype=np.int32) for ids in encoded])
        self.starts = {size: np.flatnonzero(left >= size - 2).astype(np.int32) for size in settings.windows}
        self.random = np.random.default_rng(seed)
        self.cls, self.sep = tokenizer.cls_token_id, tokenizer.sep_token_id
        self.tokens_per_step = settings.tokens_per_step

    def draw(self, separators: bool) -> torch.Tensor:
        """Return token ids, windows x tokens, each `[CLS] ... [SEP]`, or `[CLS] ... [SEP] ... [SEP]`.

        separators: put one more [SEP] at a random place of each window, after which the DNA goes on.
        """
        size = int(self.random.choice(list(self.starts)))
        starts = self.random.choice(self.starts[size], self.tokens_per_step // size)
        place = np.arange(size - 2)
        if separators:
            extra = self.random.integers(1, size - 2, len(starts))
            inner = self.tokens[starts[:, None] + place - (place > extra[:, None])]
            inner[np.arange(len(starts)), extra] = self.sep
        else:
            inner = self.tokens[starts[:, None] + place]
        first, last = (np.full((len(starts), 1), end) for end in (self.cls, self.sep))
        return torch.from_numpy(np.concatenate([first, inner, last], axis=1).astype(np.int64))


def language_loss(logits: torch.Tensor, ids: torch.Tensor, sep: int) -> torch.Tensor:
    """Return the loss of the next token, in nats. Where a [SEP] stands is chance and does not count."""
    targets = ids[:, 1:]
    targets = targets.masked_fill(targets == sep, IGNORED)
    return torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), targets, ignore_index=IGNORED)


def summary_loss(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the loss of predicting, at the last [SEP], the share of each token in the window, in nats."""
    inner = ids[:, 1:-1]
    shares = torch.zeros(len(ids), logits.shape[-1]).scatter_add_(1, inner, torch.ones(inner.shape)) / inner.shape[1]
    return torch.nn.functional.cross_entropy(logits[:, -1], shares)


def train(tokenizer: PreTrainedTokenizerFast, corpus: Corpus, settings: Settings, folder: Path) -> None:
    """Pretrain from random weights, stage after stage, and write the model; progress goes to stderr."""
    torch.manual_seed(settings.seed)
    model = MixtralForCausalLM(configuration(settings))
    for number, stage in enumerate(settings.stages):
        windows = Windows(tokenizer, corpus.train, settings, settings.seed + number)
        optimize(model, windows, stage, settings)
        # The next stage goes on from what is written, rounded as it is.
        write(model, tokenizer, folder)
        model = MixtralForCausalLM.from_pretrained(folder, dtype=torch.float32)


def optimize(model: MixtralForCausalLM, windows: Windows, stage: Stage, settings: Settings) -> None:
    """Train the model in place for one stage."""
    model.train()
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=stage.learning_rate,
        betas=(0.9, 0.95),
    )
    warmup = max(1, round(settings.warmup * stage.steps))

    def rate(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 + 0.5 * math.cos(math.pi * (step - warmup) / (stage.steps - warmup))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    started = time.time()
    for step in range(1, stage.steps + 1):
        ids = windows.draw(stage.separators)
        output = model(ids, output_router_logits=True, use_cache=False)
        language = language_loss(output.logits, ids, windows.sep)
        loss = language
        if stage.summary_loss:
            loss = loss + stage.summary_loss * summary_loss(output.logits, ids)
        optimizer.zero_grad()
        (loss + settings.router_loss * output.aux_loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == stage.steps:
            seconds = time.time() - started
            say(f"step {step}/{stage.steps}, {seconds:.0f} s: language loss {language.item():.3f} nats a token")


def write(model: MixtralForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write configuration, tokenizer and weights (bf16) as a Hugging Face folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # made for its owner alone
    (folder / "generation_config.json").unlink(missing_ok=True)  # it is no generator
    tokenizer.save_pretrained(folder)
    # The class's name in every version of transformers; version 5 alone knows it as TokenizersBackend.
    path = folder / "tokenizer_config.json"
    fields = json.loads(path.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    path.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n")
    size = (folder / "model.safetensors").stat().st_size
    assert size < LARGEST, f"{size} bytes of weights: the limit is {LARGEST}"


def validate(folder: Path, tokenizer: PreTrainedTokenizerFast, corpus: Corpus, settings: Settings) -> dict[str, float]:
    """Return losses on the held-out region, in nats a base, of the model as written and of simpler ones."""
    model = MixtralForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    untrained = MixtralForCausalLM(configuration(settings)).eval()
    window = max(settings.windows)
    return {
        "model": model_nats_per_base(model, tokenizer, corpus.held_out, window),
        "same network, random weights": model_nats_per_base(untrained, tokenizer, corpus.held_out, window),
        "token unigrams": token_unigram_nats_per_base(tokenizer, corpus.train, corpus.held_out),
        "base frequencies (order 0)": markov_nats_per_base(0, corpus.train, corpus.held_out),
        "order-5 Markov chain of bases": markov_nats_per_base(5, corpus.train, corpus.held_out),
    }


def write_blocks(record: dict) -> None:
    """Put settings and figures of this run into the model card."""
    stages = record["settings"]["stages"]
    settings = [[f"{name}, by stage", ", ".join(str(stage[name]) for stage in stages)] for name in stages[0]]
    settings += [[name, str(value)] for name, value in record["settings"].items() if name != "stages"]
    settings = [[name.replace("_", " "), value] for name, value in settings]
    settings += [[name, version] for name, version in record["versions"].items()]
    losses = [[name, f"{nats:.4f}"] for name, nats in record["nats_per_base"].items()]
    optimizer = "AdamW (betas 0.9, 0.95), linear warm-up, cosine decay to 0, gradients clipped at norm 1."
    write_block(CARD, "training", f"{optimizer}\n\n" + markdown_table(["setting", "value"], settings))
    write_block(CARD, "validation", markdown_table(["", "nats a base"], losses))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=MODEL, help="where the model goes (default: its place here)")
    parser.add_argument("--record", type=Path, default=RECORD, help="where the figures go (default: beside this file)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = Settings()
    corpus = read_corpus()
    say(f"{sum(map(len, corpus.train)):,} bases to train on, {sum(map(len, corpus.held_out)):,} held out")
    tokenizer = train_tokenizer(corpus.train, settings.vocabulary, settings.seed)
    train(tokenizer, corpus, settings, arguments.folder)
    record = {
        "settings": asdict(settings),
        "parameters": MixtralForCausalLM(configuration(settings)).num_parameters(),
        "bases": {"train": sum(map(len, corpus.train)), "held_out": sum(map(len, corpus.held_out))},
        "held_out": f"chr22:{HELD_OUT[0]}-{HELD_OUT[1]} (GRCh37)",
        "nats_per_base": {
            name: round(value, 4) for name, value in validate(arguments.folder, tokenizer, corpus, settings).items()
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "sha256": {
            name: hashlib.sha256((arguments.folder / name).read_bytes()).hexdigest()
            for name in ("model.safetensors", "tokenizer.json")
        },
    }
    arguments.record.write_text(json.dumps(record, indent=2) + "\n")
    if arguments.folder == MODEL:
        write_blocks(record)
    say(f"{arguments.folder}: " + ", ".join(f"{name} {nats:.4f}" for name, nats in record["nats_per_base"].items()))


if __name__ == "__main__":
    try:
        main()
    except FetchError as error:
        sys.exit(f"error: {error}")
