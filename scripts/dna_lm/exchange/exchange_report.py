"""The reports on adapters that were taken out or in."""

from ..reports.markdown import bullets, pipe_table, warned
from .adapter_report import about, predicted
from .branch_words import parts_table
from .exporting import Exported
from .importing import Imported
from .network_words import own_network


def import_report(result: Imported) -> list[str]:
    """Return the blocks of the report of an import."""
    title = f"# Imported adapter: {predicted(result.adapter)}"
    return [title, *warned(result.warnings), bullets(result.notes), *about(result.adapter)]


def export_report(result: Exported) -> list[str]:
    """Return the blocks of the report of an export or a merge."""
    merged = result.folder == "model"
    one = f" It contains model {result.member} of the {result.members} of the ensemble." if result.members > 1 else ""
    own = own_network(result.adapter)
    loads = "" if own else "transformers loads it with `AutoModelForSequenceClassification.from_pretrained`, and "
    text = (
        f"The archive contains a stand-alone model in float32: {loads}the tools take the archive as a base model, of "
        "which they train a new head."
        if merged
        else "The archive contains the adapter in PEFT's format: `PeftModel.from_pretrained` loads it on top of the "
        "base model."
    )
    return [
        f"# {'Merged model' if merged else 'Exported adapter'}: {predicted(result.adapter)}",
        f"{text}{one} `README.md` in it is a model card with code that loads it. **Choose a license and add scores "
        "on a test set before you publish it.**",
        *([own.replace("The code below", "The code in the model card")] if own else []),
        *warned(result.warnings),
        # What an archive has of PEFT's form is shown with the adapter in it.
        *(parts_table(result.whole) if result.whole.branch and merged else []),
        pipe_table(["file", "bytes"], [(name, f"{size:,}") for name, size in result.files]),
        *about(result.adapter),
    ]
