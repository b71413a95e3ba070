"""The report of a training."""

from ..adapters.license_words import license_warning
from ..base_models.architectures import HEADS
from ..base_models.licenses import in_words
from ..data.targets import Target
from ..reports.markdown import bullets, escape, image, link, listed, pipe_table, tool_link, warned
from ..reports.number_text import number_text
from ..scores.registry import ERRORS, SHOWN, TITLES, history_title
from ..words import BOTH, FULL, HEAD_ONLY, LORA, MULTI_LABEL, NUMBER
from .combination_section import combination_headline, combination_section
from .continuing import decisions
from .finetuning import Finetuned
from .motif_section import motif_section

# Rows of the history that the report shows.
MOST_ROWS = 30
WHOLE = {
    HEAD_ONLY: "a head, and nothing of the base model",
    FULL: "all weights of the base model and a head",
}


def training_report(result: Finetuned, logos: str | None = None) -> list[str]:
    """Return the blocks of the report of a fine-tuning job; its outputs are `history` and `plot`.

    logos: the output with the motifs' logos, if there is one.
    """
    adapter = result.adapter
    return [
        "# Training report",
        f"A model was trained on **{adapter.training['sequences']['train']:,} sequences** {_task(adapter.target)}. "
        f"Base model: **{escape(adapter.base_model['id'])}** ({escape(adapter.base_model['architecture'])}; license: "
        f"{escape(in_words(adapter.license))}).",
        *license_warning(adapter.license),
        *_headlines(result),
        *warned(result.warnings),
        *_combination(result),
        *motif_section(adapter, logos),
        image("plot"),
        *_history(result),
        *_spread(result),
        "## Details",
        bullets(
            [
                *result.read,
                f"trained: {_trained(adapter.peft)}",
                *result.notes,
                *(f"{name}: {value}" for name, value in result.costs),
            ]
        ),
        "## Next step",
        "The development set chose the epoch, so that its scores are slightly optimistic. Score the adapter on a test "
        f"set that took no part in training: {tool_link('evaluate')}.",
        *_decided(adapter.training),
    ]


def _task(target: Target) -> str:
    """Return what a model was trained to do."""
    if target.kind == NUMBER:
        return "to predict a number"
    labels = listed(target.labels)
    if target.kind == MULTI_LABEL:
        return f"to predict which of these labels a sequence has: {labels}"
    if len(target.labels) == 2:
        return f"to distinguish {' from '.join(map(escape, target.labels))}"
    return f"to distinguish {labels}"


def _history(result: Finetuned) -> list[str]:
    """Return the table of the epochs, of many the saved ones and the first others."""
    history, scores = result.history, [f"dev_{name}" for name in SHOWN[result.adapter.target.kind][:2]]
    if result.metric != "loss":
        scores.insert(0, f"dev_{result.metric}")
    columns = ["train_loss", "dev_loss", *(name for name in scores if name in history)]
    first = [name for name in ("seed", "epoch") if name in history]
    shown = history.reset_index(drop=True)
    shown = shown.loc[sorted(sorted(shown.index, key=lambda row: shown["kept"][row] != "yes")[:MOST_ROWS])]
    rows = [
        (
            *(f"{row[name]:g}" for name in first),
            row["kept"],
            *(number_text(row[name], ".4g" if abs(row[name]) >= 100 else ".3f") for name in columns),
        )
        for row in shown.to_dict("records")
    ]
    fewer = f", {len(rows)} of {len(history):,} rows" if len(rows) < len(history) else ""
    return [
        f"Losses, and scores on the development set{fewer}:",
        pipe_table([history_title(name) for name in (*first, "kept", *columns)], rows, texts=0),
        link("history", "Training history with all scores (table)"),
    ]


def _decided(training: dict) -> list[str]:
    """Return which options the adapter has decided that was gone on from; those of the job may say otherwise."""
    if not training["continued_from_sha256"]:
        return []
    return [
        "The training continued from an adapter, which determined these options, whatever the form said: "
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


def _headlines(result: Finetuned) -> list[str]:
    rows, of_model = result.adapter.training.get("on_dev"), _headline(result)
    if rows is None:
        return [of_model]
    return [combination_headline(rows, result.adapter.target.kind, _scored(result)), f"Language model: {of_model}"]


def _scored(result: Finetuned) -> str:
    strands = " (mean of both strands)" if result.adapter.strand == BOTH else ""
    return f"{result.adapter.training['sequences']['dev']:,} development sequences{strands}"


def _combination(result: Finetuned) -> list[str]:
    adapter = result.adapter
    if "on_dev" not in adapter.training:
        return []
    return combination_section(adapter.training["on_dev"], adapter.target, adapter.task["branch"])


def _headline(result: Finetuned) -> str:
    """Return what of the language model was kept, and how it scores."""
    kept = result.history[result.history["kept"] == "yes"]
    best = f"{'lowest' if result.metric in ERRORS else 'best'} {TITLES[result.metric]}"
    if len(kept) > 1:
        scores = ", ".join(f"{value:.3f}" for value in kept[f"dev_{result.metric}"])
        return (
            f"**{len(kept)} models were saved**, one for each seed, whose predictions are averaged. Their {best} on "
            f"the {_scored(result)}: {scores}."
        )
    row = kept.iloc[0]
    scores = ", ".join(
        f"{TITLES[name]} **{row[f'dev_{name}']:.3f}**"
        for name in (*SHOWN[result.adapter.target.kind], "loss")
        if f"dev_{name}" in row
    )
    seed = f" of the seed {row['seed']}" if "seed" in row else ""
    return f"**Epoch {row['epoch']:g}**{seed} had the {best} on the {_scored(result)} and was saved: {scores}."


def _spread(result: Finetuned) -> list[str]:
    if result.spread is None:
        return []
    runs = result.history["seed"].nunique()
    lines = [
        f"{TITLES[name.removeprefix('dev_')]}: {row['mean']:.3f} ± {row['standard_deviation']:.3f}"
        for name, row in result.spread.iterrows()
    ]
    return [f"## {runs} seeds: mean and standard deviation on the development set", bullets(lines)]
