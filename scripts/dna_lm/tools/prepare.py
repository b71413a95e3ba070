"""Clean labeled DNA and split it into train, dev and test."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..base_models.options import BaseModelOptions
from ..options import OUTPUT, ThreadOptions, option
from ..preparation.options import PrepareOptions

if TYPE_CHECKING:
    from ..preparation.preparing import Prepared


@dataclass(frozen=True, kw_only=True)
class Options(PrepareOptions, BaseModelOptions, ThreadOptions):
    """The options of the command line."""

    train_out: str = option("Training set (CSV)", kind=OUTPUT)
    dev_out: str = option("Development set (CSV)", kind=OUTPUT)
    test_out: str = option("Test set (CSV)", kind=OUTPUT)
    summary_out: str = option("Numbers of sequences after each step of the preparation (tabular)", kind=OUTPUT)
    leakage_out: str | None = option("Leakage between the splits (tabular)", kind=OUTPUT, optional=True)
    offenders_out: str | None = option(
        "Examples of sequences that leak between the splits (tabular)", kind=OUTPUT, optional=True
    )
    plot_out: str | None = option("Lengths, GC and k-mers of each label and split (PNG)", kind=OUTPUT, optional=True)
    report_out: str | None = option("Report (Galaxy Markdown)", kind=OUTPUT, optional=True)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)


# The outputs for which a prepared dataset is looked at.
INSPECTED = {"leakage_out", "offenders_out", "plot_out", "report_out", "pdf_out"}


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import limit_threads

    limit_threads(options.threads)
    from ..data.tables import write_csv, write_tsv
    from ..outputs import staged_outputs
    from ..preparation.preparing import prepare

    with staged_outputs(options) as path:
        prepared = prepare(options)
        if options.split is None and options.intervals:
            say(f"regions are split by similarity unless another way is chosen: {prepared.how_split}")
        for name, part in prepared.splits.items():
            write_csv(part, path[f"{name}_out"])
        write_tsv(prepared.summary(), path["summary_out"])
        warnings = prepared.warnings
        if path.keys() & INSPECTED:
            warnings = _inspect(options, prepared, path)
        for sentence in prepared.read:
            say(sentence)
        for sentence in warnings:
            say(f"warning: {sentence}")


def _inspect(options: Options, prepared: "Prepared", path: dict[str, Path]) -> list[str]:
    """Write those outputs of INSPECTED that have a path, and return the warnings for the user."""
    from ..data.tables import write_tsv
    from ..preparation.inspecting import Inspection

    seen = Inspection(prepared, options.base_model, options.base_model_id, options.seed)
    if "leakage_out" in path:
        write_tsv(seen.leakage.counts, path["leakage_out"])
    if "offenders_out" in path:
        write_tsv(seen.leakage.offenders, path["offenders_out"])
    if "plot_out" in path:
        from ..preparation.figure import plot_dataset

        plot_dataset(seen.look, path["plot_out"])
    if not path.keys() & {"report_out", "pdf_out"}:
        return prepared.warnings
    from ..preparation.report import dataset_report
    from ..reports.writing import write_report

    write_report(dataset_report(seen.report()), path, options)
    return seen.warnings()
