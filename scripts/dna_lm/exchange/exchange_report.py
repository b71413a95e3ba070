"""The reports on adapters that were taken out or in."""

from ..reports.markdown import bullets, pipe_table, warned
from .adapter_report import about
from .exporting import Exported
from .importing import Imported


def import_report(result: Imported) -> list[str]:
    """Return the blocks of the report of an import."""
    return ["# An imported adapter", *warned(result.warnings), bullets(result.notes), *about(result.adapter)]


def export_report(result: Exported) -> list[str]:
    """Return the blocks of the report of an export or a merge."""
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
    return [
        "# A merged model" if merged else "# An exported adapter",
        f"{text}{one} `README.md` in it is a model card with code that loads it. **Choose a license and add scores "
        "on a test split before you publish it.**",
        pipe_table(["file", "bytes"], [(name, f"{size:,}") for name, size in result.files]),
        *about(result.adapter),
    ]
