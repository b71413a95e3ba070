import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data import fasta
from dna_lm.data.fasta import read_fasta, read_fasta_text
from refusals import refusal, returns_or_refuses

SOURCE = "the input (peaks.fa)"


@pytest.fixture
def read(tmp_path):
    """Read bytes as the file peaks.fa."""

    def call(content: bytes):
        path = tmp_path / "peaks.fa"
        path.write_bytes(content)
        return read_fasta(path, SOURCE)

    return call


def records(table):
    return list(table.itertuples(name=None))


def test_records(read):
    table = read(b">one some words\nACGT\nacgu\n>two\nNNN\n")
    assert table.columns.tolist() == ["id", "sequence"]
    assert records(table) == [(1, "one", "ACGTACGT"), (4, "two", "NNN")]


@pytest.mark.parametrize(
    "content",
    [
        b">a\nAC\nGT\n>b\nT",
        b">a\r\nAC\r\nGT\r\n>b\r\nT\r\n",
        b"\xef\xbb\xbf>a\nAC\nGT\n>b\nT\n",
        gzip.compress(b">a\nAC\nGT\n>b\nT\n", mtime=0),
        gzip.compress(b">a\nAC\n", mtime=0) + gzip.compress(b"GT\n>b\nT\n", mtime=0),
    ],
    ids=["no line break at the end", "CRLF", "byte order mark", "gzip", "two gzip members, as bgzip writes them"],
)
def test_variants_of_the_same_file(read, content):
    assert records(read(content)) == [(1, "a", "ACGT"), (4, "b", "T")]


def test_blank_lines_are_passed_over_and_counted(read):
    assert records(read(b"\n>a\n\nAC\n  \nGT\n\n>b\nT\n")) == [(2, "a", "ACGT"), (8, "b", "T")]


def test_sequences_as_they_stand_in_the_file(tmp_path):
    (tmp_path / "peaks.fa").write_text(">a b\nac gu\nXN\n>b\n")
    table = read_fasta_text(tmp_path / "peaks.fa", SOURCE)
    assert table.index.name == "line"
    assert records(table) == [(1, "a", "ac guXN"), (4, "b", "")]


def test_a_record_without_a_name_is_called_by_its_number(read):
    assert read(b">a\nA\n>\nC\n> \nG\n")["id"].tolist() == ["a", "record2", "record3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"{SOURCE} is empty; choose a file with records"),
        (b"\n\n", f"{SOURCE} contains no FASTA record; choose a file with '>' headers"),
        (gzip.compress(b"", mtime=0), f"{SOURCE} is empty; choose a file with records"),
        (
            b"\nsequence,label\n",
            f"{SOURCE}, line 2: a FASTA file starts with '>', this is 'sequence,label'; choose a FASTA file",
        ),
        (
            b"@read\nACGT\n+\nIIII\n",
            f"{SOURCE}, line 1: a FASTA file starts with '>', this is '@read'; choose a FASTA file",
        ),
        (b">a\nA\n>b\n\n>c\nC\n", f"{SOURCE}, line 3: the sequence is empty; fill it in or remove the record"),
        (b">a\nA\n>b\n", f"{SOURCE}, line 3: the sequence is empty; fill it in or remove the record"),
        (
            b">a one\nA\n>b\nC\n>a two\nG\n",
            f"{SOURCE}, line 1 and line 5: two records are named 'a'; rename one, or remove the duplicate",
        ),
        (
            b">a\nA\n>b\nAC\nGL\n",
            f"{SOURCE}, line 3: letter 'L' at position 4 of the sequence is not a DNA letter (A, C, G, T, U or an "
            "IUPAC code such as N); correct or remove the record",
        ),
        (
            gzip.compress(b">a\n" + b"ACGT" * 100, mtime=0)[:-12],
            f"{SOURCE} is a damaged or truncated gzip file; upload it again",
        ),
        (b"\x1f\x8bnot gzip", f"{SOURCE} is a damaged or truncated gzip file; upload it again"),
        (
            b">a\n\xff\xfe",
            f"{SOURCE}, line 2: byte 0xff is not UTF-8 text; choose a plain or gzipped text file, or save the text as "
            "UTF-8",
        ),
    ],
)
def test_refused(read, content, message):
    assert refusal(read, content) == message


def test_a_missing_file(tmp_path):
    message = refusal(read_fasta, tmp_path / "peaks.fa", SOURCE)
    assert message == f"{SOURCE} cannot be read: No such file or directory; choose another file"


def test_a_folder(tmp_path):
    assert refusal(read_fasta, tmp_path, SOURCE) == f"{SOURCE} cannot be read: Is a directory; choose another file"


@given(content=st.binary(max_size=200) | st.text(">ACGT\n\r x", max_size=80).map(str.encode))
def test_any_bytes_give_records_or_a_refusal(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.fa"
    path.write_bytes(content)
    table = returns_or_refuses(read_fasta, path, SOURCE)
    assert table is None or (len(table) > 0 and (table["sequence"] != "").all())


@given(st.binary(max_size=60))
def test_any_bytes_after_a_gzip_header_give_records_or_a_refusal(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.fa.gz"
    path.write_bytes(b"\x1f\x8b\x08" + content)
    returns_or_refuses(read_fasta, path, SOURCE)


@given(st.lists(st.text("ACGTN", min_size=1, max_size=30), min_size=1, max_size=6), st.integers(1, 8))
def test_wrapped_lines_are_joined(tmp_path_factory, sequences, width):
    path = tmp_path_factory.getbasetemp() / "wrapped.fa"
    with path.open("w") as file:
        for number, sequence in enumerate(sequences):
            lines = [sequence[start : start + width] for start in range(0, len(sequence), width)]
            file.write(f">s{number}\n" + "\n".join(lines) + "\n")
    table = read_fasta(path, SOURCE)
    assert table["sequence"].tolist() == sequences
    assert table["id"].tolist() == [f"s{number}" for number in range(len(sequences))]


@given(
    st.lists(st.tuples(st.sampled_from(["", " ", "\t", "\n", " x"]), st.text("ACGTNacgt*- ", max_size=30)), max_size=8),
    st.integers(1, 40),
)
def test_records_do_not_depend_on_how_much_is_read_at_a_time(tmp_path_factory, parts, block):
    path = tmp_path_factory.getbasetemp() / "blocks.fa"
    path.write_text("".join(f">s{number}{end}\n{text}\n" for number, (end, text) in enumerate(parts)) + ">end\nA\nC")
    whole = list(fasta.read_records(path, SOURCE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "BLOCK", block)
        assert list(fasta.read_records(path, SOURCE)) == whole
    assert whole[-1][1:] == ("end", "AC")
