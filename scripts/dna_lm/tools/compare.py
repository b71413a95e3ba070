"""Compare fine-tuned DNA language models on the same labeled DNA."""

from collections.abc import Callable
from dataclasses import dataclass

from ..evaluation.options import CompareOptions
from ..options import OUTPUT, ThreadOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CompareOptions, ThreadOptions):
    """The options of the command line."""

    metrics_out: str = option("Scores of each adapter with 95% intervals (tabular)", kind=OUTPUT)
    differences_out: str = option(
        "Differences of each pair of adapters, with intervals and p values (tabular)", kind=OUTPUT
    )
    plot_out: str = option("Figure: ROC and precision-recall curves and scores; of numbers, scores (PNG)", kind=OUTPUT)
    report_out: str = option("Report (Galaxy Markdown)", kind=OUTPUT)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads)
    from ..data.tables import write_tsv
    from ..evaluation.comparing import compare
    from ..evaluation.comparison_figure import plot_comparison
    from ..evaluation.comparison_report import comparison_report
    from ..outputs import staged_outputs
    from ..reports.writing import write_report

    with staged_outputs(options) as path_of:
        result = compare(options, say)
        write_tsv(result.metrics_table(), path_of["metrics_out"], result.target.score_format)
        write_tsv(result.differences, path_of["differences_out"], ".4g")
        plot_comparison(result, path_of["plot_out"])
        write_report(comparison_report(result), path_of, options)
