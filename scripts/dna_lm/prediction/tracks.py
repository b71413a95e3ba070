"""Values along a genome, as they are computed, and written sorted: bedGraph, bigWig, and regions as BED.

bedGraph: https://genome.ucsc.edu/goldenPath/help/bedgraph.html; chromosomes in the order of their names' bytes, as
bedGraphToBigWig and the index of a bigWig want them.
"""

import faulthandler
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError

# Bins: from start to before end, counted from 0, without overlap and in order along a chromosome.
BINS = np.dtype([("start", np.int64), ("end", np.int64), ("value", np.float32)])
AT_ONCE = 2**16


class Track:
    """Bins, kept on disk until all chromosomes are known. Use it as a context, which removes them."""

    def __init__(self):
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        self._parts: dict[str, list[tuple[int, int]]] = {}  # of each chromosome: first bin and number of bins
        self.bins = 0
        self.lengths: dict[str, int] = {}

    def __enter__(self) -> "Track":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def add(self, chrom: str, bins: np.ndarray) -> None:
        """Take bins (BINS) that lie behind all that the chromosome has."""
        self._file.write(bins.tobytes())
        parts = self._parts.setdefault(chrom, [])
        if parts and sum(parts[-1]) == self.bins:
            parts[-1] = (parts[-1][0], parts[-1][1] + len(bins))
        else:
            parts.append((self.bins, len(bins)))
        self.bins += len(bins)

    def parts(self) -> Iterator[tuple[str, np.ndarray]]:
        """Give bins in parts, sorted by chromosome and position."""
        self._file.flush()
        for chrom in sorted(self._parts, key=str.encode):
            for first, count in self._parts[chrom]:
                for start in range(first, first + count, AT_ONCE):
                    several = min(AT_ONCE, first + count - start)
                    # The place in the file stays: it is the same one in a forked process.
                    content = os.pread(self._file.fileno(), several * BINS.itemsize, start * BINS.itemsize)
                    yield chrom, np.frombuffer(content, dtype=BINS)


@dataclass(frozen=True)
class Call:
    """A region of bins that touch, all at or above a threshold; value: the highest of them."""

    chrom: str
    start: int
    end: int
    value: float


def touching(bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the runs of bins that touch: the first of each, and the one behind its last. bins: (BINS), not none."""
    firsts = np.flatnonzero(np.append(True, bins["start"][1:] != bins["end"][:-1]))
    return firsts, np.append(firsts[1:], len(bins))


def called(parts: Iterable[tuple[str, np.ndarray]], threshold: float) -> Iterator[Call]:
    """Give the regions of a track.

    parts: as Track.parts gives them. threshold: the least value of a bin.
    """
    open_call: Call | None = None
    for chrom, bins in parts:
        high = bins[bins["value"] >= np.float32(threshold)]
        if not len(high):
            continue
        firsts, behinds = touching(high)
        tops = np.maximum.reduceat(high["value"], firsts)
        ends = high["end"][behinds - 1]
        for start, end, top in zip(high["start"][firsts].tolist(), ends.tolist(), tops.tolist(), strict=True):
            if open_call and (open_call.chrom, open_call.end) == (chrom, start):
                open_call = Call(chrom, open_call.start, end, max(open_call.value, top))
                continue
            if open_call:
                yield open_call
            open_call = Call(chrom, start, end, top)
    if open_call:
        yield open_call


def write_bedgraph(track: Track, path: str | Path, floats: str) -> None:
    """Write bedGraph without a track line, which not all programs read. floats: format of the values."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for chrom, bins in track.parts():
            file.writelines(f"{chrom}\t{start}\t{end}\t{value:{floats}}\n" for start, end, value in bins.tolist())


def write_bigwig(track: Track, path: str | Path) -> None:
    """Write bigWig; the track has at least one bin, and the lengths of all chromosomes.

    Raises UserError when the file cannot be written in full. pyBigWig 0.3.25 then ends the process with a segmentation
    fault, or writes a line on standard error and goes on: it works in a process of its own, which then reads the file.
    """
    with tempfile.TemporaryFile() as output:
        writer = multiprocessing.get_context("fork").Process(
            target=_written_bigwig, args=(track, path, output.fileno()), daemon=True
        )
        writer.start()
        writer.join()
        output.seek(0)
        text = output.read().decode(errors="replace")
    if writer.exitcode == 1 and "Traceback" in text and "RuntimeError: " not in text:
        raise RuntimeError(text)
    if writer.exitcode or text:
        raise UserError(
            "the bigWig could not be written in full: most often there is no space left on device, or a quota is "
            "reached; make room and run the job again"
        )


def _written_bigwig(track: Track, path: str | Path, output: int) -> None:
    """Write bigWig and compare what is in it with the track. What is printed goes to the file with that number."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an image of the memory has no room either
    import pyBigWig

    with pyBigWig.open(str(path), "w") as file:
        names = sorted(track.lengths, key=str.encode)
        file.addHeader([(name, track.lengths[name]) for name in names])
        for chrom, bins in track.parts():
            columns = {name: bins[name].tolist() for name in BINS.names}
            file.addEntries([chrom] * len(bins), columns["start"], ends=columns["end"], values=columns["value"])
    with pyBigWig.open(str(path)) as file:
        for chrom, bins in track.parts():
            found = file.intervals(chrom, int(bins["start"][0]), int(bins["end"][-1])) or ()
            if not np.array_equal(np.array(list(found), dtype=BINS), bins):
                raise RuntimeError(f"{chrom} is not complete")


def write_calls(calls: Iterable[Call], path: str | Path, name: str) -> int:
    """Write regions as BED with six columns; the score is the highest value times 1,000. Returns how many there are.

    name: of each region; white space in it becomes underscores.
    """
    name, count = "_".join(name.split()), 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for call in calls:
            score = min(1000, max(0, round(call.value * 1000)))
            file.write(f"{call.chrom}\t{call.start}\t{call.end}\t{name}\t{score}\t.\n")
            count += 1
    return count
