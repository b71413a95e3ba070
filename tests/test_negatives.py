from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dna_lm.data.genome import cut_windows
from dna_lm.data.intervals import read_intervals
from dna_lm.data.sequences import canonical, reverse_complement
from dna_lm.preparation.genome_negatives import GenomeNegatives, negatives_for
from dna_lm.preparation.negatives import CAVEATS, shuffled_negatives
from dna_lm.preparation.records import Records
from refusals import refusal, returns_or_refuses

GENOME = "the genome"
SOURCE = "the peaks"


def random_dna(seed: int, length: int, gc: float = 0.5) -> str:
    shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length, p=shares))


def gc_count(sequence: str) -> int:
    return sequence.count("G") + sequence.count("C")


def positives(sequences, **columns):
    index = pd.RangeIndex(2, 2 + len(sequences), name="line")
    return pd.DataFrame({"sequence": sequences, "label": "yes", **columns}, index=index)


def dinucleotides(sequence):
    return Counter(zip(sequence, sequence[1:], strict=False))


def test_shuffles_belong_to_their_positives():
    records = positives(
        [random_dna(seed, 40) for seed in range(5)], id=list("abcde"), group=[1, 1, 2, 2, 3], _source="the table"
    )
    result = shuffled_negatives(Records(records), 2.0, "no", seed=1)
    assert result.columns.tolist() == records.columns.tolist()
    assert result["id"].tolist() == [f"{name}_shuffled{number}" for name in "abcde" for number in (1, 2)]
    assert result["group"].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    assert result.index.tolist() == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert set(result["label"]) == {"no"}
    assert set(result["_source"]) == {"shuffles of the table"}
    for line, sequence in result["sequence"].items():
        assert dinucleotides(sequence) == dinucleotides(records.at[line, "sequence"])
    strandless = result["sequence"].map(canonical)
    assert strandless.is_unique
    assert not strandless.isin(records["sequence"].map(canonical)).any()


def test_records_without_ids_get_none():
    records = Records(positives([random_dna(1, 30)]))
    assert shuffled_negatives(records, 1, "no", 1).columns.tolist() == ["sequence", "label"]


@pytest.mark.parametrize(
    ("ratio", "total", "most"), [(1, 9, 1), (0.5, 5, 1), (0.3, 3, 1), (2.5, 23, 3), (0.01, 0, 0), (3, 27, 3)]
)
def test_the_ratio_of_shuffles(ratio, total, most):
    records = positives([random_dna(seed, 60) for seed in range(9)])
    result = shuffled_negatives(Records(records), ratio, "no", seed=3)
    assert len(result) == total
    counts = result.index.value_counts().reindex(records.index, fill_value=0)
    assert counts.max() == most
    assert counts.max() - counts.min() <= 1


def test_a_run_of_one_letter_has_no_shuffle():
    result = shuffled_negatives(Records(positives(["A" * 30, random_dna(1, 30), "CACACACACA"])), 1, "no", 1)
    assert result.index.tolist() == [3]


def test_the_same_seed_gives_the_same_shuffles():
    records = positives([random_dna(seed, 50) for seed in range(6)])
    first, again, other = (shuffled_negatives(Records(records), 1.5, "no", seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first["sequence"].tolist() != other["sequence"].tolist()


class Place:
    """A genome and the positives cut from it."""

    def __init__(self, folder, genome: dict[str, str], lines: str, width: int = 0):
        self.genome = genome
        self.path = folder / "genome.fa"
        self.path.write_text("".join(f">{name}\n{dna}\n" for name, dna in genome.items()))
        (folder / "peaks.bed").write_text(lines)
        intervals = read_intervals(folder / "peaks.bed", SOURCE)
        self.records = cut_windows([("yes", intervals, SOURCE)], self.path, GENOME, width, "middle").records

    def draw(self, records=None, away=None, **changes):
        wanted = GenomeNegatives(**{"label": "no", "ratio": 1.0, "seed": 42, "distance": 0} | changes)
        return negatives_for(Records(self.records if records is None else records), self.path, GENOME, wanted, away)


PEAKS = "".join(
    f"{name}\t{start}\t{start + 50 + start % 7}\tp\t0\t{strand}\n"
    for name, start, strand in [
        *(("one", start, "+") for start in range(100, 1700, 400)),
        *(("two", start, "-") for start in range(33, 1600, 300)),
    ]
)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, {"one": random_dna(1, 2000, 0.4), "empty": "NNNN", "two": random_dna(2, 2000, 0.6)}, PEAKS)


def check_regions(place, result, ratio, distance, tolerance=0.02):
    """Check all that is promised of negatives but for the count."""
    drawn = result.records
    for row in drawn.itertuples():
        assert row.Index == 0
        assert row.id == f"{row.chrom}:{row.start}-{row.end}({row.strand})"
        forward = place.genome[row.chrom][row.start : row.end].upper()
        assert len(forward) == row.end - row.start
        assert set(forward) <= set("ACGT")
        assert row.sequence == (reverse_complement(forward) if row.strand == "-" else forward)
        near = place.records[place.records["chrom"] == row.chrom]
        assert ((near["end"] + distance <= row.start) | (near["start"] - distance >= row.end)).all()
        others = drawn[(drawn["chrom"] == row.chrom) & (drawn["start"] != row.start)]
        assert ((others["end"] <= row.start) | (others["start"] >= row.end)).all()
    assert not drawn["id"].duplicated().any()
    assert not drawn["sequence"].map(canonical).isin(place.records["sequence"].map(canonical)).any()
    # Sorted by GC, the negatives of each length and strand go with as many positives; with a whole ratio, with all.
    if ratio == int(ratio):
        for key, part in drawn.groupby([drawn["sequence"].str.len(), "strand"]):
            alike = place.records[(place.records["sequence"].str.len() == key[0]) & (place.records["strand"] == key[1])]
            wanted = sorted([gc_count(text) for text in alike["sequence"]] * int(ratio))
            differences = np.subtract(sorted(map(gc_count, part["sequence"])), wanted)
            assert abs(differences).max() <= max(1, tolerance * key[0])


def test_genome_negatives_are_like_the_positives_and_away_from_them(place):
    result = place.draw(distance=30)
    check_regions(place, result, 1, 30)
    assert len(result.records) == len(place.records) == 10
    assert result.elsewhere == 0
    assert result.records["chrom"].value_counts().to_dict() == {"one": 4, "two": 6}
    assert result.records["strand"].value_counts().to_dict() == {"+": 4, "-": 6}
    assert set(result.records["label"]) == {"no"}
    assert set(result.records["_source"]) == {f"negatives from {GENOME}"}
    assert result.records.columns.tolist() == place.records.columns.tolist()


@pytest.mark.parametrize(("ratio", "total"), [(0.5, 5), (0.25, 3), (1.26, 13), (3, 30), (0.01, 0)])
def test_the_ratio_of_genome_negatives(place, ratio, total):
    result = place.draw(ratio=ratio)
    check_regions(place, result, ratio, 0)
    assert len(result.records) == total


def test_the_same_seed_gives_the_same_regions(place):
    first, again, other = (place.draw(seed=seed).records for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first["id"].tolist() != other["id"].tolist()


def test_the_regions_of_a_chromosome_do_not_depend_on_the_order_of_the_genome(place):
    first = place.draw().records
    place.path.write_text("".join(f">{name}\n{place.genome[name]}\n" for name in ("two", "one")))
    turned = place.draw().records
    assert turned["chrom"].tolist() == ["two"] * 6 + ["one"] * 4
    assert sorted(turned["id"]) == sorted(first["id"])


def test_regions_to_keep_away_from(place):
    exclude = pd.DataFrame({"chrom": ["one", "gone"], "start": [0, 0], "end": [1500, 9]}, index=[1, 2])
    away = pd.DataFrame({"chrom": ["two"], "start": [900], "end": [2000]})
    drawn = place.draw(distance=20, exclude=exclude, exclude_source="the blacklist", away=away).records
    assert drawn.loc[drawn["chrom"] == "one", "start"].min() >= 1520
    assert drawn.loc[drawn["chrom"] == "two", "end"].max() <= 880


def test_n_and_other_letters_are_avoided(tmp_path):
    dna = random_dna(3, 400) + "N" * 600 + random_dna(4, 200) + "R" + random_dna(5, 300)
    place = Place(tmp_path, {"a": dna}, "a\t0\t50\na\t60\t110\n")
    check_regions(place, place.draw(ratio=4), 4, 0)


def test_what_is_not_found_on_a_chromosome_is_drawn_elsewhere(tmp_path):
    place = Place(tmp_path, {"small": random_dna(6, 90), "large": random_dna(7, 3000)}, "small\t20\t70\nlarge\t5\t55\n")
    result = place.draw(ratio=2, distance=10)
    check_regions(place, result, 2, 10)
    assert result.elsewhere == 2
    assert result.records["chrom"].tolist() == ["large"] * 4


def test_a_positive_without_bases_gets_no_negative(tmp_path):
    place = Place(tmp_path, {"a": "N" * 60 + random_dna(8, 900)}, "a\t0\t50\na\t100\t150\n")
    assert len(place.draw(ratio=3).records) == 3


def test_n_in_a_positive_does_not_change_its_gc_content(tmp_path):
    place = Place(tmp_path, {"a": "G" * 10 + "A" * 10 + "N" * 20 + random_dna(9, 4000)}, "a\t0\t40\n")
    (sequence,) = place.draw().records["sequence"]
    assert gc_count(sequence) == 20


def test_regions_equal_to_a_positive_are_no_negatives(tmp_path):
    unit = random_dna(10, 50)
    genome = {"a": "N".join([unit, reverse_complement(unit)] * 20), "b": "N".join([unit, random_dna(11, 900)])}
    place = Place(tmp_path, genome, "a\t0\t50\n")
    result = place.draw()
    check_regions(place, result, 1, 0)
    assert result.records["chrom"].tolist() == ["b"]


def test_an_impossible_request_is_refused_with_the_numbers(tmp_path):
    place = Place(tmp_path, {"a": random_dna(12, 300)}, "a\t100\t150\na\t200\t250\n")
    shares = [gc_count(text) / 50 for text in place.records["sequence"]]
    assert refusal(place.draw, ratio=5, distance=20) == (
        f"of 10 negatives only 0 were found in {GENOME}: regions of the length and, within 2.0%, the GC content of a "
        "positive, without N, 20 nucleotides or more away from positives and excluded regions; none was left for "
        f"2 positives ({SOURCE}, line 1 ({shares[0]:.1%} GC), line 2 ({shares[1]:.1%} GC)): choose shuffles, leave "
        "these positives out or lower the distance"
    )


def test_gc_that_the_genome_does_not_have(tmp_path):
    place = Place(tmp_path, {"a": "G" * 50 + random_dna(13, 2000, 0.3)}, "a\t0\t50\n")
    message = refusal(place.draw)
    assert message.startswith("of 1 negatives only 0 were found in the genome")
    # Neither a lower ratio nor a distance, which is 0, would give it.
    assert message.endswith(
        f"none was left for 1 positive ({SOURCE}, line 1 (100.0% GC)): choose shuffles or leave these positives out"
    )
    assert len(place.draw(tolerance=0.8).records) == 1


def test_one_positive_without_a_match_is_named_and_stays_without(tmp_path):
    starts = range(100, 1700, 100)
    lines = "a\t0\t50\n" + "".join(f"a\t{start}\t{start + 50}\n" for start in starts)
    place = Place(tmp_path, {"a": "G" * 50 + random_dna(13, 8000, 0.3)}, lines)
    result = place.draw()
    check_regions(Place(tmp_path, place.genome, lines.partition("\n")[2]), result, 1, 0)
    assert (len(result.records), result.missing) == (16, 1)
    assert result.unmatched == (
        f"no region of {GENOME} was found for 1 of 17 negatives, with the length and, within 2.0%, the GC content of "
        f"1 positive ({SOURCE}, line 1 (100.0% GC)): these stay without, so that the GC content of the labels differs "
        "a little; leave them out if that matters"
    )
    # Two of seventeen are too many.
    place = Place(tmp_path, {"a": "G" * 50 + random_dna(13, 8000, 0.3)}, "a\t0\t48\n" + lines)
    assert "only 16 were found" in refusal(place.draw)


def test_excluded_regions_of_another_genome(place):
    exclude = pd.DataFrame({"chrom": ["chrone"], "start": [0], "end": [5]}, index=[7])
    assert refusal(place.draw, exclude=exclude, exclude_source="the blacklist") == (
        f"the blacklist, line 7: chromosome 'chrone' is not in {GENOME}, which calls it 'one'; choose the genome with "
        "the names of the intervals, or rename them"
    )
    exclude = pd.DataFrame({"chrom": ["one"], "start": [2000], "end": [2001]}, index=[3])
    assert refusal(place.draw, exclude=exclude, exclude_source="the blacklist") == (
        f"the blacklist, line 3: the interval starts at 2000, but 'one' has 2000 nucleotides in {GENOME}; choose the "
        "genome of the same assembly, or correct the interval"
    )


def test_an_excluded_region_may_reach_past_the_end_of_its_chromosome(place):
    # As those of ENCODE's blacklists do, whose ends are rounded up.
    exclude = pd.DataFrame({"chrom": ["one"], "start": [1500], "end": [3000]}, index=[3])
    drawn = place.draw(exclude=exclude, exclude_source="the blacklist").records
    assert len(drawn) == 10 and drawn.loc[drawn["chrom"] == "one", "end"].max() <= 1500


def test_positives_of_another_genome(place):
    records = place.records.assign(chrom="three")
    assert refusal(place.draw, records) == (
        f"{SOURCE}, line 1: chromosome 'three' is not in {GENOME}, which has one, empty, two; choose the genome of the "
        "same assembly"
    )
    records = place.records.assign(start=place.records["start"] + 1900, end=place.records["end"] + 1900)
    assert refusal(place.draw, records).startswith(f"{SOURCE}, line 1: the interval starts at 2000, but 'one' has 2000")


def test_positives_whose_positions_count_from_1(place):
    records = place.records.assign(start=place.records["start"] + 1)
    assert refusal(place.draw, records) == (
        f"{SOURCE}, line 1: the sequence is not that of one:101-152 in {GENOME}, like 10 of 10 sequences; choose the "
        "genome of the same assembly, and see that positions count from 0"
    )


def test_positives_may_come_from_either_strand_and_differ_in_some_letters(place):
    turned = place.records.assign(sequence=place.records["sequence"].map(reverse_complement))
    assert len(place.draw(turned).records) == 10
    padded = place.records.assign(sequence="NN" + place.records["sequence"] + "NN")
    drawn = place.draw(padded).records
    assert sorted(drawn["sequence"].str.len()) == sorted(padded["sequence"].str.len())
    variant = place.records.copy()
    variant.iloc[:5, 0] = [random_dna(seed, 50) for seed in range(20, 25)]
    assert len(place.draw(variant).records) == 10


@given(st.data())
def test_any_genome_gives_what_is_promised_or_a_refusal(tmp_path_factory, data):
    seed = data.draw(st.integers(0, 10**6))
    random = np.random.default_rng(seed)
    genome = {}
    lines = []
    for name in ("a", "b", "c")[: data.draw(st.integers(1, 3))]:
        length = data.draw(st.integers(60, 1500))
        letters = np.array(list(random_dna(seed + length, length, random.uniform(0.3, 0.7))))
        for start in random.integers(0, length, data.draw(st.integers(0, 3))):
            letters[start : start + int(random.integers(1, 50))] = "N"
        genome[name] = "".join(letters)
        for start in random.integers(0, length - 30, data.draw(st.integers(1, 4))):
            lines.append(f"{name}\t{start}\t{start + random.integers(20, 30)}\tp\t0\t{random.choice(['+', '-'])}\n")
    place = Place(tmp_path_factory.getbasetemp(), genome, "".join(lines))
    ratio = data.draw(st.sampled_from([0.5, 1, 2, 3]))
    distance = data.draw(st.sampled_from([0, 1, 15, 100]))
    options = {"ratio": ratio, "distance": distance, "seed": seed, "tolerance": 0.1}
    result = returns_or_refuses(place.draw, **options)
    if result is not None:
        check_regions(
            place, result, ratio, distance, 0.1 if place.records["sequence"].map(set("N").isdisjoint).all() else 1
        )
        bases = place.records["sequence"].map(lambda text: set(text) != {"N"}).sum()
        assert len(result.records) + result.missing == int(ratio * bases + 0.5)
        pd.testing.assert_frame_equal(place.draw(**options).records, result.records)


def test_every_kind_of_negatives_has_its_caveat():
    assert set(CAVEATS) == {"shuffle", "genome"}
    assert all("score well" in text for text in CAVEATS.values())
