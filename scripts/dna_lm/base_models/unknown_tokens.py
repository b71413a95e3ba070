"""The share of tokens that a base model does not know, from its tokenizer file alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.sampling import draw
from ..errors import UserError
from .opening import TOKENIZER, described_tokenizer, opened_tokenizer
from .token_reader import TokenReader

# Above this share of unknown tokens a model sees too little of the sequences to be trusted.
UNKNOWN_WARNING = 0.01
# The share of so many sequences is within a thousandth or two of that of all, and is counted in seconds.
MOST_SEQUENCES = 20_000


@dataclass(frozen=True)
class UnknownTokens:
    """What a base model does not know of some sequences.

    model: how it is called in messages.
    share: of the tokens, special ones not counted, those that it does not know or drops, 0 to 1; None if there is no
    fast tokenizer to count with.
    counted: in how many sequences; given: of how many.
    """

    model: str
    share: float | None
    counted: int
    given: int

    def summary(self) -> str:
        """Return the sentence that says how much of the sequences the model does not know, empty if it knows all."""
        if self.share is None:
            return (
                f"The share of tokens that {self.model} does not know could not be counted, since it has no {TOKENIZER}"
            )
        if not self.share:
            return ""
        drawn = f"{self.counted:,} of the {self.given:,}" if self.counted < self.given else f"the {self.given:,}"
        return f"Of the tokens of {drawn} sequences, {percentage(self.share)} are unknown to {self.model}"

    def warnings(self, source: str) -> list[str]:
        """Return the sentence that a user has to read if the share is too high."""
        return [] if self.share is None else unknown_warnings(self.share, source)


def count_unknown_tokens(base_model: str, model_id: str | None, sequences: Sequence[str], seed: int) -> UnknownTokens:
    """Count the unknown tokens of at most MOST_SEQUENCES of the sequences (see sampling.draw).

    base_model, model_id: as opened_base_model takes them; the model's weights are not looked at.
    sequences: normalized; read to their end, whatever the limit of the model.
    Raises UserError for a tokenizer that is damaged or does not know A, C, G and T.
    """
    sequences = list(sequences)
    drawn = draw(sequences, MOST_SEQUENCES, seed)
    with opened_tokenizer(base_model, model_id) as (folder, source):
        share = unknown_share(folder, [sequences[position] for position in drawn], source)
    return UnknownTokens(source, share, len(drawn), len(sequences))


def unknown_share(folder: Path, sequences: Sequence[str], source: str) -> float | None:
    """Return the share of unknown tokens, defined as in encoding.Reading, or None if it cannot be counted.

    folder: of a model; its tokenizer.json is read, or what tokenizers/ knows of its class. source: what to call the
    model in an error message.
    """
    from tokenizers import Tokenizer  # not needed by those who choose no base model

    from ..tokenizers.building import built

    path = folder / TOKENIZER
    try:
        if description := described_tokenizer(folder, source):
            tokenizer = built(description)
        elif path.exists():
            tokenizer = Tokenizer.from_file(str(path))
        else:
            return None
    except UserError:
        raise
    except Exception as problem:  # the library raises bare Exceptions
        raise UserError(unusable(source, problem)) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    unknown = _unknown_id(tokenizer)

    def numbers(texts: Sequence[str]) -> Iterator[list[int]]:
        return (one.ids for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False))

    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    vocabulary = (token for token in tokenizer.get_vocab() if token not in special)
    read = unknowns = dropped = 0
    # The form that the tokenizer reads is not asked for here: a training that is given another one refuses it.
    for ids, left_out in TokenReader(numbers, unknown, vocabulary, source, kmer=None).read(sequences):
        read += len(ids)
        unknowns += ids.count(unknown)
        dropped += left_out
    return (unknowns + dropped) / max(1, read + dropped)


def _unknown_id(tokenizer) -> int | None:
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] == "Unigram":
        return model["unk_id"]
    name = model.get("unk_token")
    return None if name is None else tokenizer.token_to_id(name)


def unusable(source: str, problem: Exception) -> str:
    """Return the message about a tokenizer that cannot be loaded."""
    return f"{source}: its tokenizer cannot be loaded ({problem}); choose another base model"


def percentage(share: float) -> str:
    """Return a share above 0, 0 to 1, as text that is not 0."""
    return "less than 0.01%" if share < 0.0001 else f"{share:.2%}"


def unknown_warnings(share: float, source: str) -> list[str]:
    """Return the sentence that a user has to read if this share of the tokens is too high.

    source: what to call the sequences.
    """
    if share <= UNKNOWN_WARNING:
        return []
    return [
        f"{source}: {share:.1%} of the tokens are unknown to the base model (N and other ambiguous nucleotides); the "
        "model cannot read them, so remove such sequences"
    ]
