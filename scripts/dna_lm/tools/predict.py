"""Predict the labels of DNA with a fine-tuned DNA language model."""

from collections.abc import Callable
from dataclasses import dataclass

from ..options import OUTPUT, ThreadOptions, option
from ..prediction.options import PredictOptions


@dataclass(frozen=True, kw_only=True)
class Options(PredictOptions, ThreadOptions):
    """The options of the command line."""

    predictions_out: str = option("Predictions (tabular)", kind=OUTPUT)
    skipped_out: str | None = option("Sequences that were not predicted, and why (tabular)", kind=OUTPUT, optional=True)
    plot_out: str | None = option("Figure: predicted labels and probabilities (PNG)", kind=OUTPUT, optional=True)
    report_out: str | None = option("Report (Galaxy Markdown)", kind=OUTPUT, optional=True)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads)
    from ..outputs import staged_outputs
    from ..prediction.predicting import predict

    with staged_outputs(options) as path_of:
        count = bool(path_of.keys() & {"plot_out", "report_out", "pdf_out"})
        predicted = predict(options, path_of["predictions_out"], path_of.get("skipped_out"), say, count=count)
        if predicted is None:
            return
        if "plot_out" in path_of:
            from ..prediction.prediction_figure import plot_predictions

            plot_predictions(predicted, path_of["plot_out"])
        from ..prediction.prediction_report import prediction_report
        from ..reports.writing import write_report

        write_report(prediction_report(predicted), path_of, options)
