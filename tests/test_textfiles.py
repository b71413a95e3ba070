import gzip
import os
import random

import pytest

from dna_lm.data.textfiles import NO_TEXT, describe, open_text
from refusals import refusal

SOURCE = "the input (reads.txt)"


def read(path) -> str:
    with open_text(path, SOURCE) as file:
        return file.read()


def test_bytes_of_a_name_that_are_no_text_are_written_out():
    name = os.fsdecode(b"te\xffst \xc3\xa9.csv")
    assert describe(f"/data/{name}", "the table") == "the table (te\\xffst é.csv)"


def test_a_message_names_the_file_but_not_galaxys_own_name_for_it():
    assert describe("/home/me/peaks.fa", "the input") == "the input (peaks.fa)"
    assert describe("/home/me/dataset_12.fa", "the input") == "the input (dataset_12.fa)"
    assert describe("/galaxy/files/dataset_12.dat", "the input") == "the input"
    assert describe("/galaxy/files/dataset_97b686cb-c64b-48d0-a27c-5fce4c6910c3.dat", "the input") == "the input"
    assert describe(".", "the input") == "the input"


@pytest.mark.parametrize("form", [bytes, gzip.compress])
def test_text_is_read_whole_whatever_its_line_breaks_and_mark(tmp_path, form):
    (tmp_path / "f").write_bytes(form(b"\xef\xbb\xbfa\r\nb\rc\nd" + b"\xc3\xa9" * 9000))
    assert read(tmp_path / "f") == "a\nb\nc\nd" + "é" * 9000


@pytest.mark.parametrize("form", [bytes, gzip.compress])
@pytest.mark.parametrize(("magic", "what", "mend"), NO_TEXT)
def test_other_formats_are_called_by_their_names(tmp_path, form, magic, what, mend):
    (tmp_path / "f").write_bytes(form(magic + b"\x08\0..."))
    found = refusal(read, tmp_path / "f")
    if magic[:2] == b"\x1f\x8b" and form is bytes:
        assert found == f"{SOURCE} is a damaged or truncated gzip file; upload it again"
    else:
        assert found == f"{SOURCE} is {what}, not plain or gzipped text; {mend}"


@pytest.mark.parametrize("form", [bytes, gzip.compress])
def test_the_line_of_the_first_byte_that_is_no_text_is_named(tmp_path, form):
    (tmp_path / "f").write_bytes(form(b"good\n" * 5000 + b"caf\xe9\n\xff"))
    assert refusal(read, tmp_path / "f") == (
        f"{SOURCE}, line 5001: byte 0xe9 is not UTF-8 text; choose a plain or gzipped text file, or save the text as "
        "UTF-8"
    )


def test_text_that_ends_inside_a_letter_is_refused(tmp_path):
    (tmp_path / "f").write_bytes("é".encode()[:1])
    assert refusal(read, tmp_path / "f").startswith(f"{SOURCE}, line 1: byte 0xc3 is not UTF-8 text")


@pytest.mark.parametrize("form", [bytes, gzip.compress])
def test_zero_bytes_and_nothing_are_refused(tmp_path, form):
    (tmp_path / "f").write_bytes(form("text".encode("utf-16-le")))
    assert refusal(read, tmp_path / "f").startswith(f"{SOURCE} is not text (it contains zero bytes); choose a plain")
    (tmp_path / "f").write_bytes(form(b""))
    assert refusal(read, tmp_path / "f") == f"{SOURCE} is empty; choose a file with records"


def test_a_truncated_gzip_of_no_text_is_refused_too(tmp_path):
    """One line without an end: more of it is read to find the place than was read to find the fault."""
    content = random.Random(0).randbytes(200_000).replace(b"\n", b"").replace(b"\0", b"")
    (tmp_path / "f").write_bytes(gzip.compress(b"text" + content, mtime=0)[:-1000])
    assert refusal(read, tmp_path / "f") == f"{SOURCE} is a damaged or truncated gzip file; upload it again"


def test_a_pipe_is_refused_and_not_read_in_part():
    """A file is opened more than once: what was read of a pipe to look at it would be lost."""
    reading, writing = os.pipe()
    os.write(writing, b"text")
    os.close(writing)
    assert refusal(read, f"/dev/fd/{reading}") == (
        f"{SOURCE} is a pipe or a device, which can be read only once; save it as a file first"
    )
    os.close(reading)
