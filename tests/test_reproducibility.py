"""The same data, options and seed give the same files, on any machine: their digests stand here."""

import hashlib

import pytest

FILES = ("train", "dev", "test", "summary", "leakage", "offenders")
# Arguments, with test-data as the current folder, and the SHA-256 of all FILES one behind the other.
COMMANDS = {
    "random": (
        "--fasta CTCF=CTCF.fa --fasta p73=p73.fa --augment reverse-complement",
        "781ec231a88b71fac88ff141ef6ab4ee76aad878b6980cf082d687ee5df2a361",
    ),
    "similarity, shuffles": (
        "--fasta CTCF=CTCF.fa --negatives shuffle --split similarity --seed 7",
        "4630524b405f8e34214e09d18f4310ca4d7970a5e63de2e508faf479efa1e3c0",
    ),
    "genome": (
        "--intervals a=peaks_a.narrowPeak --genome genome.fa --negatives genome --negative-distance 60 "
        "--split similarity --fractions 0.6,0.2,0.2 --balance downsample",
        "09b41cf626cdf37a9a77d78ff708df40bd682968e3f08457db4433fff7e0b41a",
    ),
    "groups": (
        "--table annotated.csv --sequence-column site --label-column class --split group --split-column donor",
        "2e4b7d64fa89ea5a601d4c3b64687fd3185de171e24648c0a84879f299435bc8",
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
