"""From sequences to the token numbers that a model reads."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from ..data.sequences import AMBIGUOUS, BASES, reverse_complement
from ..errors import UserError
from ..tokenizers.description import Description
from ..words import BOTH, FORWARD, REVERSE
from .architectures import POSITIONS, architecture, symmetric
from .opening import BaseModel, described_tokenizer
from .token_reader import TokenReader
from .unknown_tokens import percentage, unknown_warnings, unusable

# transformers writes 10^30 for the limit of a tokenizer without one.
NO_LIMIT = 10**15


@dataclass(frozen=True)
class Reading:
    """What was counted while sequences were encoded.

    unknown_share: share of the tokens, special ones not counted, that the tokenizer does not know or drops, 0 to 1; of
    the k-mers, if it reads k-mers.
    cut: how many sequences were longer than the limit and lost their end.
    read: of how many tokens, dropped ones included, unknown_share is a share.
    """

    sequences: int = 0
    unknown_share: float = 0.0
    cut: int = 0
    read: int = field(default=0, compare=False)

    def __add__(self, other: "Reading") -> "Reading":
        read = self.read + other.read
        unknown = self.unknown_share * self.read + other.unknown_share * other.read
        return Reading(self.sequences + other.sequences, unknown / max(1, read), self.cut + other.cut, read)


@dataclass(frozen=True)
class Encoded:
    """Token numbers of each sequence, special tokens included.

    letters: how many letters of each sequence were read; nearly so many of one that was cut into pieces on one strand.
    """

    tokens: list[list[int]]
    reading: Reading
    letters: list[int] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class EncodedStrands:
    """Sequences as they are read alone and on both strands.

    alone: as Encoder.encode gives them. given: on the strand given, of the piece that fits on both strands (see
    Encoder.encode_both). reverse: token numbers of the reverse complement of that piece. sequences: what was encoded.
    """

    sequences: Sequence[str]
    alone: Encoded
    given: Encoded
    reverse: list[list[int]]

    def strand_given(self, trained: str) -> Encoded:
        """Return what is read of the strand given by a model that was trained on strands, `both` or `forward`.

        Of a sequence that is cut, it is read as in training, whatever other strand is asked for.
        """
        return self.given if trained == BOTH else self.alone

    def tokens(self, strand: str, trained: str) -> list[list[list[int]]]:
        """Return the token numbers of each strand that is read: `forward`, `reverse` or `both`; see strand_given."""
        given = self.strand_given(trained).tokens
        return {FORWARD: [given], REVERSE: [self.reverse], BOTH: [given, self.reverse]}[strand]


@dataclass(frozen=True, slots=True)
class _One:
    """A sequence as it was encoded.

    tokens: token numbers, special ones included. count: the tokens that it would have without a limit, special ones
    aside. letters: how many were read. read: tokens that are kept, special ones aside, and dropped ones. unknown: of
    these, how many are unknown or dropped.
    """

    tokens: list[int]
    count: int
    letters: int
    read: int
    unknown: int


class Encoder:
    """The tokenizer of a base model with a limit of tokens.

    tokenizer: transformers'; it always has a pad token.
    kmer: length of the overlapping k-mers that sequences are written as, or -1.
    word: length of the k-mers that the tokenizer divides sequences into, side by side; 1: it does not.
    model_limit: tokens of a sequence that the base model reads at most, special ones included; None: no limit.
    max_length: tokens that are kept of a sequence, special ones included.
    symmetric: whether the base model answers the same for both strands; it is given no special tokens then.
    """

    def __init__(self, base_model: BaseModel, max_length: int, kmer: int | None = -1):
        """max_length: tokens of a sequence to read, special ones included; a lower limit of the model goes first.

        kmer: k >= 1 writes sequences as overlapping k-mers with blanks between them, as DNABERT reads them; -1 leaves
        them as they are; None finds out what the tokenizer reads.
        Raises UserError when the tokenizer cannot be loaded or does not know A, C, G and T, or k-mers of them.
        """
        self._source = source = f"the base model {base_model.id!r}"
        config = base_model.config()
        try:
            self._open(base_model, config, max_length, kmer)
        except UserError:
            raise
        except Exception as problem:  # whatever foreign settings, once loaded, do to the tokenizer's attributes
            raise UserError(unusable(source, problem)) from None

    def _open(self, base_model: BaseModel, config: PreTrainedConfig, max_length: int, kmer: int | None) -> None:
        source = self._source
        self._rows = _rows(config)
        self.width = getattr(config.get_text_config(), "hidden_size", 0)
        self.tokenizer = _load_tokenizer(base_model, config, source)
        special = set(self.tokenizer.all_special_tokens)
        vocabulary = (token for token in self.tokenizer.get_vocab() if token not in special)
        self._reader = TokenReader(_numbers(self.tokenizer), self.tokenizer.unk_token_id, vocabulary, source, kmer)
        self.kmer = self._reader.kmer
        self.word = self._reader.word
        self.symmetric = symmetric(config.model_type, config)
        self._before, self._after = _special_tokens(self.tokenizer, "A" * max(self.word, self.kmer), source)
        if self.symmetric:  # read from the other strand, those at the end would be at the beginning
            self._before, self._after = [], []
        limits = [positions(config, self.tokenizer.pad_token_id), self.tokenizer.model_max_length]
        self.model_limit = min((limit for limit in limits if limit and limit < NO_LIMIT), default=None)
        self.max_length = min(max_length, self.model_limit or max_length)

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Encode normalized sequences.

        What is longer than the limit loses its end. Raises UserError when the tokenizer gives numbers that the model
        has no embedding for.
        """
        ones = self._each(sequences)
        return _together(ones, cut=self._too_long(ones))

    def computed(self, strand: str) -> str:
        """Return which strand has to be computed, `forward`, `reverse` or `both`, for an answer of the one asked for.

        That is a single one if the model answers the same for both.
        """
        return FORWARD if self.symmetric and strand == BOTH else strand

    def encode_both(self, sequences: Sequence[str]) -> tuple[Encoded, list[list[int]]]:
        """Encode normalized sequences, and the reverse complement of each.

        Of a sequence that is too long on either strand, both are read of the same piece: as many of its first letters
        as fit on both. A tokenizer of pieces may make more tokens of one strand than of the other, so that these can
        be fewer letters than `encode` reads. What Reading counts, it counts on the strand given.
        """
        strands = self.encode_strands(sequences)
        return strands.given, strands.reverse

    def encode_strands(self, sequences: Sequence[str]) -> EncodedStrands:
        """Encode normalized sequences once, for what reads one strand and for what reads both."""
        given, reverse = self._each(sequences), self._each(_reversed(sequences))
        alone = _together(given, cut=self._too_long(given))
        longest = [max(one.count, other.count) for one, other in zip(given, reverse, strict=True)]
        long = [number for number, count in enumerate(longest) if count > self._room]
        if not long:
            return EncodedStrands(sequences, alone, alone, [one.tokens for one in reverse])
        letters = [min(given[number].letters, reverse[number].letters) for number in long]
        pieces = self._that_fit([sequences[number] for number in long], letters)
        both = zip(long, self._each(pieces), self._each(_reversed(pieces)), strict=True)
        for number, one, other in both:
            given[number], reverse[number] = one, other
        return EncodedStrands(sequences, alone, _together(given, cut=len(long)), [one.tokens for one in reverse])

    @property
    def _room(self) -> int:
        """Tokens of a sequence that are kept, special ones not included."""
        return max(0, self.max_length - len(self._before) - len(self._after))

    def _that_fit(self, sequences: Sequence[str], letters: Sequence[int]) -> list[str]:
        """Return the first letters of each sequence that fit on both strands, as many as there are or nearly so.

        letters: how many are read of each on the strand of which fewer are.
        The number of tokens grows with the letters but for a few, so that two or three trials find it.
        """
        room = self._room
        tried = list(letters)
        fitting = [0] * len(sequences)
        active = list(range(len(sequences)))
        while active:
            pieces = [sequences[number][: tried[number]] for number in active]
            both = [[len(ids) for ids, _ in self._reader.read(texts)] for texts in (pieces, _reversed(pieces))]
            going_on = []
            for number, count in zip(active, map(max, *both), strict=True):
                length, before = tried[number], fitting[number]
                if count > room:
                    # Once something has fitted, what is longer and does not is the end of the search.
                    if not before and length:
                        tried[number] = min(length - 1, length * room // count)
                        going_on.append(number)
                    continue
                fitting[number] = length
                more = min(len(sequences[number]), length + max(1, (room - count) * length // max(1, count)))
                if count < room and length < more:
                    tried[number] = more
                    going_on.append(number)
            active = going_on
        return [sequence[:length] for sequence, length in zip(sequences, fitting, strict=True)]

    def _each(self, sequences: Sequence[str]) -> list[_One]:
        """Encode each sequence, as `encode` does."""
        room, ones = self._room, []
        for sequence, (ids, dropped) in zip(sequences, self._reader.read(sequences), strict=True):
            kept = ids[:room]
            letters = len(sequence) if len(ids) <= room else self._letters_of(sequence, ids)
            # A sequence of which nothing is left still needs a token to be computed on.
            tokens = self._before + kept + self._after or [self.tokenizer.pad_token_id]
            unknown = kept.count(self.tokenizer.unk_token_id) + dropped
            ones.append(_One(tokens, len(ids), letters, len(kept) + dropped, unknown))
        highest = max((max(one.tokens) for one in ones), default=0)
        if highest >= self._rows:
            token = self.tokenizer.convert_ids_to_tokens(highest)
            raise UserError(
                f"{self._source}: its tokenizer gives {token!r} the number {highest}, but the model has embeddings for "
                f"the numbers below {self._rows} only; choose a model with the tokenizer that it was trained with"
            )
        return ones

    def _too_long(self, ones: Sequence[_One]) -> int:
        return sum(one.count > self._room for one in ones)

    def _letters_of(self, sequence: str, ids: Sequence[int]) -> int:
        """Return how many letters of a sequence that is too long are read: exactly, or in proportion to its tokens.

        ids: the tokens that it has.
        """
        known = self._reader.letters_of(ids[: self._room], sequence)
        return len(sequence) * self._room // len(ids) if known is None else known


def _together(ones: Sequence[_One], cut: int) -> Encoded:
    """cut: how many are read as if they had lost their end."""
    read = sum(one.read for one in ones)
    reading = Reading(len(ones), sum(one.unknown for one in ones) / max(1, read), cut, read)
    return Encoded([one.tokens for one in ones], reading, [one.letters for one in ones])


def _reversed(sequences: Sequence[str]) -> list[str]:
    return list(map(reverse_complement, sequences))


def positions(config: PreTrainedConfig, pad_token_id: int) -> int | None:
    """Return how many tokens, special ones included, a model has or was trained with positions for; None: no limit."""
    config = config.get_text_config()
    if architecture(config.model_type).unlimited:
        return None
    given = [getattr(config, name, None) for name in POSITIONS]
    limits = [limit for limit in given if isinstance(limit, int) and limit > 0]  # XLNet says -1 for none
    if not limits:
        return None
    unused = architecture(config.model_type).first_position(pad_token_id)
    return min(limits) - unused


def _rows(config: PreTrainedConfig) -> float:
    """Return how many tokens a model has embeddings for."""
    return getattr(config.get_text_config(), "vocab_size", None) or math.inf


def _load_tokenizer(base_model: BaseModel, config: PreTrainedConfig, source: str) -> PreTrainedTokenizerBase:
    description = described_tokenizer(base_model.folder, source)
    if description:
        _check_size(description, config, source)
    try:
        if description:
            from ..tokenizers.building import wrapped

            tokenizer = wrapped(description)
        else:
            tokenizer = AutoTokenizer.from_pretrained(
                base_model.folder, config=config, local_files_only=True, trust_remote_code=False
            )
    except Exception as problem:  # the tokenizers library raises bare Exceptions
        raise UserError(unusable(source, problem)) from None
    # transformers adds special tokens that the vocabulary lacks after its end, where the model has no embedding.
    if tokenizer.pad_token is None or tokenizer.pad_token_id >= _rows(config):
        tokenizer.pad_token = _spare_token(tokenizer, config)
    return tokenizer


def _check_size(description: Description, config: PreTrainedConfig, source: str) -> None:
    """Raise UserError unless a model has about as many embeddings as a vocabulary has tokens.

    A few more are common. With k-mers that are longer by one, a vocabulary is four times as large.
    """
    rows, tokens = _rows(config), len(description.tokens)
    if rows < tokens or (description.k > 1 and math.inf > rows >= 2 * tokens):
        raise UserError(
            f"{source}: its tokenizer has {tokens:,} tokens, but the model has embeddings for {rows:,}; choose a model "
            "with the tokenizer that it was trained with"
        )


def _spare_token(tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> str:
    """Return the token that is to stand for padding in a tokenizer that has none for it.

    Padding is masked, so that any token would do for that. But a causal model is read out at the last token that is
    not padding: it must not be one that sequences end with, if there is any other.
    """
    numbers = {token: number for token, number in tokenizer.get_vocab().items() if number < _rows(config)}
    tokens = sorted(numbers, key=numbers.get)
    named = [tokenizer.mask_token, tokenizer.eos_token, tokenizer.bos_token, tokenizer.unk_token]
    if architecture(config.model_type).counts_from_pad:
        # Such a model was trained with positions that are counted from the number of this one.
        named.insert(0, next((token for token in tokens if numbers[token] == config.pad_token_id), None))
    foreign = [token for token in tokens if not set(token.upper()) <= set(BASES + AMBIGUOUS)]
    rare = [token for token in tokens if not set(token.upper()) & set(BASES)]
    found = next((token for token in (*named, *foreign, *rare, *tokens) if token in numbers), None)
    if found is None:
        raise ValueError("the model has an embedding for none of its tokens")
    return found


def _numbers(tokenizer: PreTrainedTokenizerBase) -> Callable[[Sequence[str]], Iterable[list[int]]]:
    """Return the function that gives the token numbers of some texts, without special tokens and not cut."""
    if not tokenizer.is_fast:
        return lambda texts: tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    backend = tokenizer.backend_tokenizer  # three times as fast as the call above, which goes through it
    backend.no_truncation()
    backend.no_padding()
    return lambda texts: (one.ids for one in backend.encode_batch_fast(list(texts), add_special_tokens=False))


def _special_tokens(tokenizer: PreTrainedTokenizerBase, text: str, source: str) -> tuple[list[int], list[int]]:
    """Return the numbers of the special tokens before and after a sequence."""
    ids = list(tokenizer(text, verbose=False)["input_ids"])
    bare = list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
    for start in range(len(ids) - len(bare) + 1):
        if ids[start : start + len(bare)] == bare:
            return ids[:start], ids[start + len(bare) :]
    raise UserError(unusable(source, ValueError("special tokens change how it reads a sequence")))


def summary(reading: Reading, source: str) -> str:
    """Return the sentence that says how much there is to read, and how much of it the model does not know."""
    text = f"{source}: {reading.sequences:,} sequences"
    if reading.unknown_share:
        text += f", {percentage(reading.unknown_share)} of whose tokens are unknown to the base model"
    return text


def warnings(
    reading: Reading,
    encoder: Encoder,
    source: str,
    *,
    trained: bool = True,
    shorter: str = "cut the sequences around their center",
) -> list[str]:
    """Return the sentences that a user has to read about what the model will not see of the sequences.

    trained: whether the maximum length is that of a trained adapter, not an option of the job. shorter: what the job
    can do to give the model shorter sequences.
    """
    result = []
    if reading.cut:
        limit = "has no limit" if encoder.model_limit is None else f"reads up to {encoder.model_limit:,} tokens"
        if encoder.max_length == encoder.model_limit:
            advice = f"the base model reads no more, so {shorter}"
        elif trained:
            advice = f"{shorter}, or train the adapter anew with a larger maximum length (the base model {limit})"
        else:
            advice = f"raise the maximum length (the base model {limit}) or {shorter}"
        result.append(
            f"{source}: {reading.cut} of {reading.sequences} sequences are longer than {encoder.max_length} tokens "
            f"and lose their end; {advice}"
        )
    return result + unknown_warnings(reading.unknown_share, source)
