"""Dividing records into train, dev and test.

Every function returns the name of each record's split: an array of objects, (n,).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ..data.textfiles import listed
from ..errors import UserError
from ..words import SPLIT_NAMES

SPLITS = ("train", "dev", "test")
# What datasets call their splits, in lower case.
SYNONYMS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "development", "val", "valid", "validation", "eval"), "dev"),
    **dict.fromkeys(("test", "testing", "holdout", "held-out"), "test"),
}
# Orders of the groups that are tried before a division is called impossible, and groups dealt in all of them.
ATTEMPTS, DEALT = 100, 300_000
# Groups that may be exchanged once they are dealt: every pair of them is tried.
EXCHANGED = 32
# Share of what dev is to have that may be missing when every label is to keep to its share.
TOO_SMALL = 0.2
# Of floating-point numbers, in comparisons with 1.
ROUNDING = 1e-9
# Names listed in a message.
MOST_LISTED = 8


def parse_fractions(text: str) -> tuple[float, float, float]:
    """Return the shares of train, dev and test from text such as `0.8,0.1,0.1`.

    Raises UserError unless there are three positive numbers with the sum 1.
    """
    try:
        train, dev, test = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(
            f'"Proportions of train, dev and test" (--fractions {text!r}) are not three numbers; give three, such as '
            "0.8,0.1,0.1"
        ) from None
    if not (min(train, dev, test) > 0 and abs(train + dev + test - 1) < 1e-6):
        raise UserError(
            f'"Proportions of train, dev and test" (--fractions {text!r}) must be above 0 and add up to 1, such as '
            "0.8,0.1,0.1"
        )
    return train, dev, test


def split_random(records: pd.DataFrame, fractions: tuple[float, float, float], seed: int) -> np.ndarray:
    """Split at random, with the same share of each label in each split (to a record).

    records: with the column `label`.
    fractions: the shares of train, dev and test.
    Raises UserError when a label has too few records for one in each split.
    """
    random = np.random.default_rng(seed)
    label_numbers, _, targets = _wanted(records, fractions)
    split = np.empty(len(records), dtype=object)
    for label, sizes in enumerate(targets.T):
        positions = random.permutation(np.flatnonzero(label_numbers == label))
        split[positions] = np.repeat(np.array(SPLITS, dtype=object), sizes)
    return split


def _wanted(records: pd.DataFrame, fractions: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the number of each record's label, the labels in order, and how many of each a split is to have.

    The last is (3, labels) int64. Raises UserError when a label has too few records for one in each split.
    """
    label_numbers, labels = pd.factorize(records["label"].to_numpy(dtype=object), sort=True)
    counts = np.bincount(label_numbers, minlength=len(labels))
    targets = np.array([_sizes(int(count), fractions) for count in counts]).T
    for label, count, sizes in zip(labels, counts, targets.T, strict=True):
        if min(sizes) < 1:
            train, dev, test = (max(size, 0) for size in sizes)
            what = f"label {label!r} has {count} of {len(records)}" if label else f"there are {count}"
            raise UserError(
                f"{what} sequences left after cleaning, too few for one in each split (training {train}, development "
                f"{dev}, test {test}); add sequences{' with this label' * bool(label)} or choose other fractions"
            )
    return label_numbers, labels, targets


def _sizes(count: int, fractions: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return how many of `count` records go to each split: a half is rounded up, train takes what is left."""
    dev, test = (int(count * fraction + 0.5) for fraction in fractions[1:])
    return count - dev - test, dev, test


def split_by_group(
    records: pd.DataFrame,
    groups: np.ndarray,
    fractions: tuple[float, float, float],
    tolerance: float,
    seed: int,
    kind: str,
    names: list[str] | None = None,
) -> np.ndarray:
    """Split so that no group is in two splits, with the share of each label in each split near its fraction.

    records: with the column `label`.
    groups: (n,) number of each record's group, from 0 without a gap.
    tolerance: how far the share of a label's records that are in a split may be from the split's fraction, 0 to 1; less
        than one record is never asked for.
    kind: the word for a group in messages; names: of the groups by number, if they have any.
    Raises UserError with the numbers when no division within the tolerance was found.

    The groups are dealt out from the largest to the smallest, each to the split that is then, for the labels in the
    group, the emptiest in proportion to its size; then groups are moved and exchanged while that brings the shares
    nearer to the fractions. Groups of one record fill up what is left, at random. If that is not within the tolerance,
    other orders are tried.
    """
    label_numbers, labels, targets = _wanted(records, fractions)
    counts = targets.sum(axis=0)
    ideal = np.outer(fractions, counts)
    # In records, so that a label with few of them is not held to a fraction of one.
    allowed = np.maximum(tolerance * counts, 1)

    def excess(shares: np.ndarray) -> np.ndarray:
        """Divide how far (..., 3, labels) shares are off by what is allowed; no split may lack a label."""
        off = np.abs(shares - ideal) / allowed
        return np.where(shares < 1, np.maximum(off, 2), off)

    random = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    several = np.flatnonzero(sizes > 1)
    single = sizes[groups] == 1
    contents = _contents(groups[~single], label_numbers[~single], len(labels))
    singles = np.bincount(label_numbers[single], minlength=len(labels))
    best_worst = np.inf
    for attempt in range(min(ATTEMPTS, 1 + DEALT // max(1, len(several)))):
        order = random.permutation(several)
        if attempt == 0:
            order = order[np.argsort(-sizes[order], kind="stable")]
        split_of = _deal(order, contents, targets, len(sizes))
        room = _exchange(split_of, random.permutation(several)[:EXCHANGED], contents, targets, singles, excess)
        shares = targets - room + _fill(singles, room)
        worst = float(excess(shares).max())
        if worst < best_worst:
            best, best_room, best_shares, best_worst = split_of, room, shares, worst
        if best_worst <= 1 + ROUNDING:
            break
    else:
        where = np.unravel_index(excess(best_shares).argmax(), targets.shape)
        raise UserError(_impossible(sizes, labels, targets, best_shares, tolerance, kind, names, where))
    split = best[groups]
    for label, counts in enumerate(_fill(singles, best_room).T):
        alone = random.permutation(np.flatnonzero(single & (label_numbers == label)))
        split[alone] = np.repeat([0, 1, 2], counts)
    return np.array(SPLITS, dtype=object)[split]


def _contents(groups: np.ndarray, labels: np.ndarray, count: int) -> dict[int, list[tuple[int, int]]]:
    """Return for each group its labels, by number, of which there are `count`, and how many records have each."""
    result: dict[int, list[tuple[int, int]]] = {}
    pairs, records = np.unique(groups.astype(np.int64) * count + labels, return_counts=True)
    for pair, number in zip(pairs.tolist(), records.tolist(), strict=True):
        result.setdefault(pair // count, []).append((pair % count, number))
    return result


def _deal(
    order: np.ndarray, contents: dict[int, list[tuple[int, int]]], targets: np.ndarray, groups: int
) -> np.ndarray:
    """Return the number of each group's split, (groups,), -1 for those that are not in `order`."""
    room = targets.tolist()
    wanted = targets.tolist()
    split_of = np.full(groups, -1)
    for group in order.tolist():
        inside = contents[group]
        # What is left free of the split, in proportion to its size, once the group is in; the fullest label counts.
        after = [min((room[s][label] - count) / wanted[s][label] for label, count in inside) for s in range(3)]
        chosen = after.index(max(after))
        split_of[group] = chosen
        for label, count in inside:
            room[chosen][label] -= count
    return split_of


def _exchange(
    split_of: np.ndarray,
    movable: np.ndarray,
    contents: dict[int, list[tuple[int, int]]],
    targets: np.ndarray,
    singles: np.ndarray,
    excess: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Move one group, or exchange two, as long as that brings the shares nearer to the fractions; changes `split_of`.

    movable: numbers of the groups that may change their split. excess: how far shares are off.
    Returns (3, labels) int64, how many records the splits have room for.
    """
    room = targets.copy()
    for group in np.flatnonzero(split_of >= 0).tolist():
        for label, count in contents[group]:
            room[split_of[group], label] -= count
    table = np.zeros((len(movable), targets.shape[1]), dtype=np.int64)
    for row, group in enumerate(movable.tolist()):
        for label, count in contents[group]:
            table[row, label] = count

    def cost(room: np.ndarray) -> np.ndarray:
        # The fourth power, since the one that is furthest off decides, but others are not to be lost sight of. By
        # squares, since the last bit of a power differs between processors.
        return np.square(np.square(excess(targets - room + _fill(singles, room)))).sum(axis=(-1, -2))

    now = cost(room)
    eye = np.eye(3, dtype=np.int64)
    while len(movable):
        current = split_of[movable]
        # (groups, 3, 3, labels): how moving a group to a split changes the room in each split.
        moved = (eye[current][:, None] - eye)[..., None] * table[:, None, None]
        to_other = moved[:, current]
        exchanged = to_other + to_other.swapaxes(0, 1)
        changes = np.concatenate([moved.reshape(-1, *room.shape), exchanged.reshape(-1, *room.shape)])
        costs = cost(room + changes)
        chosen = int(costs.argmin())
        if not costs[chosen] < now:
            break
        now = costs[chosen]
        room = room + changes[chosen]
        if chosen < 3 * len(movable):
            split_of[movable[chosen // 3]] = chosen % 3
        else:
            pair = list(divmod(chosen - 3 * len(movable), len(movable)))
            split_of[movable[pair]] = current[pair[::-1]]
    return room


def _fill(singles: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Divide the groups of one record, (labels,), over the room for them, (..., 3, labels).

    Where a split has got more than it has room for, others get less than they have room for, train first.
    """
    result = np.maximum(room, 0)
    surplus = result.sum(axis=-2) - singles
    for split in range(3):
        taken = np.minimum(result[..., split, :], surplus)
        result[..., split, :] -= taken
        surplus = surplus - taken
    return result


def _impossible(
    sizes: np.ndarray,
    labels: np.ndarray,
    targets: np.ndarray,
    shares: np.ndarray,
    tolerance: float,
    kind: str,
    names: list[str] | None,
    where: tuple[int, int],
) -> str:
    """Return the message that no division was near enough to the fractions.

    sizes: (groups,) records of each. targets, shares: (3, labels), how many records of each label a split is to have,
    and has in the best division. where: split and label that are furthest off. The others are those of split_by_group.
    """
    split, label = where
    largest = int(sizes.argmax())
    called = f" ({names[largest]!r})" if names else ""
    return (
        f"no division of the {len(sizes)} {kind}s is within {tolerance:.4g} of the fractions: the nearest one has "
        f"{shares[where]} of the {targets.sum(axis=0)[label]} sequences{_labeled(labels[label])} in the "
        f"{SPLIT_NAMES[SPLITS[split]]} set, {targets[where]} are wanted; the largest {kind}{called} has "
        f"{sizes[largest]} of {sizes.sum()} sequences; choose other fractions, a larger tolerance or another way to "
        "split"
    )


def _labeled(label: str) -> str:
    return f" labeled {label!r}" if label else ""


def split_by_chromosome(records: pd.DataFrame, column: str, dev: str, test: str) -> np.ndarray:
    """Split by the chromosome: those named go to dev and test, all others to train.

    column: of the chromosomes' names. dev, test: names separated by commas.
    Raises UserError for a name that is in both or that no record has, and for a label that a split would lack.
    """
    chromosomes = records[column].astype(str).str.strip()
    present = sorted(set(chromosomes))
    there_are = listed(present, MOST_LISTED)
    chosen = {"dev": _names(dev), "test": _names(test)}
    for option, names in chosen.items():
        if not names:
            raise UserError(f"--{option}-chromosomes names no chromosome; give one or several of {there_are}")
        for name in names:
            if name not in present:
                raise UserError(
                    f"--{option}-chromosomes: no sequence left after cleaning is on {name!r}; there are {there_are}"
                )
    both = sorted(set(chosen["dev"]) & set(chosen["test"]))
    if both:
        raise UserError(
            f"chromosome {both[0]!r} is chosen for both the development and the test set; choose it for one of them"
        )
    split = np.full(len(records), "train", dtype=object)
    for name, names in chosen.items():
        split[chromosomes.isin(names).to_numpy()] = name
    _require_every_label(records, split, "choose other chromosomes")
    return split


def split_by_column(
    records: pd.DataFrame,
    given: pd.Series,
    fractions: tuple[float, float, float],
    seed: int,
    groups: Callable[[np.ndarray], np.ndarray] | None = None,
    strata: np.ndarray | None = None,
) -> np.ndarray:
    """Split as a column of the table says; where it has no dev, dev is drawn from train, label by label.

    given: (n,) `train`, `dev` or `test` for each record (see split_names).
    fractions: only the share of dev against that of train is used, and only when dev is drawn.
    groups: a function of the mask of train, (n,) bool, that returns the number of the group of each of its records; it
        is called when dev is drawn, and groups stay whole. Without it each record is a group.
    strata: (n,) text, of which dev is to have its share, instead of the labels.
    Raises UserError when there is no train or no test, or when a split lacks a label.
    """
    split = given.to_numpy(dtype=object).copy()
    for name in ("train", "test"):
        if not (split == name).any():
            raise UserError(
                f"no sequence left after cleaning is in the {SPLIT_NAMES[name]} set; check the column of the splits, "
                "and whether the sequences of the splits are copies of each other"
            )
    if not (split == "dev").any():
        train = split == "train"
        positions = np.flatnonzero(train)
        share = fractions[1] / (fractions[0] + fractions[1])
        numbers = groups(train) if groups else np.arange(len(positions))
        drawn_by = records["label"].to_numpy(dtype=object) if strata is None else strata
        drawn = _draw_groups(drawn_by[positions], numbers, share, seed)
        split[positions[drawn]] = "dev"
    _require_every_label(records, split, "add sequences, or split in another way")
    return split


def _draw_groups(labels: np.ndarray, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw whole groups at random until the share of each label is reached as nearly as they allow.

    A group is left out if it would give a label more than its share; if that leaves dev much too small, groups are
    added that fit into it as a whole. Returns (n,) bool.
    """
    numbers, names = pd.factorize(labels, sort=True)
    room = [int(count * share + 0.5) for count in np.bincount(numbers, minlength=len(names))]
    left = wanted = sum(room)
    contents = _contents(groups, numbers, len(names))
    order = np.random.default_rng(seed).permutation(int(groups.max(initial=-1)) + 1).tolist()
    chosen = np.zeros(len(order), dtype=bool)
    for strict in (True, False):
        if not strict and left <= wanted * TOO_SMALL:
            break
        for group in order:
            inside = contents.get(group, [])
            size = sum(count for _, count in inside)
            fits = all(count <= room[label] for label, count in inside) if strict else size <= left
            if fits and not chosen[group]:
                chosen[group] = True
                left -= size
                for label, count in inside:
                    room[label] -= count
    return chosen[groups]


def split_names(values: pd.Series, column: str, source: str) -> pd.Series:
    """Return `train`, `dev` or `test` for what a column calls the splits (any case; validation for dev, and so on).

    Raises UserError at the first other value.
    """
    result = values.str.strip().str.lower().map(SYNONYMS)
    unknown = result.isna().to_numpy()
    if unknown.any():
        line = values.index[unknown.argmax()]
        raise UserError(
            f"{source}, line {line}: column {column!r} has {values.iloc[unknown.argmax()]!r}, which is not the name of "
            "a split; write train, dev (or validation) or test"
        )
    return result


def _require_every_label(records: pd.DataFrame, split: np.ndarray, mend: str) -> None:
    table = pd.crosstab(records["label"], pd.Categorical(split, SPLITS), dropna=False)
    for label, row in table.iterrows():
        for name in SPLITS:
            if not row[name]:
                counts = ", ".join(f"{SPLIT_NAMES[other]} {row[other]}" for other in SPLITS)
                what = f" with label {label!r}" if label else ""
                raise UserError(f"the {SPLIT_NAMES[name]} set has no sequence{what} ({counts}); {mend}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
