#!/usr/bin/env python3
"""Fine-tune a pretrained DNA language model with LoRA."""

from dna_lm.command import run, say
from dna_lm.options import library_keywords


def main(options):
    from dna_lm.runtime import configure_torch

    configure_torch(options.threads)
    from dna_lm.adapter import save_adapter
    from dna_lm.figures import plot_history
    from dna_lm.finetuning import finetune
    from dna_lm.outputs import staged
    from dna_lm.reports import write_finetuning_report
    from dna_lm.tables import write_tsv

    targets = (options.adapter_out, options.history_out, options.plot_out, options.report_out)
    with staged(*targets) as (adapter_path, history_path, plot_path, report_path):
        result = finetune(**library_keywords("finetune", options), progress=say)
        save_adapter(result.adapter, adapter_path)
        write_tsv(result.history, history_path, ".4g")  # learning rates have many zeros
        plot_history(result.history, result.best_epoch, plot_path)
        write_finetuning_report(result, report_path)


if __name__ == "__main__":
    run("finetune", main)
