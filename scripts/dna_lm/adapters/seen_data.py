"""Whether labeled sequences took part in making an adapter, as its record tells.

The record has digests of the sequences (see data/digests.py) and the SHA-256 of the files, which is all that adapters
of earlier releases have. A training that goes on from an adapter carries on what that one has seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.digests import Digests
from ..data.sequences import canonical
from ..errors import UserError
from ..words import ALLOW
from .dataset import Adapter

# A file of which this share was seen counts as seen and is refused; below it, a warning tells how many were.
REFUSED_SHARE = 0.5
# Of a large set, only a sample of the digests is kept: it has to tell of so many sequences, for an estimate to refuse.
LEAST_SAMPLED = 20
# What each role is called: the file as a whole, and as what some sequences are in.
FILES = {
    "train": "the file that the adapter was trained on",
    "dev": "the development set by which the adapter's weights were chosen",
    "calibration": "the file on which the adapter was calibrated",
}
SPLITS = {
    "train": "the adapter's training set",
    "dev": "the development set by which its weights were chosen",
    "calibration": "the data on which it was calibrated",
}


@dataclass(frozen=True)
class Overlap:
    """How much of some data was seen.

    seen: how many of `looked_at` sequences, which are all `sequences` of the data unless the record has a sample only.
    """

    seen: int
    looked_at: int
    sequences: int

    @property
    def share(self) -> float:
        return self.seen / max(1, self.looked_at)

    @property
    def refused(self) -> bool:
        """Whether so much was seen that the data count as seen."""
        enough = self.looked_at == self.sequences or self.looked_at >= LEAST_SAMPLED
        return enough and self.seen > 0 and self.share >= REFUSED_SHARE

    def text(self) -> str:
        """Return, for example, `12 of 1,000 sequences (1.2%)`."""
        if self.looked_at == self.sequences:
            return f"{self.seen:,} of {self.sequences:,} sequences ({self.share:.1%})"
        return f"about {self.share:.1%} of {self.sequences:,} sequences"


def seen_record(train: np.ndarray, dev: np.ndarray, before: Adapter | None) -> dict[str, Any]:
    """Return what a training records of the sequences that it has seen, and those that were seen before it.

    train, dev: digests of the sequences, as digests_of gives them. before: the adapter that is gone on from.
    The result has `train` and `dev` (see Digests.record); `files`, for both splits the SHA-256 of the files of earlier
    training runs; and `complete`: whether the sequences of the earlier training runs are all among the digests.
    """
    sets = {"train": Digests.of(train), "dev": Digests.of(dev)}
    files: dict[str, list[str]] = {"train": [], "dev": []}
    complete = True
    if before:
        earlier = _recorded(before)
        complete = _complete(before)
        for split in files:
            files[split] = sorted(set(_files(before, split)))
            if split in earlier:
                sets[split] = sets[split] | earlier[split]
    return {split: found.record() for split, found in sets.items()} | {"files": files, "complete": complete}


def knows_all(adapter: Adapter) -> bool:
    """Say whether the record tells of all sequences that the adapter or one that it goes on from was trained on."""
    return _complete(adapter)


def knows_role(adapter: Adapter, role: str) -> bool:
    """Say whether the record tells which data had a role of FILES, so that other data are known to be others."""
    return role in _recorded(adapter) or bool(_files(adapter, role))


def roles(adapter: Adapter, sha256: str) -> list[str]:
    """Return what a file was for the adapter, of FILES; nothing for one that is not recorded."""
    return [role for role in FILES if sha256 in _files(adapter, role)]


def overlap(adapter: Adapter, digests: np.ndarray, among: Sequence[str] = tuple(FILES)) -> Overlap | None:
    """Return how many sequences were seen in any of some roles; None if the record has no digests of sequences.

    digests: of each sequence, as digests_of gives them.
    """
    sets = [found for role, found in _recorded(adapter).items() if role in among]
    if not sets:
        return None
    known = np.all([one.known(digests) for one in sets], axis=0)
    seen = np.any([one.has(digests) for one in sets], axis=0) & known
    return Overlap(int(seen.sum()), int(known.sum()), len(digests))


def overlap_text(adapter: Adapter, digests: np.ndarray, source: str, among: Sequence[str] = tuple(FILES)) -> str:
    """Return in words how many sequences were seen in which roles; nothing if none was."""
    parts = []
    for role in among:
        found = overlap(adapter, digests, [role])
        if found and found.seen:
            parts.append(f"{found.text()} {'is' if found.seen == 1 else 'are'} in {SPLITS[role]}")
    return f"{source}: {' and '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class Use:
    """What data are used for, and what messages say where the adapter has seen them.

    roles: of FILES, in which they must not have been seen. few, refused, many: how the sentence goes on about data of
    which a few sequences were seen, about data that are refused, and about data that are allowed though they are seen;
    `{them}` is the file or its sequences.
    """

    roles: tuple[str, ...]
    few: str
    refused: str
    many: str


# How a message names the option that allows them, in the words of the forms and of the command line.
ALLOW_SEEN_DATA = '"Sequences already seen in training" to "Continue and warn in the report" (--seen-data allow)'

TO_SCORE = Use(
    tuple(FILES),
    few=": the scores are too good; take these sequences out",
    refused=": scores on {them} would be too good; choose a test set",
    many=": the scores are too good, and say nothing of new sequences",
)
# The dev split may be used, and the data of an earlier calibration.
TO_CALIBRATE = Use(
    ("train",),
    few=", of which it is too sure: what is chosen here is a little off; take these sequences out",
    refused=", of which it is too sure; choose the development set",
    many=", of which it is too sure: what was chosen here will not apply to other sequences",
)


def counts_as(adapter: Adapter, sha256: str, digests: np.ndarray, among: Sequence[str]) -> bool:
    """Say whether data count as seen in any of some roles: as its file, or by REFUSED_SHARE of their sequences."""
    found = overlap(adapter, digests, among)
    return any(role in among for role in roles(adapter, sha256)) or (found is not None and found.refused)


def check_seen(
    adapter: Adapter, sha256: str, digests: np.ndarray, seen_data: str, source: str, use: Use = TO_SCORE
) -> list[str]:
    """Return a sentence for data of which the adapter has seen some sequences; nothing for others.

    sha256: of the file. digests: of each sequence, as digests_of gives them. seen_data: the option.
    source: what to call the file. use: what the data are for.
    Raises UserError for data that count as seen (see counts_as), unless that is allowed.
    """
    files = [FILES[role] for role in roles(adapter, sha256) if role in use.roles]
    what = f"{source} is {' and '.join(files)}" if files else overlap_text(adapter, digests, source, use.roles)
    if not what:
        return []
    if not counts_as(adapter, sha256, digests, use.roles):
        return [what + use.few]
    if seen_data != ALLOW:
        refused = use.refused.format(them="it" if files else "them")
        raise UserError(f"{what}{refused}, or set {ALLOW_SEEN_DATA}")
    return [what + use.many]


def in_common(
    sequences: Sequence[str], truth: np.ndarray, others: Sequence[str], other_truth: np.ndarray
) -> tuple[Overlap, str]:
    """Compare two files: how many sequences of the first are in the second too, on either strand.

    sequences, others: normalized. truth, other_truth: as a target reads their labels, so that `a;b` is `b;a` and `1` is
    `1.0`.
    Returns the number, and words that follow it, if some of these have another label there.
    """
    labels: dict[str, set[bytes]] = {}
    for sequence, label in zip(others, _comparable(other_truth), strict=True):
        labels.setdefault(canonical(sequence), set()).add(label)
    seen = contrary = 0
    for sequence, label in zip(sequences, _comparable(truth), strict=True):
        there = labels.get(canonical(sequence))
        seen += there is not None
        contrary += there is not None and label not in there
    other_labels = f", {contrary:,} of them with another label" if contrary else ""
    return Overlap(seen, len(sequences), len(sequences)), other_labels


def same_training_data(adapters: Sequence[Adapter]) -> bool:
    """Say whether adapters were trained on the same sequences; on the same files, where one records no sequences."""
    sets = [_recorded(adapter).get("train") for adapter in adapters]
    if all(one is not None for one in sets):
        return len({(one.numbers.tobytes(), one.below) for one in sets if one is not None}) < 2
    return len({adapter.training.get("train_sha256") for adapter in adapters}) < 2


def is_training_data(adapter: Adapter, sha256: str, digests: np.ndarray) -> bool:
    """Say whether data are those that the adapter was trained on: the file, or the same sequences."""
    recorded = _recorded(adapter).get("train")
    given = Digests.of(digests)
    same = recorded is not None and recorded.below == given.below and np.array_equal(recorded.numbers, given.numbers)
    return same or sha256 == adapter.training.get("train_sha256")


def _comparable(truth: np.ndarray) -> Iterator[bytes]:
    return (value.tobytes() for value in truth + 0)  # 0 is also -0


def _seen(adapter: Adapter) -> dict[str, Any]:
    return _mapping(adapter.training.get("seen"))


def _recorded(adapter: Adapter) -> dict[str, Digests]:
    """Return the sequences that were seen, by role, of those roles that the record tells of."""
    records = {role: _seen(adapter).get(role) for role in ("train", "dev")}
    records["calibration"] = _calibration(adapter).get("seen")
    found = {role: Digests.from_record(record) for role, record in records.items()}
    return {role: digests for role, digests in found.items() if digests is not None}


def _complete(adapter: Adapter) -> bool:
    return {"train", "dev"} <= _recorded(adapter).keys() and _seen(adapter).get("complete") is True


def _files(adapter: Adapter, role: str) -> list[str]:
    """Return the SHA-256 of the files that had a role, in the adapter's own training and in earlier ones."""
    if role == "calibration":
        found = [_calibration(adapter).get("data_sha256")]
    else:
        earlier = _mapping(_seen(adapter).get("files")).get(role)
        found = [adapter.training.get(f"{role}_sha256"), *(earlier if isinstance(earlier, list) else [])]
    return [one for one in found if isinstance(one, str)]


def _calibration(adapter: Adapter) -> dict[str, Any]:
    return _mapping(adapter.task.get("calibration"))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
