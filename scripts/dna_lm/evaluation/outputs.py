"""The files of an evaluation: tables, figures and the report, those that are asked for."""

from collections.abc import Iterable
from pathlib import Path

from ..data.tables import write_tsv
from ..data.textfiles import printable
from ..errors import UserError
from ..options import INPUT, options_of
from ..reports.markdown import write
from ..scores.registry import TITLES
from ..words import NUMBER
from .composition_figure import plot_composition
from .evaluating import Evaluated
from .figure import plot_evaluation
from .ladder import SCORES
from .ladder_figure import plot_ladder
from .options import EvaluateOptions
from .pdf_report import write_pdf
from .reliability_figure import plot_reliability
from .report import ladder_title, report_blocks

TABLES = ("metrics", "predictions", "errors", "ladder")
FIGURES = ("plot", "reliability_plot", "composition_plot", "ladder_plot")


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
    places = {name.removesuffix("_out"): path for name, path in paths.items()}
    target, judged = result.adapter.target, (result.truth, result.predictions, result.predicted)
    of_numbers = target.kind == NUMBER
    decision = result.adapter.decision
    writers = {
        "metrics": lambda place: write_tsv(result.metrics_table(), place),
        "predictions": lambda place: write_tsv(result.table, place, target.answer_format),
        "errors": lambda place: write_tsv(result.worst, place, target.answer_format),
        "ladder": lambda place: write_tsv(result.ladder.text(target), place),
        "plot": lambda place: plot_evaluation(target, *judged, place),
        "reliability_plot": lambda place: plot_reliability(
            target, *judged, decision, place, result.independence.clusters
        ),
        "composition_plot": lambda place: plot_composition(
            *(result.errors, result.lengths, result.gc, place),
            of_numbers=of_numbers,
            clusters=result.independence.clusters,
        ),
        "ladder_plot": lambda place: plot_ladder(
            result.ladder.table, {name: TITLES[name] for name in SCORES[target.kind]}, place, ladder_title(result)
        ),
    }
    for name, writer in writers.items():
        if name in places:
            writer(places[name])
    blocks = report_blocks(result, set(places))
    if "report" in places:
        write(places["report"], *blocks)
    if "pdf" in places:
        files = [{name: places[name] for name in kind if name in places} for kind in (FIGURES, TABLES)]
        write_pdf(places["pdf"], blocks, *files, _shown(options))


def _shown(options: EvaluateOptions) -> list[tuple[str, str]]:
    """Return the options of the job but the outputs; of a file its name."""
    shown = []
    for option in options_of(EvaluateOptions):
        value = getattr(options, option.name)
        if value is not None:
            shown.append((option.flag, printable(Path(value).name if option.kind is INPUT else str(value))))
    return shown
