"""Options of taking adapters out of Galaxy and into it, and of installing base models."""

from dataclasses import dataclass

from ..adapters.options import AdapterBaseModelOptions
from ..options import INPUT, option
from ..words import (
    AUTO,
    BOTH,
    CLASSES,
    EXPORT,
    FORWARD,
    IMPORT,
    LONGEST_KMER,
    MERGE,
    MULTI_LABEL,
    NO,
    NUMBER,
    SHOW,
    YES,
)


@dataclass(frozen=True, kw_only=True)
class ExportOptions(AdapterBaseModelOptions):
    """What is done with which adapter."""

    action: str = option(
        "What to do: show what an adapter is, export it in PEFT's own form, merge it with its base model into"
        " a model of its own, or import one in PEFT's form",
        choices=(
            SHOW,
            EXPORT,
            MERGE,
            IMPORT,
        ),
    )
    adapter: str | None = option("Adapter made by finetune, to be shown, exported or merged", kind=INPUT, optional=True)
    member: int = option("Which model of an ensemble is exported or merged, from 1", 1, minimum=1, maximum=20)


@dataclass(frozen=True, kw_only=True)
class ImportOptions(ExportOptions):
    """What is imported, and how it is read."""

    archive: str | None = option(
        "Archive (zip, tar, tar.gz) to be imported, with adapter_config.json and adapter_model.safetensors",
        kind=INPUT,
        optional=True,
    )
    target: str = option(
        "What an imported adapter answers: one of several classes, any of several labels, or a number; "
        "'auto': as the archive says, or else one of several classes",
        AUTO,
        choices=(
            AUTO,
            CLASSES,
            MULTI_LABEL,
            NUMBER,
        ),
    )
    labels: str = option(
        "Labels of an imported adapter, in order, with commas between; 'auto': as the archive says", AUTO
    )
    max_length: int = option(
        "Tokens of a sequence that an imported adapter reads; 0: as the archive says, or else 200",
        0,
        minimum=0,
        maximum=10000000,
    )
    kmer: int = option(
        "Length of the overlapping k-mers that an imported adapter reads; 0: what the base model's tokenizer "
        "reads, -1: as the archive says, or else none",
        -1,
        minimum=-1,
        maximum=LONGEST_KMER,
    )
    strands: str = option(
        "Strands that an imported adapter reads; 'auto': as the archive says, or else the one that is given",
        AUTO,
        choices=(
            AUTO,
            BOTH,
            FORWARD,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class InstallOptions:
    """The base model that is installed."""

    hub_model: str | None = option("Model on the Hugging Face hub, as OWNER/NAME", optional=True)
    hub_revision: str = option("Branch, tag or commit on the hub; the commit that it stands for is recorded", "main")
    archive: str | None = option("Archive (zip, tar, tar.gz) of a Hugging Face folder", kind=INPUT, optional=True)
    folder: str | None = option("Hugging Face folder on this machine", kind=INPUT, optional=True)
    model_id: str | None = option(
        "Identifier in the table, recorded in adapters; without one, that on the hub", optional=True
    )
    label: str | None = option("What users see in the forms; without one, the identifier", optional=True)
    max_gb: float = option("Gigabytes that the model may have", 20.0, minimum=0.001, maximum=10000)
    load: str = option(
        "Load the weights to see whether they make a classifier (takes memory)",
        YES,
        choices=(
            YES,
            NO,
        ),
    )
