"""Every metric, once: what it is called, for which targets it is defined, where it is shown.

The lists of metrics that options, tables, reports and figures need are derived from METRICS here. The formula of a
metric is in resampled_scores.py, that of the calibration error in calibration_error.py. Nothing heavy is imported.
"""

from dataclasses import dataclass, field
from math import inf

from ..words import CLASSES, MULTI_LABEL, NUMBER

LABELS = (CLASSES, MULTI_LABEL)
# Its error has no resamples: in a resample the noise of its bins is that of the records and as much again.
CALIBRATION_ERROR = "calibration_error"


@dataclass(frozen=True)
class Metric:
    """A metric.

    name: in tables and options. title: in reports and figures.
    kinds: the targets (words.CLASSES, MULTI_LABEL, NUMBER) that have it over all labels.
    each_label: whether each label has it too.
    higher_is_better: whether larger values are better.
    ranking: whether it depends on the order of the probabilities alone, so that it needs both kinds of records and no
        threshold.
    span: the farthest apart that two values can be.
    every_epoch: whether training computes it on dev in each epoch, so that it can choose the best one.
    rank: by kind of target, where it stands among those that short tables show: 1 for the first, which decides a
        comparison. Ladders show the first three.
    """

    name: str
    title: str
    kinds: tuple[str, ...] = LABELS
    each_label: bool = False
    higher_is_better: bool = True
    ranking: bool = False
    span: float = 1.0
    every_epoch: bool = False
    rank: dict[str, int] = field(default_factory=dict)


# In the order in which tables have them.
METRICS = (
    Metric("loss", "loss", (*LABELS, NUMBER), higher_is_better=False, span=inf, every_epoch=True),
    Metric("accuracy", "accuracy", every_epoch=True, rank={CLASSES: 3, MULTI_LABEL: 3}),
    Metric("balanced_accuracy", "balanced accuracy"),
    Metric("f1_macro", "macro F1", every_epoch=True, rank={CLASSES: 4, MULTI_LABEL: 1}),
    # MCC, unlike accuracy, does not reward guessing the larger class.
    Metric("mcc", "MCC", span=2.0, every_epoch=True, rank={CLASSES: 1, MULTI_LABEL: 4}),
    Metric("precision_macro", "macro precision"),
    Metric("recall_macro", "macro recall"),
    Metric("precision", "precision", (), each_label=True),
    Metric("recall", "recall", (), each_label=True),
    Metric("f1", "F1", (), each_label=True),
    Metric("roc_auc", "ROC-AUC", each_label=True, ranking=True, every_epoch=True, rank={CLASSES: 2, MULTI_LABEL: 2}),
    Metric("pr_auc", "PR-AUC", each_label=True, ranking=True, every_epoch=True, rank={CLASSES: 5, MULTI_LABEL: 5}),
    Metric("brier", "Brier score", higher_is_better=False),
    Metric(CALIBRATION_ERROR, "calibration error", higher_is_better=False),
    Metric(
        "mae", "mean absolute error", (NUMBER,), higher_is_better=False, span=inf, every_epoch=True, rank={NUMBER: 3}
    ),
    Metric("spearman", "Spearman correlation", (NUMBER,), span=2.0, every_epoch=True, rank={NUMBER: 1}),
    Metric("pearson", "Pearson correlation", (NUMBER,), span=2.0, every_epoch=True, rank={NUMBER: 4}),
    Metric("r2", "R2", (NUMBER,), span=inf, every_epoch=True, rank={NUMBER: 2}),
    Metric("support", "sequences", (), each_label=True, span=inf),
)
BY_NAME = {metric.name: metric for metric in METRICS}

# How the metrics are called in reports and figures.
TITLES = {metric.name: metric.title for metric in METRICS}
# Those over all labels, by kind of target; those of each label.
OVERALL = {kind: tuple(metric.name for metric in METRICS if kind in metric.kinds) for kind in (*LABELS, NUMBER)}
OF_EACH_LABEL = tuple(metric.name for metric in METRICS if metric.each_label)
# Those of which a smaller value is better.
ERRORS = tuple(metric.name for metric in METRICS if not metric.higher_is_better)
# Those that depend on the order of the probabilities alone.
RANKINGS = tuple(metric.name for metric in METRICS if metric.ranking)
# Those of each epoch, by kind of target.
EVERY_EPOCH = {
    kind: tuple(metric.name for metric in METRICS if metric.every_epoch and kind in metric.kinds)
    for kind in (*LABELS, NUMBER)
}
# Those that short tables show, by kind of target; the first decides where none is asked for.
SHOWN = {
    kind: tuple(
        metric.name for metric in sorted(METRICS, key=lambda metric: metric.rank.get(kind, 0)) if kind in metric.rank
    )
    for kind in (*LABELS, NUMBER)
}
DEFAULT_METRIC = {kind: names[0] for kind, names in SHOWN.items()}
# Those that adapters can be ordered by.
COMPARABLE = tuple(dict.fromkeys(name for names in (*SHOWN.values(), ("loss",)) for name in names))
# Those that can choose the best epoch: the loss, then the others in the order of COMPARABLE.
CHOOSING = tuple(sorted((metric.name for metric in METRICS if metric.every_epoch), key=("loss", *COMPARABLE).index))


def history_title(column: str) -> str:
    """Return what reports call a column of a training history, such as `dev_mcc`."""
    titles = {"kept": "saved", "train_loss": "training loss", "dev_loss": "development loss"}
    name = column.removeprefix("dev_")
    return titles.get(column) or TITLES.get(name, name)
