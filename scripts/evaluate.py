#!/usr/bin/env python3
"""Score a fine-tuned DNA language model on labelled DNA."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    from dna_lm.evaluation.evaluating import evaluate
    from dna_lm.evaluation.evaluation_outputs import check_outputs, write_evaluation
    from dna_lm.outputs import staged

    asked = {name: target for name, target in vars(options).items() if name.endswith("_out") and target}
    with staged(*asked.values()) as paths:
        check_outputs(asked, options.train)
        result = evaluate(**library_keywords("evaluate", options), progress=say)
        write_evaluation(result, dict(zip(asked, paths, strict=True)), options)


if __name__ == "__main__":
    run("evaluate", main)
