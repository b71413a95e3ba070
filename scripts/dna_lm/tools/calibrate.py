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


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads)
    from ..adapters.dataset import save_adapter
    from ..data.tables import write_tsv
    from ..evaluation.calibrating import calibrate
    from ..evaluation.calibration_figure import plot_calibration
    from ..evaluation.calibration_report import write_calibration_report
    from ..outputs import staged

    places = (options.calibrated_out, options.table_out, options.plot_out, options.report_out)
    with staged(*places) as (adapter_path, table_path, plot_path, report_path):
        result = calibrate(options, say)
        save_adapter(result.adapter, adapter_path)
        write_tsv(result.scores, table_path, ".4f")
        plot_calibration(result, plot_path)
        write_calibration_report(result, report_path)
