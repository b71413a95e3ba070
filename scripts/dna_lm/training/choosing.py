"""Which evaluation of a training is kept, when it stops since none is better, and what a user should know of it."""

import math

import numpy as np

from ..data.targets import SEPARATOR, Target
from ..data.textfiles import listed
from ..scores.registry import ERRORS, RANKINGS, TITLES
from ..words import AUTO, CLASSES, MULTI_LABEL, NUMBER

# What chooses where nothing is asked for: of all scores on dev it is the smoothest, so that chance chooses least.
LOSS = "loss"
# Labels that a sentence names.
MOST_LISTED = 5
# Numbers whose standard deviation is this share of that of the training numbers, or less, are as good as one number.
HARDLY = 0.01


def chosen_metric(target: Target, truth: np.ndarray, asked: str) -> tuple[str, str]:
    """Return the score on the development set that chooses, and what to tell a user if it is not the one asked for.

    truth: of dev, as Target.read gives it. asked: `auto` or the name of a score of the target.
    """
    if asked == AUTO:
        return LOSS, ""
    if target.kind == CLASSES and len(target.labels) > 2 and asked in RANKINGS:
        missing = [label for number, label in enumerate(target.labels) if number not in truth]
        if missing:
            names = listed([repr(label) for label in missing], MOST_LISTED)
            which = f"the label {names} is" if len(missing) == 1 else f"the labels {names} are"
            return LOSS, (
                f"{TITLES[asked]} is not defined on the development set, since {which} missing from it; the "
                "epoch with the lowest loss is saved"
            )
    return asked, ""


class Best:
    """Finds the best of the evaluations of a training.

    metric: the score that chooses.
    """

    def __init__(self, metric: str, patience_steps: int):
        """patience_steps: steps without a better evaluation after which it is enough; 0: it never is."""
        self.metric, self._patience_steps = metric, patience_steps
        self._best: tuple[bool, float] | None = None
        self._step = 0

    def better(self, scores: dict[str, float], step: int) -> bool:
        """Say whether an evaluation, after that step, is better than all before it.

        Of equal ones the first is the best: the others took more training for nothing. Those whose score is not defined
        are worse than all others, and chosen among by their loss.
        """
        value = scores[self.metric]
        defined = not math.isnan(value)
        merit = value if defined and self.metric not in ERRORS else -value if defined else -scores[LOSS]
        if self._best is not None and (defined, merit) <= self._best:
            return False
        self._best, self._step = (defined, merit), step
        return True

    def enough(self, step: int) -> bool:
        """Say whether, after that step, the best evaluation is so long ago that the training should stop."""
        return bool(self._patience_steps) and step - self._step >= self._patience_steps


def same_prediction(target: Target, predictions: np.ndarray) -> str:
    """Return what is predicted for all sequences, in words, if it is the same for all of them.

    predictions: as target.predictions gives them, at least one.
    """
    if target.kind == NUMBER:
        if predictions.std() > HARDLY * target.spread:
            return ""
        return f"nearly the same number ({predictions.mean():.4g})"
    predicted = set(target.predicted_labels(predictions))
    if len(predicted) > 1:
        return ""
    labels = predicted.pop()
    if target.kind == MULTI_LABEL and SEPARATOR in labels:
        return f"the labels {labels!r}"
    return f"the label {labels!r}" if labels else "no label"


def same_answer_warning(target: Target, same: str, count: int, which: str = "the kept model") -> str:
    """Return the sentence that a user has to read.

    same: what same_prediction returns; count: of the sequences of dev; which: what to call the model.
    """
    if target.kind == NUMBER:
        advice = "train longer or with a higher learning rate, or give it more sequences"
    else:
        advice = (
            'set "Class weights" to "Balanced" (--class-weights balanced), train longer or with a higher learning '
            "rate, or give it more sequences of the other labels; if its ROC-AUC is well above 0.5, another threshold "
            "(the tool Calibrate) is enough"
        )
    return (
        f"{which} predicts {same} for every one of the {count:,} development sequences: it cannot be used as it is; "
        f"{advice}"
    )
