"""From FASTA files to a calibrated adapter with what the forms open with, and a history that one can read."""

from conftest import DATA

SEQUENCES = {"train": 1200, "dev": 150, "test": 150}
# What each tool shows in the history, the newest first.
SHOWN = {
    "finetune": ["Adapter (", "Training report ("],
    "evaluate": ["Evaluation report on "],
    "calibrate": ["Calibrated adapter on ", "Calibration report on "],
}


def run_as_it_opens(galaxy, tool: str) -> dict:
    """Press a form's button; return the outputs by name."""
    galaxy.open_tool(f"dna_lm_{tool}")
    galaxy.picture(f"defaults_{tool}_form", whole=True)
    outputs = galaxy.run()
    galaxy.wait()
    galaxy.open()
    galaxy.picture(f"defaults_{tool}_history")
    newest = [dataset.name for dataset, _ in reversed(galaxy.datasets())]
    for name, start in zip(newest, SHOWN[tool], strict=False):
        assert name.startswith(start), newest
    return outputs


def test_pressing_run_after_prepare_trains_evaluates_and_calibrates(galaxy):
    galaxy.new_history("as the forms open")
    galaxy.upload(DATA / "CTCF.fa", DATA / "p73.fa")
    galaxy.open_tool("dna_lm_prepare")
    galaxy.choose("FASTA files, one per class", "CTCF.fa", "p73.fa")
    galaxy.run()
    galaxy.wait()

    trained = run_as_it_opens(galaxy, "finetune")
    text = galaxy.open_report(trained["report"])
    assert f"{SEQUENCES['train']:,} sequences" in text

    evaluated = run_as_it_opens(galaxy, "evaluate")
    text = galaxy.open_report(evaluated["report"])
    assert f"{SEQUENCES['test']} sequences" in text
    assert "k-mers" in text

    calibrated = run_as_it_opens(galaxy, "calibrate")
    text = galaxy.open_report(calibrated["report"])
    assert "the development set of its training" in text

    shown = [dataset.name for dataset, _ in galaxy.datasets()]
    assert len(shown) == 2 + 2 + sum(map(len, SHOWN.values())), shown
