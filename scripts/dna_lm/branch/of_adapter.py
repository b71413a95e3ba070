"""The branch of an adapter."""

from ..adapters.dataset import Adapter, damaged
from .network import Branch
from .record import WrongRecord, loaded


def branch_of(adapter: Adapter) -> Branch | None:
    """Return the branch of an adapter, in evaluation mode, or None if it has none.

    Raises UserError for an adapter that this program has not made.
    """
    if not adapter.branch:
        return None
    try:
        return loaded(adapter.branch, adapter.task["branch"], adapter.target.outputs)
    except WrongRecord:
        raise damaged("the adapter") from None
