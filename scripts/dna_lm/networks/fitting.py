"""Whether a model's tensors are those of a network: the same names and the same shapes, no more and no fewer."""

import re
from collections.abc import Mapping

import torch
from transformers import PreTrainedConfig

from ..errors import UserError
from .registry import Network

Shapes = Mapping[str, tuple[int, ...]]


def check_tensors(network: Network, config: PreTrainedConfig, found: Shapes, source: str) -> None:
    """Raise UserError unless the tensors of a model are exactly those of the network.

    config: the network's settings. found: the shapes of the model's tensors by name. source: what to call the model.
    The network's OPTIONAL, a regular expression, tells the names that may be missing: heads, and what is not used.
    FIXED has settings that may have one value only, HEAD the names of tensors with a row for each label, and
    unused_tensors the shapes of those that published files have beside the network's own.
    """
    module = network.module()
    for name, value in getattr(module, "FIXED", {}).items():
        if (given := getattr(config, name, None if name in dict(network.settings) else value)) != value:
            raise UserError(
                f"{source}: its config.json names the network of {network.title}, but with {name} {given!r}, which is "
                f"another network ({value!r} is supported); choose an unchanged copy of the model"
            )
    try:
        layers = getattr(config, "num_hidden_layers", 0)
        if layers > len(found):  # each has one tensor at least; found out before they are made
            raise _misfit(network, source, f"{layers:,} layers are described, and there are {len(found):,} tensors")
        with torch.device("meta"):
            networks = module.ForPretraining(config), module.ForSequenceClassification(config)
        expected = module.unused_tensors(config)
    except UserError:
        raise
    except Exception as problem:  # whatever foreign settings make Python and PyTorch raise
        reason = " ".join(str(problem).split())
        raise UserError(f"{source}: its config.json describes no network that could be made ({reason})") from None
    for one in networks:
        expected = expected | {name: tuple(tensor.shape) for name, tensor in one.state_dict().items()}
    prefix = f"{networks[0].base_model_prefix}."
    if not any(name.startswith(prefix) for name in found):  # saved without a head
        found = {prefix + name: shape for name, shape in found.items()}
    optional = re.compile(module.OPTIONAL)
    tied = {name for one in networks for name in one.all_tied_weights_keys}
    for name, shape in expected.items():
        if name not in found:
            if not optional.fullmatch(name) and name not in tied:
                raise _misfit(network, source, f"the tensor {name!r} is missing")
        elif found[name] != shape and not (module.HEAD.fullmatch(name) and found[name][1:] == shape[1:]):
            raise _misfit(network, source, f"the tensor {name!r} has the shape {found[name]} instead of {shape}")
    if surplus := sorted(set(found) - set(expected)):
        raise _misfit(network, source, f"it has no place for the tensor {surplus[0]!r}")


def _misfit(network: Network, source: str, reason: str) -> UserError:
    return UserError(
        f"{source}: its config.json names the network of {network.title}, but its weights are not those of that "
        f"network ({reason}); choose an unchanged copy of the model"
    )
