"""Options of applying an adapter."""

from dataclasses import dataclass

from ..adapters.options import AdapterBaseModelOptions
from ..options import INPUT, option
from ..words import AUTO, BOTH, CUT, FORWARD, MAX, MEAN, RECORDED, REVERSE, WINDOWS

_AMBIGUOUS = (
    "Maximum fraction of ambiguous nucleotides (N and other IUPAC codes) in a sequence or window that is predicted"
)


@dataclass(frozen=True, kw_only=True)
class ApplyingOptions(AdapterBaseModelOptions):
    """How an adapter is applied, whatever it is applied to."""

    batch_size: int = option("Maximum number of sequences in a batch; fewer if they are long", 64, minimum=1)


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(ApplyingOptions):
    """How new sequences are read."""

    adapter: str = option("Adapter made by finetune", kind=INPUT)
    strand: str = option(
        "Strand to read: the one that the adapter was trained on, the sequence as given, its reverse complement, or "
        "both, whose outputs are averaged",
        RECORDED,
        choices=(RECORDED, FORWARD, REVERSE, BOTH),
    )
    window: int = option(
        "Window length in nucleotides, at least 10; 0: the median length of the training sequences, or 200 if the "
        "adapter does not record it",
        0,
        minimum=0,
        maximum=1000000,
    )
    max_ambiguous: float = option(_AMBIGUOUS, 0.5, minimum=0, maximum=1)
    precision: str = option(
        "Floating-point format; auto: bf16 or fp16 where the hardware is faster with them and a trial on some of the "
        "sequences hardly changes the probabilities, else fp32",
        AUTO,
        choices=(AUTO, "fp32", "bf16", "fp16"),
    )


@dataclass(frozen=True, kw_only=True)
class PredictOptions(ReadingOptions):
    """All options of predicting."""

    input: str = option("Sequences: FASTA, CSV or TSV, also gzipped", kind=INPUT)
    input_format: str = option("Format of the input", choices=("fasta", "csv", "tabular"))
    sequence_column: str = option("Column of a table with the sequences: its name, or its number from 1", "sequence")
    long: str = option(
        "Sequences longer than the model reads: truncate them (cut), or predict them in sliding windows (windows)",
        CUT,
        choices=(CUT, WINDOWS),
    )
    step: int = option(
        "Nucleotides from the start of a window to the start of the next, at most the window length; 0: half a window",
        0,
        minimum=0,
        maximum=1000000,
    )
    aggregate: str = option(
        "How to combine the predictions for the windows: the highest (of two classes, of the second; of more classes, "
        "the most confident), or the mean",
        MAX,
        choices=(MAX, MEAN),
    )
    min_length: int = option("Minimum length of a sequence in nucleotides", 1, minimum=1, maximum=1000000)


@dataclass(frozen=True, kw_only=True)
class ScanOptions(ReadingOptions):
    """All options of scanning."""

    genome: str = option("Genome to scan: FASTA, also gzipped", kind=INPUT)
    regions: str | None = option("Regions to scan, BED; without them, all of the genome", kind=INPUT, optional=True)
    label: str = option(
        "Label whose probability is mapped: its name, or its number from 1; auto: the last (of two labels, the second)",
        AUTO,
    )
    step: int = option(
        "Nucleotides from the start of a window to the start of the next, at most the window length; 0: a quarter of "
        "a window",
        0,
        minimum=0,
        maximum=1000000,
    )
    threshold: float = option(
        "Minimum probability of a region that is called; 0: the threshold that the adapter was calibrated to, or 0.5",
        0.0,
        minimum=0,
        maximum=1,
    )
    max_ambiguous: float = option(_AMBIGUOUS, 0.0, minimum=0, maximum=1)
