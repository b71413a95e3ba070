"""Every option of every tool, declared once: the command lines are made from this, the forms are tested against it."""

import argparse
import math
import os
from dataclasses import dataclass
from typing import Any

from . import __version__

INPUT, OUTPUT, MANY = "input", "output", "many"


@dataclass(frozen=True)
class Option:
    """One option.

    name: as the library's keyword; the command line has dashes for underscores.
    kind: int, float or str; INPUT or OUTPUT for a file's path; MANY for text that may be given several times.
    default: None makes the option required, unless it is optional.
    minimum, maximum: limits, both allowed values.
    choices: the allowed texts.
    """

    name: str
    kind: Any
    help: str
    default: Any = None
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def default_threads() -> int:
    """Galaxy says in GALAXY_SLOTS how many cores a job may use."""
    text = os.environ.get("GALAXY_SLOTS", "1")
    return int(text) if text.isdecimal() and int(text) > 0 else 1


BUILT_IN = "built-in"

THREADS = Option("threads", int, "CPU threads", default=0, minimum=0, maximum=1024)
SEED = Option(
    "seed", int, "Seed of the random numbers: the same seed gives the same result", 42, minimum=0, maximum=2**32 - 1
)
BASE_MODEL = Option(
    "base_model",
    INPUT,
    "Base model: a Hugging Face folder or an archive (zip, tar, tar.gz) of one, with config.json, tokenizer.json and "
    f"safetensors; or '{BUILT_IN}' for the tiny one that comes with the tools",
    BUILT_IN,
)
BASE_MODEL_ID = Option(
    "base_model_id", str, "What to call the base model in the adapter and in messages", optional=True
)
BASE_MODEL_REVISION = Option(
    "base_model_revision", str, "Revision of the base model to record in the adapter", optional=True
)
ADAPTER = Option("adapter", INPUT, "Adapter made by finetune")
PREDICTIONS_OUT = Option("predictions_out", OUTPUT, "Predictions (tabular)")
BATCH_SIZE = Option("batch_size", int, "Sequences in a batch", 32, minimum=1)

# The ways to tell that two sequences are copies of one another.
BOTH_STRANDS, SAME_STRAND, KEEP = "both-strands", "same-strand", "keep"
# The ways to split, and the negatives that can be made.
RANDOM, CHROMOSOME, GROUP, COLUMN, SIMILARITY = "random", "chromosome", "group", "column", "similarity"
NONE, SHUFFLE, GENOME = "none", "shuffle", "genome"
REVERSE_COMPLEMENT = "reverse-complement"
# What labels are: one of several classes, any number of classes, a number.
CLASSES, MULTI_LABEL, NUMBER = "classes", "multi-label", "number"
# What fine-tuning trains beside the head.
LORA, HEAD_ONLY, FULL = "lora", "head", "full"
# The strands that a model reads.
BOTH, FORWARD = "both", "forward"
CROSS_ENTROPY, FOCAL, BALANCED = "cross-entropy", "focal", "balanced"
YES, NO, AUTO = "yes", "no", "auto"
RECOMMENDED, TUTORIAL = "recommended", "tutorial"

PREPARE = (
    Option("table", INPUT, "Labelled sequences: CSV or TSV, also gzipped", optional=True),
    Option("train_table", INPUT, "Labelled sequences that are split already: those of train", optional=True),
    Option("dev_table", INPUT, "Those of dev; without them, dev is drawn from train", optional=True),
    Option("test_table", INPUT, "Those of test", optional=True),
    Option("header", str, "Whether the first line of a table names its columns", "yes", choices=("yes", "no")),
    Option(
        "sequence_column", str, "Column of the table with the sequences: its name, or its number from 1", "sequence"
    ),
    Option("label_column", str, "Column of the table with the labels: its name, or its number from 1", "label"),
    Option(
        "fasta", MANY, "LABEL=FILE: sequences of one label in FASTA, also gzipped; once for each label", optional=True
    ),
    Option(
        "intervals",
        MANY,
        "LABEL=FILE: regions of one label in BED or narrowPeak, also gzipped; once for each label",
        optional=True,
    ),
    Option(
        "genome", INPUT, "Genome of the regions, or of the negatives to be drawn: FASTA, also gzipped", optional=True
    ),
    Option(
        "window",
        int,
        "Width of the window about each region's centre, in nt; 0 takes the regions as they are",
        200,
        minimum=0,
        maximum=1_000_000,
    ),
    Option(
        "window_centre",
        str,
        "Centre of the window: the peak's summit where the file has one, or the middle of the region",
        "summit",
        choices=("summit", "middle"),
    ),
    Option(
        "negatives",
        str,
        "Negatives to make for the sequences given: none, shuffles of each with the same counts of dinucleotides, or "
        "regions of the genome with the same GC and length",
        NONE,
        choices=(NONE, SHUFFLE, GENOME),
    ),
    Option("negative_label", str, "Label of the negatives that are made", "negative"),
    Option("negative_ratio", float, "Negatives for each sequence given", 1.0, minimum=0.01, maximum=100),
    Option(
        "negative_distance",
        int,
        "Nucleotides between a region of the genome and the nearest region given",
        1000,
        minimum=0,
        maximum=100_000_000,
    ),
    Option("exclude", INPUT, "Regions to draw no negatives from: BED, also gzipped", optional=True),
    Option(
        "max_ambiguous",
        float,
        "Greatest share of letters other than A, C, G, T in a sequence that is kept",
        0.1,
        minimum=0,
        maximum=1,
    ),
    Option(
        "ambiguous",
        str,
        "Such letters in the sequences that are kept: left as they are, or each written as N",
        KEEP,
        choices=(KEEP, "mask"),
    ),
    Option(
        "length",
        int,
        "Length to bring the sequences to, in nt; 0 leaves all lengths as they are",
        0,
        minimum=0,
        maximum=1_000_000,
    ),
    Option(
        "longer",
        str,
        "Sequences longer than that: cut to the middle, dropped, or kept",
        "crop",
        choices=("crop", "drop", KEEP),
    ),
    Option(
        "shorter",
        str,
        "Sequences shorter than that: kept, filled up with N on both sides, or dropped",
        KEEP,
        choices=(KEEP, "pad", "drop"),
    ),
    Option(
        "duplicates",
        str,
        "Copies of a sequence that are removed: those on either strand, on the same one, or none",
        BOTH_STRANDS,
        choices=(BOTH_STRANDS, SAME_STRAND, KEEP),
    ),
    Option(
        "contradictory",
        str,
        "What to do with a sequence that comes with more than one label",
        "refuse",
        choices=("refuse", "drop"),
    ),
    Option(
        "balance",
        str,
        "Whether to drop sequences at random until each label has as many, in each split",
        NONE,
        choices=(NONE, "downsample"),
    ),
    Option(
        "split",
        str,
        "How to split: at random, by chromosome, by a column of groups, by similarity, or as a column of "
        "the table says",
        RANDOM,
        choices=(RANDOM, SIMILARITY, CHROMOSOME, GROUP, COLUMN),
    ),
    Option("fractions", str, "Shares of train, dev and test", "0.8,0.1,0.1"),
    Option(
        "tolerance",
        float,
        "How far a label's share in a split may be from the fraction, where groups or similar sequences stay together",
        0.05,
        minimum=0,
        maximum=0.5,
    ),
    Option(
        "split_column",
        str,
        "Column of the table with the chromosomes, groups or splits: its name, or its number from 1; without it the "
        "column is called chrom, group or split",
        optional=True,
    ),
    Option("dev_chromosomes", str, "Chromosomes of dev, separated by commas", "chr9"),
    Option("test_chromosomes", str, "Chromosomes of test, separated by commas", "chr8"),
    Option(
        "augment",
        str,
        "Whether to add the reverse complement of each training sequence to train",
        NONE,
        choices=(NONE, REVERSE_COMPLEMENT),
    ),
    BASE_MODEL,
    BASE_MODEL_ID,
    SEED,
    THREADS,
    Option("train_out", OUTPUT, "Training split (CSV)"),
    Option("dev_out", OUTPUT, "Development split (CSV)"),
    Option("test_out", OUTPUT, "Test split (CSV)"),
    Option("summary_out", OUTPUT, "Steps of the preparation, with what each removed (tabular)"),
    Option("leakage_out", OUTPUT, "Leakage between the splits (tabular)", optional=True),
    Option("offenders_out", OUTPUT, "First sequences that leak (tabular)", optional=True),
    Option("plot_out", OUTPUT, "Lengths, GC and k-mers of each label and split (PNG)", optional=True),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)", optional=True),
)

FINETUNE = (
    BASE_MODEL,
    BASE_MODEL_ID,
    BASE_MODEL_REVISION,
    Option("train", INPUT, "Training split: table with the columns sequence and label"),
    Option("dev", INPUT, "Development split: chooses the best epoch"),
    Option(
        "preset",
        str,
        "Where the options that are not given come from: the defaults that were measured to be best, or the values of "
        "the tutorial with a notebook",
        RECOMMENDED,
        choices=(RECOMMENDED, TUTORIAL),
    ),
    Option("resume_from", INPUT, "Adapter to continue from, of the same base model and labels", optional=True),
    Option("resume_state", INPUT, "Optimizer state that was saved with that adapter", optional=True),
    Option(
        "target",
        str,
        "What the labels are: one of several classes, any number of classes separated by semicolons, or a number",
        CLASSES,
        choices=(CLASSES, MULTI_LABEL, NUMBER),
    ),
    Option(
        "method",
        str,
        "What is trained beside the classification head: LoRA matrices, nothing, or all weights of the base model",
        LORA,
        choices=(LORA, HEAD_ONLY, FULL),
    ),
    Option("lora_r", int, "LoRA rank", 16, minimum=1, maximum=4096),
    Option("lora_alpha", float, "LoRA alpha: the update is scaled by alpha / rank", 16.0, minimum=0.001),
    Option("lora_dropout", float, "Dropout on the input of the LoRA matrices", 0.0, minimum=0, maximum=0.9),
    Option(
        "target_modules",
        str,
        "Names of the linear layers that get LoRA matrices, separated by commas; 'auto' takes those of the attention",
        "auto",
    ),
    Option(
        "experts",
        str,
        "Whether the experts of a mixture model get LoRA matrices too; models without experts are the same either way",
        YES,
        choices=(YES, NO),
    ),
    Option(
        "embeddings",
        str,
        "Whether the embeddings of the tokens are trained too, which adds their size to the adapter",
        YES,
        choices=(YES, NO),
    ),
    Option(
        "lora_bias",
        str,
        "Biases of the base model that are trained: none, all, or those of the layers with LoRA matrices",
        NONE,
        choices=(NONE, "all", "lora_only"),
    ),
    Option("rslora", str, "Whether to scale by alpha / sqrt(rank) (rsLoRA)", NO, choices=(YES, NO)),
    Option("dora", str, "Whether to train the magnitude of the weights apart (DoRA)", NO, choices=(YES, NO)),
    Option(
        "quantization",
        str,
        "Precision in which the linear layers of the base model are kept",
        NONE,
        choices=(NONE, "8bit", "4bit-nf4", "4bit-fp4"),
    ),
    Option(
        "double_quantization",
        str,
        "Whether the scales of 4-bit weights are quantized as well",
        NO,
        choices=(YES, NO),
    ),
    Option(
        "compute_type",
        str,
        "Numbers that 4-bit layers compute with; auto takes the precision of the training",
        AUTO,
        choices=(AUTO, "fp32", "bf16", "fp16"),
    ),
    Option(
        "precision",
        str,
        "Numbers that the base model computes with; auto takes the shorter ones of a GPU, and fp32 on a CPU",
        AUTO,
        choices=(AUTO, "fp32", "bf16", "fp16"),
    ),
    Option("learning_rate", float, "Peak learning rate", 0.001, minimum=1e-8, maximum=1),
    Option(
        "schedule",
        str,
        "How the learning rate goes on after the warm-up: it falls linearly or as a cosine to 0, or stays",
        "linear",
        choices=("linear", "cosine", "constant"),
    ),
    Option(
        "warmup",
        float,
        "Share of the training in which the learning rate rises to its peak",
        0.05,
        minimum=0,
        maximum=0.9,
    ),
    Option("epochs", int, "Times that the whole training split is seen, at most", 5, minimum=1),
    Option("batch_size", int, "Sequences in a batch", 64, minimum=1),
    Option("accumulation", int, "Batches whose gradients are added up before a step", 1, minimum=1, maximum=4096),
    Option("weight_decay", float, "Weight decay of AdamW", 0.01, minimum=0, maximum=1),
    Option(
        "gradient_checkpointing",
        str,
        "Whether to compute activations twice instead of keeping them: less memory, about a third slower",
        NO,
        choices=(YES, NO),
    ),
    Option(
        "evaluations",
        int,
        "Times in an epoch that the dev split is scored; the best of all is kept",
        1,
        minimum=1,
        maximum=100,
    ),
    Option(
        "best_metric",
        str,
        "Score on dev that chooses what is kept; auto takes MCC, for several labels macro F1, for numbers Spearman's "
        "correlation",
        AUTO,
        choices=(AUTO, "loss", "accuracy", "f1_macro", "mcc", "roc_auc", "pr_auc", "mae", "spearman", "pearson", "r2"),
    ),
    Option(
        "patience", int, "Evaluations without a better score on dev before training stops; 0 never stops", 3, minimum=0
    ),
    Option("max_length", int, "Tokens of a sequence that are read; the rest is cut off", 200, minimum=4),
    Option(
        "kmer",
        int,
        "Length of the overlapping k-mers that sequences are cut into, for base models that read k-mers; -1 for none",
        -1,
        minimum=-1,
        maximum=12,
    ),
    Option(
        "loss",
        str,
        "Loss function for labels: cross-entropy, or focal loss, which gives easy sequences less weight",
        CROSS_ENTROPY,
        choices=(CROSS_ENTROPY, FOCAL),
    ),
    Option("focal_gamma", float, "Exponent of the focal loss; 0 is cross-entropy", 2.0, minimum=0, maximum=10),
    Option(
        "class_weights",
        str,
        "Whether the loss weighs labels by the inverse of their frequency in train",
        NONE,
        choices=(NONE, BALANCED),
    ),
    Option(
        "label_smoothing",
        float,
        "Share of each label's probability that is spread over all labels",
        0.0,
        minimum=0,
        maximum=0.5,
    ),
    Option(
        "strands",
        str,
        "Strands that are read: both (in training one at random each time, in scoring the mean of both), or that given",
        BOTH,
        choices=(BOTH, FORWARD),
    ),
    SEED,
    Option("runs", int, "Trainings with the seeds that follow one another from the seed on", 1, minimum=1, maximum=20),
    Option(
        "keep",
        str,
        "Which of several runs is kept: the one with the best score on dev, or all, whose predictions are averaged",
        "best",
        choices=("best", "ensemble"),
    ),
    Option(
        "max_minutes",
        float,
        "Minutes after which the training stops and the best so far is kept; 0 sets no limit",
        0.0,
        minimum=0,
        maximum=1e6,
    ),
    THREADS,
    Option("adapter_out", OUTPUT, "Adapter (safetensors)"),
    Option("history_out", OUTPUT, "Training history, a row for each evaluation (tabular)"),
    Option("plot_out", OUTPUT, "Loss and metric curves (PNG)"),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
    Option("events_out", OUTPUT, "The curves for TensorBoard (tfevents)", optional=True),
    Option("state_out", OUTPUT, "Optimizer state, to continue from (safetensors)", optional=True),
)

PRESETS = {
    RECOMMENDED: {},
    # The notebook of the tutorial on Mistral-DNA. Its head stays random, since nothing trains it; here it is trained.
    TUTORIAL: {
        "lora_r": 16,
        "lora_alpha": 16.0,
        "lora_dropout": 0.05,
        "experts": NO,
        "embeddings": NO,
        "quantization": "4bit-nf4",
        "double_quantization": YES,
        "compute_type": "bf16",
        "learning_rate": 1e-5,
        "schedule": "linear",
        "warmup": 0.0,
        "epochs": 5,
        "batch_size": 16,
        "weight_decay": 0.01,
        "best_metric": "loss",
        "patience": 3,
        "max_length": 200,
        "strands": FORWARD,
    },
}

EVALUATE = (
    BASE_MODEL,
    BASE_MODEL_ID,
    ADAPTER,
    Option("data", INPUT, "Labelled sequences: table with the columns sequence and label"),
    BATCH_SIZE,
    THREADS,
    Option("metrics_out", OUTPUT, "Metrics (tabular)"),
    PREDICTIONS_OUT,
    Option("plot_out", OUTPUT, "ROC, precision-recall and confusion figure (PNG)"),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
)

PREDICT = (
    BASE_MODEL,
    BASE_MODEL_ID,
    ADAPTER,
    Option("input", INPUT, "Sequences: FASTA, CSV or TSV, also gzipped"),
    Option("input_format", str, "Format of the input", choices=("fasta", "csv", "tabular")),
    Option("sequence_column", str, "Column of a table with the sequences: its name, or its number from 1", "sequence"),
    BATCH_SIZE,
    THREADS,
    PREDICTIONS_OUT,
)

DESCRIPTIONS = {
    "prepare": "Clean labelled DNA and split it into train, dev and test.",
    "finetune": "Fine-tune a pretrained DNA language model with LoRA.",
    "evaluate": "Score a fine-tuned DNA language model on labelled DNA.",
    "predict": "Predict the labels of DNA with a fine-tuned DNA language model.",
}
OPTIONS = {"prepare": PREPARE, "finetune": FINETUNE, "evaluate": EVALUATE, "predict": PREDICT}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line, like every other error of the tools."""
        self.exit(2, f"error: {' '.join(message.split())} (see --help)\n")


def parser(tool: str) -> argparse.ArgumentParser:
    """Return the command line of a tool: `prepare`, `finetune`, `evaluate` or `predict`."""
    result = _Parser(
        prog=f"{tool}.py",
        description=DESCRIPTIONS[tool],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=__version__)
    for option in OPTIONS[tool]:
        keywords: dict[str, Any] = {"help": _help(option), "dest": option.name, "default": option.default}
        keywords["required"] = option.default is None and not option.optional
        if option.kind is MANY:
            keywords["action"] = "append"
        elif option.kind in (int, float):
            keywords["type"] = _number(option)
        if option.choices:
            keywords["choices"] = option.choices
        else:
            keywords["metavar"] = {int: "N", float: "X", str: "TEXT", MANY: "LABEL=FILE"}.get(option.kind, "FILE")
        result.add_argument(option.flag, **keywords)
    return result


def parse(tool: str, arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line, those that are not given as the preset has them, if the tool has presets.

    arguments: without the program's name; None takes those of this process.
    """
    line = parser(tool)
    options = line.parse_args(arguments)
    if hasattr(options, "preset"):
        line.set_defaults(**PRESETS[options.preset])
        options = line.parse_args(arguments)
    return options


def _help(option: Option) -> str:
    parts = [option.help]
    if option.minimum is not None:
        parts.append(f"at least {option.minimum}" + ("" if option.maximum is None else f", at most {option.maximum}"))
    if option is THREADS:
        parts.append("default: 0, which means $GALAXY_SLOTS or 1")
    elif option.default is not None:
        parts.append(f"default: {option.default}")
    return "; ".join(parts).replace("%", "%%")


def _number(option: Option):
    def convert(text: str):
        try:
            value = option.kind(text)
        except ValueError:
            expected = "a whole number" if option.kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {expected}") from None
        if option.kind is float and not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text} is not a number to compute with")
        if option.minimum is not None and value < option.minimum:
            raise argparse.ArgumentTypeError(f"{text} is below the least allowed value, {option.minimum}")
        if option.maximum is not None and value > option.maximum:
            raise argparse.ArgumentTypeError(f"{text} is above the greatest allowed value, {option.maximum}")
        return value

    return convert


def library_keywords(tool: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that the tool's library call takes: all but the outputs and the threads."""
    return {
        option.name: getattr(options, option.name)
        for option in OPTIONS[tool]
        if option.kind is not OUTPUT and option is not THREADS
    }
