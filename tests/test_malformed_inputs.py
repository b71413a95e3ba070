"""What users get wrong: every malformed file and impossible request is refused with one line, and nothing is written."""

import bz2
import gzip
import os
import random
import struct

import pytest

from dna_lm.data.sequences import reverse_complement

# --- well-formed files, of which each case spoils something ----------------------------------------------------------


def dna(seed, length=40) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


SEQUENCES = [dna(number) for number in range(40)]
ROWS = [f"{text},{'yes' if number % 2 else 'no'}" for number, text in enumerate(SEQUENCES)]
COLUMNS = "sequence,label"


def table(*more: str, header=COLUMNS, rows=ROWS) -> str:
    return "\n".join([header, *rows, *more]) + "\n"


def wide(name: str, *values: str) -> str:
    """A table with one more column, whose values are repeated."""
    rows = [f"{row},{values[number % len(values)]}" for number, row in enumerate(ROWS)]
    return table(header=f"{COLUMNS},{name}", rows=rows)


def fasta(*records: tuple[str, str]) -> str:
    return "".join(f">{name}\n{text}\n" for name, text in records)


YES = fasta(*((f"y{number}", text) for number, text in enumerate(SEQUENCES[::2])))
NO = fasta(*((f"n{number}", text) for number, text in enumerate(SEQUENCES[1::2])))
GENOME = fasta(("chr1 of a mouse", dna("chr1", 3000)), ("chr2", dna("chr2", 3000)))
PLACES = [(f"chr{1 + number % 2}", 60 * number, "+-"[number % 2]) for number in range(20)]
BED = "".join(f"{chrom}\t{200 + at}\t{250 + at}\tpeak{at // 60}\t0\t{strand}\n" for chrom, at, strand in PLACES)
OTHER_BED = "".join(f"{chrom}\t{1600 + at}\t{1650 + at}\n" for chrom, at, _ in PLACES)


def first_peak(text: str) -> str:
    """BED whose first chromosome, start and end are these."""
    return BED.replace("chr1\t200\t250", text)


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


ZIPPED = zipped(table())
TABLE = "--table t.csv"
FASTA = "--fasta yes=yes.fa --fasta no=no.fa"
INTERVALS = "--intervals yes=yes.bed --intervals no=no.bed --genome genome.fa --window 50"
SPLIT_TABLES = "--train-table a.csv --test-table b.csv --split column"

# --- the cases -------------------------------------------------------------------------------------------------------

# By name: the message, the command line and the files.
CASES: dict[str, tuple[str, str, dict[str, str | bytes]]] = {}


def case(name: str, message: str, arguments: str, files: dict[str, str | bytes]) -> None:
    assert name not in CASES
    CASES[name] = message, arguments, files


def table_case(name: str, message: str, content: str | bytes, more: str = "") -> None:
    case(name, message, f"{TABLE} {more}", {"t.csv": content})


def fasta_case(name: str, message: str, content: str | bytes, more: str = "") -> None:
    case(name, message, f"{FASTA} {more}", {"yes.fa": content, "no.fa": NO})


def interval_case(name: str, message: str, content: str | bytes, more: str = "", genome=GENOME, avoid="") -> None:
    files = {"yes.bed": content, "no.bed": OTHER_BED, "genome.fa": genome, "x.bed": avoid}
    case(name, message, f"{INTERVALS} {more}", files)


# --- files that are no tables ----------------------------------------------------------------------------------------

case(
    "missing file",
    "the labeled table (t.csv) cannot be read: No such file or directory; choose another file",
    TABLE,
    {},
)
case("directory as input", "the labeled table cannot be read: Is a directory; choose another file", "--table .", {})
table_case("empty file", "the labeled table (t.csv) is empty; choose a file with records", "")
table_case(
    "gzip of nothing",
    "the labeled table (t.csv) is empty; choose a file with records",
    gzip.compress(b"", mtime=0),
)
table_case(
    "blank lines only",
    "the labeled table (t.csv), line 1: the header line is blank; name the columns in the first line",
    "\n\n  \n",
)
table_case(
    "truncated gzip", "the labeled table (t.csv) is a damaged or truncated gzip file; upload it again", ZIPPED[:-100]
)
table_case(
    "gzip cut in its header",
    "the labeled table (t.csv) is a damaged or truncated gzip file; upload it again",
    ZIPPED[:5],
)
table_case(
    "gzip with garbage inside",
    "the labeled table (t.csv) is a damaged or truncated gzip file; upload it again",
    ZIPPED[:60] + b"garbage" + ZIPPED[67:],
)
table_case(
    "gzip with garbage behind",
    "the labeled table (t.csv) is a damaged or truncated gzip file; upload it again",
    ZIPPED + b"garbage",
)
table_case(
    "gzip with a wrong checksum",
    "the labeled table (t.csv) is a damaged or truncated gzip file; upload it again",
    ZIPPED[:-8] + b"\x00\x00\x00\x00" + ZIPPED[-4:],
)
table_case(
    "gzip of gzip",
    "the labeled table (t.csv) is gzipped twice, not plain or gzipped text; unpack it once",
    gzip.compress(ZIPPED, mtime=0),
)
table_case(
    "bzip2",
    (
        "the labeled table (t.csv) is compressed with bzip2, not plain or gzipped text; unpack it, or "
        "compress it with gzip"
    ),
    bz2.compress(table().encode()),
)
table_case(
    "binary",
    (
        "the labeled table (t.csv) is not text (it contains zero bytes); choose a plain or gzipped text "
        "file, or save the text as UTF-8"
    ),
    bytes(range(256)) * 20,
)
table_case(
    "spreadsheet xlsx",
    (
        "the labeled table (t.csv) is a zip archive or a spreadsheet, not plain or gzipped text; unpack "
        "it, or save the sheet as CSV (UTF-8)"
    ),
    b"PK\x03\x04" + bytes(range(256)),
)
table_case(
    "spreadsheet xls",
    (
        "the labeled table (t.csv) is a spreadsheet or another office document, not plain or gzipped "
        "text; save the sheet as CSV (UTF-8)"
    ),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
)
table_case(
    "parquet",
    (
        "the labeled table (t.csv) is not text (it contains zero bytes); choose a plain or gzipped text "
        "file, or save the text as UTF-8"
    ),
    b"PAR1" + bytes(range(256)),
)
table_case(
    "NUL bytes",
    (
        "the labeled table (t.csv) is not text (it contains zero bytes); choose a plain or gzipped text "
        "file, or save the text as UTF-8"
    ),
    table(f"{dna('nul')}\x00,no"),
)
table_case(
    "Latin-1",
    (
        "the labeled table (t.csv), line 42: byte 0xfc is not UTF-8 text; choose a plain or gzipped text"
        " file, or save the text as UTF-8"
    ),
    table(f"{dna('l')},für").encode("latin-1"),
)
table_case(
    "UTF-16",
    "the labeled table (t.csv) is UTF-16 text, not plain or gzipped text; save it as UTF-8",
    table().encode("utf-16"),
)
table_case(
    "UTF-16 without a mark",
    (
        "the labeled table (t.csv) is not text (it contains zero bytes); choose a plain or gzipped text "
        "file, or save the text as UTF-8"
    ),
    table().encode("utf-16-le"),
)


# --- tables ----------------------------------------------------------------------------------------------------------

table_case(
    "header only",
    "the labeled table (t.csv) has a header line and no record below it; choose a file with records",
    COLUMNS + "\n",
)
table_case(
    "two columns of one name",
    "the labeled table (t.csv), line 1: two columns are named 'sequence'; give each a different name",
    table(header="sequence,sequence"),
)
table_case(
    "column without a name",
    "the labeled table (t.csv), line 1: column 2 has no name; name every column in the first line",
    table(header="sequence,"),
)
table_case(
    "last column without a name",
    "the labeled table (t.csv), line 1: column 4 has no name; name every column in the first line",
    table(header=",sequence,label,", rows=[f"{n},{row}," for n, row in enumerate(ROWS)]),
)
table_case(
    "header of R one short",
    (
        "the labeled table (t.csv), line 2: 3 fields, but the header names 2 columns; mend the line, "
        "name every column in the header line, or put quotes around a field that contains a comma"
    ),
    table(header=COLUMNS, rows=[f'"{n}",{row}' for n, row in enumerate(ROWS, 1)]),
)
table_case(
    "a field too few",
    (
        "the labeled table (t.csv), line 42: 1 field, but the header names 2 columns; mend the line, "
        "name every column in the header line, or put quotes around a field that contains a comma"
    ),
    table(dna("few")),
)
table_case(
    "semicolons",
    (
        "the labeled table (t.csv) has no column 'sequence'; its only column is 'sequence;label': is "
        "this a table, with a comma or a tab between its columns, and is the right column chosen?"
    ),
    table().replace(",", ";"),
)
table_case(
    "spaces",
    (
        "the labeled table (t.csv) has no column 'sequence'; its only column is 'sequence label': is "
        "this a table, with a comma or a tab between its columns, and is the right column chosen?"
    ),
    table().replace(",", " "),
)
table_case(
    "comma in an unquoted field",
    (
        "the labeled table (t.csv), line 42: 3 fields, but the header names 2 columns; mend the line, "
        "name every column in the header line, or put quotes around a field that contains a comma"
    ),
    table(f"{dna('c')},no, not at all"),
)
table_case(
    "unclosed quote",
    (
        "the labeled table (t.csv), line 42: not a well-formed table (unexpected end of data); mend the "
        "quotes, or export it again as CSV"
    ),
    table(f"""{dna("u")},"no"""),
)
table_case(
    "quote inside",
    (
        "the labeled table (t.csv), line 42: not a well-formed table (',' expected after '\"'); mend the "
        "quotes, or export it again as CSV"
    ),
    table(f"""{dna("u")},"n"o"""),
)
table_case(
    "header yes but none",
    (
        "the labeled table (t.csv), line 1: the name of the column of sequences, 'TTCCGCTCCGTGCTGCTTTT',"
        " is itself a sequence; say that the table has no header line, or add one"
    ),
    "\n".join(ROWS) + "\n",
    "--sequence-column 1 --label-column 2",
)
table_case(
    "header yes but none, by name",
    (
        "the labeled table (t.csv) has no column 'sequence'; its columns are "
        "TTCCGCTCCGTGCTGCTTTTCGTGCACGTT..., no: is there a header line, and is the right column chosen?"
    ),
    "\n".join(ROWS) + "\n",
)
table_case(
    "header yes but none, label first",
    (
        "the labeled table (t.csv), line 1: the name of the column of sequences, 'TTCCGCTCCGTGCTGCTTTT',"
        " is itself a sequence; say that the table has no header line, or add one"
    ),
    "\n".join(",".join(reversed(r.split(","))) for r in ROWS) + "\n",
    "--sequence-column 2 --label-column 1",
)
table_case(
    "header no but one",
    (
        "the labeled table (t.csv), line 1: letter 'e' at position 2 of the sequence is not a DNA letter"
        " (A, C, G, T, U or an IUPAC code such as N); correct or remove the record, or see whether the "
        "right column is chosen and whether this line is a header line"
    ),
    table(),
    "--header no --sequence-column 1 --label-column 2",
)
table_case(
    "header no, names chosen",
    (
        "the labeled table (t.csv) has no column 'sequence'; its columns are column1, column2: is there "
        "a header line, and is the right column chosen?"
    ),
    table(),
    "--header no",
)
table_case(
    "unknown column name",
    (
        "the labeled table (t.csv) has no column 'dna'; its columns are sequence, label: is there a "
        "header line, and is the right column chosen?"
    ),
    table(),
    "--sequence-column dna",
)
table_case(
    "wrong case of the column",
    (
        "the labeled table (t.csv) has no column 'sequence'; its columns are Sequence, Label: is there a"
        " header line, and is the right column chosen?"
    ),
    table(header="Sequence,Label"),
)
table_case(
    "column number too large",
    (
        "the labeled table (t.csv) has no column '3'; its columns are sequence, label: is there a header"
        " line, and is the right column chosen?"
    ),
    table(),
    "--label-column 3",
)
table_case(
    "column number 0",
    (
        "the labeled table (t.csv) has no column '0'; its columns are sequence, label: is there a header"
        " line, and is the right column chosen?"
    ),
    table(),
    "--label-column 0",
)
table_case(
    "column number below 0",
    (
        "the labeled table (t.csv) has no column '-1'; its columns are sequence, label: is there a "
        "header line, and is the right column chosen?"
    ),
    table(),
    "--label-column=-1",
)
table_case(
    "same column twice",
    "the labeled table (t.csv): column 'sequence' is chosen for both the sequence and the label; choose two",
    table(),
    "--label-column sequence",
)
table_case(
    "same column by name and number",
    "the labeled table (t.csv): column 'sequence' is chosen for both the sequence and the label; choose two",
    table(),
    "--label-column 1",
)
table_case(
    "columns swapped",
    (
        "the labeled table (t.csv), line 2: letter 'o' at position 2 of the sequence is not a DNA letter"
        " (A, C, G, T, U or an IUPAC code such as N); correct or remove the record, or see whether the "
        "right column is chosen"
    ),
    table(),
    "--sequence-column label --label-column sequence",
)
table_case(
    "another column named sequence",
    (
        "the labeled table (t.csv): column 'sequence' is not the one chosen as the sequence; rename it "
        "or choose it instead"
    ),
    wide("dna", "x"),
    "--sequence-column dna --label-column label",
)
table_case(
    "column of the program",
    "the labeled table (t.csv): rename the column '_source': this program uses that name itself",
    wide("_source", "x"),
)
table_case(
    "two sequences",
    (
        "the labeled table (t.csv): the columns 'sequence' and 'partner' both contain DNA, but a classifier reads one "
        "sequence per record; remove one of the columns, or join the two sequences"
    ),
    wide("partner", *(dna(f"p{n}") for n in range(40))),
)
table_case(
    "two sequences, the second not always known",
    (
        "the labeled table (t.csv): the columns 'sequence' and 'partner' both contain DNA, but a classifier reads one "
        "sequence per record; remove one of the columns, or join the two sequences"
    ),
    wide("partner", "", " NA ", ".", *(dna(f"p{n}") for n in range(37))),
)
table_case(
    "most labels missing",
    (
        "the labeled table (t.csv): 20 of 39 labels are missing ('NA'; first on line 2); see whether the right column "
        "is chosen, or remove these records"
    ),
    table(rows=[row.replace("yes", "NA") for row in ROWS[1:]]),
)
table_case(
    "one label and missing ones",
    (
        "the input has one label only ('no', and 20 that are missing); a classifier needs at least two: add sequences "
        'with another label, or set "Generate negative sequences" (--negatives)'
    ),
    table(rows=[row.replace("yes", "None") for row in ROWS]),
)
table_case(
    "one number in two ways",
    (
        "the labeled table (t.csv), line 42, and the labeled table (t.csv), line 3: the labels '01' and '1' are the "
        "same number; write them alike or, if they are two classes, give them names that are not numbers"
    ),
    table(f"{dna('z')},01", rows=[row.replace("yes", "1") for row in ROWS]),
)
case(
    "fasta of a missing label",
    "--fasta 'NA=...': the label 'NA' stands for a missing value; choose another name",
    "--fasta NA=yes.fa --fasta no=no.fa",
    {"yes.fa": YES, "no.fa": NO},
)
table_case(
    "negatives of a missing label",
    "\"Class name of the negatives\" (--negative-label): the label 'None' stands for a missing value; choose another name",
    table(rows=ROWS[::2]),
    "--negatives shuffle --negative-label None",
)
table_case(
    "control character in a label",
    (
        "the labeled table (t.csv), line 42: the label 'n\\x07o' contains a control character; use printable"
        " characters only"
    ),
    table(dna("e") + ",n\x07o"),
)
table_case(
    "empty sequence",
    "the labeled table (t.csv), line 42: the sequence is empty; fill it in or remove the record",
    table(",no"),
)
table_case(
    "sequence not available",
    (
        "the labeled table (t.csv), line 42: the sequence is 'NA', which stands for a missing value; fill it in or "
        "remove the record"
    ),
    table("NA,yes"),
)
table_case(
    "sequence is not a number",
    (
        "the labeled table (t.csv), line 42: the sequence is 'nan', which stands for a missing value; fill it in or "
        "remove the record"
    ),
    table("nan,yes", "NaN,no"),
)
table_case(
    "separator line of Excel",
    (
        "the labeled table (t.csv), line 1: 'sep=,' is an instruction to spreadsheet programs, not a header line; "
        "remove the line"
    ),
    "sep=,\n" + table(),
)
table_case(
    "foreign letters",
    (
        "the labeled table (t.csv), line 42: letter 'X' at position 5 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    table("ACGTXACGT,no"),
)
table_case(
    "protein",
    (
        "the labeled table (t.csv), line 42: letter 'I' at position 6 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    table("MKTAYIAKQR,no"),
)
table_case(
    "Greek letters that look like DNA",
    (
        "the labeled table (t.csv), line 42: letter 'Α' at position 1 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    table("ΑCGT,no"),
)
table_case(
    "space inside the sequence",
    (
        "the labeled table (t.csv), line 42: letter ' ' at position 5 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    table("ACGT ACGT,no"),
)
table_case(
    "number as sequence",
    (
        "the labeled table (t.csv), line 42: letter '1' at position 1 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    table("12345,no"),
)
table_case(
    "one class",
    (
        "the input has one label only ('no'); a classifier needs at least two: add sequences with another"
        ' label, or set "Generate negative sequences" (--negatives)'
    ),
    table(rows=ROWS[::2]),
)
table_case(
    "too few for a split",
    (
        "label 'no' has 4 of 8 sequences left after cleaning, too few for one in each split (training 4, development"
        " 0, test 0); add sequences with this label or choose other fractions"
    ),
    table(rows=ROWS[:8]),
)
table_case(
    "one rare label",
    (
        "label 'maybe' has 1 of 41 sequences left after cleaning, too few for one in each split (training 1,"
        " development 0, test 0); add sequences with this label or choose other fractions"
    ),
    table(f"{dna('r')},maybe"),
)
table_case(
    "measured numbers as labels",
    (
        "the labeled table (t.csv): the labels of 40 records are 40 different numbers, such as '0.0000' and '0.1429'; "
        'if they are measured, set "Type of label" to "Regression (a number per sequence)" (--target number), or if they are '
        "classes, give each more records or a name that is not a number"
    ),
    table(rows=[f"{text},{n / 7:.4f}" for n, text in enumerate(SEQUENCES)]),
)
table_case(
    "contradiction",
    (
        "the labeled table (t.csv), line 2, and the labeled table (t.csv), line 42: the same sequence "
        "(on either strand) is labeled 'no' and 'yes', one of 1 such sequences; correct the labels, or "
        "choose to drop these sequences"
    ),
    table(f"{SEQUENCES[0]},yes"),
)
table_case(
    "contradiction across the strands",
    (
        "the labeled table (t.csv), line 2, and the labeled table (t.csv), line 42: the same sequence "
        "(on either strand) is labeled 'no' and 'yes', one of 1 such sequences; correct the labels, or "
        "choose to drop these sequences"
    ),
    table(f"{reverse_complement(SEQUENCES[0])},yes"),
)
table_case(
    "FASTA as table",
    (
        "the labeled table (t.csv) has no column 'sequence'; its only column is '>y0': is this a table, "
        "with a comma or a tab between its columns, and is the right column chosen?"
    ),
    YES,
)
table_case(
    "FASTQ as table",
    (
        "the labeled table (t.csv) has no column 'sequence'; its only column is '@r': is this a table, "
        "with a comma or a tab between its columns, and is the right column chosen?"
    ),
    f"@r\n{dna('q')}\n+\n{'I' * 40}\n",
)
table_case(
    "BED as table",
    (
        "the labeled table (t.csv) has no column 'sequence'; its columns are chr1, 200, 250, peak0, 0, "
        "+: is there a header line, and is the right column chosen?"
    ),
    BED,
)


# --- options ---------------------------------------------------------------------------------------------------------

table_case(
    "fractions 0.8,0.1",
    "\"Proportions of train, dev and test\" (--fractions '0.8,0.1') are not three numbers; give three, such as 0.8,0.1,0.1",
    table(),
    "--fractions=0.8,0.1",
)
table_case(
    "fractions 80,10,10",
    "\"Proportions of train, dev and test\" (--fractions '80,10,10') must be above 0 and add up to 1, such as 0.8,0.1,0.1",
    table(),
    "--fractions=80,10,10",
)
table_case(
    "fractions 0.8,0.2,0",
    "\"Proportions of train, dev and test\" (--fractions '0.8,0.2,0') must be above 0 and add up to 1, such as 0.8,0.1,0.1",
    table(),
    "--fractions=0.8,0.2,0",
)
table_case(
    "fractions 0.9,0.2,-0.1",
    "\"Proportions of train, dev and test\" (--fractions '0.9,0.2,-0.1') must be above 0 and add up to 1, such as 0.8,0.1,0.1",
    table(),
    "--fractions=0.9,0.2,-0.1",
)
table_case(
    "fractions nan,0.1,0.1",
    "\"Proportions of train, dev and test\" (--fractions 'nan,0.1,0.1') must be above 0 and add up to 1, such as 0.8,0.1,0.1",
    table(),
    "--fractions=nan,0.1,0.1",
)
table_case(
    "fractions 0,8;0,1;0,1",
    "\"Proportions of train, dev and test\" (--fractions '0,8;0,1;0,1') are not three numbers; give three, such as 0.8,0.1,0.1",
    table(),
    "--fractions=0,8;0,1;0,1",
)
table_case(
    "fractions ",
    "\"Proportions of train, dev and test\" (--fractions '') are not three numbers; give three, such as 0.8,0.1,0.1",
    table(),
    "--fractions=",
)
table_case("seed below 0", "argument --seed: -1 is below the least allowed value, 0 (see --help)", table(), "--seed=-1")
table_case("seed no whole number", "argument --seed: '1.5' is not a whole number (see --help)", table(), "--seed 1.5")
table_case(
    "ratio nan",
    "argument --negative-ratio: nan is not a number to compute with (see --help)",
    table(),
    "--negative-ratio nan",
)
table_case(
    "ratio inf",
    "argument --negative-ratio: inf is not a number to compute with (see --help)",
    table(),
    "--negative-ratio inf",
)
table_case(
    "ratio 0",
    "argument --negative-ratio: 0 is below the least allowed value, 0.01 (see --help)",
    table(),
    "--negative-ratio 0",
)
table_case("window a word", "argument --window: 'wide' is not a whole number (see --help)", table(), "--window wide")
table_case(
    "ambiguous above 1",
    "argument --max-ambiguous: 2 is above the greatest allowed value, 1 (see --help)",
    table(),
    "--max-ambiguous 2",
)
table_case(
    "ambiguous a percentage",
    "argument --max-ambiguous: '10%' is not a number (see --help)",
    table(),
    "--max-ambiguous 10%",
)
table_case(
    "tolerance nan",
    "argument --tolerance: nan is not a number to compute with (see --help)",
    table(),
    "--tolerance nan",
)
table_case(
    "tolerance too large",
    "argument --tolerance: 0.6 is above the greatest allowed value, 0.5 (see --help)",
    table(),
    "--tolerance 0.6",
)
table_case(
    "unknown split",
    (
        "argument --split: invalid choice: 'stratified' (choose from 'random', 'similarity', "
        "'chromosome', 'group', 'column') (see --help)"
    ),
    table(),
    "--split stratified",
)
table_case(
    "header maybe",
    "argument --header: invalid choice: 'maybe' (choose from 'yes', 'no') (see --help)",
    table(),
    "--header maybe",
)
table_case(
    "length below 0", "argument --length: -5 is below the least allowed value, 0 (see --help)", table(), "--length=-5"
)


# --- what is given ---------------------------------------------------------------------------------------------------

case(
    "no input",
    (
        "give the sequences in one way: --table, --train-table with --test-table (and --dev-table), one "
        "--fasta LABEL=FILE for each class, or one --intervals LABEL=FILE for each class"
    ),
    "",
    {},
)
case(
    "two inputs",
    (
        "give the sequences in one way: --table, --train-table with --test-table (and --dev-table), one "
        "--fasta LABEL=FILE for each class, or one --intervals LABEL=FILE for each class"
    ),
    TABLE + " " + FASTA,
    {"t.csv": table(), "yes.fa": YES, "no.fa": NO},
)
case(
    "table and split tables",
    (
        "give the sequences in one way: --table, --train-table with --test-table (and --dev-table), one "
        "--fasta LABEL=FILE for each class, or one --intervals LABEL=FILE for each class"
    ),
    TABLE + " --train-table t.csv --test-table t.csv",
    {"t.csv": table()},
)
case(
    "train table alone",
    "--test-table is missing; give the tables of the training and test sets, and of the development set if there is one",
    "--train-table t.csv",
    {"t.csv": table()},
)
case(
    "dev table alone",
    "--train-table is missing; give the tables of the training and test sets, and of the development set if there is one",
    "--dev-table t.csv",
    {"t.csv": table()},
)
case(
    "fasta without label",
    "--fasta 'yes.fa' is not LABEL=FILE; write the label, '=' and the name of the file",
    "--fasta yes.fa",
    {"yes.fa": YES},
)
case(
    "fasta with empty label",
    "--fasta '=yes.fa': the label is empty; give every sequence a label",
    "--fasta =yes.fa",
    {"yes.fa": YES},
)
case(
    "fasta label twice",
    "two FASTA files have the label 'a'; join them, or give each a different name",
    "--fasta a=yes.fa --fasta a=no.fa",
    {"yes.fa": YES, "no.fa": NO},
)
case(
    "fasta without a file",
    "--fasta 'yes=' is not LABEL=FILE; write the label, '=' and the name of the file",
    "--fasta yes= --fasta no=no.fa",
    {"no.fa": NO},
)
case(
    "intervals label twice",
    "two interval files have the label 'a'; join them, or give each a different name",
    "--intervals a=yes.bed --intervals a=no.bed --genome genome.fa",
    {"yes.bed": BED, "no.bed": OTHER_BED, "genome.fa": GENOME},
)
case(
    "intervals without label",
    "--intervals 'yes.bed' is not LABEL=FILE; write the label, '=' and the name of the file",
    "--intervals yes.bed --genome genome.fa",
    {"yes.bed": BED, "genome.fa": GENOME},
)
case(
    "intervals without genome",
    'a genome is needed for regions and for matched negatives; select a "FASTA file of the genome" (--genome)',
    "--intervals yes=yes.bed --intervals no=no.bed",
    {"yes.bed": BED, "no.bed": OTHER_BED},
)


# --- FASTA -----------------------------------------------------------------------------------------------------------

fasta_case("fasta empty", "the FASTA file of yes (yes.fa) is empty; choose a file with records", "")
fasta_case(
    "fasta truncated gzip",
    "the FASTA file of yes (yes.fa) is a damaged or truncated gzip file; upload it again",
    gzip.compress(YES.encode(), mtime=0)[:-30],
)
fasta_case(
    "fasta text before >",
    "the FASTA file of yes (yes.fa), line 1: a FASTA file starts with '>', this is 'ACGT'; choose a FASTA file",
    "ACGT\n" + YES,
)
fasta_case(
    "fasta duplicate names",
    "the FASTA file of yes (yes.fa), line 7 and line 41: two records are named 'y3'; rename one, or remove the "
    "duplicate",
    YES + fasta(("y3", dna("d"))),
)
fasta_case(
    "fasta header only at the end",
    "the FASTA file of yes (yes.fa), line 41: the sequence is empty; fill it in or remove the record",
    YES + ">last\n",
)
fasta_case(
    "fasta header only in the middle",
    "the FASTA file of yes (yes.fa), line 1: the sequence is empty; fill it in or remove the record",
    ">first\n" + YES,
)
fasta_case(
    "fasta protein",
    (
        "the FASTA file of yes (yes.fa), line 41: letter 'E' at position 2 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    YES + fasta(("p53", "MEEPQSDPSVEPPLSQETFSDLWKLLPENN")),
)
fasta_case(
    "fasta aligned",
    (
        "the FASTA file of yes (yes.fa), line 41: letter '-' at position 7 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    YES + fasta(("gap", "ACGTAC--GT")),
)
fasta_case(
    "FASTQ as FASTA",
    "the FASTA file of yes (yes.fa), line 1: a FASTA file starts with '>', this is '@r'; choose a FASTA file",
    f"@r\n{dna('q')}\n+\n{'I' * 40}\n",
)
fasta_case(
    "table as FASTA",
    (
        "the FASTA file of yes (yes.fa), line 1: a FASTA file starts with '>', this is 'sequence,label'; "
        "choose a FASTA file"
    ),
    table(),
)
fasta_case(
    "BED as FASTA",
    (
        "the FASTA file of yes (yes.fa), line 1: a FASTA file starts with '>', this is "
        "'chr1\\t200\\t250\\tpeak0\\t0'; choose a FASTA file"
    ),
    BED,
)
fasta_case(
    "GenBank as FASTA",
    (
        "the FASTA file of yes (yes.fa), line 1: a FASTA file starts with '>', this is 'LOCUS SCU49845'; "
        "choose a FASTA file"
    ),
    "LOCUS       SCU49845 5028 bp DNA\nORIGIN\n        1 gatcctccat\n",
)
fasta_case(
    "fasta UTF-16",
    "the FASTA file of yes (yes.fa) is UTF-16 text, not plain or gzipped text; save it as UTF-8",
    YES.encode("utf-16"),
)
fasta_case(
    "fasta NUL",
    (
        "the FASTA file of yes (yes.fa) is not text (it contains zero bytes); choose a plain or gzipped text"
        " file, or save the text as UTF-8"
    ),
    YES + ">z\nACGT\x00\x00ACGT\n",
)
fasta_case(
    "fasta binary",
    (
        "the FASTA file of yes (yes.fa), line 2: byte 0x80 is not UTF-8 text; choose a plain or gzipped "
        "text file, or save the text as UTF-8"
    ),
    b">a\n" + bytes(range(128, 256)),
)
fasta_case(
    "fasta space in sequence",
    (
        "the FASTA file of yes (yes.fa), line 41: letter ' ' at position 5 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    YES + ">z\nACGT ACGT\n",
)
fasta_case(
    "fasta numbered lines",
    (
        "the FASTA file of yes (yes.fa), line 41: letter '1' at position 1 of the sequence is not a DNA "
        "letter (A, C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    YES + ">z\n1 acgtacgt 8\n",
)
fasta_case(
    "fasta group split",
    "a split by group needs a column of a table, which FASTA and intervals do not have; choose another split",
    YES,
    "--split group",
)
fasta_case(
    "fasta column split",
    "a split by column needs a column of a table, which FASTA and intervals do not have; choose another split",
    YES,
    "--split column",
)
fasta_case(
    "fasta chromosome split without positions",
    (
        "the FASTA file of yes (yes.fa), line 1: 'y0' is not a position such as chr1:100-300 or "
        "chr1:100-300(-); name the records by their positions, as bedtools getfasta does, or choose a "
        "split and negatives that need none"
    ),
    YES,
    "--split chromosome",
)
fasta_case(
    "fasta one copies the other",
    (
        "the FASTA file of yes (yes.fa), line 1, and the FASTA file of no (no.fa), line 1: the same "
        "sequence (on either strand) is labeled 'yes' and 'no', one of 20 such sequences; correct the "
        "labels, or choose to drop these sequences"
    ),
    NO,
)


# --- intervals and genomes -------------------------------------------------------------------------------------------

interval_case(
    "bed past the end",
    (
        "the intervals of yes (yes.bed), line 1: the interval starts at 3000, but 'chr1' has 3000 "
        "nucleotides in the genome (genome.fa); choose the genome of the same assembly, or correct the "
        "interval"
    ),
    first_peak("chr1\t3000\t3001"),
)
interval_case(
    "bed no chr",
    (
        "the intervals of yes (yes.bed), line 1: chromosome '1' is not in the genome (genome.fa), which "
        "calls it 'chr1'; choose the genome with the names of the intervals, or rename them"
    ),
    BED.replace("chr", ""),
)
interval_case(
    "bed with chr",
    (
        "the intervals of yes (yes.bed), line 1: chromosome 'chr1' is not in the genome (genome.fa), "
        "which calls it '1'; choose the genome with the names of the intervals, or rename them"
    ),
    BED,
    genome=GENOME.replace("chr", ""),
)
interval_case(
    "bed unknown chromosome",
    (
        "the intervals of yes (yes.bed), line 1: chromosome 'scaffold_7' is not in the genome "
        "(genome.fa), which has chr1, chr2; choose the genome of the same assembly"
    ),
    BED.replace("chr1", "scaffold_7"),
)
interval_case(
    "bed start after end",
    "the intervals of yes (yes.bed), line 1: the start, 250, is after the end, 200; correct or remove the interval",
    first_peak("chr1\t250\t200"),
)
interval_case(
    "bed start is end",
    (
        "the intervals of yes (yes.bed), line 1: the interval is empty, its start and its end are 250; in"
        " BED the end is the position behind the last nucleotide: correct or remove the interval"
    ),
    first_peak("chr1\t250\t250"),
)
interval_case(
    "bed negative start",
    "the intervals of yes (yes.bed), line 1: the start, -5, is below 0; correct or remove the interval",
    first_peak("chr1\t-5\t0"),
)
interval_case(
    "bed word",
    (
        "the intervals of yes (yes.bed), line 1: the start, 'abc', is not a whole number; choose a BED or"
        " narrowPeak file, or correct it"
    ),
    first_peak("chr1\tabc\t250"),
)
interval_case(
    "bed decimal",
    (
        "the intervals of yes (yes.bed), line 1: the start, '200.0', is not a whole number; choose a BED "
        "or narrowPeak file, or correct it"
    ),
    first_peak("chr1\t200.0\t250"),
)
interval_case(
    "bed scientific",
    (
        "the intervals of yes (yes.bed), line 1: the start, '2E+02', is not a whole number; choose a BED "
        "or narrowPeak file, or correct it"
    ),
    first_peak("chr1\t2E+02\t250"),
)
interval_case(
    "bed thousands",
    (
        "the intervals of yes (yes.bed), line 1: the start, '1,200', is not a whole number; choose a BED "
        "or narrowPeak file, or correct it"
    ),
    first_peak("chr1\t1,200\t1,250"),
)
interval_case(
    "bed two columns",
    (
        "the intervals of yes (yes.bed), line 1: 2 fields, fewer than the three of an interval "
        "(chromosome, start and end with tabs between them); choose a BED or narrowPeak file"
    ),
    "chr1\t100\n",
)
interval_case(
    "bed positions",
    (
        "the intervals of yes (yes.bed), line 1: 1 field, fewer than the three of an interval "
        "(chromosome, start and end with tabs between them); choose a BED or narrowPeak file"
    ),
    "chr1:100-200\n",
)
interval_case(
    "bed ragged",
    (
        "the intervals of yes (yes.bed), line 21: 3 fields, but the first interval (line 1) has 6; give "
        "every interval the same columns"
    ),
    BED + "chr1\t100\t150\n",
)
interval_case(
    "bed empty chromosome",
    "the intervals of yes (yes.bed), line 1: the chromosome is empty; fill it in or remove the line",
    BED.replace("chr1\t200", "\t200"),
)
interval_case(
    "bed shifted strand",
    "the intervals of yes (yes.bed), line 1: the strand (column 6 in BED) is '0', not +, - or . ; correct it",
    BED.replace("peak0\t0\t+", "peak0\t+\t0"),
)
interval_case(
    "narrowPeak summit",
    (
        "the intervals of yes (yes.bed), line 1: the summit (column 10) is 50 nucleotides from the start "
        "of an interval of 50; give its offset within the interval, or -1 if there is none, or choose the "
        "middle of the regions as the center of the windows"
    ),
    "chr1\t100\t150\tp\t0\t.\t1\t1\t1\t50\n",
)
interval_case("bed empty", "the intervals of yes (yes.bed) is empty; choose a file with records", "")
interval_case(
    "bed comments",
    "the intervals of yes (yes.bed) contains no interval; choose a BED or narrowPeak file with at least one",
    "# nothing\ntrack name=x\n",
)
interval_case(
    "bed header",
    (
        "the intervals of yes (yes.bed), line 1: a header line, which BED does not have; remove it, and "
        "see that positions count from 0"
    ),
    "chrom\tstart\tend\nchr1\t100\t150\n",
)
interval_case(
    "bed FASTA",
    "the intervals of yes (yes.bed), line 1: this is FASTA, not intervals; choose a BED or narrowPeak file",
    YES,
)
interval_case(
    "bed GTF",
    (
        "the intervals of yes (yes.bed), line 1: this looks like GFF or GTF, whose positions count from "
        "1; convert it to BED"
    ),
    'chr1\tENSEMBL\tgene\t100\t200\t.\t+\t.\tgene_id "x";\n',
)
interval_case(
    "bed VCF",
    (
        "the intervals of yes (yes.bed), line 3: the end, 'rs1', is not a whole number; choose a BED or "
        "narrowPeak file, or correct it"
    ),
    "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t100\trs1\tA\tG\t.\tPASS\t.\n",
)
interval_case(
    "bed table",
    (
        "the intervals of yes (yes.bed), line 1: 1 field, fewer than the three of an interval "
        "(chromosome, start and end with tabs between them); choose a BED or narrowPeak file"
    ),
    table(),
)
interval_case(
    "bed SAM",
    "the intervals of yes (yes.bed), line 1: this is FASTQ or SAM, not intervals; choose a BED or narrowPeak file",
    "@HD\tVN:1.6\n",
)
interval_case(
    "bed truncated gzip",
    "the intervals of yes (yes.bed) is a damaged or truncated gzip file; upload it again",
    gzip.compress(BED.encode(), mtime=0)[:-30],
)
interval_case("genome empty", "the genome (genome.fa) is empty; choose a file with records", BED, genome="")
interval_case(
    "genome duplicate",
    "the genome (genome.fa), line 1 and line 5: two records are named 'chr1'; rename one, or remove the duplicate",
    BED,
    genome=GENOME + fasta(("chr1", dna(2))),
)
interval_case(
    "genome protein",
    (
        "the genome (genome.fa), line 5: letter 'E' at position 2 of the sequence is not a DNA letter (A,"
        " C, G, T, U or an IUPAC code such as N); correct or remove the record"
    ),
    BED,
    genome=GENOME + fasta(("prot", "MEEPQSDPSVEPPLSQ")),
)
interval_case(
    "genome record empty",
    "the genome (genome.fa), line 5: the sequence is empty; fill it in or remove the record",
    BED,
    genome=GENOME + ">chr3\n",
)
interval_case(
    "genome is BED",
    (
        "the genome (genome.fa), line 1: a FASTA file starts with '>', this is "
        "'chr1\\t200\\t250\\tpeak0\\t0'; choose a FASTA file"
    ),
    BED,
    genome=BED,
)
interval_case(
    "genome 2bit",
    (
        "the genome (genome.fa) is not text (it contains zero bytes); choose a plain or gzipped text file, "
        "or save the text as UTF-8"
    ),
    BED,
    genome=struct.pack("<IIII", 440477507, 0, 1, 0) + bytes(range(256)),
)
case(
    "genome missing",
    "the genome (genome.fa) cannot be read: No such file or directory; choose another file",
    INTERVALS,
    {"yes.bed": BED, "no.bed": OTHER_BED},
)
interval_case(
    "windows all past the end",
    (
        "every window of 6000 nucleotides reaches past an end of its chromosome in the genome "
        "(genome.fa); choose a smaller width, or the genome of the same assembly"
    ),
    BED,
    "--window 6000",
)
interval_case(
    "windows of one label past the end",
    (
        "no sequence with label 'yes' is left after cleaning, of 1; look at the sequences and their "
        "labels, or choose other limits for lengths and ambiguous nucleotides, or smaller windows"
    ),
    "chr1\t0\t20\n",
    "--window 100",
)
interval_case(
    "intervals group split",
    "a split by group needs a column of a table, which FASTA and intervals do not have; choose another split",
    BED,
    "--split group",
)
interval_case(
    "intervals chromosome split, default chromosomes",
    "--dev-chromosomes: no sequence left after cleaning is on 'chr9'; there are chr1, chr2",
    BED,
    "--split chromosome",
)
interval_case(
    "same peaks for both labels",
    (
        "the intervals of yes (yes.bed), line 1, and the intervals of no (no.bed), line 1: the same "
        "sequence (on either strand) is labeled 'yes' and 'no', one of 20 such sequences; correct the "
        "labels, or choose to drop these sequences"
    ),
    OTHER_BED,
)
interval_case(
    "exclude malformed",
    (
        "the regions to avoid (x.bed), line 1: the start, 'abc', is not a whole number; choose a BED or "
        "narrowPeak file, or correct it"
    ),
    BED,
    "--negatives genome --exclude x.bed",
    avoid="chr1\tabc\t5\n",
)
interval_case(
    "exclude elsewhere",
    (
        "the regions to avoid (x.bed), line 1: chromosome 'chrX' is not in the genome (genome.fa), which "
        "has chr1, chr2; choose the genome of the same assembly"
    ),
    BED,
    "--negatives genome --exclude x.bed",
    avoid="chrX\t0\t5\n",
)
interval_case(
    "exclude past the end",
    (
        "the regions to avoid (x.bed), line 1: the interval starts at 3004, but 'chr1' has 3000 nucleotides"
        " in the genome (genome.fa); choose the genome of the same assembly, or correct the interval"
    ),
    BED,
    "--negatives genome --exclude x.bed",
    avoid="chr1\t3004\t3005\n",
)
interval_case(
    "exclude without genome negatives",
    '"Regions to exclude" (--exclude) apply to matched genomic regions only; set "Generate negative sequences" '
    "(--negatives genome), or leave them out",
    BED,
    "--exclude x.bed",
    avoid="chr1\t0\t5\n",
)


# --- negatives -------------------------------------------------------------------------------------------------------

table_case(
    "negative label exists",
    "the input already has sequences labeled 'no'; choose another label for the generated negatives",
    table(),
    "--negatives shuffle --negative-label no",
)
table_case(
    "negative label empty",
    '"Class name of the negatives" (--negative-label): the label is empty; give every sequence a label',
    table(rows=ROWS[::2]),
    "--negatives shuffle --negative-label=",
)
table_case(
    "negative label with a tab",
    "\"Class name of the negatives\" (--negative-label): the label 'a\\tb' contains a control character; use printable characters only",
    table(rows=ROWS[::2]),
    "--negatives shuffle --negative-label=a\tb",
)
table_case(
    "genome negatives without genome",
    'a genome is needed for regions and for matched negatives; select a "FASTA file of the genome" (--genome)',
    table(rows=ROWS[::2]),
    "--negatives genome",
)
case(
    "genome negatives of a table without positions",
    (
        "the labeled table (t.csv) has no column 'chrom'; give the positions in columns named chrom, "
        "start and end (counted from 0, as in BED), or choose a split and negatives that need none"
    ),
    TABLE + " --negatives genome --genome genome.fa",
    {"t.csv": table(rows=ROWS[::2]), "genome.fa": GENOME},
)
case(
    "genome negatives of FASTA without positions",
    (
        "the FASTA file of yes (yes.fa), line 1: 'y0' is not a position such as chr1:100-300 or "
        "chr1:100-300(-); name the records by their positions, as bedtools getfasta does, or choose a "
        "split and negatives that need none"
    ),
    "--fasta yes=yes.fa --negatives genome --genome genome.fa",
    {"yes.fa": YES, "genome.fa": GENOME},
)
case(
    "genome negatives with group split",
    (
        "a split by group needs a column that negatives from the genome do not have; choose another split, or shuffled "
        "negatives, which take the column's value from the sequence that is shuffled"
    ),
    TABLE + " --negatives genome --genome genome.fa --split group",
    {"t.csv": wide("group", "a", "b"), "genome.fa": GENOME},
)
case(
    "genome negatives impossible",
    (
        "of 2000 negatives only 18 were found in the genome (genome.fa): regions of the length and, "
        "within 2.0%, the GC content of a positive, without N, 1000 nucleotides or more away from "
        "positives and excluded regions; none was left for 20 positives (the intervals of yes (yes.bed), "
        "line 1 (58.0% GC), line 2 (60.0% GC), line 3 (52.0% GC), line 4 (48.0% GC), line 5 (44.0% GC) and "
        "15 more): choose shuffles, leave these positives out, lower the ratio or lower the distance"
    ),
    "--intervals yes=yes.bed --negatives genome --genome genome.fa --window 50 --negative-ratio 100",
    {"yes.bed": BED, "genome.fa": GENOME},
)
case(
    "genome negatives of another assembly",
    (
        "the FASTA file of yes (yes.fa), line 1: the sequence is not that of chr1:0-40 in the genome "
        "(genome.fa), like 20 of 20 sequences; choose the genome of the same assembly, and see that "
        "positions count from 0"
    ),
    "--fasta yes=yes.fa --negatives genome --genome genome.fa",
    {"yes.fa": fasta(*((f"chr1:{100 * n}-{100 * n + 40}", dna(n)) for n in range(20))), "genome.fa": GENOME},
)
case(
    "genome negatives past the end",
    (
        "the FASTA file of yes (yes.fa), line 7: the interval starts at 3000, but 'chr1' has 3000 "
        "nucleotides in the genome (genome.fa); choose the genome of the same assembly, or correct the "
        "interval"
    ),
    "--fasta yes=yes.fa --negatives genome --genome genome.fa",
    {"yes.fa": fasta(*((f"chr1:{1000 * n}-{1000 * n + 40}", dna(n)) for n in range(20))), "genome.fa": GENOME},
)
case(
    "genome negatives with bad columns",
    (
        "the labeled table (t.csv), line 2: the start, 'x0', is not a whole number; choose a BED or "
        "narrowPeak file, or correct it"
    ),
    TABLE + " --negatives genome --genome genome.fa",
    {
        "t.csv": table(
            header="sequence,label,chrom,start,end", rows=[f"{t},yes,chr1,x{n},9" for n, t in enumerate(SEQUENCES)]
        ),
        "genome.fa": GENOME,
    },
)
table_case(
    "shuffles impossible",
    (
        "no negative could be generated: every shuffle equals a given sequence, or no sequence contains A, C, G or T; "
        "choose other negatives"
    ),
    table(rows=["A" * n + ",yes" for n in range(10, 30)]),
    "--negatives shuffle",
)


# --- cleaning --------------------------------------------------------------------------------------------------------

table_case(
    "all letters N",
    (
        "no sequence with label 'no' is left after cleaning, of 20; look at the sequences and their "
        "labels, or choose other limits for lengths and ambiguous nucleotides, or smaller windows"
    ),
    table(rows=["N" * 40 + row[40:] for row in ROWS]),
)
table_case(
    "one label all N",
    (
        "no sequence with label 'yes' is left after cleaning, of 20; look at the sequences and their "
        "labels, or choose other limits for lengths and ambiguous nucleotides, or smaller windows"
    ),
    table(rows=[("N" * 40 if n % 2 else row[:40]) + row[40:] for n, row in enumerate(ROWS)]),
)
table_case(
    "all shorter",
    (
        "no sequence with label 'no' is left after cleaning, of 20; look at the sequences and their "
        "labels, or choose other limits for lengths and ambiguous nucleotides, or smaller windows"
    ),
    table(),
    "--length 50 --shorter drop",
)
table_case(
    "all longer",
    (
        "no sequence with label 'no' is left after cleaning, of 20; look at the sequences and their "
        "labels, or choose other limits for lengths and ambiguous nucleotides, or smaller windows"
    ),
    table(),
    "--length 30 --longer drop",
)
table_case(
    "cropped to one letter",
    (
        "the labeled table (t.csv), line 2, and the labeled table (t.csv), line 3: the same sequence "
        "(on either strand) is labeled 'no' and 'yes', one of 2 such sequences; correct the labels, or "
        "choose to drop these sequences"
    ),
    table(),
    "--length 1",
)


# --- splits ----------------------------------------------------------------------------------------------------------

table_case(
    "chromosome split without a column",
    (
        "the labeled table (t.csv) has no column 'chrom'; its columns are sequence, label: is there a "
        "header line, and is the right column chosen?"
    ),
    table(),
    "--split chromosome",
)
table_case(
    "chromosome split with unknown chromosome",
    "--test-chromosomes: no sequence left after cleaning is on 'chr8'; there are chr1, chr2, chr9",
    wide("chrom", "chr1", "chr2", "chr9"),
    "--split chromosome",
)
table_case(
    "chromosome split same twice",
    "chromosome 'chr8' is chosen for both the development and the test set; choose it for one of them",
    wide("chrom", "chr1", "chr2", "chr8", "chr9"),
    "--split chromosome --dev-chromosomes chr8",
)
table_case(
    "chromosome split label missing",
    "the test set has no sequence with label 'no' (training 14, development 6, test 0); choose other chromosomes",
    wide("chrom", "chr1", "chr8", "chr1", "chr1", "chr9", "chr9"),
    "--split chromosome",
)
table_case(
    "chromosome split no name",
    "--dev-chromosomes names no chromosome; give one or several of chr1, chr8, chr9",
    wide("chrom", "chr1", "chr8", "chr9"),
    "--split chromosome --dev-chromosomes=,",
)
table_case(
    "chromosome split without chr",
    "--dev-chromosomes: no sequence left after cleaning is on 'chr9'; there are 1, 2, 8, 9",
    wide("chrom", "1", "2", "8", "9", "1"),
    "--split chromosome",
)
table_case(
    "chromosome split nothing for train",
    "the training set has no sequence with label 'no' (training 0, development 10, test 10); choose other chromosomes",
    wide("chrom", "chr8", "chr8", "chr9", "chr9"),
    "--split chromosome",
)
table_case(
    "chromosome split empty field",
    "the labeled table (t.csv), line 4: column 'chrom', which decides the split, is empty; fill it in",
    wide("chrom", "chr1", "chr8", ""),
    "--split chromosome",
)
table_case(
    "group split without a column",
    (
        "the labeled table (t.csv) has no column 'group'; its columns are sequence, label: is there a "
        "header line, and is the right column chosen?"
    ),
    table(),
    "--split group",
)
table_case(
    "group split with one giant group",
    (
        "no division of the 3 groups is within 0.05 of the fractions: the nearest one has 18 of the 20 "
        "sequences labeled 'no' in the training set, 16 are wanted; the largest group ('a') has 36 of 40 "
        "sequences; choose other fractions, a larger tolerance or another way to split"
    ),
    wide("donor", *["a"] * 36, "b", "b", "c", "c"),
    "--split group --split-column donor",
)
table_case(
    "group split with one group",
    (
        "no division of the 1 groups is within 0.05 of the fractions: the nearest one has 20 of the 20 "
        "sequences labeled 'no' in the training set, 16 are wanted; the largest group ('a') has 40 of 40 "
        "sequences; choose other fractions, a larger tolerance or another way to split"
    ),
    wide("group", "a"),
    "--split group",
)
table_case(
    "group split with empty group",
    "the labeled table (t.csv), line 5: column 'group', which decides the split, is empty; fill it in",
    wide("group", "a", "b", "c", ""),
    "--split group",
)
table_case(
    "group split column unknown",
    (
        "the labeled table (t.csv) has no column 'patient'; its columns are sequence, label, group: is "
        "there a header line, and is the right column chosen?"
    ),
    wide("group", "a"),
    "--split group --split-column patient",
)
table_case(
    "similarity split impossible",
    (
        "no division of the 1 clusters is within 0.05 of the fractions: the nearest one has 20 of the 20 "
        "sequences labeled 'no' in the training set, 16 are wanted; the largest cluster has 40 of 40 sequences; "
        "choose other fractions, a larger tolerance or another way to split"
    ),
    table(rows=[dna("shared", 80) + dna(n, 20) + row[40:] for n, row in enumerate(ROWS)]),
    "--split similarity",
)
table_case(
    "split column unknown value",
    (
        "the labeled table (t.csv), line 6: column 'split' has 'other', which is not the name of a split; write train, "
        "dev (or validation) or test"
    ),
    wide("split", "train", "train", "test", "test", "other"),
    "--split column",
)
table_case(
    "split column folds",
    (
        "the labeled table (t.csv), line 2: column 'fold' has '1', which is not the name of a split; write train, dev "
        "(or validation) or test"
    ),
    wide("fold", "1", "2", "3"),
    "--split column --split-column fold",
)
table_case(
    "split column empty",
    "the labeled table (t.csv), line 6: column 'split', which decides the split, is empty; fill it in",
    wide("split", "train", "train", "test", "test", ""),
    "--split column",
)
table_case(
    "split column without test",
    (
        "no sequence left after cleaning is in the test set; check the column of the splits, and whether the "
        "sequences of the splits are copies of each other"
    ),
    wide("split", "train", "train", "dev", "dev"),
    "--split column",
)
table_case(
    "split column without train",
    (
        "no sequence left after cleaning is in the training set; check the column of the splits, and whether the "
        "sequences of the splits are copies of each other"
    ),
    wide("split", "dev", "dev", "test", "test"),
    "--split column",
)
table_case(
    "split column without a column",
    (
        "the labeled table (t.csv) has no column 'split'; its columns are sequence, label: is there a "
        "header line, and is the right column chosen?"
    ),
    table(),
    "--split column",
)
table_case(
    "split column label missing",
    "the test set has no sequence with label 'yes' (training 18, development 2, test 0); add sequences, or split in another way",
    wide("split", "train", "train", "test", "train"),
    "--split column",
)
table_case(
    "split column too few for dev",
    "the development set has no sequence with label 'no' (training 1, development 0, test 19); add sequences, or split in another way",
    wide("split", "train", "train", *["test"] * 38),
    "--split column",
)
case(
    "split tables with different columns",
    (
        "the test table (b.csv) and the training table (a.csv): the column 'donor' is in one of them "
        "only; give the tables the same columns"
    ),
    SPLIT_TABLES,
    {"a.csv": wide("donor", "a"), "b.csv": table()},
)
case(
    "split tables, one without a label",
    "the test set has no sequence with label 'yes' (training 13, development 2, test 0); add sequences, or split in another way",
    SPLIT_TABLES,
    {"a.csv": table(rows=ROWS[:30]), "b.csv": table(rows=ROWS[30::2])},
)
case(
    "split tables, the same file",
    (
        "no sequence left after cleaning is in the training set; check the column of the splits, and whether the "
        "sequences of the splits are copies of each other"
    ),
    "--train-table a.csv --test-table a.csv --split column",
    {"a.csv": table()},
)
case(
    "split tables, contradiction",
    (
        "the training table (a.csv), line 2, and the test table (b.csv), line 12: the same sequence "
        "(on either strand) is labeled 'no' and 'yes', one of 1 such sequences; correct the labels, or "
        "choose to drop these sequences"
    ),
    SPLIT_TABLES,
    {"a.csv": table(rows=ROWS[:30]), "b.csv": table(SEQUENCES[0] + ",yes", rows=ROWS[30:])},
)


# --- base models -----------------------------------------------------------------------------------------------------

table_case(
    "base model missing",
    "the base model 'nowhere': there is no nowhere; give a folder, an archive or 'built-in'",
    table(),
    "--base-model nowhere --report-out out/report",
)
table_case(
    "base model is a table",
    "the base model 't.csv' is neither a folder nor a zip or tar archive; choose a Hugging Face folder or one packed",
    table(),
    "--base-model t.csv --report-out out/report",
)
case(
    "base model without tokenizer",
    "the base model 'model' has no tokenizer.json; add its tokenizer",
    TABLE + " --base-model model --report-out out/report",
    {"t.csv": table(), "model/config.json": '{"model_type": "mixtral"}', "model/model.safetensors": "x"},
)
case(
    "base model with damaged tokenizer",
    (
        "the base model 'model': tokenizer.json is not JSON (Expecting property name enclosed in double quotes: line 1 "
        "column 2 (char 1)); save the model again"
    ),
    TABLE + " --base-model model --report-out out/report",
    {
        "t.csv": table(),
        "model/config.json": '{"model_type": "mixtral"}',
        "model/tokenizer.json": "{",
        "model/model.safetensors": "x",
    },
)


# --- more of what people do ------------------------------------------------------------------------------------------

table_case(
    "ratio asks for none",
    "0.01 negatives for each of 20 sequences amount to none; choose a higher ratio",
    table(rows=ROWS[::2]),
    "--negatives shuffle --negative-ratio 0.01",
)
table_case(
    "many labels",
    (
        "the labeled table (t.csv): the labels of 30,000 records are 30,000 different numbers, such as '0.000000' and "
        '\'0.142857\'; if they are measured, set "Type of label" to "Regression (a number per sequence)" (--target number), or '
        "if they are classes, give each more records or a name that is not a number"
    ),
    table(rows=[f"{dna(n)},{n / 7:.6f}" for n in range(30000)]),
)
table_case(
    "long field as name",
    (
        "the labeled table (t.csv) has no column 'sequence'; its columns are "
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA..., 1: is there a header line, and is the right column chosen?"
    ),
    "A" * 100000 + ",1\n" + table(),
)
table_case(
    "many columns",
    (
        "the labeled table (t.csv) has no column 'y'; its columns are sequence, label, c0, c1, c2, c3, "
        "c4, c5, c6, c7 and 292 more: is there a header line, and is the right column chosen?"
    ),
    table(header=COLUMNS + "," + ",".join(f"c{n}" for n in range(300)), rows=[r + ",1" * 300 for r in ROWS]),
    "--label-column y",
)
table_case(
    "xlsx gzipped",
    (
        "the labeled table (t.csv) is a zip archive or a spreadsheet, not plain or gzipped text; unpack "
        "it, or save the sheet as CSV (UTF-8)"
    ),
    gzip.compress(b"PK\x03\x04" + bytes(range(256)), mtime=0),
)
table_case(
    "latin-1 gzipped",
    (
        "the labeled table (t.csv), line 42: byte 0xfc is not UTF-8 text; choose a plain or gzipped text"
        " file, or save the text as UTF-8"
    ),
    gzip.compress(table(f"{dna('l')},für").encode("latin-1"), mtime=0),
)
fasta_case(
    "fasta latin-1 in a header",
    (
        "the FASTA file of yes (yes.fa), line 41: byte 0xfc is not UTF-8 text; choose a plain or gzipped "
        "text file, or save the text as UTF-8"
    ),
    YES.encode() + ">müll\nACGT\n".encode("latin-1"),
)
table_case(
    "first sequence empty",
    (
        "the labeled table (t.csv), line 2: the sequence is empty; fill it in or remove the record, or "
        "see whether the right column is chosen"
    ),
    table(rows=[",no", *ROWS]),
)
table_case(
    "tab in the wrong place",
    (
        "the labeled table (t.csv), line 42: 3 fields, but the header names 2 columns; mend the line, "
        "name every column in the header line, or remove stray tabs"
    ),
    table().replace(",", "\t") + "\tACGT\tno\n",
)
interval_case(
    "bed spaces and past end",
    (
        "the intervals of yes (yes.bed), line 1: the interval starts at 3000, but 'chr1' has 3000 "
        "nucleotides in the genome (genome.fa); choose the genome of the same assembly, or correct the "
        "interval"
    ),
    BED.replace("\t", " ").replace("chr1 200 250", "chr1 3000 3001"),
)
interval_case(
    "bam",
    (
        "the intervals of yes (yes.bed) is not text (it contains zero bytes); choose a plain or gzipped text"
        " file, or save the text as UTF-8"
    ),
    gzip.compress(b"BAM\x01" + bytes(50), mtime=0),
)
interval_case(
    "chromosome names differ by a version",
    (
        "the intervals of yes (yes.bed), line 1: chromosome 'NC_000001.11' is not in the genome "
        "(genome.fa), which has chr1, chr2; choose the genome of the same assembly"
    ),
    BED.replace("chr1", "NC_000001.11"),
)


def write(folder, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def run(call_tool, folder, arguments: str):
    """Run the command line with its outputs in the folder `out`."""
    (folder / "out").mkdir()
    outputs = [text for name in ("train", "dev", "test", "summary") for text in (f"--{name}-out", f"out/{name}")]
    return call_tool("prepare", *filter(None, arguments.split(" ")), *outputs)


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_is_wrong_and_nothing_is_written(call_tool, tmp_path, monkeypatch, name):
    message, arguments, files = CASES[name]
    monkeypatch.chdir(tmp_path)
    write(tmp_path, files)
    before = sorted(os.listdir(tmp_path))
    done = run(call_tool, tmp_path, arguments)
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")
    assert os.listdir("out") == []
    assert sorted([*before, "out"]) == sorted(os.listdir(tmp_path))


def test_an_output_that_cannot_be_written(call_tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"t.csv": table()})
    (tmp_path / "summary").mkdir()
    outputs = [text for name in ("train", "dev", "test", "summary") for text in (f"--{name}-out", name)]
    done = call_tool("prepare", "--table", "t.csv", *outputs)
    assert done.error == "cannot write summary: it is a folder or a device; choose another place"
    assert sorted(os.listdir(tmp_path)) == ["summary", "t.csv"]


# --- what looks odd but is well-formed -------------------------------------------------------------------------------

BOM = b"\xef\xbb\xbf"
ODD_TABLES = {
    "CRLF": table().replace("\n", "\r\n"),
    "CR alone": table().replace("\n", "\r"),
    "byte order mark": BOM + table().encode(),
    "byte order mark, CRLF, tabs": BOM + table().replace(",", "\t").replace("\n", "\r\n").encode(),
    "gzip": zipped(table()),
    "gzip of two parts": zipped(table(rows=ROWS[:9])) + zipped("\n".join([*ROWS[9:], ""])),
    "no line break at the end": table().rstrip(),
    "blank lines": table().replace("\n", "\n\n"),
    "quotes": table().replace(",", '","').replace("\n", '"\n"')[:-1].join(['"', ""]),
    "spaces in the header": table(header=" sequence, label "),
    "spaces about the values": table(rows=[row.replace(",", " , ") for row in ROWS]),
    "lower case and RNA": table(rows=[row[:40].lower().replace("t", "u") + row[40:] for row in ROWS]),
}


@pytest.fixture
def plain(call_tool, tmp_path, monkeypatch):
    """The splits that the plain files give, by the command line."""

    def files(arguments: str, content: dict[str, str | bytes], name: str) -> dict[str, bytes]:
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        write(folder, content)
        done = run(call_tool, folder, arguments)
        assert done.code == 0 and not any(word in done.err for word in ("warning", "error", "Traceback"))
        return {split: (folder / "out" / split).read_bytes() for split in ("train", "dev", "test")}

    return files


@pytest.mark.parametrize("name", ODD_TABLES)
def test_tables_of_every_program_give_the_same_splits(plain, name):
    expected = plain(TABLE, {"t.csv": table()}, "plain")
    assert plain(TABLE, {"t.csv": ODD_TABLES[name]}, "odd") == expected
    assert expected["train"].count(b"\n") == 33


ODD = {
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR alone": lambda text: text.replace("\n", "\r").encode(),
    "byte order mark": lambda text: BOM + text.encode(),
    "gzip": zipped,
    "no line break at the end": lambda text: text.rstrip().encode(),
    "blank lines": lambda text: text.replace("\n", "\n\n").encode(),
}


@pytest.mark.parametrize("name", ODD)
def test_fasta_and_intervals_of_every_program_give_the_same_splits(plain, name):
    for arguments, files in (
        (FASTA, {"yes.fa": YES, "no.fa": NO}),
        (f"{INTERVALS} --split random", {"yes.bed": BED, "no.bed": OTHER_BED, "genome.fa": GENOME}),
    ):
        kind = arguments[2:7]
        odd = {file: ODD[name](content) for file, content in files.items()}
        assert plain(arguments, odd, f"{kind} odd") == plain(arguments, files, kind)
