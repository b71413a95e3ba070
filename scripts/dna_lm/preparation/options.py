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
        "Genome of the regions, or of the negatives to be drawn: FASTA, also gzipped", kind=INPUT, optional=True
    )


@dataclass(frozen=True, kw_only=True)
class InputOptions(TargetOptions, GenomeOptions):
    """Where labeled sequences come from."""

    table: str | None = option("Labeled sequences: CSV or TSV, also gzipped", kind=INPUT, optional=True)
    train_table: str | None = option(
        "Labeled sequences that are split already: those of train", kind=INPUT, optional=True
    )
    dev_table: str | None = option("Those of dev; without them, dev is drawn from train", kind=INPUT, optional=True)
    test_table: str | None = option("Those of test", kind=INPUT, optional=True)
    header: str = option(
        "Whether the first line of a table names its columns",
        YES,
        choices=(
            YES,
            NO,
        ),
    )
    sequence_column: str = option("Column of the table with the sequences: its name, or its number from 1", "sequence")
    label_column: str = option("Column of the table with the labels: its name, or its number from 1", "label")
    fasta: list[str] | None = option(
        "LABEL=FILE: sequences of one label in FASTA, also gzipped; once for each label", kind=MANY, optional=True
    )
    intervals: list[str] | None = option(
        "LABEL=FILE: regions of one label in BED or narrowPeak, also gzipped; once for each label",
        kind=MANY,
        optional=True,
    )
    window: int = option(
        "Width of the window about each region's center, in nt; 0 takes the regions as they are",
        200,
        minimum=0,
        maximum=1000000,
    )
    window_center: str = option(
        "Centre of the window: the peak's summit where the file has one, or the middle of the region",
        "summit",
        choices=(
            "summit",
            "middle",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class NegativeOptions(GenomeOptions, SeedOptions):
    """Negatives that are made."""

    negatives: str = option(
        "Negatives to make for the sequences given: none, shuffles of each with the same counts of "
        "dinucleotides, or regions of the genome with the same GC and length",
        NONE,
        choices=(
            NONE,
            SHUFFLE,
            GENOME,
        ),
    )
    negative_label: str = option("Label of the negatives that are made", "negative")
    negative_ratio: float = option("Negatives for each sequence given", 1.0, minimum=0.01, maximum=100)
    negative_distance: int = option(
        "Nucleotides between a region of the genome and the nearest region given", 1000, minimum=0, maximum=100000000
    )
    exclude: str | None = option("Regions to draw no negatives from: BED, also gzipped", kind=INPUT, optional=True)


@dataclass(frozen=True, kw_only=True)
class CleaningOptions:
    """What becomes of unusual sequences and of copies."""

    max_ambiguous: float = option(
        "Greatest share of letters other than A, C, G, T in a sequence that is kept", 0.1, minimum=0, maximum=1
    )
    ambiguous: str = option(
        "Such letters in the sequences that are kept: left as they are, or each written as N",
        KEEP,
        choices=(
            KEEP,
            "mask",
        ),
    )
    length: int = option(
        "Length to bring the sequences to, in nt; 0 leaves all lengths as they are", 0, minimum=0, maximum=1000000
    )
    longer: str = option(
        "Sequences longer than that: cut to the middle, dropped, or kept",
        "crop",
        choices=(
            "crop",
            "drop",
            KEEP,
        ),
    )
    shorter: str = option(
        "Sequences shorter than that: kept, filled up with N on both sides, or dropped",
        KEEP,
        choices=(
            KEEP,
            "pad",
            "drop",
        ),
    )
    duplicates: str = option(
        "Copies of a sequence that are removed: those on either strand, on the same one, or none",
        BOTH_STRANDS,
        choices=(
            BOTH_STRANDS,
            SAME_STRAND,
            KEEP,
        ),
    )
    contradictory: str = option(
        "What to do with a sequence that comes with more than one label",
        REFUSE,
        choices=(
            REFUSE,
            "drop",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class SplittingOptions(TargetOptions, SeedOptions):
    """How sequences are divided into train, dev and test."""

    balance: str = option(
        "Whether to drop sequences at random until each label has as many: in train, or in all splits, so "
        "that scores no longer belong to the share of each label in the data",
        NONE,
        choices=(
            NONE,
            DOWNSAMPLE,
            DOWNSAMPLE_ALL,
        ),
    )
    split: str | None = option(
        "How to split: at random, by chromosome, by a column of groups, by similarity, or as a column of the "
        "table says; default: regions by similarity, tables that are split already as they are, all else at "
        "random",
        optional=True,
        choices=(
            RANDOM,
            SIMILARITY,
            CHROMOSOME,
            GROUP,
            COLUMN,
        ),
    )
    fractions: str = option("Shares of train, dev and test", "0.8,0.1,0.1")
    tolerance: float = option(
        "How far a label's share in a split may be from the fraction, where groups or similar sequences stay together",
        0.05,
        minimum=0,
        maximum=0.5,
    )
    split_column: str | None = option(
        "Column of the table with the chromosomes, groups or splits: its name, or its number from 1; without "
        "it the column is called chrom, group or split",
        optional=True,
    )
    dev_chromosomes: str = option("Chromosomes of dev, separated by commas", "chr9")
    test_chromosomes: str = option("Chromosomes of test, separated by commas", "chr8")
    augment: str = option(
        "Whether to add the reverse complement of each training sequence to train",
        NONE,
        choices=(
            NONE,
            REVERSE_COMPLEMENT,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(InputOptions, NegativeOptions, CleaningOptions, SplittingOptions):
    """All options of preparing."""
