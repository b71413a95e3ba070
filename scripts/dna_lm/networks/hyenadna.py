"""HyenaDNA: long convolutions, whose filters are computed from positions, instead of attention.

Nguyen et al. 2023, arXiv:2306.15794; Poli et al. 2023, arXiv:2302.10866. Names of modules are those of the tensors in
published files, which is why they are what they are. It looks back only, so that padding on the right is not read.
"""

import math
import re
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, SequenceClassifierOutput

from ..compat import written
from .causal_convolution import CausalConvolution
from .float32 import in_float32
from .rounding import rounded_up

# Tensors that a model may lack: they are of heads.
OPTIONAL = r"lm_head\..*|score\..*"
# Tensors with a row for each label.
HEAD = re.compile(r"score\.weight")

# Settings that may have one value only: others make another network.
FIXED = {"hyena_order": 2, "use_bias": True, "tie_word_embeddings": False}
# A filter falls to this at its end in the first and in the last channel, and never below the share that is added.
_TARGET, _FAST, _SLOW, _SHIFT = 0.01, 0.3, 1.5, 0.05


class Config(PreTrainedConfig):
    """Settings. max_seq_len: tokens that filters are as long as, and that sequences can have at most."""

    model_type = "hyenadna"
    attribute_map = {"hidden_size": "d_model", "num_hidden_layers": "n_layer", "intermediate_size": "d_inner"}

    vocab_size: int = 12
    pad_vocab_size_multiple: int = 8
    d_model: int = 128
    n_layer: int = 2
    d_inner: int | None = None
    max_seq_len: int = 1026
    hyena_order: int = 2
    use_bias: bool = True
    short_filter_order: int = 3
    filter_order: int = 64
    emb_dim: int = 5
    num_inner_mlps: int = 2
    activation_freq: float = 10.0
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any):
        super().__post_init__(**kwargs)
        if self.emb_dim % 2 == 0 or self.emb_dim < 3:
            raise ValueError(f"config.json sets emb_dim to {self.emb_dim}, which is no odd number from 3")

    @property
    def inner(self) -> int:
        """Width between the linear layers of a feed-forward network."""
        return self.d_inner or 4 * self.d_model

    @property
    def rows(self) -> int:
        """How many embeddings there are."""
        return rounded_up(self.vocab_size, self.pad_vocab_size_multiple)


def unused_tensors(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the shapes, by name, of tensors that published files have and the network does not use: none."""
    return {}


class Affine(nn.Module):
    """A linear layer of a filter, always in float32: not nn.Linear, so that nothing shortens or quantizes it."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return functional.linear(states, self.weight.float(), None if self.bias is None else self.bias.float())


class Sine(nn.Module):
    """The sine of what is multiplied by a frequency for each channel; one is between all layers of a filter."""

    def __init__(self, config: Config):
        super().__init__()
        self.freq = nn.Parameter(torch.empty(1, config.filter_order))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.freq.float() * states)


class ImplicitFilter(nn.Module):
    """Places, (1, positions, emb_dim), to filters, (1, positions, channels), before they are made to fall."""

    def __init__(self, config: Config):
        super().__init__()
        self.linear = ["0", *(str(2 * number + 2) for number in range(config.num_inner_mlps + 1))]
        widths = [config.emb_dim, *[config.filter_order] * (config.num_inner_mlps + 1), config.d_model]
        for number, name in enumerate(self.linear):
            self.add_module(name, Affine(*widths[number : number + 2], bias=name != self.linear[-1]))
            if number == 0:
                self.add_module("1", Sine(config))

    def forward(self, places: torch.Tensor) -> torch.Tensor:
        sine = self.get_submodule("1")
        *first, last = map(self.get_submodule, self.linear)
        for linear in first:
            places = sine(linear(places))
        return last(places)


class Places(nn.Module):
    """What filters are computed from: the time of each position, from 0 to 1, and waves of it."""

    def __init__(self, config: Config):
        super().__init__()
        self.z = nn.Parameter(torch.empty(1, config.max_seq_len, config.emb_dim))
        self.register_buffer("t", _times(config))


class Modulation(nn.Module):
    """How fast filters fall."""

    def __init__(self, config: Config):
        super().__init__()
        self.register_buffer("deltas", _deltas(config))


def _times(config: Config) -> torch.Tensor:
    return torch.linspace(0, 1, config.max_seq_len)[None, :, None]


def _waves(config: Config) -> torch.Tensor:
    """Return z as it is before training, (1, positions, emb_dim)."""
    bands = (config.emb_dim - 1) // 2
    angles = 2 * math.pi * torch.arange(config.max_seq_len)[:, None] / config.max_seq_len
    angles = angles * torch.linspace(1e-4, bands - 1, bands)
    return torch.cat([_times(config)[0], angles.cos(), -angles.sin()], dim=-1)[None]


def _deltas(config: Config) -> torch.Tensor:
    return torch.linspace(math.log(_TARGET) / _SLOW, math.log(_TARGET) / _FAST, config.d_model)[None, None]


class Filter(nn.Module):
    """The long filter of each channel, and the convolution with it."""

    def __init__(self, config: Config):
        super().__init__()
        self.bias = nn.Parameter(torch.empty(config.d_model))
        self.pos_emb = Places(config)
        self.implicit_filter = ImplicitFilter(config)
        self.modulation = Modulation(config)
        # Spectra of filters that are not trained, by the length of the transform, and of which tensors they are.
        self._spectra: dict[int, torch.Tensor] = {}
        self._of: tuple = ()

    def taps(self, count: int) -> torch.Tensor:
        """Return the first taps of the filters, (count, channels) float32."""
        raw = self.implicit_filter(self.pos_emb.z[:, :count].float())
        fall = torch.exp(-self.pos_emb.t[:, :count].float() * self.modulation.deltas.float().abs())
        return (raw * (fall + _SHIFT))[0]

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """values: (n, positions, channels) float32; so is what is returned."""
        positions = values.shape[1]
        size = _transform_size(positions)
        spectrum = torch.fft.rfft(values, n=size, dim=1) * self._spectrum(size)
        return torch.fft.irfft(spectrum, n=size, dim=1)[:, :positions] + values * self.bias.float()

    def _spectrum(self, size: int) -> torch.Tensor:
        """Return the spectrum of the filters, (size // 2 + 1, channels); half of a transform's length is taps."""
        tensors = [*self.implicit_filter.parameters(), *self.pos_emb.parameters(), *self.modulation.buffers()]
        if any(tensor.requires_grad for tensor in tensors):
            return torch.fft.rfft(self.taps(size // 2), n=size, dim=0)
        now = tuple(map(written, tensors))
        if now != self._of:
            self._spectra, self._of = {}, now
        if size not in self._spectra:
            # What inference mode makes could not be used in training later.
            with torch.inference_mode(False), torch.no_grad():
                self._spectra[size] = torch.fft.rfft(self.taps(size // 2), n=size, dim=0)
        return self._spectra[size]


def _transform_size(positions: int) -> int:
    """Return a length of Fourier transforms that is fast, and at least twice the positions: 2^k or 3 x 2^k."""
    size = 1 << max(1, (2 * positions - 1).bit_length())
    return size * 3 // 4 if size * 3 // 4 >= 2 * positions and size % 8 == 0 else size


class Operator(nn.Module):
    """States to states, (n, positions, width): short convolutions, gates, and a long convolution between them."""

    def __init__(self, config: Config):
        super().__init__()
        self.in_proj = nn.Linear(config.d_model, 3 * config.d_model)
        self.short_filter = CausalConvolution(3 * config.d_model, config.short_filter_order)
        self.filter_fn = Filter(config)
        self.out_proj = nn.Linear(config.d_model, config.d_model)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        joint = self.in_proj(states)
        with in_float32(joint):
            after, before, values = self.short_filter(joint.float()).chunk(3, dim=-1)
            mixed = self.filter_fn(values * before) * after
        return self.out_proj(mixed.to(joint.dtype))


class FeedForward(nn.Module):
    """The feed-forward network of a layer."""

    def __init__(self, config: Config):
        super().__init__()
        self.fc1 = nn.Linear(config.d_model, config.inner)
        self.fc2 = nn.Linear(config.inner, config.d_model)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.fc1(states), approximate="tanh"))


class Layer(GradientCheckpointingLayer):
    """One layer."""

    def __init__(self, config: Config):
        super().__init__()
        self.mixer = Operator(config)
        self.norm1 = nn.LayerNorm(config.d_model)
        self.mlp = FeedForward(config)
        self.norm2 = nn.LayerNorm(config.d_model)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        states = states + self.mixer(self.norm1(states))
        return states + self.mlp(self.norm2(states))


class Embeddings(nn.Module):
    """Token numbers, (n, positions), to states, (n, positions, width)."""

    def __init__(self, config: Config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.rows, config.d_model)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.word_embeddings(input_ids)


class Backbone(nn.Module):
    """Embeddings and all layers."""

    def __init__(self, config: Config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        states = self.embeddings(input_ids)
        for layer in self.layers:
            states = layer(states)
        return self.ln_f(states)


class Pretrained(PreTrainedModel):
    """What transformers has to know of all classes below, and how weights are drawn."""

    config_class = Config
    base_model_prefix = "hyena"
    supports_gradient_checkpointing = True
    _no_split_modules = ("Layer",)
    _keep_in_fp32_modules_strict = ("filter_fn", "short_filter")

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Affine | CausalConvolution):
            bound = module.weight[0].numel() ** -0.5  # as PyTorch's layers
            init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                init.uniform_(module.bias, -bound, bound)
        elif isinstance(module, Sine):
            init.constant_(module.freq, self.config.activation_freq)
        elif isinstance(module, Places):
            init.copy_(module.z, _waves(self.config))
            init.copy_(module.t, _times(self.config))
        elif isinstance(module, Modulation):
            init.copy_(module.deltas, _deltas(self.config))
        elif isinstance(module, Filter):
            init.normal_(module.bias)
        elif isinstance(module, Layer):
            # As GPT-2's: what is added to the states, twice in each layer, adds up to the same in deep networks.
            spread = self.config.initializer_range / math.sqrt(2 * self.config.n_layer)
            init.normal_(module.mixer.out_proj.weight, std=spread)
            init.normal_(module.mlp.fc2.weight, std=spread)


class Model(Pretrained):
    """The network without a head."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.backbone = Backbone(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.backbone.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.backbone.embeddings.word_embeddings = value

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> BaseModelOutput:
        """Return the last hidden states, (n, positions, width); those of padding mean nothing.

        attention_mask: not needed, as padding is on the right. Raises ValueError for more than max_seq_len tokens.
        """
        if input_ids.shape[1] > self.config.max_seq_len:
            raise ValueError(f"{input_ids.shape[1]} tokens are more than its filters have: {self.config.max_seq_len}")
        return BaseModelOutput(last_hidden_state=self.backbone(input_ids))


class ForPretraining(Pretrained):
    """The network that predicts the next token."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.hyena = Model(config)
        self.lm_head = nn.Linear(config.d_model, config.rows, bias=False)
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> CausalLMOutput:
        """Return the logits of the token after each position, (n, positions, tokens)."""
        return CausalLMOutput(logits=self.lm_head(self.hyena(input_ids, attention_mask).last_hidden_state))


class ForSequenceClassification(Pretrained):
    """The network with one number a label, from the state of the last token that is no padding."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.hyena = Model(config)
        self.score = nn.Linear(config.d_model, config.num_labels, bias=False)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_
    ) -> SequenceClassifierOutput:
        """Return the logits, (n, labels)."""
        states = self.hyena(input_ids, attention_mask).last_hidden_state
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        last = mask.sum(dim=1) - 1
        return SequenceClassifierOutput(logits=self.score(states[torch.arange(len(states), device=last.device), last]))
