"""From a model's probabilities to its predictions: temperature and thresholds, chosen on a development split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, logit, softmax

from ..words import CLASSES, MULTI_LABEL, NUMBER
from .targets import SEPARATOR, THRESHOLD, Target


def log_odds(target: Target, predictions: np.ndarray) -> np.ndarray:
    """Return what a temperature divides, (n, outputs) float64: log p of classes, log-odds of labels; finite.

    predictions: probabilities, (n, outputs), not calibrated.
    """
    tiny = np.finfo(float).tiny
    if target.kind == CLASSES:
        return log_softmax(np.log(np.maximum(predictions, tiny)), axis=1)
    return logit(np.clip(predictions, tiny, 1 - np.finfo(float).epsneg))


# What a calibration writes into an adapter's task.
CALIBRATION = ("temperature", "thresholds", "calibration")


@dataclass(frozen=True)
class Decision:
    """How probabilities become predictions.

    temperature: probabilities p become softmax(log p / temperature), of single labels expit(logit p / temperature); 1
    leaves them as they are, more makes them less sure. Of one model this is the temperature scaling of its outputs
    (Guo et al. 2017, https://arxiv.org/abs/1706.04599).
    thresholds: the lowest calibrated probability at which a label is predicted: for two classes one number, for the
    second label; for several labels one for each. None: the likeliest class, or THRESHOLD for each label.
    """

    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None

    def calibrated(self, target: Target, predictions: np.ndarray) -> np.ndarray:
        """Return the predictions, (n, outputs), with the temperature applied; numbers stay as they are."""
        if target.kind == NUMBER or self.temperature == 1:
            return predictions
        scaled = log_odds(target, predictions) / self.temperature
        return softmax(scaled, axis=1) if target.kind == CLASSES else expit(scaled)

    def predicted(self, target: Target, predictions: np.ndarray) -> np.ndarray:
        """Return predictions: class numbers, (n,) int64; 0 and 1, (n, labels) int64; numbers, (n,) float64.

        predictions: calibrated.
        """
        if target.kind == NUMBER:
            return predictions[:, 0]
        if target.kind == MULTI_LABEL:
            return (predictions >= np.array(self.thresholds or [THRESHOLD])).astype(np.int64)
        if self.thresholds is not None:
            return (predictions[:, 1] >= self.thresholds[0]).astype(np.int64)
        return predictions.argmax(axis=1)

    def predicted_names(self, target: Target, predictions: np.ndarray) -> list[str]:
        """Return the predicted label of each sequence, or its labels with SEPARATOR between them; not for NUMBER.

        predictions: calibrated.
        """
        predicted = self.predicted(target, predictions)
        if target.kind == CLASSES:
            return [target.labels[number] for number in predicted]
        names = np.array(target.labels, dtype=object)
        return [SEPARATOR.join(names[row == 1]) for row in predicted]

    def task(self) -> dict[str, Any]:
        """Return the entries of an adapter's record for this decision; none where nothing was chosen."""
        record: dict[str, Any] = {} if self.temperature == 1 else {"temperature": self.temperature}
        return record if self.thresholds is None else record | {"thresholds": list(self.thresholds)}

    @staticmethod
    def from_task(task: dict[str, Any], target: Target) -> "Decision":
        """Return the decision that is in an adapter's record.

        Raises ValueError when it cannot be one that task() made.
        """
        temperature, thresholds = task.get("temperature", 1.0), task.get("thresholds")
        # Booleans and whole numbers are none that task() writes; NaN fails every comparison.
        if not (type(temperature) is float and 0 < temperature < float("inf")):
            raise ValueError("the temperature is not above 0")
        if thresholds is None:
            return Decision(temperature)
        wanted = {CLASSES: 1 if len(target.labels) == 2 else -1, MULTI_LABEL: len(target.labels)}.get(target.kind, -1)
        if not (isinstance(thresholds, list) and len(thresholds) == wanted):
            raise ValueError("there are not as many thresholds as the labels need")
        if not all(type(value) is float and 0 <= value <= 1 for value in thresholds):
            raise ValueError("a threshold is no probability")
        return Decision(temperature, tuple(thresholds))
