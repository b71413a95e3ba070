"""Tiny base models with random weights, of many architectures and with many kinds of tokenizers, made into a folder."""

import itertools
import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, set_seed

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NAMES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
# Settings that make a model tiny, under the names that most architectures have; others are given below.
SMALL = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,  # a signal of a size as in a trained model, in spite of the small width
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
CAUSAL = {
    "gemma": {"num_key_value_heads": 1, "head_dim": 8},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "gpt_neox": {},
    "jamba": {
        "num_key_value_heads": 1,
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "mamba_d_state": 4,
        "mamba_dt_rank": 4,
    },
    "llama": {"num_key_value_heads": 2},
    "mistral": {"num_key_value_heads": 1},
    "mixtral": {"num_key_value_heads": 2, "num_local_experts": 2, "num_experts_per_tok": 1},
    "qwen2": {"num_key_value_heads": 1},
    "qwen3": {"num_key_value_heads": 1, "head_dim": 8},
    "qwen3_moe": {
        "num_key_value_heads": 1,
        "head_dim": 8,
        "moe_intermediate_size": 16,
        "num_experts": 2,
        "num_experts_per_tok": 1,
    },
}
MASKED = {
    "bert": {},
    "big_bird": {"attention_type": "original_full"},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "distilbert": {"dim": 16, "hidden_dim": 16, "n_layers": 2, "n_heads": 2},
    "electra": {"embedding_size": 16},
    "esm": {"position_embedding_type": "absolute", "mask_token_id": 4},
    "megatron-bert": {},
    "modernbert": {"cls_token_id": 2, "sep_token_id": 3},
    "mpnet": {},
    "roberta": {},
    "roformer": {"embedding_size": 16},
}
ARCHITECTURES = CAUSAL | MASKED
# What transformers has classifiers for too, and fine-tuning and installing refuse.
REFUSED = {
    "bart": {
        "d_model": 16,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
    },
    "canine": {"num_hash_buckets": 64, "downsampling_rate": 4, "local_transformer_stride": 8},
    "convbert": {"embedding_size": 16},
    "fnet": {"tpu_short_seq_length": 64},
    "nystromformer": {"num_landmarks": 4, "segment_means_seq_len": 16},
    "reformer": {
        "attn_layers": ["local", "lsh"],
        "attention_head_size": 8,
        "axial_pos_embds": False,
        "feed_forward_size": 16,
        "local_attn_chunk_length": 8,
        "lsh_attn_chunk_length": 8,
        "num_buckets": 2,
        "is_decoder": False,
    },
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 2},
}
# What else is tried where the name of a head matters.
FURTHER = {"eurobert": {}, "xlm": {"emb_dim": 16, "n_layers": 1, "n_heads": 2}}


def write_model(folder: Path, architecture: str, vocabulary: int, seed: int = 0, **settings) -> None:
    """Write config.json and model.safetensors of a random model as it leaves its pretraining.

    vocabulary: how many tokens it has embeddings for.
    settings: of transformers' configuration of the architecture, before those of this module.
    """
    set_seed(seed)
    of_its_own = (ARCHITECTURES | REFUSED | FURTHER)[architecture]
    config = AutoConfig.for_model(architecture, **SMALL | {"vocab_size": vocabulary} | of_its_own | settings)
    model_class = AutoModel
    if architecture in ARCHITECTURES:
        model_class = AutoModelForCausalLM if architecture in CAUSAL else AutoModelForMaskedLM
    folder.mkdir(parents=True, exist_ok=True)
    model_class.from_config(config).save_pretrained(folder)


def write_tokenizer(folder: Path, tokenizer: Tokenizer, settings: dict[str, Any]) -> int:
    """Write tokenizer.json and tokenizer_config.json; returns the number of tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"} | settings
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer.get_vocab_size()


def all_kmers(k: int) -> list[str]:
    return ["".join(letters) for letters in itertools.product("ACGT", repeat=k)]


def numbered(tokens: list[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}


def letters(
    folder: Path,
    special: list[str] = SPECIAL,
    alphabet: str = "ACGT",
    ends: bool = True,
    lower: bool = False,
    **settings,
) -> int:
    """One token a letter, special tokens first.

    ends: whether [CLS] and [SEP] stand around a sequence; lower: whether the letters are put into lower case.
    """
    vocabulary = numbered(special + list(alphabet.lower() if lower else alphabet))
    unknown = "[UNK]" if "[UNK]" in special else None
    model = models.WordLevel(vocabulary, unk_token=unknown) if unknown else models.WordLevel(vocabulary)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    if ends:
        tokenizer.post_processor = around(vocabulary)
    return write_tokenizer(
        folder, tokenizer, {name: token for name, token in NAMES.items() if token in special} | settings
    )


def words(folder: Path, k: int, model: str = "WordLevel", ends: bool = True, **settings) -> int:
    """One token for each word of k letters, words parted by blanks; a tokenizer.json."""
    vocabulary = numbered(SPECIAL + all_kmers(k))
    tokenizer = Tokenizer(getattr(models, model)(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if ends:
        tokenizer.post_processor = around(vocabulary)
    return write_tokenizer(folder, tokenizer, NAMES | settings)


def vocabulary_file(folder: Path, tokens: list[str], **settings) -> int:
    """A vocab.txt, as older models have it, which transformers reads by the architecture; no tokenizer.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False} | settings))
    return len(tokens)


def around(vocabulary: dict[str, int]) -> processors.TemplateProcessing:
    ends = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    return processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
