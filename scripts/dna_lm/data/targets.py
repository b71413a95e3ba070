"""What a model is trained to answer: one of several classes, any number of labels, or a number."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from ..errors import UserError
from ..words import AUTO, CLASSES, MULTI_LABEL, NUMBER
from .labels import (
    MISSING,
    are_measured,
    one_spelling,
    ordered_labels,
    require_two_labels,
    whole_number,
    with_positive,
)
from .textfiles import listed

# What transformers calls them.
PROBLEM_TYPES = {
    CLASSES: "single_label_classification",
    MULTI_LABEL: "multi_label_classification",
    NUMBER: "regression",
}
SEPARATOR = ";"
# What may stand, beside nothing at all, in a cell of a sequence that has none of the labels; in any case of letters.
NO_LABEL = "none"
# The lowest probability at which a sequence is predicted to have a label, if it can have several.
THRESHOLD = 0.5
MOST_LISTED = 20


@dataclass(frozen=True)
class Target:
    """What a model predictions.

    kind: words.CLASSES, MULTI_LABEL or NUMBER.
    labels: in the order of the outputs; none for NUMBER.
    mean, spread: mean and standard deviation of the training numbers, in the user's unit. The model learns
    (number - mean) / spread, so that its outputs are of the size that its weights are made for.
    """

    kind: str
    labels: list[str]
    mean: float = 0.0
    spread: float = 1.0

    @property
    def outputs(self) -> int:
        """How many numbers the model gives for a sequence."""
        return 1 if self.kind == NUMBER else len(self.labels)

    @property
    def positive(self) -> str | None:
        """The positive one of two classes: the one of curves, thresholds and tracks; None for other targets."""
        return self.labels[1] if self.kind == CLASSES and len(self.labels) == 2 else None

    def require_positive(self, label: str) -> None:
        """Raise UserError when a label that is wanted as the positive one is not; AUTO is content with any."""
        if label not in (AUTO, self.positive):
            positive = "has none" if self.positive is None else f"has {self.positive!r}"
            raise UserError(
                f"the adapter to continue from {positive} as the positive label, not {label!r}, and keeps that; leave "
                'out the "Positive class (of two)" (--positive-label)'
            )

    @property
    def problem_type(self) -> str:
        """What transformers calls the kind."""
        return PROBLEM_TYPES[self.kind]

    @property
    def answer_format(self) -> str:
        """How predictions are written: probabilities to six decimals, numbers of any size to seven digits."""
        return ".7g" if self.kind == NUMBER else ".6f"

    @property
    def score_format(self) -> str:
        """How scores are written; the errors of numbers have any size."""
        return ".4g" if self.kind == NUMBER else ".4f"

    def read(self, column: pd.Series, source: str) -> np.ndarray:
        """Read what a table says.

        column: text; the index holds the line of each record in its file.
        source: its name in error messages.
        Returns class numbers, (n,) int64; 0 and 1, (n, labels) float64; or numbers in the user's unit, (n,) float64.
        A whole number with decimals, `1.0`, is the label `1` of a model that has it, and the other way round.
        Raises UserError at the first label that the model does not have and the first text that is no finite number.
        """
        if self.kind == NUMBER:
            return _numbers(column, source)
        numbers = {label: number for number, label in enumerate(self.labels)}
        whole = {whole_number(label): label for label in reversed(self.labels)}
        whole.pop(None, None)

        def number(label: str, line: int) -> int:
            if label not in numbers:
                label = whole.get(whole_number(label), label)
            if label in numbers:
                return numbers[label]
            if label in MISSING:
                raise UserError(_missing(label, f"{source}, line {line}"))
            raise UserError(
                f"{source}, line {line}: the label {label!r} does not occur in the training data, whose labels are "
                f"{listed(self.labels, MOST_LISTED)}; correct it or remove the record"
            )

        if self.kind == CLASSES:
            return np.array([number(label, line) for line, label in column.items()], dtype=np.int64)
        result = np.zeros((len(column), len(self.labels)))
        for row, (line, cell) in enumerate(column.items()):
            result[row, [number(label, line) for label in _labels_of(cell, line, source)]] = 1
        return result

    def require_scorable(self, truth: np.ndarray, source: str) -> None:
        """Raise UserError when no score could tell a good model from a bad one, since all records are alike.

        truth: as read() gives it.
        """
        if self.kind == CLASSES:
            require_two_labels([self.labels[number] for number in np.unique(truth)], source)
        elif self.kind == MULTI_LABEL and (truth == truth[0]).all():
            raise UserError(
                f"{source}: all records have the same labels; a score needs a label that some records have and others "
                "do not"
            )
        elif self.kind == NUMBER and truth.min() == truth.max():
            raise UserError(f"{source}: all numbers are {truth[0]:g}; a score needs at least two different ones")

    def for_training(self, truth: np.ndarray) -> np.ndarray:
        """Return what the loss compares the outputs with: (n,) int64, (n, labels) float32 or (n, 1) float32.

        truth: as read() gives it. Numbers are standardized.
        """
        if self.kind == CLASSES:
            return truth
        if self.kind == MULTI_LABEL:
            return truth.astype(np.float32)
        return ((truth - self.mean) / self.spread).astype(np.float32)[:, None]

    def predictions(self, logits: np.ndarray) -> np.ndarray:
        """Return (n, outputs) float64: probabilities, or numbers in the user's unit.

        logits: (n, outputs), the model's outputs. Probabilities of classes sum to 1, those of labels are independent.
        """
        logits = np.asarray(logits, dtype=np.float64)
        if self.kind == CLASSES:
            return softmax(logits, axis=1)
        return expit(logits) if self.kind == MULTI_LABEL else logits * self.spread + self.mean

    def predicted_labels(self, predictions: np.ndarray) -> list[str]:
        """Return the predicted label of each sequence as text: the most probable class, or the set of labels.

        predictions: as returned by predictions(), or the truth as returned by read(); not for NUMBER.
        """
        if self.kind == CLASSES:
            return [self.labels[number] for number in predictions.argmax(axis=1)]
        names = np.array(self.labels, dtype=object)
        return [SEPARATOR.join(names[row]) for row in predictions >= THRESHOLD]

    def names(self, truth: np.ndarray) -> list[str]:
        """Return the true label of each sequence as text, like `predicted_labels`; truth: as returned by read()."""
        return [self.labels[number] for number in truth] if self.kind == CLASSES else self.predicted_labels(truth)

    def task(self) -> dict[str, Any]:
        """Return the part of an adapter's record that says this."""
        numbers = {"mean": self.mean, "spread": self.spread} if self.kind == NUMBER else {}
        return {"type": self.problem_type, "labels": self.labels, **numbers}

    @staticmethod
    def from_task(task: dict[str, Any]) -> "Target":
        """Return the target that an adapter's record says; without a type it is CLASSES.

        Raises ValueError when it cannot be one that task() made.
        """
        kinds = {name: kind for kind, name in PROBLEM_TYPES.items()}
        name, labels = task.get("type", PROBLEM_TYPES[CLASSES]), task.get("labels")
        if not (isinstance(name, str) and name in kinds):
            raise ValueError(f"no such type: {name!r}")
        if not (isinstance(labels, list) and all(isinstance(label, str) for label in labels)):
            raise ValueError("the labels are no list of text")
        kind = kinds[name]
        if kind == NUMBER:
            mean, spread = task.get("mean"), task.get("spread")
            # Finite floats only: a boolean and a whole number too large for a float are none.
            if labels or not all(type(value) is float and math.isfinite(value) for value in (mean, spread)):
                raise ValueError("a number has a mean, a spread and no labels")
            if spread <= 0:
                raise ValueError("the spread is not above 0")
            return Target(kind, labels, mean, spread)
        if len(labels) < 2 or len(set(labels)) < len(labels):
            raise ValueError("there are fewer than two different labels")
        if kind == MULTI_LABEL and any(_split(label) != [label] for label in labels):
            raise ValueError("a label is not one that a cell with several can have")
        return Target(kind, labels)


def learn_target(kind: str, column: pd.Series, source: str, positive: str = AUTO) -> Target:
    """Find out from the training split what there is to learn.

    kind: words.CLASSES, MULTI_LABEL or NUMBER.
    column: text; the index holds the line of each record in its file.
    source: its name in error messages.
    positive: which of two classes is the positive one, the second; AUTO leaves them as ordered_labels has them.
    Whole numbers that are written in two ways, `1` and `1.0`, are one class.
    Raises UserError for a positive label that is none of two classes, fewer than two labels, fewer than two different
    numbers, text that is no finite number, a label that is missing, and labels that are the same or rather measured
    numbers.
    """
    if kind != CLASSES and positive != AUTO:
        raise UserError(
            'only one of two classes can be the positive class; for this task set "Positive class (of two)" to auto '
            "(--positive-label auto)"
        )
    if kind == NUMBER:
        numbers = _numbers(column, source)
        if numbers.min() == numbers.max():
            raise UserError(f"{source}: all numbers are {numbers[0]:g}; a model cannot learn from a single value")
        with np.errstate(all="ignore"):  # of numbers too large to be squared
            mean, spread = float(numbers.mean()), float(numbers.std())
        if not (math.isfinite(mean) and math.isfinite(spread) and spread > 0):
            raise UserError(
                f"{source}: numbers from {numbers.min():g} to {numbers.max():g} are too large or too close together "
                "for computations; use another unit"
            )
        return Target(kind, [], mean, spread)
    if kind == CLASSES:
        missing = column.isin(MISSING)
        if missing.any():
            count = f" (like {missing.sum() - 1:,} more)" if missing.sum() > 1 else ""
            raise UserError(_missing(column[missing].iloc[0], f"{source}, line {missing.idxmax()}", count))
        are_measured(column, source)
        spelled = one_spelling(column.unique(), lambda label: f"{source}, line {(column == label).idxmax()}")
        labels = ordered_labels(spelled.get(label, label) for label in column.unique())
        require_two_labels(labels, source)
        return Target(kind, labels if positive == AUTO else with_positive(labels, positive, source))
    labels = ordered_labels(label for line, cell in column.items() for label in _labels_of(cell, line, source))
    for missing in sorted(MISSING.intersection(labels)):
        line = next(line for line, cell in column.items() if missing in _split(cell))
        raise UserError(_missing(missing, f"{source}, line {line}"))
    if len(labels) < 2:
        found = f"one label only ({labels[0]!r})" if labels else "no label"
        raise UserError(
            f"{source} has {found}; several labels a sequence need at least two, with {SEPARATOR!r} between: are they "
            "classes rather?"
        )
    return Target(kind, labels)


def _numbers(column: pd.Series, source: str) -> np.ndarray:
    result = np.empty(len(column))
    for row, (line, text) in enumerate(column.items()):
        try:
            # Python reads 1_000 as a number; it is more likely the name of something.
            result[row] = math.nan if "_" in text else float(text)
        except ValueError:
            result[row] = math.nan
        if not math.isfinite(result[row]):
            raise UserError(
                f"{source}, line {line}: {text!r} is not a number; write numbers with a decimal point, such as 0.5 or "
                "1e-3, remove the record, or choose another kind of target"
            )
    return result


def _split(cell: str) -> list[str]:
    """Return the labels of a cell, each once, in their order; NO_LABEL is none."""
    parts = (part.strip() for part in cell.split(SEPARATOR))
    return list(dict.fromkeys(part for part in parts if part and part.lower() != NO_LABEL))


def labels_of(cell: str, line: int, source: str) -> list[str]:
    """Return the labels of one cell, each once, in the order of `ordered_labels`.

    line, source: where it stands. Raises UserError when it says both that there is no label and that there is one.
    """
    return ordered_labels(_labels_of(cell, line, source))


def _labels_of(cell: str, line: int, source: str) -> list[str]:
    labels = _split(cell)
    if labels and NO_LABEL in (part.strip().lower() for part in cell.split(SEPARATOR)):
        raise UserError(f"{source}, line {line}: {cell!r} combines 'none' with other labels; remove one or the other")
    return labels


def _missing(label: str, where: str, count: str = "") -> str:
    return (
        f"{where}: the label {label!r} stands for a missing value{count}; fill it in or remove the record, or, if it "
        "is the name of a class, rename the class"
    )
