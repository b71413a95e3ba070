"""Each form filled as a user would, run to its end, and what came of it looked at in the page."""

import re

ADAPTER = "adapter.safetensors"


def finish(galaxy, name: str) -> dict:
    """Take a picture of the form, run it, wait until all it makes is there; return {output: Dataset}."""
    galaxy.picture(f"{name}_form", whole=True)
    outputs = galaxy.run()
    galaxy.wait(*outputs.values())
    return outputs


def see_report(galaxy, dataset, name: str, figures: int, *words: str) -> str:
    """Open a report; check that its figures are there, that no directive is left as text, and that it says `words`."""
    text = galaxy.open_report(dataset)
    galaxy.picture(f"{name}_report", whole=True)
    sizes = galaxy.images()
    assert len(sizes) >= figures, text
    assert all(width > 100 and height > 100 for width, height in sizes), sizes
    assert not re.search(r"```|history_dataset_|job_parameters\(|invocation_", text), text
    for word in words:
        assert word in text, f"{word} is not in the report:\n{text}"
    return text


def test_upload(galaxy, uploaded):
    galaxy.open()
    galaxy.picture("upload")
    shown = galaxy.expand_dataset(uploaded["train.csv"])
    assert "format csv" in shown
    assert "sequence" in shown
    assert "format safetensors" in galaxy.expand_dataset(uploaded[ADAPTER])
    assert "format fasta" in galaxy.expand_dataset(uploaded["CTCF.fa"])


def test_prepare(galaxy, uploaded):
    galaxy.open_tool("dna_lm_prepare")
    galaxy.choose("FASTA files, one per class", "CTCF.fa", "p73.fa")
    outputs = finish(galaxy, "prepare")
    elements = galaxy.read(f"dataset_collections/{outputs['splits'].id}")["elements"]
    assert [element["element_identifier"] for element in elements] == ["train", "dev", "test"]
    see_report(galaxy, outputs["report"], "prepare", 1, "CTCF", "p73")


def test_finetune(galaxy, uploaded):
    galaxy.open_tool("dna_lm_finetune")
    galaxy.choose("Training and development sets from", "Separate datasets")
    galaxy.choose("Training set", "train.csv")
    galaxy.choose("Development set", "dev.csv")
    galaxy.choose("Training settings", "Custom")
    galaxy.expand("Optimization")
    galaxy.fill("Epochs", 2)
    outputs = finish(galaxy, "finetune")
    assert "safetensors" in galaxy.expand_dataset(outputs["adapter"])
    see_report(galaxy, outputs["report"], "finetune", 1, "CTCF", "p73", "went through all 2 epochs", "known motifs")


def test_evaluate_with_simpler_models(galaxy, uploaded):
    galaxy.open_tool("dna_lm_evaluate")
    galaxy.choose("Adapter", ADAPTER)
    galaxy.choose("Test set from", "A dataset")
    galaxy.choose("Test set", "test.csv")
    galaxy.choose("Training set", "train.csv")
    outputs = finish(galaxy, "evaluate")
    assert "roc_auc" in galaxy.open_dataset(outputs["metrics"])
    galaxy.picture("evaluate_metrics")
    galaxy.open_dataset(outputs["plot"])
    galaxy.picture("evaluate_figure")
    see_report(galaxy, outputs["report"], "evaluate", 4, "CTCF", "MCC")


def test_compare(galaxy, uploaded):
    galaxy.open_tool("dna_lm_compare")
    galaxy.choose("Adapters", ADAPTER, "adapter_brief.safetensors")
    galaxy.choose("Test set from", "A dataset")
    galaxy.choose("Test set", "test.csv")
    galaxy.expand("Advanced")
    galaxy.fill("Bootstrap resamples", 200)
    outputs = finish(galaxy, "compare")
    see_report(galaxy, outputs["report"], "compare", 1, "2 adapters", "adapter_brief")


def test_calibrate(galaxy, uploaded):
    galaxy.open_tool("dna_lm_calibrate")
    galaxy.choose("Adapter", ADAPTER)
    galaxy.choose("Development set from", "A dataset")
    galaxy.choose("Development set", "dev.csv")
    galaxy.choose("Correct the probabilities (temperature scaling)", "No")
    galaxy.choose("Threshold for predicting a class", "Best MCC (balances errors of both classes)")
    outputs = finish(galaxy, "calibrate")
    assert "Temperature: " not in see_report(galaxy, outputs["report"], "calibrate", 1, "hreshold")


def test_predict(galaxy, uploaded):
    galaxy.open_tool("dna_lm_predict")
    galaxy.choose("Adapter", ADAPTER)
    galaxy.choose("FASTA file", "new.fa")
    galaxy.choose("Strand", "Both strands, averaged")
    outputs = finish(galaxy, "predict")
    shown = galaxy.open_dataset(outputs["predictions"])
    galaxy.picture("predict_table")
    assert "predicted" in shown
    assert "p73" in shown
    see_report(galaxy, outputs["report"], "predict", 1, "CTCF", "p73")


def test_scan(galaxy, uploaded):
    galaxy.open_tool("dna_lm_scan")
    galaxy.choose("Adapter", ADAPTER)
    galaxy.choose("Genome", "A FASTA file in your history")
    galaxy.choose("FASTA file of the genome", "genome.fa")
    galaxy.fill("Class to map", "CTCF")
    galaxy.fill("Step between windows (nt)", 200)
    outputs = finish(galaxy, "scan")
    assert "bigwig" in galaxy.expand_dataset(outputs["bigwig"])
    assert "chr1" in galaxy.open_dataset(outputs["bedgraph"])
    galaxy.picture("scan_bedgraph")
    see_report(galaxy, outputs["report"], "scan", 1, "CTCF", "chr1")


def test_show_an_adapter(galaxy, uploaded):
    galaxy.open_tool("dna_lm_adapter")
    galaxy.choose("Adapter", ADAPTER)
    outputs = finish(galaxy, "adapter")
    see_report(galaxy, outputs["report"], "adapter", 0, "CTCF", "p73", "LoRA")


def test_export_an_adapter(galaxy, uploaded):
    galaxy.open_tool("dna_lm_adapter")
    galaxy.choose("What to do", "Export for Python (PEFT format, zip)")
    galaxy.choose("Adapter", ADAPTER)
    outputs = finish(galaxy, "export")
    assert "zip" in galaxy.expand_dataset(outputs["exported"])
