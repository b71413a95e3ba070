"""The report of a training."""

from ..base_models.architectures import HEADS
from ..reports.markdown import bullets, escape, image, listed, parameters, table, warned
from ..scores.registry import ERRORS, SHOWN, TITLES
from ..words import CLASSES, FULL, HEAD_ONLY, LORA, MULTI_LABEL
from .continuing import decisions
from .finetuning import Finetuned

WHOLE = {
    HEAD_ONLY: "a head, and nothing of the base model",
    FULL: "all weights of the base model and a head",
}


def training_report(result: Finetuned) -> list[str]:
    """Return the blocks of the report of a fine-tuning job; its outputs are `history` and `plot`."""
    adapter, target = result.adapter, result.adapter.target
    sequences = adapter.training["sequences"]
    task = {CLASSES: "to tell apart {}", MULTI_LABEL: "to find any of {}"}.get(target.kind, "to predict a number")
    return [
        "# Fine-tuning a DNA language model",
        f"**{sequences['train']:,} sequences** taught a model {task.format(listed(target.labels))}, on top of the "
        f"base model **{escape(adapter.base_model['id'])}** ({escape(adapter.base_model['architecture'])}). What was "
        f"trained: {_trained(adapter.peft)}.",
        _headline(result),
        *warned(result.warnings),
        image("plot"),
        table("history", "Training history"),
        *_spread(result),
        "## What was done",
        bullets([*result.read, *result.notes, *(f"{name}: {value}" for name, value in result.costs)]),
        "## What these figures do not say",
        "The dev split chose what is kept, so that its scores are a little too good. Evaluate the adapter on a test "
        "split that took no part in training.",
        "## Options",
        *_decided(adapter.training),
        parameters(),
    ]


def _decided(training: dict) -> list[str]:
    """Return which options the adapter has decided that was gone on from; those of the job may say otherwise."""
    if not training["continued_from_sha256"]:
        return []
    return [
        "The training went on from an adapter, which had decided these options, whatever is shown below: "
        f"{escape(decisions(training['options']))}."
    ]


def _trained(peft: dict) -> str:
    """Return what is in the adapter."""
    if peft.get("method", LORA) != LORA:
        return WHOLE[peft["method"]]
    layers = [*peft["target_modules"], *(["experts"] if peft.get("target_parameters") else [])]
    whole = [name for name in peft["modules_to_save"] if name not in HEADS]
    beside = f", {listed(whole)}" if whole else ""
    return f"LoRA matrices of rank {peft['r']} ({listed(layers)}){beside} and a head"


def _headline(result: Finetuned) -> str:
    kept = result.history[result.history["kept"] == "yes"]
    count = f"{result.adapter.training['sequences']['dev']:,} dev sequences"
    strands = " (mean of both strands)" if result.adapter.strand == "both" else ""
    best = f"{'lowest' if result.metric in ERRORS else 'best'} {TITLES[result.metric]}"
    if len(kept) > 1:
        scores = ", ".join(f"{value:.3f}" for value in kept[f"dev_{result.metric}"])
        return (
            f"**{len(kept)} models are kept**, one of each seed, whose answers are averaged. Each had its "
            f"{best} on the {count}{strands}: {scores}."
        )
    row = kept.iloc[0]
    scores = ", ".join(
        f"{TITLES[name]} **{row[f'dev_{name}']:.3f}**"
        for name in (*SHOWN[result.adapter.target.kind], "loss")
        if f"dev_{name}" in row
    )
    seed = f" of the seed {row['seed']}" if "seed" in row else ""
    return f"**Epoch {row['epoch']:g}**{seed} had the {best} on the {count}{strands} and is kept: {scores}."


def _spread(result: Finetuned) -> list[str]:
    if result.spread is None:
        return []
    runs = result.history["seed"].nunique()
    lines = [
        f"{TITLES[name.removeprefix('dev_')]}: {row['mean']:.3f} ± {row['standard_deviation']:.3f}"
        for name, row in result.spread.iterrows()
    ]
    return [f"## {runs} seeds: mean and standard deviation on dev", bullets(lines)]
