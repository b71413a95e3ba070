#!/usr/bin/env python3
"""Score a fine-tuned DNA language model on labelled DNA."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    import pandas as pd

    from dna_lm.evaluating import evaluate
    from dna_lm.evaluation_figure import plot_evaluation
    from dna_lm.evaluation_report import write_evaluation_report
    from dna_lm.outputs import staged
    from dna_lm.tables import write_tsv

    places = (options.metrics_out, options.predictions_out, options.plot_out, options.report_out)
    with staged(*places) as (metrics_path, predictions_path, plot_path, report_path):
        result = evaluate(**library_keywords("evaluate", options), progress=say)
        target = result.adapter.target
        scores = pd.DataFrame(list(result.scores.items()), columns=["metric", "value"])
        write_tsv(scores, metrics_path, target.score_format)
        write_tsv(result.predictions, predictions_path, target.answer_format)
        plot_evaluation(target, result.truth, result.answers, plot_path)
        write_evaluation_report(result, report_path)


if __name__ == "__main__":
    run("evaluate", main)
