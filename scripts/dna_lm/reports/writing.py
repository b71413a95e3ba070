"""Writing the report of a job: for Galaxy, and as PDF if that is asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data.textfiles import printable
from ..options import INPUT, MANY, OUTPUT, ThreadOptions, options_of
from .markdown import write


def write_report(blocks: Sequence[str], outputs: dict[str, Path], options: Any) -> None:
    """Write the report that is among a job's outputs, as Galaxy's Markdown and as PDF, or neither.

    outputs: paths by option, `report_out`, `pdf_out` and those of the tables and figures that the report shows, which
    are written already. options: of the job, for the report.
    """
    if "report_out" in outputs:
        write(outputs["report_out"], *blocks)
    if "pdf_out" in outputs:
        from .pdf import write_pdf  # loads matplotlib

        shown = {name.removesuffix("_out"): path for name, path in outputs.items()}
        write_pdf(outputs["pdf_out"], blocks, shown, _given(options))


def _given(options: Any) -> list[tuple[str, str]]:
    """Return the options of a job but its outputs and threads; of files the names."""
    result = []
    for option in options_of(type(options)):
        value = getattr(options, option.name)
        if option.kind is OUTPUT or option in options_of(ThreadOptions) or value in (None, []):
            continue
        if option.kind is INPUT:
            value = Path(value).name
        elif option.kind is MANY:
            value = ", ".join(_without_folder(one) for one in value)
        result.append((option.flag, printable(str(value))))
    return result


def _without_folder(text: str) -> str:
    """text: of an option that may be given several times, a path or NAME=PATH."""
    name, equals, path = text.rpartition("=")
    return f"{name}{equals}{Path(path).name}"
