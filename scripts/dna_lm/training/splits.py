"""The splits that a training reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..adapters.dataset import Adapter
from ..adapters.seen_data import FILES, in_common, overlap, overlap_text, roles, seen_record
from ..base_models.encoding import Encoder, Reading, summary, warnings
from ..base_models.installed_files import sha256_of_file
from ..data.digests import digests_of
from ..data.labels import are_measured, require_two_labels
from ..data.packing import gc_content, pack
from ..data.tables import read_labeled
from ..data.targets import Target, learn_target
from ..data.textfiles import describe
from ..errors import UserError
from ..words import CLASSES, MULTI_LABEL, SPLIT_NAMES
from .batches import Sequences, Tokens
from .options import TrainingSplitOptions

# Sequences that are encoded at once: their token numbers are Python's for as long as it takes.
ENCODED_AT_ONCE = 10_000


@dataclass(frozen=True)
class TrainingData:
    """Both splits as they are trained on and scored.

    truth, sets, sequences, unknown_shares, sha256: of `train` and of `dev`; truth as the target reads it, sequences as
    far as the language model reads them, sha256 of the files.
    sequence_lengths: letters of the `shortest`, `median` and `longest` training sequence.
    sequence_gc: `lowest`, `median` and `highest` GC content of a training sequence, 0 to 1; None if all are unknown.
    seen: what the adapter records of the sequences, so that they are known again (see seen_data.seen_record).
    read: a sentence on each; warnings: sentences that a user has to read.
    """

    target: Target
    truth: dict[str, np.ndarray]
    sets: dict[str, Sequences]
    sequences: dict[str, list[str]]
    unknown_shares: dict[str, float]
    sha256: dict[str, str]
    sequence_lengths: dict[str, int]
    sequence_gc: dict[str, float] | None
    seen: dict[str, Any]
    read: list[str]
    warnings: list[str]

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(int(part.lengths().max()) for part in self.sets.values())


def read_splits(
    options: TrainingSplitOptions,
    encoder: Encoder,
    both_strands: bool,
    before: Adapter | None,
    progress: Callable[[str], None],
) -> TrainingData:
    """Read, check and encode the train and the dev split.

    both_strands: whether both strands are encoded. before: the adapter that is gone on from, whose target is kept.
    progress: told how it goes, a line at a time.
    Raises UserError for anything wrong with the files, and for a dev split of which half or more was trained on.
    """
    sources = {name: describe(getattr(options, name), f"the {SPLIT_NAMES[name]} set") for name in ("train", "dev")}
    several = options.target == MULTI_LABEL
    tables = {
        name: read_labeled(getattr(options, name), source, empty_labels=several) for name, source in sources.items()
    }
    target = (
        before.target
        if before
        else learn_target(options.target, tables["train"]["label"], sources["train"], options.positive_label)
    )
    target.require_positive(options.positive_label)
    truth = {name: target.read(table["label"], sources[name]) for name, table in tables.items()}
    if before and target.kind == CLASSES:
        require_two_labels([target.labels[number] for number in np.unique(truth["train"])], sources["train"])
    # With one label in dev, every MCC is 0 and the first would be kept whatever was learned.
    target.require_scorable(truth["dev"], sources["dev"])
    sequences = {name: table["sequence"].tolist() for name, table in tables.items()}
    sha256 = {name: sha256_of_file(getattr(options, name)) for name in sources}
    sets, shares, letters, read = {}, {}, {}, []
    digests = {name: digests_of(some) for name, some in sequences.items()}
    messages = _shared(sequences, truth, before, (sha256["dev"], digests["dev"]), sources)
    if target.kind == CLASSES and not before and (hint := are_measured(tables["train"]["label"], sources["train"])):
        messages.append(hint)
    for text in messages:
        progress(f"warning: {text}")
    if target.positive is not None:
        read.append(f"the positive label is {target.positive!r}, the other one {target.labels[0]!r}")
        progress(read[-1])
    for name in tables:
        strands, reading, letters[name] = _encoded(encoder, sequences[name], both_strands)
        sets[name] = Sequences(strands, target.for_training(truth[name]))
        shares[name] = reading.unknown_share
        read.append(summary(reading, sources[name]))
        progress(read[-1])
        for text in warnings(reading, encoder, sources[name], trained=before is not None):
            messages.append(text)
            progress(f"warning: {text}")
    lengths = letters["train"]
    known = {"shortest": int(lengths.min()), "median": int(np.median(lengths)), "longest": int(lengths.max())}
    seen = seen_record(digests["train"], digests["dev"], before)
    gc = _gc_range(sequences["train"])
    read_letters = {
        name: [text[:count] for text, count in zip(some, letters[name].tolist(), strict=True)]
        for name, some in sequences.items()
    }
    return TrainingData(target, truth, sets, read_letters, shares, sha256, known, gc, seen, read, messages)


def _gc_range(sequences: list[str]) -> dict[str, float] | None:
    gc = gc_content(pack(sequences))
    gc = gc[~np.isnan(gc)]
    if not len(gc):
        return None
    return {"lowest": float(gc.min()), "median": float(np.median(gc)), "highest": float(gc.max())}


def _shared(
    sequences: dict[str, list[str]],
    truth: dict[str, np.ndarray],
    before: Adapter | None,
    dev: tuple[str, np.ndarray],
    sources: dict[str, str],
) -> list[str]:
    """Return a sentence for dev sequences that are trained on too, or were before the adapter is gone on with.

    dev: SHA-256 of its file, by which alone adapters of earlier releases know it, and the digests of its sequences.
    Raises UserError when that is half of them or more: the dev split would choose what has been learned by heart.
    """
    mend = "choose a development set that shares none with the training set, such as Prepare makes"
    found, contrary = in_common(sequences["dev"], truth["dev"], sequences["train"], truth["train"])
    verb = "is" if found.seen == 1 else "are"
    cases = [(found, f"{sources['dev']}: {found.text()} {verb} also in {sources['train']}, on either strand{contrary}")]
    if before:
        sha256, digests = dev
        if "train" in roles(before, sha256):
            raise UserError(f"{sources['dev']} is {FILES['train']}, from which this training continues; {mend}")
        earlier = overlap(before, digests, ["train"])
        if earlier:
            what = overlap_text(before, digests, sources["dev"], ["train"])
            cases.append((earlier, f"{what}, from which this training continues"))
    messages = []
    for one, what in cases:
        if one.refused:
            raise UserError(f"{what}; {mend}")
        if one.seen:
            messages.append(
                f"{what}: the scores on the development set are too good, and select for memorization; {mend}"
            )
    return messages


def _encoded(encoder: Encoder, sequences: list[str], both: bool) -> tuple[list[Tokens], Reading, np.ndarray]:
    """Return the token numbers of the strand given, or of both, what was counted, and the letters read, (n,)."""
    strands, reading, letters = [Tokens() for _ in range(1 + both)], Reading(), np.zeros(len(sequences), dtype=np.int64)
    for start in range(0, len(sequences), ENCODED_AT_ONCE):
        part = sequences[start : start + ENCODED_AT_ONCE]
        encoded, *reverse = encoder.encode_both(part) if both else [encoder.encode(part)]
        for tokens, numbers in zip(strands, [encoded.tokens, *reverse], strict=True):
            tokens.extend(numbers)
        letters[start : start + len(part)] = encoded.letters
        reading += encoded.reading
    return strands, reading, letters
