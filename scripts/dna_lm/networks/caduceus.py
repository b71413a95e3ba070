"""Caduceus-Ph and Caduceus-PS: Mamba in both directions, and in PS the same answer for both strands.

Schiff et al. 2024, arXiv:2403.03234. Names of modules are those of the tensors in published files, which is why they
are what they are. Unlike in its authors' code, padding is not read: the other direction begins at the last token of
each sequence.

Of a sequence, PS computes two streams of states: of the strand given and of its reverse complement, each in its own
direction. States of the other strand that are turned, positions and channels, belong to the same place of the strand
given. Ph has the first stream alone.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput, SequenceClassifierOutput

from .causal_convolution import CausalConvolution
from .float32 import applied, in_float32
from .rounding import rounded_up
from .selective_scan import selective_scan

# Tensors that a model may lack: they are of heads.
OPTIONAL = r"lm_head\..*|score\..*"
# Tensors with a row for each label.
HEAD = re.compile(r"score\.weight")

# Settings that may have one value only: others make another network. MIXER_FIXED: of ssm_cfg.
FIXED = {
    "bidirectional": True,
    "bidirectional_strategy": "add",
    "bidirectional_weight_tie": True,
    "rms_norm": True,
    "tie_word_embeddings": True,
}
MIXER_FIXED = {"bias": False, "conv_bias": True}
# Mamba's own defaults.
MIXER = {"d_state": 16, "d_conv": 4, "expand": 2, "dt_rank": "auto", "dt_scale": 1.0}
STEPS = {"dt_min": 0.001, "dt_max": 0.1, "dt_init_floor": 1e-4}

# Turns the positions of states, (n, positions, channels), those of padding left where they are.
Turn = Callable[[torch.Tensor], torch.Tensor]


class Config(PreTrainedConfig):
    """Settings. ssm_cfg: those of the mixers, where they are not Mamba's defaults."""

    model_type = "caduceus"
    attribute_map = {"num_hidden_layers": "n_layer"}

    vocab_size: int = 12
    d_model: int = 256
    n_layer: int = 4
    ssm_cfg: dict[str, Any] | None = None
    norm_epsilon: float = 1e-5
    pad_vocab_size_multiple: int = 8
    rcps: bool = False
    complement_map: dict[Any, int] | None = None
    bidirectional: bool = True
    bidirectional_strategy: str = "add"
    bidirectional_weight_tie: bool = True
    rms_norm: bool = True
    fused_add_norm: bool = True
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any):
        super().__post_init__(**kwargs)
        given = {f"ssm_cfg.{name}": (self.mixer.get(name, value), value) for name, value in MIXER_FIXED.items()}
        if self.rcps:  # without fused_add_norm, the halves of the states would not change places
            given["fused_add_norm"] = self.fused_add_norm, True
        for name, (value, supported) in given.items():
            if value != supported:
                raise ValueError(f"{name} is {value!r} in its config.json, and {supported!r} alone is supported")
        if self.rcps and not self.complement_map:
            raise ValueError("its config.json has no complement_map, which rcps needs")

    @property
    def hidden_size(self) -> int:
        """Width of the last hidden states."""
        return self.d_model * self.streams

    @property
    def streams(self) -> int:
        return 2 if self.rcps else 1

    @property
    def mixer(self) -> dict[str, Any]:
        """The settings of a mixer, dt_rank as a number."""
        found = MIXER | STEPS | (self.ssm_cfg or {})
        if found["dt_rank"] == "auto":
            found["dt_rank"] = math.ceil(self.d_model / 16)
        return found

    def complements(self) -> list[int]:
        """Return the token that stands on the other strand for each; a token that is not named is its own."""
        named = {int(token): int(other) for token, other in (self.complement_map or {}).items()}
        return [named.get(token, token) for token in range(rounded_up(self.vocab_size, self.pad_vocab_size_multiple))]


def unused_tensors(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the shapes, by name, of tensors that files may have and the network does not use: a head that is tied."""
    return {} if config.rcps else {"lm_head.weight": (len(config.complements()), config.d_model)}


class SymmetricEmbedding(nn.Module):
    """Token numbers, (n, positions), to the states of both streams, (2n, positions, width)."""

    def __init__(self, config: Config):
        super().__init__()
        self.embedding = nn.Embedding(len(config.complements()), config.d_model)
        self.register_buffer("complement_map", torch.tensor(config.complements()))

    def forward(self, input_ids: torch.Tensor, turn: Turn) -> torch.Tensor:
        other = self.complement_map[turn(input_ids.unsqueeze(-1)).squeeze(-1)]
        return self.embedding(torch.cat([input_ids, other]))


class Embeddings(nn.Module):
    """Token numbers, (n, positions), to states, (streams x n, positions, width)."""

    def __init__(self, config: Config):
        super().__init__()
        plain = nn.Embedding(len(config.complements()), config.d_model)
        self.word_embeddings = SymmetricEmbedding(config) if config.rcps else plain

    def forward(self, input_ids: torch.Tensor, turn: Turn) -> torch.Tensor:
        if isinstance(self.word_embeddings, SymmetricEmbedding):
            return self.word_embeddings(input_ids, turn)
        return self.word_embeddings(input_ids)


class RMSNorm(nn.Module):
    """Root mean square norm; its input is float32."""

    def __init__(self, config: Config):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.d_model))
        self.epsilon = config.norm_epsilon

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(states, self.weight.shape, self.weight.float(), self.epsilon).to(self.weight.dtype)


class Direction(nn.Module):
    """What a mixer does in one direction: (n, positions, inner width) float32, between its projections.

    projections: whether it holds them, which both directions use.
    """

    def __init__(self, config: Config, projections: bool):
        super().__init__()
        mixer = config.mixer
        inner, self.states, self.rank = mixer["expand"] * config.d_model, mixer["d_state"], mixer["dt_rank"]
        if projections:
            self.in_proj = nn.Linear(config.d_model, 2 * inner, bias=False)
            self.out_proj = nn.Linear(inner, config.d_model, bias=False)
        self.conv1d = CausalConvolution(inner, mixer["d_conv"])
        self.x_proj = nn.Linear(inner, self.rank + 2 * self.states, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.A_log = nn.Parameter(torch.empty(inner, self.states))
        self.D = nn.Parameter(torch.empty(inner))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = functional.silu(self.conv1d(values))
        low, entry, exit = applied(self.x_proj, values).split([self.rank, self.states, self.states], dim=-1)
        steps = functional.softplus(applied(self.dt_proj, low))
        return selective_scan(values, steps, -self.A_log.float().exp(), entry, exit) + values * self.D.float()


class Mixer(nn.Module):
    """States to states, (n, positions, width): what Mamba makes of them in both directions, added up."""

    def __init__(self, config: Config):
        super().__init__()
        self.mamba_fwd = Direction(config, projections=True)
        self.mamba_rev = Direction(config, projections=False)

    def forward(self, states: torch.Tensor, turn: Turn) -> torch.Tensor:
        # The projections are of each position, so that both directions need them once.
        joint = self.mamba_fwd.in_proj(states)
        with in_float32(joint):
            values, gate = joint.float().chunk(2, dim=-1)
            mixed = self.mamba_fwd(values) + turn(self.mamba_rev(turn(values)))
            mixed = mixed * functional.silu(gate)
        return self.mamba_fwd.out_proj(mixed.to(joint.dtype))


class SymmetricMixer(nn.Module):
    """One mixer for both streams."""

    def __init__(self, config: Config):
        super().__init__()
        self.submodule = Mixer(config)

    def forward(self, states: torch.Tensor, turn: Turn) -> torch.Tensor:
        return self.submodule(states, turn)


class Layer(GradientCheckpointingLayer):
    """What the layers before have made, and its sum with all before them, to the same after one layer."""

    def __init__(self, config: Config):
        super().__init__()
        self.mixer = SymmetricMixer(config) if config.rcps else Mixer(config)
        self.norm = RMSNorm(config)
        self.crosses = config.rcps

    def forward(
        self, states: torch.Tensor, residual: torch.Tensor | None, turn: Turn
    ) -> tuple[torch.Tensor, torch.Tensor]:
        residual = states.float() if residual is None else residual + states
        if self.crosses:
            # Each stream goes on as the other one, so it was trained: their halves change places in each layer.
            residual = turn(torch.cat(residual.chunk(2)[::-1])).flip(-1)
        return self.mixer(self.norm(residual), turn), residual


class Backbone(nn.Module):
    """Embeddings and all layers: (streams x n, positions, width)."""

    def __init__(self, config: Config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.n_layer))
        self.norm_f = RMSNorm(config)

    def forward(self, input_ids: torch.Tensor, turn: Turn) -> torch.Tensor:
        states, residual = self.embeddings(input_ids, turn), None
        for layer in self.layers:
            states, residual = layer(states, residual, turn)
        return self.norm_f(states.float() if residual is None else residual + states)


class Pretrained(PreTrainedModel):
    """What transformers has to know of all classes below, and how weights are drawn.

    As Mamba's are: Gu and Dao 2023, arXiv:2312.00752, section 3.6, and their code's defaults.
    """

    config_class = Config
    base_model_prefix = "caduceus"
    supports_gradient_checkpointing = True
    _no_split_modules = ("Layer",)
    _keep_in_fp32_modules_strict = ("conv1d", "x_proj", "dt_proj", "A_log", r"\.D$")

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, SymmetricEmbedding | SymmetricHead):
            init.copy_(module.complement_map, torch.tensor(self.config.complements()))
        if not isinstance(module, Direction):
            return
        mixer = self.config.mixer
        inner, states = module.A_log.shape
        for linear in (module.x_proj, *((module.in_proj, module.out_proj) if hasattr(module, "in_proj") else ())):
            init.kaiming_uniform_(linear.weight, a=math.sqrt(5))
        if hasattr(module, "out_proj"):
            init.uniform_(module.out_proj.weight, *_around_zero(1 / math.sqrt(inner * max(1, self.config.n_layer))))
        init.uniform_(module.conv1d.weight, *_around_zero(module.conv1d.weight.shape[-1] ** -0.5))
        init.uniform_(module.conv1d.bias, *_around_zero(module.conv1d.weight.shape[-1] ** -0.5))
        init.copy_(module.A_log, torch.arange(1.0, states + 1).log().expand(inner, -1))
        init.ones_(module.D)
        init.uniform_(module.dt_proj.weight, *_around_zero(mixer["dt_scale"] * module.rank**-0.5))
        low, high = math.log(mixer["dt_min"]), math.log(mixer["dt_max"])
        steps = torch.empty(inner).uniform_(low, high).exp().clamp(min=mixer["dt_init_floor"])
        init.copy_(module.dt_proj.bias, steps.expm1().log())  # softplus gives the steps


def _around_zero(bound: float) -> tuple[float, float]:
    return -bound, bound


class Model(Pretrained):
    """The network without a head."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.backbone = Backbone(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        embeddings = self.backbone.embeddings.word_embeddings
        return embeddings.embedding if self.config.rcps else embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        if self.config.rcps:
            self.backbone.embeddings.word_embeddings.embedding = value
        else:
            self.backbone.embeddings.word_embeddings = value

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> BaseModelOutput:
        """Return the last hidden states, (n, positions, streams x d_model); those of padding mean nothing.

        attention_mask: padding, if any, is on the right.
        """
        turn = _turn(input_ids, attention_mask)
        states = self.backbone(input_ids, turn)
        if self.config.rcps:
            given, other = states.chunk(2)
            states = torch.cat([given, turn(other).flip(-1)], dim=-1)
        return BaseModelOutput(last_hidden_state=states)


def _turn(input_ids: torch.Tensor, mask: torch.Tensor | None) -> Turn:
    """Return what turns the positions of each sequence; of two streams, of both."""
    if mask is None or bool(mask.all()):
        return lambda states: states.flip(1)
    count, positions = input_ids.shape
    place = torch.arange(positions, device=mask.device)
    turned = mask.sum(dim=1, keepdim=True) - 1 - place
    rows = torch.where(turned < 0, place, turned) + positions * torch.arange(count, device=mask.device)[:, None]

    def turn(states: torch.Tensor) -> torch.Tensor:
        parts = states.split(count)
        return torch.cat([part.flatten(0, 1)[rows.flatten()].unflatten(0, (count, positions)) for part in parts])

    return turn


class SymmetricHead(nn.Module):
    """The prediction of masked tokens from both streams, with the weights of the embeddings: (n, positions, tokens)."""

    def __init__(self, config: Config):
        super().__init__()
        self.register_buffer("complement_map", torch.tensor(config.complements()))

    def forward(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        given, other = states.chunk(2, dim=-1)
        return given @ weight.T + other.flip(-1) @ weight[self.complement_map].T


class Head(nn.Module):
    """The prediction of masked tokens, with the weights of the embeddings: (n, positions, tokens)."""

    def forward(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return states @ weight.T


class ForPretraining(Pretrained):
    """The network that predicts masked tokens."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.caduceus = Model(config)
        self.lm_head = SymmetricHead(config) if config.rcps else Head()
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_) -> MaskedLMOutput:
        """Return the logits of each token at each position, (n, positions, tokens)."""
        states = self.caduceus(input_ids, attention_mask).last_hidden_state
        return MaskedLMOutput(logits=self.lm_head(states, self.caduceus.get_input_embeddings().weight))


class ForSequenceClassification(Pretrained):
    """The network with one number a label, from the mean of the states over positions and, in PS, strands."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.caduceus = Model(config)
        self.score = nn.Linear(config.d_model, config.num_labels, bias=False)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **_
    ) -> SequenceClassifierOutput:
        """Return the logits, (n, labels)."""
        states = self.caduceus(input_ids, attention_mask).last_hidden_state
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        weights = (mask / mask.sum(dim=1, keepdim=True)).unsqueeze(-1)
        pooled = (weights * states.float()).sum(dim=1)
        if self.config.rcps:
            given, other = pooled.chunk(2, dim=-1)
            pooled = (given + other.flip(-1)) / 2
        return SequenceClassifierOutput(logits=self.score(pooled.to(states.dtype)))
