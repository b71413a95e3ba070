"""Nucleotide Transformer v2: an ESM with rotary positions and a gated feed-forward network.

Dalla-Torre et al. 2025, doi:10.1038/s41592-024-02523-z. Names of modules are those of the tensors in published files.
"""

import re

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput, SequenceClassifierOutput

from .attention import padding_bias
from .bert_parts import Rotation, SelfAttention, rotation

# Tensors that a model may lack: they are of heads, or not used.
OPTIONAL = (
    r"lm_head\..*|classifier\..*|esm\.contact_head\..*|esm\.embeddings\.position_embeddings\.weight"
    r"|.*\.rotary_embeddings\.inv_freq"
)
# Tensors with a row for each label.
HEAD = re.compile(r"classifier\.out_proj\.(weight|bias)")
# Settings of the published config.json that have one value: another one describes another network.
FIXED = {
    "add_bias_fnn": False,
    "emb_layer_norm_before": False,
    "is_folding_model": False,
    "position_embedding_type": "rotary",
    "token_dropout": False,
}


class Config(PreTrainedConfig):
    """Settings; intermediate_size: of the inner states, each of which has a gate."""

    model_type = "nucleotide_transformer_v2"

    vocab_size: int = 4107
    hidden_size: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 16
    intermediate_size: int = 2048
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: int = 2050
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False


def unused_tensors(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the shapes, by name, of tensors that published files have and the network does not use.

    The frequencies of the rotation follow from the size of a head.
    """
    layers, heads = range(config.num_hidden_layers), config.num_attention_heads
    frequencies = (config.hidden_size // heads // 2,)
    return {
        "esm.embeddings.position_embeddings.weight": (config.max_position_embeddings, config.hidden_size),
        "esm.contact_head.regression.weight": (1, len(layers) * heads),
        "esm.contact_head.regression.bias": (1,),
    } | {f"esm.encoder.layer.{layer}.attention.self.rotary_embeddings.inv_freq": frequencies for layer in layers}


class Embeddings(nn.Module):
    """Token numbers, (n, positions), to states, (n, positions, width)."""

    def __init__(self, config: Config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)

    def forward(self, input_ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        states = self.word_embeddings(input_ids)
        return states if mask is None else states * mask[:, :, None].to(states.dtype)


class Output(nn.Module):
    """The last layer of a block."""

    def __init__(self, config: Config, width: int, *, bias: bool):
        """width: of the states that it reads."""
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size, bias=bias)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.dense(states))


class Attention(nn.Module):
    """One block of attention: what it gives is added to what it was given, which is not normalized."""

    def __init__(self, config: Config):
        super().__init__()
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self = SelfAttention(config)
        self.output = Output(config, config.hidden_size, bias=True)

    def forward(self, states: torch.Tensor, bias: torch.Tensor, by: Rotation) -> torch.Tensor:
        return states + self.output(self.self(self.LayerNorm(states), bias, by))


class GatedIntermediate(nn.Module):
    """The first half of the feed-forward network: the first half of its states, through SiLU, is a gate for the second.

    Shazeer 2020, arXiv:2002.05202 (SwiGLU).
    """

    def __init__(self, config: Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        gate, inner = self.dense(states).chunk(2, dim=-1)
        return functional.silu(gate) * inner


class Layer(GradientCheckpointingLayer):
    """One layer."""

    def __init__(self, config: Config):
        super().__init__()
        self.attention = Attention(config)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.intermediate = GatedIntermediate(config)
        self.output = Output(config, config.intermediate_size, bias=False)

    def forward(self, states: torch.Tensor, bias: torch.Tensor, by: Rotation) -> torch.Tensor:
        states = self.attention(states, bias, by)
        return states + self.output(self.intermediate(self.LayerNorm(states)))


class Encoder(nn.Module):
    """All layers, and the norm of the last states."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.emb_layer_norm_after = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        by = rotation(states.shape[1], self.config.hidden_size // self.config.num_attention_heads, states)
        for layer in self.layer:
            states = layer(states, bias, by)
        return self.emb_layer_norm_after(states)


class Pretrained(PreTrainedModel):
    """What transformers has to know of all classes below."""

    config_class = Config
    base_model_prefix = "esm"
    supports_gradient_checkpointing = True
    _no_split_modules = ("Layer",)
    _supports_sdpa = True
    _keys_to_ignore_on_load_unexpected = (r"contact_head\..*", r"position_embeddings\.weight", r"inv_freq")


class Model(Pretrained):
    """The network without a head."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embeddings.word_embeddings = value

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> BaseModelOutput:
        """Return the last hidden states, (n, positions, width); those of padding mean nothing."""
        states = self.embeddings(input_ids, attention_mask)
        return BaseModelOutput(last_hidden_state=self.encoder(states, padding_bias(attention_mask, states)))


class PretrainingHead(nn.Module):
    """The prediction of masked tokens: (n, positions, tokens)."""

    def __init__(self, config: Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.layer_norm(functional.gelu(self.dense(states)))) + self.bias


class ForPretraining(Pretrained):
    """The network that predicts masked tokens."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.esm = Model(config)
        self.lm_head = PretrainingHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head.decoder

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.lm_head.decoder = value

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> MaskedLMOutput:
        """Return the logits of each token at each position, (n, positions, tokens)."""
        return MaskedLMOutput(logits=self.lm_head(self.esm(input_ids, attention_mask).last_hidden_state))


class Classifier(nn.Module):
    """The state of the first token, <cls>, to one number a label: (n, labels)."""

    def __init__(self, config: Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        inner = torch.tanh(self.dense(self.dropout(states[:, 0])))
        return self.out_proj(self.dropout(inner))


class ForSequenceClassification(Pretrained):
    """The network with one number a label."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.esm = Model(config)
        self.classifier = Classifier(config)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_
    ) -> SequenceClassifierOutput:
        """Return the logits, (n, labels)."""
        return SequenceClassifierOutput(logits=self.classifier(self.esm(input_ids, attention_mask).last_hidden_state))
