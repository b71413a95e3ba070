"""The same data, options and seed give the same files, on any machine: their digests stand here."""

import hashlib

import pytest

FILES = ("train", "dev", "test", "summary", "leakage", "offenders")
# Arguments, with test-data as the current folder, and the SHA-256 of all FILES one behind the other.
COMMANDS = {
    "random": (
        "--fasta CTCF=CTCF.fa --fasta p73=p73.fa --augment reverse-complement",
        "8581b1dd05269d5f6e133b8f4e2ae03ac00f757f7434a7f3641a5e713af7e1e1",
    ),
    "similarity, shuffles": (
        "--fasta CTCF=CTCF.fa --negatives shuffle --split similarity --seed 7",
        "222f3205a9beb6995f7fcd5a9a888fa6ec1a66d98063e90de000d7a871660414",
    ),
    "genome": (
        "--intervals a=peaks_a.narrowPeak --genome genome.fa --negatives genome --negative-distance 60 "
        "--split similarity --fractions 0.6,0.2,0.2 --balance downsample",
        "ab50daaa0896d4a486d6575a87435bf714675a2877ff3c9f0a66172e6186210e",
    ),
    "groups": (
        "--table annotated.csv --sequence-column site --label-column class --split group --split-column donor",
        "f9fefa37f75736af49e9592399b5e6d3cce08532b498aece97f170e5ad469ae0",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(("hash_seed", "threads"), [("0", "1"), ("1", "2")])
def test_the_files_are_the_same_everywhere(run_tool, test_data, tmp_path, monkeypatch, name, hash_seed, threads):
    monkeypatch.chdir(test_data)
    arguments, expected = COMMANDS[name]
    outputs = [part for file in FILES for part in (f"--{file}-out", tmp_path / file)]
    done = run_tool("prepare", *arguments.split(), *outputs, "--threads", threads, PYTHONHASHSEED=hash_seed)
    assert done.code == 0, done.err
    digest = hashlib.sha256(b"".join((tmp_path / file).read_bytes() for file in FILES))
    assert digest.hexdigest() == expected
