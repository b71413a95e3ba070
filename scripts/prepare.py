#!/usr/bin/env python3
"""Clean labelled DNA and split it into train, dev and test."""

from dna_lm.command import run
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import limit_threads

    limit_threads(options.threads)
    from dna_lm.outputs import staged
    from dna_lm.preparing import prepare
    from dna_lm.splitting import SPLITS
    from dna_lm.tables import write_csv, write_tsv

    targets = (options.train_out, options.dev_out, options.test_out, options.summary_out)
    with staged(*targets) as (*split_paths, summary_path):
        result = prepare(**library_keywords("prepare", options))
        for name, path in zip(SPLITS, split_paths, strict=True):
            write_csv(result.splits[name], path)
        write_tsv(result.summary, summary_path)


if __name__ == "__main__":
    run("prepare", main)
