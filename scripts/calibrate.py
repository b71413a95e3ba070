#!/usr/bin/env python3
"""Choose the temperature and the thresholds of a fine-tuned DNA language model."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    from dna_lm.adapters.adapter import save_adapter
    from dna_lm.data.tables import write_tsv
    from dna_lm.evaluation.calibrating import calibrate
    from dna_lm.evaluation.calibration_figure import plot_calibration
    from dna_lm.evaluation.calibration_report import write_calibration_report
    from dna_lm.outputs import staged

    places = (options.calibrated_out, options.table_out, options.plot_out, options.report_out)
    with staged(*places) as (adapter_path, table_path, plot_path, report_path):
        result = calibrate(**library_keywords("calibrate", options), progress=say)
        save_adapter(result.adapter, adapter_path)
        write_tsv(result.scores, table_path, ".4f")
        plot_calibration(result, plot_path)
        write_calibration_report(result, report_path)


if __name__ == "__main__":
    run("calibrate", main)
