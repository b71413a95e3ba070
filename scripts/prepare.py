#!/usr/bin/env python3
"""Make train, dev and test of labelled DNA, and tell what to know of them."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import limit_threads

    limit_threads(options.threads)
    from dna_lm.data.tables import write_csv, write_tsv
    from dna_lm.datasets.preparing import prepare
    from dna_lm.outputs import staged

    keywords = library_keywords("prepare", options)
    base_model = keywords.pop("base_model"), keywords.pop("base_model_id")
    asked = {name: target for name, target in vars(options).items() if name.endswith("_out") and target}
    with staged(*asked.values()) as paths:
        path = dict(zip(asked, paths, strict=True))
        prepared = prepare(**keywords)
        if options.split is None and options.intervals:
            say(f"regions are split by similarity unless another way is chosen: {prepared.how_split}")
        for name, part in prepared.splits.items():
            write_csv(part, path[f"{name}_out"])
        write_tsv(prepared.summary(), path["summary_out"])
        warnings = prepared.warnings
        if len(path) > len(prepared.splits) + 1:
            from dna_lm.datasets.dataset_figure import plot_dataset
            from dna_lm.datasets.dataset_report import write_dataset_report
            from dna_lm.datasets.inspecting import Inspection

            seen = Inspection(prepared, *base_model, options.seed)
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


if __name__ == "__main__":
    run("prepare", main)
