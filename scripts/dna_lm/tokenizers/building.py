"""From a description to a tokenizer of the tokenizers library, and to transformers' object around it."""

from typing import TYPE_CHECKING

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from .description import Description

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# transformers' number for a limit that is none.
_NO_LIMIT = int(1e30)


def built(description: Description) -> Tokenizer:
    """Return the tokenizer that is described."""
    numbers = {token: number for number, token in enumerate(description.tokens)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=description.named["unk_token"]))
    split = pre_tokenizers.Split(Regex(description.pattern), "isolated")
    if description.between_is_unknown:
        blanks = pre_tokenizers.Split(Regex(r"\s+"), "removed")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, blanks])
    else:
        tokenizer.pre_tokenizer = split
    if description.upper:
        letters = [token for token in description.tokens if len(token) == 1]
        tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(one.lower(), one) for one in letters])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in description.special])
    around = {token: numbers[token] for token in (*description.before, *description.after)}
    template = " ".join((*description.before, "$A", *description.after))
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=list(around.items()))
    return tokenizer


def wrapped(description: Description) -> "PreTrainedTokenizerFast":
    """Return it as transformers takes it; it pads on the right, where causal models do not look at."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=built(description),
        model_max_length=description.max_length or _NO_LIMIT,
        padding_side="right",
        **description.named,
    )
