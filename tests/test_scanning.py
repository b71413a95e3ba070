import tracemalloc
from contextlib import nullcontext

import numpy as np
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.adapters.dataset import load_adapter
from dna_lm.base_models.encoding import Reading
from dna_lm.data.targets import Target
from dna_lm.errors import UserError
from dna_lm.prediction import scanning
from dna_lm.prediction.followed_label import decided_threshold, label_number
from dna_lm.prediction.grid import Grid, joined
from dna_lm.prediction.options import ScanOptions
from dna_lm.prediction.predictor import Outputs
from dna_lm.prediction.scanning import scanned
from dna_lm.prediction.tracks import BINS, Call, Track, called, write_bedgraph, write_bigwig, write_calls
from dna_lm.words import CLASSES, MULTI_LABEL, NUMBER
from refusals import refusal
from small import TINY_RANDOM, probabilities, sequences, silent

CHR1 = "".join(dna for dna, _ in sequences(["no", "yes"], 30, seed=6))
CHR2 = "".join(dna for dna, _ in sequences(["no", "yes"], 12, seed=7))
GIVEN = {"base_model": str(TINY_RANDOM), "window": 20, "step": 8}


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "genome.fa"
    gap = CHR2[:60] + "N" * 30 + CHR2[60:]
    path.write_text(f">chr2 second\n{gap.lower()}\n>chr10\nACGTACGT\n>chr1\n{CHR1}\n")
    return str(path)


def bins_and_result(options: ScanOptions, progress=silent):
    """The bins of each chromosome, and what else is known of the scan."""
    with Track() as track:
        result = scanned(track, options, progress)
        parts = {}
        for chrom, bins in track.parts():
            parts.setdefault(chrom, []).extend(bins.tolist())
        return parts, result


def track_of(trained, genome, progress=silent, **changes):
    adapter = str(getattr(trained, "adapter", trained))
    return bins_and_result(ScanOptions(**GIVEN | {"adapter": adapter, "genome": genome} | changes), progress)


# --- windows and bins ------------------------------------------------------------------------------------------------


def all_bins(grid: Grid, length: int) -> list[tuple[int, int]]:
    bins = grid.bins(np.arange(grid.count(length)), length)
    return list(zip(bins["start"].tolist(), bins["end"].tolist(), strict=True))


def test_bins_lie_in_the_middle_of_their_windows_and_reach_to_both_ends():
    grid = Grid(window=20, step=8)
    assert grid.starts(np.arange(grid.count(40)), 40).tolist() == [0, 8, 16, 20]
    assert all_bins(grid, 40) == [(0, 14), (14, 22), (22, 30), (30, 40)]
    assert all_bins(grid, 36) == [(0, 14), (14, 22), (22, 36)]  # the last multiple of the step ends with it
    assert all_bins(grid, 20) == [(0, 20)]
    assert all_bins(grid, 19) == []


def test_windows_that_do_not_overlap_are_their_own_bins_but_for_the_last():
    grid = Grid(window=200, step=200)
    assert grid.starts(np.arange(grid.count(399)), 399).tolist() == [0, 199]
    assert all_bins(grid, 399) == [(0, 200), (200, 399)]


@given(st.integers(10, 60), st.integers(1, 60), st.integers(0, 200))
def test_each_letter_is_in_one_bin_whose_window_reads_it(window, step, length):
    grid = Grid(window, min(step, window))
    bins = all_bins(grid, length)
    covered = [letter for start, end in bins for letter in range(start, end)]
    assert covered == (list(range(length)) if length >= window else [])
    starts = grid.starts(np.arange(len(bins)), length).tolist()
    assert all(start <= low and high <= start + window for start, (low, high) in zip(starts, bins, strict=True))
    assert all(0 <= start <= length - window for start in starts)


@given(
    st.integers(10, 60),
    st.integers(1, 60),
    st.integers(60, 200),
    st.lists(st.tuples(st.integers(0, 199), st.integers(1, 50)), min_size=1, max_size=4),
)
def test_windows_in_regions_are_those_whose_bins_share_a_letter(window, step, length, places):
    grid = Grid(window, min(step, window))
    regions = sorted((min(start, length - 1), min(start + size, length)) for start, size in places)
    ranges = grid.within(np.array(regions), length)
    found = [number for low, high in ranges.tolist() for number in range(low, high)]
    shared = [any(low < end and start < high for low, high in regions) for start, end in all_bins(grid, length)]
    assert found == np.flatnonzero(shared).tolist()
    assert (ranges[1:, 0] > ranges[:-1, 1]).all()


def test_ranges_are_joined_where_they_overlap_or_touch():
    ranges = np.array([(0, 9), (2, 3), (9, 10), (12, 14), (13, 20)])
    assert joined(ranges).tolist() == [[0, 10], [12, 20]]
    assert joined(ranges[:0]).tolist() == []


# --- what is computed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [8192, 5])
def test_the_values_are_those_of_the_windows(two, genome, at_once, number):
    at_once(number)
    parts, result = track_of(two, genome)
    assert list(parts) == ["chr1", "chr2"]
    starts = [*range(0, len(CHR1) - 20, 8), len(CHR1) - 20]
    expected = probabilities(two.adapter, [CHR1[start : start + 20] for start in starts])[:, 1]
    ends = [*(start + 14 for start in starts[:-1]), len(CHR1)]
    assert [bin_[:2] for bin_ in parts["chr1"]] == list(zip([0, *ends[:-1]], ends, strict=True))
    assert np.abs(np.array([bin_[2] for bin_ in parts["chr1"]]) - expected).max() < 1e-5
    # Windows that begin at 40 + 8n reach into the gap from 60 to 90 up to 88.
    assert [start for start, *_ in parts["chr2"]][:7] == [0, 14, 22, 30, 38, 46, 102]
    assert result.skipped.to_numpy().tolist() == [
        ["chr2", 54, 102, "too many ambiguous nucleotides", 6],
        ["chr10", 0, 8, "no whole window fits", 0],
    ]
    assert (result.label, result.threshold) == ("yes", 0.5)


def test_regions_have_the_values_of_the_whole(two, genome, tmp_path):
    whole, _ = track_of(two, genome)
    path = tmp_path / "regions.bed"
    path.write_text("chr1\t100\t130\nchr1\t90\t110\nchr2\t0\t3\nchr10\t1\t4\nchr10\t2\t3\n")
    parts, result = track_of(two, genome, regions=str(path))
    assert list(parts) == ["chr1", "chr2"]
    expected = [bin_ for bin_ in whole["chr1"] if bin_[0] < 130 and bin_[1] > 90]
    assert [bin_[:2] for bin_ in parts["chr1"]] == [bin_[:2] for bin_ in expected]
    assert np.abs(np.array(parts["chr1"]) - np.array(expected)).max() < 1e-5
    assert [bin_[:2] for bin_ in parts["chr2"]] == [(0, 14)]
    assert result.skipped.to_numpy().tolist() == [["chr10", 1, 4, "no whole window fits", 0]]


def test_a_region_may_reach_past_the_ends_of_its_chromosome(two, genome, tmp_path):
    path, end = tmp_path / "regions.bed", len(CHR1)
    path.write_text(f"chr1\t0\t30\nchr1\t{end - 3}\t{end}\n")
    parts, result = track_of(two, genome, regions=str(path))
    path.write_text(f"chr1\t-7\t30\nchr1\t{end - 3}\t{end + 50}\n")
    again, past = track_of(two, genome, regions=str(path))
    assert again == parts and past.skipped.equals(result.skipped)


def scanned_without_a_model(monkeypatch, genome, **changes):
    """Scan with a model that predictions a half to all; returns the bins of each chromosome, and what was skipped."""
    adapter = load_adapter(TINY_RANDOM.parent / "adapter_tiny_random.safetensors")

    class Half:
        groups, encoder = [[0]], None

        def __init__(self):
            self.adapter = adapter

        def outputs(self, sequences, members=None):
            assert all(set(dna) <= set("ACGTN") for dna in sequences)
            return Outputs(np.zeros((1, 1, len(sequences), 2)), Reading(len(sequences), read=1))

    monkeypatch.setattr(scanning, "load_adapter", lambda _: adapter)
    monkeypatch.setattr(scanning, "opened_predictor", lambda *_, **__: nullcontext(Half()))
    parts, result = bins_and_result(ScanOptions(adapter="", genome=str(genome), **changes))
    return parts, result.skipped


@given(
    st.lists(st.text("ACGT", min_size=20, max_size=60), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 59), st.sampled_from("NN*-")), max_size=6),
    st.integers(10, 30),
    st.integers(1, 30),
    st.floats(0, 1),
)
def test_each_letter_is_scanned_or_listed(tmp_path_factory, chromosomes, changes, window, step, most):
    genome = [list("A" * 12), *map(list, chromosomes)]
    foreign = 0
    for number, place, letter in changes:
        if number + 1 < len(genome) and place < len(genome[number + 1]):
            foreign += letter in "*-"
            genome[number + 1][place] = letter if foreign < 3 else "N"  # more would be refused
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text("".join(f">c{number}\n{''.join(text)}\n" for number, text in enumerate(genome)))
    options = {"window": window, "step": min(step, window), "max_ambiguous": most}
    with pytest.MonkeyPatch.context() as monkeypatch:
        try:
            parts, skipped = scanned_without_a_model(monkeypatch, path, **options)
        except UserError as problem:
            assert "could be scanned" in str(problem)
            return
    rows = [(chrom, start, end) for chrom, bins in parts.items() for start, end, _ in bins]
    rows += skipped[["chrom", "start", "end"]].itertuples(index=False, name=None)
    covered = sorted((chrom, letter) for chrom, start, end in rows for letter in range(start, end))
    assert covered == [(f"c{number}", letter) for number, text in enumerate(genome) for letter in range(len(text))]
    for chrom, start, end, reason, _ in skipped.itertuples(index=False):
        text = genome[int(chrom[1:])]
        if reason == "letters that are not DNA":
            assert set("*-") & set(text)
        elif reason == "no whole window fits":
            assert (start, end) == (0, len(text)) and len(text) < window


def test_a_foreign_letter_costs_the_windows_that_read_it(monkeypatch, tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text(f">c\n{'ACGT' * 10}ACGT*CGT{'ACGT' * 10}\n>d\n{'ACGT' * 10}\n")
    parts, skipped = scanned_without_a_model(monkeypatch, path, window=20, step=5)
    # the letter at 44, in windows that begin at 25 to 40, whose bins are in their middles
    assert skipped.to_numpy().tolist() == [["c", 32, 52, "letters that are not DNA", 4]]
    assert [bin_[:2] for bin_ in parts["c"]][4:7] == [(22 + 5, 32), (52, 57), (57, 62)]
    assert sum(end - start for start, end, _ in parts["c"]) == 88 - 20


def test_a_genome_of_proteins_is_refused(two, tmp_path):
    (tmp_path / "genome.fa").write_text(">p\nMLSLRVSLL\n>c\nACGT\n")
    message = refusal(track_of, two, str(tmp_path / "genome.fa"))
    assert message.startswith("the genome (genome.fa), line 1: letter 'L' at position 2 of the sequence is not a DNA")


@pytest.mark.parametrize(("sparse", "step"), [(True, 1), (True, 50), (False, 50)])
def test_memory_does_not_follow_the_windows_of_a_chromosome(monkeypatch, tmp_path, at_once, sparse, step):
    """Three bytes a letter while a chromosome is read, and blocks that do not depend on it."""
    letters = 8_000_000
    at_once(256)
    monkeypatch.setattr(scanning, "COUNTED_AT_ONCE", 2**16)
    text = np.random.default_rng(1).choice(np.frombuffer(b"ACGT", dtype=np.uint8), letters).tobytes().decode()
    lines = (text[first : first + 80] for first in range(0, letters, 80))
    (tmp_path / "genome.fa").write_text(">c\n" + "\n".join(lines) + "\n")
    del text
    (tmp_path / "regions.bed").write_text("c\t5\t500\nc\t4000000\t4000300\nc\t7999000\t8000000\n")
    options = {"window": 200, "step": step, "regions": str(tmp_path / "regions.bed") if sparse else None}
    track_parts = Track.parts
    monkeypatch.setattr(Track, "parts", lambda _: iter(()))  # not the list that is made of them here
    tracemalloc.start()
    scanned_without_a_model(monkeypatch, tmp_path / "genome.fa", **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    monkeypatch.setattr(Track, "parts", track_parts)
    assert peak / letters < 4


def test_an_ensemble_is_loaded_once_however_many_blocks_there_are(test_data, genome, request, at_once):
    ensemble = test_data / "adapter_ensemble.safetensors"
    expected, _ = track_of(ensemble, genome)
    loaded = request.getfixturevalue("one_model_at_a_time")
    at_once(7)
    messages = []
    found, _ = track_of(ensemble, genome, messages.append)
    assert loaded == [0, 1]
    assert list(found) == list(expected)
    for chrom, bins in found.items():
        assert np.abs(np.array(bins) - np.array(expected[chrom])).max() < 1e-5
    assert {text.split(": ")[0] for text in messages if " windows scanned, " in text} == {
        f"model {n} of 2" for n in (1, 2)
    }


def test_unknown_letters_may_be_allowed(two, genome):
    parts, result = track_of(two, genome, max_ambiguous=1.0)
    assert len(parts["chr2"]) == Grid(20, 8).count(len(CHR2) + 30)
    assert result.skipped["reason"].tolist() == ["no whole window fits"]


def test_each_label_can_be_followed(three, genome):
    total = np.zeros(Grid(20, 8).count(len(CHR1)))
    for label in ("auto", "1", "2"):  # the labels are 1, 9 and 10: a name goes before a number
        parts, result = track_of(three, genome, label=label)
        assert result.label == {"auto": "10", "1": "1", "2": "9"}[label]
        total += [value for *_, value in parts["chr1"]]
    assert total == pytest.approx(np.ones(len(total)), abs=1e-5)


def test_numbers(test_data, genome):
    parts, result = track_of(test_data / "adapter_number.safetensors", genome)
    assert (result.label, result.threshold) == (None, None)
    assert parts["chr1"][0][2] > 1


def test_which_label_is_meant():
    two, numbers = Target(CLASSES, ["a", "2"]), Target(NUMBER, [], 0.0, 1.0)
    assert [label_number(two, label) for label in ("auto", "a", "2", "1")] == [1, 0, 1, 0]
    assert label_number(numbers, "auto") == 0
    assert refusal(label_number, two, "b") == "the adapter has no label 'b'; its labels are a, 2: choose one"
    assert "has no label 'b'" in refusal(label_number, numbers, "b")


def test_the_threshold_of_a_label():
    two, several = Target(CLASSES, ["a", "b"]), Target(MULTI_LABEL, ["a", "b"])
    assert [decided_threshold(two, None, output) for output in (0, 1)] == [0.5, 0.5]
    assert [decided_threshold(two, (0.75,), output) for output in (0, 1)] == [0.25, 0.75]
    assert [decided_threshold(several, (0.2, 0.6), output) for output in (0, 1)] == [0.2, 0.6]


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bed", "message"),
    [
        ("chr1\t99999\t100000\n", "the regions (regions.bed), line 1: the interval starts at 99999, but 'chr1' has "),
        (
            "1\t5\t10\n",
            "the regions (regions.bed), line 1: chromosome '1' is not in the genome (genome.fa), which calls",
        ),
        (
            "chr10\t1\t5\n",
            "no window of 20 nucleotides in the genome (genome.fa) could be scanned (1 no whole window fits)",
        ),
    ],
)
def test_regions_that_cannot_be_scanned(two, genome, tmp_path, bed, message):
    (tmp_path / "regions.bed").write_text(bed)
    assert refusal(track_of, two, genome, regions=str(tmp_path / "regions.bed")).startswith(message)


# --- files -----------------------------------------------------------------------------------------------------------


def bins(*rows) -> np.ndarray:
    return np.array(list(rows), dtype=BINS)


def test_regions_are_called_where_bins_touch():
    parts = [
        ("chr1", bins((0, 10, 0.5), (10, 20, 0.75), (20, 30, 0.25), (30, 40, 0.5))),
        ("chr1", bins((40, 50, 0.625), (60, 70, 0.5))),  # goes on in the next part; then a gap
        ("chr2", bins((70, 80, 1.0))),
        ("chr2", bins((80, 90, 0.0))),
    ]
    assert list(called(parts, 0.5)) == [
        Call("chr1", 0, 20, 0.75),
        Call("chr1", 30, 50, 0.625),
        Call("chr1", 60, 70, 0.5),
        Call("chr2", 70, 80, 1.0),
    ]
    assert list(called([], 0.5)) == []


def test_the_files_of_a_track(tmp_path):
    with Track() as track:
        track.lengths = {"chr2": 100, "chr10": 100, "chr3": 5}
        track.add("chr2", bins((0, 10, 0.5), (10, 20, 0.25)))
        track.add("chr10", bins((5, 15, 1.0)))
        track.add("chr2", bins((40, 50, 0.125)))
        write_bedgraph(track, tmp_path / "bedgraph", ".4f")
        write_bigwig(track, tmp_path / "bigwig")
        assert write_calls(called(track.parts(), 0.25), tmp_path / "bed", "a label\tof words") == 2
    assert (tmp_path / "bedgraph").read_text() == (
        "chr10\t5\t15\t1.0000\nchr2\t0\t10\t0.5000\nchr2\t10\t20\t0.2500\nchr2\t40\t50\t0.1250\n"
    )
    with pyBigWig.open(str(tmp_path / "bigwig")) as file:
        assert file.chroms() == {"chr10": 100, "chr2": 100, "chr3": 5}
        assert file.intervals("chr2") == ((0, 10, 0.5), (10, 20, 0.25), (40, 50, 0.125))
        assert file.intervals("chr10") == ((5, 15, 1.0),)
    assert (tmp_path / "bed").read_text() == (
        "chr10\t5\t15\ta_label_of_words\t1000\t.\nchr2\t0\t20\ta_label_of_words\t500\t.\n"
    )


def test_the_command_line(two, genome, call_tool, tmp_path):
    outputs = [
        part for name in ("bedgraph", "bigwig", "calls", "skipped") for part in (f"--{name}-out", tmp_path / name)
    ]
    done = call_tool(
        "scan",
        *("--base-model", TINY_RANDOM, "--adapter", two.adapter, "--genome", genome, "--window", 20, "--step", 8),
        *("--threshold", 0.1, *outputs),
    )
    assert done.code == 0, done.err
    rows = [line.split("\t") for line in (tmp_path / "bedgraph").read_text().splitlines()]
    with pyBigWig.open(str(tmp_path / "bigwig")) as file:
        assert len(file.intervals("chr1")) == sum(row[0] == "chr1" for row in rows)
        assert file.intervals("chr1")[3][2] == pytest.approx(float(rows[3][3]), abs=1e-4)
    assert (tmp_path / "calls").read_text().count("\n") == int(done.err.split(" regions with")[0].splitlines()[-1])
    assert (tmp_path / "skipped").read_text().splitlines()[0] == "chrom\tstart\tend\treason\twindows"
