"""The splits that a training reads."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..adapters.adapter import Adapter
from ..base_models.base_model import sha256_of_file
from ..base_models.encoding import Encoder, summary, warnings
from ..data.tables import read_labelled
from ..data.targets import Target, learn_target
from ..data.textfiles import describe
from ..errors import UserError
from ..options import BOTH, MULTI_LABEL
from .batches import Sequences


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
    target = before.target if before else learn_target(options.target, tables["train"]["label"], sources["train"])
    truth = {name: target.read(table["label"], sources[name]) for name, table in tables.items()}
    # With one label in dev, every MCC is 0 and the first would be kept whatever was learnt.
    target.require_scorable(truth["dev"], sources["dev"])
    sets, shares, read, said = {}, {}, [], []
    for name, table in tables.items():
        sequences = table["sequence"].tolist()
        if options.strands == BOTH:
            encoded, reverse = encoder.encode_both(sequences)
            strands = [encoded.tokens, reverse]
        else:
            encoded = encoder.encode(sequences)
            strands = [encoded.tokens]
        sets[name] = Sequences(strands, target.for_training(truth[name]))
        shares[name] = encoded.unknown_share
        read.append(summary(encoded, sources[name]))
        progress(read[-1])
        for text in warnings(encoded, encoder, sources[name]):
            said.append(text)
            progress(f"warning: {text}")
    sha256 = {name: sha256_of_file(getattr(options, name)) for name in sources}
    if sha256["train"] == sha256["dev"]:
        raise UserError(
            f"{sources['dev']} is the same as {sources['train']}; choose a dev split that shares no sequence with train"
        )
    return TrainingData(target, truth, sets, shares, sha256, read, said)
