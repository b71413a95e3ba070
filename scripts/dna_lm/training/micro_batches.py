"""How the sequences of a step go through the model: in micro-batches of like length, dealt to the processes.

The gradients of a step's micro-batches are added up, so that how it is cut changes its result by rounding only.
"""

import numpy as np

from ..processes.devices import Devices
from ..processes.inference import batches

# Tokens of a micro-batch, about (docs/measurements/training.md has the figures).
TOKENS_AT_ONCE = {"cpu": 512, "cuda": 32768}
# On a CPU, narrow models take more tokens, as many as are these numbers in a layer; each of several processes twice as
# many: that is faster, and jobs of more cores have more memory as a rule.
NUMBERS_AT_ONCE = 512 * 256


def tokens_at_once(hidden_size: int, devices: Devices) -> int:
    """Return how many tokens, padding included, a micro-batch has at most, unless a single sequence has more.

    hidden_size: the model's, numbers to a token. On a CPU, small micro-batches stay in its caches and take less memory.
    """
    if devices.cuda:
        return TOKENS_AT_ONCE["cuda"]
    numbers = NUMBERS_AT_ONCE if devices.processes == 1 else 2 * NUMBERS_AT_ONCE
    return max(TOKENS_AT_ONCE["cpu"], numbers // hidden_size)


def most_at_once(batch_size: int, devices: Devices) -> int:
    """Return how many of the longest sequences a micro-batch has at most: a process's share of a batch."""
    return -(-batch_size // devices.processes)


def deal(lengths: np.ndarray, processes: int, tokens: int, most: int) -> list[list[np.ndarray]]:
    """Cut a step into micro-batches and deal them to processes.

    lengths: in tokens, of the sequences of the step, (n,), at least one. tokens: of a micro-batch at most, padding
    included, unless a single sequence has more. most: a micro-batch has no more tokens than so many of the longest
    sequences; there may be more of shorter ones.
    Returns for each process the positions in `lengths` of each of its micro-batches. All processes have as many
    micro-batches, since they compute together, and about as many tokens. Of a step with too few sequences for that,
    some are empty.
    """
    order = np.argsort(-lengths, kind="stable")
    longest_first = lengths[order]
    tokens = min(tokens, most * int(longest_first[0]))
    wanted = -(-len(batches(longest_first, len(order), tokens)) // processes) * processes
    # The narrowest limit that still gives so few micro-batches makes them alike.
    narrow, wide = 0, tokens
    while wide - narrow > 1:
        middle = (narrow + wide) // 2
        fits = len(batches(longest_first, len(order), middle)) <= wanted
        narrow, wide = (narrow, middle) if fits else (middle, wide)
    groups = [order[group] for group in batches(longest_first, len(order), wide)]
    while len(groups) < wanted:
        groups.sort(key=len)
        largest = groups.pop()
        groups += [largest[: (len(largest) + 1) // 2], largest[(len(largest) + 1) // 2 :]]
    return _dealt(groups, [len(group) * int(lengths[group].max(initial=0)) for group in groups], processes)


def _dealt(groups: list[np.ndarray], costs: list[int], processes: int) -> list[list[np.ndarray]]:
    """Deal groups in rounds, the dearest first; in each round the process with the least so far gets the dearest."""
    shares: list[list[np.ndarray]] = [[] for _ in range(processes)]
    totals = [0] * processes
    order = sorted(range(len(groups)), key=lambda number: -costs[number])
    for start in range(0, len(order), processes):
        places = sorted(range(processes), key=lambda place: totals[place])
        for place, number in zip(places, order[start : start + processes], strict=True):
            shares[place].append(groups[number])
            totals[place] += costs[number]
    return shares
