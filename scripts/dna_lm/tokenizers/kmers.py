"""Tokenizers of Nucleotide Transformer and GENERator: k-mers side by side, each of which is a token."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from .description import Description, kmers_of, max_length, misfit, named_tokens

VOCABULARY = "vocab.txt"
LETTERS = "ATCG"
# 4^8 are 65,536; published models have k-mers of 6.
LONGEST = 8
# Published files have some ten thousand bytes.
_MOST_BYTES = 10**7

# --- Nucleotide Transformer -----------------------------------------------------------------------------------------

_ESM_NAMED = {
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "cls_token": "<cls>",
    "mask_token": "<mask>",
    "eos_token": "<eos>",
}


def described_esm(kind: str, folder: Path, settings: Mapping[str, Any], source: str) -> Description | None:
    """Return the tokenizer of a folder, or None if its vocabulary has no k-mers, as that of proteins.

    The leftmost k letters that are A, C, G or T are a token; what is not k letters long before its end or another
    letter is single letters.
    Raises UserError when the vocabulary has k-mers, but not all of them, or those of several lengths.
    """
    tokens = _lines(folder / VOCABULARY, source)
    words = [token for token in tokens if len(token) > 1 and set(token) <= set(LETTERS)]
    if not words:
        return None
    k = len(words[0])
    if k > LONGEST:
        raise _too_long(kind, k, source)
    if set(words) != set(kmers_of(LETTERS, k)) or len(set(tokens)) < len(tokens):
        raise misfit(kind, f"{VOCABULARY} does not have each of the {4**k:,} {k}-mers once, and no others", source)
    single = [token for token in tokens if len(token) == 1]
    special = [token for token in tokens if len(token) > 1 and not set(token) <= set(LETTERS)]
    named = named_tokens(settings, _ESM_NAMED)
    return Description(
        kind=kind,
        tokens=tuple(tokens),
        special=tuple(special),
        pattern=f"[{LETTERS}]{{{k}}}" + (f"|[{''.join(map(re.escape, single))}]" if single else ""),
        named=named,
        between_is_unknown=True,
        before=(named["cls_token"],) if "cls_token" in named else (),
        after=(named["eos_token"],) if "eos_token" in named else (),
        max_length=max_length(settings),
        k=k,
        file=VOCABULARY,
    )


# --- GENERator ------------------------------------------------------------------------------------------------------

_SPECIAL = (
    *("<oov>", "<s>", "</s>", "<pad>", "<mask>", "<bog>", "<eog>", "<bok>", "<eok>", "<+>", "<->", "<cds>", "<pseudo>"),
    *("<tRNA>", "<rRNA>", "<ncRNA>", "<miscRNA>", "<mam>", "<vrt>", "<inv>", "<pln>", "<fng>", "<prt>", "<arc>"),
    *("<bct>", "<mit>", "<plt>", "<plm>", "<vir>", "<sp0>", "<sp1>", "<sp2>"),
)
_GENERATOR_NAMED = {
    "unk_token": "<oov>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
    "bos_token": "<s>",
    "eos_token": "</s>",
}


def described_generator(kind: str, folder: Path, settings: Mapping[str, Any], source: str) -> Description:
    """Return the tokenizer of a folder: its class and k tell the vocabulary.

    k upper-case letters are a token, and so are fewer before their end: those that are no k-mer of A, C, G and T are
    unknown. Every other character is an unknown token of its own.
    Raises UserError for a k that is none or too long, and a vocab.txt with another vocabulary.
    """
    k = settings.get("k")
    if type(k) is not int or k < 1:
        raise misfit(kind, f"k, the length of its k-mers, is {k!r}", source)
    if k > LONGEST:
        raise _too_long(kind, k, source)
    tokens = [*_SPECIAL, *kmers_of(LETTERS, k)]
    if (folder / VOCABULARY).exists():
        # Older copies have the token alone on a line, newer ones its number too.
        lines = [line.split() for line in _lines(folder / VOCABULARY, source)]
        if lines not in ([[token] for token in tokens], [[token, str(number)] for number, token in enumerate(tokens)]):
            raise misfit(kind, f"{VOCABULARY} is not the vocabulary of k = {k}", source)
    named = named_tokens(settings, _GENERATOR_NAMED)
    shorter = f"|[A-Z]{{1,{k - 1}}}" if k > 1 else ""
    return Description(
        kind=kind,
        tokens=tuple(tokens),
        special=_SPECIAL,
        pattern=f"[A-Z]{{{k}}}{shorter}|[\\s\\S]",
        named=named,
        # The class adds both where the settings do not say.
        before=("<s>",) if settings.get("add_bos_token", True) else (),
        after=("</s>",) if settings.get("add_eos_token", True) else (),
        max_length=max_length(settings),
        k=k,
    )


def _lines(path: Path, source: str) -> Sequence[str]:
    """Return the lines of a vocabulary, without blanks around them and without those at the end that are empty."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(
                f"{source}: {path.name} has more than {_MOST_BYTES / 1e6:.0f} MB, which is refused; choose another"
            )
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{source}: {path.name} is not UTF-8 text; copy it again") from None
    return [line.strip() for line in text.rstrip().split("\n")]


def _too_long(kind: str, k: int, source: str) -> UserError:
    return misfit(kind, f"its k-mers have {k:,} letters, and more than {LONGEST} are refused", source)
