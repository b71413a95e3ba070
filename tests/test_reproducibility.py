"""The same data, options and seed give the same files, on any machine: their digests stand here."""

import hashlib

import pytest

FILES = ("train", "dev", "test", "summary", "leakage", "offenders")
# Arguments, with test-data as the current folder, and the SHA-256 of all FILES one behind the other.
COMMANDS = {
    "random": (
        "--fasta CTCF=CTCF.fa --fasta p73=p73.fa --augment reverse-complement",
        "caca62a88affae6ae4b25c2c2cb3e39d9a2c54c3f4f255ff2f70b4daddcda0dd",
    ),
    "similarity, shuffles": (
        "--fasta CTCF=CTCF.fa --negatives shuffle --split similarity --seed 7",
        "36141125c69c83acaddc80805186eb6ebc931a300be334cc3ce9444f12cabecc",
    ),
    "genome": (
        "--intervals a=peaks_a.narrowPeak --genome genome.fa --negatives genome --negative-distance 60 "
        "--fractions 0.6,0.2,0.2 --balance downsample",
        "707b45b8393e1d518a9e7638fa73174f3db730d8cb6ec21f9247d8b96e826326",
    ),
    "groups": (
        "--table annotated.csv --sequence-column site --label-column class --split group --split-column donor",
        "91015258d6a527ba421f8204854df1bbd238dc4d27ef60f5d381d8e1ffae6280",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(("hash_seed", "threads"), [("0", "1"), ("1", "2")])
def test_the_files_are_the_same_everywhere(run_tool, test_data, tmp_path, monkeypatch, name, hash_seed, threads):
    monkeypatch.chdir(test_data)
    arguments, expected = COMMANDS[name]
    outputs = [part for file in FILES for part in (f"--{file}-out", tmp_path / file)]
    done = run_tool("prepare", *arguments.split(), *outputs, "--threads", threads, PYTHONHASHSEED=hash_seed)
    assert (done.code, done.err) == (0, "")
    digest = hashlib.sha256(b"".join((tmp_path / file).read_bytes() for file in FILES))
    assert digest.hexdigest() == expected
