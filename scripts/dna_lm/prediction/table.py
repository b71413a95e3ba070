"""The table of predictions."""

from typing import Any

import numpy as np
import pandas as pd

from ..adapters.dataset import Adapter
from ..words import CLASSES, NUMBER


def prediction_table(records: pd.DataFrame, answers: np.ndarray, adapter: Adapter, first: int = 1) -> pd.DataFrame:
    """Return `id`, the kept columns, and what was predicted.

    That is `predicted`, for one of several classes its `probability`, and `p(<label>)` for each label; for numbers
    `predicted` alone.
    records: those of the input. answers: calibrated, (n, outputs). first: the number of the first record, which stands
    for its identifier where there is no column `id`.
    """
    target, decision = adapter.target, adapter.decision
    columns = {"id": records["id"].to_list() if "id" in records else list(range(first, first + len(records)))}
    own: dict[str, Any] = {"predicted": answers[:, 0] if target.kind == NUMBER else decision.said(target, answers)}
    if target.kind == CLASSES:
        chosen = decision.predicted(target, answers)
        own["probability"] = answers[np.arange(len(answers)), chosen]
    own |= {f"p({label})": answers[:, number] for number, label in enumerate(target.labels)}
    # The sequence is left out for its length; a column of the input that has the name of one of ours gives way.
    taken = {"id", "sequence", *own}
    kept = {name: records[name].to_list() for name in records if name not in taken}
    return pd.DataFrame({**columns, **kept, **own})
