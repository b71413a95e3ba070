"""What reports, tables and model cards say of an adapter's classifiers that read nucleotides."""

from collections.abc import Iterator
from typing import Any

from ..adapters.dataset import Adapter
from ..branch.names import CONVOLUTION, LANGUAGE_MODEL, MOTIFS, TITLES, TOGETHER
from ..data.decision import Decision
from ..data.targets import Target
from ..errors import UserError
from ..reports.markdown import escape
from ..scores.registry import EVERY_EPOCH, SHOWN
from ..scores.registry import TITLES as SCORE_TITLES
from ..training.combination_section import combination_section, combination_table
from .values import mapping, shortened

# The file of a branch's tensors in an archive of PEFT's form, which PEFT does not read.
BRANCH_WEIGHTS = "branch.safetensors"


def weights(adapter: Adapter) -> dict[str, float]:
    """Return what the outputs of the language model and of each part are multiplied by; empty without a branch."""
    record = mapping(adapter.task.get("branch"))
    found = mapping(record.get("weights")) | {LANGUAGE_MODEL: record.get(LANGUAGE_MODEL)}
    return {name: found[name] for name in TITLES if type(found.get(name)) is float}


def parts(adapter: Adapter) -> str:
    """Return the classifiers that read nucleotides, as a list in words; empty if there are none."""
    return ", ".join(TITLES[name] for name in weights(adapter) if name != LANGUAGE_MODEL)


def on_dev(adapter: Adapter) -> dict[str, dict[str, float]]:
    """Return the scores on the development set, by what was scored, as weights has it, and TOGETHER; by score."""
    counts, rows = weights(adapter), adapter.training.get("on_dev")
    if not counts:
        return {}
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    known = EVERY_EPOCH[adapter.target.kind]
    return {
        name: {score: float(row[score]) for score in known if type(row.get(score)) in (int, float)}
        for name in (*counts, TOGETHER)
        for row in rows
        if row.get("model") == name
    }


def parts_section(adapter: Adapter) -> list[str]:
    """Return the blocks on what is added up in an adapter with a branch."""
    known = f"The known motifs: {escape(motifs(adapter))}." if motifs(adapter) else ""
    return [*combination_section(*_combination(adapter)), known]


def motifs_section(adapter: Adapter) -> list[str]:
    """Return the blocks on the motifs that favor each label; none for a branch that could not be applied either."""
    from ..training.motif_section import motif_section  # torch and transformers, which other adapters do without

    try:
        return motif_section(adapter)
    except UserError:
        return []


def parts_table(adapter: Adapter) -> list[str]:
    """Return the blocks of the table in that section, for places without the section."""
    return [
        "Weights of the outputs in the sum, and scores on the development set:",
        combination_table(*_combination(adapter)),
    ]


def _combination(adapter: Adapter) -> tuple[list[dict[str, Any]], Target, dict[str, Any]]:
    """Return what combination_section needs, made of what the record has of it."""
    counts, scores = weights(adapter), on_dev(adapter)
    nothing = dict.fromkeys(("loss", *SHOWN[adapter.target.kind]))
    rows: list[dict[str, Any]] = [
        {"model": name, "weight": weight} | nothing | scores.get(name, {}) for name, weight in counts.items()
    ]
    if TOGETHER in scores:
        rows.append({"model": TOGETHER} | nothing | scores[TOGETHER])
    return rows, adapter.target, {MOTIFS: {"motifs": _named_motifs(adapter)}}


def _named_motifs(adapter: Adapter) -> list[Any]:
    named = mapping(mapping(adapter.task.get("branch")).get(MOTIFS)).get("motifs")
    return named if isinstance(named, list) else []


def motifs(adapter: Adapter) -> str:
    """Return how many known motifs there are and where they are from, not escaped; empty if there are none."""
    named = _named_motifs(adapter)
    source = mapping(mapping(adapter.task.get("branch")).get(MOTIFS)).get("source", "an unknown source")
    return f"{len(named):,} of {shortened(source)}" if named else ""


def left_out(adapter: Adapter, *, merged: bool) -> str:
    """Return what an export or a merge leaves out, in sentences, not escaped; empty without a branch.

    adapter: all of it.
    """
    if not adapter.branch:
        return ""
    form, alone = ("A merged model", "it") if merged else ("PEFT's format", "what PEFT loads")
    sentences = [
        f"{form} cannot contain the classifiers that read nucleotides ({parts(adapter)}): {alone} is the language "
        "model alone, and its predictions differ from those of the adapter in Galaxy.",
        *_with_and_without(adapter),
    ]
    if adapter.decision != Decision():
        sentences.append(
            "The calibration was made for all of them together and is not used in the code of the model card."
        )
    if not merged:
        sentences.append(
            f"{BRANCH_WEIGHTS} in the archive contains these classifiers: PEFT ignores it, and importing the archive "
            "into Galaxy restores the adapter with them."
        )
    return " ".join(sentences)


def branch_facts(adapter: Adapter) -> Iterator[tuple[str, Any]]:
    """Give names and values for the table of what an adapter is; none without a branch."""
    for name, weight in weights(adapter).items():
        yield f"weight of {TITLES[name]}", weight
    if text := motifs(adapter):
        yield TITLES[MOTIFS], text
    record = mapping(adapter.task.get("branch"))
    for name, words in (("kmer_lengths", "lengths of counted k-mers"), (CONVOLUTION, "convolution: layers")):
        if name in record:
            yield words, record[name]
    for name, scores in on_dev(adapter).items():
        for score, value in scores.items():
            yield f"{score} on the development set, {TITLES[name]}", f"{value:.4g}"


def _with_and_without(adapter: Adapter) -> list[str]:
    """Return a sentence on the scores of the language model alone and of all together, if both are recorded."""
    scores = on_dev(adapter)
    alone, together = scores.get(LANGUAGE_MODEL, {}), scores.get(TOGETHER, {})
    both = [name for name in ("loss", *SHOWN[adapter.target.kind][:1]) if name in alone and name in together]
    if not both:
        return []
    who = "the language models of the ensemble have" if adapter.members > 1 else "the language model alone has"
    found = [" and ".join(f"{SCORE_TITLES[name]} {values[name]:.3f}" for name in both) for values in (alone, together)]
    return [f"On the development set, {who} {found[0]}; with them: {found[1]}."]
