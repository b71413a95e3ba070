"""Reading a file of motifs: MEME, JASPAR or TRANSFAC text, told from one another by what is in it.

The formats are read here and not by Biopython: it rounds MEME's probabilities to numbers of sites (20 unless the file
says otherwise, so that 0.02 becomes 0), and gives a JASPAR matrix that lacks a row the name and a row of the next one.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.sequences import BASES
from ..data.tables import check_printable
from ..data.textfiles import open_text, shortened
from ..errors import UserError
from .motif import Motif

# Limits. JASPAR CORE has 2,633 motifs of 4 to 33 positions in 1.5 million characters.
MOST_CHARACTERS = 20_000_000
MOST_MOTIFS = 5_000
LEAST_WIDTH, MOST_WIDTH = 3, 64
LONGEST_NAME = 200
# How far the sum of four probabilities may be from 1: rounded to two decimals, each can be off by 0.005.
TOLERANCE = 0.02

FORMATS = "MEME, JASPAR or TRANSFAC format"
_CHOOSE = f"choose a file of motifs in {FORMATS}"
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SPACE = re.compile(r"[ \t]+")
_SHOWN = 40  # characters of what stands in the file
_LONGEST_NUMBER = 40
_MARKUP = ("<!", "<html", "<head", "<body", "<?xml")


class _Matrix(NamedTuple):
    """A motif as it stands in a file.

    line: of its beginning, from 1.
    rows: a list of four numbers, for A, C, G and T, for each position.
    """

    line: int
    id: str
    name: str
    rows: list[list[float]]


def read_motifs(path: str | Path, source: str = "the motif file") -> list[Motif]:
    """Read the motifs of a file, gzipped or not, in the order of the file.

    MEME: the letter-probability matrices of MEME's minimal or full text format. JASPAR: four rows of counts below a
    line with `>`. TRANSFAC: the matrices below P0 or PO. Counts are divided by their sum; so are probabilities, whose
    sum may differ from 1 by TOLERANCE. U is read as T.

    path: the file.
    source: its name in error messages.
    Raises UserError for a file that cannot be read, is larger than MOST_CHARACTERS, is in no such format, or holds no
    motif, more than MOST_MOTIFS, or two of one id; and for a motif that is not of DNA, is narrower than LEAST_WIDTH or
    wider than MOST_WIDTH, or has an incomplete matrix, a negative or infinite number, probabilities without the sum 1,
    a position that is 0 throughout, or a name with control characters or of more than LONGEST_NAME characters.
    """
    with open_text(path, source) as file:
        text = file.read(MOST_CHARACTERS + 1)
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"{source} has more than {MOST_CHARACTERS:,} characters; choose a file of at most {MOST_MOTIFS:,} motifs"
        )
    lines = text.split("\n")
    motifs: list[Motif] = []
    line_of: dict[str, int] = {}
    for matrix in _reader(lines, source)(lines, source):
        if len(motifs) == MOST_MOTIFS:
            raise UserError(f"{source} holds more than {MOST_MOTIFS:,} motifs; remove those that you do not need")
        motifs.append(_motif(matrix, source))
        other = line_of.setdefault(matrix.id, matrix.line)
        if other != matrix.line:
            raise UserError(
                f"{source}, line {other} and line {matrix.line}: two motifs have the id {matrix.id!r}; rename one, or "
                "remove the duplicate"
            )
    if not motifs:
        raise UserError(f"{source} holds no motif; {_CHOOSE}")
    return motifs


def _reader(lines: list[str], source: str) -> Callable[[list[str], str], Iterator[_Matrix]]:
    """Return the reader of the format that the lines are in."""
    number, first = next(((number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()), (0, ""))
    if not first:
        raise UserError(f"{source} holds no motif; {_CHOOSE}")
    if first.lower().startswith(_MARKUP):
        raise UserError(f"{source} is a web page or XML, not a file of motifs; download the motifs as text")
    if first.startswith(">"):
        return _jaspar
    if any(line.startswith("MEME version") for line in lines):
        return _meme
    if any(line.startswith(("P0", "PO")) and line[2:3].isspace() for line in lines):
        return _transfac
    shown = shortened(first, _SHOWN)
    raise UserError(f"{source} is not in {FORMATS}: line {number} is {shown!r}; convert it or choose another file")


def _motif(matrix: _Matrix, source: str) -> Motif:
    """Return the motif of a matrix. Raises UserError for its width, its names, and a position that is 0 throughout."""
    where = f"{source}, line {matrix.line}"
    for what, text in (("the id", matrix.id), ("the name", matrix.name)):
        if len(text) > LONGEST_NAME:
            raise UserError(
                f"{where}: {what} {shortened(text, _SHOWN)!r} has {len(text):,} characters; shorten it to at most "
                f"{LONGEST_NAME}"
            )
        check_printable(text, what, where)
    width = len(matrix.rows)
    if not LEAST_WIDTH <= width <= MOST_WIDTH:
        raise UserError(
            f"{where}: motif {matrix.id!r} has {width:,} positions; motifs have {LEAST_WIDTH} to {MOST_WIDTH}: remove "
            "or trim it"
        )
    values = np.array(matrix.rows, dtype=np.float64)
    largest = values.max(axis=1, keepdims=True)
    if not largest.all():
        position = int(largest[:, 0].argmin()) + 1
        raise UserError(
            f"{where}: position {position} of motif {matrix.id!r} is 0 for every nucleotide; correct or remove it"
        )
    values /= largest  # the sum of the largest numbers would be infinite
    return Motif(matrix.id, matrix.name, values / values.sum(axis=1, keepdims=True))


def _numbers(words: list[str], where: str) -> list[float]:
    """Return words as numbers. Raises UserError for what is no number, negative, or infinite."""
    values = []
    for word in words:
        if len(word) > _LONGEST_NUMBER or not _NUMBER.fullmatch(word):
            raise UserError(
                f"{where}: {shortened(word, _SHOWN)!r} is not a number; give counts or probabilities of A, C, G and T"
            )
        value = float(word)
        if value < 0:
            raise UserError(
                f"{where}: {word} is negative; choose matrices of counts or probabilities, not of scores or log-odds"
            )
        if value == float("inf"):
            raise UserError(f"{where}: {word} is too large; correct the number or remove the motif")
        values.append(value)
    return values


def _id_and_name(text: str) -> tuple[str, str]:
    """Return the first word and the rest, or the first word twice. Only spaces and tabs part words."""
    id_, *rest = _SPACE.split(text.strip(" \t"), maxsplit=1)
    return id_, rest[0] if rest else id_


# --- JASPAR ----------------------------------------------------------------------------------------------------------


def _jaspar(lines: list[str], source: str) -> Iterator[_Matrix]:
    """Yield the matrices of JASPAR's format: `>id name`, then four rows, with or without letters and brackets."""
    starts = [number for number, line in enumerate(lines) if line.lstrip().startswith(">")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        id_, name = _id_and_name(lines[start].lstrip()[1:])
        if not id_:
            raise UserError(f"{source}, line {start + 1}: the motif has no id; write one after '>'")
        rows = [_jaspar_row(lines[at], f"{source}, line {at + 1}") for at in range(start + 1, end) if lines[at].strip()]
        where = f"{source}, line {start + 1}: motif {shortened(id_, _SHOWN)!r}"
        if len(rows) != len(BASES):
            hint = "; convert motifs of HOMER to MEME" if rows and {len(row) for _, row in rows} == {4} else ""
            raise UserError(
                f"{where} has {len(rows)} rows; give it four, for A, C, G and T, with a number for each position{hint}"
            )
        letters = [letter or BASES[at] for at, (letter, _) in enumerate(rows)]
        if sorted(letters) != list(BASES):
            raise UserError(f"{where} has rows for {', '.join(letters)}; give it one for each of A, C, G and T")
        if len({len(row) for _, row in rows}) != 1:
            lengths = ", ".join(str(len(row)) for _, row in rows)
            raise UserError(f"{where} has rows of {lengths} numbers; give all four the same number")
        by_letter = {letter: row for letter, (_, row) in zip(letters, rows, strict=True)}
        yield _Matrix(start + 1, id_, name, [list(row) for row in zip(*map(by_letter.get, BASES), strict=True)])


def _jaspar_row(line: str, where: str) -> tuple[str, list[float]]:
    """Return the letter of a row, if it has one, and its numbers."""
    text = line.strip()
    letter = text[0].upper() if text[0] in "ACGTUacgtu" and text[1:2] in ("", " ", "\t", "[", ":", "|") else ""
    numbers = text[len(letter) :].strip(" \t:|")
    if numbers.startswith("["):
        numbers = numbers[1:].removesuffix("]")
    return letter.replace("U", "T"), _numbers(numbers.split(), where)


# --- MEME ------------------------------------------------------------------------------------------------------------


def _meme(lines: list[str], source: str) -> Iterator[_Matrix]:
    """Yield the letter-probability matrices of MEME's text format, each below its line with MOTIF."""
    start, id_, name = None, "", ""
    for number, line in enumerate(lines, 1):
        where = f"{source}, line {number}"
        if line.startswith("ALPHABET"):
            alphabet = line.removeprefix("ALPHABET").strip(" \t=")
            if alphabet.upper() not in ("ACGT", "ACGU"):
                raise UserError(
                    f"{where}: the alphabet is {shortened(alphabet, _SHOWN)!r}; choose motifs of DNA (ALPHABET= ACGT)"
                )
        elif line.startswith("MOTIF") and not line[5:6].strip():
            _require_matrix(start, id_, source)
            # The full format goes on with "width = 8 sites = 20".
            text = re.split(r"[ \t]width[ \t]*=", line[5:], maxsplit=1)[0]
            start, (id_, name) = number, _id_and_name(text)
            if not id_:
                raise UserError(f"{where}: the motif has no id; write one after MOTIF")
        elif line.startswith("letter-probability matrix"):
            if start is None:
                raise UserError(f"{where}: the matrix has no line with MOTIF and an id above it; add one")
            yield _Matrix(start, id_, name, _meme_rows(lines, number, source))
            start = None
    _require_matrix(start, id_, source)


def _require_matrix(start: int | None, id_: str, source: str) -> None:
    """Raise UserError when the matrix of the motif that began in line `start` has not come."""
    if start is not None:
        raise UserError(
            f"{source}, line {start}: motif {shortened(id_, _SHOWN)!r} has no letter-probability matrix; choose a file "
            "with one for each motif"
        )


def _meme_rows(lines: list[str], header: int, source: str) -> list[list[float]]:
    """Return the rows of a matrix.

    header: the number of its first line, from 1, which may give their length (alength) and number (w).
    """
    given = dict(re.findall(r"(alength|w)= ?([0-9]+)", lines[header - 1][:200]))
    if given.get("alength", "4") != "4":
        raise UserError(
            f"{source}, line {header}: the alphabet has {given['alength']} letters; choose motifs of DNA, which has 4"
        )
    rows = []
    for at in range(header, len(lines)):
        words = lines[at].split()
        if not _is_row(words):
            break
        where = f"{source}, line {at + 1}"
        if len(words) != len(BASES):
            raise UserError(f"{where}: the row has {len(words)} numbers; give it four, for A, C, G and T")
        row = _numbers(words, where)
        if abs(sum(row) - 1) > TOLERANCE + 1e-9:
            raise UserError(
                f"{where}: the probabilities {' '.join(words)} have the sum {sum(row):.4g}, not 1; correct them, or "
                "give counts in JASPAR or TRANSFAC format"
            )
        rows.append(row)
    if int(given.get("w", len(rows))) != len(rows):
        raise UserError(f"{source}, line {header}: the matrix has {len(rows)} rows, but w= {given['w']}; correct it")
    return rows


def _is_row(words: list[str]) -> bool:
    """Return whether a line is a row of a matrix, or is meant to be one."""
    if not words or words[0] in ("MOTIF", "URL"):
        return False
    return len(words) == len(BASES) or _NUMBER.fullmatch(words[0][:_LONGEST_NUMBER]) is not None


# --- TRANSFAC --------------------------------------------------------------------------------------------------------


def _transfac(lines: list[str], source: str) -> Iterator[_Matrix]:
    """Yield the matrices of TRANSFAC's format: entries of lines with a key, parted by `//`."""
    start = 1
    for number, line in enumerate(lines, 1):
        if line.startswith("//") or number == len(lines):
            matrix = _transfac_matrix(lines, start, number, source)
            if matrix:
                yield matrix
            start = number + 1


def _transfac_matrix(lines: list[str], start: int, end: int, source: str) -> _Matrix | None:
    """Return the matrix of the entry in these lines, numbered from 1; None for a header of the file, or nothing."""
    fields: dict[str, str] = {}
    order, first, last, rows = "", start, 0, []
    for number in range(start, end + 1):
        key, value = _id_and_name(lines[number - 1])
        where = f"{source}, line {number}"
        if key in ("AC", "ID", "NA") and value != key:
            if not fields:
                first = number
            fields.setdefault(key, value)
        elif key in ("P0", "PO"):
            if order:
                raise UserError(f"{where}: the entry has a second matrix; end the first one with '//'")
            order = "".join(value.split()[: len(BASES)]).upper().replace("U", "T")
            if sorted(order) != list(BASES):
                raise UserError(
                    f"{where}: the columns are {shortened(value, _SHOWN)!r}; choose motifs of DNA, with A, C, G and T"
                )
        elif order and key.isdecimal():
            words = value.split()[: len(BASES)] if value != key else []
            if len(words) != len(BASES):
                raise UserError(f"{where}: the row has {len(words)} numbers; give it four, for A, C, G and T")
            by_letter = dict(zip(order, _numbers(words, where), strict=True))
            if rows and int(key[:9]) != last + 1:
                raise UserError(f"{where}: this is row {key[:9]}, but {last} is above it; correct the matrix")
            last = int(key[:9])
            rows.append([by_letter[letter] for letter in BASES])
    if not fields and not order:
        return None
    id_ = fields.get("AC") or fields.get("ID") or fields.get("NA")
    if not id_:
        raise UserError(f"{source}, line {start}: the motif has no id; add a line with AC or ID to it")
    if not order:
        raise UserError(
            f"{source}, line {first}: motif {shortened(id_, _SHOWN)!r} has no matrix; add it below a line with P0, or "
            "remove the entry"
        )
    return _Matrix(first, id_, fields.get("NA") or fields.get("ID") or id_, rows)
