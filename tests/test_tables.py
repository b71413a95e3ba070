import gzip

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.tables import check_label, pick_column, read_labeled, read_table, write_csv, write_tsv
from refusals import refusal, returns_or_refuses

SOURCE = "the training set (train.csv)"


@pytest.fixture
def table_file(tmp_path):
    """Write bytes as the file train.csv, and return its path."""

    def write(content: bytes):
        path = tmp_path / "train.csv"
        path.write_bytes(content)
        return path

    return write


def records(table):
    return list(table.itertuples(name=None))


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"sequence,label\nACGT,1\nTTTT,0\n",
        b"sequence,label\nACGT,1\nTTTT,0",
        b"sequence,label\r\nACGT,1\r\nTTTT,0\r\n",
        b"sequence,label\rACGT,1\rTTTT,0\r",
        b"\xef\xbb\xbfsequence,label\nACGT,1\nTTTT,0\n",
        b'"sequence","label"\n"ACGT","1"\n"TTTT","0"\n',
        b"sequence\tlabel\nACGT\t1\nTTTT\t0\n",
        b"sequence\tlabel\r\nACGT\t1\r\nTTTT\t0\r\n",
        gzip.compress(b"sequence,label\nACGT,1\nTTTT,0\n", mtime=0),
    ],
    ids=["CSV", "no end", "CRLF", "CR", "byte order mark", "quoted", "TSV", "TSV with CRLF", "gzip"],
)
def test_variants_of_the_same_table(table_file, content):
    table = read_table(table_file(content), SOURCE)
    assert table.columns.tolist() == ["sequence", "label"]
    assert records(table) == [(2, "ACGT", "1"), (3, "TTTT", "0")]


def test_everything_stays_text(table_file):
    table = read_table(table_file(b"a,b,c,d\n007,NA,1e3,\n"), SOURCE)
    assert records(table) == [(2, "007", "NA", "1e3", "")]


def test_blank_lines_are_passed_over_and_counted(table_file):
    assert records(read_table(table_file(b"a,b\n\n1,2\n\n\n3,4\n\n"), SOURCE)) == [(3, "1", "2"), (6, "3", "4")]


def test_a_quoted_field_may_hold_commas_quotes_and_line_breaks(table_file):
    table = read_table(table_file(b'a,b\n"1,5","say ""yes"""\n"two\nlines",x\n3,4\n'), SOURCE)
    assert records(table) == [(2, "1,5", 'say "yes"'), (4, "two\nlines", "x"), (5, "3", "4")]


def test_quotes_are_ordinary_characters_in_tabular(table_file):
    table = read_table(table_file(b'a\tb\n"5\' end\t3\'\n"x"\ty,z\n'), SOURCE)
    assert records(table) == [(2, "\"5' end", "3'"), (3, '"x"', "y,z")]


def test_one_column(table_file):
    assert records(read_table(table_file(b"sequence\nACGT\n"), SOURCE)) == [(2, "ACGT")]


def test_a_field_longer_than_the_csv_module_allows_by_default(table_file):
    dna = "ACGT" * 100_000
    assert read_table(table_file(f"sequence,label\n{dna},1\n".encode()), SOURCE)["sequence"].tolist() == [dna]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"{SOURCE} is empty; choose a file with records"),
        (b"\na,b\n1,2\n", f"{SOURCE}, line 1: the header line is blank; name the columns in the first line"),
        (gzip.compress(b"", mtime=0), f"{SOURCE} is empty; choose a file with records"),
        (
            b"sequence,label\n",
            f"{SOURCE} has a header line and no record below it; choose a file with records",
        ),
        (
            b"sequence,label\n\n\n",
            f"{SOURCE} has a header line and no record below it; choose a file with records",
        ),
        (
            b"a,b,a\n1,2,3\n",
            f"{SOURCE}, line 1: two columns are named 'a'; give each a different name",
        ),
        (b",a,\n1,2,3\n", f"{SOURCE}, line 1: column 3 has no name; name every column in the first line"),
        (b"a, ,c\n1,2,3\n", f"{SOURCE}, line 1: column 2 has no name; name every column in the first line"),
        (
            b"a,b\n1,2\n1,2,3\n",
            f"{SOURCE}, line 3: 3 fields, but the header names 2 columns; mend the line, name every column in the "
            "header line, or put quotes around a field that contains a comma",
        ),
        (
            b'a,b\n"two\nlines",2\n1\n',
            f"{SOURCE}, line 4: 1 field, but the header names 2 columns; mend the line, name every column in the "
            "header line, or put quotes around a field that contains a comma",
        ),
        (
            b'a,b\n1,2\n1,"2\n3,4\n',
            f"{SOURCE}, line 3: not a well-formed table (unexpected end of data); mend the quotes, or export it again "
            "as CSV",
        ),
        (
            b'a,b\n1,"2"x\n',
            f"{SOURCE}, line 2: not a well-formed table (',' expected after '\"'); mend the quotes, or export it again "
            "as CSV",
        ),
        (
            b'"a,b\n1,2\n',
            f"{SOURCE}, line 1: not a well-formed table (unexpected end of data); mend the quotes, or export it again "
            "as CSV",
        ),
        (
            gzip.compress(b"sequence,label\n" + b"ACGT,1\n" * 50, mtime=0)[:-12],
            f"{SOURCE} is a damaged or truncated gzip file; upload it again",
        ),
        (
            b"PK\x03\x04\xff\xff",
            f"{SOURCE} is a zip archive or a spreadsheet, not plain or gzipped text; unpack it, or save the sheet as "
            "CSV (UTF-8)",
        ),
    ],
)
def test_refused(table_file, content, message):
    assert refusal(read_table, table_file(content), SOURCE) == message


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b",a,b\n0,x,1\n1,y,2\n", ["Unnamed: 0", "a", "b"]),
        (b'"","a","b"\n"0","x",1\n"1","y",2\n', ["Unnamed: 0", "a", "b"]),
        (b"\ta\tb\n0\tx\t1\n1\ty\t2\n", ["Unnamed: 0", "a", "b"]),
        (b",Unnamed: 0,b\n0,x,1\n1,y,2\n", ["Unnamed: 0.1", "Unnamed: 0", "b"]),
    ],
    ids=["pandas", "R", "tabular", "saved twice"],
)
def test_an_index_without_a_name_gets_that_of_pandas(table_file, content, columns):
    table = read_table(table_file(content), SOURCE)
    assert table.columns.tolist() == columns
    assert table.iloc[:, 0].tolist() == ["0", "1"]


def test_a_missing_file(tmp_path):
    message = refusal(read_table, tmp_path / "train.csv", SOURCE)
    assert message == f"{SOURCE} cannot be read: No such file or directory; choose another file"


# --- columns ---------------------------------------------------------------------------------------------------------


def test_a_column_is_picked_by_name_or_by_number():
    table = pd.DataFrame([["x", "y", "z"]], columns=["dna", "bound", "1"])
    assert pick_column(table, "bound", SOURCE) == "bound"
    assert pick_column(table, "2", SOURCE) == "bound"
    assert pick_column(table, "1", SOURCE) == "1"  # the name goes before the number


@pytest.mark.parametrize("column", ["sequence", "0", "4", "-1", "", "DNA"])
def test_a_missing_column_is_refused_with_the_list_of_columns(column):
    table = pd.DataFrame([["x", "y", "z"]], columns=["dna", "bound", "id"])
    assert refusal(pick_column, table, column, SOURCE) == (
        f"{SOURCE} has no column {column!r}; its columns are dna, bound, id: is there a header line, and is the right "
        "column chosen?"
    )


def test_labeled_sequences(table_file):
    path = table_file(b"id,bound,dna\nr1, yes ,acgu\nr2,no,TTTT\n")
    table = read_labeled(path, SOURCE, "dna", "2")
    assert table.columns.tolist() == ["sequence", "label", "id"]
    assert records(table) == [(2, "ACGT", "yes", "r1"), (3, "TTTT", "no", "r2")]


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (
            b"sequence,y\nACGT,1\n",
            ("sequence", "label"),
            f"{SOURCE} has no column 'label'; its columns are sequence, y: is there a header line, and is the right "
            "column chosen?",
        ),
        (
            b"ACGT,1\nTTTT,0\n",
            ("sequence", "label"),
            f"{SOURCE} has no column 'sequence'; its columns are ACGT, 1: is there a header line, and is the right "
            "column chosen?",
        ),
        (
            b"sequence,label\nACGT,1\n",
            ("1", "sequence"),
            f"{SOURCE}: column 'sequence' is chosen for both the sequence and the label; choose two",
        ),
        (
            b"dna,label,sequence\nACGT,1,x\n",
            ("dna", "label"),
            f"{SOURCE}: column 'sequence' is not the one chosen as the sequence; rename it or choose it instead",
        ),
        (
            b"sequence,label\nACGT,1\nTTTT, \n",
            ("sequence", "label"),
            f"{SOURCE}, line 3: the label is empty; give every sequence a label",
        ),
        (
            b'sequence,label\nACGT,1\nTTTT,"a\nb"\n',
            ("sequence", "label"),
            f"{SOURCE}, line 4: the label 'a\\nb' contains a control character; use printable characters only",
        ),
        (
            b"sequence,label\nACGT,1\n,0\n",
            ("sequence", "label"),
            f"{SOURCE}, line 3: the sequence is empty; fill it in or remove the record",
        ),
        (
            b"sequence,label\n\nACGX,1\n",
            ("sequence", "label"),
            f"{SOURCE}, line 3: letter 'X' at position 4 of the sequence is not a DNA letter (A, C, G, T, U or an "
            "IUPAC code such as N); correct or remove the record",
        ),
    ],
)
def test_labeled_sequences_refused(table_file, content, columns, message):
    assert refusal(read_labeled, table_file(content), SOURCE, *columns) == message


def test_empty_labels_where_they_are_allowed(table_file):
    path = table_file(b"sequence,label\nACGT,\nTTTT, \nGGGG,a;b\n")
    assert read_labeled(path, SOURCE, empty_labels=True)["label"].tolist() == ["", "", "a;b"]
    path = table_file(b'sequence,label\nACGT,\nTTTT,"a\x01"\n')
    assert "line 3: the label 'a\\x01' contains a control character" in refusal(
        read_labeled, path, SOURCE, empty_labels=True
    )


@pytest.mark.parametrize("label", ["a\tb", "a\x00", "\x7f", "a\u2028b", "\ud800", "\u200e"])
def test_a_label_that_cannot_stand_in_a_table(label):
    assert "contains a control character" in refusal(check_label, label, "here")


@pytest.mark.parametrize("label", ["0", "heart muscle", 'say "yes"', "$(touch x)", "ζ-globin", "CTCF, strong", "😀"])
def test_any_printable_label_is_taken(label):
    check_label(label, "here")


# --- writing ---------------------------------------------------------------------------------------------------------


def test_csv_as_written(tmp_path):
    write_csv(pd.DataFrame({"sequence": ["ACGT"], "label": ['a,"b"'], "n": [1]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b'sequence,label,n\nACGT,"a,""b""",1\n'


def test_tsv_as_written(tmp_path):
    table = pd.DataFrame({"id": ["a\tb", 'c\r\n"d"'], "p": [0.12345678, float("nan")], "n": [1, 2]})
    write_tsv(table, tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_bytes() == b'id\tp\tn\na b\t0.123457\t1\nc "d"\tnan\t2\n'


def test_the_decimals_of_a_tsv_can_be_chosen(tmp_path):
    write_tsv(pd.DataFrame({"p": [0.25]}), tmp_path / "t.tsv", floats=".1f")
    assert (tmp_path / "t.tsv").read_text() == "p\n0.2\n"


def tables(characters):
    """Tables of two columns or more with names of their own."""
    names = st.text(characters, max_size=5).map(str.strip).filter(bool)  # a header is read without spaces around names
    names = st.lists(names, min_size=2, max_size=4, unique=True)
    return names.flatmap(
        lambda columns: st.lists(
            st.tuples(*[st.text(characters, max_size=8)] * len(columns)), min_size=1, max_size=4
        ).map(lambda rows: pd.DataFrame(rows, columns=columns, dtype=object))
    )


# Not in the names of columns: tab (it makes a table tabular), a line break, and the byte order mark that is dropped.
plain = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff")


@given(tables(plain))
def test_csv_is_read_back_equal(tmp_path_factory, table):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    write_csv(table, path)
    back = read_table(path, SOURCE)
    assert back.columns.tolist() == table.columns.tolist()
    assert back.to_numpy().tolist() == table.to_numpy().tolist()


@given(tables(plain))
def test_tsv_is_read_back_equal(tmp_path_factory, table):
    path = tmp_path_factory.getbasetemp() / "written.tsv"
    write_tsv(table, path)
    back = read_table(path, SOURCE)
    assert back.columns.tolist() == table.columns.tolist()
    assert back.to_numpy().tolist() == table.to_numpy().tolist()


quoted = st.text('\r\n\t",a ', max_size=6).map(lambda text: '"' + text.replace('"', '""') + '"')


@given(st.lists(st.tuples(quoted, quoted).map(",".join), min_size=1, max_size=4))
def test_whatever_was_read_is_written_and_read_back_equal(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "first.csv"
    path.write_text("a,b\n" + "\n".join(rows), newline="")
    first = read_table(path, SOURCE)
    assert len(first) == len(rows)
    write_csv(first, path)
    assert read_table(path, SOURCE).to_numpy().tolist() == first.to_numpy().tolist()


def test_a_line_break_of_any_kind_in_a_quoted_field_survives(table_file, tmp_path):
    table = read_table(table_file(b'a,b\r\n"1\r\n2","3\r4"\r\n'), SOURCE)
    assert records(table) == [(4, "1\n2", "3\n4")]
    write_csv(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b'a,b\n"1\n2","3\n4"\n'


@given(st.binary(max_size=200) | st.text('ab,"\n\r\t ', max_size=60).map(str.encode))
def test_any_bytes_give_a_table_or_a_refusal(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    table = returns_or_refuses(read_table, path, SOURCE)
    assert table is None or (len(table) > 0 and table.columns.is_unique)


@given(st.text('ACGTn,"\n\rsequencelabel1', max_size=80))
def test_any_text_below_a_header_gives_labeled_sequences_or_a_refusal(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any_labeled.csv"
    path.write_text("sequence,label\n" + text, newline="")
    table = returns_or_refuses(read_labeled, path, SOURCE)
    assert table is None or (table["label"] != "").all()
