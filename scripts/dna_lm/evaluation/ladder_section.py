"""What the report of an evaluation says of the simpler models."""

from ..baselines.names import CONVOLUTION, FROZEN, KMERS, MOTIFS, TITLES, UNTRAINED
from ..reports.markdown import escape, image, link
from .evaluating import Evaluated
from .ladder import (
    ADAPTER_NAME,
    AHEAD,
    ALONE_NAME,
    BEHIND,
    LEVEL,
    UNDEFINED,
    judged_by,
    short_verdict,
    verdict,
    verdict_sentence,
)
from .report_tables import ladder_table

# What verdicts call the model of counts of k-mers.
COUNTING = "counting k-mers"
# What the models are that a table's names do not explain.
EXPLAINED = {
    TITLES[KMERS]: "The model of k-mer counts is a regression on the counts of both strands.",
    TITLES[
        MOTIFS
    ]: "The model of known motifs is a regression on how well each known motif ({source}) fits the sequence.",
    TITLES[CONVOLUTION]: "The convolutional network is small and was not pretrained.",
    TITLES[FROZEN]: "The frozen base model is the same pretrained model, with only the classification head trained.",
    TITLES[UNTRAINED]: "The base model without pretraining has random weights at first and was trained with the "
    "settings of the adapter.",
    ALONE_NAME: "The language model of this adapter is the adapter without its classifiers that read nucleotides.",
}


def verdict_on_kmers(result: Evaluated) -> tuple[str, str]:
    """Return what came of the comparison with k-mers, and a sentence on it; both empty without a ladder."""
    if not result.ladder or TITLES[KMERS] not in result.ladder.rungs:
        return "", ""
    return verdict(result.ladder, TITLES[KMERS], COUNTING)


def ladder_title(result: Evaluated) -> str:
    """Return the verdict on the adapter beside k-mers, without a full stop; nothing where there are no k-mers."""
    outcome, _ = verdict_on_kmers(result)
    if not outcome:
        return ""
    return verdict_sentence(result.ladder, outcome, COUNTING)


def ladder_section(result: Evaluated, outputs: set[str]) -> list[str]:
    """Return the section as blocks of Galaxy's Markdown.

    result: with a ladder. outputs: names of the job's outputs, see report.report_blocks.
    """
    return [
        "## Simpler models",
        _outcomes(result),
        image("ladder_plot") if "ladder_plot" in outputs else "",
        ladder_table(result.ladder, result.adapter.target),
        link("ladder", "All scores of the simpler models (table)") if "ladder" in outputs else "",
        _judged(result),
        "Δ is the score of this adapter minus that of the other model. The p values are from a two-sided paired "
        "bootstrap, adjusted for all comparisons in the full table (Holm); a difference is significant if the adjusted "
        f"p is below 0.05. {_explained(result)}",
    ]


def _explained(result: Evaluated) -> str:
    return " ".join(
        text.format(source=result.motifs) for name, text in EXPLAINED.items() if name in result.ladder.rungs
    )


def _outcomes(result: Evaluated) -> str:
    """Say what came of the comparison with each of the simpler models."""
    found: dict[str, list[str]] = {}
    for name in result.ladder.rungs:
        found.setdefault(verdict(result.ladder, name)[0], []).append(name)
    parts = []
    for outcome in (AHEAD, LEVEL, BEHIND, UNDEFINED):
        if outcome in found:
            *first, last = (f'"{name}"' for name in found[outcome])
            names = f"{', '.join(first)} and {last}" if first else last
            parts.append(short_verdict(outcome, names, len(result.truth)))
    return escape(f"{ADAPTER_NAME.capitalize()} {'; '.join(parts)}.")


def _judged(result: Evaluated) -> str:
    """Say on how much the simpler models were trained, and how all are judged."""
    ladder, target = result.ladder, result.adapter.target
    fewer = [f"{name}: {rung.learned:,} of them" for name, rung in ladder.rungs.items() if rung.learned < ladder.train]
    part = f" ({escape('; '.join(fewer))})" if fewer else ""
    return (
        f"The simpler models were trained on the {ladder.train:,} sequences of the training set{part} and tested on "
        f"the same sequences as the adapter. {judged_by(target, result.adapter.decision.thresholds)}"
    ).rstrip()
