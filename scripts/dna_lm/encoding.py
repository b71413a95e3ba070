"""From sequences to the token numbers that a model reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from .base_model import BaseModel
from .errors import UserError
from .unknown_tokens import dropped_letters, require_bases, unknown_warnings, unusable

# Architectures that count positions from the pad token's number + 1, so that the first ones are never used.
COUNT_FROM_PAD = ("camembert", "esm", "longformer", "roberta", "xlm-roberta")


@dataclass(frozen=True)
class Encoded:
    """Token numbers of each sequence, special tokens included.

    unknown_share: share of the tokens, special ones not counted, that the tokenizer does not know or drops, 0 to 1.
    cut: how many sequences were longer than the limit and lost their end.
    """

    tokens: list[list[int]]
    unknown_share: float
    cut: int


class Encoder:
    """The tokenizer of a base model with a limit of tokens."""

    def __init__(self, base_model: BaseModel, max_length: int):
        """max_length: tokens of a sequence to read, special ones included; a lower limit of the model goes first.

        Raises UserError when the tokenizer cannot be loaded or does not know A, C, G and T.
        """
        source = f"the base model {base_model.id!r}"
        self.tokenizer = _load_tokenizer(base_model, source)
        limit = AutoConfig.from_pretrained(base_model.folder, local_files_only=True, trust_remote_code=False)
        positions = getattr(limit, "max_position_embeddings", None) or max_length
        if base_model.architecture in COUNT_FROM_PAD:
            positions -= self.tokenizer.pad_token_id + 1
        self.model_limit = min(positions, self.tokenizer.model_max_length)
        self.max_length = min(max_length, self.model_limit)
        self._dropped = dropped_letters(lambda text: self.tokenizer(text, add_special_tokens=False).input_ids)

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Encode normalised sequences."""
        tokens = [list(ids) for ids in self.tokenizer(list(sequences), truncation=False, verbose=False)["input_ids"]]
        cut = sum(len(ids) > self.max_length for ids in tokens)
        if cut:
            tokens = self.tokenizer(list(sequences), truncation=True, max_length=self.max_length)["input_ids"]
        special = self.tokenizer.num_special_tokens_to_add()
        unknown = self.tokenizer.unk_token_id
        read = sum(len(ids) - special for ids in tokens)
        # A special token that doubles as the unknown one (GPT-2) would be counted as unknown: it is not in the text.
        unknowns = sum(ids.count(unknown) for ids in tokens) if unknown is not None else 0
        dropped = sum(sequence.count(letter) for sequence in sequences for letter in self._dropped)
        # A sequence of which nothing is left still needs a token to be computed on.
        tokens = [ids or [self.tokenizer.pad_token_id] for ids in tokens]
        return Encoded(tokens, (unknowns + dropped) / max(1, read + dropped), cut)


def _load_tokenizer(base_model: BaseModel, source: str) -> PreTrainedTokenizerBase:
    try:
        tokenizer = AutoTokenizer.from_pretrained(base_model.folder, local_files_only=True, trust_remote_code=False)
    except Exception as problem:  # the tokenizers library raises bare Exceptions
        raise UserError(unusable(source, problem)) from None
    require_bases(lambda text: tokenizer(text, add_special_tokens=False).input_ids, tokenizer.unk_token_id, source)
    if tokenizer.pad_token is None:
        # Padding is masked, so that any token serves; a classifier only has to know which one it is.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def summary(encoded: Encoded, source: str) -> str:
    """Return the sentence that says how much there is to read, and how much of it the model knows."""
    return (
        f"{source}: {len(encoded.tokens):,} sequences, {encoded.unknown_share:.2%} of whose tokens are unknown to the "
        "base model"
    )


def warnings(encoded: Encoded, encoder: Encoder, source: str) -> list[str]:
    """Return the sentences that a user has to read about what the model will not see of the sequences."""
    result = []
    if encoded.cut:
        result.append(
            f"{source}: {encoded.cut} of {len(encoded.tokens)} sequences are longer than {encoder.max_length} tokens "
            "and lose their end; raise the maximum length (the base model reads up to "
            f"{encoder.model_limit:,} tokens) or cut the sequences around their centre"
        )
    return result + unknown_warnings(encoded.unknown_share, source)
