#!/usr/bin/env python3
"""Predict the labels of DNA, or numbers, with a fine-tuned DNA language model."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    from dna_lm.outputs import staged
    from dna_lm.prediction.predicting import predict

    places = [place for place in (options.predictions_out, options.skipped_out) if place]
    with staged(*places) as (predictions, *skipped):
        predict(
            **library_keywords("predict", options),
            predictions_out=predictions,
            skipped_out=skipped[0] if skipped else None,
            progress=say,
        )


if __name__ == "__main__":
    run("predict", main)
