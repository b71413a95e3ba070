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


@dataclass(frozen=True, kw_only=True)
class Options(ImportOptions, ThreadOptions):
    """The options of the command line."""

    exported_out: str | None = option("PEFT folder (zip), for export", kind=OUTPUT, optional=True)
    merged_out: str | None = option("Merged model (zip), for merge", kind=OUTPUT, optional=True)
    imported_out: str | None = option("Adapter (safetensors), for import", kind=OUTPUT, optional=True)
    table_out: str = option("What the adapter is (tabular)", kind=OUTPUT)
    report_out: str = option("Report (Galaxy Markdown)", kind=OUTPUT)


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
    from ..outputs import staged

    made = [getattr(options, name) for name in NEEDED[options.action] if name.endswith("_out")]
    with staged(*made, options.table_out, options.report_out) as (*places, table_path, report_path):
        if options.action == SHOW:
            from ..exchange.adapter_report import write_adapter_report

            adapter = load_adapter(options.adapter)
            write_adapter_report(adapter, report_path)
        elif options.action == IMPORT:
            from ..exchange.exchange_report import write_import_report
            from ..exchange.importing import import_adapter

            imported = import_adapter(options, say)
            adapter = imported.adapter
            save_adapter(adapter, places[0])
            write_import_report(imported, report_path)
        else:
            from ..exchange.exchange_report import write_export_report
            from ..exchange.exporting import export

            exported = export(places[0], options, say)
            adapter = exported.adapter
            write_export_report(exported, report_path)
        write_tsv(facts(adapter), table_path)
