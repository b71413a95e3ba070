"""Options of applying an adapter."""

from dataclasses import dataclass

from ..adapters.options import AdapterBaseModelOptions
from ..options import INPUT, option
from ..words import AUTO, BOTH, CUT, FORWARD, MAX, MEAN, RECORDED, REVERSE, WINDOWS


@dataclass(frozen=True, kw_only=True)
class ApplyingOptions(AdapterBaseModelOptions):
    """How an adapter is applied, whatever it is applied to."""

    batch_size: int = option("Sequences in a batch at most; of long ones there are fewer", 64, minimum=1)


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(ApplyingOptions):
    """How new sequences are read."""

    adapter: str = option("Adapter made by finetune", kind=INPUT)
    strand: str = option(
        "Strand that is read: as the adapter records, the one given, its reverse complement, or the mean of both",
        RECORDED,
        choices=(
            RECORDED,
            FORWARD,
            REVERSE,
            BOTH,
        ),
    )
    window: int = option(
        "Letters of a window, 10 at least; 0: as many as the training sequences had (their median), or 200 if"
        " the adapter does not record that",
        0,
        minimum=0,
        maximum=1000000,
    )
    max_ambiguous: float = option(
        "Share of letters other than A, C, G and T that a sequence or window may have to be predicted",
        0.5,
        minimum=0,
        maximum=1,
    )
    precision: str = option(
        "Numbers to compute with; auto: bf16 or fp16 where the hardware computes faster with them and, as "
        "some of the sequences show, probabilities hardly move; else fp32",
        AUTO,
        choices=(
            AUTO,
            "fp32",
            "bf16",
            "fp16",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class PredictOptions(ReadingOptions):
    """All options of predicting."""

    input: str = option("Sequences: FASTA, CSV or TSV, also gzipped", kind=INPUT)
    input_format: str = option(
        "Format of the input",
        choices=(
            "fasta",
            "csv",
            "tabular",
        ),
    )
    sequence_column: str = option("Column of a table with the sequences: its name, or its number from 1", "sequence")
    long: str = option(
        "Sequences that are longer than the model reads lose their end (cut), or all of a sequence is read in windows",
        CUT,
        choices=(
            CUT,
            WINDOWS,
        ),
    )
    step: int = option(
        "Letters from the start of a window to that of the next, at most those of a window; 0: half a window",
        0,
        minimum=0,
        maximum=1000000,
    )
    aggregate: str = option(
        "How the answers for the windows become one: the highest (of two classes the second, of more the "
        "surest), or the mean",
        MAX,
        choices=(
            MAX,
            MEAN,
        ),
    )
    min_length: int = option("Letters that a sequence needs to be predicted", 1, minimum=1, maximum=1000000)


@dataclass(frozen=True, kw_only=True)
class ScanOptions(ReadingOptions):
    """All options of scanning."""

    genome: str = option("Genome to scan: FASTA, also gzipped", kind=INPUT)
    regions: str | None = option("Regions to scan, BED; without them, all of the genome", kind=INPUT, optional=True)
    label: str = option(
        "Label whose probability is followed: its name, or its number from 1; auto: the last, which of two is"
        " the second",
        AUTO,
    )
    step: int = option(
        "Letters from the start of a window to that of the next, at most those of a window; 0: a quarter of a window",
        0,
        minimum=0,
        maximum=1000000,
    )
    threshold: float = option(
        "Least probability of a region that is called; 0: as the adapter was calibrated, or 0.5",
        0.0,
        minimum=0,
        maximum=1,
    )
    max_ambiguous: float = option(
        "Share of letters other than A, C, G and T that a sequence or window may have to be predicted",
        0.0,
        minimum=0,
        maximum=1,
    )
