#!/usr/bin/env python3
"""Show, export, merge or import an adapter."""

from dna_lm.command import run, say
from dna_lm.options import EXPORT, IMPORT, MERGE, SHOW

# What each action reads, and what it makes beside the table and the report.
NEEDED = {
    SHOW: ("adapter",),
    EXPORT: ("adapter", "exported_out"),
    MERGE: ("adapter", "merged_out"),
    IMPORT: ("archive", "imported_out"),
}


def main(options):
    from dna_lm.errors import UserError

    for name in NEEDED[options.action]:
        if not getattr(options, name):
            raise UserError(f"the action {options.action} needs --{name.replace('_', '-')}; give it")
    from dna_lm.runtime import configure_torch, limit_threads

    # Showing a record takes no model, and need not wait for what loads one.
    (limit_threads if options.action == SHOW else configure_torch)(options.threads)
    from dna_lm.adapters.adapter import load_adapter, save_adapter
    from dna_lm.adapters.adapter_facts import facts
    from dna_lm.data.tables import write_tsv
    from dna_lm.outputs import staged

    made = [getattr(options, name) for name in NEEDED[options.action] if name.endswith("_out")]
    with staged(*made, options.table_out, options.report_out) as (*places, table_path, report_path):
        if options.action == SHOW:
            from dna_lm.adapters.adapter_report import write_adapter_report

            adapter = load_adapter(options.adapter)
            write_adapter_report(adapter, report_path)
        elif options.action == IMPORT:
            from dna_lm.exchange.exchange_report import write_import_report
            from dna_lm.exchange.importing import import_adapter

            imported = import_adapter(options, say)
            adapter = imported.adapter
            save_adapter(adapter, places[0])
            write_import_report(imported, report_path)
        else:
            from dna_lm.exchange.exchange_report import write_export_report
            from dna_lm.exchange.exporting import export

            names = ("action", "adapter", "member", "base_model", "base_model_id", "installed")
            exported = export(places[0], **{name: getattr(options, name) for name in names}, progress=say)
            adapter = exported.adapter
            write_export_report(exported, report_path)
        write_tsv(facts(adapter), table_path)


if __name__ == "__main__":
    run("adapter", main)
