"""Options of scoring adapters on labeled sequences."""

from dataclasses import dataclass

from ..options import INPUT, MANY, option
from ..prediction.options import ApplyingOptions
from ..scores.registry import COMPARABLE
from ..words import ALLOW, AUTO, BOTH, F1, FORWARD, MCC, NO, NONE, PRECISION, RECALL, RECORDED, REFUSE, REVERSE, YES


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ApplyingOptions):
    """All options of evaluating."""

    adapter: str = option("Adapter made by finetune", kind=INPUT)
    data: str = option("Labeled sequences: table with the columns sequence and label", kind=INPUT)
    train: str | None = option(
        "Training split of the adapter: simpler models are trained on it, and scored beside the adapter",
        kind=INPUT,
        optional=True,
    )
    strand: str = option(
        "Strand of which the answers are scored: as the adapter records, the one given, its reverse "
        "complement, or the mean of both",
        RECORDED,
        choices=(RECORDED, FORWARD, REVERSE, BOTH),
    )
    seen_data: str = option(
        "What to do with a file if the adapter was trained, chosen or calibrated on half of its sequences or "
        "more; of fewer, a warning gives the number",
        REFUSE,
        choices=(REFUSE, ALLOW),
    )
    worst: int = option("Errors to list, the worst first", 50, minimum=1, maximum=10000)


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ApplyingOptions):
    """All options of comparing."""

    adapter: list[str] = option(
        "NAME=FILE: an adapter made by finetune, and what to call it; once for each of two or more",
        kind=MANY,
        form="NAME=FILE",
    )
    data: str = option("Labeled sequences: table with the columns sequence and label", kind=INPUT)
    metric: str = option(
        "Score by which the adapters are ordered and compared in pairs; auto takes MCC, for several labels "
        "macro F1, for numbers Spearman's correlation",
        AUTO,
        choices=(AUTO, *COMPARABLE),
    )
    resamples: int = option(
        "Times that the sequences are drawn anew for the intervals; for the differences of many adapters they"
        " are drawn more often by themselves",
        1000,
        minimum=100,
        maximum=100000,
    )
    seed: int = option(
        "Seed of the random numbers: the same seed gives the same result", 42, minimum=0, maximum=4294967295
    )
    seen_data: str = option(
        "What to do if one of the adapters was trained, chosen or calibrated on half of the sequences or "
        "more; of fewer, a warning gives the number",
        REFUSE,
        choices=(REFUSE, ALLOW),
    )


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions(ApplyingOptions):
    """All options of calibrating."""

    adapter: str = option("Adapter made by finetune", kind=INPUT)
    data: str = option("Development split: table with the columns sequence and label", kind=INPUT)
    temperature: str = option(
        "Whether to fit a temperature, which makes the probabilities as sure as they are right", YES, choices=(YES, NO)
    )
    threshold: str = option(
        "What the threshold of each label is chosen by: none keeps the likeliest class, or 0.5 for each of "
        "several labels; the best F1 or MCC; a recall or a precision to be reached, that of --at",
        NONE,
        choices=(NONE, F1, MCC, RECALL, PRECISION),
    )
    at: float = option("Recall or precision that is to be reached", 0.9, minimum=0.01, maximum=1)
    seen_data: str = option(
        "What to do if the adapter was trained on half of the sequences or more", REFUSE, choices=(REFUSE, ALLOW)
    )
