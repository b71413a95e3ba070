"""Several training runs that differ in their seed: their histories as one table, and which of them are kept."""

import numpy as np
import pandas as pd

from ..scores.registry import ERRORS
from .loop import Trained

ENSEMBLE = "ensemble"


def history(runs: list[Trained], seeds: list[int], keep: str, metric: str) -> tuple[pd.DataFrame, list[int]]:
    """Return the table of all evaluations, and the numbers of the runs that are kept, from 0, the best one first.

    seeds: of the runs. keep: `best` or `ensemble`. metric: the score that chooses among evaluations and runs.
    The table has a column `seed` if there are several runs, and `kept`, which says `yes` for what is in the adapter.
    """
    rows = []
    best = [run.rows[run.best][f"dev_{metric}"] for run in runs]
    order = np.argsort([score if metric in ERRORS else -score for score in best], kind="stable").tolist()
    kept = order if keep == ENSEMBLE else order[:1]
    for number, (run, seed) in enumerate(zip(runs, seeds, strict=True)):
        for position, row in enumerate(run.rows):
            chosen = {"kept": "yes" if number in kept and position == run.best else ""}
            first = {"seed": seed} if len(runs) > 1 else {}
            rows.append(first | {"epoch": row["epoch"]} | chosen | row)
    return pd.DataFrame(rows), kept


def spread(runs: list[Trained]) -> pd.DataFrame:
    """Return mean and sample standard deviation, over the runs, of the dev scores that each is kept for."""
    scores = pd.DataFrame([run.rows[run.best] for run in runs]).filter(regex="^dev_")
    return pd.DataFrame({"mean": scores.mean(), "standard_deviation": scores.std(ddof=1)})
