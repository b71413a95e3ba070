"""What the report of a scan counts and says."""

import numpy as np
import pandas as pd
import pytest

from dna_lm.data.targets import Target
from dna_lm.prediction.left_out import Stretch
from dna_lm.prediction.scan_figure import plot_scan
from dna_lm.prediction.scan_report import scan_report
from dna_lm.prediction.scan_summary import BEST, HISTOGRAM_BINS, POINTS, summarize
from dna_lm.prediction.scanning import Scanned
from dna_lm.prediction.tracks import BINS, Track
from dna_lm.reports.markdown import write
from dna_lm.words import CLASSES, NUMBER

SKIPPED = ["chrom", "start", "end", "reason", "windows"]


@pytest.fixture
def track():
    with Track() as track:
        yield track


def fill(track: Track, chrom: str, values: list[float], step: int = 10, start: int = 0) -> None:
    bins = np.zeros(len(values), dtype=BINS)
    bins["start"] = start + step * np.arange(len(values))
    bins["end"] = bins["start"] + step
    bins["value"] = values
    track.add(chrom, bins)
    track.lengths[chrom] = max(track.lengths.get(chrom, 0), int(bins["end"][-1]))


def scan(track: Track, threshold: float | None = 0.5, skipped: tuple = ()) -> Scanned:
    table = pd.DataFrame(skipped, columns=SKIPPED)
    label = None if threshold is None else "bound"
    target = Target(NUMBER, []) if threshold is None else Target(CLASSES, ["bound", "not"])
    return Scanned(track, table, label, threshold, target)


def report(made: Scanned, tmp_path) -> str:
    found = summarize(made)
    write(tmp_path / "report", *scan_report(made, found))
    plot_scan(made, found, tmp_path / "plot")
    assert (tmp_path / "plot").stat().st_size > 5000
    return (tmp_path / "report").read_text(encoding="utf-8")


def test_regions_are_counted_and_the_best_come_first(track, tmp_path):
    fill(track, "chr1", [0.1, 0.6, 0.7, 0.2, 0.9])
    fill(track, "chr2", [0.5, 0.1])
    track.lengths["chr3"] = 30
    made = scan(track, skipped=[("chr3", 0, 30, "no whole window fits", 0)])
    found = summarize(made)
    assert (found.letters, found.genome, found.calls, found.called_letters) == (70, 100, 3, 40)
    assert [(call.chrom, call.start, call.end) for call in found.best] == [
        ("chr1", 40, 50),
        ("chr1", 10, 30),
        ("chr2", 0, 10),
    ]
    assert found.histogram.sum() == 70 and found.histogram[int(0.1 * HISTOGRAM_BINS)] == 20
    text = report(made, tmp_path)
    assert "**3 regions with a probability of bound of at least 0.5**: 40 nucleotides, 57.14% of what" in text
    assert "70 of 100 nucleotides were scanned (70.00%); the highest probability is 0.900." in text
    assert "| chr1:41-50 | 10 | 0.900 |\n| chr1:11-30 | 20 | 0.700 |\n| chr2:1-10 | 10 | 0.500 |" in text
    assert "| no whole window fits | 1 | 30 |" in text


def test_of_many_regions_the_best_are_listed(track, tmp_path):
    fill(track, "chr1", [0.1, 0.6] * 2 * BEST)
    text = report(scan(track), tmp_path)
    assert f"**{2 * BEST} regions" in text
    assert f"## The best {BEST} called regions" in text
    assert text.count("| chr1:") == BEST


def test_a_point_of_the_picture_has_the_highest_value_that_touches_it(track):
    fill(track, "chr1", list(np.linspace(0, 0.4, 3 * POINTS)) + [0.9] + [0.1] * (3 * POINTS))
    (stretch,) = summarize(scan(track)).stretches
    assert np.nanmax(stretch.values) == np.float32(0.9)
    assert not np.isnan(stretch.values).any()


def test_a_gap_stays_a_gap_and_a_wide_bin_fills_its_points(track):
    fill(track, "chr1", [0.3], step=100)
    fill(track, "chr1", [0.4], step=100, start=900)
    (stretch,) = summarize(scan(track)).stretches
    assert np.isnan(stretch.values[POINTS // 5 : POINTS * 4 // 5]).all()
    assert (stretch.values[: POINTS // 10] == np.float32(0.3)).all()
    assert (stretch.values[-POINTS // 10 :] == np.float32(0.4)).all()


def test_what_is_drawn_larger_is_around_the_best_region(track):
    fill(track, "chr1", [0.1] * 50 + [0.9] * 2 + [0.1] * 50)
    ((call, bins),) = summarize(scan(track)).enlarged
    assert (call.start, call.end) == (500, 520)
    assert (bins["start"][0], bins["end"][-1]) == (440, 580)


def test_counts_of_one_power_of_ten_can_be_read(track, tmp_path, kept):
    fill(track, "chr1", [0.1, 0.6, 0.6, 0.7, 0.7, 0.7], step=200)
    report(scan(track), tmp_path)
    histogram = kept[0].axes[-1]
    low, high = histogram.get_ylim()
    assert sum(low <= tick <= high for tick in histogram.get_yticks()) >= 2


def test_no_region(track, tmp_path):
    fill(track, "chr1", [0.1, 0.2])
    text = report(scan(track), tmp_path)
    assert "**0 regions with a probability of bound" in text
    assert "called regions" not in text.replace("the called regions open", "")


def test_numbers_have_no_regions(track, tmp_path):
    fill(track, "chr1", [-3, 12.5, 4])
    text = report(scan(track, threshold=None), tmp_path)
    assert "**Predicted numbers from -3 to 12.5**. 30 of 30 nucleotides were scanned (100.00%)." in text


def test_equal_numbers(track, tmp_path):
    fill(track, "chr1", [2, 2])
    assert "from 2 to 2" in report(scan(track, threshold=None), tmp_path)


def test_stretches_that_are_left_out_have_the_columns_of_the_table():
    assert list(Stretch.__annotations__) == SKIPPED
