"""The report on an adapter: what it is."""

from ..adapters.dataset import Adapter
from ..adapters.license_words import license_warning
from ..base_models.licenses import in_words
from ..reports.markdown import escape, link, listed, pipe_table, tool_link
from ..reports.number_text import number_text
from ..scores.registry import TITLES, history_title
from ..words import LORA, MULTI_LABEL
from .branch_words import motifs_section, on_dev, parts, parts_section
from .facts import METHODS, calibration, dev_scores, history, task, thresholds
from .values import shortened

MOST_ROWS = 60
FIRST_COLUMNS = ("seed", "epoch", "kept", "train_loss", "dev_loss")


def adapter_report(adapter: Adapter) -> list[str]:
    """Return the blocks of the report of what an adapter is; its output is `table`."""
    return [f"# Adapter: {predicted(adapter)}", *about(adapter)]


def predicted(adapter: Adapter) -> str:
    """Return what an adapter predicts, in a few words, escaped."""
    if not adapter.labels:
        return "numbers"
    if adapter.target.kind == MULTI_LABEL:
        return f"any of {listed(adapter.labels)}"
    return " against ".join(map(escape, adapter.labels)) if len(adapter.labels) == 2 else listed(adapter.labels)


def about(adapter: Adapter) -> list[str]:
    """Return the blocks that say what an adapter is, and the options of the job; the record is the output `table`."""
    labels = f" ({listed(adapter.labels)})" if adapter.labels else ""
    ensemble = f" It is an ensemble of {adapter.members} models." if adapter.members > 1 else ""
    return [
        f"It predicts **{task(adapter)}**{labels} on the base model "
        f"**{escape(adapter.base_model['id'])}**, and was trained on {adapter.trained_on}.{ensemble} "
        f"{_calibrated(adapter)}",
        *license_warning(adapter.license),
        pipe_table(["adapter", ""], _properties(adapter), texts=2),
        *_scores_of_members(adapter),
        link("table", "The adapter's full record (table)"),
        *(parts_section(adapter) if adapter.branch else []),
        *(motifs_section(adapter) if adapter.branch else []),
        *_history(adapter),
        "## Next steps",
        f"Score it on a test set: {tool_link('evaluate')}. Predict the labels of "
        f"other sequences: {tool_link('predict')}.",
    ]


def _properties(adapter: Adapter) -> list[tuple[str, str]]:
    """Return name and value of what one asks first of an adapter."""
    peft, sequences = adapter.peft, adapter.training["sequences"]
    method = peft.get("method", LORA)
    rank = f" of rank {peft['r']}" if method == LORA and "r" in peft else ""
    rows = [
        ("base model", f"{adapter.base_model['id']} ({adapter.base_model['architecture']})"),
        ("license of the base model", in_words(adapter.license)),
        *(
            (name, f"{sequences[split]:,}" if sequences[split] > 0 else "not known")
            for name, split in (("training sequences", "train"), ("development sequences", "dev"))
        ),
        ("trained", f"LoRA matrices{rank} and the head" if method == LORA else METHODS[method]),
    ]
    if adapter.branch:
        rows.append(("classifiers that read nucleotides", parts(adapter)))
    if adapter.members == 1 and not on_dev(adapter):
        scores = dev_scores(adapter)
        rows += [(f"{TITLES.get(name, name)} {_on_dev(adapter)}", f"{scores[name]:.3f}") for name in scores]
    return [(name, shortened(value)) for name, value in rows]


def _calibrated(adapter: Adapter) -> str:
    if not calibration(adapter):
        return "It was not calibrated."
    cuts = [f"{cut:.4g} for {escape(label)}" for label, cut in thresholds(adapter)]
    more = f" and the threshold{'s' if len(cuts) > 1 else ''} {', '.join(cuts)}" if cuts else ""
    return f"It was calibrated: temperature {adapter.decision.temperature:.4g}{more}."


def _scores_of_members(adapter: Adapter) -> list[str]:
    """Return the scores on the development set of each model of an ensemble, as a table."""
    each = [dev_scores(adapter, member) for member in range(adapter.members)]
    if len(each) == 1 or not each[0]:
        return []
    header = [_on_dev(adapter), *(f"model {member + 1}" for member in range(adapter.members))]
    rows = [
        [TITLES.get(name, name), *(f"{scores[name]:.3f}" if name in scores else "" for scores in each)]
        for name in each[0]
    ]
    return [pipe_table(header, rows)]


def _on_dev(adapter: Adapter) -> str:
    """Return words for the scores of the epochs, which are the language model's whatever is added to it."""
    return f"on the development set{' (language model)' if adapter.branch else ''}"


def _history(adapter: Adapter) -> list[str]:
    rows = history(adapter)
    if rows.empty:
        return []
    first = [name for name in FIRST_COLUMNS if name in rows]
    columns = [*first, *(name for name in rows if name not in first and str(name).startswith("dev_"))][:12]

    def cell(value: object) -> str:
        return number_text(value, ".4g") if value is None or isinstance(value, float) else shortened(value)

    lines = [[cell(value) for value in row] for row in rows[columns].head(MOST_ROWS).itertuples(index=False, name=None)]
    more = len(rows) - len(lines)
    return [
        "## How it was trained",
        f"Losses, and scores {_on_dev(adapter)}:",
        pipe_table([history_title(str(name)) for name in columns], lines, texts=0),
        f"{more} more rows are in the training history of its job." if more else "",
    ]
