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


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads)
    from ..outputs import staged
    from ..prediction.predicting import predict

    paths = [path for path in (options.predictions_out, options.skipped_out) if path]
    with staged(*paths) as (predictions, *skipped):
        predict(options, predictions, skipped[0] if skipped else None, say)
