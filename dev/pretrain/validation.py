"""Loss on held-out DNA, in nats a base, of the model and of what it has to beat."""

import math
from collections import Counter

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from dev.pretrain.corpus import reverse_complement


def both_strands(pieces: list[str]) -> list[str]:
    """Return the pieces and their reverse complements, each beside the other."""
    return [strand for piece in pieces for strand in (piece, reverse_complement(piece))]


def encode(tokenizer: PreTrainedTokenizerFast, sequences: list[str]) -> list[np.ndarray]:
    """Return the token ids of every sequence, without [CLS] and [SEP]."""
    encodings = tokenizer.backend_tokenizer.encode_batch(sequences, add_special_tokens=False)
    return [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]


def model_nats_per_base(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, pieces: list[str], window: int
) -> float:
    """Return the model's loss on both strands of the pieces, divided by their number of bases.

    window: tokens to a window, [CLS] included; the pieces are cut into such windows, each read on its own.
    The loss of predicting [SEP] does not count: it is no DNA.
    """
    cls, pad = tokenizer.cls_token_id, tokenizer.pad_token_id
    windows = []
    for ids in encode(tokenizer, both_strands(pieces)):
        for start in range(0, len(ids), window - 1):
            windows.append([cls, *ids[start : start + window - 1]])
    longest = max(map(len, windows))
    padded = torch.tensor([ids + [pad] * (longest - len(ids)) for ids in windows])
    nats = 0.0
    with torch.inference_mode():
        for batch in padded.split(64):
            # Padding is on the right and attention looks left only: no attention mask is needed.
            logits = model(batch).logits[:, :-1]
            targets = batch[:, 1:]
            losses = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), targets, ignore_index=pad, reduction="sum"
            )
            nats += losses.item()
    return nats / (2 * sum(map(len, pieces)))


def token_unigram_nats_per_base(tokenizer: PreTrainedTokenizerFast, train: list[str], held_out: list[str]) -> float:
    """Return the loss of guessing every token from the token frequencies of the training pieces, both strands."""
    counts = np.bincount(np.concatenate(encode(tokenizer, both_strands(train))), minlength=len(tokenizer)) + 1.0
    nats = -np.log(counts / counts.sum())
    return float(sum(nats[ids].sum() for ids in encode(tokenizer, both_strands(held_out)))) / (
        2 * sum(map(len, held_out))
    )


def markov_nats_per_base(order: int, train: list[str], held_out: list[str]) -> float:
    """Return the loss of guessing every base from the `order` bases before it, both strands; 0: base frequencies.

    The first bases of a piece, which have too few before them, do not count.
    """
    counts = kmer_counts(train, order + 1)
    contexts: Counter[str] = Counter()
    for kmer, count in counts.items():
        contexts[kmer[:-1]] += count
    nats = bases = 0.0
    for kmer, count in kmer_counts(held_out, order + 1).items():
        nats -= count * math.log((counts[kmer] + 1) / (contexts[kmer[:-1]] + 4))
        bases += count
    return nats / bases


def kmer_counts(pieces: list[str], k: int) -> Counter[str]:
    """Count the k-mers of both strands of the pieces."""
    forward: Counter[str] = Counter()
    for piece in pieces:
        forward.update(piece[start : start + k] for start in range(len(piece) - k + 1))
    both = forward.copy()
    for kmer, count in forward.items():
        both[reverse_complement(kmer)] += count
    return both
