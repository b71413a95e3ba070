"""From sequences to token numbers without special tokens, for tokenizers that read letters, k-mers or pieces."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from ..data.sequences import AMBIGUOUS, BASES
from ..errors import UserError

# The longest k-mers that a vocabulary may consist of: 4^12 are 17 million.
LONGEST_KMER = 12
# What a tokenizer returns for a batch takes some hundred bytes a token.
BATCH = 256
# A stretch that no tokenizer of words has as one word, and that is not too long for one.
_STRETCH = "ACGTTGCAGATCCTAG"
_PIECE = re.compile(f"[{BASES}{AMBIGUOUS}]{{2}}", re.IGNORECASE)


def kmers(sequence: str, k: int) -> list[str]:
    """Return the overlapping k-mers of a sequence, of which a shorter one has one: itself."""
    return [sequence[start : start + k] for start in range(max(1, len(sequence) - k + 1))]


class TokenReader:
    """Reads sequences with a tokenizer.

    kmer: the length of the k-mers that sequences are written as, or -1 if they are read as they are.
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
        self.kmer = self._form(kmer, source)
        self._dropped = [letter for letter in AMBIGUOUS if not self._ids(letter)]
        self._delete = dict.fromkeys(map(ord, self._dropped))
        self._words = _Words(self._ids)
        # Letters that are a token each, whatever stands beside them, need not be looked for either.
        self._letters = self.kmer < 1 and self._reads_letters(vocabulary)

    @property
    def a_token_a_letter(self) -> bool:
        """Whether a sequence has as many tokens as letters, or as k-mers."""
        return self.kmer >= 1 or self._letters

    def read(self, sequences: Sequence[str]) -> Iterator[tuple[list[int], int]]:
        """Give the token numbers of each sequence, and how many letters (k-mers) of it the tokenizer leaves out."""
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

    def _form(self, kmer: int | None, source: str) -> int:
        """Return the length of the k-mers to write, or -1; raise UserError if the tokenizer does not read them."""
        as_it_is = all(self._knows(text) for text in (*BASES, _STRETCH))
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

    def _reads_kmers(self, k: int) -> bool:
        """Say whether some k-mers are a token each, on their own and in a row; all 4^k would take too long."""
        words = [base * k for base in BASES] + kmers((_STRETCH * 2)[: k + 5], k)
        row = [self._ids(word) for word in words]
        return all(len(ids) == 1 and self._unknown not in ids for ids in row) and self._ids(" ".join(words)) == [
            number for ids in row for number in ids
        ]

    def _reads_letters(self, vocabulary: Iterable[str]) -> bool:
        """Say whether each letter is read for itself: no token has two, and each pair is read as its two letters."""
        if any(map(_PIECE.search, vocabulary)):
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
