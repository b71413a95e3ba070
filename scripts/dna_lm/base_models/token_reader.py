"""From sequences to token numbers without special tokens, for tokenizers that read letters, k-mers or pieces."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from random import Random

from ..data.sequences import AMBIGUOUS, BASES
from ..errors import UserError

# The longest k-mers that a vocabulary may consist of: 4^12 are 17 million.
LONGEST_KMER = 12
# What a tokenizer returns for a batch takes some hundred bytes a token.
BATCH = 256
# A stretch that no tokenizer of words has as one word, and that is not too long for one.
_STRETCH = "ACGTTGCAGATCCTAG"
# Two letters that a token of pieces may have; a token in brackets is no part of a sequence.
_PIECE = re.compile(f"[^<[]*[{BASES}{AMBIGUOUS}]{{2}}", re.IGNORECASE)


def kmers(sequence: str, k: int) -> list[str]:
    """Return the overlapping k-mers of a sequence, of which a shorter one has one: itself."""
    return [sequence[start : start + k] for start in range(max(1, len(sequence) - k + 1))]


class TokenReader:
    """Reads sequences with a tokenizer.

    kmer: the length of the k-mers that sequences are written as, or -1 if they are read as they are.
    word: the length of the k-mers that the tokenizer itself divides sequences into, side by side; 1 if it does not.
    """

    def __init__(
        self,
        numbers: Callable[[Sequence[str]], Iterable[list[int]]],
        unknown: int | None,
        vocabulary: Iterable[str],
        source: str,
        kmer: int | None = -1,
    ):
        """numbers: gives the token numbers of each of some texts, without special tokens.

        unknown: the number of the unknown token, if there is one.
        vocabulary: all tokens that are not special.
        source: what to call the model in an error message.
        kmer: k >= 1 writes sequences as overlapping k-mers with blanks between them; -1 leaves them as they are; None
        finds out what the tokenizer reads.
        Raises UserError unless the tokenizer knows A, C, G and T in that form; the message says in which it does.
        """
        self._numbers, self._unknown = numbers, unknown
        vocabulary = list(vocabulary)
        self.word = self._words_side_by_side(vocabulary)
        # To GENERator, what is left of a sequence that is not whole k-mers is unknown.
        self._fills = self.word > 1 and not all(map(self._knows, BASES))
        self.kmer = self._form(kmer, source)
        self._dropped = [letter for letter in AMBIGUOUS if not self._ids(letter)]
        self._delete = dict.fromkeys(map(ord, self._dropped))
        self._words = _Words(self._ids)
        self._single = {number for text in (*BASES, *AMBIGUOUS) for number in self._ids(text)}
        # Letters that are a token each, whatever stands beside them, need not be looked for either.
        self._letters = self.kmer < 1 and self._reads_letters(vocabulary)

    @property
    def a_token_a_letter(self) -> bool:
        """Whether a sequence has as many tokens as letters, or as k-mers."""
        return self.kmer >= 1 or self._letters

    def letters_of(self, ids: Sequence[int], sequence: str) -> int | None:
        """Return how many letters of a sequence its first tokens stand for, or None if that cannot be told.

        ids: the token numbers that are kept of those that `read` gave for it. An unknown token that is not of k
        letters counts as one letter.
        """
        if self.a_token_a_letter:
            return min(len(sequence), len(ids) + max(1, self.kmer) - 1)
        if self.word == 1:
            return None
        if self._fills:  # every token has k letters
            return max(0, len(ids) * self.word - self._filling(sequence))
        single = sum(map(ids.count, self._single))
        return min(len(sequence), single + (len(ids) - single) * self.word)

    def _filling(self, sequence: str) -> int:
        """Return how many letters a sequence lacks to be whole k-mers, for a tokenizer that reads nothing else."""
        return -len(sequence) % self.word if self._fills else 0

    def read(self, sequences: Sequence[str]) -> Iterator[tuple[list[int], int]]:
        """Give the token numbers of each sequence, and how many letters (k-mers) of it the tokenizer leaves out.

        A tokenizer that knows k-mers side by side and nothing shorter reads A's in front of a sequence that is not
        whole k-mers, as the authors of GENERator do it: of both strands all letters are read.
        """
        if self.word > 1:
            yield from self._read_words(sequences)
            return
        if self.a_token_a_letter:
            length = max(1, self.kmer)
            for sequence in sequences:
                found = list(map(self._words.__getitem__, kmers(sequence, length)))
                ids = list(chain.from_iterable(found))
                yield ids, found.count([]) if len(ids) < len(found) else 0
            return
        for start in range(0, len(sequences), BATCH):
            batch = sequences[start : start + BATCH]
            # A tokenizer of words without an unknown token fails at these letters instead of leaving them out.
            texts = [text.translate(self._delete) for text in batch] if self._dropped else list(batch)
            for sequence, ids in zip(batch, self._numbers(texts), strict=True):
                yield ids, sum(map(sequence.count, self._dropped))

    def _read_words(self, sequences: Sequence[str]) -> Iterator[tuple[list[int], int]]:
        """Read k-mers side by side; those of A, C, G and T are looked up, whatever tokenizer reads them."""
        for start in range(0, len(sequences), BATCH):
            batch = ["A" * self._filling(text) + text for text in sequences[start : start + BATCH]]
            others = [text for text in batch if text.strip(BASES)]
            read = iter(self._numbers(others)) if others else iter(())
            for text in batch:
                if text.strip(BASES):
                    yield next(read), 0
                    continue
                words = [text[start : start + self.word] for start in range(0, len(text), self.word)]
                yield list(chain.from_iterable(map(self._words.__getitem__, words))), 0

    def _form(self, kmer: int | None, source: str) -> int:
        """Return the length of the k-mers to write, or -1; raise UserError if the tokenizer does not read them."""
        as_it_is = self.word > 1 or all(self._knows(text) for text in (*BASES, _STRETCH))
        if self.word > 1 and kmer is not None and kmer >= 1:
            raise UserError(
                f"{source}: its tokenizer divides sequences into k-mers of {_letters(self.word)} itself, side by side, "
                f"and reads no overlapping ones of {kmer}; set the k-mer length to -1"
            )
        if kmer is not None and kmer >= 1 and self._reads_kmers(kmer):
            return kmer
        if as_it_is and (kmer is None or kmer < 1):
            return -1
        if as_it_is:
            raise UserError(
                f"{source}: its tokenizer reads sequences as they are, not k-mers of {_letters(kmer)}; set the k-mer "
                "length to -1"
            )
        found = next((k for k in range(LONGEST_KMER, 0, -1) if self._reads_kmers(k)), None)
        if found is None:
            missing = next((base for base in BASES if not self._knows(base)), None)
            what = f"the letter {missing}" if missing else "sequences of A, C, G and T"
            raise UserError(f"{source}: its tokenizer does not know {what}; choose a model made for DNA")
        if kmer is None:
            return found
        instead = f", not of {kmer}" if kmer >= 1 else ""
        raise UserError(
            f"{source}: its tokenizer reads k-mers of {_letters(found)}{instead}; set the k-mer length to {found}"
        )

    def _words_side_by_side(self, vocabulary: Iterable[str]) -> int:
        """Return the length of the k-mers that the tokenizer divides sequences into, side by side; 1 if it does not."""
        lengths = Counter(len(token) for token in set(vocabulary) if not token.strip(BASES))
        whole = [k for k, count in lengths.items() if 1 < k <= LONGEST_KMER and count == len(BASES) ** k]
        return next((k for k in sorted(whole, reverse=True) if self._reads_kmers(k, "")), 1)

    def _reads_kmers(self, k: int, between: str = " ") -> bool:
        """Say whether some k-mers are a token each, on their own and in a row; all 4^k would take too long.

        between: what stands between them in the row.
        """
        words = [base * k for base in BASES] + kmers((_STRETCH * 2)[: k + 5], k)
        if not between:  # byte pairs may come out right by chance
            words += ["".join(Random(number).choices(BASES, k=k)) for number in range(100)]
        row = [self._ids(word) for word in words]
        return all(len(ids) == 1 and self._unknown not in ids for ids in row) and self._ids(between.join(words)) == [
            number for ids in row for number in ids
        ]

    def _reads_letters(self, vocabulary: Iterable[str]) -> bool:
        """Say whether each letter is read for itself: no token has two, and each pair is read as its two letters."""
        if any(map(_PIECE.match, vocabulary)):
            return False
        known = [letter for letter in BASES + AMBIGUOUS if letter not in self._dropped]
        row = [letter for first in known for second in known for letter in (first, second)]
        return self._ids("".join(row)) == [number for letter in row for number in self._ids(letter)]

    def _knows(self, text: str) -> bool:
        ids = self._ids(text)
        return len(ids) > 0 and self._unknown not in ids

    def _ids(self, text: str) -> list[int]:
        try:
            return list(next(iter(self._numbers([text]))))
        except Exception:  # the tokenizers library raises bare ones for a word that is unknown, without a token for it
            return []


class _Words(dict):
    """The token numbers of words, each of which the tokenizer reads once."""

    def __init__(self, ids: Callable[[str], list[int]]):
        super().__init__()
        self._ids = ids

    def __missing__(self, word: str) -> list[int]:
        self[word] = ids = self._ids(word)
        return ids


def _letters(count: int) -> str:
    return f"{count} nucleotide" if count == 1 else f"{count} nucleotides"
