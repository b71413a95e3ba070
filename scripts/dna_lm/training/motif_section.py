"""The part of a report on the motifs that favor each label."""

import re

from ..adapters.dataset import Adapter
from ..branch.motif_effects import MotifEffect, motif_effects, strongest_labels
from ..data.textfiles import shortened
from ..motifs.jaspar import DATABASE
from ..reports.markdown import WebLink, escape, image, pipe_table
from ..words import CLASSES, NUMBER

# Rows of the table: of each label so many, fewer if there are many labels.
MOST_MOTIFS, MOST_ROWS = 10, 40
# Labels whose strongest motif the headline names.
HEADLINE = 4
# Letters of names; those of JASPAR have up to 20, a user's own up to 200.
LONGEST = 40
# The ids of JASPAR CORE.
JASPAR_ID = re.compile(r"MA\d{4}\.\d{1,3}", re.ASCII)
JASPAR_PAGE = "https://jaspar.elixir.no/matrix/"


def motif_section(adapter: Adapter, figure: str | None = None) -> list[str]:
    """Return the blocks: which motifs favor which label; none for an adapter that uses no motifs.

    figure: the output with what motif_figure draws, if there is one.
    Raises UserError for an adapter that this program has not made.
    """
    effects = motif_effects(adapter)
    labels = strongest_labels(effects, MOST_ROWS)
    if not labels:
        return []
    most = max(1, min(MOST_MOTIFS, MOST_ROWS // len(labels)))
    recorded = adapter.task["branch"]["motifs"]
    linked = DATABASE in str(recorded.get("source"))
    rows = [
        (label, shortened(one.motif.name, LONGEST), _id(one, linked), one.text)
        for label in labels
        for one in effects[label][:most]
    ]
    return [
        "## Known motifs that favor each label",
        _headline(effects),
        f"The adapter uses {len(recorded['motifs'])} motifs; these have the largest effects. {_effect(adapter)}",
        image(figure) if figure else "",
        pipe_table(["toward", "motif", "id", "effect"], rows, texts=3),
        "Related motifs, such as those of one family of transcription factors, match the same sites and can stand in "
        "for one another. The effects show what distinguishes the labels of this data set; they do not prove that a "
        "protein binds.",
    ]


def _id(one: MotifEffect, linked: bool) -> str | WebLink:
    if linked and JASPAR_ID.fullmatch(one.motif.id):
        return WebLink(one.motif.id, JASPAR_PAGE + one.motif.id)
    return shortened(one.motif.id, LONGEST)


def _headline(effects: dict[str, list[MotifEffect]]) -> str:
    labels = strongest_labels(effects, HEADLINE)
    named = [f"toward {escape(label)}: {escape(shortened(effects[label][0].motif.name, LONGEST))}" for label in labels]
    return f"**Strongest motif {'; '.join(named)}.**"


def _effect(adapter: Adapter) -> str:
    """Return what an effect is, as a sentence."""
    target = adapter.target
    of = "the log-odds of the label increase"
    if target.kind == NUMBER:
        of = "the predicted number increases or decreases"
    elif target.kind == CLASSES and len(target.labels) > 2:
        of = "the log-odds of the label against the others increase"
    return f"Effect: how much {of} if the motif's score is one standard deviation (of the training set) higher."
