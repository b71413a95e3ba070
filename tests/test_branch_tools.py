"""Every tool that applies adapters counts their branch: it predicts by the weighted sum, and keeps what it copies."""

import numpy as np
import pytest

from branched import summed, with_branch
from dna_lm.adapters.dataset import load_adapter, save_adapter
from dna_lm.data.decision import Decision
from dna_lm.prediction.options import ScanOptions
from dna_lm.prediction.predictor import mean_predictions, summed_predictions
from dna_lm.prediction.scanning import scanned
from dna_lm.prediction.tracks import Track
from small import TINY_RANDOM, calibrate, compare, evaluate, predictions, predictor, sequences, silent, write_labeled

NAMES = ["adapter_tiny_random", "adapter_ensemble"]
BASE = {"base_model": str(TINY_RANDOM)}


@pytest.fixture
def labeled(test_data, tmp_path):
    """Return the sequences and the path of a test set with an adapter's labels."""
    labels = load_adapter(test_data / "adapter_tiny_random.safetensors").labels
    pairs = sequences(labels, 40, seed=7)
    return [dna for dna, _ in pairs], write_labeled(tmp_path / "labeled.csv", pairs)


@pytest.fixture(params=NAMES)
def adapters(request, test_data, tmp_path):
    """Return the paths of an adapter without a branch, and of the same one with a branch."""
    plain = test_data / f"{request.param}.safetensors"
    save_adapter(with_branch(load_adapter(plain)), tmp_path / "branched.safetensors")
    return plain, tmp_path / "branched.safetensors"


def expected(plain, dna: list[str], strand: str | None = None) -> np.ndarray:
    """Return the predictions of the weighted sum, (n, outputs). strand: if it is not the adapter's."""
    adapter = load_adapter(plain)
    with predictor(plain, strand=strand or adapter.strand) as opened:
        raw = opened.outputs(dna).raw
    return mean_predictions(adapter, summed_predictions(adapter, summed(raw, dna, strand or adapter.strand)))


@pytest.mark.parametrize("strand", ["recorded", "reverse"])
def test_evaluate(adapters, labeled, strand):
    plain, made = adapters
    dna, path = labeled
    given = {"data": path, "baselines": "no", "worst": 3, "strand": strand, **BASE}
    found = evaluate(adapter=str(made), **given)
    wanted = expected(plain, dna, None if strand == "recorded" else strand)
    np.testing.assert_allclose(found.predictions, wanted, atol=1e-5)
    assert np.abs(found.predictions - evaluate(adapter=str(plain), **given).predictions).max() > 0.01


def test_compare(adapters, labeled):
    plain, made = adapters
    dna, path = labeled
    found = compare(adapter=[f"plain={plain}", f"made={made}"], data=path, resamples=100, **BASE)
    by_name = dict(zip(found.names, found.predictions, strict=True))
    np.testing.assert_allclose(by_name["made"], expected(plain, dna), atol=1e-5)
    with predictor(plain) as opened:
        np.testing.assert_allclose(by_name["plain"], opened.predictions(opened.outputs(dna).raw), atol=1e-5)


def test_calibrate_chooses_for_the_sum_and_keeps_the_branch(adapters, labeled, tmp_path):
    plain, made = adapters
    dna, path = labeled
    found = calibrate(adapter=str(made), data=path, threshold="none", **BASE)
    wanted = expected(plain, dna)
    np.testing.assert_allclose(found.before, wanted, atol=1e-5)
    save_adapter(found.adapter, tmp_path / "calibrated")
    calibrated, before = load_adapter(tmp_path / "calibrated"), load_adapter(made)
    assert calibrated.decision.temperature != 1
    assert calibrated.task["branch"] == before.task["branch"]
    assert all(tensor.equal(before.branch[name]) for name, tensor in calibrated.branch.items())
    assert set(calibrated.branch) == set(before.branch)
    with predictor(calibrated) as opened:
        probabilities = opened.predictions(opened.outputs(dna).raw)
    decision = Decision(calibrated.decision.temperature)
    np.testing.assert_allclose(probabilities, decision.calibrated(calibrated.target, wanted), atol=1e-5)


def test_predict(adapters, tmp_path):
    plain, made = adapters
    dna = [text for text, _ in sequences(["no", "yes"], 30, seed=8)]
    (tmp_path / "new.fa").write_text("".join(f">s{number}\n{text}\n" for number, text in enumerate(dna)))
    table = predictions(adapter=str(made), input=str(tmp_path / "new.fa"), input_format="fasta")
    columns = [f"p({label})" for label in load_adapter(plain).labels]
    np.testing.assert_allclose(table[columns].to_numpy(float), expected(plain, dna), atol=1e-4)


def test_scan(adapters, tmp_path):
    plain, made = adapters
    genome = "".join(text for text, _ in sequences(["no", "yes"], 60, seed=9))[:600]
    (tmp_path / "genome.fa").write_text(f">chr1\n{genome}\n")
    options = ScanOptions(
        adapter=str(made), genome=str(tmp_path / "genome.fa"), window=60, step=60, label="auto", **BASE
    )
    with Track() as track:
        scanned(track, options, silent)
        ((_, bins),) = track.parts()
        found = bins["value"].copy()
    wanted = expected(plain, [genome[start : start + 60] for start in range(0, 600, 60)])[:, 1]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
