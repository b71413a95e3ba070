"""Which tokenizers there are, by the `tokenizer_class` of a tokenizer_config.json. Nothing heavy is imported here."""

from pathlib import Path
from typing import Any

from . import kmers, letters
from .description import Description, check_tokens

# transformers' own form of a tokenizer: what a folder has it for is read by it.
SAVED = "tokenizer.json"
# Classes of authors' code that `auto_map` may name, as `file.Class`: what stands here reads as they do.
CODE = {
    "tokenization_hyena.HyenaDNATokenizer": "HyenaDNATokenizer",
    "tokenization_caduceus.CaduceusTokenizer": "CaduceusTokenizer",
    "tokenizer.DNAKmerTokenizer": "DNAKmerTokenizer",
}


def described(folder: Path, settings: dict[str, Any], source: str) -> Description | None:
    """Return the tokenizer of a model's folder, or None if transformers reads it.

    settings: the content of its tokenizer_config.json, or {}. source: what to call the model in an error message.
    Raises UserError when the settings or files contradict the class that is named.
    """
    if (folder / SAVED).exists():
        return None
    kind = settings.get("tokenizer_class")
    found = None
    if kind == "HyenaDNATokenizer":
        found = letters.described(kind, settings, upper=False)
    elif kind == "CaduceusTokenizer":
        found = letters.described(kind, settings, upper=True)
    elif kind == "DNAKmerTokenizer":
        found = kmers.described_generator(kind, folder, settings, source)
    elif kind == "EsmTokenizer" and (folder / kmers.VOCABULARY).exists():
        found = kmers.described_esm(kind, folder, settings, source)
    if found:
        check_tokens(found, settings, source)
    return found
