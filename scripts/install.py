#!/usr/bin/env python3
"""Install a base model for all users of a server."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    import json

    from dna_lm.exchange.installing import data_table, install
    from dna_lm.outputs import staged
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads, offline=not options.hub_model)
    with staged(options.table_out) as (path,):
        installed = install(**library_keywords("install", options), into=options.into, progress=say)
        path.write_text(json.dumps(data_table(installed), indent=1) + "\n", encoding="utf-8")
    for sentence in installed.said:
        print(sentence)


if __name__ == "__main__":
    run("install", main)
