"""Options of preparing a dataset."""

from dataclasses import dataclass

from ..options import INPUT, MANY, SeedOptions, TargetOptions, option
from ..words import (
    BOTH_STRANDS,
    CHROMOSOME,
    COLUMN,
    DOWNSAMPLE,
    DOWNSAMPLE_ALL,
    GENOME,
    GROUP,
    KEEP,
    NO,
    NONE,
    RANDOM,
    REFUSE,
    REVERSE_COMPLEMENT,
    SAME_STRAND,
    SHUFFLE,
    SIMILARITY,
    YES,
)


@dataclass(frozen=True, kw_only=True)
class GenomeOptions:
    """The genome."""

    genome: str | None = option(
        "Genome that regions are cut from and negatives are drawn from: FASTA, optionally gzipped",
        kind=INPUT,
        optional=True,
    )


@dataclass(frozen=True, kw_only=True)
class InputOptions(TargetOptions, GenomeOptions):
    """Where labeled sequences come from."""

    table: str | None = option("Table of labeled sequences: CSV or TSV, optionally gzipped", kind=INPUT, optional=True)
    train_table: str | None = option(
        "Training set of data that are already split: CSV or TSV, optionally gzipped", kind=INPUT, optional=True
    )
    dev_table: str | None = option(
        "Development set; if it is not given, it is drawn from the training set", kind=INPUT, optional=True
    )
    test_table: str | None = option("Test set", kind=INPUT, optional=True)
    header: str = option("Whether the first line of a table names its columns", YES, choices=(YES, NO))
    sequence_column: str = option("Column with the sequences: its name, or its number from 1", "sequence")
    label_column: str = option("Column with the labels: its name, or its number from 1", "label")
    fasta: list[str] | None = option(
        "LABEL=FILE: FASTA file with the sequences of one class, optionally gzipped; repeat for each class",
        kind=MANY,
        optional=True,
    )
    intervals: list[str] | None = option(
        "LABEL=FILE: BED or narrowPeak file with the regions of one class, optionally gzipped; repeat for each class",
        kind=MANY,
        optional=True,
    )
    window: int = option(
        "Length of the window around each region's center, in nt; 0 uses the regions as they are",
        200,
        minimum=0,
        maximum=1000000,
    )
    window_center: str = option(
        "Center of the window: the peak's summit if the file has one, or the middle of the region",
        "summit",
        choices=("summit", "middle"),
    )


@dataclass(frozen=True, kw_only=True)
class NegativeOptions(GenomeOptions, SeedOptions):
    """Negatives that are made."""

    negatives: str = option(
        "Negatives to generate: none, shuffles of the given sequences with the same dinucleotide counts, or regions of "
        "the genome with the same length and GC content",
        NONE,
        choices=(NONE, SHUFFLE, GENOME),
    )
    negative_label: str = option("Label of the generated negatives", "negative")
    negative_ratio: float = option("Number of negatives per positive", 1.0, minimum=0.01, maximum=100)
    negative_distance: int = option(
        "Minimum distance of negatives from the genome from any positive or excluded region, in nt",
        1000,
        minimum=0,
        maximum=100000000,
    )
    exclude: str | None = option(
        "Regions that no negative may come from: BED, optionally gzipped", kind=INPUT, optional=True
    )


@dataclass(frozen=True, kw_only=True)
class CleaningOptions:
    """What becomes of unusual sequences and of copies."""

    max_ambiguous: float = option(
        "Maximum fraction of ambiguous nucleotides (N and other IUPAC codes) in a sequence",
        0.1,
        minimum=0,
        maximum=1,
    )
    ambiguous: str = option(
        "Ambiguous nucleotides in the remaining sequences: kept, or replaced by N", KEEP, choices=(KEEP, "mask")
    )
    length: int = option("Target length of the sequences, in nt; 0 keeps all lengths", 0, minimum=0, maximum=1000000)
    longer: str = option(
        "Longer sequences: trimmed to the center, removed, or kept", "crop", choices=("crop", "drop", KEEP)
    )
    shorter: str = option(
        "Shorter sequences: kept, padded with N on both sides, or removed",
        KEEP,
        choices=(KEEP, "pad", "drop"),
    )
    duplicates: str = option(
        "Duplicates to remove: on either strand, on the same strand only, or none",
        BOTH_STRANDS,
        choices=(BOTH_STRANDS, SAME_STRAND, KEEP),
    )
    contradictory: str = option(
        "Sequences with conflicting labels: stop with an error, or remove all copies", REFUSE, choices=(REFUSE, "drop")
    )


@dataclass(frozen=True, kw_only=True)
class SplittingOptions(TargetOptions, SeedOptions):
    """How sequences are divided into train, dev and test."""

    balance: str = option(
        "Whether to downsample the larger classes until all are equally frequent: in the training set, or in all "
        "splits, so that scores no longer apply to the class frequencies of the data",
        NONE,
        choices=(NONE, DOWNSAMPLE, DOWNSAMPLE_ALL),
    )
    split: str | None = option(
        "How to split: at random, by similarity, by chromosome, by a column of groups, or as a column of the table "
        "says; default: regions by similarity, data that are already split as they are, everything else at random",
        optional=True,
        choices=(RANDOM, SIMILARITY, CHROMOSOME, GROUP, COLUMN),
    )
    fractions: str = option("Proportions of train, dev and test, three numbers that add up to 1", "0.8,0.1,0.1")
    tolerance: float = option(
        "Maximum deviation, per label, from these proportions when groups or similar sequences are kept together",
        0.05,
        minimum=0,
        maximum=0.5,
    )
    split_column: str | None = option(
        "Column with the chromosomes, groups or splits: its name, or its number from 1; default: the column chrom, "
        "group or split",
        optional=True,
    )
    dev_chromosomes: str = option("Chromosomes of the development set, separated by commas", "chr9")
    test_chromosomes: str = option("Chromosomes of the test set, separated by commas", "chr8")
    augment: str = option(
        "Data augmentation: none, or the reverse complements of the training sequences",
        NONE,
        choices=(NONE, REVERSE_COMPLEMENT),
    )


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(InputOptions, NegativeOptions, CleaningOptions, SplittingOptions):
    """All options of preparing."""
