import gzip

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.intervals import intervals_from_columns, intervals_from_ids, read_intervals
from refusals import refusal, returns_or_refuses

SOURCE = "the intervals (peaks.bed)"
OR_MIDDLE = ", or choose the middle of the regions as the center of the windows"


@pytest.fixture
def read(tmp_path):
    """Read bytes or text as the file peaks.bed."""

    def call(content: bytes | str):
        path = tmp_path / "peaks.bed"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_intervals(path, SOURCE)

    return call


def rows(table):
    return list(table.itertuples(name=None))


def test_three_columns(read):
    table = read("chr1\t0\t10\nchr2\t5\t6\n")
    assert table.columns.tolist() == ["chrom", "start", "end", "strand", "id", "summit"]
    assert table.dtypes[["start", "end", "summit"]].tolist() == ["int64"] * 3
    assert table.index.name == "line"
    assert rows(table) == [(1, "chr1", 0, 10, ".", "chr1:0-10", -1), (2, "chr2", 5, 6, ".", "chr2:5-6", -1)]


@pytest.mark.parametrize(
    ("fields", "strand", "name"),
    [
        ("peak one", ".", "peak one"),
        (".", ".", "chr1:3-9"),
        ("", ".", "chr1:3-9"),
        ("a\t0", ".", "a"),
        ("a\t0\t-", "-", "a"),
        ("-\t-\t+", "+", "-"),
        ("a\t0\t+\t3\t9", "+", "a"),
        ("a\t0\t-\t3\t9\t255,0,0", "-", "a"),
        ("a\t0\t.\t12.5\t3.1\t2.2", ".", "a"),
        ("a\t0\t-\t3\t9\t0\t1\t6\t0", "-", "a"),
        ("a\t0\t-\t3\t9\t255,0,0\t2\t3,2\t0,4", "-", "a"),
        ("a\t0\t-\t3\t3\t0\t2\t3,2,\t0,4,\t5.1\t8.2\t6.3", "-", "a"),
        ("a\t0\t-\t3\t9\t0\t4", "-", "a"),
        ("a\t0\t-\tsome\tother\tcolumns\t7", "-", "a"),
        ("a\t0\t-\t12.5\t3.1\t2.2\t0.7\t0.01", "-", "a"),
    ],
    ids=[
        "BED4",
        "no name",
        "empty name",
        "BED5",
        "BED6",
        "hyphens",
        "BED8",
        "BED9",
        "broadPeak",
        "BED12",
        "BED12 with colors",
        "gappedPeak",
        "BED9 and a count",
        "ten other columns",
        "statistics of a differential test",
    ],
)
def test_more_columns(read, fields, strand, name):
    assert rows(read(f"chr1\t3\t9\t{fields}\n")) == [(1, "chr1", 3, 9, strand, name, -1)]


def test_narrow_peaks_have_summits(read):
    peaks = ["chr1\t100\t200\ta\t0\t.\t1e2\t-1\tinf\t99\n", "chr1\t300\t400\tb\t0\t.\t5\t4\t3\t-1\n"]
    assert read("".join(peaks))["summit"].tolist() == [99, -1]
    unknown = "chr1\t300\t400\tb\t0\t.\t5\t4\t3\t.\n"
    assert read("".join([unknown, *peaks]))["summit"].tolist() == [-1, 99, -1]


# The same three peaks, whose summits are 5, 50 and unknown.
PEAKS = [
    ("chr1", 1000, 1400, "a", "5.1", "8.2", "6.3", 5),
    ("chr1", 2000, 2400, "b", "4", "-1", "inf", 50),
    ("chr2", 30, 90, "c", "3e2", "0", "0.0", -1),
]


def peaks(unknown=(), summit=str, more=()) -> str:
    """PEAKS as text; unknown: lines without scores, summit: how offsets are written, more: columns behind."""
    rows = []
    for number, (chrom, start, end, name, *scores, offset) in enumerate(PEAKS):
        scores = [".", ".", "."] if number in unknown else scores
        rows.append([chrom, str(start), str(end), name, "100", ".", *scores, summit(offset), *more])
    return "".join("\t".join(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "content",
    [
        peaks(),
        peaks(unknown=[0]),
        peaks(unknown=[0, 1, 2]),
        peaks(more=["gene"]),
        peaks(more=["0.5", "0.1"]),
        peaks(more=["1", "0"]),
        peaks(more=["1.5", "2.1", "1000", "1400", "5.0", "48", "1000", "1400", "5.2", "52"]),
        peaks(summit=lambda offset: f"{offset}.0"),
        peaks(summit=lambda offset: "." if offset < 0 else str(offset)),
        "track type=narrowPeak\tname=x\n" + peaks(),
        peaks().replace("\n", "\r\n"),
    ],
    ids=[
        "narrowPeak",
        "no scores in the first line",
        "no scores",
        "a gene behind",
        "twelve columns",
        "twelve columns of whole numbers",
        "IDR",
        "decimals",
        "unknown summit",
        "track line with a tab",
        "CRLF",
    ],
)
def test_summits_of_peaks_in_many_formats(read, content):
    table = read(content)
    assert table["summit"].tolist() == [5, 50, -1]
    assert table["start"].tolist() == [1000, 2000, 30]


def test_a_file_of_mostly_peaks_with_summits_is_refused_unless_no_summit_is_asked_for(tmp_path):
    path = tmp_path / "peaks.bed"
    path.write_text(peaks(more=["gene"]) + "chr1\t3000\t3400\td\t0\t.\t1\t1\t1\t400\tgene\n")
    assert refusal(read_intervals, path, SOURCE) == (
        f"{SOURCE}, line 4: the summit (column 10) is 400 nucleotides from the start of an interval of 400; give its "
        "offset within the interval, or -1 if there is none, or choose the middle of the regions as the center of the "
        "windows"
    )
    assert read_intervals(path, SOURCE, summits=False)["summit"].tolist() == [-1] * 4


def test_counts_in_further_columns_are_no_summits(read):
    counts = "chr1\t1000\t1400\ta\t0\t+\t712\t1003\t15\t{}\t866\n"
    assert read("".join(map(counts.format, (801, 12, 655))))["summit"].tolist() == [-1] * 3


@pytest.mark.parametrize("name", ["a.broadPeak", "A.BROADPEAK.gz.bed", "x.gappedPeak.bed"])
def test_formats_that_have_no_summits(tmp_path, name):
    path = tmp_path / name
    path.write_text(peaks())
    assert read_intervals(path, SOURCE)["summit"].tolist() == [-1] * 3


def test_a_track_line_says_that_there_are_no_summits(read):
    assert read("track type=broadPeak name=x\n" + peaks())["summit"].tolist() == [-1] * 3


@pytest.mark.parametrize(
    "content",
    [
        b"# c\n\nbrowser hide all\ntrack name=a\nchr1\t3\t9\tx\t0\t-\n",
        b"# c\r\n\r\nbrowser hide all\r\ntrack name=a\r\nchr1\t3\t9\tx\t0\t-\r\n",
        b"\xef\xbb\xbf#\n\n \t \n#chrom\tstart\tend\nchr1\t3\t9\tx\t0\t-",
        gzip.compress(b"\n\n\n#\nchr1\t3\t9\tx\t0\t-\n", mtime=0),
        b"\n\n\n\nchr1 3  9 x 0 -\n",
        b'#\nbrowser\tposition chr1:1-9\ntrack name="a"\tdescription="b"\ntrack\nchr1\t3\t9\tx\t0\t-\n',
    ],
    ids=["comments, browser and track lines", "CRLF", "byte order mark", "gzip", "spaces", "track line with a tab"],
)
def test_variants_of_the_same_file(read, content):
    assert rows(read(content)) == [(5, "chr1", 3, 9, "-", "x", -1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", f"{SOURCE} is empty; choose a file with records"),
        ("#\ntrack\n", f"{SOURCE} contains no interval; choose a BED or narrowPeak file with at least one"),
        (
            "chr1\t5\n",
            f"{SOURCE}, line 1: 2 fields, fewer than the three of an interval (chromosome, start and end with tabs "
            "between them); choose a BED or narrowPeak file",
        ),
        (
            "chr1,5,6\n",
            f"{SOURCE}, line 1: 1 field, fewer than the three of an interval (chromosome, start and end with tabs "
            "between them); choose a BED or narrowPeak file",
        ),
        (
            "chr1\t5\t9\nchr1\t5\t9\ta\n",
            f"{SOURCE}, line 2: 4 fields, but the first interval (line 1) has 3; give every interval the same columns",
        ),
        (
            "chr1\t1e3\t2000\n",
            f"{SOURCE}, line 1: the start, '1e3', is not a whole number; choose a BED or narrowPeak file, or correct "
            "it",
        ),
        (
            "chr1\t5\t9\nchr1\t5\t99999999999999999999999\n",
            f"{SOURCE}, line 2: the end, '99999999999999999999', is not a whole number; choose a BED or narrowPeak "
            "file, or correct it",
        ),
        ("chr1\t-5\t0\n", f"{SOURCE}, line 1: the start, -5, is below 0; correct or remove the interval"),
        ("chr1\t-5\t-9\n", f"{SOURCE}, line 1: the start, -5, is below 0; correct or remove the interval"),
        ("chr1\t9\t5\n", f"{SOURCE}, line 1: the start, 9, is after the end, 5; correct or remove the interval"),
        (
            "chr1\t9\t9\n",
            f"{SOURCE}, line 1: the interval is empty, its start and its end are 9; in BED the end is the position "
            "behind the last nucleotide: correct or remove the interval",
        ),
        ("\t3\t9\n", f"{SOURCE}, line 1: the chromosome is empty; fill it in or remove the line"),
        (
            "chr1\t3\t9\ta\t0\tx\n",
            f"{SOURCE}, line 1: the strand (column 6 in BED) is 'x', not +, - or . ; correct it",
        ),
        (
            "chr1\t3\t9\t+\nchr1\t3\t9\t-\n",
            f"{SOURCE}, line 1: column 4 contains a strand, '+', which BED has in column 6, after name and score; put "
            "it there, or write . for what is unknown",
        ),
        (
            "chr1\t3\t9\ta\t.\nchr1\t3\t9\ta\t-\n",
            f"{SOURCE}, line 2: column 5 contains a strand, '-', which BED has in column 6, after name and score; put "
            "it there, or write . for what is unknown",
        ),
        (
            "chr1\t3\t9\ta\t0\t.\t1\t1\t1\t6\n",
            f"{SOURCE}, line 1: the summit (column 10) is 6 nucleotides from the start of an interval of 6; give its "
            f"offset within the interval, or -1 if there is none{OR_MIDDLE}",
        ),
        (
            "chr1\t3\t9\ta\t0\t.\t1\t1\t1\t2\nchr1\t3\t9\ta\t0\t.\t1\t1\t1\t-2\n",
            f"{SOURCE}, line 2: the summit (column 10) is -2 nucleotides from the start of an interval of 6; give its "
            f"offset within the interval, or -1 if there is none{OR_MIDDLE}",
        ),
        (
            "chr1\t3\t9\ta\t0\t.\t1\t1\t1\t2\nchr1\t3\t9\ta\t0\t.\t1\t1\t1\tx\n",
            f"{SOURCE}, line 2: the summit (column 10), 'x', is not a whole number; correct it{OR_MIDDLE}",
        ),
        (
            "chr1\t3\t9\ta\t0\t.\t1\t1\t1\t2\nchr1\t3\t9\ta\t0\t.\t1\ty\t1\t2\n",
            f"{SOURCE}, line 2: column 8, 'y', is not a number as it is in narrowPeak; correct it{OR_MIDDLE}",
        ),
        (">a\nACGT\n", f"{SOURCE}, line 1: this is FASTA, not intervals; choose a BED or narrowPeak file"),
        ("@a\nACGT\n", f"{SOURCE}, line 1: this is FASTQ or SAM, not intervals; choose a BED or narrowPeak file"),
        (
            "#\nchrom\tchromStart\tchromEnd\nchr1\t3\t9\n",
            f"{SOURCE}, line 2: a header line, which BED does not have; remove it, and see that positions count from 0",
        ),
        (
            "Chromosome\tFrom\tTo\nchr1\t3\t9\n",
            f"{SOURCE}, line 1: a header line, which BED does not have; remove it, and see that positions count from 0",
        ),
        (
            "##gff-version 3\nchr1\tme\tgene\t3\t9\t.\t+\t.\tID=a\n",
            f"{SOURCE}, line 2: this looks like GFF or GTF, whose positions count from 1; convert it to BED",
        ),
        (
            gzip.compress(b"chr1\t3\t9\n", mtime=0)[:-6],
            f"{SOURCE} is a damaged or truncated gzip file; upload it again",
        ),
        (
            b"chr1\t3\t9\n\xff\n",
            f"{SOURCE}, line 2: byte 0xff is not UTF-8 text; choose a plain or gzipped text file, or save the text as "
            "UTF-8",
        ),
    ],
)
def test_refused(read, content, message):
    assert refusal(read, content) == message


def test_an_interval_may_begin_before_its_chromosome(read):
    assert rows(read("chr1\t-5\t9\n")) == [(1, "chr1", -5, 9, ".", "chr1:-5-9", -1)]
    table = pd.DataFrame({"chrom": column("chr1"), "start": column("-5"), "end": column("9")})
    assert "the start, -5, is below 0" in refusal(intervals_from_columns, table, SOURCE)


def test_a_missing_file(tmp_path):
    message = refusal(read_intervals, tmp_path / "peaks.bed", SOURCE)
    assert message == f"{SOURCE} cannot be read: No such file or directory; choose another file"


fields = st.sampled_from(["chr1", "0", "5", "9", "-1", "+", "-", ".", "", "x", " ", "1.5", "track", "#", ">"])


@given(
    st.binary(max_size=100).map(lambda content: content.decode("latin-1"))
    | st.text(max_size=80)
    | st.lists(st.lists(fields, max_size=11).map("\t".join), max_size=4).map("\n".join)
)
def test_any_text_gives_intervals_or_a_refusal(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.bed"
    path.write_text(content, encoding="utf-8")
    table = returns_or_refuses(read_intervals, path, SOURCE)
    assert table is None or (len(table) and ((table["end"] > 0) & (table["start"] < table["end"])).all())


def column(*values):
    return pd.Series(values, index=pd.RangeIndex(2, 2 + len(values), name="line"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chr1:3-9", ("chr1", 3, 9, ".")),
        ("chr1:3-9(-)", ("chr1", 3, 9, "-")),
        ("chr1:3-9(.)", ("chr1", 3, 9, ".")),
        ("peak::chr1:3-9(+)", ("chr1", 3, 9, "+")),
        ("HLA-A*01:01:3-9", ("HLA-A*01:01", 3, 9, ".")),
    ],
)
def test_positions_in_ids(name, expected):
    assert rows(intervals_from_ids(column(name), SOURCE)) == [(2, *expected, name, -1)]


@pytest.mark.parametrize("name", ["peak1", "chr1", "chr1:3", ":3-9", "chr1:3-9(x)", "chr1:-3-9x"])
def test_ids_without_positions(name):
    assert refusal(intervals_from_ids, column("chr1:3-9", name), SOURCE) == (
        f"{SOURCE}, line 3: {name!r} is not a position such as chr1:100-300 or chr1:100-300(-); name the records by "
        "their positions, as bedtools getfasta does, or choose a split and negatives that need none"
    )


def test_ids_whose_positions_are_none():
    message = refusal(intervals_from_ids, column("chr1:9-3"), SOURCE)
    assert message == f"{SOURCE}, line 2: the start, 9, is after the end, 3; correct or remove the interval"


def test_positions_in_columns():
    table = pd.DataFrame({"chrom": column("chr1", "2"), "start": column("3", " 4 "), "end": column("9", "8")})
    assert rows(intervals_from_columns(table, SOURCE)) == [
        (2, "chr1", 3, 9, ".", "chr1:3-9", -1),
        (3, "2", 4, 8, ".", "2:4-8", -1),
    ]
    named = table.assign(strand=column("-", "+"), id=column("a", "b"))
    assert rows(intervals_from_columns(named, SOURCE)) == [
        (2, "chr1", 3, 9, "-", "a", -1),
        (3, "2", 4, 8, "+", "b", -1),
    ]


def test_columns_without_positions():
    table = pd.DataFrame({"chrom": column("chr1"), "start": column("3")})
    assert refusal(intervals_from_columns, table, SOURCE) == (
        f"{SOURCE} has no column 'end'; give the positions in columns named chrom, start and end (counted from 0, as "
        "in BED), or choose a split and negatives that need none"
    )
    table["end"] = column("x")
    assert refusal(intervals_from_columns, table, SOURCE).startswith(f"{SOURCE}, line 2: the end, 'x', is not a whole")
