import csv
import gzip
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dna_lm.command import options_of_tool
from dna_lm.data.sequences import canonical, reverse_complement
from dna_lm.preparation.leakage import check_leakage
from dna_lm.preparation.options import PrepareOptions
from dna_lm.preparation.preparing import prepare
from dna_lm.preparation.records import Records
from dna_lm.preparation.similarity import similar_groups
from refusals import refusal, returns_or_refuses

SPLITS = ("train", "dev", "test")


def prepared(**options):
    return prepare(PrepareOptions(**options))


def unclean(test_data, **options):
    columns = {"sequence_column": "dna", "label_column": "bound", "fractions": "0.5,0.25,0.25"}
    return prepared(table=str(test_data / "unclean.csv"), **columns | options)


def annotated(test_data, **options):
    columns = {"sequence_column": "site", "label_column": "class", "fractions": "0.6,0.2,0.2"}
    return prepared(table=str(test_data / "annotated.csv"), **columns | options)


def step(result, name: str) -> list:
    """How many sequences a step has, in all and of each label."""
    summary = result.summary()
    (row,) = summary[summary["step"] == name].to_numpy().tolist()
    return row[1 : 2 + len(result.labels)]


def sizes(result) -> dict[str, int]:
    return {name: len(part) for name, part in result.splits.items()}


def require_apart(parts, column: str) -> set:
    """No two splits have a value of a column in common; returns all values."""
    values = [set(part[column]) for part in parts.values()]
    assert sum(map(len, values)) == len(set.union(*values))
    return set.union(*values)


def everything(result) -> pd.DataFrame:
    return pd.concat([part.assign(in_split=name) for name, part in result.splits.items()])


def fasta(folder, name: str, *sequences: str) -> str:
    path = folder / name
    path.write_text("".join(f">{number}\n{sequence}\n" for number, sequence in enumerate(sequences)))
    return str(path)


# --- tables and FASTA ------------------------------------------------------------------------------------------------


def test_a_table_is_cleaned_and_split(test_data):
    result = unclean(test_data, contradictory="drop")
    for name, size in (("train", 8), ("dev", 4), ("test", 4)):
        split = result.splits[name]
        assert split.columns.tolist() == ["sequence", "label", "name"]
        assert split["label"].value_counts().to_dict() == {"yes": size // 2, "no": size // 2}
    assert sorted(everything(result)["name"]) == sorted(f"s{number}" for number in range(1, 17))


def test_the_summary(test_data):
    summary = unclean(test_data, contradictory="drop").summary()
    assert summary.columns.tolist() == [
        *("step", "sequences", "label no", "label yes", "shortest", "median length", "longest")
    ]
    assert summary.to_numpy().tolist() == [
        ["read", 20, 10, 10, 12, 12, 12],
        ["changed: lower case written in upper case", 1, 0, 1, 12, 12, 12],
        ["changed: U of RNA written as T", 0, 0, 0, "", "", ""],
        ["removed: more than 10% ambiguous nucleotides", 0, 0, 0, "", "", ""],
        ["removed: contradictory labels, on either strand", 2, 1, 1, 12, 12, 12],
        ["removed: copies, on either strand", 2, 1, 1, 12, 12, 12],
        ["kept", 16, 8, 8, 12, 12, 12],
        ["kept, with ambiguous nucleotides", 0, 0, 0, "", "", ""],
        ["train", 8, 4, 4, 12, 12, 12],
        ["dev", 4, 2, 2, 12, 12, 12],
        ["test", 4, 2, 2, 12, 12, 12],
    ]


def test_a_contradiction_is_refused_with_its_lines(test_data):
    message = refusal(unclean, test_data)
    assert message.startswith("the labeled table (unclean.csv), line 20, and the labeled table (unclean.csv), line 21:")
    assert "is labeled 'yes' and 'no', one of 1 such sequences" in message


def test_the_same_table_in_every_form_gives_the_same_splits(test_data, tmp_path):
    expected = annotated(test_data)
    content = (test_data / "annotated.csv").read_text()
    forms = {"with_bom.csv": "\ufeff" + content, "windows.csv": content.replace("\n", "\r\n"), "mac.csv": content}
    forms["mac.csv"] = content.replace("\n", "\r")
    forms["tabs.tsv"] = content.replace(",", "\t")
    forms["lower.csv"] = "".join(
        ",".join([one.lower() if position == 1 else one for position, one in enumerate(line.split(","))])
        for line in content.splitlines(keepends=True)
    )
    for name, text in forms.items():
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(content.encode()))
    for path in tmp_path.iterdir():
        result = prepared(
            table=str(path), sequence_column="site", label_column="class", fractions="0.6,0.2,0.2", contradictory="drop"
        )
        for name in SPLITS:
            pd.testing.assert_frame_equal(result.splits[name], expected.splits[name])


def test_a_table_without_a_header(test_data):
    result = prepared(
        table=str(test_data / "annotated.tabular"),
        header="no",
        sequence_column="2",
        label_column="3",
        fractions="0.6,0.2,0.2",
    )
    assert result.splits["test"].columns.tolist() == ["sequence", "label", "column1", "column4", "column5", "column6"]
    named = annotated(test_data).splits["test"].set_axis(result.splits["test"].columns, axis="columns")
    assert result.splits["test"].to_numpy().tolist() == named.to_numpy().tolist()


def test_one_fasta_for_each_label(test_data):
    result = prepared(fasta=[f"CTCF={test_data / 'CTCF.fa'}", f"p73={test_data / 'p73.fa'}"])
    assert result.splits["train"].columns.tolist() == ["sequence", "label", "id"]
    assert sizes(result) == {"train": 1200, "dev": 150, "test": 150}
    assert result.splits["test"]["label"].value_counts().to_dict() == {"p73": 100, "CTCF": 50}


def test_a_label_may_hold_any_printable_text(tmp_path):
    left = fasta(tmp_path, "a.fa", "AAAA", "AAAC", "AAAG")
    right = fasta(tmp_path, "b.fa", "CCCC", "CCCA", "CCCT")
    labels = ['"><script>', "a=b, $(touch x)"]
    result = prepared(fasta=[f"{labels[0]}={left}", f" {labels[1]} ={right}"], fractions="0.34,0.33,0.33")
    assert sorted(set(result.splits["train"]["label"])) == labels
    assert result.summary().columns.tolist()[2:4] == [f"label {label}" for label in labels]


def test_sequences_in_two_files_contradict_each_other(tmp_path):
    left, right = fasta(tmp_path, "a.fa", "AAAA"), fasta(tmp_path, "b.fa", "CCCC", "TTTT")
    message = refusal(prepared, fasta=[f"x={left}", f"y={right}"])
    assert message.startswith("the FASTA file of x (a.fa), line 1, and the FASTA file of y (b.fa), line 3:")


def labeled(tmp_path, labels, header="sequence,label", before=""):
    """A table with a sequence for each of these labels, no two alike."""
    random = np.random.default_rng(3)
    path = tmp_path / "labeled.csv"
    rows = [f"{before}{''.join(random.choice(list('ACGT'), 60))},{label}" for label in labels]
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize("missing", ["NA", "nan", "", "None", "null", "#N/A", "  N/A "])
def test_missing_labels_are_no_class_and_counted(tmp_path, missing):
    result = prepared(table=labeled(tmp_path, ["0", "1", missing, "1", "0"] * 12))
    assert result.labels == ["0", "1"]
    assert step(result, "read") == [60, 24, 24]
    assert step(result, "removed: label missing") == [12, 0, 0]
    assert set(everything(result)["label"]) == {"0", "1"} and len(everything(result)) == 48
    written = repr(missing.strip()) if missing else "empty"
    assert result.warnings == [
        f"the labeled table (labeled.csv): 12 of 60 labels are missing ({written}; first on line 4), and the sequences "
        "are left out; if that is the name of a class, rename the class"
    ]


def test_one_and_one_point_nought_are_one_class(tmp_path):
    path = labeled(tmp_path, ["0", "1.0", "1", "0.0", "0"] * 12)
    result = prepared(table=path)
    assert result.labels == ["0", "1"]
    assert step(result, "read") == [60, 36, 24]
    assert step(result, "changed: labels such as 1.0 written as 1") == [24, 12, 12]
    assert set(everything(result)["label"]) == {"0", "1"}
    # The same sequence with both is a copy and no contradiction.
    lines = (tmp_path / "labeled.csv").read_text().splitlines()
    (tmp_path / "labeled.csv").write_text("\n".join([*lines, lines[2].replace(",1.0", ",1")]) + "\n")
    assert step(prepared(table=path), "removed: copies, on either strand") == [1, 0, 1]


def test_classes_that_are_many_numbers_are_hinted_at(tmp_path):
    result = prepared(table=labeled(tmp_path, [str(number) for number in range(21)] * 10))
    assert len(result.labels) == 21
    assert 'if they are measured, set "Type of label" to' in result.warnings[0]


def test_the_index_that_pandas_writes_is_a_column_like_others(tmp_path):
    result = prepared(table=labeled(tmp_path, ["a", "b"] * 20, header=",sequence,label", before="7,"))
    assert everything(result).columns.tolist() == ["sequence", "label", "Unnamed: 0", "in_split"]


def test_a_label_that_loses_all_its_sequences_is_refused(tmp_path):
    left, right = fasta(tmp_path, "a.fa", "AAAA"), fasta(tmp_path, "b.fa", "CCCC", "TTTT", "CCCA")
    assert refusal(prepared, fasta=[f"x={left}", f"y={right}"], contradictory="drop") == (
        "no sequence with label 'x' is left after cleaning, of 1; look at the sequences and their labels, or choose "
        "other limits for lengths and ambiguous nucleotides, or smaller windows"
    )


# --- tables that are split already -----------------------------------------------------------------------------------


def tables(test_data, *names: str) -> dict[str, str]:
    files = {"train": "train", "dev": "validation", "test": "test"}
    return {f"{name}_table": str(test_data / f"annotated_{files[name]}.csv") for name in names}


COLUMNS = {"sequence_column": "site", "label_column": "class"}


def test_three_tables_stay_as_they_are_and_the_copy_in_test_is_kept(test_data):
    result = prepared(**tables(test_data, *SPLITS), **COLUMNS, split="column")
    assert sizes(result) == {"train": 38, "dev": 10, "test": 10}
    for name in SPLITS:
        assert result.splits[name].columns.tolist() == ["sequence", "label", "name", "chrom", "donor"]
    names = {name: set(part["name"]) for name, part in result.splits.items()}
    assert "r51" in names["test"] and "r13" not in names["train"]  # a reverse complement
    assert "r50" in names["test"] and "r12" in names["train"]  # 36 letters in common
    assert step(result, "removed: copies in another split, on either strand") == [1, 1, 0]
    assert step(result, "removed: copies in the same split, on either strand") == [0, 0, 0]
    assert result.how_split == (
        "the splits are those of the input, less 1 sequence that had a copy in another split; of copies the one in "
        "the test set is kept, or else the one in the development set"
    )


def test_given_splits_without_copies_stay_whole(test_data):
    result = prepared(**tables(test_data, *SPLITS), **COLUMNS, split="column", duplicates="keep")
    assert sizes(result) == {"train": 39, "dev": 10, "test": 10}
    assert result.how_split == "the splits are those of the input"


def test_dev_is_drawn_from_train_where_there_is_none(test_data):
    result = prepared(**tables(test_data, "train", "test"), **COLUMNS, split="column", fractions="0.5,0.25,0.25")
    assert sizes(result) == {"train": 26, "dev": 12, "test": 10}
    assert result.how_split == (
        "the splits are those of the input, less 1 sequence that had a copy in another split; of copies the one in "
        "the test set is kept, or else the one in the development set; the development set was drawn from the training "
        "set, with similar sequences kept together (label by label, seed 42)"
    )


def test_a_column_of_a_table_says_the_same_as_three_tables(test_data):
    column = annotated(test_data, split="column", split_column="part")
    three = prepared(**tables(test_data, *SPLITS), **COLUMNS, split="column")
    for name in SPLITS:
        assert column.splits[name]["name"].tolist() == three.splits[name]["name"].tolist()


def test_three_tables_can_be_split_anew(test_data):
    result = prepared(**tables(test_data, *SPLITS), **COLUMNS, split="group", split_column="donor")
    assert len(require_apart(result.splits, "donor")) == 10


# --- intervals and negatives -----------------------------------------------------------------------------------------


def peaks(test_data, *letters: str, **options):
    files = {"a": "peaks_a.narrowPeak", "b": "peaks_b.bed.gz"}
    intervals = [f"{letter}={test_data / files[letter]}" for letter in letters]
    request = {"genome": str(test_data / "genome.fa"), "fractions": "0.6,0.2,0.2"} | options
    return prepared(intervals=intervals, **request)


def genome(test_data) -> dict[str, str]:
    records = (test_data / "genome.fa").read_text().upper().split(">")[1:]
    return {record.split()[0].lower(): "".join(record.splitlines()[1:]) for record in records}


def require_in_genome(table: pd.DataFrame, test_data) -> None:
    letters = genome(test_data)
    for row in table.to_dict("records"):
        there = letters[row["chrom"]][int(row["start"]) : int(row["end"])]
        assert row["sequence"] == (reverse_complement(there) if row["strand"] == "-" else there)


def test_windows_are_where_their_positions_say(test_data):
    result = peaks(test_data, "a", "b")
    assert step(result, "read") == [40, 20, 20]
    assert step(result, "removed: windows past an end of their chromosome") == [1, 0, 1]
    table = everything(result)
    assert set(table["sequence"].str.len()) == {200} and set(table["strand"]) == {"+", "-"}
    require_in_genome(table, test_data)


def test_what_windows_are_centered_on_is_said(test_data):
    of_a, of_b = peaks(test_data, "a", "b").read
    assert of_a.endswith(": 20 sequences; windows are centered on the summit (column 10) of all 20 peaks")
    assert of_b.endswith(
        ": 19 sequences; no summits were found in it, so that windows are centered on the middle of each region; 1 "
        "window past an end of the chromosome left out"
    )


def test_columns_behind_those_of_narrowpeak_change_no_window(test_data, tmp_path):
    plain = (test_data / "peaks_a.narrowPeak").read_text().splitlines()
    (tmp_path / "idr.bed").write_text("".join(f"{line}\t1.5\t2.1\t1\t9\t5.0\t4\n" for line in plain))
    # The same again, and a peak that a caller let reach past the end of its chromosome.
    chrom, letters = list(genome(test_data).items())[0]
    past = f"{chrom}\t{len(letters) - 150}\t{len(letters) + 3}\tlast\t0\t+\t.\t.\t.\t140"
    (tmp_path / "past.bed").write_text("\n".join([*plain, past]) + "\n")
    whole, fractions = str(test_data / "genome.fa"), "0.6,0.2,0.2"
    expected = everything(peaks(test_data, "a", negatives="shuffle"))
    for name in ("idr.bed", "past.bed"):
        result = prepared(
            intervals=[f"a={tmp_path / name}"], genome=whole, fractions=fractions, negatives="shuffle", seed=42
        )
        pd.testing.assert_frame_equal(everything(result), expected)
    assert step(result, "removed: windows past an end of their chromosome") == [1, 0, 1]


@pytest.mark.parametrize("length", [61, 100])
def test_cropped_windows_are_where_their_positions_say(test_data, length):
    table = everything(peaks(test_data, "a", "b", length=length))
    assert set(table["sequence"].str.len()) == {length}
    require_in_genome(table, test_data)


def test_whole_regions(test_data):
    table = everything(peaks(test_data, "a", "b", window=0))
    assert len(table) == 40 and table["sequence"].str.len().nunique() > 10
    require_in_genome(table, test_data)


def test_negatives_from_the_genome_are_like_the_positives_and_away_from_them(test_data):
    result = peaks(test_data, "a", negatives="genome", negative_distance=60, negative_ratio=0.5)
    assert step(result, "added: negatives") == [10, 10, 0] and result.labels == ["negative", "a"]
    table = everything(result)
    require_in_genome(table, test_data)
    positive, negative = table[table["label"] == "a"], table[table["label"] == "negative"]
    for row in negative.to_dict("records"):
        near = positive[(positive["chrom"] == row["chrom"])]
        assert ((near["start"] >= row["end"] + 60) | (near["end"] <= row["start"] - 60)).all()
    assert "10 regions of the genome were drawn" in result.how_negatives[0]


def test_a_peak_without_a_match_does_not_stop_the_preparation(tmp_path):
    random = np.random.default_rng(1)
    dna = "G" * 60 + "".join(random.choice(list("ACGT"), 9000))
    (tmp_path / "genome.fa").write_text(f">chr1\n{dna}\n")
    places = [0, *range(200, 4200, 200)]
    (tmp_path / "a.bed").write_text("".join(f"chr1\t{start}\t{start + 60}\n" for start in places))
    result = prepared(
        intervals=[f"a={tmp_path / 'a.bed'}"],
        genome=str(tmp_path / "genome.fa"),
        window=0,
        negatives="genome",
        negative_distance=0,
    )
    assert step(result, "kept") == [41, 20, 21]
    assert "; 1 more was not found" in result.how_negatives[0] and "fewer than asked for" not in result.how_negatives[0]
    assert "1 positive (the intervals of a (a.bed), line 1 (100.0% GC))" in result.warnings[0]


def test_negatives_are_split_by_the_chromosome_on_which_they_are(test_data):
    result = peaks(
        *(test_data, "a"),
        negatives="genome",
        negative_distance=60,
        split="chromosome",
        dev_chromosomes="chr1",
        test_chromosomes="chr2",
    )
    found = {name: set(part["chrom"]) for name, part in result.splits.items()}
    assert found == {"train": {"chr3"}, "dev": {"chr1"}, "test": {"chr2"}}


@pytest.mark.parametrize("source", ["located.fa", "located.csv"])
def test_positions_of_sequences_serve_for_negatives(test_data, source):
    path = str(test_data / source)
    given = {"fasta": [f"bound={path}"]} if source.endswith("fa") else {"table": path}
    result = prepared(
        **given,
        genome=str(test_data / "genome.fa"),
        negatives="genome",
        negative_distance=60,
        fractions="0.6,0.2,0.2",
    )
    assert step(result, "kept") == [40, 20, 20]
    require_in_genome(everything(result), test_data)


def test_shuffled_negatives_are_where_their_positives_are(test_data):
    result = annotated(test_data, negatives="shuffle", negative_label="shuffled", split="column", split_column="part")
    assert step(result, "added: negatives") == [58, 58, 0, 0]
    for part in result.splits.values():
        made = part[part["label"] == "shuffled"]
        assert set(made["name"]) == set(part[part["label"] != "shuffled"]["name"])
        assert len(made) * 2 == len(part)


def test_negatives_are_padded_too(test_data):
    result = annotated(test_data, negatives="shuffle", length=70, shorter="pad")
    assert set(everything(result)["sequence"].str.len()) == {70}


# --- augmentation and balance ----------------------------------------------------------------------------------------


def test_reverse_complements_are_added_to_train_alone(test_data):
    plain, both = peaks(test_data, "a", "b"), peaks(test_data, "a", "b", augment="reverse-complement")
    for name in ("dev", "test"):
        pd.testing.assert_frame_equal(both.splits[name], plain.splits[name])
    train = both.splits["train"]
    first, second = train.iloc[: len(train) // 2], train.iloc[len(train) // 2 :]
    pd.testing.assert_frame_equal(first, plain.splits["train"])
    assert second["sequence"].tolist() == first["sequence"].map(reverse_complement).tolist()
    assert second["id"].tolist() == [f"{name}_rc" for name in first["id"]]
    require_in_genome(train, test_data)
    assert step(both, "added: reverse complements, to train") == step(plain, "train")


def test_a_palindrome_is_not_added(tmp_path):
    left = fasta(tmp_path, "a.fa", *["ACGT", "AACGTT", "CACGTG", "AGCT"])
    right = fasta(tmp_path, "b.fa", "AAAC", "AAAG", "AAGG", "ACCC")
    result = prepared(fasta=[f"x={left}", f"y={right}"], fractions="0.5,0.25,0.25", augment="reverse-complement")
    assert sizes(result) == {"train": 6, "dev": 2, "test": 2}


@pytest.mark.parametrize(("balance", "removed", "others"), [("downsample", 400, 100), ("downsample-all", 500, 50)])
def test_train_is_balanced_and_the_other_splits_only_if_asked(test_data, balance, removed, others):
    result = prepared(
        fasta=[f"CTCF={test_data / 'CTCF.fa'}", f"p73={test_data / 'p73.fa'}"], balance=balance, split="similarity"
    )
    assert step(result, "removed: to balance the labels") == [removed, 0, removed]
    counts = {name: part["label"].value_counts().to_dict() for name, part in result.splits.items()}
    assert counts["train"] == {"CTCF": 400, "p73": 400}
    assert counts["dev"] == counts["test"] == {"CTCF": 50, "p73": others}
    assert ("the training set was then balanced" in result.how_split) == (balance == "downsample")


# --- what is independent ---------------------------------------------------------------------------------------------


def test_clusters_are_written_for_splits_that_keep_them_together(test_data, tmp_path):
    similar = everything(annotated(test_data, split="similarity"))
    assert similar.columns[-2] == "cluster"
    expected = similar_groups(Records(similar))
    assert len(set(zip(similar["cluster"], expected, strict=True))) == similar["cluster"].nunique() == max(expected) + 1
    for way, column in (("group", "donor"), ("chromosome", "chrom")):
        table = everything(
            annotated(
                *(test_data,),
                split=way,
                split_column=column,
                dev_chromosomes="chr8",
                test_chromosomes="chr9",
                tolerance=0.2,
            )
        )
        assert table["cluster"].tolist() == table[column].tolist()
    for way, column in (("random", None), ("column", "part")):
        assert "cluster" not in everything(annotated(test_data, split=way, split_column=column))


def table_of(tmp_path, header: str, rows: list[str]) -> str:
    path = tmp_path / "table.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def random_dna(seed: int, length: int = 60) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


def test_a_column_called_cluster_is_kept_or_refused(tmp_path):
    rows = [f"{random_dna(number)},{'ab'[number % 2]},u{number // 4}" for number in range(80)]
    path = table_of(tmp_path, "sequence,label,cluster", rows)
    for options in ({"split": "random"}, {"split": "group", "split_column": "cluster"}):
        table = everything(prepared(table=path, **options))
        assert table["cluster"].str.startswith("u").all() and list(table).count("cluster") == 1
    assert refusal(prepared, table=path, split="similarity") == (
        "the labeled table (table.csv): a split by similarity writes a column 'cluster', and the input already has "
        "one; rename or remove it, or choose a split by group with this column"
    )


def test_pairs_of_short_sequences_with_random_labels_teach_nothing_about_test(tmp_path):
    """36 letters with one mismatch, both of a pair with the same random label: a nearest neighbor knows the answer."""
    numbers = random.Random(1)
    rows = []
    for number in range(300):
        text, place, label = random_dna(number, 36), numbers.randrange(36), numbers.choice("ab")
        other = text[:place] + numbers.choice([base for base in "ACGT" if base != text[place]]) + text[place + 1 :]
        rows += [f"{text},{label}", f"{reverse_complement(other) if number % 2 else other},{label}"]
    path = table_of(tmp_path, "sequence,label", rows)

    def share_right(result) -> float:
        """Of test, by the training sequence with the most 6-mers in common on either strand."""

        def words(text: str) -> set[str]:
            return {canonical(text[start : start + 6]) for start in range(len(text) - 5)}

        train = [(words(text), label) for text, label in result.splits["train"][["sequence", "label"]].to_numpy()]
        test = result.splits["test"]
        nearest = [max(train, key=lambda one: len(one[0] & words(text)))[1] for text in test["sequence"]]
        return (test["label"] == nearest).mean()

    apart, together = prepared(table=path, split="random"), prepared(table=path, split="similarity")
    assert share_right(apart) > 0.75
    assert 0.3 < share_right(together) < 0.7
    assert "0 sequences are similar to no other" in together.how_split
    assert not len(check_leakage(together.records, together.labels).offenders)
    assert together.warnings == []


def test_sequences_too_short_to_be_compared_are_warned_of(tmp_path):
    rows = [f"{random_dna(number, 24 + number % 10)},{'ab'[number % 2]}" for number in range(100)]
    (warning,) = prepared(table=table_of(tmp_path, "sequence,label", rows), split="similarity").warnings
    assert warning.startswith(
        "60 of 100 sequences have fewer than 30 nucleotides, too few for similar ones to be found reliably"
    )


def test_a_large_cluster_is_told_with_its_share_and_its_split(tmp_path):
    family = random_dna(0, 60)
    rows = [f"{family + random_dna(number + 1)},{'ab'[number % 2]}" for number in range(30)]
    rows += [f"{random_dna(number + 100)},{'ab'[number % 2]}" for number in range(70)]
    result = prepared(table=table_of(tmp_path, "sequence,label", rows), split="similarity")
    assert "the largest of 30 sequences (30.0% of all; it is in the training set)" in result.how_split
    assert result.warnings[0].startswith("30.0% of the sequences are linked to one cluster")


# --- the usual split -------------------------------------------------------------------------------------------------


def test_the_usual_split_is_by_similarity_for_regions_and_as_it_is_for_given_splits(test_data):
    regions = peaks(test_data, "a", "b")
    assert regions.split == "similarity" and "cluster" in regions.splits["test"]
    assert prepared(**tables(test_data, *SPLITS), **COLUMNS).split == "column"
    assert annotated(test_data).split == "random"


def test_a_random_split_of_overlapping_windows_is_warned_of(tmp_path):
    letters = random_dna(0, 9000)
    (tmp_path / "genome.fa").write_text(f">chr1\n{letters}\n")
    given = {"genome": str(tmp_path / "genome.fa"), "split": "random"}
    for name, starts in (("near", range(100, 8000, 150)), ("apart", range(100, 8000, 400))):
        lines = [f"chr1\t{start}\t{start + 100}\n" for start in starts]
        (tmp_path / f"{name}_a.bed").write_text("".join(lines[::2]))
        (tmp_path / f"{name}_b.bed").write_text("".join(lines[1::2]))
    pair = {name: [f"{each}={tmp_path / name}_{each}.bed" for each in "ab"] for name in ("near", "apart")}
    assert prepared(intervals=pair["apart"], **given, fractions="0.6,0.2,0.2").warnings == []
    (warning,) = prepared(intervals=pair["near"], **given).warnings
    assert warning.startswith(
        "53 of 53 windows overlap another one, and a random split puts parts of the same DNA into"
    )


def test_dev_is_drawn_from_train_in_whole_groups_or_clusters(tmp_path):
    rows = []
    for number in range(60):
        text = random_dna(number)
        rows += [
            f"{part},{'ab'[number % 2]},g{number},{'test' if number < 10 else 'train'}" for part in (text, text[:50])
        ]
    for header, by in (("sequence,label,group,split", "'group'"), ("sequence,label,name,split", "similar sequences")):
        path = table_of(tmp_path, header, rows)
        result = prepared(table=path, split="column", duplicates="keep")
        assert by in result.how_split and sizes(result)["dev"] == 12
        name = header.split(",")[2]
        assert not set(result.splits["dev"][name]) & set(result.splits["train"][name])


# --- numbers and several labels --------------------------------------------------------------------------------------


@pytest.fixture
def measured(tmp_path):
    """A table of numbers and sets of labels, with groups, chromosomes and splits; a quarter has a homolog."""
    numbers = random.Random(3)
    rows = []
    for number in range(240):
        text = random_dna(number, 80)
        labels = [one for one, share in (("liver", 0.5), ("heart", 0.3), ("brain", 0.1)) if numbers.random() < share]
        numbers.shuffle(labels)
        place = f"g{number % 30},chr{number % 6},{'train' if number % 5 else 'test'}"
        rest = f"{numbers.gauss(0, 1):.3f},{';'.join(labels)},{place}"
        rows += [f"{each},{rest}" for each in ([text, text[10:] + "ACGTACGTAC"] if number % 4 == 0 else [text])]
    return table_of(tmp_path, "sequence,value,labels,group,chrom,split", rows)


WAYS = ("random", "similarity", "chromosome", "group", "column")


def split_in(way: str, path: str, **options):
    return prepared(table=path, split=way, dev_chromosomes="chr1", test_chromosomes="chr2", **options)


@pytest.mark.parametrize("way", WAYS)
def test_numbers_are_split_in_every_way(measured, way):
    result = split_in(way, measured, label_column="value", target="number")
    assert result.labels == [] and sum(sizes(result).values()) == 300
    summary = result.summary()
    assert summary.columns.tolist()[:5] == ["step", "sequences", "mean", "min", "max"]
    values = {name: part["label"].astype(float) for name, part in result.splits.items()}
    assert float(summary.set_index("step").loc["test", "mean"]) == pytest.approx(values["test"].mean(), abs=1e-6)
    if way in ("random", "similarity"):
        for part in values.values():
            assert abs(part.mean()) < 0.25 and 0.7 < part.std() < 1.3
            assert len(part) in (240, 30)
    column = {"similarity": "cluster", "chromosome": "chrom", "group": "group"}.get(way)
    if column:
        require_apart(result.splits, column)


@pytest.mark.parametrize("way", WAYS)
def test_sets_of_labels_are_split_in_every_way(measured, way):
    result = split_in(way, measured, label_column="labels", target="multi-label")
    assert result.labels == ["brain", "heart", "liver"]
    assert set(everything(result)["label"]) <= {
        *("none", "brain", "heart", "liver", "brain;heart", "brain;liver", "heart;liver", "brain;heart;liver")
    }
    everyone = step(result, "kept")
    assert everyone[0] == 300
    if way in ("random", "similarity"):
        for share, name in ((0.8, "train"), (0.1, "dev"), (0.1, "test")):
            assert step(result, name) == pytest.approx([share * count for count in everyone], abs=4)


def test_equal_answers_are_alike_however_they_are_written(tmp_path):
    text = random_dna(1)
    rows = [f"{random_dna(number + 10)},{number}.50,B;A" for number in range(40)]
    rows[0] = f"{random_dna(10)},7,A"
    path = table_of(tmp_path, "sequence,value,labels", [f"{text},1,A; B", f"{text},1.0,B;A;A", *rows])
    number = prepared(table=path, label_column="value", target="number")
    several = prepared(table=path, label_column="labels", target="multi-label")
    for result in (number, several):
        assert step(result, "removed: copies, on either strand")[0] == 1
    assert "1.5" in set(everything(number)["label"]) and "A;B" in set(everything(several)["label"])
    assert 'set "Type of label" to "Regression (a number per sequence)" (--target number)' in refusal(
        prepared, table=path, label_column="value"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"negatives": "shuffle"}, "negatives can be generated for classes only, not for numbers; set"),
        (
            {"balance": "downsample"},
            'numbers cannot be balanced; set "Class imbalance" to "Keep all sequences" (--balance none)',
        ),
        (
            {"label_column": "chrom"},
            "the labeled table (table.csv), line 2: 'chr0' is not a number; write numbers with ",
        ),
    ],
)
def test_what_numbers_cannot_have(measured, options, message):
    assert refusal(prepared, **{"table": measured, "label_column": "value", "target": "number"} | options).startswith(
        message
    )


def test_numbers_need_a_table(test_data):
    assert refusal(prepared, fasta=[f"1={test_data / 'CTCF.fa'}"], target="number").startswith(
        "numbers come from a column of a table, which FASTA files and regions do not have"
    )


# --- what holds for any input ----------------------------------------------------------------------------------------

dna = st.text("ACGT", min_size=1, max_size=40) | st.text("ACGTNRUacgtu", min_size=1, max_size=40)
rows = st.lists(
    st.tuples(dna, st.sampled_from(["a", "b"]), st.integers(0, 9), st.sampled_from(SPLITS)), min_size=12, max_size=60
)
choices = st.fixed_dictionaries(
    {
        option.name: st.sampled_from(option.choices)
        for option in options_of_tool("prepare")
        if option.name in ("ambiguous", "longer", "shorter", "duplicates", "balance", "augment")
    }
    | {
        "max_ambiguous": st.sampled_from([0.0, 0.1, 1.0]),
        "length": st.sampled_from([0, 10, 30]),
        "negatives": st.sampled_from(["none", "none", "shuffle"]),
        "negative_ratio": st.sampled_from([0.5, 1.0, 1.7]),
        "split": st.sampled_from(["random", "similarity", "group", "column"]),
        "tolerance": st.sampled_from([0.1, 0.5]),
        "seed": st.integers(0, 3),
    }
)


@pytest.fixture(scope="module")
def any_table(tmp_path_factory):
    return tmp_path_factory.mktemp("any") / "table.csv"


@settings(max_examples=80)
@given(rows=rows, choices=choices)
def test_the_same_seed_gives_the_same_splits(any_table, rows, choices):
    """On one machine here; that all machines agree is the matter of test_reproducibility."""
    with any_table.open("w", newline="") as file:
        csv.writer(file).writerows([["sequence", "label", "group", "split"], *rows])
    request = {"table": str(any_table), "contradictory": "drop", "fractions": "0.5,0.25,0.25"} | choices
    first, second = returns_or_refuses(prepared, **request), returns_or_refuses(prepared, **request)
    assert (first is None) == (second is None)
    if first is not None:
        assert first.summary().equals(second.summary())
        assert all(first.splits[name].equals(second.splits[name]) for name in SPLITS)


@settings(max_examples=150)
@given(rows=rows, choices=choices)
def test_every_row_is_counted_and_no_group_or_cluster_is_in_two_splits(any_table, rows, choices):
    with any_table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sequence", "label", "group", "split", "number"])
        writer.writerows([*row, number] for number, row in enumerate(rows))
    result = returns_or_refuses(
        prepared, table=str(any_table), contradictory="drop", fractions="0.5,0.25,0.25", **choices
    )
    if result is None:
        return
    summary = result.summary().set_index("step").filter(regex="^(sequences|label )").astype(int)
    assert summary.loc["read", "sequences"] == len(rows)
    before_kept = summary.loc[:"kept"]
    added = before_kept[before_kept.index.str.startswith("added: ")].sum()
    removed = before_kept[before_kept.index.str.startswith("removed: ")].sum()
    kept = summary.loc["kept"]
    pd.testing.assert_series_equal(summary.loc["read"] + added - removed, kept, check_names=False)
    pd.testing.assert_series_equal(summary.loc[list(SPLITS)].sum(), kept, check_names=False)
    # What is written is what is counted.
    for name, part in result.records.items():
        assert len(part) == summary.loc[name, "sequences"]
        assert set(part["label"]) == set(result.labels)
    augmented = len(result.splits["train"]) - len(result.records["train"])
    assert augmented == summary.reindex(["added: reverse complements, to train"]).fillna(0)["sequences"].iloc[0]
    if choices["split"] == "group":
        require_apart(result.records, "group")
    if choices["split"] == "similarity":
        table = pd.concat([part.table.assign(in_split=name) for name, part in result.records.items()])
        table = table.assign(cluster=similar_groups(Records(table)))
        assert (table.groupby("cluster")["in_split"].nunique() == 1).all()
        assert not len(check_leakage(result.records, result.labels).offenders)
    if choices["duplicates"] == "both-strands" and not choices["length"]:
        left = pd.concat([part["sequence"] for part in result.records.values()])
        assert left.map(canonical).is_unique


# Sequences cut from a few stretches, so that most of them are homologs of others.
homologs = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 60), st.integers(0, 60), st.booleans(), st.sampled_from("ab")),
    min_size=12,
    max_size=40,
)


@settings(max_examples=60)
@given(homologs, st.integers(0, 3))
def test_homologs_are_never_in_two_splits(any_table, pieces, seed):
    numbers = random.Random(1)
    stretches = ["".join(numbers.choices("ACGT", k=200)) for _ in range(5)]
    lines = ["sequence,label"]
    for which, start, lost, turned, label in pieces:
        piece = stretches[which][start : 200 - lost]
        lines.append(f"{reverse_complement(piece) if turned else piece},{label}")
    lone = ["".join(numbers.choices("ACGT", k=120)) for _ in range(40)]
    lines += [f"{piece},{'ab'[number % 2]}" for number, piece in enumerate(lone)]
    any_table.write_text("\n".join(lines) + "\n")
    result = returns_or_refuses(
        *(prepared,),
        table=str(any_table),
        contradictory="drop",
        split="similarity",
        fractions="0.5,0.25,0.25",
        tolerance=0.5,
        seed=seed,
    )
    if result is None:
        return
    table = pd.concat([part.table.assign(in_split=name) for name, part in result.records.items()])
    table = table.assign(cluster=similar_groups(Records(table)))
    assert (table.groupby("cluster")["in_split"].nunique() == 1).all()
    assert not len(check_leakage(result.records, result.labels).offenders)


# --- impossible requests ---------------------------------------------------------------------------------------------

ONE_INPUT = (
    "give the sequences in one way: --table, --train-table with --test-table (and --dev-table), one --fasta LABEL=FILE "
    "for each class, or one --intervals LABEL=FILE for each class"
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, ONE_INPUT),
        ({"table": "a", "fasta": ["x=b"]}, ONE_INPUT),
        (
            {"fasta": ["reads.fa"]},
            "--fasta 'reads.fa' is not LABEL=FILE; write the label, '=' and the name of the file",
        ),
        ({"fasta": ["=reads.fa"]}, "--fasta '=reads.fa': the label is empty; give every sequence a label"),
        (
            {"fasta": ["a\tb=reads.fa"]},
            "--fasta 'a\\tb=reads.fa': the label 'a\\tb' contains a control character; use printable characters only",
        ),
        (
            {"fasta": ["x=/nowhere/reads.fa"]},
            "the FASTA file of x (reads.fa) cannot be read: No such file or directory; choose another file",
        ),
        (
            {"table": "/nowhere/t.csv"},
            "the labeled table (t.csv) cannot be read: No such file or directory; choose another file",
        ),
        (
            {"table": "t.csv", "fractions": "1,1"},
            "\"Proportions of train, dev and test\" (--fractions '1,1') are not three numbers; give three, such as "
            "0.8,0.1,0.1",
        ),
        (
            {"intervals": ["x=a.bed"]},
            'a genome is needed for regions and for matched negatives; select a "FASTA file of the genome" (--genome)',
        ),
        (
            {"train_table": "a.csv"},
            (
                "--test-table is missing; give the tables of the training and test sets, and of the development set if "
                "there is one"
            ),
        ),
        *(
            (
                {"table": "t.csv", "split": split, "split_column": "donor"},
                "the column 'donor' (--split-column) is not used with this way to split; set \"How to split\" to "
                f"chromosome, group or column (--split {split} is given), or leave the column out",
            )
            for split in ("random", "similarity")
        ),
        (
            {"fasta": ["x=a.fa"], "split": "group"},
            "a split by group needs a column of a table, which FASTA and intervals do not have; choose another split",
        ),
    ],
)
def test_impossible_requests(options, message):
    assert refusal(prepared, **options) == message


def test_one_label_is_refused(test_data):
    assert refusal(prepared, fasta=[f"CTCF={test_data / 'CTCF.fa'}"]) == (
        "the input has one label only ('CTCF'); a classifier needs at least two: add sequences with another label, or "
        'set "Generate negative sequences" (--negatives)'
    )


def test_the_same_label_twice_is_refused(test_data):
    pairs = [f"x={test_data / 'CTCF.fa'}", f"x={test_data / 'p73.fa'}"]
    assert refusal(prepared, fasta=pairs) == (
        "two FASTA files have the label 'x'; join them, or give each a different name"
    )


@pytest.mark.parametrize("name", ["_source", "_split", "_by"])
def test_a_column_with_a_name_of_the_program_is_refused(tmp_path, name):
    path = tmp_path / "t.csv"
    path.write_text(f"sequence,label,{name}\nA,0,x\n")
    assert refusal(prepared, table=str(path)) == (
        f"the labeled table (t.csv): rename the column {name!r}: this program uses that name itself"
    )
