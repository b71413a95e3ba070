"""What there is to tell of a training when it has ended."""

import math

from ..scores.registry import TITLES
from .choosing import same_answer_warning
from .loop import ENDED, PATIENCE, TIME_LIMIT, Plan, Trained


def ending(run: Trained, plan: Plan, max_minutes: float, which: str = "the training") -> str:
    """Return the sentence that says why a training ended.

    max_minutes: the limit of time. which: what to call the training.
    """
    if not run.stopped:
        count = f"all {plan.epochs} epochs" if plan.epochs > 1 else "its one epoch"
        return f"{which} went through {count}"
    after = f"{which} stopped after {run.epochs:.4g} of {plan.epochs} epochs, since"
    if run.stopped == PATIENCE:
        long = f"{plan.patience} epochs" if plan.patience > 1 else "an epoch"
        return f"{after} {TITLES[plan.best_metric]} on dev had not improved for {long} (the patience)"
    after = f"{which} stopped after {run.epochs:.2f} of {plan.epochs} epochs, since"
    reason = {TIME_LIMIT: f"its {max_minutes:g} minutes were over", ENDED: "the system asked it to end"}[run.stopped]
    return f"{after} {reason}; the best weights until then are kept"


def to_be_read(
    run: Trained, plan: Plan, max_minutes: float, which: str = "the training", kept: bool = True
) -> list[str]:
    """Return the sentences on a training that a user has to read.

    kept: whether its model is, of several runs. The other parameters are those of ending.
    """
    result = [ending(run, plan, max_minutes, which)] if run.stopped in (TIME_LIMIT, ENDED) else []
    if not kept:
        return result
    model = "the kept model" if which == "the training" else f"the model that is kept of {which}"
    if math.isnan(run.rows[run.best][f"dev_{plan.best_metric}"]):
        result.append(
            f"{TITLES[plan.best_metric]} of {model} is not defined on dev, nor was it in another epoch; the loss on "
            "dev chose among them"
        )
    if run.same:
        result.append(same_answer_warning(plan.target, run.same, len(plan.truth), model))
    return result
