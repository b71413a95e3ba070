"""Choose the temperature and the thresholds of a fine-tuned DNA language model."""

from collections.abc import Callable
from dataclasses import dataclass

from ..evaluation.options import CalibrateOptions
from ..options import OUTPUT, ThreadOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CalibrateOptions, ThreadOptions):
    """The options of the command line."""

    calibrated_out: str = option("Calibrated adapter (safetensors)", kind=OUTPUT)
    table_out: str = option("Scores before and after (tabular)", kind=OUTPUT)
    plot_out: str = option("Reliability before and after, and scores by threshold (PNG)", kind=OUTPUT)
    report_out: str = option("Report (Galaxy Markdown)", kind=OUTPUT)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads)
    from ..adapters.dataset import save_adapter
    from ..data.tables import write_tsv
    from ..evaluation.calibrating import calibrate
    from ..evaluation.calibration_figure import plot_calibration
    from ..evaluation.calibration_report import calibration_report
    from ..outputs import staged_outputs
    from ..reports.writing import write_report

    with staged_outputs(options) as path_of:
        result = calibrate(options, say)
        save_adapter(result.adapter, path_of["calibrated_out"])
        write_tsv(result.scores, path_of["table_out"], ".4f")
        plot_calibration(result, path_of["plot_out"])
        write_report(calibration_report(result), path_of, options)
