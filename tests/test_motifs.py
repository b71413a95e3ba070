"""Motifs: log-odds, those of JASPAR, and reading a user's own in three formats."""

import gzip
import io
import json
import time

import numpy as np
import pytest
from Bio import motifs as biopython
from hypothesis import given
from hypothesis import strategies as st

from conftest import PROJECT
from dna_lm.data.sequences import BASES, reverse_complement
from dna_lm.motifs import reading
from dna_lm.motifs.jaspar import DATA, DATABASE, jaspar_motifs
from dna_lm.motifs.motif import Motif
from dna_lm.motifs.reading import LONGEST_NAME, MOST_MOTIFS, MOST_WIDTH, read_motifs
from dna_lm.words import MOTIF_GROUPS, VERTEBRATES
from refusals import refusal

# --- a motif ---------------------------------------------------------------------------------------------------------

HAND_MADE = Motif("m", "made", np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]]))


def test_log_odds_without_pseudocounts():
    odds = HAND_MADE.log_odds(pseudocount=0.0 + 1e-300)
    assert odds.dtype == np.float32 and odds.shape == (3, 4)
    assert odds[0, 0] == pytest.approx(np.log(4)) and odds[1, :2] == pytest.approx(np.log(2))
    assert odds[2] == pytest.approx(0)


def test_log_odds_with_the_documented_pseudocount():
    """(p + 0.01 * 0.25) / 1.01 / 0.25, by hand."""
    odds = HAND_MADE.log_odds()
    assert odds[0] == pytest.approx(np.log([1.0025 / 1.01 * 4, *[0.0025 / 1.01 * 4] * 3]), abs=1e-6)
    assert odds[0, 1] == pytest.approx(-4.61512, abs=1e-5)
    assert odds[2] == pytest.approx(0, abs=1e-7)


def test_log_odds_against_another_background():
    background = (0.3, 0.2, 0.2, 0.3)
    odds = HAND_MADE.log_odds(background, pseudocount=0.1)
    assert odds[1, 1] == pytest.approx(np.log((0.5 + 0.02) / 1.1 / 0.2), abs=1e-6)
    assert odds[0, 3] == pytest.approx(np.log(0.1 / 1.1), abs=1e-6)
    assert np.exp(odds.astype(float)) @ background == pytest.approx(1)  # the motif's probabilities have the sum 1


def test_the_reverse_complement():
    motif = Motif("m", "made", np.array([[0.7, 0.1, 0.2, 0], [0, 0.6, 0.1, 0.3], [0, 0, 1, 0]]))
    turned = motif.reverse_complement()
    assert turned.probabilities.tolist() == [[0, 1, 0, 0], [0.3, 0.1, 0.6, 0], [0, 0.2, 0.1, 0.7]]
    assert (turned.id, turned.name, turned.width) == ("m", "made", 3)
    assert (motif.consensus, turned.consensus) == ("ACG", reverse_complement("ACG"))
    assert np.array_equal(turned.reverse_complement().probabilities, motif.probabilities)
    assert np.array_equal(turned.log_odds(), motif.log_odds()[::-1, ::-1])


# --- JASPAR ----------------------------------------------------------------------------------------------------------

NUMBERS = {"vertebrates": 1019, "plants": 927, "insects": 296, "nematodes": 103, "fungi": 193, "urochordates": 94}


@pytest.mark.parametrize("group", MOTIF_GROUPS)
def test_every_group_has_its_motifs(group):
    motifs = jaspar_motifs(group)
    assert len(motifs) == NUMBERS[group]
    assert [motif.id for motif in motifs] == sorted({motif.id for motif in motifs})
    # only the latest version of each matrix
    assert len({motif.id.split(".")[0] for motif in motifs}) == len(motifs)
    assert all(motif.id.startswith("MA") and motif.name and 4 <= motif.width <= 33 for motif in motifs)
    assert max(abs(motif.probabilities.sum(axis=1) - 1).max() for motif in motifs) < 1e-12


def test_ctcf_is_in_the_vertebrates():
    motif = next(motif for motif in jaspar_motifs(VERTEBRATES) if motif.id.startswith("MA0139."))
    assert motif.name == "CTCF"
    assert motif.consensus == "GCCACCAGGGGGCGC"


@pytest.mark.parametrize("group", MOTIF_GROUPS)
def test_biopython_reads_the_same_from_the_files_of_jaspar(group):
    with gzip.open(DATA / f"{group}.jaspar.gz", "rt") as file:
        theirs = biopython.parse(file, "jaspar")
    ours = jaspar_motifs(group)
    assert [(motif.id, motif.name) for motif in ours] == [(motif.matrix_id, motif.name) for motif in theirs]
    for motif, other in zip(ours, theirs, strict=True):
        counts = np.array([other.counts[base] for base in BASES]).T
        assert motif.probabilities == pytest.approx(counts / counts.sum(axis=1, keepdims=True), abs=1e-12)


def test_an_unknown_group():
    with pytest.raises(ValueError, match="bacteria"):
        jaspar_motifs("bacteria")


def test_the_files_of_jaspar_are_small_and_say_where_they_are_from():
    facts = json.loads((DATA / "database.json").read_text())
    assert facts["database"] == DATABASE == "JASPAR 2026 CORE" and facts["motifs"] == NUMBERS
    notice = (DATA / "README.md").read_text()
    assert facts["source_sha256"] in notice and "CC BY 4.0" in notice and "10.1093/nar/gkaf1209" in notice
    page = (PROJECT / "docs" / "motifs.md").read_text()
    for group, number in NUMBERS.items():
        assert f"| {group} | {number:,} |" in page
        assert f"| `{group}.jaspar.gz` | {number:,} |" in notice
        content = (DATA / f"{group}.jaspar.gz").read_bytes()
        assert len(content) < 100_000 and content[4:8] == bytes(4), "the time of its making would change its bytes"


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """Write a file of motifs; return its path."""

    def write(content: str | bytes):
        path = tmp_path / "motifs.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


MEME = """MEME version 4

ALPHABET= ACGT

MOTIF a1 CTCF
letter-probability matrix: alength= 4 w= 3 nsites= 20 E= 0
0.02 0.90 0.05 0.03
0.25 0.25 0.25 0.25
1.00 0.00 0.00 0.00
"""
BACKGROUND = "Background letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n\n"
JASPAR = ">a1 CTCF\nA [ 1 5 20 ]\nC [ 17 5 0 ]\nG [ 1 5 0 ]\nT [ 1 5 0 ]\n"
TRANSFAC = "AC  a1\nXX\nID  CTCF\nXX\nP0  A  C  G  T\n01  1 17 1 1 C\n02  5 5 5 5 N\n03  20 0 0 0 A\nXX\n//\n"
OF_COUNTS = [[0.05, 0.85, 0.05, 0.05], [0.25] * 4, [1, 0, 0, 0]]


def only(motifs: list[Motif]) -> Motif:
    assert len(motifs) == 1
    return motifs[0]


def test_meme(written):
    motif = only(read_motifs(written(MEME)))
    assert (motif.id, motif.name) == ("a1", "CTCF")
    assert motif.probabilities.ravel() == pytest.approx([0.02, 0.9, 0.05, 0.03, *[0.25] * 4, 1, 0, 0, 0])


FULL_MEME = """********
MEME - Motif discovery tool
********
MEME version 5.5.5 (Release date: Thu Sep 14 08:48:04 2023 +1000)

ALPHABET= ACGT
Sequence name            Weight Length  Sequence name            Weight Length
Background letter frequencies (from file dataset with add-one prior applied):
A 0.27 C 0.23 G 0.23 T 0.27

MOTIF CAW MEME-1\twidth =   3  sites =  18  llr = 174  E-value = 1.1e-022
--------
\tMotif CAW MEME-1 Description
--------
Simplified        A  :a5
pos.-specific     C  a::
probability       G  :::
matrix            T  ::5
--------
\tMotif CAW MEME-1 position-specific scoring matrix
--------
log-odds matrix: alength= 4 w= 3 n= 100 bayes= 1 E= 1.1e-022
  -300    200   -300   -300
   200   -300   -300   -300
   100   -300   -300    100
--------
\tMotif CAW MEME-1 position-specific probability matrix
--------
letter-probability matrix: alength= 4 w= 3 nsites= 18 E= 1.1e-022
  0.000000  1.000000  0.000000  0.000000
  1.000000  0.000000  0.000000  0.000000
  0.500000  0.000000  0.000000  0.500000
--------
Time  0.50 secs.
"""


@pytest.mark.parametrize(
    "content",
    [
        MEME.replace("ALPHABET= ACGT\n", ""),
        MEME.replace(" alength= 4 w= 3 nsites= 20 E= 0", ""),
        MEME.replace("nsites= 20", "nsites= 12.5"),
        MEME.replace("ACGT", "ACGU"),
        MEME.replace("\n", "\r\n"),
        MEME + "\nURL http://example.org\n",
        gzip.compress(MEME.encode()),
    ],
)
def test_variants_of_meme(written, content):
    assert only(read_motifs(written(content))).probabilities[0] == pytest.approx([0.02, 0.9, 0.05, 0.03])


def test_rounded_probabilities_are_made_to_have_the_sum_1(written):
    motif = only(read_motifs(written(MEME.replace("0.25 0.25 0.25 0.25", "0.33 0.33 0.33 0.00"))))
    assert motif.probabilities[1] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_why_biopython_does_not_read_the_files_of_users():
    """Once it no longer does these two things, it could take the place of our readers."""
    theirs = biopython.parse(io.StringIO(MEME.replace("MOTIF", f"{BACKGROUND}MOTIF")), "minimal")[0]
    assert [theirs.counts[base][0] for base in BASES] == [0, 18, 1, 1]  # 0.02, 0.90, 0.05 and 0.03 of 20
    one_row_missing = biopython.parse(io.StringIO(">a\n1 1\n2 2\n3 3\n>b\n4 4\n5 5\n6 6\n7 7\n"), "jaspar")
    assert [(motif.name, motif.counts["A"]) for motif in one_row_missing] == [("b", [1, 1])]


def test_the_full_output_of_meme(written):
    motif = only(read_motifs(written(FULL_MEME)))
    assert (motif.id, motif.name, motif.consensus) == ("CAW", "MEME-1", "CAA")


@pytest.mark.parametrize(
    "content",
    [
        JASPAR,
        TRANSFAC,
        JASPAR.replace("[ ", "").replace(" ]", ""),
        ">a1 CTCF\n1\t5\t20\n17\t5\t0\n1\t5\t0\n1\t5\t0",
        ">a1\tCTCF\n\nT: 1 5 0\nA: 1 5 20\nG: 1 5 0\nC: 17 5 0\n",
        JASPAR.replace("T [", "U ["),
        TRANSFAC.replace("P0", "PO").replace("//\n", ""),
        TRANSFAC.replace("01  ", "0 ").replace("02  ", "1\t").replace("03  ", "2\t"),
        "VV  a version\nXX\n//\n" + TRANSFAC,
        TRANSFAC.replace("ID  CTCF", "ID  V$CTCF_01\nNA  CTCF"),
        TRANSFAC.replace("A  C  G  T", "T  C  G  A").replace("20 0 0 0", "0 0 0 20"),
    ],
)
def test_variants_of_counts(written, content):
    motif = only(read_motifs(written(content)))
    assert (motif.id, motif.name) == ("a1", "CTCF")
    assert motif.probabilities == pytest.approx(np.array(OF_COUNTS))


def test_a_motif_without_a_name_is_called_by_its_id(written):
    for content in (MEME.replace(" CTCF", ""), JASPAR.replace(" CTCF", ""), TRANSFAC.replace("ID  CTCF\n", "")):
        motif = only(read_motifs(written(content)))
        assert (motif.id, motif.name) == ("a1", "a1")


def test_names_are_kept_as_they_are(written):
    name = '<script>alert(1)</script> & "quotes" $(touch x) ${galaxy}'
    assert only(read_motifs(written(JASPAR.replace("CTCF", name)))).name == name
    assert only(read_motifs(written(MEME.replace("CTCF", name)))).name == name
    assert only(read_motifs(written(TRANSFAC.replace("CTCF", name)))).name == name


def test_huge_and_tiny_counts(written):
    content = JASPAR.replace("20", "1e308").replace("A [ 1", "A [ 1e-320").replace("5", "1.7e308")
    motif = only(read_motifs(written(content)))
    assert motif.probabilities.sum(axis=1) == pytest.approx(1) and motif.probabilities[1] == pytest.approx(0.25)
    assert np.isfinite(motif.log_odds()).all()


def test_the_three_files_of_the_test_data_hold_the_same(test_data):
    meme, jaspar, transfac = (read_motifs(test_data / f"motifs.{name}") for name in ("meme", "jaspar", "transfac"))
    assert [(motif.id, motif.name) for motif in meme] == [
        ("MA0139.2", "CTCF"),
        ("MA0861.2", "TP73"),
        ("planted", "made up"),
    ]
    ctcf = next(motif for motif in jaspar_motifs(VERTEBRATES) if motif.id == "MA0139.2")
    assert meme[0].probabilities == pytest.approx(ctcf.probabilities, abs=1e-5)
    for motif, *others in zip(meme, jaspar, transfac, strict=True):
        for other in others:
            assert (other.id, other.name) == (motif.id, motif.name)
            assert other.probabilities == pytest.approx(motif.probabilities, abs=1e-5)
    for name, theirs in (("jaspar", jaspar), ("transfac", transfac)):
        read = biopython.parse(io.StringIO((test_data / f"motifs.{name}").read_text()), name)
        assert [motif.consensus for motif in theirs] == [str(motif.consensus) for motif in read]


# --- round trip ------------------------------------------------------------------------------------------------------

IDS = st.lists(st.text("abcXYZ019._:<&>$-", min_size=1, max_size=12), min_size=1, max_size=4, unique=True)
ROW = st.tuples(*[st.integers(0, 10_000)] * 4).filter(any)


@st.composite
def made_motifs(draw) -> list[tuple[str, list[tuple[int, ...]]]]:
    return [(name, draw(st.lists(ROW, min_size=3, max_size=12))) for name in draw(IDS)]


def as_jaspar(motifs) -> str:
    return "".join(
        f">{name} of {name}\n" + "".join(f"{base} {list(row)}\n".replace(",", "") for base, row in columns)
        for name, rows in motifs
        for columns in [zip(BASES, zip(*rows, strict=True), strict=True)]
    )


def as_transfac(motifs) -> str:
    return "".join(
        f"AC  {name}\nNA  of {name}\nP0  A  C  G  T\n"
        + "".join(f"{at:02}  {'  '.join(map(str, row))}\n" for at, row in enumerate(rows, 1))
        + "XX\n//\n"
        for name, rows in motifs
    )


def as_meme(motifs) -> str:
    return "MEME version 4\n\n" + "".join(
        f"MOTIF {name} of {name}\nletter-probability matrix: w= {len(rows)}\n"
        + "".join(" ".join(f"{value / sum(row):.9f}" for value in row) + "\n" for row in rows)
        + "\n"
        for name, rows in motifs
    )


@given(made_motifs(), st.sampled_from([as_jaspar, as_transfac, as_meme]))
def test_what_was_written_is_read(tmp_path_factory, motifs, write):
    path = tmp_path_factory.getbasetemp() / "written_motifs.txt"
    path.write_text(write(motifs))
    read = read_motifs(path)
    assert [(motif.id, motif.name) for motif in read] == [(name, f"of {name}") for name, _ in motifs]
    for motif, (_, rows) in zip(read, motifs, strict=True):
        counts = np.array(rows, dtype=float)
        assert motif.probabilities == pytest.approx(counts / counts.sum(axis=1, keepdims=True), abs=1e-8)


# --- what is refused -------------------------------------------------------------------------------------------------

CHOOSE = "choose a file of motifs in MEME, JASPAR or TRANSFAC format"
WIDE = "1 " * (MOST_WIDTH + 1)
LONG = "x" * (LONGEST_NAME + 1)
REFUSED = {
    "empty": (b"", "F is empty; choose a file with records"),
    "blank": ("\n \n", f"F holds no motif; {CHOOSE}"),
    "no motif": ("MEME version 4\n\nALPHABET= ACGT\n", f"F holds no motif; {CHOOSE}"),
    "only a version": ("VV  1\nXX\n//\nCC\nP0 \n", "F, line 5: the columns are 'P0'; choose motifs of DNA"),
    "binary": (b"\x93NUMPY\x01\x00v", "F is not text (it contains zero bytes)"),
    "archive": (b"PK\x03\x04", "F is a zip archive"),
    "latin-1": (JASPAR.replace("CTCF", "é").encode("latin-1"), "F, line 1: byte 0xe9 is not UTF-8 text"),
    "web page": (
        "<!DOCTYPE html>\nMEME version 5\n",
        "F is a web page or XML, not a file of motifs; download the motifs as text",
    ),
    "MEME as XML": ("<?xml version='1.0'?><MEME>", "F is a web page"),
    "other text": ("\nsequence,label\nACGT,a\n", "F is not in MEME, JASPAR or TRANSFAC format: line 2 is 'sequence,l"),
    "sequences": (
        ">a\nACGTACGTACGT\n",
        "F, line 2: 'ACGTACGTACGT' is not a number; give counts or probabilities of A, C, G and T",
    ),
    "protein": (
        MEME.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY"),
        "F, line 3: the alphabet is 'ACDEFGHIKLMNPQRSTVWY'; choose",
    ),
    "protein without ALPHABET": (
        MEME.replace("ALPHABET= ACGT\n", "").replace("alength= 4", "alength= 20"),
        "F, line 5: the alphabet has 20 letters; choose motifs of DNA, which has 4",
    ),
    "protein in TRANSFAC": (
        TRANSFAC.replace("A  C  G  T", "A  C  D  E"),
        "F, line 5: the columns are 'A C D E'; choose",
    ),
    "wide": (
        f">a\n{WIDE}\n{WIDE}\n{WIDE}\n{WIDE}\n",
        "F, line 1: motif 'a' has 65 positions; motifs have 3 to 64: remove or trim it",
    ),
    "wide in MEME": (
        MEME.replace("w= 3", "w= 103") + "0.25 0.25 0.25 0.25\n" * 100,
        "F, line 5: motif 'a1' has 103 positions",
    ),
    "narrow": (">a\n1 2\n1 2\n1 2\n1 2\n", "F, line 1: motif 'a' has 2 positions; motifs have 3 to 64"),
    "sum": (
        MEME.replace("0.02 0.90", "0.02 0.50"),
        "F, line 7: the probabilities 0.02 0.50 0.05 0.03 have the sum 0.6, not 1; correct them, or give counts in",
    ),
    "counts in MEME": (
        MEME.replace("0.02 0.90 0.05 0.03", "2 90 5 3"),
        "F, line 7: the probabilities 2 90 5 3 have the sum 1",
    ),
    "sum above 1": (
        MEME.replace("0.25 0.25 0.25 0.25", "0.28 0.25 0.25 0.25"),
        "F, line 8: the probabilities 0.28 0.25",
    ),
    "negative": (
        JASPAR.replace("17", "-17"),
        "F, line 3: -17 is negative; choose matrices of counts or probabilities, not",
    ),
    "negative in MEME": (MEME.replace("0.05 0.03", "0.11 -0.03"), "F, line 7: -0.03 is negative"),
    "negative in TRANSFAC": (TRANSFAC.replace("17", "-17"), "F, line 6: -17 is negative"),
    "nan": (JASPAR.replace("17", "nan"), "F, line 3: 'nan' is not a number"),
    "nan in MEME": (MEME.replace("1.00 0.00 0.00 0.00", "nan nan nan nan"), "F, line 9: 'nan' is not a number"),
    "inf": (TRANSFAC.replace("17", "inf"), "F, line 6: 'inf' is not a number"),
    "too large": (
        JASPAR.replace("17", "1e999"),
        "F, line 3: 1e999 is too large; correct the number or remove the motif",
    ),
    "a long number": (JASPAR.replace("17", "1" * 10_000), "F, line 3: '11111"),
    "underscores": (JASPAR.replace("17", "1_7"), "F, line 3: '1_7' is not a number"),
    "zeros": (
        JASPAR.replace("5", "0"),
        "F, line 1: position 2 of motif 'a1' is 0 for every nucleotide; correct or remove it",
    ),
    "zeros in TRANSFAC": (TRANSFAC.replace("5", "0"), "F, line 1: position 2 of motif 'a1' is 0 for every nucleotide"),
    "a row is missing": (
        JASPAR.replace("G [ 1 5 0 ]\n", "") + ">b\n" + "1 2 3\n" * 4,
        "F, line 1: motif 'a1' has 3 rows; give it four, for A, C, G and T, with a number for each position",
    ),
    "no rows": (">a1 CTCF\n>b\n", "F, line 1: motif 'a1' has 0 rows"),
    "HOMER": (
        ">ACGTA\tAP-1\t6.0\n" + "0.1\t0.2\t0.3\t0.4\n" * 5,
        "F, line 1: motif 'ACGTA' has 5 rows; give it four, for A, C, G and T, with a number for each position; "
        "convert motifs of HOMER to MEME",
    ),
    "unequal rows": (
        JASPAR.replace("17 5 0", "17 5"),
        "F, line 1: motif 'a1' has rows of 3, 2, 3, 3 numbers; give all four",
    ),
    "rows of one letter": (
        JASPAR.replace("C [", "A ["),
        "F, line 1: motif 'a1' has rows for A, A, G, T; give it one for",
    ),
    "no id in JASPAR": (JASPAR.replace("a1 CTCF", ""), "F, line 1: the motif has no id; write one after '>'"),
    "no id in MEME": (MEME.replace(" a1 CTCF", ""), "F, line 5: the motif has no id; write one after MOTIF"),
    "no id in TRANSFAC": (
        TRANSFAC[TRANSFAC.index("P0") :],
        "F, line 1: the motif has no id; add a line with AC or ID to it",
    ),
    "no MOTIF": (
        MEME.replace("MOTIF", "Motif"),
        "F, line 6: the matrix has no line with MOTIF and an id above it; add",
    ),
    "no matrix in MEME": (
        MEME + "\nMOTIF b\n\nMOTIF c\n",
        "F, line 11: motif 'b' has no letter-probability matrix; choose a file with one for each motif",
    ),
    "only log-odds": (
        MEME.replace("letter-probability", "log-odds"),
        "F, line 5: motif 'a1' has no letter-probability",
    ),
    "no matrix in TRANSFAC": (
        TRANSFAC + "AC  b\nXX\n//\n",
        "F, line 11: motif 'b' has no matrix; add it below a line with P0, or remove the entry",
    ),
    "two matrices in TRANSFAC": (
        TRANSFAC.replace("//", "P0  A  C  G  T\n//"),
        "F, line 10: the entry has a second matrix",
    ),
    "w": (MEME.replace("w= 3", "w= 4"), "F, line 6: the matrix has 3 rows, but w= 4; correct it"),
    "a short row in MEME": (
        MEME.replace("0.05 0.03", "0.08"),
        "F, line 7: the row has 3 numbers; give it four, for A, C, G",
    ),
    "a long row in MEME": (
        MEME.replace("0.05 0.03", "0.05 0.02 0.01"),
        "F, line 7: the row has 5 numbers; give it four",
    ),
    "a short row in TRANSFAC": (TRANSFAC.replace("17 1 1 C", "17 1"), "F, line 6: the row has 3 numbers; give it four"),
    "a row without numbers in TRANSFAC": (TRANSFAC.replace("01  1 17 1 1 C", "01"), "F, line 6: the row has 0 numbers"),
    "a row is missing in TRANSFAC": (
        TRANSFAC.replace("02  5 5 5 5 N\n", ""),
        "F, line 7: this is row 03, but 1 is above it; correct the matrix",
    ),
    "same ids": (
        JASPAR + JASPAR,
        "F, line 1 and line 6: two motifs have the id 'a1'; rename one, or remove the duplicate",
    ),
    "control characters": (
        JASPAR.replace("CTCF", "CT\x1b[31mCF"),
        r"F, line 1: the name 'CT\x1b[31mCF' contains a control char",
    ),
    "a line separator": (
        MEME.replace("a1", "a\x85b"),
        r"F, line 5: the id 'a\x85b' contains a control character; use prin",
    ),
    "a long name": (
        JASPAR.replace("CTCF", LONG),
        "F, line 1: the name 'xxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxx' has 201 ch",
    ),
    "a long id": (
        TRANSFAC.replace("a1", LONG),
        "F, line 1: the id 'xxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxx' has 201 char",
    ),
    "a long line": (
        JASPAR + ">b\n" + "x" * 10**6,
        "F, line 7: 'xxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxx' is not a number",
    ),
    "spaces": (JASPAR + ">b\n" + " " * 10**6 + "[x\n", "F, line 7: 'x' is not a number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_files_are_refused_in_one_line(written, name):
    content, expected = REFUSED[name]
    message = refusal(read_motifs, written(content), "F")
    assert message.startswith(expected)
    assert ";" in message and "\n" not in message and message.isprintable()


def test_too_many_motifs_are_refused_quickly(written):
    """Not by the clock alone, which a busy machine delays: no more are read than may be."""
    content = "".join(f">m{number}\n1 1 1\n1 1 1\n1 1 1\n1 1 1\n" for number in range(100_000))
    path, started = written(content), time.process_time()
    message = refusal(read_motifs, path, "F")
    assert time.process_time() - started < 5
    assert message == f"F holds more than {MOST_MOTIFS:,} motifs; remove those that you do not need"


def test_as_many_motifs_as_may_be(written):
    content = "".join(f">m{number}\n1 1 1\n1 1 1\n1 1 1\n1 1 1\n" for number in range(MOST_MOTIFS))
    assert len(read_motifs(written(content))) == MOST_MOTIFS


def test_a_large_file_is_refused_before_it_is_read_as_a_whole(written, monkeypatch):
    monkeypatch.setattr(reading, "MOST_CHARACTERS", 1_000)
    content = gzip.compress(JASPAR.encode() + b"\n" * 10**7)
    assert refusal(read_motifs, written(content), "F").startswith(
        "F has more than 1,000 characters; choose a file of at"
    )


def test_a_missing_file(tmp_path):
    message = refusal(read_motifs, tmp_path / "none.meme")
    assert message == "the motif file cannot be read: No such file or directory; choose another file"


def test_the_files_of_the_test_data_are_made_again(test_data, monkeypatch, tmp_path):
    from dev.fixtures import make_motif_fixtures

    monkeypatch.setattr(make_motif_fixtures, "TEST_DATA", tmp_path)
    make_motif_fixtures.main()
    for name in ("motifs.meme", "motifs.jaspar", "motifs.transfac"):
        assert (tmp_path / name).read_bytes() == (PROJECT / "test-data" / name).read_bytes()
