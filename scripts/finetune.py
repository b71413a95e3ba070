#!/usr/bin/env python3
"""Fine-tune a pretrained DNA language model."""

from dna_lm.command import run, say
from dna_lm.options import NONE


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads, quantized=options.quantization != NONE)
    from dna_lm.adapters.adapter import save_adapter
    from dna_lm.data.tables import write_tsv
    from dna_lm.outputs import staged
    from dna_lm.training.finetuning import finetune
    from dna_lm.training.training_state import save_state

    asked = {name: target for name, target in vars(options).items() if name.endswith("_out") and target}
    with staged(*asked.values()) as paths:
        result = finetune(options, say)
        # Only now, so that the training has their memory and need not wait for them.
        from dna_lm.training.events import write_events
        from dna_lm.training.training_figure import plot_training
        from dna_lm.training.training_report import write_training_report

        writers = {
            "adapter_out": lambda place: save_adapter(result.adapter, place),
            "history_out": lambda place: write_tsv(result.history, place, ".4g"),  # learning rates have many zeros
            "plot_out": lambda place: plot_training(result.history, result.metric, place),
            "report_out": lambda place: write_training_report(result, place),
            "events_out": lambda place: write_events(result.history, place),
            "state_out": lambda place: save_state(result.state, place, result.adapter),
        }
        for name, place in zip(asked, paths, strict=True):
            writers[name](place)


if __name__ == "__main__":
    run("finetune", main)
