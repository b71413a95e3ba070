"""Where there is no room for an output, a job ends with one line, and leaves nothing half written."""

import errno
import os
import resource
import signal
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from dna_lm.errors import DISK, lack
from dna_lm.prediction import tracks
from dna_lm.prediction.tracks import BINS, Track, write_bigwig
from dna_lm.training.events import write_events
from refusals import refusal
from small import TINY_RANDOM

MESSAGE = "the disk is full (no space left on device), or a quota is reached; make room and run the job again"


@contextmanager
def files_of(most: int):
    """Let files grow to so many bytes: writing more fails as it does on a full disk, with another number."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def track():
    """A track whose bigWig has some 45,000 bytes."""
    with Track() as result:
        result.lengths = {"chr1": 60_000}
        bins = np.zeros(6_000, dtype=BINS)
        bins["start"] = np.arange(6_000) * 10
        bins["end"] = bins["start"] + 10
        bins["value"] = np.random.default_rng(1).random(6_000)
        result.add("chr1", bins)
        assert len(list(result.parts())) == 1
        yield result


# pyBigWig refuses to write its header, ends in a segmentation fault, or leaves out the index or the summaries.
@pytest.mark.parametrize("most", [10, 200, 20_000, 45_000])
def test_a_bigwig_that_is_not_complete_is_an_error(track, tmp_path, capfd, most):
    with files_of(most):
        message = refusal(write_bigwig, track, tmp_path / "bigwig")
    assert message.startswith("the bigWig could not be written in full: most often there is no space left on device")
    assert "bwClose" not in capfd.readouterr().err


def test_a_bigwig_that_fits_is_none(track, tmp_path):
    with files_of(60_000):
        write_bigwig(track, tmp_path / "bigwig")
    assert 40_000 < (tmp_path / "bigwig").stat().st_size < 60_000


@pytest.mark.parametrize("most", [10, 200, 1_000])
def test_events_that_do_not_fit_are_an_error(tmp_path, most):
    history = pd.DataFrame([{"epoch": number, "seconds": 1.0, "train_loss": 0.5} for number in range(50)])
    with files_of(most), pytest.raises(OSError) as caught:
        write_events(history, tmp_path / "events")
    assert (caught.value.errno, lack(caught.value)) == (errno.EFBIG, DISK)


def outputs(folder, *names) -> list:
    return [part for name in names for part in (f"--{name}-out", folder / name)]


def test_a_preparation_on_a_full_disk(test_data, tmp_path, call_tool):
    with files_of(30_000):
        names = ("train", "dev", "test", "summary", "plot", "report")
        done = call_tool("prepare", "--table", test_data / "train.csv", *outputs(tmp_path, *names))
    assert done.error == MESSAGE
    assert os.listdir(tmp_path) == []


def test_a_training_on_a_full_disk(two, tmp_path, call_tool):
    splits = ["--train", two.splits["train"], "--dev", two.splits["dev"]]
    with files_of(15_000):
        names = ("adapter", "history", "plot", "report")
        done = call_tool(
            *("finetune", "--base-model", TINY_RANDOM, *splits, "--epochs", 1, "--lora-r", 2, "--strands", "forward"),
            *outputs(tmp_path, *names),
        )
    assert done.error == MESSAGE
    assert os.listdir(tmp_path) == []


def test_a_scan_whose_bigwig_does_not_fit(two, tmp_path, call_tool, monkeypatch):
    monkeypatch.setattr(tracks, "_written_bigwig", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    (tmp_path / "genome.fa").write_text(">c\n" + "ACGTTGCA" * 30 + "\n")
    (tmp_path / "out").mkdir()
    done = call_tool(
        *("scan", "--base-model", TINY_RANDOM, "--adapter", two.adapter, "--genome", tmp_path / "genome.fa"),
        *("--window", 40, *outputs(tmp_path / "out", "bedgraph", "bigwig", "calls", "skipped")),
    )
    assert done.error.startswith("the bigWig could not be written in full")
    assert os.listdir(tmp_path / "out") == []
