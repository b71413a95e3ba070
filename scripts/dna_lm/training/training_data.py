"""The splits that a training reads."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..adapters.adapter import Adapter
from ..base_models.base_model import sha256_of_file
from ..base_models.encoding import Encoder, Reading, summary, warnings
from ..data.tables import read_labelled
from ..data.targets import Target, learn_target
from ..data.textfiles import describe
from ..errors import UserError
from ..options import BOTH, MULTI_LABEL
from .batches import Sequences, Tokens

# Sequences that are encoded at once: their token numbers are Python's for as long as it takes.
ENCODED_AT_ONCE = 10_000


@dataclass(frozen=True)
class TrainingData:
    """Both splits as they are trained on and scored.

    truth, sets, unknown_shares, sha256: of `train` and of `dev`; truth as the target reads it, sha256 of the files.
    read: a sentence on each; warnings: sentences that a user has to read.
    """

    target: Target
    truth: dict[str, np.ndarray]
    sets: dict[str, Sequences]
    unknown_shares: dict[str, float]
    sha256: dict[str, str]
    read: list[str]
    warnings: list[str]

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(int(part.lengths().max()) for part in self.sets.values())


def read_splits(
    options: Namespace,
    encoder: Encoder,
    before: Adapter | None,
    progress: Callable[[str], None],
) -> TrainingData:
    """Read, check and encode the train and the dev split.

    options: the command line's. before: the adapter that is gone on from, whose target is kept.
    progress: told how it goes, a line at a time.
    Raises UserError for anything wrong with the files, and when both are the same.
    """
    sources = {"train": describe(options.train, "the training split"), "dev": describe(options.dev, "the dev split")}
    several = options.target == MULTI_LABEL
    tables = {
        name: read_labelled(getattr(options, name), source, empty_labels=several) for name, source in sources.items()
    }
    target = (
        before.target
        if before
        else learn_target(options.target, tables["train"]["label"], sources["train"], options.positive_label)
    )
    target.require_positive(options.positive_label)
    truth = {name: target.read(table["label"], sources[name]) for name, table in tables.items()}
    # With one label in dev, every MCC is 0 and the first would be kept whatever was learnt.
    target.require_scorable(truth["dev"], sources["dev"])
    sets, shares, read, said = {}, {}, [], []
    if target.positive is not None:
        read.append(f"the positive label is {target.positive!r}, the other one {target.labels[0]!r}")
        progress(read[-1])
    for name, table in tables.items():
        strands, reading = _encoded(encoder, table["sequence"].tolist(), options.strands == BOTH)
        sets[name] = Sequences(strands, target.for_training(truth[name]))
        shares[name] = reading.unknown_share
        read.append(summary(reading, sources[name]))
        progress(read[-1])
        for text in warnings(reading, encoder, sources[name]):
            said.append(text)
            progress(f"warning: {text}")
    sha256 = {name: sha256_of_file(getattr(options, name)) for name in sources}
    if sha256["train"] == sha256["dev"]:
        raise UserError(
            f"{sources['dev']} is the same as {sources['train']}; choose a dev split that shares no sequence with train"
        )
    return TrainingData(target, truth, sets, shares, sha256, read, said)


def _encoded(encoder: Encoder, sequences: list[str], both: bool) -> tuple[list[Tokens], Reading]:
    """Return the token numbers of the strand given, or of both, and what was counted."""
    strands, reading = [Tokens() for _ in range(1 + both)], Reading()
    for start in range(0, len(sequences), ENCODED_AT_ONCE):
        part = sequences[start : start + ENCODED_AT_ONCE]
        encoded, *reverse = encoder.encode_both(part) if both else [encoder.encode(part)]
        for tokens, numbers in zip(strands, [encoded.tokens, *reverse], strict=True):
            tokens.extend(numbers)
        reading += encoded
    return strands, reading
