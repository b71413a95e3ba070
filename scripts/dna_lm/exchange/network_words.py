"""What is said of an exported adapter or model whose network transformers does not have."""

from ..adapters.dataset import Adapter
from ..networks.registry import BY_NAME


def own_network(adapter: Adapter) -> str:
    """Return the sentences that say what loads it; nothing for an architecture of transformers."""
    network = BY_NAME.get(adapter.base_model["architecture"])
    if not network:
        return ""
    return (
        f"transformers does not have the network of {network.title}, and would load something else or nothing. The "
        "code below needs the Python package dna-lm, with which this was made and which has the network; no code of "
        "the model's authors is run, and `trust_remote_code` is not needed."
    )
