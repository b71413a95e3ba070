"""What is peculiar about architectures: everything that the code knows of one by name stands here.

An architecture that is not named needs nothing: transformers tells the rest. Nothing heavy is imported here.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """What is peculiar about an architecture of transformers.

    counts_from_pad: it numbers positions from the pad token's number + 1, so that the first ones are never used;
        where its tokenizer names no pad token, the one that its settings number is taken.
    unused_positions: how many of the first positions it never uses, whatever the pad token.
    reads_padding: the padding of a batch changes its outputs, so that it is refused.
    lora_targets: names of the linear layers that get LoRA matrices, where they are not in blocks of attention.
    unlimited: the number of positions in its settings limits nothing.
    like_llama: its layers have Llama's modules and norms, which folder `speed` computes faster.
    symmetric_by: the setting with which its classifier answers the same for both strands, special tokens left out.
    """

    counts_from_pad: bool = False
    unused_positions: int = 0
    reads_padding: bool = False
    like_llama: bool = False
    lora_targets: tuple[str, ...] = ()
    unlimited: bool = False
    symmetric_by: str = ""

    def first_position(self, pad_token_id: int) -> int:
        """Return how many of the first positions are never used."""
        return pad_token_id + 1 if self.counts_from_pad else self.unused_positions


_FROM_PAD, _LLAMA = Architecture(counts_from_pad=True), Architecture(like_llama=True)
# By transformers' `model_type`.
ARCHITECTURES = {
    # The projections of Mamba's mixers. dt_proj is left out: it has few inputs, which x_proj gives.
    "caduceus": Architecture(lora_targets=("in_proj", "x_proj", "out_proj"), symmetric_by="rcps"),
    "camembert": _FROM_PAD,
    "convbert": Architecture(reads_padding=True),
    "data2vec-text": _FROM_PAD,
    "dnabert2": Architecture(unlimited=True),  # distances are subtracted in attention instead (ALiBi)
    "esm": _FROM_PAD,
    # All of its linear layers but those of its filters, which are computed once as long as they are not trained.
    "hyenadna": Architecture(lora_targets=("in_proj", "out_proj", "fc1", "fc2")),
    "ibert": _FROM_PAD,
    "layoutlmv3": _FROM_PAD,
    "lilt": _FROM_PAD,
    "llama": _LLAMA,
    "longformer": _FROM_PAD,
    "luke": _FROM_PAD,
    "markuplm": _FROM_PAD,
    "mistral": _LLAMA,
    "mixtral": _LLAMA,
    "mpnet": Architecture(unused_positions=2),
    "nucleotide_transformer_v2": _FROM_PAD,  # rotary, but its settings count positions so: it was trained with as many
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "qwen3_moe": _LLAMA,
    "roberta": _FROM_PAD,
    "roberta-prelayernorm": _FROM_PAD,
    "xlm-roberta": _FROM_PAD,
    "xlm-roberta-xl": _FROM_PAD,
    "xmod": _FROM_PAD,
}


def architecture(model_type: str) -> Architecture:
    """Return what is peculiar about an architecture; nothing, if it is not named here."""
    return ARCHITECTURES.get(model_type, Architecture())


def symmetric(model_type: str, settings: Any) -> bool:
    """Say whether a classifier answers the same for both strands, if special tokens are left out.

    settings: of its base model, as a configuration of transformers or as a dictionary.
    """
    name = architecture(model_type).symmetric_by
    known = settings if isinstance(settings, dict) else vars(settings)
    return bool(name) and bool(known.get(name))


# --- how transformers calls things, whatever the architecture --------------------------------------------------------

# The module that turns the pooled state into one number a label.
HEADS = ("score", "classifier", "pre_classifier", "classification_head", "logits_proj", "sequence_summary")
# Never quantized: heads, which are trained, the modules before them that a base model can lack weights for, routers,
# whose small errors would send tokens to other experts, and what gives the steps of Mamba's states, whose errors would
# add up over positions. A regular expression for a path in the model.
NOT_QUANTIZED = rf".*\b({'|'.join((*HEADS, 'pooler', 'head', 'gate', 'router', 'x_proj', 'dt_proj'))})\b"
# Parts of a path that tell parameters without weight decay, beside vectors: it would change how fast states and filters
# fall, which were trained without (Mamba's A_log, and all that HyenaDNA's filters are made of).
NOT_DECAYED = frozenset({"A_log", "filter_fn"})
# Parts of a path in the model that tell an attention block.
ATTENTION = ("attn", "attention")
# The settings that give the number of positions; transformers maps `n_positions` to the first itself.
POSITIONS = ("max_position_embeddings", "max_seq_len")
# The settings that give the number of layers.
LAYERS = ("num_hidden_layers", "num_layers", "n_layers", "n_layer")
