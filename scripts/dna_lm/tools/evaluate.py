"""Score a fine-tuned DNA language model on labeled DNA."""

from collections.abc import Callable
from dataclasses import dataclass

from ..evaluation.options import EvaluateOptions
from ..options import OUTPUT, ThreadOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(EvaluateOptions, ThreadOptions):
    """The options of the command line."""

    metrics_out: str = option("Metrics with 95% intervals (tabular)", kind=OUTPUT)
    predictions_out: str = option("Predictions (tabular)", kind=OUTPUT)
    errors_out: str | None = option("The worst errors (tabular)", kind=OUTPUT, optional=True)
    ladder_out: str | None = option(
        "Simpler models beside the adapter (tabular); needs --train", kind=OUTPUT, optional=True
    )
    plot_out: str = option(
        "Figure: ROC, precision-recall and confusion; of numbers, predicted against true (PNG)", kind=OUTPUT
    )
    reliability_plot_out: str | None = option(
        "Figure: reliability and distribution of the probabilities (PNG)", kind=OUTPUT, optional=True
    )
    composition_plot_out: str | None = option(
        "Figure: errors by length and GC content (PNG)", kind=OUTPUT, optional=True
    )
    ladder_plot_out: str | None = option(
        "Figure: simpler models beside the adapter (PNG); needs --train", kind=OUTPUT, optional=True
    )
    report_out: str = option("Report (Galaxy Markdown)", kind=OUTPUT)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads)
    from ..evaluation.evaluating import evaluate, with_files
    from ..evaluation.outputs import check_outputs, write_evaluation
    from ..outputs import staged_outputs

    options = with_files(options)
    with staged_outputs(options) as path_of:
        check_outputs(path_of, options.train)
        result = evaluate(options, say)
        write_evaluation(result, path_of, options)
