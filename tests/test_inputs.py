import numpy as np
import pytest

from dna_lm import words
from dna_lm.preparation.inputs import (
    read_fasta_files,
    read_labeled_table,
    read_split_tables,
    read_windows,
    with_positions,
)
from refusals import refusal

TABLE = "dna,bound,site\nacgu,yes,A\nGGNA,no,B\n"
CHOSEN = {"header": True, "sequence_column": "dna", "label_column": "bound", "column": None}


@pytest.fixture
def file(tmp_path):
    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def rows(records) -> list[list]:
    return records.to_numpy().tolist()


# --- one table -------------------------------------------------------------------------------------------------------


def test_a_table_keeps_its_letters_and_columns_and_says_where_it_is_from(file):
    records = read_labeled_table(file("t.csv", TABLE), split=words.RANDOM, **CHOSEN)
    assert records.columns.tolist() == ["sequence", "label", "site", "_source"]
    assert rows(records) == [
        ["acgu", "yes", "A", "the labeled table (t.csv)"],
        ["GGNA", "no", "B", "the labeled table (t.csv)"],
    ]
    assert (records.index.name, records.index.tolist()) == ("line", [2, 3])


def test_a_table_without_a_header_has_its_columns_by_number(file):
    path = file("t.csv", TABLE.partition("\n")[2])
    chosen = {"header": False, "sequence_column": "1", "label_column": "2", "column": "3"}
    records = read_labeled_table(path, split=words.GROUP, **chosen)
    assert records.columns.tolist() == ["sequence", "label", "column3", "_source", "_by"]
    assert (records.index.tolist(), records["_by"].tolist()) == ([1, 2], ["A", "B"])


@pytest.mark.parametrize(("split", "name"), [(words.CHROMOSOME, "chrom"), (words.GROUP, "group")])
def test_what_the_split_goes_by_has_a_usual_name_or_is_chosen(file, split, name):
    usual = file("t.csv", TABLE.replace("site", name).replace(",A", ", A "))
    assert read_labeled_table(usual, split=split, **CHOSEN)["_by"].tolist() == ["A", "B"]
    chosen = CHOSEN | {"column": "site"}
    assert read_labeled_table(file("u.csv", TABLE), split=split, **chosen)["_by"].tolist() == ["A", "B"]
    assert refusal(read_labeled_table, file("v.csv", TABLE), split=split, **CHOSEN) == (
        f"the labeled table (v.csv) has no column {name!r}; its columns are dna, bound, site: is there a header line, "
        "and is the right column chosen?"
    )


def test_a_column_says_the_split_in_many_words(file):
    text = "dna,bound,split\nA,x,Training\nC,x, validation\nG,x,TEST\n"
    records = read_labeled_table(file("t.csv", text), split=words.COLUMN, **CHOSEN)
    assert records["_split"].tolist() == ["train", "dev", "test"]
    assert records["split"].tolist() == ["Training", " validation", "TEST"]


@pytest.mark.parametrize("split", [words.GROUP, words.COLUMN])
def test_an_empty_field_decides_no_split(file, split):
    path = file("t.csv", TABLE.replace(",A", ",train").replace(",B", ", "))
    assert refusal(read_labeled_table, path, split=split, **CHOSEN | {"column": "site"}) == (
        "the labeled table (t.csv), line 3: column 'site', which decides the split, is empty; fill it in"
    )


NOT_DNA = (
    "the labeled table (t.csv), line {}: letter {!r} at position {} of the sequence is not a DNA letter (A, C, G, T, "
    "U or an IUPAC code such as N); correct or remove the record"
)


def test_a_first_line_that_is_no_sequence_may_be_a_header_or_the_wrong_column(file):
    path = file("t.csv", "sequence,bound\nACGT,yes\n")
    numbers = {"sequence_column": "1", "label_column": "2", "split": words.RANDOM, "column": None}
    assert refusal(read_labeled_table, path, header=False, **numbers) == (
        NOT_DNA.format(1, "e", 2) + ", or see whether the right column is chosen and whether this line is a header line"
    )
    numbers |= {"sequence_column": "2", "label_column": "1"}
    assert refusal(read_labeled_table, path, header=True, **numbers) == (
        NOT_DNA.format(2, "e", 2) + ", or see whether the right column is chosen"
    )


@pytest.mark.parametrize("name", ["_source", "_split", "_by"])
def test_names_of_the_program_are_its_own(file, name):
    path = file("t.csv", TABLE.replace("site", name))
    assert refusal(read_labeled_table, path, split=words.RANDOM, **CHOSEN) == (
        f"the labeled table (t.csv): rename the column {name!r}: this program uses that name itself"
    )


# --- tables that are split already -----------------------------------------------------------------------------------


def test_tables_say_their_split_and_their_columns_are_put_in_one_order(file):
    paths = {
        "train": file("a.csv", TABLE),
        "dev": None,
        "test": file("b.csv", "site,bound,dna\nC,no,TTTT\n"),
    }
    records = read_split_tables(paths, split=words.COLUMN, **CHOSEN)
    assert records.columns.tolist() == ["sequence", "label", "site", "_source", "_split"]
    assert records["_split"].tolist() == ["train", "train", "test"]
    assert records["site"].tolist() == ["A", "B", "C"]
    assert records["_source"].tolist()[1:] == ["the training table (a.csv)", "the test table (b.csv)"]
    assert records.index.tolist() == [2, 3, 2]
    anew = read_split_tables(paths, split=words.GROUP, **CHOSEN | {"column": "site"})
    assert "_split" not in anew
    assert anew["_by"].tolist() == ["A", "B", "C"]


def test_tables_with_different_columns_are_refused(file):
    paths = {"train": file("a.csv", TABLE), "dev": file("b.csv", "dna,bound\nA,x\n"), "test": file("c.csv", TABLE)}
    assert refusal(read_split_tables, paths, split=words.COLUMN, **CHOSEN) == (
        "the development table (b.csv) and the training table (a.csv): the column 'site' is in one of them only; give "
        "the tables the same columns"
    )


# --- FASTA and intervals ---------------------------------------------------------------------------------------------


def test_fasta_files_come_in_the_order_of_the_command_line(file):
    first, second = file("b.fa", ">x y\nAC\nGU\n"), file("a.fa", ">x\nA\n>z\nC\n")
    records = read_fasta_files([f" b ={first}", f"a=b={second}"])
    assert rows(records) == [
        ["ACGU", "b", "x", "the FASTA file of b (b.fa)"],
        ["A", "a=b", "x", "the FASTA file of a=b (a.fa)"],
        ["C", "a=b", "z", "the FASTA file of a=b (a.fa)"],
    ]
    assert records.index.tolist() == [1, 1, 3]


@pytest.mark.parametrize("pair", ["reads.fa", "yes="])
@pytest.mark.parametrize(("read", "option"), [(read_fasta_files, "fasta"), (read_windows, "intervals")])
def test_a_file_needs_a_label_and_a_label_a_file(read, option, pair):
    more = [] if read is read_fasta_files else ["genome.fa", 200, "summit"]
    assert refusal(read, [pair], *more) == (
        f"--{option} {pair!r} is not LABEL=FILE; write the label, '=' and the name of the file"
    )


def test_two_files_of_one_label_are_refused():
    assert refusal(read_windows, ["a=x.bed", "a =y.bed"], "genome.fa", 200, "summit") == (
        "two interval files have the label 'a'; join them, or give each a different name"
    )


def test_two_files_of_one_number_are_refused():
    message = refusal(read_fasta_files, ["1=a.fa", "1.0=b.fa"])
    assert message == "two FASTA files have the labels '1' and '1.0', the same number; rename or join them"


def test_windows_are_cut_from_the_genome(file):
    genome = file("g.fa", ">one\nAACCGGTTAA\n")
    first, second = file("x.bed", "one\t2\t6\tp\t0\t-\n"), file("y.bed", "one\t0\t2\n")
    cut = read_windows([f"x={first}", f"y={second}"], genome, 4, "middle")
    assert rows(cut.records) == [["CCGG", "x", "p", "one", 2, 6, "-", "the intervals of x (x.bed)"]]
    assert cut.past_end == {"x": 0, "y": 1}


# --- positions -------------------------------------------------------------------------------------------------------


def test_positions_come_from_the_names_of_fasta_records(file):
    fasta = file("a.fa", ">one:3-7(-)\nACGT\n>more::two:0-2 and so on\nAC\n")
    records = with_positions(read_fasta_files([f"a={fasta}"]))
    assert records[["id", "chrom", "start", "end", "strand"]].to_numpy().tolist() == [
        ["one:3-7(-)", "one", 3, 7, "-"],
        ["more::two:0-2", "two", 0, 2, "."],
    ]
    assert records["start"].dtype == records["end"].dtype == np.int64
    assert with_positions(records) is records


def test_positions_come_from_the_columns_of_a_table(file):
    path = file("t.csv", "dna,bound,chrom,start,end,strand\nACGT,yes,one,3,7,-\nAC,no,two,0,2,+\n")
    records = with_positions(read_labeled_table(path, split=words.RANDOM, **CHOSEN))
    assert records["id"].tolist() == ["one:3-7", "two:0-2"]
    assert records[["start", "end"]].to_numpy().tolist() == [[3, 7], [0, 2]]
    assert records["strand"].tolist() == ["-", "+"]


def test_sequences_without_positions_are_refused(file):
    fasta = file("a.fa", ">peak1\nACGT\n")
    records = read_fasta_files([f"a={fasta}"])
    assert refusal(with_positions, records) == (
        "the FASTA file of a (a.fa), line 1: 'peak1' is not a position such as chr1:100-300 or chr1:100-300(-); name "
        "the records by their positions, as bedtools getfasta does, or choose a split and negatives that need none"
    )
