"""The options of adapter."""

from .choices import AUTO, BOTH, CLASSES, EXPORT, FORWARD, IMPORT, MERGE, MULTI_LABEL, NUMBER, SHOW
from .option import INPUT, OF_ADAPTER, OUTPUT, THREADS, Option

ADAPTER_TOOL = (
    Option(
        "action",
        str,
        "What to do: show what an adapter is, export it in PEFT's own form, merge it with its base model into a model "
        "of its own, or import one in PEFT's form",
        choices=(SHOW, EXPORT, MERGE, IMPORT),
    ),
    Option("adapter", INPUT, "Adapter made by finetune, to be shown, exported or merged", optional=True),
    Option("member", int, "Which model of an ensemble is exported or merged, from 1", 1, minimum=1, maximum=20),
    Option(
        "archive",
        INPUT,
        "Archive (zip, tar, tar.gz) to be imported, with adapter_config.json and adapter_model.safetensors",
        optional=True,
    ),
    Option(
        "target",
        str,
        "What an imported adapter answers: one of several classes, any of several labels, or a number; 'auto': as the "
        "archive says, or else one of several classes",
        AUTO,
        choices=(AUTO, CLASSES, MULTI_LABEL, NUMBER),
    ),
    Option(
        "labels", str, "Labels of an imported adapter, in order, with commas between; 'auto': as the archive says", AUTO
    ),
    Option(
        "max_length",
        int,
        "Tokens of a sequence that an imported adapter reads; 0: as the archive says, or else 200",
        0,
        minimum=0,
        maximum=10_000_000,
    ),
    Option(
        "kmer",
        int,
        "Length of the overlapping k-mers that an imported adapter reads; 0: what the base model's tokenizer reads, "
        "-1: as the archive says, or else none",
        -1,
        minimum=-1,
        maximum=12,
    ),
    Option(
        "strands",
        str,
        "Strands that an imported adapter reads; 'auto': as the archive says, or else the one that is given",
        AUTO,
        choices=(AUTO, BOTH, FORWARD),
    ),
    *OF_ADAPTER,
    THREADS,
    Option("exported_out", OUTPUT, "PEFT folder (zip), for export", optional=True),
    Option("merged_out", OUTPUT, "Merged model (zip), for merge", optional=True),
    Option("imported_out", OUTPUT, "Adapter (safetensors), for import", optional=True),
    Option("table_out", OUTPUT, "What the adapter is (tabular)"),
    Option("report_out", OUTPUT, "Report (Galaxy Markdown)"),
)
