"""The report of predictions."""

from ..reports.markdown import bullets, image, link, listed, pipe_table, tool_link
from ..reports.number_text import number_text
from ..words import CLASSES, NUMBER
from .familiarity import Familiarity
from .predicted import Predicted
from .window_lengths import length_range

# Rows of the table of labels, the commonest of more.
MOST_LABELS = 50


def prediction_report(predicted: Predicted) -> list[str]:
    """Return the blocks of the report; the job's other outputs are `predictions`, `skipped` and `plot`."""
    target = predicted.adapter.target
    numbers = target.kind == NUMBER
    return [
        "# Predictions of a DNA classifier" if not numbers else "# Predictions of a DNA model",
        _headline(predicted),
        *_copies(predicted.familiarity),
        "" if numbers or not predicted.sequences else _table(predicted),
        image("plot") if predicted.sequences else "",
        link("predictions", "All predictions (table)"),
        "## How far to trust them",
        bullets([*_familiar(predicted.familiarity), _caution(predicted)]),
        *_skipped(predicted),
        "## Next steps",
        "Sequences whose labels you know tell how good the predictions are: "
        f"{tool_link('evaluate')}. Where along a genome such sequences lie: "
        f"{tool_link('scan')}.",
    ]


def _headline(predicted: Predicted) -> str:
    target, count = predicted.adapter.target, f"{predicted.sequences:,} sequences"
    if not predicted.sequences:
        return "**No sequence was predicted.**"
    if target.kind == NUMBER:
        mean = predicted.total / predicted.sequences
        return f"**{count}**: mean {mean:.4g}, from {predicted.low:.4g} to {predicted.high:.4g}."
    order = sorted(range(len(target.labels)), key=lambda label: -predicted.counts[label])
    parts = [f"{predicted.counts[label]:,} {target.labels[label]}" for label in order if predicted.counts[label]]
    if predicted.without:
        parts.append(f"{predicted.without:,} without a label")
    return f"**{count}**: {listed(parts)}."


def _table(predicted: Predicted) -> str:
    order = sorted(range(len(predicted.adapter.labels)), key=lambda label: -predicted.counts[label])
    rows = []
    for label in order[:MOST_LABELS]:
        count = int(predicted.counts[label])
        mean = number_text(predicted.sums[label] / count if count else None)
        rows.append([predicted.adapter.labels[label], f"{count:,}", f"{count / predicted.sequences:.1%}", mean])
    return pipe_table(["predicted label", "sequences", "fraction", "mean probability"], rows)


def _copies(familiarity: Familiarity) -> list[str]:
    found = familiarity.copies
    if not found or not found.seen:
        return []
    verb = "is a copy" if found.seen == 1 else "are copies"
    return [
        f"> **Warning:** {found.text()} {verb} of training sequences, on either strand: the model has seen "
        f"{'it' if found.seen == 1 else 'them'} with the right answer, and its predictions for them show nothing."
    ]


def _familiar(familiarity: Familiarity) -> list[str]:
    """Return a sentence each on copies, length and GC content."""
    if not familiarity.sequences:
        return []
    found, lengths, gc = familiarity.copies, familiarity.lengths, familiarity.gc
    sentences = []
    if found and not found.seen:
        sentences.append("None of the sequences is a copy of a training sequence.")
    if lengths:
        trained = f"{length_range(lengths)} nucleotides"
        sentences.append(_outside("Length", familiarity.outside_length, familiarity, trained))
    if gc:
        trained = f"{gc['lowest']:.0%} to {gc['highest']:.0%}"
        sentences.append(_outside("GC content", familiarity.outside_gc, familiarity, trained))
    if not sentences:
        sentences.append("The adapter does not record what its training sequences were like.")
    return sentences


def _outside(what: str, count: int | None, familiarity: Familiarity, trained: str) -> str:
    if not count:
        return f"{what}: all are within the range of the training sequences ({trained})."
    verb = "lies" if count == 1 else "lie"
    return (
        f"{what}: {count:,} of {familiarity.sequences:,} sequences ({count / familiarity.sequences:.1%}) {verb} "
        f"outside the range of the training sequences ({trained}). Predictions for such sequences are untested."
    )


def _caution(predicted: Predicted) -> str:
    target = predicted.adapter.target
    if target.kind == NUMBER:
        return "The model gives a number for any sequence, also for one unlike all that it was trained on."
    if target.kind != CLASSES:
        return (
            "A probability is about sequences like those of the training. For others, such as random sequences, it can "
            "be high without any reason."
        )
    which = "one of the two" if len(target.labels) == 2 else "one of the"
    return (
        f"The classifier gives any sequence {which} labels, also one that belongs to none, such as a random sequence. "
        "A high probability means that this label fits better than the others, not that it fits."
    )


def _skipped(predicted: Predicted) -> list[str]:
    total = int(predicted.skipped.sum())
    if not total:
        return []
    rows = [[str(reason), f"{count:,}"] for reason, count in predicted.skipped.sort_index().items()]
    return [
        "## Sequences without a prediction",
        f"{total:,} {'sequence was' if total == 1 else 'sequences were'} not predicted.",
        pipe_table(["reason", "sequences"], rows),
        link("skipped", "Sequences that were not predicted (table)"),
    ]
