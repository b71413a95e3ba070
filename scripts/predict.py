#!/usr/bin/env python3
"""Predict the labels of DNA, or numbers, with a fine-tuned DNA language model."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    from dna_lm.outputs import staged
    from dna_lm.predicting import predict
    from dna_lm.tables import write_tsv

    with staged(options.predictions_out) as (path,):
        result = predict(**library_keywords("predict", options), progress=say)
        write_tsv(result.predictions, path, result.adapter.target.answer_format)


if __name__ == "__main__":
    run("predict", main)
