"""Fine-tune a pretrained DNA language model with LoRA."""

from collections.abc import Callable
from dataclasses import dataclass

from ..options import OUTPUT, option
from ..training.options import FinetuneOptions
from ..words import FORWARD, NF4, NO, NONE, RECOMMENDED, TUTORIAL, YES

PRESETS = {
    RECOMMENDED: {},
    # The notebook of the tutorial on Mistral-DNA. Its head stays random, since nothing trains it; here it is trained.
    TUTORIAL: {
        "lora_r": 16,
        "lora_alpha": 16.0,
        "lora_dropout": 0.05,
        "experts": NO,
        "embeddings": NO,
        "quantization": NF4,
        "double_quantization": YES,
        "compute_type": "bf16",
        "learning_rate": 1e-5,
        "schedule": "linear",
        "warmup": 0.0,
        "epochs": 5,
        "batch_size": 16,
        "weight_decay": 0.01,
        "best_metric": "loss",
        "patience": 3,
        "max_length": 200,
        "strands": FORWARD,
        "branch": NO,
    },
}


@dataclass(frozen=True, kw_only=True)
class Options(FinetuneOptions):
    """The options of the command line."""

    adapter_out: str = option("Adapter (safetensors)", kind=OUTPUT)
    history_out: str = option("Training history, a row for each evaluation (tabular)", kind=OUTPUT)
    plot_out: str = option("Loss and metric curves (PNG)", kind=OUTPUT)
    logos_out: str | None = option("Logos of the known motifs that favor each label (PNG)", kind=OUTPUT, optional=True)
    report_out: str = option("Report (Galaxy Markdown)", kind=OUTPUT)
    pdf_out: str | None = option("Report with its figures and tables (PDF)", kind=OUTPUT, optional=True)
    events_out: str | None = option("The curves for TensorBoard (tfevents)", kind=OUTPUT, optional=True)
    state_out: str | None = option("Optimizer state, to continue from (safetensors)", kind=OUTPUT, optional=True)


def run(options: Options, say: Callable[[str], None]) -> None:
    from ..processes.threads import configure_torch

    configure_torch(options.threads, quantized=options.quantization != NONE)
    from ..adapters.dataset import save_adapter
    from ..data.tables import write_tsv
    from ..outputs import staged_outputs
    from ..training.finetuning import finetune
    from ..training.state import save_state

    with staged_outputs(options) as path_of:
        result = finetune(options, say, keep_state=bool(options.state_out))
        # Only now, so that the training has their memory and need not wait for them.
        from ..branch.motif_effects import motif_effects, strongest_labels
        from ..reports.writing import write_report
        from ..training.events import write_events
        from ..training.figure import plot_training
        from ..training.motif_figure import plot_motifs
        from ..training.report import training_report

        effects = motif_effects(result.adapter)
        writers = {
            "adapter_out": lambda path: save_adapter(result.adapter, path),
            "history_out": lambda path: write_tsv(result.history, path, ".4g"),  # learning rates have many zeros
            "plot_out": lambda path: plot_training(result.history, result.metric, path),
            "logos_out": lambda path: plot_motifs(effects, path),
            "events_out": lambda path: write_events(result.history, path),
            "state_out": lambda path: save_state(result.state, path, result.adapter),
        }
        for name in writers.keys() & path_of.keys():
            writers[name](path_of[name])
        logos = "logos" if options.logos_out and strongest_labels(effects, 1) else None
        write_report(training_report(result, logos), path_of, options)
