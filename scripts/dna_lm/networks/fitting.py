"""Whether a model's tensors are those of a network: the same names and the same shapes, no more and no fewer."""

import re
from collections.abc import Mapping, Sequence

import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedModel

from ..errors import UserError
from .registry import Network, Plain

Shapes = Mapping[str, tuple[int, ...]]
# Networks, tensors that they do not use, regular expressions of what may be missing, and of what has a row a label.
_Parts = tuple[Sequence[PreTrainedModel], Shapes, str, re.Pattern[str]]
_HEAD = re.compile(r"(score|classifier)\.(weight|bias)")


def check_tensors(network: Network | Plain, config: PreTrainedConfig, found: Shapes, source: str) -> None:
    """Raise UserError unless the tensors of a model are exactly those of the network.

    config: the network's settings. found: the shapes of the model's tensors by name. source: what to call the model.
    The network's OPTIONAL, a regular expression, tells the names that may be missing: heads, and what is not used.
    FIXED has settings that may have one value only, HEAD the names of tensors with a row for each label, and
    unused_tensors the shapes of those that published files have beside the network's own.
    """
    if isinstance(network, Network):
        _check_fixed(network, config, source)
    try:
        layers = getattr(config, "num_hidden_layers", 0)
        if layers > len(found):  # each has one tensor at least; found out before they are made
            raise _misfit(network, source, f"{layers:,} layers are described, and there are {len(found):,} tensors")
        with torch.device("meta"):
            made = _plain_parts(network, config) if isinstance(network, Plain) else _parts(network, config)
    except UserError:
        raise
    except Exception as problem:  # whatever foreign settings make Python and PyTorch raise
        reason = " ".join(str(problem).split())
        raise UserError(f"{source}: its config.json describes no network that could be made ({reason})") from None
    networks, expected, optional, head = made
    for one in networks:
        expected = expected | {name: tuple(tensor.shape) for name, tensor in one.state_dict().items()}
    prefix = f"{networks[0].base_model_prefix}."
    if not any(name.startswith(prefix) for name in found):  # saved without a head
        found = {prefix + name: shape for name, shape in found.items()}
    tied = {name for one in networks for name in one.all_tied_weights_keys}
    for name, shape in expected.items():
        if name not in found:
            if not re.fullmatch(optional, name) and name not in tied:
                raise _misfit(network, source, f"the tensor {name!r} is missing")
        elif found[name] != shape and not (head.fullmatch(name) and found[name][1:] == shape[1:]):
            raise _misfit(network, source, f"the tensor {name!r} has the shape {found[name]} instead of {shape}")
    if surplus := sorted(set(found) - set(expected)):
        raise _misfit(network, source, f"it has no place for the tensor {surplus[0]!r}")


def _check_fixed(network: Network, config: PreTrainedConfig, source: str) -> None:
    """Raise UserError when a setting has another value than the only one that the network has."""
    for name, value in getattr(network.module(), "FIXED", {}).items():
        if (given := getattr(config, name, None if name in dict(network.settings) else value)) != value:
            raise UserError(
                f"{source}: its config.json names the network of {network.title}, but with {name} {given!r}, which is "
                f"another network ({value!r} is supported); choose an unchanged copy of the model"
            )


def _parts(network: Network, config: PreTrainedConfig) -> _Parts:
    module = network.module()
    networks = module.ForPretraining(config), module.ForSequenceClassification(config)
    return networks, module.unused_tensors(config), module.OPTIONAL, module.HEAD


def _plain_parts(plain: Plain, config: PreTrainedConfig) -> _Parts:
    networks = (
        getattr(transformers, plain.pretrained).from_config(config),
        transformers.AutoModelForSequenceClassification.from_config(config),
    )
    unused = {"bert.embeddings.position_ids": (1, config.max_position_embeddings)}
    return networks, unused if plain.model_type == "bert" else {}, plain.optional, _HEAD


def _misfit(network: Network | Plain, source: str, reason: str) -> UserError:
    return UserError(
        f"{source}: its config.json names the network of {network.title}, but its weights are not those of that "
        f"network ({reason}); choose an unchanged copy of the model"
    )
