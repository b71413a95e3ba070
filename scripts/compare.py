#!/usr/bin/env python3
"""Compare fine-tuned DNA language models on the same labelled DNA."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    from dna_lm.data.tables import write_tsv
    from dna_lm.evaluation.comparing import compare
    from dna_lm.evaluation.comparison_figure import plot_comparison
    from dna_lm.evaluation.comparison_report import write_comparison_report
    from dna_lm.outputs import staged

    places = (options.metrics_out, options.differences_out, options.plot_out, options.report_out)
    with staged(*places) as (metrics_path, differences_path, plot_path, report_path):
        result = compare(**library_keywords("compare", options), progress=say)
        write_tsv(result.metrics_table(), metrics_path, result.target.score_format)
        write_tsv(result.differences, differences_path, ".4g")
        plot_comparison(result, plot_path)
        write_comparison_report(result, report_path)


if __name__ == "__main__":
    run("compare", main)
