"""Which motifs are looked for: those of the database, a user's own, or both."""

from ..data.textfiles import describe
from ..words import NONE
from .jaspar import DATABASE, jaspar_motifs
from .motif import Motif
from .reading import read_motifs

OWN = "own motifs"


def chosen_motifs(group: str, path: str | None) -> tuple[list[Motif], str]:
    """Return the motifs, a user's own first, and where they are from, in words.

    A motif of the database that has the id of one of the user's own is left out.
    group: of organisms, one of words.MOTIF_GROUPS, or `none`. path: of a file of motifs, or None.
    Raises UserError for anything wrong with the file.
    """
    own = read_motifs(path, describe(path, "the motifs")) if path else []
    known = {motif.id for motif in own}
    others = [motif for motif in jaspar_motifs(group) if motif.id not in known] if group != NONE else []
    sources = [OWN] if own else []
    sources += [f"{DATABASE}, {group}"] if others else []
    return [*own, *others], " and ".join(sources)
