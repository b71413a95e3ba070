import gzip
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.data.tables import read_table
from dna_lm.data.targets import Target
from dna_lm.prediction import input_blocks, predicting
from dna_lm.prediction.long_sequences import Combined, window_starts, windows_of
from dna_lm.prediction.screening import Limits, screen
from dna_lm.prediction.window_lengths import choose_window
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal
from small import TINY_RANDOM, predicted_blocks, predictions, probabilities, sequences

DNA = [dna for dna, _ in sequences(["no", "yes"], 50, seed=4)]
LONG = "".join(dna for dna, _ in sequences(["no", "yes"], 30, seed=6))


def predicted(trained, path, **changes) -> pd.DataFrame:
    return predictions(**{"adapter": str(trained.adapter), "input": str(path), "input_format": "fasta"} | changes)


def fasta(path, records: list[str]):
    path.write_text("".join(f">s{number}\n{dna}\n" for number, dna in enumerate(records)))
    return path


def close(table: pd.DataFrame, expected: np.ndarray) -> bool:
    return np.abs(table[["p(no)", "p(yes)"]].to_numpy() - expected).max() < 1e-5


# --- blocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("input_format", ["fasta", "csv"])
def test_blocks_change_nothing(two, tmp_path, at_once, input_format):
    path = tmp_path / "new"
    if input_format == "fasta":
        fasta(path, DNA)
    else:
        path.write_text("note,sequence\n" + "".join(f"n{number},{dna}\n" for number, dna in enumerate(DNA)))
    whole = predicted(two, path, input_format=input_format)
    at_once(7)
    parts = predicted(two, path, input_format=input_format)
    names = [name for name in whole if not name.startswith("p")]
    assert parts[names].equals(whole[names])
    assert close(parts, whole[["p(no)", "p(yes)"]].to_numpy())
    assert whole["id"].tolist() == ([f"s{n}" for n in range(50)] if input_format == "fasta" else list(range(1, 51)))


def test_long_records_end_a_block(two, tmp_path, monkeypatch):
    monkeypatch.setattr("dna_lm.processes.inference.LETTERS_AT_ONCE", 40)
    path = fasta(tmp_path / "new.fa", DNA[:9])
    assert predicted(two, path)["id"].tolist() == [f"s{number}" for number in range(9)]
    assert len(list(input_blocks.read_fasta_blocks(path, "the input"))) > 2


def test_records_may_have_the_same_name(two, tmp_path):
    (tmp_path / "new.fa").write_text(">a\nACGT\n>a\nTTTT\n")
    assert predicted(two, tmp_path / "new.fa")["id"].tolist() == ["a", "a"]


def test_what_is_said(two, tmp_path, monkeypatch, at_once):
    at_once(20)
    monkeypatch.setattr("dna_lm.processes.inference.PROGRESS_SECONDS", -1)
    said = []
    path = fasta(tmp_path / "new.fa", [*DNA[:48], "ACGT" * 20, "N" * 9])
    predicted(two, path, batch_size=64, progress=said.append)
    assert [text for text in said if text.endswith("done")] == ["100% done", "part 2: 100% done", "part 3: 100% done"]
    assert [text.split(" predicted, ")[0] for text in said if " predicted, " in text] == [
        f"{count} sequences" for count in (20, 40, 49)
    ]
    assert sum(text == "the input (new.fa): 49 sequences" for text in said) == 1
    (cut,) = (text for text in said if "1 of 49 sequences are longer than 50 tokens" in text)
    assert "lose their end; read them in windows, or train the adapter anew with a larger maximum length" in cut
    assert said[-1] == "warning: the input (new.fa): 1 sequences not predicted: 1 too many ambiguous nucleotides"


# --- what is not predicted -------------------------------------------------------------------------------------------


def screened(sequences_, of_table=False, **limits):
    records = pd.DataFrame(
        {"id": [f"s{number}" for number in range(len(sequences_))], "sequence": sequences_},
        index=pd.Index(range(2, 2 + len(sequences_)), name="line"),
        dtype=object,
    )
    limits = Limits(**{"min_length": 1, "max_ambiguous": 0.5} | limits)
    return screen(records, limits, of_table=of_table)


def test_what_is_skipped_has_a_reason():
    kept, skipped = screened(["acgu", " ", "ACG", "NNNNA", "NNAA", ""], min_length=4)
    assert kept[["id", "sequence"]].to_numpy().tolist() == [["s0", "ACGT"], ["s4", "NNAA"]]
    assert skipped.to_numpy().tolist() == [
        ["s1", 3, "empty", "no nucleotides"],
        ["s2", 4, "too short", "3 of at least 4 nucleotides"],
        ["s3", 5, "too many ambiguous nucleotides", "4 of 5 nucleotides, more than 50%"],
        ["s5", 7, "empty", "no nucleotides"],
    ]


def test_a_table_may_say_that_a_sequence_is_missing():
    kept, skipped = screened(["NA", "-", "ACGT"], of_table=True)
    assert kept["id"].tolist() == ["s2"]
    assert skipped["detail"].tolist() == ["'NA'", "'-'"]
    assert screened(["NA"])[0]["sequence"].tolist() == ["NA"]


@pytest.mark.parametrize(("share", "kept"), [(0.0, ["s0"]), (0.25, ["s0", "s1"]), (1.0, ["s0", "s1", "s2"])])
def test_the_share_of_unknown_letters_is_a_limit_that_may_be_reached(share, kept):
    assert screened(["ACGT", "ACGN", "NNNN"], max_ambiguous=share)[0]["id"].tolist() == kept


def test_all_may_be_skipped(two, tmp_path):
    table = predicted(two, fasta(tmp_path / "new.fa", ["NNN", ""]))
    assert table.columns.tolist() == ["id", "predicted", "probability", "p(no)", "p(yes)"]
    assert len(table) == 0


def test_a_record_with_a_foreign_letter_is_skipped_with_its_place():
    kept, skipped = screened(["ACGT", "AC*G-T*", "acg-", "GGN", "ACß"])
    assert kept["id"].tolist() == ["s0", "s3"]
    assert skipped.to_numpy().tolist() == [
        ["s1", 3, "letters that are not DNA", "3 of 7 letters, the first '*' at position 3"],
        ["s2", 4, "letters that are not DNA", "1 of 4 letters, the first '-' at position 4"],
        ["s4", 6, "letters that are not DNA", "1 of 3 letters, the first 'ß' at position 3"],
    ]


@pytest.mark.parametrize("input_format", ["fasta", "csv"])
def test_a_foreign_letter_late_in_a_file_costs_one_record(two, tmp_path, at_once, input_format):
    at_once(7)
    dna = [*DNA[:45], "ACG*", *DNA[46:]]
    path = tmp_path / "new"
    if input_format == "fasta":
        fasta(path, dna)
    else:
        path.write_text("id,sequence\n" + "".join(f"s{number},{text}\n" for number, text in enumerate(dna)))
    messages = []
    table = predicted(two, path, input_format=input_format, progress=messages.append)
    assert table["id"].tolist() == [f"s{number}" for number in range(50) if number != 45]
    assert messages[-1] == ("warning: the input (new): 1 sequences not predicted: 1 letters that are not DNA")


@pytest.mark.parametrize(
    ("records", "ending"),
    [
        (["ELVIS"], "correct or remove the record"),
        (["ELVIS", "PRESLEY"], "2 of the first 2 sequences contain such letters"),
        (["ELVIS", *["GALA", "ACGT", "A"] * 4], "5 of the first 13 sequences contain such letters"),
    ],
)
def test_a_file_of_foreign_letters_is_refused_before_a_model_is_loaded(two, tmp_path, monkeypatch, records, ending):
    monkeypatch.setattr(predicting, "load_adapter", None)
    message = refusal(predicted, two, fasta(tmp_path / "new.fa", records))
    assert message.startswith(
        "the input (new.fa), line 1: letter 'E' at position 1 of the sequence is not a DNA letter"
    )
    assert message.endswith(ending)


def test_a_column_without_dna_is_refused(two, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("id,name,sequence\n1,left,ACGT\n2,,ACG\n3,right,GGT\n")
    message = refusal(predicted, two, path, input_format="csv", sequence_column="name")
    assert message.startswith("the input (new.csv), line 2: letter 'l' at position 1 of the sequence is not a DNA")
    assert message.endswith("; 2 of the first 2 sequences contain such letters; is the right column chosen?")


def test_the_command_line_writes_both_tables(two, call_tool, tmp_path):
    path = tmp_path / "new.csv.gz"
    path.write_bytes(gzip.compress(b"name,dna\na,ACGT\nb,\nc,NNNN\nd,TTTT\n", mtime=0))
    outputs = ["--predictions-out", tmp_path / "predictions", "--skipped-out", tmp_path / "skipped"]
    done = call_tool(
        "predict",
        *("--base-model", TINY_RANDOM, "--adapter", two.adapter, "--input", path, "--input-format", "csv"),
        *("--sequence-column", "dna", *outputs),
    )
    assert done.code == 0, done.err
    table = read_table(tmp_path / "predictions", "predictions")
    assert table[["id", "name"]].to_numpy().tolist() == [["1", "a"], ["4", "d"]]
    skipped = read_table(tmp_path / "skipped", "skipped")
    assert skipped[["id", "line", "reason"]].to_numpy().tolist() == [
        ["2", "3", "empty"],
        ["3", "4", "too many ambiguous nucleotides"],
    ]
    assert "2 sequences not predicted: 1 empty, 1 too many ambiguous nucleotides" in done.err


# --- ensembles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reading", [{}, {"long": "windows", "window": 10, "aggregate": "max"}, {"long": "windows", "window": 10}]
)
def test_an_ensemble_is_loaded_once_however_many_blocks_there_are(test_data, tmp_path, request, at_once, reading):
    ensemble = Namespace(adapter=test_data / "adapter_ensemble.safetensors")
    path = fasta(tmp_path / "new.fa", [*DNA[:30], "", "N" * 20, *DNA[30:]])
    expected = predicted(ensemble, path, **reading)
    loaded = request.getfixturevalue("one_model_at_a_time")
    at_once(7)
    messages = []
    table = predicted(ensemble, path, progress=messages.append, **reading)
    assert loaded == [0, 1]
    numbers = [name for name in table if name.startswith("p(")]
    assert table.drop(columns=[*numbers, "probability"]).equals(expected.drop(columns=[*numbers, "probability"]))
    assert np.abs(table[numbers] - expected[numbers]).max(axis=None) < 1e-5
    assert "model 1 of 2: 7 sequences" in messages
    assert sum(text.startswith("the input (new.fa): ") or "windows of the input" in text for text in messages) == 1


# --- how long the training's sequences were --------------------------------------------------------------------------


@pytest.fixture
def of_lengths(two, tmp_path):
    """Makes an adapter that records these lengths, or none."""

    def make(shortest=None, median=None, longest=None) -> Namespace:
        adapter = load_adapter(two.adapter)
        adapter.training.pop("sequence_lengths", None)
        if shortest:
            adapter.training["sequence_lengths"] = {"shortest": shortest, "median": median, "longest": longest}
        save_adapter(adapter, tmp_path / "adapter.safetensors")
        return Namespace(adapter=tmp_path / "adapter.safetensors")

    return make


@pytest.mark.parametrize(
    ("lengths", "given", "window", "step", "said"),
    [
        (
            (90, 101, 120),
            {},
            101,
            50,
            "windows of 101 nucleotides at every 50, the median of the training sequences (90 to 120",
        ),
        ((90, 101, 120), {"step": 7}, 101, 7, "windows of 101 nucleotides at every 7, the median of the training"),
        ((90, 101, 120), {"window": 180}, 180, 90, "windows of 180 nucleotides at every 90"),
        ((), {}, 200, 100, "windows of 200 nucleotides at every 100, since the adapter does not record how long its"),
        ((), {"window": 30}, 30, 15, "windows of 30 nucleotides at every 15"),
        ((1, 1, 1), {}, 1, 1, "windows of 1 nucleotides at every 1"),
    ],
)
def test_windows_are_as_long_as_the_training_sequences(of_lengths, lengths, given, window, step, said):
    messages = []
    adapter = load_adapter(of_lengths(*lengths).adapter)
    options = {"window": 0, "step": 0} | given
    assert choose_window(adapter, **options, overlap=2, progress=messages.append) == (window, step)
    (message,) = messages
    assert message.startswith(said)


@pytest.mark.parametrize(("window", "warned"), [(59, True), (60, False), (180, False), (181, True)])
def test_windows_unlike_the_training_sequences_are_warned_of(of_lengths, window, warned):
    messages = []
    choose_window(load_adapter(of_lengths(90, 101, 120).adapter), window, 0, 2, messages.append)
    assert messages[1:] == (
        [
            f"warning: windows of {window} nucleotides, but the adapter was trained on sequences of 90 to 120 "
            "nucleotides: "
            "its predictions for other lengths are untested; choose a window of this length, or leave it empty"
        ]
        * warned
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"window": 9},
            '"Window length (nt)" (--window 9) is below the minimum, 10 nucleotides; choose a longer window, or leave',
        ),
        (
            {"window": 20, "step": 21},
            '"Step between windows (nt)" (--step 21) is above the window length, 20 nucleotides, so that nucleotides',
        ),
        (
            {"step": 102},
            '"Step between windows (nt)" (--step 102) is above the window length, 101 nucleotides, so that',
        ),
    ],
)
def test_windows_that_would_leave_gaps_are_refused(of_lengths, tmp_path, given, message):
    path = fasta(tmp_path / "new.fa", [LONG])
    assert refusal(predicted, of_lengths(90, 101, 120), path, long="windows", **given).startswith(message)


def test_sequences_unlike_the_training_sequences_are_warned_of(of_lengths, tmp_path):
    path = fasta(tmp_path / "new.fa", ["ACGTACGTA", "A" * 10, "A" * 30, "A" * 31, "A" * 32])
    messages = []
    predicted(of_lengths(15, 18, 20), path, progress=messages.append)
    assert [text for text in messages if text.startswith("warning: ")] == [
        "warning: the input (new.fa): 2 of 5 sequences are more than 1.5 times as long as the 15 to 20 nucleotides of "
        "the training sequences; read them in windows, or cut them to that length",
        "warning: the input (new.fa): 1 of 5 sequences are less than two thirds as long as the 15 to 20 nucleotides of "
        "the training sequences: the model's predictions for them are untested",
    ]
    messages.clear()
    predicted(of_lengths(15, 18, 20), path, progress=messages.append, long="windows")
    assert [text.split(" sequences")[0] for text in messages if text.startswith("warning: ")] == [
        "warning: the input (new.fa): 1 of 5"
    ]


# --- windows ---------------------------------------------------------------------------------------------------------


def test_where_windows_begin():
    assert window_starts(5, 10, 3).tolist() == [0]
    assert window_starts(10, 10, 3).tolist() == [0]
    assert window_starts(16, 10, 3).tolist() == [0, 3, 6]
    assert window_starts(17, 10, 3).tolist() == [0, 3, 6, 7]
    assert window_starts(30, 10, 25).tolist() == [0, 20]


def test_the_windows_of_some_sequences():
    parts = list(windows_of(["ACGT", "AACCGGT", "GG"], 4, 2, at_once=3))
    assert [(rows.tolist(), starts.tolist(), letters) for rows, starts, letters in parts] == [
        ([0, 1, 1], [0, 0, 2], ["ACGT", "AACC", "CCGG"]),
        ([1, 2], [3, 0], ["CGGT", "GG"]),
    ]


def combined(target, aggregate, parts):
    result = Combined(target, 3, aggregate)
    for rows, starts, values in parts:
        result.add(np.array(rows), np.array(starts), np.array(values, dtype=float))
    return result


PARTS = [([0, 0, 1], [0, 5, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), ([1, 0], [5, 7], [[0.6, 0.4], [0.4, 0.6]])]


def test_the_mean_of_windows():
    found = combined(Target(CLASSES, ["a", "b"]), "mean", PARTS)
    assert found.predictions()[:2] == pytest.approx(np.array([[0.5, 0.5], [0.6, 0.4]]))
    assert np.isnan(found.predictions()[2]).all()
    assert found.counts.tolist() == [3, 2, 0]


def test_the_highest_of_windows():
    two = combined(Target(CLASSES, ["a", "b"]), "max", PARTS)
    assert two.predictions()[:2].tolist() == [[0.2, 0.8], [0.6, 0.4]]
    assert two.starts.tolist() == [5, 0, -1]  # of equal ones the first
    more = combined(Target(CLASSES, ["a", "b", "c"]), "max", [([0, 0], [0, 5], [[0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])])
    assert more.predictions()[0].tolist() == [0.7, 0.2, 0.1]
    several = combined(Target(MULTI_LABEL, ["a", "b"]), "max", PARTS)
    assert several.predictions()[0].tolist() == [0.9, 0.8]
    numbers = combined(Target(NUMBER, [], 0.0, 1.0), "max", [([0, 0], [0, 5], [[-3], [-2]])])
    assert (numbers.predictions()[0].tolist(), numbers.starts[0]) == ([-2], 5)


@pytest.mark.parametrize("number", [8192, 4])
def test_a_sequence_that_is_read_in_windows(two, tmp_path, at_once, number):
    at_once(number)
    path = fasta(tmp_path / "new.fa", [DNA[0], LONG, "ACGT" + "N" * 60 + LONG[:30], "N" * 80])
    windows = {"long": "windows", "window": 20, "step": 15}
    table = predicted(two, path, aggregate="mean", **windows)
    assert table["id"].tolist() == ["s0", "s1", "s2"]
    assert table["windows"].tolist()[0] == 1
    starts = window_starts(len(LONG), 20, 15)
    each = probabilities(two.adapter, [LONG[start : start + 20] for start in starts])
    assert table["windows"].tolist()[1] == len(starts)
    assert np.abs(table.loc[1, ["p(no)", "p(yes)"]].to_numpy(dtype=float) - each.mean(axis=0)).max() < 1e-5
    table = predicted(two, path, aggregate="max", **windows)
    assert np.abs(table.loc[1, ["p(no)", "p(yes)"]].to_numpy(dtype=float) - each[each[:, 1].argmax()]).max() < 1e-5
    assert table.loc[1, "window_start"] == starts[each[:, 1].argmax()]
    # Windows of which more than half is unknown are left out; the first one here and the next two
    assert table["windows"].tolist()[2] == len(window_starts(94, 20, 15)) - 4


def test_a_sequence_without_a_window_that_can_be_read_is_skipped(two, tmp_path):
    path = fasta(tmp_path / "new.fa", ["N" * 12 + "A" * 8 + "N" * 20, "", "ACGT"])
    given = {"long": "windows", "window": 20, "step": 10, "max_ambiguous": 0.55}
    (block,) = predicted_blocks(adapter=str(two.adapter), input=str(path), input_format="fasta", **given)
    assert block.predictions["id"].tolist() == ["s2"]
    assert block.skipped[["id", "line", "reason"]].to_numpy().tolist() == [
        ["s0", 1, "too many ambiguous nucleotides"],
        ["s1", 3, "empty"],
    ]
