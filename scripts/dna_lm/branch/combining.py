"""How much each of several classifiers counts, decided on sequences that none of them was trained on."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.optimize import minimize

# How strongly the weights are drawn to equal ones: as this many records would whose loss is the squared difference.
DRAWN = 1.0


def combined_weights(outputs: Sequence[np.ndarray], loss: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    """Return the weights, (classifiers,) float64, each 0 or more, whose weighted sum of outputs has the lowest loss.

    This is stacking with weights that are not negative (Breiman 1996, doi:10.1007/BF00117832).
    outputs: of each classifier, (n, outputs). loss: of (n, outputs) float64, the loss of each record, (n,).
    """
    stacked = torch.from_numpy(np.stack(outputs).astype(np.float64))
    equal = 1 / len(outputs)

    def objective(values: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.tensor(values, requires_grad=True)
        total = loss((weights[:, None, None] * stacked).sum(dim=0)).sum() + DRAWN * ((weights - equal) ** 2).sum()
        total.backward()
        return float(total.detach()), weights.grad.numpy()

    start = np.full(len(outputs), equal)
    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(outputs)).x
