"""Options of fine-tuning."""

from dataclasses import dataclass

from ..base_models.options import RevisedBaseModelOptions
from ..classifiers.options import LoraOptions, QuantizationOptions
from ..options import INPUT, SeedOptions, TargetOptions, ThreadOptions, option
from ..scores.registry import CHOOSING
from ..words import (
    AUTO,
    BALANCED,
    BOTH,
    CROSS_ENTROPY,
    FOCAL,
    FORWARD,
    LONGEST_KMER,
    NO,
    NONE,
    RECOMMENDED,
    TUTORIAL,
    YES,
)


@dataclass(frozen=True, kw_only=True)
class SplitOptions(TargetOptions):
    """What is learned from."""

    train: str = option("Training split: table with the columns sequence and label", kind=INPUT)
    dev: str = option("Development split: chooses the best epoch", kind=INPUT)
    positive_label: str = option(
        "Which of two classes is the positive one, of which curves, thresholds and tracks are; auto takes the"
        " one that is not called what a negative class is called (negative, control, background, inactive, "
        "non-..., the smaller number), or else the second in the alphabet",
        AUTO,
    )


@dataclass(frozen=True, kw_only=True)
class ContinuingOptions:
    """Where a training starts."""

    preset: str = option(
        "Where the options that are not given come from: the defaults that were measured to be best, or the "
        "values of the tutorial with a notebook",
        RECOMMENDED,
        choices=(
            RECOMMENDED,
            TUTORIAL,
        ),
    )
    resume_from: str | None = option(
        "Adapter to continue from, of the same base model and labels; target, method, the options of LoRA, "
        "maximum length, k-mers and strands are the adapter's, and others are refused",
        kind=INPUT,
        optional=True,
    )
    resume_state: str | None = option("Optimizer state that was saved with that adapter", kind=INPUT, optional=True)


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How a sequence becomes tokens."""

    max_length: int = option("Tokens of a sequence that are read; the rest is cut off", 200, minimum=4)
    kmer: int = option(
        "Length of the overlapping k-mers that sequences are cut into, for base models that read k-mers; 0 "
        "for what the base model's tokenizer reads, -1 for none",
        0,
        minimum=-1,
        maximum=LONGEST_KMER,
    )
    strands: str = option(
        "Strands that are read: both (in training one at random each time, in scoring the mean of both), or that given",
        BOTH,
        choices=(
            BOTH,
            FORWARD,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """What is minimized."""

    loss: str = option(
        "Loss function for labels: cross-entropy, or focal loss, which gives easy sequences less weight",
        CROSS_ENTROPY,
        choices=(
            CROSS_ENTROPY,
            FOCAL,
        ),
    )
    focal_gamma: float = option("Exponent of the focal loss; 0 is cross-entropy", 2.0, minimum=0, maximum=10)
    class_weights: str = option(
        "Whether the loss weighs labels by the inverse of their frequency in train",
        NONE,
        choices=(
            NONE,
            BALANCED,
        ),
    )
    label_smoothing: float = option(
        "Share of each label's probability that is spread over all labels", 0.0, minimum=0, maximum=0.5
    )


@dataclass(frozen=True, kw_only=True)
class OptimizationOptions:
    """Steps of a training, and when it ends."""

    learning_rate: float = option("Peak learning rate", 0.001, minimum=1e-08, maximum=1)
    schedule: str = option(
        "How the learning rate goes on after the warm-up: it falls linearly or as a cosine to 0, or stays",
        "linear",
        choices=(
            "linear",
            "cosine",
            "constant",
        ),
    )
    warmup: float = option(
        "Share of the training in which the learning rate rises to its peak", 0.05, minimum=0, maximum=0.9
    )
    epochs: int = option("Times that the whole training split is seen, at most", 5, minimum=1)
    batch_size: int = option(
        "Sequences in a batch; 0 takes 64, or as few, 8 at least, as give 16 steps an epoch", 0, minimum=0
    )
    accumulation: int = option("Batches that make a step, as one larger batch", 1, minimum=1, maximum=4096)
    weight_decay: float = option("Weight decay of AdamW; biases and norms have none", 0.01, minimum=0, maximum=1)
    max_grad_norm: float = option(
        "Norm of a step's gradients, all together, to which larger ones are scaled down; 0 leaves them as they are",
        1.0,
        minimum=0,
        maximum=1000000.0,
    )
    gradient_checkpointing: str = option(
        "Whether to compute activations twice instead of keeping them: less memory, about a third slower",
        NO,
        choices=(
            YES,
            NO,
        ),
    )
    evaluations: int = option(
        "Times in an epoch that the dev split is scored; the best of all is kept", 1, minimum=1, maximum=100
    )
    best_metric: str = option(
        "Score on dev that chooses what is kept; auto takes the loss, which chance changes least",
        AUTO,
        choices=(AUTO, *CHOOSING),
    )
    patience: int = option("Epochs without a better score on dev before training stops; 0 never stops", 3, minimum=0)
    max_minutes: float = option(
        "Minutes after which the training stops and the best so far is kept; 0 sets no limit",
        0.0,
        minimum=0,
        maximum=1000000.0,
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(SeedOptions):
    """Several trainings with different seeds."""

    runs: int = option("Trainings with the seeds that follow one another from the seed on", 1, minimum=1, maximum=20)
    keep: str = option(
        "Which of several runs is kept: the one with the best score on dev, or all, whose predictions are averaged",
        "best",
        choices=(
            "best",
            "ensemble",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions(
    RevisedBaseModelOptions,
    SplitOptions,
    ContinuingOptions,
    LoraOptions,
    QuantizationOptions,
    OptimizationOptions,
    ReadingOptions,
    LossOptions,
    RunOptions,
    ThreadOptions,
):
    """All options of fine-tuning."""

    # Names of the options that the user gave; the others are as the preset has them.
    given: frozenset[str] = frozenset()
