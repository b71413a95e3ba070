"""Show, export, merge or import an adapter."""

from collections.abc import Callable
from dataclasses import dataclass

from ..exchange.options import ImportOptions
from ..options import OUTPUT, ThreadOptions, option
from ..words import EXPORT, IMPORT, MERGE, SHOW

# What each action reads, and what it makes beside the table and the report.
NEEDED = {
    SHOW: ("adapter",),
    EXPORT: ("adapter", "exported_out"),
    MERGE: ("adapter", "merged_out"),
    IMPORT: ("archive", "imported_out"),
}
ALWAYS = ("table_out", "report_out", "pdf_out")


@dataclass(frozen=True, kw_only=True)
class Options(ImportOptions, ThreadOptions):
    """The options of the command line."""

    exported_out: str | None = option("PEFT folder (zip), for export", kind=OUTPUT, optional=True)
    merged_out: str | None = option("Merged model (zip), for merge", kind=OUTPUT, optional=True)
    imported_out: str | None = option("Adapter (safetensors), for import", kind=OUTPUT, optional=True)
    table_out: str = option("What the adapter is (tabular)", kind=OUTPUT)
    report_out: str = option("Report (Galaxy Markdown)", kind=OUTPUT)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..errors import UserError

    for name in NEEDED[options.action]:
        if not getattr(options, name):
            raise UserError(f"the action {options.action} needs --{name.replace('_', '-')}; give it")
    from ..processes.threads import configure_torch, limit_threads

    # Showing a record takes no model, and need not wait for what loads one.
    (limit_threads if options.action == SHOW else configure_torch)(options.threads)
    from ..adapters.dataset import load_adapter, save_adapter
    from ..data.tables import write_tsv
    from ..exchange.facts import facts
    from ..outputs import staged_outputs
    from ..reports.writing import write_report

    with staged_outputs(options, (*NEEDED[options.action], *ALWAYS)) as path_of:
        if options.action == SHOW:
            from ..exchange.adapter_report import adapter_report

            adapter = load_adapter(options.adapter)
            blocks = adapter_report(adapter)
        elif options.action == IMPORT:
            from ..exchange.exchange_report import import_report
            from ..exchange.importing import import_adapter

            imported = import_adapter(options, say)
            adapter, blocks = imported.adapter, import_report(imported)
            save_adapter(adapter, path_of["imported_out"])
        else:
            from ..exchange.exchange_report import export_report
            from ..exchange.exporting import export

            exported = export(path_of[NEEDED[options.action][-1]], options, say)
            adapter, blocks = exported.adapter, export_report(exported)
        write_tsv(facts(adapter), path_of["table_out"])
        write_report(blocks, path_of, options)
