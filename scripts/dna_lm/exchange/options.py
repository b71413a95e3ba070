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
        "What to do: show what an adapter is, export it in PEFT's format, merge it into its base model, or import "
        "an adapter in PEFT's format",
        choices=(SHOW, EXPORT, MERGE, IMPORT),
    )
    adapter: str | None = option("Adapter made by finetune, to show, export or merge", kind=INPUT, optional=True)
    member: int = option("Which model of an ensemble to export or merge, counted from 1", 1, minimum=1, maximum=20)


@dataclass(frozen=True, kw_only=True)
class ImportOptions(ExportOptions):
    """What is imported, and how it is read."""

    archive: str | None = option(
        "Archive (zip, tar, tar.gz) to import, with adapter_config.json and adapter_model.safetensors",
        kind=INPUT,
        optional=True,
    )
    target: str = option(
        "Task of an imported adapter: classification, multi-label classification or regression; auto: as recorded in "
        "the archive, or else classification",
        AUTO,
        choices=(AUTO, CLASSES, MULTI_LABEL, NUMBER),
    )
    labels: str = option(
        "Labels of an imported adapter, in order, separated by commas; auto: as recorded in the archive", AUTO
    )
    max_length: int = option(
        "Maximum number of tokens that an imported adapter reads; 0: as recorded in the archive, or else 200",
        0,
        minimum=0,
        maximum=10000000,
    )
    kmer: int = option(
        "Length of the overlapping k-mers that an imported adapter reads; 0 finds it from the tokenizer, "
        "-1: as recorded in the archive, or else none",
        -1,
        minimum=-1,
        maximum=LONGEST_KMER,
    )
    strands: str = option(
        "Strands that an imported adapter reads; auto: as recorded in the archive, or else the given one",
        AUTO,
        choices=(AUTO, BOTH, FORWARD),
    )


@dataclass(frozen=True, kw_only=True)
class InstallOptions:
    """The base model that is installed."""

    hub_model: str | None = option("Model on the Hugging Face hub, as OWNER/NAME", optional=True)
    hub_revision: str = option("Branch, tag or commit on the hub; the commit is recorded", "main")
    archive: str | None = option("Archive (zip, tar, tar.gz) of a Hugging Face folder", kind=INPUT, optional=True)
    folder: str | None = option("Hugging Face folder on this machine", kind=INPUT, optional=True)
    model_id: str | None = option(
        "Identifier in the table, recorded in adapters; default: the name on the hub", optional=True
    )
    label: str | None = option(
        "What users see in the forms, to which the license is added; default: name and size of a known model, or else "
        "the identifier",
        optional=True,
    )
    license: str | None = option(
        "License of the model, such as Apache-2.0; default: as known of the model, or stated on the hub or in a "
        "README.md beside the model",
        optional=True,
    )
    max_gb: float = option("Maximum size of the model in gigabytes", 20.0, minimum=0.001, maximum=10000)
    load: str = option("Load the weights and try them as a classifier (needs memory)", YES, choices=(YES, NO))
