"""Predict the labels of DNA with a fine-tuned DNA language model."""

from collections.abc import Callable
from dataclasses import dataclass

from ..options import OUTPUT, ThreadOptions, asked_outputs, option
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
    from ..outputs import staged
    from ..prediction.predicting import predict

    asked = asked_outputs(options)
    with staged(*asked.values()) as paths:
        path_of = dict(zip(asked, paths, strict=True))
        predicted = predict(options, path_of["predictions_out"], path_of.get("skipped_out"), say)
        if "plot_out" in path_of:
            from ..prediction.prediction_figure import plot_predictions

            plot_predictions(predicted, path_of["plot_out"])
        from ..prediction.prediction_report import prediction_report
        from ..reports.writing import write_report

        write_report(prediction_report(predicted), path_of, options)
