"""The reports on adapters that were taken out or in."""

from pathlib import Path

from ..reports.markdown import bullets, pipe_table, warned, write
from .adapter_report import about
from .exporting import Exported
from .importing import Imported


def write_import_report(result: Imported, path: str | Path) -> None:
    """Write the report of an import."""
    write(path, "# An imported adapter", *warned(result.warnings), bullets(result.notes), *about(result.adapter))


def write_export_report(result: Exported, path: str | Path) -> None:
    """Write the report of an export or a merge."""
    merged = result.folder == "model"
    one = f" It holds model {result.member} of the {result.members} of the ensemble." if result.members > 1 else ""
    text = (
        "The archive holds a model that stands by itself, in float32: transformers loads it with "
        "`AutoModelForSequenceClassification.from_pretrained`, and the tools take the archive as a base model, of "
        "which they train a new head."
        if merged
        else "The archive holds the adapter as PEFT saves it: `PeftModel.from_pretrained` loads it on top of the base "
        "model."
    )
    write(
        path,
        "# A merged model" if merged else "# An exported adapter",
        f"{text}{one} `README.md` in it is a model card with code that loads it. **Choose a license and add scores "
        "on a test split before you publish it.**",
        pipe_table(["file", "bytes"], [(name, f"{size:,}") for name, size in result.files]),
        *about(result.adapter),
    )
