"""Tokenizers of HyenaDNA and Caduceus: each letter is a token."""

from collections.abc import Mapping
from typing import Any

from .description import Description, max_length, named_tokens

_SPECIAL = ("[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]")
_NAMED = {
    "unk_token": "[UNK]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
    "bos_token": "[BOS]",
    "eos_token": "[SEP]",
}


def described(kind: str, settings: Mapping[str, Any], *, upper: bool) -> Description:
    """Return the tokenizer of a folder; settings: its tokenizer_config.json.

    upper: Caduceus reads lower-case letters as upper-case ones, HyenaDNA does not know them.
    """
    return Description(
        kind=kind,
        tokens=(*_SPECIAL, *"ACGTN"),
        special=tuple(token for token in _SPECIAL if token != "[RESERVED]"),
        pattern=r"[\s\S]",
        named=named_tokens(settings, _NAMED),
        upper=upper,
        after=("[SEP]",),
        max_length=max_length(settings),
    )
