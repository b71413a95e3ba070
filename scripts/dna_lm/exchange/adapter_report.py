"""The report on an adapter: what it is."""

from ..adapters.dataset import Adapter
from ..reports.markdown import escape, listed, parameters, pipe_table, table
from ..scores.registry import TITLES
from .facts import answers, calibration, dev_scores, history, shortened, thresholds

MOST_ROWS = 60
FIRST_COLUMNS = ("seed", "epoch", "kept", "train_loss")


def adapter_report(adapter: Adapter) -> list[str]:
    """Return the blocks of the report of what an adapter is; its output is `table`."""
    return ["# An adapter", *about(adapter)]


def about(adapter: Adapter) -> list[str]:
    """Return the blocks that say what an adapter is, and the options of the job; the table is the output `table`."""
    labels = f": {listed(adapter.labels)}" if adapter.labels else ""
    ensemble = f" It is an ensemble of {adapter.members} models." if adapter.members > 1 else ""
    return [
        f"It answers with **{answers(adapter)}**{labels}, on top of the base model "
        f"**{escape(adapter.base_model['id'])}** ({escape(adapter.base_model['architecture'])}), and was trained on "
        f"{adapter.trained_on}.{ensemble} {_calibrated(adapter)}",
        _scores(adapter),
        table("table", "The adapter's record"),
        *_history(adapter),
        "## Options",
        parameters(),
    ]


def _calibrated(adapter: Adapter) -> str:
    if not calibration(adapter):
        return "It was not calibrated."
    cuts = [f"{cut:.4g} for {escape(label)}" for label, cut in thresholds(adapter)]
    more = f" and the threshold{'s' if len(cuts) > 1 else ''} {', '.join(cuts)}" if cuts else ""
    return f"It was calibrated: temperature {adapter.decision.temperature:.4g}{more}."


def _scores(adapter: Adapter) -> str:
    each = [dev_scores(adapter, member) for member in range(adapter.members)]
    if not each[0]:
        return ""
    if len(each) == 1:
        said = ", ".join(f"{escape(TITLES.get(name, name))} {value:.4g}" for name, value in each[0].items())
        return f"On the dev split, which chose the weights: {said}."
    header = ["on the dev split", *(f"model {member + 1}" for member in range(adapter.members))]
    rows = [
        [TITLES.get(name, name), *(f"{scores[name]:.4g}" if name in scores else "" for scores in each)]
        for name in each[0]
    ]
    return pipe_table(header, rows)


def _history(adapter: Adapter) -> list[str]:
    rows = history(adapter)
    if rows.empty:
        return []
    first = [name for name in FIRST_COLUMNS if name in rows]
    columns = [*first, *(name for name in rows if name not in first and str(name).startswith("dev_"))][:12]

    def cell(value: object) -> str:
        if value is None or value != value:
            return ""
        return f"{value:.4g}" if isinstance(value, float) else shortened(value)

    lines = [[cell(value) for value in row] for row in rows[columns].head(MOST_ROWS).itertuples(index=False, name=None)]
    more = len(rows) - len(lines)
    return [
        "## How it was trained",
        pipe_table([str(name) for name in columns], lines, texts=0),
        f"{more} rows more are in the training history of its job." if more else "",
    ]
