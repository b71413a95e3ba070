"""The table of predictions."""

from typing import Any

import numpy as np
import pandas as pd

from ..adapters.dataset import Adapter
from ..words import CLASSES, NUMBER


def prediction_table(records: pd.DataFrame, predictions: np.ndarray, adapter: Adapter) -> pd.DataFrame:
    """Return `id`, the kept columns, and what was predicted.

    That is `predicted`, for one of several classes its `probability`, and `p(<label>)` for each label; for numbers
    `predicted` alone.
    records: those of the input; their numbers from 1 stand for identifiers where there is no column `id`.
    predictions: calibrated, (n, outputs).
    """
    target, decision = adapter.target, adapter.decision
    columns = {"id": records["id"].to_list() if "id" in records else list(range(1, 1 + len(records)))}
    numbers = target.kind == NUMBER
    predicted = predictions[:, 0] if numbers else decision.predicted_names(target, predictions)
    made: dict[str, Any] = {"predicted": predicted}
    if target.kind == CLASSES:
        chosen = decision.predicted(target, predictions)
        made["probability"] = predictions[np.arange(len(predictions)), chosen]
    made |= {f"p({label})": predictions[:, number] for number, label in enumerate(target.labels)}
    # The sequence is left out for its length; a column of the input that has the name of one of ours gives way.
    taken = {"id", "sequence", *made}
    kept = {name: records[name].to_list() for name in records if name not in taken}
    return pd.DataFrame({**columns, **kept, **made})
