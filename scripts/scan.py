#!/usr/bin/env python3
"""Scan a genome with a fine-tuned DNA language model."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    from dna_lm.outputs import staged
    from dna_lm.prediction.scanning import scan

    places = {name: target for name, target in vars(options).items() if name.endswith("_out")}
    with staged(*places.values()) as paths:
        scan(**library_keywords("scan", options), **dict(zip(places, paths, strict=True)), progress=say)


if __name__ == "__main__":
    run("scan", main)
