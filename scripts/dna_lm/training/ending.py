"""What there is to tell of a training when it has ended."""

import math

from ..scores.registry import TITLES
from .choosing import same_answer_warning
from .loop import ENDED, PATIENCE, TIME_LIMIT, Plan, Trained


def ending(run: Trained, plan: Plan, which: str = "the training") -> str:
    """Return the sentence that says why a training ended; which: what to call the training."""
    options = plan.options
    if not run.stopped:
        count = f"all {options.epochs} epochs" if options.epochs > 1 else "its one epoch"
        return f"{which} went through {count}"
    after = f"{which} stopped after {run.epochs:.4g} of {options.epochs} epochs, since"
    if run.stopped == PATIENCE:
        long = f"{options.patience} epochs" if options.patience > 1 else "an epoch"
        return (
            f"{after} {TITLES[options.best_metric]} on the development set had not improved for {long} (the patience)"
        )
    after = f"{which} stopped after {run.epochs:.2f} of {options.epochs} epochs, since"
    over = f"its {options.max_minutes:g} minutes were over"
    reason = {TIME_LIMIT: over, ENDED: "the system asked it to end"}[run.stopped]
    return f"{after} {reason}; the best weights until then are kept"


def to_be_read(run: Trained, plan: Plan, which: str = "the training", kept: bool = True) -> list[str]:
    """Return the sentences on a training that a user has to read.

    kept: whether its model is, of several runs. The other parameters are those of ending.
    """
    result = [ending(run, plan, which)] if run.stopped in (TIME_LIMIT, ENDED) else []
    if not kept:
        return result
    model = "the kept model" if which == "the training" else f"the model that is kept of {which}"
    metric = plan.options.best_metric
    if math.isnan(run.rows[run.best][f"dev_{metric}"]):
        result.append(
            f"{TITLES[metric]} of {model} is not defined on the development set, nor was it in another epoch; the "
            "epoch with the lowest loss was saved"
        )
    if run.same:
        result.append(same_answer_warning(plan.target, run.same, len(plan.truth), model))
    return result
