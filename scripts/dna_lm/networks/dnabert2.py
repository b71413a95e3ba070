"""DNABERT-2 and DNABERT-S: a BERT with ALiBi instead of positions and a gated feed-forward network.

Zhou et al. 2023, arXiv:2306.15006; the network is MosaicML's MosaicBERT. Names of modules are those of the tensors in
published files, which is why they are what they are.
"""

import re

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput, SequenceClassifierOutput

from ..compat import attention_implementation
from .attention import attended, join_heads, padding_bias, split_heads
from .bert_parts import Pooler, PredictionTransform

# Tensors that a model may lack: they are of heads.
OPTIONAL = r"cls\..*|classifier\..*|bert\.pooler\..*"
# Tensors with a row for each label.
HEAD = re.compile(r"classifier\.(weight|bias)")
# Settings of the published config.json that have one value: another one describes another network.
FIXED = {"hidden_act": "gelu"}


class Config(PreTrainedConfig):
    """Settings; those of the published config.json that change nothing (such as its positions) are left out."""

    model_type = "dnabert2"

    vocab_size: int = 4096
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.0
    classifier_dropout: float | None = None
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True


def unused_tensors(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the shapes, by name, of tensors that published files have and the network does not use: none."""
    return {}


def slopes(heads: int) -> list[float]:
    """Return how fast each head's attention falls with distance (Press et al. 2021, arXiv:2108.12409).

    heads: not a power of two takes the slopes of the next lower one, and every second one of the next higher.
    """
    lower = 1 << (heads.bit_length() - 1)
    first = [2 ** (-8 * (number + 1) / lower) for number in range(lower)]
    between = [2 ** (-4 * (number + 1) / lower) for number in range(0, 2 * lower, 2)]
    return (first + between)[:heads]


def alibi(heads: int, positions: int, device: torch.device) -> torch.Tensor:
    """Return what is added to the products of attention, (1, heads, positions, positions) float32."""
    place = torch.arange(positions, device=device)
    distance = (place[:, None] - place).abs().float()
    return -torch.tensor(slopes(heads), device=device)[None, :, None, None] * distance


class Embeddings(nn.Module):
    """Token numbers, (n, positions), to states, (n, positions, width)."""

    def __init__(self, config: Config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        states = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0]
        return self.dropout(self.LayerNorm(states))


class SelfAttention(nn.Module):
    """States to states, (n, positions, width), weighted by attention."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.Wqkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        parts = self.Wqkv(states).chunk(3, dim=-1)
        dropout = self.config.attention_probs_dropout_prob if self.training else 0.0
        heads = (split_heads(part, self.config.num_attention_heads) for part in parts)
        return join_heads(attended(*heads, bias, attention_implementation(self.config), dropout=dropout))


class AttentionOutput(nn.Module):
    """What attention gives is added to what it was given, then normalized."""

    def __init__(self, config: Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, states: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(self.dropout(self.dense(states)) + before)


class Attention(nn.Module):
    """One block of attention."""

    def __init__(self, config: Config):
        super().__init__()
        self.self = SelfAttention(config)
        self.output = AttentionOutput(config)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return self.output(self.self(states, bias), states)


class GatedFeedForward(nn.Module):
    """The feed-forward network: the first half of the inner states, through GELU, is a gate for the second."""

    def __init__(self, config: Config):
        super().__init__()
        self.gated_layers = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.wo = nn.Linear(config.intermediate_size, config.hidden_size)
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        gate, inner = self.gated_layers(states).chunk(2, dim=-1)
        return self.layernorm(self.wo(self.dropout(functional.gelu(gate) * inner)) + states)


class Layer(GradientCheckpointingLayer):
    """One layer."""

    def __init__(self, config: Config):
        super().__init__()
        self.attention = Attention(config)
        self.mlp = GatedFeedForward(config)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return self.mlp(self.attention(states, bias))


class Encoder(nn.Module):
    """All layers."""

    def __init__(self, config: Config):
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        for layer in self.layer:
            states = layer(states, bias)
        return states


class Pretrained(PreTrainedModel):
    """What transformers has to know of all classes below."""

    config_class = Config
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    _no_split_modules = ("Layer",)
    _supports_sdpa = True


class Model(Pretrained):
    """The network without a head."""

    def __init__(self, config: Config, add_pooling_layer: bool = True):
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.pooler = Pooler(config) if add_pooling_layer else None
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embeddings.word_embeddings = value

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> BaseModelOutput:
        """Return the last hidden states, (n, positions, width); those of padding mean nothing."""
        states = self.embeddings(input_ids)
        bias = alibi(self.config.num_attention_heads, states.shape[1], states.device).to(states.dtype)
        states = self.encoder(states, bias + padding_bias(attention_mask, states))
        return BaseModelOutput(last_hidden_state=states)


class Predictions(nn.Module):
    """The prediction of masked tokens: (n, positions, tokens)."""

    def __init__(self, config: Config):
        super().__init__()
        self.transform = PredictionTransform(config, eps=1e-12)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.transform(states))


class PretrainingHead(nn.Module):
    """The head of pretraining."""

    def __init__(self, config: Config):
        super().__init__()
        self.predictions = Predictions(config)


class ForPretraining(Pretrained):
    """The network that predicts masked tokens."""

    _tied_weights_keys = {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}

    def __init__(self, config: Config):
        super().__init__(config)
        self.bert = Model(config, add_pooling_layer=False)
        self.cls = PretrainingHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        return self.cls.predictions.decoder

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.cls.predictions.decoder = value

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> MaskedLMOutput:
        """Return the logits of each token at each position, (n, positions, tokens)."""
        states = self.bert(input_ids, attention_mask).last_hidden_state
        return MaskedLMOutput(logits=self.cls.predictions(states))


class ForSequenceClassification(Pretrained):
    """The network with one number a label."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bert = Model(config)
        dropout = config.classifier_dropout
        self.dropout = nn.Dropout(config.hidden_dropout_prob if dropout is None else dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_
    ) -> SequenceClassifierOutput:
        """Return the logits, (n, labels)."""
        states = self.bert(input_ids, attention_mask).last_hidden_state
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(self.bert.pooler(states))))
