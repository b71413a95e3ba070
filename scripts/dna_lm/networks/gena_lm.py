"""GENA-LM's BERTs: each layer normalizes what it reads (pre-LN), and some models normalize the last states as well.

Fishman et al. 2025, doi:10.1093/nar/gkae1310; pre-LN: Xiong et al. 2020, arXiv:2002.04745. Names of modules are those
of the tensors in published files. Their config.json calls the architecture `bert`, which in transformers is post-LN.
"""

import re

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput, SequenceClassifierOutput

from .attention import padding_bias
from .bert_parts import Pooler, PredictionTransform, SelfAttention

# Tensors that a model may lack: they are of heads, or numbers of positions, which follow from the settings.
OPTIONAL = r"cls\..*|classifier\..*|bert\.pooler\..*|bert\.embeddings\.position_ids"
# Tensors with a row for each label.
HEAD = re.compile(r"classifier\.(weight|bias)")
# Settings of the published config.json that have one value: another one describes another network.
FIXED = {"hidden_act": "gelu", "position_embedding_type": "absolute", "pre_layer_norm": True}


class Config(PreTrainedConfig):
    """Settings.

    last_layer_norm: whether the states after the last layer are normalized; so it is where config.json does not say.
    """

    model_type = "gena_lm"

    vocab_size: int = 32000
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    classifier_dropout: float | None = None
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02
    last_layer_norm: bool = True
    tie_word_embeddings: bool = True


def unused_tensors(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the shapes, by name, of tensors that published files have and the network does not use."""
    return {
        "bert.embeddings.position_ids": (1, config.max_position_embeddings),
        "cls.seq_relationship.weight": (2, config.hidden_size),
        "cls.seq_relationship.bias": (2,),
    }


class Embeddings(nn.Module):
    """Token numbers, (n, positions), to states, (n, positions, width)."""

    def __init__(self, config: Config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        states = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0]
        return self.dropout(self.LayerNorm(states + self.position_embeddings(positions)))


class Output(nn.Module):
    """The last layer of a block."""

    def __init__(self, config: Config, width: int):
        """width: of the states that it reads."""
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.dense(states))


class Attention(nn.Module):
    """One block of attention."""

    def __init__(self, config: Config):
        super().__init__()
        self.self = SelfAttention(config)
        self.output = Output(config, config.hidden_size)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return self.output(self.self(states, bias))


class Intermediate(nn.Module):
    """The first half of the feed-forward network."""

    def __init__(self, config: Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return functional.gelu(self.dense(states))


class Layer(GradientCheckpointingLayer):
    """One layer: what its blocks give is added to what it was given, which is not normalized."""

    def __init__(self, config: Config):
        super().__init__()
        self.pre_attention_ln = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = Attention(config)
        self.post_attention_ln = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.intermediate = Intermediate(config)
        self.output = Output(config, config.intermediate_size)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        states = states + self.attention(self.pre_attention_ln(states), bias)
        return states + self.output(self.intermediate(self.post_attention_ln(states)))


class Encoder(nn.Module):
    """All layers."""

    def __init__(self, config: Config):
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.last_layer_ln = None
        if config.last_layer_norm:
            self.last_layer_ln = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        for layer in self.layer:
            states = layer(states, bias)
        return self.last_layer_ln(states) if self.last_layer_ln else states


class Pretrained(PreTrainedModel):
    """What transformers has to know of all classes below."""

    config_class = Config
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    _no_split_modules = ("Layer",)
    _supports_sdpa = True
    _keys_to_ignore_on_load_unexpected = (r"position_ids", r"cls\.seq_relationship\..*")


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
        return BaseModelOutput(last_hidden_state=self.encoder(states, padding_bias(attention_mask, states)))


class Predictions(nn.Module):
    """The prediction of masked tokens: (n, positions, tokens)."""

    def __init__(self, config: Config):
        super().__init__()
        self.transform = PredictionTransform(config, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))  # published twice, as the decoder's too

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.transform(states))


class PretrainingHead(nn.Module):
    """The head of pretraining."""

    def __init__(self, config: Config):
        super().__init__()
        self.predictions = Predictions(config)


class ForPretraining(Pretrained):
    """The network that predicts masked tokens."""

    _tied_weights_keys = {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }

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
