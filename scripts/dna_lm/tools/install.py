"""Install a base model for all users of a server."""

from collections.abc import Callable
from dataclasses import dataclass

from ..exchange.options import InstallOptions
from ..options import OUTPUT, ThreadOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(InstallOptions, ThreadOptions):
    """The options of the command line."""

    into: str = option("Folder to put the model into; a download that was interrupted is continued", kind=OUTPUT)
    table_out: str = option("Row of the data table (JSON, as Galaxy's data managers write it)", kind=OUTPUT)


def run(options: Options, say: Callable[[str], None]) -> None:
    import json

    from ..exchange.installing import data_table, install
    from ..outputs import staged
    from ..processes.threads import configure_torch

    configure_torch(options.threads, offline=not options.hub_model)
    with staged(options.table_out) as (path,):
        installed = install(options, options.into, say)
        path.write_text(json.dumps(data_table(installed), indent=1) + "\n", encoding="utf-8")
    for sentence in installed.notes:
        print(sentence)
