"""The motifs of JASPAR that come with the tools (data/README.md says where they are from)."""

import json
from pathlib import Path

from ..words import MOTIF_GROUPS
from .motif import Motif
from .reading import read_motifs

DATA = Path(__file__).parent / "data"
# What the database is called, with its release and collection, for reports and the records of adapters.
DATABASE: str = json.loads((DATA / "database.json").read_text(encoding="utf-8"))["database"]


def jaspar_motifs(group: str) -> list[Motif]:
    """Return the motifs of a group of organisms, the latest version of each, in the order of their ids.

    group: one of words.MOTIF_GROUPS.
    Raises ValueError for any other.
    """
    if group not in MOTIF_GROUPS:
        raise ValueError(f"{group!r} is none of {MOTIF_GROUPS}")
    return read_motifs(DATA / f"{group}.jaspar.gz", f"the {group} of {DATABASE}")
