"""What a tokenizer is, as plain data, and the checks that its folder's settings agree with it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError

SETTINGS = "tokenizer_config.json"
# How transformers calls special tokens.
NAMES = ("unk_token", "pad_token", "cls_token", "sep_token", "mask_token", "bos_token", "eos_token")


@dataclass(frozen=True)
class Description:
    """A tokenizer that gives each match of a pattern the number that the vocabulary has for it.

    kind: the class that it stands for, as tokenizer_config.json names it.
    tokens: the vocabulary; a token's number is its place.
    special: those that are read where they are written out in a text, before anything else is looked at.
    pattern: a regular expression of what is one token, or unknown.
    named: which tokens are transformers' `unk_token`, `pad_token`, ...
    between_is_unknown: what the pattern leaves is an unknown token for each stretch between blanks; else the pattern
    leaves nothing.
    upper: lower-case letters of the vocabulary are read as upper-case ones.
    before, after: special tokens that are put around a text.
    max_length: tokens that are read at most, special ones included; None: no limit.
    k: the length of the k-mers that it reads side by side; 1: it reads letters.
    file: of the folder, that the vocabulary is read from; "": the class and k tell it.
    """

    kind: str
    tokens: tuple[str, ...] = field(repr=False)
    special: tuple[str, ...]
    pattern: str
    named: Mapping[str, str]
    between_is_unknown: bool = False
    upper: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    max_length: int | None = None
    k: int = 1
    file: str = ""

    def sha256(self) -> str:
        """Return a digest of what its numbers depend on."""
        facts = {"tokenizer_class": self.kind, "k": self.k, "before": self.before, "after": self.after}
        if self.file:
            facts["tokens"] = self.tokens
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def named_tokens(settings: Mapping[str, Any], usual: Mapping[str, str]) -> dict[str, str]:
    """Return the special tokens by transformers' names for them: the usual ones, unless the settings name others."""
    found = {name: settings.get(name, usual.get(name)) for name in NAMES}
    contents = {name: one.get("content") if isinstance(one, dict) else one for name, one in found.items()}
    return {name: str(one) for name, one in contents.items() if one is not None}


def max_length(settings: Mapping[str, Any]) -> int | None:
    """Return how many tokens the settings allow; transformers writes 10^30 for no limit."""
    given = settings.get("model_max_length")
    return given if type(given) is int and 0 < given < 10**15 else None


def check_tokens(description: Description, settings: Mapping[str, Any], source: str) -> None:
    """Raise UserError when the settings number special tokens otherwise than the vocabulary, or name one that it lacks.

    source: what to call the model.
    """
    tokens = description.tokens
    for name, token in description.named.items():
        if token not in tokens:
            raise misfit(description.kind, f"{name} {token!r} is none of its tokens", source)
    added = settings.get("added_tokens_decoder")
    for number, entry in added.items() if isinstance(added, dict) else ():
        token = entry.get("content") if isinstance(entry, dict) else entry
        if not (number.isdecimal() and int(number) < len(tokens) and tokens[int(number)] == token):
            raise misfit(description.kind, f"{token!r} does not have the number {number}", source)


def misfit(kind: str, reason: str, source: str) -> UserError:
    """Return the error for settings that are not those of the class that they name."""
    return UserError(
        f"{source}: its {SETTINGS} names {kind}, but what is beside it does not fit ({reason}); choose an unchanged "
        "copy of the model"
    )


def kmers_of(letters: Sequence[str], k: int) -> list[str]:
    """Return all k-mers of some letters in their order; the last letter changes first."""
    words = [""]
    for _ in range(k):
        words = [word + letter for word in words for letter in letters]
    return words
