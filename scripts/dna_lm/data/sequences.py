"""DNA letters: reading them in one form, checking them, turning the strand round."""

import re

import pandas as pd

from ..errors import UserError

# IUPAC nucleotide codes (NC-IUB 1984, doi:10.1093/nar/13.9.3021); U is turned into T on reading.
BASES = "ACGT"
AMBIGUOUS = "RYSWKMBDHVN"
# Not str.upper(): it turns letters that are not DNA into some that are ('ß' into 'SS').
_UPPER = str.maketrans((BASES + AMBIGUOUS).lower() + "uU", BASES + AMBIGUOUS + "TT")
_COMPLEMENT = str.maketrans("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN")
_FOREIGN = re.compile(f"[^{BASES}{AMBIGUOUS}]")
_NOT_BASE = re.compile(f"[^{BASES}]")
_DNA_TEXT = re.compile(f"[{BASES}UN]+", re.IGNORECASE)


def normalize(sequence: str) -> str:
    """Return the sequence with its DNA letters in upper case, U as T, without white space at its ends."""
    return sequence.strip().translate(_UPPER)


def reverse_complement(sequence: str) -> str:
    """Return the other strand, read 5' to 3'. IUPAC codes are complemented too.

    sequence: normalized.
    """
    return sequence.translate(_COMPLEMENT)[::-1]


def canonical(sequence: str) -> str:
    """Return the alphabetically first of the sequence and its reverse complement: equal for both strands."""
    return min(sequence, reverse_complement(sequence))


def mask_ambiguous(sequence: str) -> str:
    """Return the sequence with N for every letter that is not A, C, G or T."""
    return _NOT_BASE.sub("N", sequence)


def has_ambiguous(sequence: str) -> bool:
    """Return whether any letter is not A, C, G or T."""
    return _NOT_BASE.search(sequence) is not None


def looks_like_dna(text: str, least: int = 20) -> bool:
    """Return whether a text from anywhere in a table must be a sequence: all of its letters are bases or N.

    least: the shortest text that counts; with 20 letters no word, gene name or barcode is taken for a sequence.
    """
    text = text.strip()
    return len(text) >= least and _DNA_TEXT.fullmatch(text) is not None


def foreign_letters(sequence: str) -> tuple[str, int, int] | None:
    """Return the first letter outside the IUPAC nucleotide codes, its position from 1, and how many there are.

    sequence: normalized. None if there is none.
    """
    first = _FOREIGN.search(sequence)
    return first and (first.group(), first.start() + 1, len(_FOREIGN.findall(sequence)))


def normalize_column(sequences: pd.Series, source: str) -> pd.Series:
    """Normalize a column of sequences and check every letter.

    sequences: text; the index holds the line of each record in its file.
    source: its name in error messages.
    Returns the column in upper case, U as T.
    Raises UserError at the first empty sequence or letter outside the IUPAC nucleotide codes.
    """
    result = sequences.map(normalize)
    for line, sequence in result.items():
        check_letters(sequence, line, source)
    return result


def check_letters(sequence: str, line: int, source: str) -> None:
    """Raise UserError if a sequence is empty or has a letter outside the IUPAC nucleotide codes.

    sequence: normalized. line, source: where it stands.
    """
    if not sequence:
        raise UserError(f"{source}, line {line}: the sequence is empty; fill it in or remove the record")
    foreign = _FOREIGN.search(sequence)
    if foreign:
        raise UserError(
            f"{source}, line {line}: letter {foreign.group()!r} at position {foreign.start() + 1} of the sequence "
            "is not a DNA letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
        )
