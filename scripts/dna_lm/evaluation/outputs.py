"""The files of an evaluation: tables, figures and the report, those that are asked for."""

from collections.abc import Iterable
from pathlib import Path

from ..data.tables import write_tsv
from ..errors import UserError
from ..reports.writing import write_report
from ..scores.registry import TITLES
from ..words import NUMBER
from .composition_figure import plot_composition
from .evaluating import Evaluated
from .figure import plot_evaluation
from .ladder import SCORES
from .ladder_figure import plot_ladder
from .ladder_section import ladder_title
from .options import EvaluateOptions
from .reliability_figure import plot_reliability
from .report import report_blocks


def check_outputs(asked: Iterable[str], train: str | None) -> None:
    """Raise UserError for a ladder without a training split.

    asked: options of the outputs. train: the option.
    """
    if not train and {"ladder_out", "ladder_plot_out"} & set(asked):
        raise UserError(
            'simpler models are trained on the "Training set" (--train), which is not given; select it, or set '
            '"Compare with simpler models" to "No" (--baselines no, without --ladder-out and --ladder-plot-out)'
        )


def write_evaluation(result: Evaluated, paths: dict[str, Path], options: EvaluateOptions) -> None:
    """Write the outputs.

    paths: where, by option (`metrics_out` and so on). options: of the job, for the report.
    """
    path_of = {name.removesuffix("_out"): path for name, path in paths.items()}
    target, judged = result.adapter.target, (result.truth, result.predictions, result.predicted)
    of_numbers = target.kind == NUMBER
    decision = result.adapter.decision
    writers = {
        "metrics": lambda path: write_tsv(result.metrics_table(), path),
        "predictions": lambda path: write_tsv(result.table, path, target.answer_format),
        "errors": lambda path: write_tsv(result.worst, path, target.answer_format),
        "ladder": lambda path: write_tsv(result.ladder.text(target), path),
        "plot": lambda path: plot_evaluation(target, *judged, path),
        "reliability_plot": lambda path: plot_reliability(
            target, *judged, decision, path, result.independence.clusters
        ),
        "composition_plot": lambda path: plot_composition(
            *(result.errors, result.lengths, result.gc, path),
            of_numbers=of_numbers,
            clusters=result.independence.clusters,
        ),
        "ladder_plot": lambda path: plot_ladder(
            result.ladder.table, {name: TITLES[name] for name in SCORES[target.kind]}, path, ladder_title(result)
        ),
    }
    for name, writer in writers.items():
        if name in path_of:
            writer(path_of[name])
    write_report(report_blocks(result, set(path_of)), paths, options)
