"""Options of scoring adapters on labeled sequences."""

from dataclasses import dataclass

from ..options import INPUT, MANY, SeedOptions, SplitsOptions, option
from ..prediction.options import ApplyingOptions
from ..scores.registry import COMPARABLE
from ..words import (
    ALLOW,
    AUTO,
    BOTH,
    F1,
    FORWARD,
    MCC,
    MOTIF_GROUPS,
    NO,
    NONE,
    PRECISION,
    RECALL,
    RECORDED,
    REFUSE,
    REVERSE,
    YES,
)


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ApplyingOptions, SplitsOptions):
    """All options of evaluating."""

    adapter: str = option("Adapter made by finetune", kind=INPUT)
    data: str | None = option("Test set: table with the columns sequence and label", kind=INPUT, optional=True)
    train: str | None = option(
        "Training set of the adapter, on which the simpler models are trained",
        kind=INPUT,
        optional=True,
    )
    baselines: str = option(
        "Whether simpler models are trained for comparison, if there is a training set",
        YES,
        choices=(YES, NO),
    )
    motifs: str = option(
        "Known motifs that one of the simpler models looks for: those of JASPAR for the group of organisms that the "
        "adapter's training recorded (vertebrates if it recorded none), for another group, or none",
        RECORDED,
        choices=(RECORDED, *MOTIF_GROUPS, NONE),
    )
    without_pretraining: str = option(
        "Whether the network of the base model is trained from random weights too, with the settings of the adapter, "
        "to see what pretraining contributes; takes as long as training the adapter",
        NO,
        choices=(YES, NO),
    )
    strand: str = option(
        "Strand whose predictions are scored: as recorded in the adapter, the given one, its reverse complement, "
        "or the mean of both",
        RECORDED,
        choices=(RECORDED, FORWARD, REVERSE, BOTH),
    )
    seen_data: str = option(
        "What to do if half or more of the sequences were used to train, choose or calibrate the adapter; if "
        "fewer were, a warning gives their number",
        REFUSE,
        choices=(REFUSE, ALLOW),
    )
    worst: int = option("Number of worst errors to list", 50, minimum=1, maximum=10000)


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ApplyingOptions, SplitsOptions, SeedOptions):
    """All options of comparing."""

    adapter: list[str] = option(
        "NAME=FILE: an adapter made by finetune and its name; give it twice or more",
        kind=MANY,
        form="NAME=FILE",
    )
    data: str | None = option("Test set: table with the columns sequence and label", kind=INPUT, optional=True)
    metric: str = option(
        "Score by which the adapters are ranked and compared in pairs; auto means MCC for classes, macro F1 for "
        "several labels, Spearman's correlation for numbers",
        AUTO,
        choices=(AUTO, *COMPARABLE),
    )
    resamples: int = option(
        "Bootstrap resamples for the intervals; the differences of many adapters take more where needed",
        1000,
        minimum=100,
        maximum=100000,
    )
    seen_data: str = option(
        "What to do if half or more of the sequences were used to train, choose or calibrate one of the adapters; "
        "if fewer were, a warning gives their number",
        REFUSE,
        choices=(REFUSE, ALLOW),
    )


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions(ApplyingOptions, SplitsOptions):
    """All options of calibrating."""

    adapter: str = option("Adapter made by finetune", kind=INPUT)
    data: str | None = option("Development set: table with the columns sequence and label", kind=INPUT, optional=True)
    temperature: str = option(
        "Whether to scale by a temperature, so that probabilities match how often predictions are correct",
        YES,
        choices=(YES, NO),
    )
    threshold: str = option(
        "How to choose the threshold of each label: none keeps the most probable class, or 0.5 for each of "
        "several labels; the best F1 or MCC; a target recall or precision, given by --at",
        NONE,
        choices=(NONE, F1, MCC, RECALL, PRECISION),
    )
    at: float = option("Target recall or precision", 0.9, minimum=0.01, maximum=1)
    seen_data: str = option(
        "What to do if half or more of the sequences were used to train the adapter", REFUSE, choices=(REFUSE, ALLOW)
    )
