"""Clean labeled DNA and split it into train, dev and test."""

from collections.abc import Callable
from dataclasses import dataclass

from ..base_models.options import BaseModelOptions
from ..options import OUTPUT, ThreadOptions, keywords, option
from ..preparation.options import PrepareOptions


@dataclass(frozen=True, kw_only=True)
class Options(PrepareOptions, BaseModelOptions, ThreadOptions):
    """The options of the command line."""

    train_out: str = option("Training split (CSV)", kind=OUTPUT)
    dev_out: str = option("Development split (CSV)", kind=OUTPUT)
    test_out: str = option("Test split (CSV)", kind=OUTPUT)
    summary_out: str = option("Steps of the preparation, with what each removed (tabular)", kind=OUTPUT)
    leakage_out: str | None = option("Leakage between the splits (tabular)", kind=OUTPUT, optional=True)
    offenders_out: str | None = option("First sequences that leak (tabular)", kind=OUTPUT, optional=True)
    plot_out: str | None = option("Lengths, GC and k-mers of each label and split (PNG)", kind=OUTPUT, optional=True)
    report_out: str | None = option("Report (Galaxy Markdown)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import limit_threads

    limit_threads(options.threads)
    from ..data.tables import write_csv, write_tsv
    from ..outputs import staged
    from ..preparation.preparing import prepare

    asked = {name: target for name, target in vars(options).items() if name.endswith("_out") and target}
    with staged(*asked.values()) as paths:
        path = dict(zip(asked, paths, strict=True))
        prepared = prepare(**keywords(options, PrepareOptions))
        if options.split is None and options.intervals:
            say(f"regions are split by similarity unless another way is chosen: {prepared.how_split}")
        for name, part in prepared.splits.items():
            write_csv(part, path[f"{name}_out"])
        write_tsv(prepared.summary(), path["summary_out"])
        warnings = prepared.warnings
        if len(path) > len(prepared.splits) + 1:
            from ..preparation.figure import plot_dataset
            from ..preparation.inspecting import Inspection
            from ..preparation.report import write_dataset_report

            seen = Inspection(prepared, options.base_model, options.base_model_id, options.seed)
            writers = {
                "leakage_out": lambda place: write_tsv(seen.leakage.counts, place),
                "offenders_out": lambda place: write_tsv(seen.leakage.offenders, place),
                "plot_out": lambda place: plot_dataset(seen.look, place),
                "report_out": lambda place: write_dataset_report(seen.report(), place),
            }
            for name, write in writers.items():
                if name in path:
                    write(path[name])
            warnings = seen.warnings() if "report_out" in path else warnings
        for sentence in prepared.read:
            say(sentence)
        for sentence in warnings:
            say(f"warning: {sentence}")
