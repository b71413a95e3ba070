"""Options of fine-tuning."""

from dataclasses import dataclass

from ..base_models.options import RevisedBaseModelOptions
from ..classifiers.options import LoraOptions, QuantizationOptions
from ..options import INPUT, SeedOptions, SplitsOptions, TargetOptions, ThreadOptions, option
from ..scores.registry import CHOOSING
from ..words import (
    AUTO,
    BALANCED,
    BOTH,
    CROSS_ENTROPY,
    FOCAL,
    FORWARD,
    LONGEST_KMER,
    MOTIF_GROUPS,
    NO,
    NONE,
    RECOMMENDED,
    TUTORIAL,
    VERTEBRATES,
    YES,
)


@dataclass(frozen=True, kw_only=True)
class TrainingSplitOptions(SplitsOptions, TargetOptions):
    """What is learned from."""

    train: str | None = option("Training set: table with the columns sequence and label", kind=INPUT, optional=True)
    dev: str | None = option("Development set (validation set): selects the best checkpoint", kind=INPUT, optional=True)
    positive_label: str = option(
        "Which of two classes is the positive one: curves, thresholds and tracks are about it. auto takes the "
        "class that does not have a typical name of negatives (negative, control, background, inactive, non-..., "
        "the smaller of two numbers), or else the second in alphabetical order",
        AUTO,
    )


@dataclass(frozen=True, kw_only=True)
class ContinuingOptions:
    """Where a training starts."""

    preset: str = option(
        "Values of the options that are not given: the defaults, which scored best when they were measured, or "
        "those of the tutorial's notebook",
        RECOMMENDED,
        choices=(RECOMMENDED, TUTORIAL),
    )
    resume_from: str | None = option(
        "Adapter to continue training, with the same base model and labels. Target, method, LoRA options, "
        "maximum length, k-mers and strands are the adapter's; other values are refused",
        kind=INPUT,
        optional=True,
    )
    resume_state: str | None = option("Optimizer state saved with that adapter", kind=INPUT, optional=True)


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How a sequence becomes tokens."""

    max_length: int = option("Maximum number of tokens; longer sequences are truncated", 200, minimum=4)
    kmer: int = option(
        "Length of the overlapping k-mers that sequences are split into, for base models that read k-mers; 0 "
        "finds it from the tokenizer, -1 means no k-mers",
        0,
        minimum=-1,
        maximum=LONGEST_KMER,
    )
    strands: str = option(
        "Strands to read: both (a random one in training, the mean of both in scoring), or the given one",
        BOTH,
        choices=(BOTH, FORWARD),
    )


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """What is minimized."""

    loss: str = option(
        "Loss function for labels: cross-entropy, or focal loss, which gives easy sequences less weight",
        CROSS_ENTROPY,
        choices=(CROSS_ENTROPY, FOCAL),
    )
    focal_gamma: float = option("Exponent of the focal loss; 0 is cross-entropy", 2.0, minimum=0, maximum=10)
    class_weights: str = option(
        "Whether to weight the loss by the inverse frequency of each class in the training set",
        NONE,
        choices=(NONE, BALANCED),
    )
    label_smoothing: float = option(
        "Fraction of each label's probability that is spread over all labels", 0.0, minimum=0, maximum=0.5
    )


@dataclass(frozen=True, kw_only=True)
class BranchOptions:
    """The classifiers that read nucleotides."""

    branch: str = option(
        "Whether to train small classifiers that read nucleotides (known motifs, k-mer counts, a convolutional "
        "network) and add their outputs to those of the language model",
        YES,
        choices=(YES, NO),
    )
    motifs: str = option(
        "Known motifs to look for: those of JASPAR for a group of organisms, or none",
        VERTEBRATES,
        choices=(*MOTIF_GROUPS, NONE),
    )
    motifs_file: str | None = option(
        "Motifs of your own to look for, in MEME, JASPAR or TRANSFAC format", kind=INPUT, optional=True
    )


@dataclass(frozen=True, kw_only=True)
class ModelOptions(LoraOptions, QuantizationOptions):
    """The model that is trained."""


@dataclass(frozen=True, kw_only=True)
class OptimizationOptions:
    """Steps of a training, and when it ends."""

    learning_rate: float = option("Peak learning rate", 0.001, minimum=1e-08, maximum=1)
    schedule: str = option(
        "Learning rate after the warm-up: linear or cosine decay to 0, or constant",
        "linear",
        choices=("linear", "cosine", "constant"),
    )
    warmup: float = option(
        "Fraction of the training during which the learning rate rises to its peak", 0.05, minimum=0, maximum=0.9
    )
    epochs: int = option("Maximum number of passes over the training set", 5, minimum=1)
    batch_size: int = option(
        "Sequences in a batch; 0 means 64, or fewer (at least 8) so that an epoch has 16 steps", 0, minimum=0
    )
    accumulation: int = option("Batches accumulated for each optimizer step", 1, minimum=1, maximum=4096)
    weight_decay: float = option("Weight decay of AdamW, not applied to biases and norms", 0.01, minimum=0, maximum=1)
    max_grad_norm: float = option(
        "Maximum norm of the gradients of a step; larger ones are scaled down. 0 means no limit",
        1.0,
        minimum=0,
        maximum=1000000.0,
    )
    gradient_checkpointing: str = option(
        "Whether to recompute activations instead of keeping them: less memory, about a third slower",
        NO,
        choices=(YES, NO),
    )
    evaluations: int = option(
        "Evaluations on the development set in each epoch; the best checkpoint is kept", 1, minimum=1, maximum=100
    )
    best_metric: str = option(
        "Metric on the development set that selects the checkpoint to keep; auto means the loss, which is least "
        "affected by chance",
        AUTO,
        choices=(AUTO, *CHOOSING),
    )
    patience: int = option("Epochs without improvement after which training stops; 0 means never", 3, minimum=0)
    max_minutes: float = option(
        "Minutes after which training stops and the best checkpoint so far is kept; 0 means no limit",
        0.0,
        minimum=0,
        maximum=1000000.0,
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(SeedOptions):
    """Several training runs with different seeds."""

    runs: int = option("Number of training runs, with consecutive seeds starting at the seed", 1, minimum=1, maximum=20)
    keep: str = option(
        "Which of several runs to keep: the one with the best score on the development set, or all, as an ensemble",
        "best",
        choices=("best", "ensemble"),
    )


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions(
    RevisedBaseModelOptions,
    TrainingSplitOptions,
    ContinuingOptions,
    ModelOptions,
    BranchOptions,
    OptimizationOptions,
    ReadingOptions,
    LossOptions,
    RunOptions,
    ThreadOptions,
):
    """All options of fine-tuning."""

    # Names of the options that the user gave; the others are as the preset has them.
    given: frozenset[str] = frozenset()
