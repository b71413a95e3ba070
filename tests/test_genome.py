import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.genome import Chromosome, chromosomes, cut_windows
from dna_lm.data.intervals import read_intervals
from dna_lm.data.sequences import reverse_complement
from refusals import refusal

SOURCE = "the intervals of a (a.bed)"
GENOME = "the genome (genome.fa)"
# Positions:          0123456789
SMALL = ">one made up\nAAAACCCCGG\nTTTTacgtNN\n>two\nGATTACAGAT\n"


@pytest.fixture
def cut(tmp_path):
    """Cut windows from a genome, given as text, about the lines of a BED file."""

    def call(lines: str, width: int = 0, center: str = "summit", genome: str | bytes = SMALL):
        bed, fasta = tmp_path / "a.bed", tmp_path / "genome.fa"
        bed.write_text(lines)
        fasta.write_bytes(genome.encode() if isinstance(genome, str) else genome)
        return cut_windows([("a", read_intervals(bed, SOURCE), SOURCE)], fasta, GENOME, width, center)

    return call


def sequences(cut):
    return cut.records["sequence"].tolist()


def test_chromosomes_are_normalized(tmp_path):
    path = tmp_path / "genome.fa.gz"
    path.write_bytes(gzip.compress(b">a x\nacgu\nRyk\n>b\nNNN", mtime=0))
    assert list(chromosomes(path, GENOME)) == [Chromosome("a", b"ACGTRYK"), Chromosome("b", b"NNN")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", f"{GENOME} is empty; choose a file with records"),
        (
            "chr1\t3\t9\n",
            f"{GENOME}, line 1: a FASTA file starts with '>', this is 'chr1\\t3\\t9'; choose a FASTA file",
        ),
        (
            ">a\nA\n>b\nC\n>a x\nG\n",
            f"{GENOME}, line 1 and line 5: two records are named 'a'; rename one, or remove the duplicate",
        ),
        (">a\nA\n>b\n>c\nG\n", f"{GENOME}, line 3: the sequence is empty; fill it in or remove the record"),
        (
            ">a\nA\n>b\nMAGE\n",
            f"{GENOME}, line 3: letter 'E' at position 4 of the sequence is not a DNA letter (A, C, G, T, U or an "
            "IUPAC code such as N); correct or remove the record",
        ),
        (
            ">a\nAß\n",
            f"{GENOME}, line 1: letter 'ß' at position 2 of the sequence is not a DNA letter (A, C, G, T, U or an "
            "IUPAC code such as N); correct or remove the record",
        ),
    ],
)
def test_genomes_that_are_refused(tmp_path, content, message):
    path = tmp_path / "genome.fa"
    path.write_text(content, encoding="utf-8")
    assert refusal(list, chromosomes(path, GENOME)) == message


def test_intervals_as_they_are(cut):
    result = cut("two\t1\t4\tx\t0\t+\none\t3\t10\ty\t0\t-\none\t0\t1\tz\t0\t.\none\t18\t20\tend\t0\t-\n")
    assert list(result.records.itertuples(name=None)) == [
        (1, "ATT", "a", "x", "two", 1, 4, "+", SOURCE),
        (2, "CCGGGGT", "a", "y", "one", 3, 10, "-", SOURCE),
        (3, "A", "a", "z", "one", 0, 1, ".", SOURCE),
        (4, "NN", "a", "end", "one", 18, 20, "-", SOURCE),
    ]
    assert result.records.columns.tolist() == [
        *("sequence", "label", "id", "chrom", "start", "end", "strand", "_source")
    ]
    assert result.records.index.name == "line"
    assert result.past_end == {"a": 0}


@pytest.mark.parametrize(
    ("interval", "width", "start", "sequence"),
    [
        ("4\t8", 4, 4, "CCCC"),
        ("4\t8", 2, 5, "CC"),
        ("4\t8", 3, 5, "CCC"),
        ("4\t8", 6, 3, "ACCCCG"),
        ("4\t9", 5, 4, "CCCCG"),
        ("4\t9", 4, 4, "CCCC"),
        ("4\t9", 1, 6, "C"),
        ("4\t5", 1, 4, "C"),
        ("14\t18", 4, 14, "ACGT"),
    ],
)
def test_windows_about_the_middle(cut, interval, width, start, sequence):
    record = cut(f"one\t{interval}\n", width).records.iloc[0]
    assert (record["start"], record["end"], record["sequence"]) == (start, start + width, sequence)


@pytest.mark.parametrize(
    ("center", "strand", "summit", "sequence"),
    [
        ("summit", "+", 1, "AACC"),
        ("summit", "-", 1, "GGTT"),
        ("summit", "+", 5, "CCGG"),
        ("summit", "-", 5, "CCGG"),
        ("summit", "+", -1, "CCCC"),
        ("middle", "+", 1, "CCCC"),
        ("middle", "-", 5, "GGGG"),
    ],
)
def test_windows_about_the_summit(cut, center, strand, summit, sequence):
    line = f"one\t3\t9\tp\t0\t{strand}\t1\t1\t1\t{summit}\n"
    assert sequences(cut(line, 4, center)) == [sequence]


def test_windows_past_the_ends_are_left_out_and_counted(cut):
    result = cut("one\t0\t4\none\t0\t6\none\t12\t20\none\t16\t20\ntwo\t4\t6\ntwo\t0\t10\n", 6)
    assert result.records[["chrom", "start", "end"]].to_numpy().tolist() == [
        ["one", 0, 6],
        ["one", 13, 19],
        ["two", 2, 8],
        ["two", 2, 8],
    ]
    assert result.records.index.tolist() == [2, 3, 5, 6]
    assert result.past_end == {"a": 2}


@pytest.mark.parametrize(
    ("width", "kept", "notes"),
    [
        (2, [[0, 2], [14, 16], [18, 20]], ["no summits"]),
        (4, [[13, 17]], ["no summits", "2 windows past an end of the chromosome left out"]),
        (0, [[12, 19]], ["2 intervals past an end of the chromosome left out"]),
    ],
)
def test_intervals_that_reach_past_the_ends_are_no_reason_to_stop(cut, width, kept, notes):
    result = cut("one\t-2\t4\none\t12\t19\none\t15\t23\n", width)
    assert result.records[["start", "end"]].to_numpy().tolist() == kept
    assert [note[: len(start)] for note, start in zip(result.notes[SOURCE], notes, strict=True)] == notes
    assert result.past_end == {"a": 3 - len(kept)}
    assert result.warnings == []


def test_a_few_intervals_behind_the_end_are_left_out_with_a_warning(cut):
    lines = "".join(f"one\t{number % 9}\t{10 + number % 9}\n" for number in range(100))
    result = cut(lines + "one\t20\t24\n")
    assert (len(result.records), result.past_end) == (100, {"a": 1})
    assert result.warnings == [
        f"{SOURCE}: 1 of 101 intervals, the first on line 101, begins past the end of its chromosome in {GENOME} and "
        "was left out: see whether it is of the same assembly; if it is not, all sequences are wrong"
    ]
    assert "line 101: the interval starts at 20" in refusal(cut, lines + "one\t20\t24\none\t21\t24\n")


def test_intervals_that_all_reach_past_the_ends(cut):
    assert refusal(cut, "one\t0\t21\ntwo\t-1\t9\n") == (
        f"every interval reaches past an end of its chromosome in {GENOME}; choose the genome of the same assembly"
    )


SUMMITS = "one\t3\t9\tp\t0\t+\t1\t1\t1\t{}\none\t4\t10\tp\t0\t+\t1\t1\t1\t{}\n"


@pytest.mark.parametrize(
    ("lines", "width", "center", "note"),
    [
        (SUMMITS.format(1, 2), 4, "summit", ["windows are centered on the summit (column 10) of all 2 peaks"]),
        (
            SUMMITS.format(1, -1),
            4,
            "summit",
            [
                "windows are centered on the summit (column 10) of 1 of 2 peaks, and on the middle of the others, "
                "which have none"
            ],
        ),
        (SUMMITS.format(1, 2), 4, "middle", ["windows are centered on the middle of each region, as chosen"]),
        (
            "one\t3\t9\n",
            4,
            "summit",
            ["no summits were found in it, so that windows are centered on the middle of each region"],
        ),
        (SUMMITS.format(1, 2), 0, "summit", []),
    ],
)
def test_what_windows_are_centered_on_is_noted(cut, lines, width, center, note):
    assert cut(lines, width, center).notes == {SOURCE: note}


def test_files_keep_their_labels_and_their_order(tmp_path):
    (tmp_path / "genome.fa").write_text(SMALL)
    pairs = []
    for label, lines in {"b": "two\t0\t3\none\t0\t1\n", "a": "one\t4\t6\ntwo\t0\t1\n"}.items():
        (tmp_path / f"{label}.bed").write_text(lines)
        pairs.append((label, read_intervals(tmp_path / f"{label}.bed", f"file {label}"), f"file {label}"))
    result = cut_windows(pairs, tmp_path / "genome.fa", GENOME, 2, "middle")
    assert result.records[["label", "_source", "id", "sequence"]].to_numpy().tolist() == [
        ["b", "file b", "two:0-3", "GA"],
        ["a", "file a", "one:4-6", "CC"],
    ]
    assert result.past_end == {"b": 1, "a": 1}
    assert result.intervals.to_numpy().tolist() == [["two", 0, 3], ["one", 0, 1], ["one", 4, 6], ["two", 0, 1]]


@pytest.mark.parametrize(
    ("lines", "names", "message"),
    [
        (
            "one\t1\t9\none\t19\t21\none\t30\t40\n",
            None,
            f"{SOURCE}, line 3: the interval starts at 30, but 'one' has 20 nucleotides in {GENOME}; choose the genome "
            "of the same assembly, or correct the interval",
        ),
        (
            "one\t1\t9\n\nthree\t1\t2\n",
            None,
            f"{SOURCE}, line 3: chromosome 'three' is not in {GENOME}, which has one, two; choose the genome of the "
            "same assembly",
        ),
        (
            "chr1\t1\t2\n",
            ["X", "1"],
            f"{SOURCE}, line 1: chromosome 'chr1' is not in {GENOME}, which calls it '1'; choose the genome with the "
            "names of the intervals, or rename them",
        ),
        (
            "1\t1\t2\n",
            ["chr2", "chr1"],
            f"{SOURCE}, line 1: chromosome '1' is not in {GENOME}, which calls it 'chr1'; choose the genome with the "
            "names of the intervals, or rename them",
        ),
        (
            "MT\t1\t2\n",
            ["chr2", "chrM"],
            f"{SOURCE}, line 1: chromosome 'MT' is not in {GENOME}, which calls it 'chrM'; choose the genome with the "
            "names of the intervals, or rename them",
        ),
        (
            "7\t1\t2\n",
            list("abcdef"),
            f"{SOURCE}, line 1: chromosome '7' is not in {GENOME}, which has a, b, c, d, e, ...; choose the genome of "
            "the same assembly",
        ),
    ],
)
def test_intervals_that_do_not_belong_to_the_genome(cut, lines, names, message):
    genome = "".join(f">{name}\nACGT\n" for name in names) if names else SMALL
    assert refusal(cut, lines, genome=genome) == message


def test_windows_wider_than_every_chromosome(cut):
    assert refusal(cut, "one\t0\t9\ntwo\t0\t9\n", 50) == (
        f"every window of 50 nucleotides reaches past an end of its chromosome in {GENOME}; choose a smaller width, or "
        "the genome of the same assembly"
    )


@given(st.data())
def test_windows_are_slices_of_the_genome(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    genome = data.draw(st.dictionaries(st.sampled_from("abc"), st.text("ACGTN", min_size=1, max_size=50), min_size=1))
    lines = []
    for _ in range(data.draw(st.integers(1, 8))):
        name = data.draw(st.sampled_from(sorted(genome)))
        start = data.draw(st.integers(0, len(genome[name]) - 1))
        end = data.draw(st.integers(start + 1, len(genome[name])))
        lines.append(f"{name}\t{start}\t{end}\tx\t0\t{data.draw(st.sampled_from('+-.'))}\n")
    (folder / "genome.fa").write_text("".join(f">{name}\n{dna[:9]}\n{dna[9:]}\n" for name, dna in genome.items()))
    (folder / "a.bed").write_text("".join(lines))
    intervals = read_intervals(folder / "a.bed", SOURCE)
    result = cut_windows([("a", intervals, SOURCE)], folder / "genome.fa", GENOME, 0, "summit")
    assert len(result.records) == len(intervals)
    for record in result.records.itertuples():
        forward = genome[record.chrom][record.start : record.end]
        assert record.sequence == (reverse_complement(forward) if record.strand == "-" else forward)


def test_the_peaks_of_the_test_data(test_data):
    a = read_intervals(test_data / "peaks_a.narrowPeak", "a")
    b, packed = (read_intervals(test_data / name, "b") for name in ("peaks_b.bed", "peaks_b.bed.gz"))
    assert b.equals(packed)
    result = cut_windows([("a", a, "a"), ("b", b, "b")], test_data / "genome.fa", GENOME, 200, "summit")
    assert result.past_end == {"a": 0, "b": 1}
    assert result.records["label"].value_counts().to_dict() == {"a": 20, "b": 19}
    assert result.records["sequence"].map(lambda text: len(text) == 200 and set(text) <= set("ACGT")).all()
